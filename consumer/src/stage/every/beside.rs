//! `every STEP beside SPAN`: what each aggregate was in the window that began SPAN before, by the calendar.
//!
//! Runs:   once.  Order: kept.
//! Memory: O(results within SPAN).
//! Stops:  when its target does.
//! Errors: more results within SPAN than there is memory for.

use std::collections::{BTreeMap, HashMap};

use jiff::{Span, civil::DateTime};
use recpipe::{Batch, BatchBuilder, Error, Flow, Schema, Stage, Time, Type, Value};

use super::super::relay;
use crate::{
    aggregate::Keys,
    expr::{Constant, Vector},
    memory::Account,
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
    time::step::{DAY, Steps, Width},
};

/// Adds the columns of earlier windows.
#[derive(Clone, Debug)]
pub(super) struct BesideOp {
    pub(super) steps: Steps,
    /// How much earlier.
    pub(super) back: Width,
    /// The columns behind the window that are keys.
    pub(super) keys: usize,
    /// What each of the others is of no records.
    pub(super) empty: Vec<Constant>,
}

impl Operator for BesideOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let kinds = start.input.fields()[1..=self.keys].iter();
        let kinds = kinds.map(|field| if field.open { Type::Mixed } else { field.kind }).collect();
        Box::new(Beside {
            op: self.clone(),
            keys: Keys::new(kinds),
            numbers: Vec::new(),
            windows: BTreeMap::new(),
            bytes: 0,
            schema: start.output.clone(),
            account: start.budget.account(),
            target,
        })
    }
}

/// The running stage.
struct Beside {
    op: BesideOp,
    keys: Keys,
    numbers: Vec<u32>,
    /// Of each window that may still be looked at, by what its clock showed when it began, the aggregates of each key.
    windows: BTreeMap<i64, HashMap<u32, Vec<Constant>>>,
    /// Of those.
    bytes: usize,
    schema: std::sync::Arc<Schema>,
    account: Account,
    target: Target,
}

/// Clocks of two records are not further apart, in nanoseconds.
const CLOCKS: i64 = 2 * DAY as i64;

impl BesideOp {
    /// What a clock shows, in nanoseconds, when a window begins; of whole days, at the beginning of the day: some have no midnight.
    fn shown(&self, begin: Time) -> i64 {
        let shown = begin.nanos.saturating_add(begin.clock_offset_s().saturating_mul(1_000_000_000));
        if self.steps.width.is_of_days() { shown - shown.rem_euclid(DAY as i64) } else { shown }
    }

    /// What it showed so much earlier; `None` where the calendar has no such day, or the clock skipped it.
    fn before(&self, shown: i64) -> Option<i64> {
        let before = match self.back {
            Width::Nanos(back) => shown.checked_sub(i64::try_from(back).ok()?)?,
            Width::Months(months) => {
                let local = local(shown);
                let earlier = local.checked_sub(Span::new().try_months(months).ok()?).ok()?;
                // The last day of a shorter month is another day.
                (earlier.day() == local.day()).then(|| nanos(earlier))??
            }
        };
        match &self.steps.zone {
            Some(zone) if !self.steps.width.is_of_days() => {
                let there = zone.time_of(local(before)).ok()?;
                (nanos(there.local()) == Some(before)).then_some(before)
            }
            _ => Some(before),
        }
    }
}

fn local(shown: i64) -> DateTime {
    Time { nanos: shown, offset_s: 0 }.local()
}

fn nanos(shown: DateTime) -> Option<i64> {
    jiff::tz::Offset::UTC.to_timestamp(shown).ok().and_then(|time| i64::try_from(time.as_nanosecond()).ok())
}

impl Beside {
    /// The aggregates of this key in the window beside the one that begins so.
    fn earlier(&self, shown: i64, key: u32) -> Option<&[Constant]> {
        let before = self.op.before(shown)?;
        let found = self.windows.get(&before).and_then(|window| window.get(&key));
        Some(found.map_or(&*self.op.empty, Vec::as_slice))
    }

    fn keep(&mut self, shown: i64, key: u32, values: Vec<Constant>) -> Result<(), Error> {
        let text = |value: &Constant| if let Value::Text(text) = value.value() { text.len() } else { 0 };
        self.bytes += values.iter().map(text).sum::<usize>() + of_entry(self.op.empty.len());
        // Where the clock shows the same twice, the first counts.
        self.windows.entry(shown).or_default().entry(key).or_insert(values);
        let least = self.op.before(shown).map(|before| before.saturating_sub(CLOCKS));
        while let Some(first) = self.windows.first_entry().filter(|first| least.is_some_and(|least| *first.key() < least)) {
            let gone = first.remove();
            let texts: usize = gone.values().flatten().map(text).sum();
            self.bytes = self.bytes.saturating_sub(texts + gone.len() * of_entry(self.op.empty.len()));
        }
        if self.account.hold(self.bytes + self.keys.bytes_with(0)) {
            return Ok(());
        }
        Err(Error::Data(format!(
            "`beside` keeps the windows of all that time, which is more than its part of the {} bytes of memory; give it more with \
             `--memory SIZE`",
            self.account.budget().limit()
        )))
    }
}

/// The bytes of so many values of a key, besides those of texts.
fn of_entry(values: usize) -> usize {
    values * size_of::<Constant>() + 2 * size_of::<(u32, Vec<Constant>)>()
}

impl Stage for Beside {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let rows: Vec<u32> = (0..batch.len()).map(|row| batch.physical(row) as u32).collect();
        let keys: Vec<Vector> = (1..=self.op.keys).map(|key| Vector::from_rows(batch.column(key), Some(&rows))).collect();
        if self.op.keys == 0 {
            self.numbers = vec![0; rows.len()];
        } else {
            self.keys.number(&keys, rows.len(), &mut self.numbers)?;
        }
        let mut out = BatchBuilder::new(self.schema.clone());
        for row in 0..batch.len() {
            let (record, key) = (batch.row(row), self.numbers[row]);
            let of_window = |begin: Value<'_>| if let Value::Time(begin) = begin { Some(self.op.shown(begin)) } else { None };
            let shown = of_window(record.value(0));
            let values: Vec<Constant> = record.values().skip(1 + self.op.keys).map(|value| Constant::of(&value)).collect();
            let earlier = shown.and_then(|shown| self.earlier(shown, key));
            let beside = (0..values.len()).map(|at| earlier.and_then(|earlier| earlier.get(at)).map_or(Value::Null, Constant::value));
            let made: Vec<Value<'_>> = record.values().chain(beside).collect();
            out.push(&made)?;
            if let Some(shown) = shown {
                self.keep(shown, key, values)?;
            }
        }
        self.target.send(out.finish()?)
    }

    relay!();
}
