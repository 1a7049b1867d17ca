//! `unpivot a, b as name, value`: a record for each of these columns, with its name and its value, beside the other columns.
//!
//! Runs:   once: of a batch may come several.  Order: of the records, then of the columns.  Memory: O(1).
//! Stops:  when its target does.
//! Errors: none of its own.

use recpipe::{Batch, Column, ColumnBuilder, Error, Field, Flow, PackedInts, Stage, Text, Type, record::column};

use super::{beyond::Beyond, relay};
use crate::{
    language::{Checked, Checker, Parsed, Parser, Seen, StageWord, Syntax, Upstream, ast::Ident, diagnose::Diagnostic, parsed},
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    span::Span,
};

/// `unpivot`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "unpivot",
        synonyms: &["melt"],
        syntax: "unpivot FIELD, … [as NAME, VALUE]",
        doc: "a record for each of these columns, with its name and its value",
        example: "unpivot bytes, status as name, value",
        runs: Runs::Once,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let columns = parser.list(|parser| parser.ident("a field"))?;
    let mut names = None;
    if parser.take_word("as") {
        let name = parser.ident("a name for the names")?;
        if !parser.take_sign(",") {
            return Err(parser.unexpected("`,` and a name for the values, as in `as name, value`"));
        }
        names = Some([name, parser.ident("a name for the values")?]);
    }
    Ok(parsed(UnpivotSyntax { columns, names }))
}

/// The columns, and what their names and values are called.
#[derive(Debug)]
struct UnpivotSyntax {
    columns: Vec<Ident>,
    names: Option<[Ident; 2]>,
}

impl Syntax for UnpivotSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.made(checker, span);
        upstream.aggregates = None;
        checker.push(upstream, &WORD, span, made);
    }
}

impl UnpivotSyntax {
    fn made(&self, checker: &mut Checker<'_>, span: Span) -> Checked<UnpivotOp> {
        let mut fields = checker.each(&self.columns, Checker::field)?;
        // One of each: a log's time that is named has a place, too.
        let places: Option<Vec<usize>> = fields.iter().map(crate::expr::Expr::as_column).collect();
        let Some(places) = places else {
            let found = Diagnostic::new(span, "what is no column of the records cannot be turned");
            return Err(checker.fail(found.label("make it one first: `let x = …`")));
        };
        if let Some((twice, _)) = places.iter().enumerate().find(|(i, place)| places[..*i].contains(place)) {
            let found = Diagnostic::new(self.columns[twice].span, format!("`{}` stands twice", self.columns[twice].text));
            return Err(checker.fail(found));
        }
        let first = fields.remove(0);
        let is_same = |field: &crate::expr::Expr| field.storage() == first.storage();
        let seen = if fields.iter().all(is_same) { Seen::of_expr(&first) } else { Seen { kind: Type::Mixed, open: true } };
        let names = places.iter().map(|&place| checker.scope.columns[place].0.clone()).collect();
        let others: Vec<usize> = (0..checker.scope.columns.len()).filter(|place| !places.contains(place)).collect();
        checker.scope.columns = others.iter().map(|&place| checker.scope.columns[place].clone()).collect();
        for (i, (usual, seen)) in [("name", Seen::closed(Type::Text)), ("value", seen)].into_iter().enumerate() {
            let (name, span) = self.names.as_ref().map_or((usual, span), |names| (names[i].text.as_str(), names[i].span));
            if checker.scope.index_of(name).is_some() {
                let found = Diagnostic::new(span, format!("two columns are named `{name}`"));
                return Err(checker.fail(found.label("name them with `as`, as in `as key, cell`")));
            }
            checker.scope.put(name.to_owned(), Some(seen));
        }
        Ok(UnpivotOp { places, names, others, value: seen.field("value") })
    }
}

/// The columns that are turned, and those that stay.
#[derive(Clone, Debug)]
struct UnpivotOp {
    places: Vec<usize>,
    names: Vec<String>,
    others: Vec<usize>,
    /// What the values are.
    value: Field,
}

impl Operator for UnpivotOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        let places = std::mem::take(&mut wanted.places);
        // How many records come depends on all that are turned.
        wanted.places.extend(places.iter().filter_map(|&place| self.others.get(place)).chain(&self.places));
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let beyond = Beyond::new(start.input, start.output.clone());
        let (mut text, mut views) = (Vec::new(), Vec::new());
        for name in &self.names {
            views.push((text.len() as i64, name.len() as i64));
            text.extend_from_slice(name.as_bytes());
        }
        Box::new(Unpivot { plan: self.clone(), text: text.into(), views, beyond, target })
    }
}

/// The running stage.
struct Unpivot {
    plan: UnpivotOp,
    /// The names, one after the other, and where each lies.
    text: bytes::Bytes,
    views: Vec<(i64, i64)>,
    beyond: Beyond,
    target: Target,
}

impl Unpivot {
    /// No more records than this come of a batch, or those of one record.
    const BATCH_ROWS: usize = 8192;

    /// What comes of these of its records.
    fn turned(&mut self, batch: &Batch, records: std::ops::Range<usize>) -> Result<Batch, Error> {
        let (mut rows, mut starts, mut lens) = (Vec::new(), Vec::new(), Vec::new());
        let mut values = ColumnBuilder::of(&self.plan.value);
        for record in records {
            let row = batch.physical(record);
            for (&place, view) in self.plan.places.iter().zip(&self.views) {
                let column = batch.column(place);
                // A record that does not have the field has no value of it either.
                if !column.is_missing(row) {
                    rows.push(row as u32);
                    starts.push(view.0);
                    lens.push(view.1);
                    values.push(column.value(row))?;
                }
            }
        }
        let names = Text::new(self.text.clone(), None, PackedInts::pack(&starts), PackedInts::pack(&lens));
        let names = names.ok_or(Error::Protocol("a name outside of the names"))?;
        let batch = batch.select(rows).compact();
        let others = self.plan.others.iter().map(|&place| batch.column(place).clone());
        let columns = others.chain([Column::new(column::Values::Text(names)), values.finish()]).collect();
        self.beyond.with_columns(&batch, columns)
    }
}

impl Stage for Unpivot {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let step = (Self::BATCH_ROWS / self.plan.places.len().max(1)).max(1);
        for from in (0..batch.len()).step_by(step) {
            let turned = self.turned(&batch, from..batch.len().min(from + step))?;
            if !turned.is_empty() && self.target.send(turned)? == Flow::Stop {
                return Ok(Flow::Stop);
            }
        }
        Ok(Flow::Continue)
    }

    relay!();
}
