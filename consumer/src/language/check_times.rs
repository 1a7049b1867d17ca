//! Checks times: literals, where they stand beside times, and the time of a log.

use std::sync::Arc;

use recpipe::{Time, Type, times::Times};

use super::{
    ast::{self, ExprKind, Literal},
    check_expr::{Checked, Checker},
    diagnose::Diagnostic,
    scope::Seen,
};
use crate::{
    expr::{BesideLiteral, Constant, Expr, Node},
    left_out::Why,
    span::Span,
};

impl Checker<'_> {
    /// A moment, on the clock of the zone.
    pub(crate) fn constant_time(&self, time: Time) -> Constant {
        Constant::Time(self.setting.zone.as_ref().map_or(time, |zone| zone.at(time.nanos)))
    }

    /// A literal that says no offset; `utc` is what it is in UTC.
    pub(super) fn local_time(&mut self, utc: Time, span: Span) -> Checked<Constant> {
        let Some(zone) = &self.setting.zone else { return Ok(Constant::Time(utc)) };
        zone.time_of(utc.local()).map(Constant::Time).map_err(|_| {
            let what = format!("there is no such time in {}", zone.name());
            self.fail(Diagnostic::new(span, what).label(format!("years are {}", Times::YEARS)))
        })
    }

    /// Times that are compared with a literal: that they have other offsets is noted, if it is taken in UTC for want of one.
    pub(super) fn beside(&self, value: Expr, literal: &ast::Expr) -> Expr {
        let ExprKind::Literal(Literal::LocalTime(utc)) = literal.kind else { return value };
        if self.setting.zone.is_some() || value.kind() != Type::Time || matches!(value.node(), Node::Constant(_)) {
            return value;
        }
        let written = self.text(literal.span);
        let cure = format!("`{written}` is taken in UTC, as {utc}: write its offset, or name a zone for all with `--zone`");
        let other_offset = self.setting.left_out.counter(literal.span.start, value.text(), Why::BesideLiteral, cure);
        let beside = Box::new(BesideLiteral { literal: utc, text: written.into(), other_offset });
        let text: Arc<str> = value.text().into();
        Expr::new(Node::BesideLiteral { value: Box::new(value), beside }, Type::Time, text)
    }

    /// Times that were calculated, on the clock of the zone.
    pub(super) fn in_zone(&self, node: Node, kind: Type, span: Span) -> Expr {
        let made = self.made(node, kind, span);
        match &self.setting.zone {
            Some(zone) if kind == Type::Time => self.made(Node::InZone { value: Box::new(made), zone: zone.clone() }, kind, span),
            _ => made,
        }
    }

    /// Whether this is `time` in a log, which has its time as text, `datetime`, and no field of that name.
    pub(crate) fn is_time_of_log(&self, field: &str) -> bool {
        let is_text = |(_, seen): &(String, Option<Seen>)| seen.is_some_and(|seen| seen.kind == Type::Text);
        field == "time" && self.scope.index_of("datetime").is_some_and(|place| is_text(&self.scope.columns[place]))
    }

    /// When each record was, where that is known: its field `time`, or that of a log; for a stage at this place of the query.
    pub(crate) fn time_of_records(&mut self, span: Span) -> Checked<Option<Expr>> {
        match self.scope.index_of("time") {
            Some(place) => self.column_at(place).map(|time| Some(time).filter(|time| time.storage() == Type::Time)),
            None if self.is_time_of_log("time") => self.time_of_log(span).map(Some),
            None => Ok(None),
        }
    }

    /// `time` of a log: `time(datetime)`, read where it is used.
    pub(crate) fn time_of_log(&mut self, span: Span) -> Checked<Expr> {
        let ident = |text: &str| ast::Ident { text: text.to_owned(), span, may_come: false };
        self.call(&ident("time"), &[ast::Expr { kind: ExprKind::Field(ident("datetime")), span, depth: 0 }], span)
    }
}
