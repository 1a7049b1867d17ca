//! What an aggregate is computed of where each record has one of its own, and within what: `so far`, `last N`, `per KEY`.

use super::{
    ast::{Aggregate, Expr, ExprKind},
    diagnose::Diagnostic,
    parse::{Parsed, Parser},
    token::{Kind, Token},
};
use crate::{span::Span, time::step::Width};

impl Parser<'_> {
    /// `AGGREGATE so far`, `AGGREGATE last N` after the aggregate; any other operand as it is. Nothing else has such a word behind it.
    pub(super) fn framed(&mut self, operand: Expr) -> Parsed<Expr> {
        if !self.at_word("so") && !self.at_word("last") {
            return Ok(operand);
        }
        let Some(aggregate) = Aggregate::of_expr(&operand, self.catalog) else { return Ok(operand) };
        let last = if self.take_word("so") {
            if !self.take_word("far") {
                return Err(self.unexpected("`far`, as in `sum(x) so far`"));
            }
            None
        } else {
            self.advance();
            Some(self.at_least_one(&format!("{} last", aggregate.written))?)
        };
        self.node(ExprKind::Framed { aggregate: Box::new(aggregate), last })
    }

    /// A count of records that is not 0; `example` is what may stand before one.
    pub(crate) fn at_least_one(&mut self, example: &str) -> Parsed<u64> {
        match self.count(example)? {
            0 => Err(self.fail(Diagnostic::new(self.last(), "0 records have no value").label("at least 1"))),
            n => Ok(n),
        }
    }

    /// `per KEY`, `per (a, b)`, if it stands here: the keys.
    pub(crate) fn per(&mut self) -> Parsed<Option<Vec<Expr>>> {
        if self.take_word("per") { self.keys().map(Some) } else { Ok(None) }
    }

    /// The same where nothing comes after it, so that `per a, b` is clear, too.
    pub(crate) fn per_at_end(&mut self) -> Parsed<Option<Vec<Expr>>> {
        let Some(mut keys) = self.per()? else { return Ok(None) };
        while self.take_sign(",") {
            keys.push(self.expr()?);
        }
        Ok(Some(keys))
    }

    /// `KEY`, `(a, b)`
    pub(crate) fn keys(&mut self) -> Parsed<Vec<Expr>> {
        if self.take_sign("(") {
            let keys = self.list(Self::expr)?;
            self.close()?;
            return Ok(keys);
        }
        Ok(vec![self.expr()?])
    }

    /// A length of time that is not 0, of the clock or of the calendar, and its place; `example` is a stage with one.
    pub(crate) fn width(&mut self, example: &str) -> Parsed<(Width, Span)> {
        let Token { kind, span } = self.peek().clone();
        match kind {
            Kind::Months(months) if months > 0 => {
                self.advance();
                Ok((Width::Months(months), span))
            }
            Kind::Months(_) => {
                Err(self.fail(Diagnostic::new(span, "a length of time must be more than 0").label(format!("as in `{example}`"))))
            }
            _ => self.duration(example).map(|nanos| (Width::Nanos(nanos.into()), span)),
        }
    }

    /// A length of time that is not 0, in nanoseconds; `example` is a stage with one.
    pub(crate) fn duration(&mut self, example: &str) -> Parsed<i64> {
        let Token { kind, span } = self.peek().clone();
        let what = match kind {
            Kind::Duration { nanos } if nanos > 0 => {
                self.advance();
                return Ok(nanos);
            }
            Kind::Duration { .. } => "a length of time must be more than 0",
            Kind::Int(_) | Kind::Float(_) => "a length of time is written with its unit",
            Kind::Months(_) => "a month or a year has no length of its own",
            _ => return Err(self.unexpected(&format!("a length of time, as in `{example}`"))),
        };
        Err(self.fail(Diagnostic::new(span, what).label(format!("as in `{example}`"))))
    }
}
