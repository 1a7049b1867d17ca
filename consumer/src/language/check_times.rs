//! Checks what makes times and cuts them: literals, `now`, `time`, `bin`, and where literals stand beside times.

use std::sync::Arc;

use recpipe::{
    Time, Type,
    times::{TimePattern, Times},
};

use super::{
    ast::{self, ExprKind, Literal},
    check_expr::{Checked, Checker, Failed},
    diagnose::Diagnostic,
    functions,
};
use crate::{
    expr::{BesideLiteral, Constant, Expr, Node, TimeBins, TimeReader, Width},
    left_out::Why,
    span::Span,
};

impl Checker<'_> {
    /// `now()`
    pub(super) fn now(&self, span: Span) -> Expr {
        Expr::constant(self.constant_time(self.setting.now), self.text(span))
    }

    /// A moment, on the clock of the zone.
    pub(super) fn constant_time(&self, time: Time) -> Constant {
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

    /// `time(value)`, `time(text, format)`
    pub(super) fn time(&mut self, args: &[ast::Expr], span: Span) -> Checked<Expr> {
        let (value, format) = match args {
            [value] => (value, None),
            [value, format] => (value, Some(format)),
            _ => return Err(Failed),
        };
        let takes: &[Type] = if format.is_some() { &[Type::Text, Type::Int] } else { &[Type::Time, Type::Text, Type::Int, Type::Float] };
        let checked = self.value_of(value, takes);
        let pattern = format.map(|format| self.time_format(format, TimePattern::new)).transpose()?;
        let checked = checked?;
        Ok(self.time_reader(checked, pattern, span))
    }

    /// `time` of a log, which has its time as text, `datetime`, and no field of that name: it is read where it is used.
    pub(super) fn time_of_log(&self, field: &str, span: Span) -> Option<Checked<Expr>> {
        let place = self.scope.index_of("datetime").filter(|_| field == "time")?;
        let text = self.column_at(place).ok().filter(|column| column.kind() == Type::Text)?;
        Some(Ok(self.time_reader(text, None, span)))
    }

    fn time_reader(&self, value: Expr, pattern: Option<TimePattern>, span: Span) -> Expr {
        let cure = match &pattern {
            Some(pattern) => format!("the format is \"{}\"", pattern.as_str()),
            None => format!("another notation has a format, as in `time({}, \"%d.%m.%Y %H:%M\")`", value.text()),
        };
        let no_zone = "`--zone` says where that is, as in `--zone Europe/Berlin`";
        let counter = |why, cure: &str| self.setting.left_out.counter(span.start, self.text(span), why, cure);
        let reader = TimeReader {
            pattern,
            times: Times { zone: self.setting.zone.clone().unwrap_or_default(), before: Some(self.setting.now) },
            shown_in: self.setting.zone.clone(),
            no_time: counter(Why::NoTime, &cure),
            no_year: counter(Why::NoSuchYear, ""),
            no_offset: self.setting.zone.is_none().then(|| counter(Why::NoOffset, no_zone)),
        };
        self.made(Node::ReadTime { value: Box::new(value), reader: Box::new(reader) }, Type::Time, span)
    }

    /// `bin(value, width)`
    pub(super) fn bin(&mut self, args: &[ast::Expr], span: Span) -> Checked<Expr> {
        let [value, width] = args else { return Err(Failed) };
        let spans = [value.span, width.span];
        if let ExprKind::Literal(Literal::Months(months)) = width.kind {
            let checked = self.value_of(value, &[Type::Time])?;
            if months == 0 {
                return Err(self.fail(Diagnostic::new(width.span, "a bin is wider than 0").label("as in `bin(t, 1mo)`")));
            }
            return Ok(self.time_bin(checked, Width::Months(months), span));
        }
        let checked = self.each(args, Self::expr)?;
        let (node, kind) = match functions::bin(self.catalog, checked) {
            Ok(made) => made,
            wrong => return self.finish_call(wrong, &spans, span),
        };
        match node {
            Node::Call(_, args) if kind == Type::Time => match <[Expr; 2]>::try_from(args) {
                Ok([value, width]) => Ok(self.time_bin(value, Width::Seconds(width), span)),
                Err(_) => Err(Failed),
            },
            node => Ok(self.made(node, kind, span)),
        }
    }

    fn time_bin(&self, value: Expr, width: Width, span: Span) -> Expr {
        let cure = "`--zone` gives all of them one clock, as in `--zone Europe/Berlin`";
        let offsets = self.setting.left_out.counter(span.start, value.text(), Why::FarOffsets, cure);
        let bins = Box::new(TimeBins { width, zone: self.setting.zone.clone(), offsets });
        self.made(Node::TimeBin { value: Box::new(value), bins }, Type::Time, span)
    }
}
