//! Reads how often each field has each value, one field after the other.

use std::{collections::BTreeMap, fmt::Debug};

use recpipe::{Batch, BatchBuilder, Error, Flow, Stage, Time, Value};

use super::{
    id, name_of,
    split::{HEAD, VALUES},
};
use crate::plan::{Operator, PlanStage, Read, Start, Target, conditions::Found};

/// How many records: all, and those that are inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) all: u64,
    pub(crate) inside: u64,
}

impl Times {
    fn add(&mut self, other: Times) {
        self.all += other.all;
        self.inside += other.inside;
    }

    fn without(self, other: Times) -> Times {
        Times { all: self.all.saturating_sub(other.all), inside: self.inside.saturating_sub(other.inside) }
    }
}

/// The field whose values are read.
pub(crate) struct OfField<'f> {
    /// Its name.
    pub(crate) name: &'f str,
    /// How many of its values are numbers.
    pub(crate) numbers: u64,
    /// How many records there are, whether they have the field or not.
    pub(crate) records: Times,
}

/// What a stage makes of how often each field has each value. It begins anew with each field.
pub(crate) trait Digest: Clone + Debug + Send + Sync + 'static {
    /// A value that is not null; they come in the order of values.
    ///
    /// # Errors
    /// Those of [`Rows::push`].
    fn value(&mut self, field: &OfField<'_>, value: Value<'_>, times: Times, rows: &mut Rows) -> Result<(), Error>;

    /// The field has no more values; the rest of the records, so many, have none.
    ///
    /// # Errors
    /// Those of [`Rows::push`].
    fn end(self, field: &OfField<'_>, nulls: Times, rows: &mut Rows) -> Result<(), Error>;
}

/// The stage that is made of a [`Digest`] of these fields.
#[derive(Clone, Debug)]
pub(crate) struct DigestOp<D> {
    pub(crate) names: Vec<String>,
    pub(crate) digest: D,
}

impl<D: Digest> Operator for DigestOp<D> {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let rows = Rows::new(&start, target);
        let fields = self.names.iter().enumerate().map(|(place, name)| (id(place, name), 0)).collect();
        Box::new(Digesting { anew: self.digest.clone(), records: Times::default(), fields, current: None, rows })
    }
}

/// What is given, record by record.
pub(crate) struct Rows {
    builder: BatchBuilder,
    has_enough: bool,
    target: Target,
}

impl Rows {
    /// Records of a batch.
    const BATCH_ROWS: usize = 8192;
    /// Bytes of text of a batch, but for its last record.
    const BATCH_BYTES: usize = 1 << 20;

    /// Gives records of the stage's output to its target.
    pub(crate) fn new(start: &Start<'_>, target: Target) -> Self {
        Rows { builder: BatchBuilder::new(start.output.clone()), has_enough: false, target }
    }

    /// Gives one.
    ///
    /// # Errors
    /// Those of the target, and [`Error::Schema`] when the values do not fit.
    pub(crate) fn push(&mut self, values: &[Value<'_>]) -> Result<(), Error> {
        if self.has_enough {
            return Ok(());
        }
        self.builder.push(values)?;
        if self.builder.len() >= Self::BATCH_ROWS || self.builder.text_bytes() >= Self::BATCH_BYTES { self.send() } else { Ok(()) }
    }

    /// Whether the target wants more.
    pub(crate) fn flow(&self) -> Flow {
        if self.has_enough { Flow::Stop } else { Flow::Continue }
    }

    fn send(&mut self) -> Result<(), Error> {
        if !self.builder.is_empty() && !self.has_enough {
            self.has_enough = self.target.send(self.builder.finish()?)? == Flow::Stop;
        }
        Ok(())
    }

    /// Gives the last ones, and closes the target.
    ///
    /// # Errors
    /// Those of the target.
    pub(crate) fn close(&mut self) -> Result<(), Error> {
        self.send()?;
        self.target.close()
    }

    /// What they are given to.
    pub(crate) fn target(&mut self) -> &mut Target {
        &mut self.target
    }
}

/// The running stage.
struct Digesting<D> {
    anew: D,
    records: Times,
    /// The fields that are still to be given, and how many numbers they have.
    fields: BTreeMap<Vec<u8>, u64>,
    current: Option<Current<D>>,
    rows: Rows,
}

/// The field whose values come.
struct Current<D> {
    id: Vec<u8>,
    numbers: u64,
    seen: Times,
    digest: D,
}

impl<D: Digest> Digesting<D> {
    /// Ends the field whose values came, and those without a value up to this one, or all; this one is the current one then.
    fn go_to(&mut self, id: Option<&[u8]>) -> Result<(), Error> {
        loop {
            if let Some(Current { id, numbers, seen, digest }) = self.current.take() {
                let field = OfField { name: &name_of(&id), numbers, records: self.records };
                digest.end(&field, self.records.without(seen), &mut self.rows)?;
            }
            let next = self.fields.first_entry().filter(|first| id.is_none_or(|id| first.key()[..] <= *id));
            let Some((next, numbers)) = next.map(|first| first.remove_entry()) else { return Ok(()) };
            let is_there = id == Some(&next[..]);
            self.current = Some(Current { id: next, numbers, seen: Times::default(), digest: self.anew.clone() });
            if is_there {
                return Ok(());
            }
        }
    }

    fn row(&mut self, id: &[u8], value: Value<'_>, times: Times) -> Result<(), Error> {
        match id.split_first() {
            None => self.records = times,
            Some((&HEAD, id)) => *self.fields.entry(id.to_vec()).or_default() = times.all,
            Some((&VALUES, id)) => {
                if self.current.as_ref().is_none_or(|current| current.id != id) {
                    self.go_to(Some(id))?;
                }
                let current = self.current.as_mut().ok_or(WITHOUT_HEAD)?;
                current.seen.add(times);
                let field = OfField { name: &name_of(&current.id), numbers: current.numbers, records: self.records };
                current.digest.value(&field, value, times, &mut self.rows)?;
            }
            Some(_) => return Err(WITHOUT_HEAD),
        }
        Ok(())
    }
}

const WITHOUT_HEAD: Error = Error::Protocol("values of no field");

impl<D: Digest> Stage for Digesting<D> {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        for row in batch.rows() {
            let count = |field: usize| match row.value(field) {
                Value::Int(count) => u64::try_from(count).unwrap_or(0),
                _ => 0,
            };
            let Value::Text(id) = row.value(0) else { return Err(WITHOUT_HEAD) };
            self.row(id, row.value(1), Times { all: count(2), inside: count(3) })?;
        }
        Ok(self.rows.flow())
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.rows.target().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        self.go_to(None)?;
        self.rows.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(self.rows.target())
    }

    /// Not true of what is sent at the end.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
