//! What the use of an aggregate looks like, `NAME[(EXPR, …)] [if CONDITION]`, and what is calculated of several.

use super::{
    ast::{Aggregate, Expr, ExprKind, Item},
    diagnose::{Diagnostic, did_you_mean},
    parse::{Failed, Parsed, Parser},
};
use crate::span::Span;

impl Parser<'_> {
    /// `NAME[(EXPR, …)] [if CONDITION]` after its name.
    pub(crate) fn aggregate_from(&mut self, name: &str, span: Span) -> Parsed<Aggregate> {
        let Some(word) = self.catalog.aggregate(name) else { return Err(self.unknown_aggregate(name, span, false)) };
        // What it is given are values of each record, and `count(status = 404)` is a condition as much as `where status = 404` is.
        let before = (std::mem::replace(&mut self.aggregates, false), std::mem::replace(&mut self.equals_compares, true));
        let (mut args, mut end, mut condition) = (Vec::new(), span, None);
        if self.take_sign("(") {
            if !self.take_sign(")") {
                args = self.list(Parser::expr)?;
                self.close()?;
            }
            end = self.last();
        }
        if self.take_word("if") {
            let expr = self.expr()?;
            end = expr.span;
            condition = Some(Box::new(expr));
        }
        (self.aggregates, self.equals_compares) = before;
        Ok(Aggregate { word, written: name.to_owned(), args, condition, name: None, span: span.to(end) })
    }

    /// One or more expressions of aggregates, each with its name if it has one; the first may begin with an aggregate whose name
    /// has been read.
    pub(crate) fn calculated(&mut self, first: Option<(&str, Span)>) -> Parsed<Vec<Item>> {
        let first = first.map(|(name, span)| self.aggregate_from(name, span)).transpose()?;
        let mut all = vec![self.calculated_item(first)?];
        while self.take_sign(",") {
            all.push(self.calculated_item(None)?);
        }
        Ok(all)
    }

    fn calculated_item(&mut self, first: Option<Aggregate>) -> Parsed<Item> {
        if first.is_none() && (self.at_stage_end() || self.at_word("by")) {
            return Err(self.unexpected("an aggregate"));
        }
        let expr = self.expr_of_aggregates(first)?;
        if aggregates(&expr).is_empty() {
            return Err(self.no_aggregate(&expr));
        }
        Ok(Item { expr, name: self.alias()? })
    }

    /// That an expression has no aggregate: its first name may be one that is written wrong.
    fn no_aggregate(&mut self, expr: &Expr) -> Failed {
        let mut name = None;
        expr.for_each(&mut |expr| match (&expr.kind, &name) {
            (ExprKind::Field(field), None) => name = Some((field.clone(), false)),
            (ExprKind::Call { name: function, .. }, None) => name = Some((function.clone(), true)),
            _ => {}
        });
        match name {
            Some((name, is_call)) => self.unknown_aggregate(&name.text, name.span, is_call),
            None => {
                let found = Diagnostic::new(expr.span, "an aggregate is missing: this is the same for all records");
                self.fail(found.label("as in `stats 100 * count(status >= 500) / count as percent`"))
            }
        }
    }

    pub(super) fn unknown_aggregate(&mut self, name: &str, span: Span, is_call: bool) -> Failed {
        let names: Vec<_> = self.catalog.aggregates.iter().map(|row| row.name).collect();
        let label = self.catalog.aggregate_hint(name).map_or_else(|| did_you_mean(name, names.iter().copied()), str::to_owned);
        let label = if label.is_empty() && !is_call { format!("values are counted by `count by {name}`") } else { label };
        let found = Diagnostic::new(span, format!("unknown aggregate `{name}`")).label(label);
        self.fail(found.help(format!("aggregates: {}", names.join(", "))))
    }
}

/// The aggregates of an expression, in the order written.
pub(crate) fn aggregates(expr: &Expr) -> Vec<&Aggregate> {
    let mut all = Vec::new();
    expr.for_each(&mut |expr| {
        if let ExprKind::Aggregate(aggregate) = &expr.kind {
            all.push(&**aggregate);
        }
    });
    all
}
