//! `pivot KEY of VALUE`: a column for each value of KEY, with the VALUE of the records that have it; records that are alike in all other
//! columns are one.
//!
//! Runs:   once.  Order: by the other columns; the new ones are in the order of the values of KEY.
//! Memory: O(records); what goes beyond the budget is in temporary files. The values of KEY, which are columns, stay in memory.
//! Blocks: nothing comes out before the end.  Stops: no.
//! Errors: two values for one place; more columns than a record can have; temporary files that cannot be written.

use std::{collections::BTreeMap, sync::Arc};

use recpipe::{Batch, BatchBuilder, Error, Field, Flow, Origin, Schema, Stage, Time, Type, Value};

use crate::{
    expr::{Constant, Expr},
    language::{Checked, Checker, Failed, Growth, Parsed, Parser, Seen, StageWord, Syntax, Upstream, ast::Ident, diagnose::Diagnostic, parsed},
    memory::Budget,
    plan::{About, Awaited, Operator, PlanStage, Read, Runs, Start, Target, conditions::Found},
    sort::{Keep, SortKey, Sorter, key::push_group_key},
    span::Span,
};

/// `pivot`.
pub static WORD: StageWord = StageWord {
    about: About {
        name: "pivot",
        syntax: "pivot KEY of VALUE",
        doc: "a column for each value of KEY; records that are alike otherwise become one",
        example: "pivot status of bytes",
        runs: Runs::Once,
        memory: "O(records)",
        spills: true,
        blocks: true,
        ..About::PLAIN
    },
    parse,
};

fn parse(parser: &mut Parser<'_>) -> Parsed {
    let key = parser.ident("the field whose values become columns")?;
    let value = if parser.take_word("of") { Some(parser.ident("the field that they hold")?) } else { None };
    Ok(parsed(PivotSyntax { key, value }))
}

/// The field whose values become columns, and that of what they hold: the one aggregate of the `stats` before it where it is not said.
#[derive(Debug)]
struct PivotSyntax {
    key: Ident,
    value: Option<Ident>,
}

impl Syntax for PivotSyntax {
    fn check(&self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let made = self.made(checker, upstream, span);
        upstream.aggregates = None;
        checker.push(upstream, &WORD, span, made);
    }
}

impl PivotSyntax {
    fn value(&self, checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<Ident> {
        match (&self.value, upstream.aggregates.as_deref()) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some([only])) => Ok(Ident { text: only.clone(), span, may_come: false }),
            (None, _) => {
                let key = checker.source.slice(self.key.span).to_owned();
                let found = Diagnostic::new(span, "`pivot` does not say what the columns hold");
                Err(checker.fail(found.label(format!("write `pivot {key} of …`, after `count by …, {key}` as in `pivot {key} of count`"))))
            }
        }
    }

    fn made(&self, checker: &mut Checker<'_>, upstream: &Upstream, span: Span) -> Checked<PivotOp> {
        let value = self.value(checker, upstream, span)?;
        let [key, held] = [checker.field(&self.key), checker.field(&value)];
        let (key, held) = (key?, held?);
        if checker.scope.input.is_some() {
            let [key, held] = [&self.key, &value].map(|field| checker.catalog.field(&field.text).into_owned());
            let found =
                Diagnostic::new(span, "`pivot` puts records together by all their other fields, and here further ones may come later");
            return Err(checker.fail(found.label(format!("say which they are: `select …, {key}, {held}` before it"))));
        }
        let (Some(key_place), Some(value_place)) = (key.as_column(), held.as_column()) else {
            let found = Diagnostic::new(span, "what is no column of the records cannot be turned");
            return Err(checker.fail(found.label("make it one first: `let x = …`")));
        };
        if key_place == value_place {
            let found = Diagnostic::new(span, format!("`{}` cannot be both the columns and what they hold", self.key.text));
            return Err(checker.fail(found));
        }
        let input = checker.schema(span).ok_or(Failed)?;
        let others: Vec<usize> = (0..input.len()).filter(|place| ![key_place, value_place].contains(place)).collect();
        let declared = checker.opens.of(span.start).to_vec();
        checker.scope.columns = others.iter().map(|&place| checker.scope.columns[place].clone()).collect();
        for field in &declared {
            checker.scope.columns.push((field.name.clone(), Some(Seen { kind: held.kind(), open: true })));
        }
        checker.scope.input = Some(Growth::of_stage(span.start, input.names()));
        let names = (self.key.text.clone(), value.text);
        Ok(PivotOp { input, others, key, value: held, places: (key_place, value_place), names, declared })
    }
}

/// Which columns stay, which becomes columns, and which is held by those.
#[derive(Clone, Debug)]
struct PivotOp {
    input: Arc<Schema>,
    others: Vec<usize>,
    key: Expr,
    value: Expr,
    places: (usize, usize),
    /// What KEY and VALUE are called.
    names: (String, String),
    /// The columns that later stages name.
    declared: Vec<Awaited>,
}

impl Operator for PivotOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        // Records are put together by all their other columns.
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn settles(&self) -> bool {
        true
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let by = self.others.iter().map(|&place| SortKey { expr: Expr::field(place, &self.input.fields()[place]), descending: false });
        let sorter = Sorter::new(by.collect(), self.input.clone(), Keep::All, start.budget);
        Box::new(Pivot {
            plan: self.clone(),
            output: start.output.clone(),
            sorter: Some(sorter),
            batches: 0,
            keys: BTreeMap::new(),
            budget: start.budget.clone(),
            target,
        })
    }
}

/// The running stage.
struct Pivot {
    plan: PivotOp,
    output: Arc<Schema>,
    /// Taken at the end.
    sorter: Option<Sorter>,
    /// Batches so far.
    batches: u64,
    /// The values of KEY by their order, and how each is written, which is the name of its column.
    keys: BTreeMap<Vec<u8>, String>,
    budget: Budget,
    target: Target,
}

impl Pivot {
    /// Notes the values of KEY.
    fn note(&mut self, batch: &Batch) -> Result<(), Error> {
        let (values, mut bytes) = (self.plan.key.eval(batch)?, Vec::new());
        for row in 0..batch.len() {
            bytes.clear();
            push_group_key(Type::Mixed, values.value(row), &mut bytes);
            if !self.keys.contains_key(&bytes) {
                let name = shown(&values.value(row));
                if self.keys.len() + self.plan.others.len() >= Schema::MAX_FIELDS {
                    return Err(self.wrong(&format!("has more than {} values, and each is a column", Schema::MAX_FIELDS)));
                }
                if self.plan.others.iter().any(|&place| self.plan.input.fields()[place].name == name) {
                    return Err(self.wrong(&format!("has the value {name}, and a column of that name stays; `rename` it before the pivot")));
                }
                self.keys.insert(bytes.clone(), name);
            }
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::Data(format!("`pivot`: `{}` {what}", self.plan.names.0))
    }

    /// The columns of what is given, and the place of each value of KEY.
    fn columns(&self) -> Result<(Arc<Schema>, BTreeMap<String, usize>), Error> {
        let mut fields = self.output.fields().to_vec();
        let mut places: BTreeMap<String, usize> =
            fields.iter().enumerate().skip(self.plan.others.len()).map(|(place, field)| (field.name.clone(), place)).collect();
        for name in self.keys.values() {
            places.entry(name.clone()).or_insert_with(|| {
                fields.push(Field::open(name, self.plan.value.kind()));
                fields.len() - 1
            });
        }
        let is_there = |name: &str| self.keys.values().any(|key| key == name);
        let missing = self.plan.declared.iter().find(|field| !field.may_not_come && !is_there(&field.name));
        if let Some(Awaited { name, .. }) = missing.filter(|_| !self.keys.is_empty()) {
            let known = self.keys.values().take(20).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
            let key = &self.plan.names.0;
            return Err(Error::Usage(format!(
                "unknown field `{name}`: no record has it as its `{key}`; `pivot` has made {known} (where it may stay away, write `{name}`?)"
            )));
        }
        Ok((Arc::new(self.output.with_fields(fields)?), places))
    }

    /// Sends a record for each combination of the other columns.
    fn send_all(&mut self) -> Result<(), Error> {
        let Some(mut sorter) = self.sorter.take() else { return Ok(()) };
        sorter.seal();
        let (schema, places) = self.columns()?;
        let mut builder = BatchBuilder::new(schema.clone());
        let mut record: Option<Record> = None;
        for batch in Sorter::merge(vec![sorter], &self.budget)? {
            let batch = batch?;
            for row in batch.rows() {
                let mut id = Vec::new();
                self.plan.others.iter().for_each(|&place| push_group_key(Type::Mixed, row.value(place), &mut id));
                if record.as_ref().is_none_or(|record| record.id != id) {
                    if let Some(done) = record.take() {
                        done.push(&mut builder)?;
                        let is_full = builder.len() >= Self::BATCH_ROWS || builder.text_bytes() >= Self::BATCH_BYTES;
                        if is_full && self.target.send(builder.finish()?)? == Flow::Stop {
                            return Ok(());
                        }
                    }
                    let mut values = vec![Constant::Null; schema.len()];
                    let others = self.plan.others.iter().enumerate();
                    others.for_each(|(i, &place)| values[i] = Constant::of(&row.value(place)));
                    record = Some(Record { id, values, is_set: vec![false; schema.len()] });
                }
                let (key, value) = self.plan.places;
                let name = shown(&row.value(key));
                let Some((record, &place)) = record.as_mut().zip(places.get(&name)) else { continue };
                if std::mem::replace(&mut record.is_set[place], true) {
                    let alike: Vec<String> = self.plan.others.iter().map(|&place| shown(&row.value(place))).collect();
                    let (key, value) = &self.plan.names;
                    return Err(self.wrong(&format!(
                        "comes twice as {name} among the records of {}; put them together first, as in `stats sum({value}) as {value} by …, {key}`",
                        if alike.is_empty() { "one line".to_owned() } else { alike.join(", ") },
                    )));
                }
                record.values[place] = Constant::of(&row.value(value));
            }
        }
        if let Some(last) = record {
            last.push(&mut builder)?;
        }
        if !builder.is_empty() {
            let _: Flow = self.target.send(builder.finish()?)?;
        }
        Ok(())
    }

    /// Records of a batch.
    const BATCH_ROWS: usize = 8192;
    /// Bytes of text of a batch, but for its last record.
    const BATCH_BYTES: usize = 1 << 20;
}

/// How a value is written, as the name of a column.
fn shown(value: &Value<'_>) -> String {
    if matches!(value, Value::Null) { "null".to_owned() } else { value.to_string() }
}

/// A record that is made.
struct Record {
    /// What tells it from others.
    id: Vec<u8>,
    values: Vec<Constant>,
    is_set: Vec<bool>,
}

impl Record {
    fn push(self, builder: &mut BatchBuilder) -> Result<(), Error> {
        builder.push(&self.values.iter().map(Constant::value).collect::<Vec<_>>())
    }
}

impl Stage for Pivot {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        self.note(&batch)?;
        let sorter = self.sorter.as_mut().ok_or(Error::Protocol("records after the end"))?;
        sorter.add(&batch.with_origin(Origin { order: self.batches, ..Origin::default() }))?;
        self.batches += 1;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.send_all()?;
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
