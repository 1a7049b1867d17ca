//! `parse FIELD REGEX`: adds or replaces a text column for each named group. Templates are read by `super::parse_template`; what names
//! its fields itself is taken apart by `super::parse_open`.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); the texts are views into the field's own bytes, not copies.
//! Stops:  when its target does.
//! Errors: none of its own: where the regex does not match, or a group takes no part in the match, the column is null.

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Flow, Schema, Stage, Type};
use regex::bytes::Regex;

use super::{
    beyond::{Beyond, put},
    parse_open, parse_template, relay,
};
use crate::{
    expr::{Operand, Texts, Values, Vector, only_text},
    language::{
        Checked, Checker, Failed, Parsed, Parser, Seen, StageWord, Syntax, Upstream,
        ast::{Ident, Pattern},
        diagnose::Diagnostic,
        parsed,
    },
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// `parse`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "parse",
        syntax: "parse FIELD REGEX | \"TEMPLATE\" | logfmt | json [as PREFIX_*]",
        doc: "named groups, or fields of a template or that the text names, become columns; null without a match",
        example: "parse request /\\.(?P<ext>\\w+)$/",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let field = parser.ident("a field")?;
    if let Some(open) = parse_open::parse(parser, &field)? {
        return open;
    }
    if let Some(template) = parse_template::parse(parser, &field) {
        return template;
    }
    let pattern = parser.pattern("parse request")?;
    Ok(parsed(ParseSyntax { field, pattern, prefix: prefix(parser)? }))
}

/// `as PREFIX_*`, if it stands here: what the names of the new columns begin with.
pub(super) fn prefix(parser: &mut Parser<'_>) -> Parsed<String> {
    if !parser.take_word("as") {
        return Ok(String::new());
    }
    match parser.take_glob() {
        Some((glob, _)) if !glob.starts_with('*') => Ok(glob.trim_end_matches('*').to_owned()),
        _ => Err(parser.unexpected("what the names begin with, as in `as x_*`")),
    }
}

/// What is taken apart, and by what: its named groups are the new columns.
#[derive(Debug)]
struct ParseSyntax {
    field: Ident,
    pattern: Pattern,
    prefix: String,
}

impl Syntax for ParseSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.groups(checker);
        checker.push(upstream, &WORD, span, made);
    }
}

impl ParseSyntax {
    /// The named groups, which are then columns in scope.
    fn groups(&self, checker: &mut Checker<'_>) -> Checked<ParseOp> {
        let pattern = &self.pattern;
        let column = checker.text_field(&self.field);
        let regex = checker.regex(&pattern.text, pattern.ignore_case, pattern.span, 1);
        let regex = regex?;
        let names: Vec<_> =
            regex.capture_names().enumerate().filter_map(|(i, name)| Some((i, format!("{}{}", self.prefix, name?)))).collect();
        if names.is_empty() {
            let found = Diagnostic::new(pattern.span, "this regex names no groups").label("write `(?P<name>…)` around what is wanted");
            return Err(checker.fail(found));
        }
        let groups = names.into_iter().map(|(group, name)| (group, checker.scope.put(name, Some(Seen::closed(Type::Text))))).collect();
        let field = column?.as_column().ok_or(Failed)?;
        let schema = checker.schema(pattern.span).ok_or(Failed)?;
        Ok(ParseOp { field, regex, groups, schema })
    }
}

/// Columns made of the named groups of a regex.
#[derive(Clone, Debug)]
struct ParseOp {
    /// The column that is taken apart: text.
    field: usize,
    /// What it is matched with.
    regex: Regex,
    /// The number of each named group, and the place of its column: that of the column it replaces, or a free one.
    groups: Vec<(usize, usize)>,
    /// The schema with these columns.
    schema: Arc<Schema>,
}

impl Operator for ParseOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        for (_, place) in &self.groups {
            wanted.places.remove(place);
        }
        wanted.places.insert(self.field);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Parse { beyond: Beyond::new(start.input, self.schema.clone()), plan: self.clone(), target })
    }
}

/// The running stage.
struct Parse {
    plan: ParseOp,
    beyond: Beyond,
    target: Target,
}

impl Parse {
    /// A column for each named group.
    fn columns(&self, batch: &Batch) -> Vec<Column> {
        let rows = batch.len();
        let field = Vector::from_column(batch.column(self.plan.field), batch);
        let field = only_text(&field);
        let Values::Text(texts) = &field.values else {
            return vec![Column::null(batch.physical_rows()); self.plan.groups.len()];
        };
        let mut found = vec![(vec![(0, 0); rows], vec![true; rows]); self.plan.groups.len()];
        let mut places = self.plan.regex.capture_locations();
        for row in (0..rows).filter(|&row| !field.is_null(row)) {
            let (start, len) = texts.views.get(row);
            if self.plan.regex.captures_read(&mut places, texts.slice((start, len))).is_none() {
                continue;
            }
            for ((views, nulls), (group, _)) in found.iter_mut().zip(&self.plan.groups) {
                if let Some((from, to)) = places.get(*group) {
                    // Both lie within the text, whose length is a `u32`.
                    (views[row], nulls[row]) = ((start + from as u32, (to - from) as u32), false);
                }
            }
        }
        let column = |(views, nulls)| {
            let values = Values::Text(Texts { bytes: texts.bytes.clone(), views: Operand::Each(views) });
            Vector { len: rows, values, nulls: Some(nulls).filter(|nulls: &Vec<bool>| nulls.contains(&true)) }
                .into_column(Type::Text, batch)
        };
        found.into_iter().map(column).collect()
    }
}

impl Stage for Parse {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut columns = self.beyond.known(&batch).to_vec();
        for ((_, place), column) in self.plan.groups.iter().zip(self.columns(&batch)) {
            put(&mut columns, *place, column);
        }
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
