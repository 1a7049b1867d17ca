//! `parse FIELD logfmt`, `parse FIELD json`: adds the fields that the text itself names, whichever those are.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(a batch): the fields that it has; a batch that has too many is cut.
//! Stops:  when its target does.
//! Errors: none of its own: a text that is not logfmt, or no JSON object, gives no field.

use recpipe::{
    Batch, Error, Flow, Stage, Value, json,
    logfmt::{self, Given},
};

use super::{
    opened::{Collector, Found, ObjectFields, Opened, of_cell},
    parse, relay,
};
use crate::{
    language::{Checked, Checker, Failed, Parsed, Parser, Syntax, Upstream, Watched, ast::Ident, parsed},
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found as Conditions},
    span::Span,
};

/// How texts name their fields.
#[derive(Clone, Copy, Debug)]
enum Notation {
    Logfmt,
    Json,
}

/// What stands after the field, if it is the name of a notation.
pub(super) fn parse(parser: &mut Parser<'_>, field: &Ident) -> Parsed<Option<Parsed>> {
    let notation = if parser.take_word("logfmt") {
        Notation::Logfmt
    } else if parser.take_word("json") {
        Notation::Json
    } else {
        return Ok(None);
    };
    let prefix = parse::prefix(parser)?;
    Ok(Some(Ok(parsed(OpenSyntax { field: field.clone(), notation, prefix }))))
}

/// What is taken apart, and how.
#[derive(Debug)]
struct OpenSyntax {
    field: Ident,
    notation: Notation,
    prefix: String,
}

impl Syntax for OpenSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.made(checker, span);
        checker.push(upstream, &parse::WORD, span, made);
    }
}

impl OpenSyntax {
    fn made(&self, checker: &mut Checker<'_>, span: Span) -> Checked<OpenOp> {
        let field = checker.text_field(&self.field).and_then(|column| column.as_column().ok_or(Failed));
        let watched = checker.open(span.start, &self.prefix);
        Ok(OpenOp { field: field?, notation: self.notation, prefix: self.prefix.clone(), watched })
    }
}

/// Fields of a text.
#[derive(Clone, Debug)]
struct OpenOp {
    /// The column that is taken apart.
    field: usize,
    notation: Notation,
    prefix: String,
    watched: Watched,
}

impl Operator for OpenOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        // A field that the text does not have may be there already.
        let (known, grows) = (stage.input.len(), stage.input.grows());
        wanted.late = grows && (wanted.late || wanted.places.iter().any(|&place| place >= known));
        wanted.places.retain(|&place| place < known);
        wanted.places.insert(self.field);
    }

    fn narrows(&self, _: &mut Conditions<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        Box::new(Open { plan: self.clone(), opened: Opened::new(start.input, start.output, self.watched.clone()), target })
    }
}

/// The running stage.
struct Open {
    plan: OpenOp,
    opened: Opened,
    target: Target,
}

impl OpenOp {
    /// Collects the fields of one text.
    fn collect(&self, text: &[u8], collector: &mut Collector, (path, name): &mut (String, String)) {
        let is_whole = match self.notation {
            Notation::Json => json::object(text, path, &mut ObjectFields { collector, prefix: &self.prefix, from: 0, text, name }).is_ok(),
            Notation::Logfmt => logfmt::pairs(text).all(|(key, given)| {
                name.clear();
                name.push_str(&self.prefix);
                name.push_str(&String::from_utf8_lossy(&text[key]));
                let Some(place) = collector.place(name) else { return false };
                let found = match given {
                    Given::Nothing => Found::Bool(true),
                    Given::Plain(plain) => of_cell(text, plain),
                    Given::Quoted { raw, escaped: false } => Found::Text(raw),
                    Given::Quoted { raw, .. } => collector.own(|own| logfmt::unescape(&text[raw], own)),
                };
                collector.set(place, found);
                true
            }),
        };
        if !is_whole {
            collector.give_up();
        }
    }
}

impl Stage for Open {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let batch = batch.compact();
        let (mut collector, mut names, mut from) = (Collector::default(), <(String, String)>::default(), 0);
        for row in 0..batch.len() {
            let value = batch.column(self.plan.field).value(row);
            let text = if let Value::Text(text) = value { text } else { b"" };
            self.plan.collect(text, &mut collector, &mut names);
            collector.end_row(text)?;
            if collector.is_full() && row + 1 < batch.len() {
                let piece = batch.skip(from).head(row + 1 - from).compact();
                from = row + 1;
                if self.target.send(self.opened.with(&piece, &mut collector)?)? == Flow::Stop {
                    return Ok(Flow::Stop);
                }
            }
        }
        let rest = if from == 0 { batch } else { batch.skip(from).compact() };
        self.target.send(self.opened.with(&rest, &mut collector)?)
    }

    relay!();
}
