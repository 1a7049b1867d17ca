//! `unroll FIELD [as NAME] [all]`: a record for each element of a list, which is JSON text. The parts of an object become fields, `items.sku`.
//!
//! Of an empty list, or of null, no record comes; with `all` one comes, with null for the element. What is no list is an element itself.
//!
//! Runs:   in each worker.  Order: kept.  Memory: O(a batch), which is cut where its lists have many elements.
//! Stops:  when its target does.
//! Errors: none of its own.

use recpipe::{Batch, Error, Flow, Stage, Value, json};

use super::{
    opened::{Collector, Found, ObjectFields, Opened, of_scalar},
    relay,
};
use crate::{
    language::{Checked, Checker, Failed, Parsed, Parser, StageWord, Syntax, Upstream, Watched, ast::Ident, parsed},
    plan::{About, Operator, PlanStage, Read, Start, Target, conditions::Found as Conditions},
    span::Span,
};

/// `unroll`.
pub(crate) static WORD: StageWord = StageWord {
    about: About {
        name: "unroll",
        synonyms: &["explode"],
        syntax: "unroll FIELD [as NAME] [all]",
        doc: "a record for each element of a list; the parts of objects become fields, FIELD.key",
        example: "unroll request as part",
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let field = parser.ident("a field")?;
    let name = parser.alias()?;
    Ok(parsed(UnrollSyntax { field, name, all: parser.take_word("all") }))
}

/// The list, what its elements are called, and whether one of nothing is kept, as it was written.
#[derive(Debug)]
struct UnrollSyntax {
    field: Ident,
    name: Option<Ident>,
    all: bool,
}

impl Syntax for UnrollSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.made(checker, span);
        checker.push(upstream, &WORD, span, made);
    }
}

impl UnrollSyntax {
    fn made(&self, checker: &mut Checker<'_>, span: Span) -> Checked<UnrollOp> {
        let field = checker.text_field(&self.field).and_then(|column| column.as_column().ok_or(Failed));
        let name = self.name.as_ref().unwrap_or(&self.field).text.clone();
        let watched = checker.open_field(span.start, &name);
        Ok(UnrollOp { field: field?, name, all: self.all, watched })
    }
}

/// Records of the elements of a list.
#[derive(Clone, Debug)]
struct UnrollOp {
    /// The column of lists.
    field: usize,
    /// What an element is called.
    name: String,
    all: bool,
    watched: Watched,
}

impl Operator for UnrollOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        let (known, grows) = (stage.input.len(), stage.input.grows());
        wanted.late = grows && (wanted.late || wanted.places.iter().any(|&place| place >= known));
        wanted.places.retain(|&place| place < known);
        wanted.places.insert(self.field);
    }

    fn narrows(&self, _: &mut Conditions<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let opened = Opened::new(start.input, start.output, self.watched.clone());
        let prefix = format!("{}.", self.name);
        Box::new(Unroll { plan: self.clone(), prefix, opened, collector: Collector::default(), rows: Vec::new(), target })
    }
}

/// The running stage.
struct Unroll {
    plan: UnrollOp,
    prefix: String,
    opened: Opened,
    /// The fields of the elements so far.
    collector: Collector,
    /// The record of each of them.
    rows: Vec<u32>,
    target: Target,
}

impl Unroll {
    /// An element of the record in this row of the batch, whose list is `text`.
    fn element(&mut self, batch: &Batch, row: u32, text: &[u8], found: Option<Found>) -> Result<Flow, Error> {
        if let Some(found) = found
            && let Some(place) = self.collector.place(&self.plan.name)
        {
            self.collector.set(place, found);
        }
        self.collector.end_row(text)?;
        self.rows.push(row);
        if self.collector.is_full() { self.pass(batch) } else { Ok(Flow::Continue) }
    }

    /// The elements of a list.
    fn list(&mut self, batch: &Batch, row: u32, text: &[u8], elements: &[json::Element]) -> Result<Flow, Error> {
        let (mut path, mut name) = (String::new(), String::new());
        for json::Element { start, len, scalar } in elements {
            let found = match scalar {
                Some(scalar) => Some(of_scalar(&mut self.collector, *scalar, text, *start, *len, 0)),
                None => {
                    let object = &text[*start..start + len];
                    let collector = &mut self.collector;
                    let mut fields = ObjectFields { collector, prefix: &self.prefix, from: *start, text: object, name: &mut name };
                    // One with too many fields stays as it is written.
                    json::object(object, &mut path, &mut fields).is_err().then(|| {
                        self.collector.give_up();
                        Found::Text(*start..start + len)
                    })
                }
            };
            if self.element(batch, row, text, found)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    /// Passes on the records of the elements so far.
    fn pass(&mut self, batch: &Batch) -> Result<Flow, Error> {
        if self.rows.is_empty() {
            return Ok(Flow::Continue);
        }
        let records = batch.select(std::mem::take(&mut self.rows)).compact();
        self.target.send(self.opened.with_element(&records, &mut self.collector, &self.plan.name)?)
    }
}

impl Stage for Unroll {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        for index in 0..batch.len() {
            let row = batch.physical(index);
            let value = batch.column(self.plan.field).value(row);
            let row = row as u32;
            let flow = match value {
                Value::Text(text) => match json::elements(text) {
                    Ok(elements) if elements.is_empty() && self.plan.all => self.element(&batch, row, text, Some(Found::Null))?,
                    Ok(elements) => self.list(&batch, row, text, &elements)?,
                    Err(_) => self.element(&batch, row, text, Some(Found::Text(0..text.len())))?,
                },
                Value::Null if !self.plan.all => Flow::Continue,
                other => self.element(&batch, row, b"", Some(Found::of(other)))?,
            };
            if flow == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        self.pass(&batch)
    }

    relay!();
}
