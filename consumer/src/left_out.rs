//! Values that an answer could not use, or not as they are: they are counted, and said once at the end with an example.
//!
//! Whoever leaves a value out holds a [`Counter`] of the run's [`LeftOut`] and notes, a batch at a time, how many there were
//! and the first of them. What is said depends neither on the threads nor on the processes: notes of a batch count when its
//! results are taken (those of batches that were read ahead, and that nobody wanted any more, do not), and the example is
//! that of the first batch, whoever worked on it.

mod why;

pub use why::Why;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use recpipe::{Batch, BatchBuilder, Error, Field, Origin, Schema, Type, Value};

/// An example is not shown beyond so many characters.
const EXAMPLE_CHARS: usize = 120;

/// What is counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Topic {
    /// Where the expression stands in the query: one that stands there twice is evaluated twice.
    at: usize,
    why: Why,
    /// The column or expression whose values they are.
    what: Arc<str>,
    /// What to write instead.
    cure: Arc<str>,
}

/// How many values, and the first of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Tally {
    count: u64,
    /// The batch and the row of the example.
    order: (u64, u64),
    example: String,
    /// Where that is, as far as it is known.
    place: String,
    /// The least and the greatest of the numbers that go with the values.
    range: Option<(i64, i64)>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        let count = self.count.saturating_add(other.count);
        let range = match (self.range, other.range) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (range, None) | (None, range) => range,
        };
        if self.count == 0 || (other.count > 0 && other.order < self.order) {
            *self = other;
        }
        (self.count, self.range) = (count, range);
    }
}

#[derive(Debug, Default)]
struct Tallies {
    /// By the batch, whose results have not been taken yet.
    pending: BTreeMap<(u64, Topic), Tally>,
    settled: BTreeMap<Topic, Tally>,
    /// The fields that stages were to read out of texts: where the stage stands, and their names.
    expected: BTreeSet<(usize, Arc<str>)>,
}

impl Tallies {
    fn settle(&mut self, topic: Topic, tally: Tally) {
        match self.settled.get_mut(&topic) {
            Some(known) => known.add(tally),
            None => drop(self.settled.insert(topic, tally)),
        }
    }

    /// Takes out the notes of one batch.
    fn of(&mut self, order: u64) -> Vec<(Topic, Tally)> {
        let mut taken = Vec::new();
        while let Some(entry) = self.pending.first_entry().filter(|entry| entry.key().0 <= order) {
            let ((_, topic), tally) = entry.remove_entry();
            taken.push((topic, tally));
        }
        taken
    }
}

/// What a run has left out. Clones are the same.
#[derive(Clone, Debug, Default)]
pub struct LeftOut(Arc<Mutex<Tallies>>);

/// Counts the values that one expression of the query leaves out for one reason.
#[derive(Clone, Debug)]
pub struct Counter {
    topic: Topic,
    left_out: LeftOut,
}

impl Counter {
    /// So many values of this batch were left out; `first` gives the first of them as it is to be shown, `row` is its row.
    pub fn note(&self, batch: &Batch, count: u64, row: usize, first: impl FnOnce() -> String) {
        self.note_range(batch, count, row, None, first);
    }

    /// As [`Counter::note`], with the least and the greatest of the numbers that go with the values, which may have come up
    /// without any of them.
    pub(crate) fn note_range(&self, batch: &Batch, count: u64, row: usize, range: Option<(i64, i64)>, first: impl FnOnce() -> String) {
        if count == 0 && range.is_none() {
            return;
        }
        let origin = batch.origin();
        if origin.order == NOTED {
            return;
        }
        let place = match &*origin.source {
            "" => String::new(),
            // Where lines are not known, there is no more to say of it.
            "-" => batch.place(batch.physical(row)).strip_prefix("-:").map_or(String::new(), |line| format!("line {line}")),
            _ if batch.is_empty() => origin.source.to_string(),
            _ => batch.place(batch.physical(row)),
        };
        let tally = Tally {
            count,
            order: (origin.order, row as u64),
            example: if count == 0 { String::new() } else { shortened(&first()) },
            place,
            range,
        };
        let mut tallies = self.left_out.lock();
        match tallies.pending.get_mut(&(origin.order, self.topic.clone())) {
            Some(known) => known.add(tally),
            None => drop(tallies.pending.insert((origin.order, self.topic.clone()), tally)),
        }
    }
}

impl Counter {
    /// What is counted came with this batch.
    pub fn came(&self, batch: &Batch) {
        if !batch.is_empty() {
            self.note(batch, 1, 0, String::new);
        }
    }
}

/// The order of batches of which nothing is noted any more.
const NOTED: u64 = u64::MAX;

/// The batch, of which all that is left out was noted before: who computes the same of it again notes nothing.
pub(crate) fn noted(batch: &Batch) -> Batch {
    let origin = Origin { order: NOTED, ..batch.origin().clone() };
    batch.clone().with_origin(origin)
}

/// Without line breaks, and not endless.
fn shortened(text: &str) -> String {
    let mut short: String =
        text.chars().take(EXAMPLE_CHARS).flat_map(|c| if c.is_control() { c.escape_default().collect() } else { vec![c] }).collect();
    if text.chars().nth(EXAMPLE_CHARS).is_some() {
        short.push('…');
    }
    short
}

/// What is said of the values that were left out for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// How many, at least: an expression that stands in the query several times counts once, where it left out most.
    pub count: u64,
    /// Where what counted them stands in the query.
    pub at: usize,
    /// What is the matter with them.
    pub why: Why,
    /// The column or expression whose values they are.
    pub what: Arc<str>,
    /// The batch and the row of the first.
    pub order: (u64, u64),
    cure: Arc<str>,
    example: String,
    place: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { count, why, what, cure, example, place, .. } = self;
        let [one, many] = why.words();
        match count {
            0 => write!(out, "values of `{what}` {many}")?,
            1 => write!(out, "1 value of `{what}` {one}: {example}")?,
            _ => write!(out, "{count} values of `{what}` {many}, the first is {example}")?,
        }
        if *count > 0 && !place.is_empty() {
            write!(out, " ({place})")?;
        }
        if cure.is_empty() { Ok(()) } else { write!(out, "; {cure}") }
    }
}

impl Summary {
    /// Whether the answer lacks something for it.
    pub(crate) fn is_loss(&self) -> bool {
        self.why.is_loss()
    }
}

impl LeftOut {
    fn lock(&self) -> MutexGuard<'_, Tallies> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A counter for what stands at this byte of the query. `what` is the column or expression whose values are counted,
    /// `cure` what to write instead.
    pub(crate) fn counter(&self, at: usize, what: impl Into<Arc<str>>, why: Why, cure: impl Into<Arc<str>>) -> Counter {
        Counter { topic: Topic { at, why, what: what.into(), cure: cure.into() }, left_out: self.clone() }
    }

    /// Counts whether a field came that the stage at this byte of the query reads out of texts. If none did, that is a mistake, unless
    /// it took no record.
    pub fn watch(&self, at: usize, name: &str) -> Counter {
        self.lock().expected.insert((at, name.into()));
        self.counter(at, name, Why::Came, "")
    }

    /// Counts the records that the stage at this byte takes.
    pub(crate) fn taken_by(&self, at: usize) -> Counter {
        self.counter(at, "", Why::Came, "")
    }

    /// The fields that stages were to read out of texts and that came with no record, though some came.
    pub(crate) fn never_came(&self) -> Vec<Arc<str>> {
        let tallies = self.lock();
        let came = |at: usize, name: &str| tallies.settled.keys().any(|topic| (topic.why, topic.at, &*topic.what) == (Why::Came, at, name));
        let missing = tallies.expected.iter().filter(|(at, name)| came(*at, "") && !came(*at, name));
        missing.map(|(_, name)| name.clone()).collect()
    }

    /// The results of this batch, and of those before it, have been taken: what was noted of them counts.
    pub(crate) fn settle(&self, order: u64) {
        let mut tallies = self.lock();
        for (topic, tally) in tallies.of(order) {
            tallies.settle(topic, tally);
        }
    }

    /// What was noted of any batch waits together, as of one: as much as there are kinds of it, however many batches there are.
    pub(crate) fn fold(&self) {
        let mut tallies = self.lock();
        for (topic, tally) in tallies.of(u64::MAX) {
            match tallies.pending.get_mut(&(0, topic.clone())) {
                Some(known) => known.add(tally),
                None => drop(tallies.pending.insert((0, topic), tally)),
            }
        }
    }

    /// All results have been taken.
    pub(crate) fn settle_all(&self) {
        self.settle(u64::MAX);
    }

    /// Takes what was noted of this batch and of those before it, as a batch that [`LeftOut::hear`] reads in another process;
    /// `None` where that is nothing.
    ///
    /// # Errors
    /// As for building any batch.
    pub(crate) fn tell(&self, order: u64) -> Result<Option<Batch>, Error> {
        let taken = self.lock().of(order);
        if taken.is_empty() {
            return Ok(None);
        }
        let field = |(name, kind): &(&str, Type)| Field::new(*name, *kind);
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(COLUMNS.iter().map(field).collect())?));
        for (topic, tally) in taken {
            let number = |number: u64| Value::Int(number.cast_signed().into());
            let why = Why::ALL.iter().position(|why| *why == topic.why).unwrap_or_default();
            builder.push(&[
                number(topic.at as u64),
                number(why as u64),
                number(tally.count),
                number(tally.order.0),
                number(tally.order.1),
                tally.range.map_or(Value::Null, |(low, _)| Value::Int(low.into())),
                tally.range.map_or(Value::Null, |(_, high)| Value::Int(high.into())),
                Value::Text(topic.what.as_bytes()),
                Value::Text(topic.cure.as_bytes()),
                Value::Text(tally.example.as_bytes()),
                Value::Text(tally.place.as_bytes()),
            ])?;
        }
        builder.finish().map(Some)
    }

    /// Notes what another process tells; false when that is not what [`LeftOut::tell`] says.
    pub(crate) fn hear(&self, told: &Batch) -> bool {
        told.rows().all(|row| {
            let values: Vec<_> = row.values().collect();
            let [
                Value::Int(at),
                Value::Int(why),
                Value::Int(count),
                Value::Int(order),
                Value::Int(row),
                low,
                high,
                Value::Text(what),
                Value::Text(cure),
                Value::Text(example),
                Value::Text(place),
            ] = values[..]
            else {
                return false;
            };
            let text = |text| String::from_utf8_lossy(text).into_owned();
            let (Ok(at), Some(why)) = (usize::try_from(at), usize::try_from(why).ok().and_then(|why| Why::ALL.get(why))) else {
                return false;
            };
            let topic = Topic { at, why: *why, what: text(what).into(), cure: text(cure).into() };
            let [count, order, row] = [count, order, row].map(|number| (number as i64).cast_unsigned());
            let range = match (low, high) {
                (Value::Int(low), Value::Int(high)) => Some((low as i64, high as i64)),
                _ => None,
            };
            let tally = Tally { count, order: (order, row), example: text(example), place: text(place), range };
            match self.lock().pending.entry((order, topic)) {
                std::collections::btree_map::Entry::Occupied(mut known) => known.get_mut().add(tally),
                std::collections::btree_map::Entry::Vacant(free) => drop(free.insert(tally)),
            }
            true
        })
    }

    /// What is to be said, in the order of the query.
    pub fn summaries(&self) -> Vec<Summary> {
        let mut merged: Vec<(Topic, Tally)> = Vec::new();
        for (topic, tally) in &self.lock().settled {
            match merged.iter_mut().find(|(known, _)| (&known.what, known.why) == (&topic.what, topic.why)) {
                Some((_, known)) => {
                    let count = known.count.max(tally.count);
                    known.add(tally.clone());
                    known.count = count;
                }
                None => merged.push((topic.clone(), tally.clone())),
            }
        }
        let summary = |(topic, tally): (Topic, Tally)| {
            let Topic { at, why, what, cure } = topic;
            Summary { count: tally.count, at, why, what, order: tally.order, cure, example: tally.example, place: tally.place }
        };
        let is_left_out: Vec<Arc<str>> =
            merged.iter().filter(|(topic, _)| topic.why == Why::NoNumber).map(|(topic, _)| topic.what.clone()).collect();
        // That they are left out where all numbers are added up says more.
        let is_said = |(topic, tally): &(Topic, Tally)| {
            topic.why.is_said(tally.count, tally.range) && !(topic.why == Why::BesideNumbers && is_left_out.contains(&topic.what))
        };
        merged.into_iter().filter(is_said).map(summary).collect()
    }
}

/// What processes tell each other.
const COLUMNS: [(&str, Type); 11] = [
    ("at", Type::Int),
    ("why", Type::Int),
    ("count", Type::Int),
    ("order", Type::Int),
    ("row", Type::Int),
    ("low", Type::Int),
    ("high", Type::Int),
    ("what", Type::Text),
    ("cure", Type::Text),
    ("example", Type::Text),
    ("place", Type::Text),
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Origin, Schema};

    use super::{LeftOut, Why};
    use crate::execute::children::Message;

    fn batch(order: u64, source: &str) -> Batch {
        let empty = BatchBuilder::new(Arc::new(Schema::new(Vec::new()).unwrap())).finish().unwrap();
        empty.with_origin(Origin { source: source.into(), order, ..Origin::default() })
    }

    fn said(left_out: &LeftOut) -> Vec<String> {
        left_out.summaries().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_first_is_that_of_the_first_batch_whoever_was_faster() {
        let left_out = LeftOut::default();
        let counter = left_out.counter(6, "time(d)", Why::NoTime, "give a format: `time(d, \"%d.%m.%Y\")`");
        counter.note(&batch(1, "b.csv"), 2, 0, || "later".to_owned());
        counter.note(&batch(0, "a.csv"), 1, 9, || "\"so\non\"".to_owned());
        counter.note(&batch(0, "a.csv"), 1, 7, || "\"soon\"".to_owned());
        counter.note(&batch(0, "a.csv"), 0, 1, || unreachable!("nothing is noted"));
        assert_eq!(said(&left_out), [""; 0], "no results were taken");
        left_out.settle(0);
        left_out.settle(1);
        let expect =
            "4 values of `time(d)` are no times and count as null, the first is \"soon\" (a.csv); give a format: `time(d, \"%d.%m.%Y\")`";
        assert_eq!(said(&left_out), [expect]);
    }

    #[test]
    fn what_nobody_took_does_not_count() {
        let left_out = LeftOut::default();
        let counter = left_out.counter(0, "d", Why::NoSuchYear, "");
        (0..9).for_each(|order| counter.note(&batch(order, "-"), 1, 0, || format!("{order}\t{}", "x".repeat(199))));
        left_out.settle(0);
        let expect =
            format!("1 value of `d` is beyond the years that a time can be (1678 to 2261) and counts as null: 0\\t{}…", "x".repeat(118));
        assert_eq!(said(&left_out), [expect]);
        left_out.settle_all();
        assert_eq!(left_out.summaries()[0].count, 9);
    }

    #[test]
    fn an_expression_that_stands_twice_counts_once() {
        let left_out = LeftOut::default();
        for (at, count, row) in [(0, 3, 5), (20, 2, 4)] {
            left_out.counter(at, "time(d)", Why::NoTime, "").note(&batch(0, ""), count, row, || row.to_string());
        }
        left_out.settle_all();
        assert_eq!(said(&left_out), ["3 values of `time(d)` are no times and count as null, the first is 4"]);
    }

    #[test]
    fn other_processes_are_heard() {
        let [here, there] = [LeftOut::default(), LeftOut::default()];
        let counter = there.counter(3, "d", Why::NoTime, "cure");
        counter.note(&batch(7, "a"), 2, 1, || "x".to_owned());
        counter.note(&batch(8, "a"), 1, 1, || "y".to_owned());
        let told = there.tell(7).unwrap().unwrap();
        assert!(there.tell(7).unwrap().is_none() && here.hear(&told) && !here.hear(&Message::Done(1).to_batch().unwrap()));
        here.settle(6);
        assert!(here.summaries().is_empty());
        here.settle(7);
        assert_eq!(said(&here), ["2 values of `d` are no times and count as null, the first is x (a); cure"]);
    }
}
