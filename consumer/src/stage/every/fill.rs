//! `every STEP fill VALUE`: the windows between the first and the last in which a key has no records.
//!
//! Of records at rest all keys are known before the first window is given. Of others a window is given when it is closed, and the keys
//! are those that came until then.
//!
//! Runs:   once.  Order: kept.
//! Memory: O(results), where all keys are waited for; else O(keys).
//! Stops:  when its target does.
//! Errors: more results, or keys, than there is memory for.

use std::collections::BTreeMap;

use recpipe::{Batch, BatchBuilder, Error, Flow, Stage, Time, Type, Value};

use crate::{
    aggregate::Keys,
    expr::{Constant, Vector},
    memory::Account,
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
    time::step::Steps,
};

/// Fills the gaps of windows, which are the first column.
#[derive(Clone, Debug)]
pub(super) struct FillOp {
    /// From one window to the next.
    pub(super) steps: Steps,
    /// The columns behind the window that are keys.
    pub(super) keys: usize,
    /// What each of the others is in a gap.
    pub(super) values: Vec<Constant>,
    /// Whether windows come as time passes.
    pub(super) live: bool,
}

impl Operator for FillOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        *wanted = Read::all_of(&stage.input);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let kinds = start.output.fields()[1..=self.keys].iter();
        let kinds = kinds.map(|field| if field.open { Type::Mixed } else { field.kind }).collect();
        Box::new(Fill {
            op: self.clone(),
            keys: Keys::new(kinds),
            shown: Vec::new(),
            shown_bytes: 0,
            numbers: Vec::new(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            window: None,
            rows: BTreeMap::new(),
            last: None,
            out: BatchBuilder::new(start.output.clone()),
            made: 0,
            account: start.budget.account(),
            has_enough: false,
            target,
        })
    }
}

/// The running stage.
struct Fill {
    op: FillOp,
    keys: Keys,
    /// The values of each, by its number.
    shown: Vec<Vec<Constant>>,
    shown_bytes: usize,
    numbers: Vec<u32>,
    /// What came before all keys were known.
    waiting: Vec<Batch>,
    waiting_bytes: usize,
    /// The window of which rows came last and that is not given yet, and what each key has in it.
    window: Option<Time>,
    rows: BTreeMap<u32, Row>,
    /// The last window that was given.
    last: Option<Time>,
    out: BatchBuilder,
    made: usize,
    account: Account,
    has_enough: bool,
    target: Target,
}

/// A window as it is shown, and the aggregates in it.
type Row = (Time, Vec<Constant>);

/// Records of a batch.
const BATCH_ROWS: usize = 8192;

impl Fill {
    /// Makes the keys of a batch known. What has no time comes last, and has no gaps.
    fn know(&mut self, batch: &Batch) -> Result<(), Error> {
        let has_time = |row: &usize| !batch.column(0).is_null(batch.physical(*row));
        let rows: Vec<u32> = (0..batch.len()).take_while(has_time).map(|row| batch.physical(row) as u32).collect();
        let keys: Vec<Vector> = (1..=self.op.keys).map(|key| Vector::from_rows(batch.column(key), Some(&rows))).collect();
        if self.op.keys == 0 {
            self.numbers = vec![0; rows.len()];
        } else {
            self.keys.number(&keys, rows.len(), &mut self.numbers)?;
        }
        for (row, number) in self.numbers.iter().enumerate() {
            if *number as usize == self.shown.len() {
                let shown: Vec<Constant> = keys.iter().map(|key| Constant::of(&key.value(row))).collect();
                self.shown_bytes += size_of_val(&*shown) + shown.iter().map(text_bytes).sum::<usize>();
                self.shown.push(shown);
            }
        }
        if !self.account.hold(self.keys.bytes_with(0) + self.shown_bytes + self.waiting_bytes + batch.bytes()) {
            return Err(Error::Data(format!(
                "`fill` needs to know all keys of all windows, which is more than its part of the {} bytes of memory; give it more with \
                 `--memory SIZE`",
                self.account.budget().limit()
            )));
        }
        Ok(())
    }

    /// Takes rows of windows that come as time passes: of each the keys are those of the windows up to it, however many come at once.
    fn take_as_it_comes(&mut self, batch: &Batch) -> Result<(), Error> {
        let window = |row: usize| if let Value::Time(window) = batch.row(row).value(0) { Some(window) } else { None };
        let windows: Vec<Option<Time>> = (0..batch.len()).map(window).collect();
        let mut at = 0;
        for run in windows.chunk_by(|a, b| a == b) {
            if self.window != run[0] {
                self.give_window()?;
            }
            let rows = batch.select((at..at + run.len()).map(|row| batch.physical(row) as u32).collect());
            self.know(&rows)?;
            self.take(&rows)?;
            at += run.len();
        }
        Ok(())
    }

    /// Takes rows whose keys are known, the numbers of which are `self.numbers`.
    fn take(&mut self, batch: &Batch) -> Result<(), Error> {
        let numbers = std::mem::take(&mut self.numbers);
        for row in 0..batch.len() {
            let (row, number) = (batch.row(row), numbers.get(row));
            let (Value::Time(window), Some(number)) = (row.value(0), number) else {
                self.give_window()?;
                let values: Vec<Value<'_>> = row.values().collect();
                self.push(&values)?;
                continue;
            };
            if self.window != Some(window) {
                self.give_window()?;
                self.window = Some(window);
            }
            let values = row.values().skip(1 + self.op.keys).map(|value| Constant::of(&value)).collect();
            self.rows.insert(*number, (window, values));
        }
        self.numbers = numbers;
        Ok(())
    }

    /// Gives the window whose rows came, and the gaps before it.
    fn give_window(&mut self) -> Result<(), Error> {
        let Some(window) = self.window.take() else { return Ok(()) };
        let rows = std::mem::take(&mut self.rows);
        let sorted = if self.op.keys == 0 { vec![0] } else { self.keys.sorted() };
        let beyond = || Error::Data(format!("the window after {window} begins after all times"));
        if let Some(last) = self.last.replace(window) {
            let mut gap = self.op.steps.next(last).ok_or_else(beyond)?;
            while gap < window && !self.has_enough {
                self.row_of_each(gap, &sorted, &BTreeMap::new())?;
                gap = self.op.steps.next(gap).ok_or_else(beyond)?;
            }
        }
        self.row_of_each(window, &sorted, &rows)
    }

    fn row_of_each(&mut self, window: Time, sorted: &[u32], rows: &BTreeMap<u32, Row>) -> Result<(), Error> {
        for number in sorted {
            if self.has_enough {
                return Ok(());
            }
            let key = std::mem::take(&mut self.shown[*number as usize]);
            let (window, values) = rows.get(number).cloned().unwrap_or_else(|| (window, self.op.values.clone()));
            let row: Vec<Value<'_>> = std::iter::once(Value::Time(window)).chain(key.iter().chain(&values).map(Constant::value)).collect();
            self.push(&row)?;
            self.shown[*number as usize] = key;
        }
        Ok(())
    }

    fn push(&mut self, row: &[Value<'_>]) -> Result<(), Error> {
        self.out.push(row)?;
        self.made += 1;
        if self.made >= BATCH_ROWS { self.send_made() } else { Ok(()) }
    }

    fn send_made(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.made) > 0 && !self.has_enough {
            let batch = self.out.finish()?;
            self.has_enough = self.target.send(batch)? == Flow::Stop;
        }
        Ok(())
    }
}

fn text_bytes(value: &Constant) -> usize {
    if let Value::Text(text) = value.value() { text.len() } else { 0 }
}

impl Stage for Fill {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if self.has_enough {
            return Ok(Flow::Stop);
        }
        if self.op.live {
            self.take_as_it_comes(&batch)?;
        } else {
            self.know(&batch)?;
            self.waiting_bytes += batch.bytes();
            self.waiting.push(batch);
        }
        Ok(if self.has_enough { Flow::Stop } else { Flow::Continue })
    }

    /// Windows that come as time passes come whole before this.
    fn flush(&mut self) -> Result<(), Error> {
        if self.op.live {
            self.give_window()?;
            self.send_made()?;
        }
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        for batch in std::mem::take(&mut self.waiting) {
            self.waiting_bytes -= batch.bytes();
            self.know(&batch)?;
            self.take(&batch)?;
        }
        self.give_window()?;
        self.send_made()?;
        self.target.close()
    }

    fn target(&mut self) -> Option<&mut dyn Stage> {
        Some(&mut self.target)
    }

    /// Not true of the gaps.
    fn punctuate(&mut self, _: Time) -> Result<Flow, Error> {
        Ok(Flow::Continue)
    }
}
