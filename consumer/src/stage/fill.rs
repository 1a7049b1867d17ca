//! `fill FIELD, … with EXPR`: a value where there is none, `FIELD ?? EXPR`. It runs as [`select`](super::select). `fill FIELD, … with
//! previous [per KEY]` is `super::fill_previous`.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: those of the expression: an integer overflow.

use super::{fill_previous::FillPreviousOp, select::SelectOp};
use crate::{
    expr::Expr,
    language::{
        Checked, Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream,
        ast::{self, BinaryOp, ExprKind, Ident, Item},
        parsed,
    },
    plan::{About, Runs},
    span::Span,
};

/// `fill`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "fill",
        syntax: "fill FIELD, … with EXPR | fill FIELD, … with previous [per KEY]",
        doc: "EXPR where the field is null or missing, or its last value before, with the same key",
        example: "fill user with \"nobody\"",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let fields = parser.list(|parser| parser.ident("a field"))?;
    if !parser.take_word("with") {
        return Err(parser.unexpected("`with` and a value, as in `fill user with \"nobody\"`"));
    }
    if !parser.take_word("previous") {
        return Ok(parsed(FillSyntax { fields, value: parser.expr()? }));
    }
    let keys = match parser.take_word("per") {
        true if parser.take_sign("(") => {
            let keys = parser.list(Parser::expr)?;
            parser.close()?;
            keys
        }
        true => vec![parser.expr()?],
        false => Vec::new(),
    };
    Ok(parsed(PreviousSyntax { fields, keys }))
}

/// What help and `--explain` say of it where it looks at what was before.
static PREVIOUS: StageWord = StageWord { about: About { runs: Runs::Once, memory: "O(keys)", ..WORD.about }, parse };

/// The fields that are filled with what was before, and the keys of the records, as they were written.
#[derive(Debug)]
struct PreviousSyntax {
    fields: Vec<Ident>,
    keys: Vec<ast::Expr>,
}

impl Syntax for PreviousSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let fields = checker.each(&self.fields, |checker, field| checker.field(field));
        let keys = checker.each(&self.keys, Checker::of_records);
        let made = fields.and_then(|fields| Ok(FillPreviousOp { fields, keys: keys? }));
        checker.push(upstream, &PREVIOUS, span, made);
    }
}

/// The fields, and what they are filled with, as they were written.
#[derive(Debug)]
struct FillSyntax {
    fields: Vec<Ident>,
    value: ast::Expr,
}

impl Syntax for FillSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let filled = |field: &Ident| {
            let left = ast::Expr { kind: ExprKind::Field(field.clone()), span: field.span, depth: 1 };
            let (op, op_span, right) = (BinaryOp::Coalesce, self.value.span, Box::new(self.value.clone()));
            let kind = ExprKind::Binary { op, op_span, left: Box::new(left), right };
            let depth = kind.children_depth() + 1;
            Item { expr: ast::Expr { kind, span: self.value.span, depth }, name: Some(field.clone()) }
        };
        let items: Vec<Item> = self.fields.iter().map(filled).collect();
        let made = FillSyntax::columns(checker, &items).map(SelectOp);
        checker.push(upstream, &WORD, span, made);
    }
}

impl FillSyntax {
    /// All columns, of which these are made anew, all at once.
    fn columns(checker: &mut Checker<'_>, items: &[Item]) -> Checked<Vec<Expr>> {
        let made = checker.each(items, |checker, item| {
            let expr = checker.expr(&item.expr);
            Ok((checker.column(item.name.as_ref(), &item.expr, &expr), expr?))
        })?;
        let places: Vec<_> = (0..checker.scope.columns.len()).collect();
        let mut exprs = checker.each(&places, |checker, &place| checker.column_at(place))?;
        for (column, expr) in made {
            let place = checker.scope.put(column.name, column.seen);
            *exprs.get_mut(place).ok_or(Failed)? = expr;
        }
        Ok(exprs)
    }
}
