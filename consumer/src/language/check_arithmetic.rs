//! Checks what is calculated: the types of `+`, `-` and their like.

use recpipe::Type;

use super::{
    ast::ArithmeticOp,
    check_expr::{Checked, Checker, Failed},
    diagnose::Diagnostic,
    signature::name,
};
use crate::{
    expr::{Expr, Node},
    span::Span,
};

impl Checker<'_> {
    /// The type of `left OP right`; the spans are theirs, the operator's in the middle.
    pub(super) fn arithmetic(&mut self, op: ArithmeticOp, left: &Expr, right: &Expr, spans: [Span; 3]) -> Checked<Type> {
        let is_number = |expr: &Expr| matches!(expr.kind(), Type::Int | Type::Float);
        match (op, left.kind(), right.kind()) {
            (ArithmeticOp::Add, Type::Text, Type::Text | Type::Mixed | Type::Null) => return Ok(Type::Text),
            (ArithmeticOp::Add, Type::Mixed | Type::Null, Type::Text) => return Ok(Type::Text),
            (ArithmeticOp::Add, Type::Text, _) => return Err(self.no_text((right, spans[2]), (left, spans[0]))),
            (ArithmeticOp::Add, _, Type::Text) => return Err(self.no_text((left, spans[0]), (right, spans[2]))),
            (ArithmeticOp::Sub, Type::Time, Type::Time) => return Ok(Type::Float),
            (_, Type::Mixed, _) | (_, _, Type::Mixed) => return Ok(Type::Mixed),
            (ArithmeticOp::Add | ArithmeticOp::Sub, Type::Time, _) if is_number(right) => return Ok(Type::Time),
            (ArithmeticOp::Add, _, Type::Time) if is_number(left) => return Ok(Type::Time),
            (ArithmeticOp::Add | ArithmeticOp::Sub, Type::Time, Type::Null) => return Ok(Type::Null),
            (ArithmeticOp::Add | ArithmeticOp::Sub, Type::Null, Type::Time) => return Ok(Type::Null),
            (ArithmeticOp::Add, Type::Time, Type::Time) => {
                let found = Diagnostic::new(spans[1], "two times have no sum").label("`-` gives the seconds between them");
                return Err(self.fail(found));
            }
            (ArithmeticOp::Sub, Type::Time, Type::Text) => {
                let what = format!("`{}` is text; `-` needs a number of seconds or a time", right.text());
                return Err(self.fail(Diagnostic::new(spans[2], what).label(self.catalog.cast(right, Type::Time))));
            }
            (ArithmeticOp::Sub, Type::Text, Type::Time) => {
                let what = format!("`{}` is text; a time is subtracted from a time", left.text());
                return Err(self.fail(Diagnostic::new(spans[0], what).label(self.catalog.cast(left, Type::Time))));
            }
            _ => {}
        }
        if let (ArithmeticOp::Sub, Type::Text, Type::Text | Type::Int | Type::Float) = (op, left.kind(), right.kind()) {
            return Err(self.time_or_number(left, right, spans));
        }
        let left_fits = self.number(left, spans[0], op.symbol());
        self.number(right, spans[2], op.symbol())?;
        left_fits?;
        Ok(match (op, left.kind(), right.kind()) {
            (_, Type::Null, _) | (_, _, Type::Null) => Type::Null,
            (ArithmeticOp::Div, ..) => Type::Float,
            (_, Type::Int, Type::Int) => Type::Int,
            _ => Type::Float,
        })
    }

    /// That something is added to a text, which is no text.
    fn no_text(&mut self, (found, span): (&Expr, Span), (text, text_span): (&Expr, Span)) -> Failed {
        let [found_is_constant, text_is_constant] = [found, text].map(|expr| matches!(expr.node(), Node::Constant(_)));
        let is_number = matches!(found.kind(), Type::Int | Type::Float);
        if is_number && found_is_constant && !text_is_constant {
            // It is to be calculated.
            return self.number(text, text_span, "+").err().unwrap_or(Failed);
        }
        let what = format!("`{}` is {}, `{}` is text: `+` adds numbers or joins texts", found.text(), name(found.kind()), text.text());
        let mut label = self.catalog.cast(found, Type::Text);
        if is_number && !text_is_constant {
            label += &format!(" to join them, or `float({})` to add", self.catalog.written(text));
        }
        self.fail(Diagnostic::new(span, what).label(label))
    }

    /// That something is subtracted from a text, which may be a time or a number as it is written.
    fn time_or_number(&mut self, left: &Expr, right: &Expr, [span, ..]: [Span; 3]) -> Failed {
        let what = format!("`{}` is text; `-` needs numbers or times", left.text());
        let written = |expr: &Expr, function: &str| match expr.kind() {
            Type::Text => format!("{function}({})", self.catalog.written(expr)),
            _ => self.catalog.written(expr).into_owned(),
        };
        let [times, numbers] = ["time", "float"].map(|function| format!("{} - {}", written(left, function), written(right, function)));
        self.fail(Diagnostic::new(span, what).label(format!("write `{numbers}`, or `{times}` where it is a time")))
    }

    /// That an operand is a number, or null.
    pub(super) fn number(&mut self, expr: &Expr, span: Span, symbol: &str) -> Checked<()> {
        match expr.kind() {
            Type::Int | Type::Float | Type::Null | Type::Mixed => Ok(()),
            kind => {
                let what = format!("`{}` is {}; `{symbol}` needs numbers", expr.text(), name(kind));
                Err(self.fail(Diagnostic::new(span, what).label(self.catalog.cast(expr, Type::Float))))
            }
        }
    }
}
