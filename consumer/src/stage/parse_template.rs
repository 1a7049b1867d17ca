//! `parse FIELD "TEMPLATE"`: adds or replaces a column for each field of a template, as `producer log` reads it.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(1); texts are copied.
//! Stops:  when its target does.
//! Errors: none of its own: where the template does not fit, all its columns are null. A field without a type is text.

use std::sync::Arc;

use recpipe::{
    Batch, Column, ColumnBuilder, Error, Flow, Schema, Stage, Type, Value,
    template::{Found as Part, Template},
    times::Times,
};

use super::{
    beyond::{Beyond, put},
    parse::{WORD, prefix},
    relay,
};
use crate::{
    language::{Checked, Checker, Failed, Parsed, Parser, Seen, Syntax, Upstream, ast::Ident, diagnose::Diagnostic, parsed, token::Kind},
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
    span::Span,
};

/// The template, if one stands here: a text in quotes that is no regex with named groups.
pub(super) fn parse(parser: &mut Parser<'_>, field: &Ident) -> Option<Parsed> {
    let Kind::Text(text) = &parser.peek().kind else { return None };
    if text.contains("(?P<") || text.contains("(?<") {
        return None;
    }
    let text = text.clone();
    let span = parser.advance().span;
    Some(match Template::parse(&text) {
        Ok(template) => prefix(parser)
            .map(|prefix| parsed(TemplateSyntax { field: field.clone(), template: Arc::new(template), prefix, span })),
        Err(what) => Err(parser
            .fail(Diagnostic::new(span, format!("no template: {what}")).label("as in `parse line \"{level} [{thread}] {message*}\"`"))),
    })
}

/// What is taken apart, and by what.
#[derive(Debug)]
struct TemplateSyntax {
    field: Ident,
    template: Arc<Template>,
    /// What the names of the columns begin with.
    prefix: String,
    span: Span,
}

impl Syntax for TemplateSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.columns(checker);
        checker.push(upstream, &WORD, span, made);
    }
}

impl TemplateSyntax {
    /// The fields, which are then columns in scope.
    fn columns(&self, checker: &mut Checker<'_>) -> Checked<TemplateOp> {
        let column = checker.text_field(&self.field);
        let fields = self.template.fields().iter().map(|field| (format!("{}{}", self.prefix, field.name), field.kind.unwrap_or(Type::Text)));
        let columns = fields.map(|(name, kind)| (checker.scope.put(name, Some(Seen::closed(kind))), kind)).collect();
        let field = column?.as_column().ok_or(Failed)?;
        let schema = checker.schema(self.span).ok_or(Failed)?;
        let times = Times { zone: checker.setting.zone.clone().unwrap_or_default(), before: Some(checker.setting.now) };
        Ok(TemplateOp { field, template: self.template.clone(), times, columns, schema })
    }
}

/// Columns made of the fields of a template.
#[derive(Clone, Debug)]
struct TemplateOp {
    /// The column that is taken apart: text.
    field: usize,
    template: Arc<Template>,
    /// What times without year and offset are read by.
    times: Times,
    /// The place of the column of each field, that of the column it replaces or a free one, and its type.
    columns: Vec<(usize, Type)>,
    /// The schema with these columns.
    schema: Arc<Schema>,
}

impl Operator for TemplateOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        for (place, _) in &self.columns {
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
        Box::new(ParseTemplate { beyond: Beyond::new(start.input, self.schema.clone()), plan: self.clone(), found: Vec::new(), target })
    }
}

/// The running stage.
struct ParseTemplate {
    plan: TemplateOp,
    beyond: Beyond,
    found: Vec<Part>,
    target: Target,
}

impl ParseTemplate {
    /// A column for each field.
    fn columns(&mut self, batch: &Batch) -> Result<Vec<Column>, Error> {
        let TemplateOp { field, template, times, columns, .. } = &self.plan;
        let texts = batch.column(*field);
        let mut built: Vec<ColumnBuilder> = columns.iter().map(|(_, kind)| ColumnBuilder::new(*kind)).collect();
        for row in 0..batch.physical_rows() {
            let text = if let Value::Text(text) = texts.value(row) { text } else { b"" };
            let fits = matches!(texts.value(row), Value::Text(_)) && template.read(text, times, &mut self.found);
            for (at, built) in built.iter_mut().enumerate() {
                built.push(match self.found.get(at).filter(|_| fits) {
                    Some(Part::Span { start, len }) => Value::Text(&text[*start..start + len]),
                    Some(Part::Int(value)) => Value::Int(i128::from(*value)),
                    Some(Part::Float(value)) => Value::Float(*value),
                    Some(Part::Time(time, _)) => Value::Time(*time),
                    Some(Part::Null | Part::UnknownZone) | None => Value::Null,
                })?;
            }
        }
        Ok(built.into_iter().map(|mut built| built.finish()).collect())
    }
}

impl Stage for ParseTemplate {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut columns = self.beyond.known(&batch).to_vec();
        for ((place, _), column) in self.plan.columns.clone().into_iter().zip(self.columns(&batch)?) {
            put(&mut columns, place, column);
        }
        self.target.send(self.beyond.with_columns(&batch, columns)?)
    }

    relay!();
}
