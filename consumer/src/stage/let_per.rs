//! `let x = EXPR per KEY, …`: columns that are computed of other records with the same key, in the order of the input: of those before
//! (`prev`, `number`, `AGGREGATE so far`, `AGGREGATE last N`), or of all (`total`).
//!
//! Runs:   in each worker, which evaluates what is read of the records and numbers their keys, then once.  Order: kept.
//! Memory: O(keys), and so many records of each where that many are looked back at. With `total` the records, too: what goes beyond the
//!         budget is in temporary files, and they come out at the end.
//! Stops:  when its target does.
//! Errors: those of the expressions; more keys than there is memory for.

use std::{collections::BTreeSet, sync::Arc};

use recpipe::{Batch, Column, Error, Flow, Schema, Stage, Time, Type, Value};

use super::{
    beyond::{Beyond, put},
    let_::{Assignment, LetOp},
    relay,
    window::{Compute, Kept, Needs, behind, hold},
};
use crate::{
    expr::{Expr, Operand, Values, Vector},
    language::{Checked, Checker, Failed, StageWord, Upstream},
    memory::Account,
    plan::{About, Operator, PlanStage, Read, Runs, Start, Target, Window, conditions::Found},
    span::Span,
};

/// What help and `--explain` say of it, beyond what they say of `let`.
static WORD: StageWord = StageWord {
    about: About { runs: Runs::WorkersThenMerge, memory: "O(keys)", ..super::let_::WORD.about },
    parse: super::let_::WORD.parse,
};

/// The same of one with a `total`.
static WORD_OF_TOTALS: StageWord = StageWord { about: About { spills: true, blocks: true, ..WORD.about }, parse: super::let_::WORD.parse };

/// Assignments that can be made together: what is computed of other records reads none of them.
pub(super) struct Gathered {
    assignments: Checked<Vec<Assignment>>,
    windows: Vec<Window>,
    keys: Vec<Vec<Expr>>,
    /// The places that are assigned.
    made: BTreeSet<usize>,
}

impl Default for Gathered {
    fn default() -> Self {
        Gathered { assignments: Ok(Vec::new()), windows: Vec::new(), keys: Vec::new(), made: BTreeSet::new() }
    }
}

impl Gathered {
    /// How many values are computed of other records.
    pub(super) fn windows(&self) -> usize {
        self.windows.len()
    }

    /// Whether these read what is assigned.
    pub(super) fn is_read_by(&self, windows: &[Window], keys: &[Expr]) -> bool {
        let mut reads = false;
        let mut look = |expr: &Expr| expr.for_each_column(&mut |place| reads |= self.made.contains(&place));
        windows.iter().flat_map(Window::args).for_each(&mut look);
        if !windows.is_empty() {
            keys.iter().for_each(&mut look);
        }
        reads
    }

    /// Adds an assignment, and what it needs computed of the records that have the same of these keys.
    pub(super) fn add(&mut self, assignment: Assignment, windows: Vec<Window>, keys: Vec<Expr>) {
        if !windows.is_empty() {
            let same = |known: &Vec<Expr>| known.len() == keys.len() && known.iter().zip(&keys).all(|(a, b)| a.text() == b.text());
            let place = self.keys.iter().position(same).unwrap_or_else(|| {
                self.keys.push(keys);
                self.keys.len() - 1
            });
            self.windows.extend(windows.into_iter().map(|window| Window { keys: place, ..window }));
        }
        self.made.insert(assignment.place);
        if let Ok(assignments) = &mut self.assignments {
            assignments.push(assignment);
        }
    }

    /// One of the assignments is wrong.
    pub(super) fn fail(&mut self) {
        self.assignments = Err(Failed);
    }

    /// Adds the stage that makes them.
    pub(super) fn push(self, checker: &mut Checker<'_>, upstream: &mut Upstream, span: Span) {
        let Gathered { assignments, windows, keys, .. } = self;
        if windows.is_empty() {
            return checker.push(upstream, &super::let_::WORD, span, assignments.map(LetOp));
        }
        let needs_all = windows.iter().any(Window::needs_all);
        let made = assignments.map(|assignments| LetPerOp { assignments, needs: Compute::needs(&windows, &keys), windows });
        let word = if needs_all { &WORD_OF_TOTALS } else { &WORD };
        checker.push(upstream, word, span, made);
    }
}

/// Columns added or replaced, one after the other, of values that are computed of other records.
#[derive(Clone, Debug)]
struct LetPerOp {
    /// The columns; an expression reads the windows' values behind the columns that there are before it.
    assignments: Vec<Assignment>,
    windows: Vec<Window>,
    needs: Needs,
}

impl Operator for LetPerOp {
    fn reads(&self, _: &PlanStage, wanted: &mut Read) {
        for Assignment { place, base, expr, .. } in self.assignments.iter().rev() {
            wanted.places.remove(place);
            expr.for_each_column(&mut |read| wanted.places.extend(Some(read).filter(|read| read < base)));
        }
        self.needs.read(wanted);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn known(&self, records: u64) -> Option<u64> {
        Some(records)
    }

    fn half(&self, start: &Start<'_>, target: Target) -> Target {
        self.needs.half(start.input, target)
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let mut before = start.input.clone();
        let mut assignments = Vec::new();
        for assignment in &self.assignments {
            assignments.push((assignment.clone(), extended(&before, &self.windows)));
            before = assignment.schema.clone();
        }
        let compute = Compute::new(&self.windows, self.needs.needed(start.input));
        let beyond = compute.needed().beyond(start.output.clone());
        let assign = Assign { known: start.input.len(), windows: self.windows.len(), assignments };
        let account = start.budget.account();
        let whole: Target = if self.windows.iter().any(Window::needs_all) {
            let (schema, width) = (kept_schema(start.input, &self.windows, self.needs.keys.len()), self.needs.keys.len());
            let keeping = compute.needed().beyond(schema);
            let output = Beyond::behind(start.input.len() + self.windows.len() + width, start.output.clone());
            Box::new(LetTotal { windows: self.windows.clone(), compute, assign, keeping, output, kept: Kept::default(), account, target })
        } else {
            Box::new(LetPer { compute, assign, beyond, account, target })
        };
        if start.follows_half { whole } else { self.needs.half(start.input, whole) }
    }
}

/// The schema of records with the windows' values behind their fields.
fn extended(before: &Schema, windows: &[Window]) -> Arc<Schema> {
    behind(before, windows.iter().map(|window| (window.kind, window.open)))
}

/// The schema of records that wait for totals: with the windows' values behind their fields, and the numbers of so many keys.
fn kept_schema(input: &Schema, windows: &[Window], keys: usize) -> Arc<Schema> {
    let keys = (0..keys).map(|_| (Type::Int, false));
    behind(input, windows.iter().map(|window| (window.kind, window.open)).chain(keys))
}

/// The expressions of the columns that are assigned.
struct Assign {
    /// How many columns of the input the plan knows.
    known: usize,
    /// How many values are computed of other records.
    windows: usize,
    /// Each, and the schema of what it is computed of.
    assignments: Vec<(Assignment, Arc<Schema>)>,
}

impl Assign {
    /// The columns of the output, of the records of a batch whose columns are those of the input first; `values` are those of the
    /// windows.
    fn columns(&self, batch: &Batch, values: &[Column]) -> Result<Vec<Column>, Error> {
        let mut columns = batch.columns()[..self.known].to_vec();
        for (Assignment { place, expr, .. }, schema) in &self.assignments {
            let all = columns.iter().chain(values).cloned().collect();
            let column = expr.eval_column(&batch.with_columns(schema.clone(), all)?)?;
            put(&mut columns, *place, column);
        }
        Ok(columns)
    }
}

/// The half that runs once.
struct LetPer {
    compute: Compute,
    assign: Assign,
    beyond: Beyond,
    account: Account,
    target: Target,
}

impl Stage for LetPer {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let values = self.compute.advance(&batch)?;
        let (keys, bytes) = self.compute.held();
        hold(&mut self.account, bytes, keys, "let … per")?;
        let columns = self.assign.columns(&batch, &values)?;
        let batch = self.beyond.with_columns(&batch, columns)?;
        self.target.send(batch)
    }

    relay!();
}

/// The half that runs once, where something is known only at the end.
struct LetTotal {
    windows: Vec<Window>,
    compute: Compute,
    assign: Assign,
    /// What makes a batch one of those that are kept: the columns of the input, those of the windows, and the numbers of the keys.
    keeping: Beyond,
    /// What makes one of those a batch of the output.
    output: Beyond,
    kept: Kept,
    account: Account,
    target: Target,
}

impl LetTotal {
    /// A batch that was kept, with its totals.
    fn finish(&mut self, batch: &Batch) -> Result<Batch, Error> {
        let behind = self.assign.known + self.assign.windows;
        let mut values = batch.columns()[self.assign.known..behind].to_vec();
        for (i, (value, window)) in values.iter_mut().zip(&self.windows).enumerate() {
            if window.needs_all() {
                let keys = Vector::from_column(batch.column(behind + window.keys), batch);
                let keys: Vec<u32> =
                    (0..batch.len()).map(|row| if let Value::Int(key) = keys.value(row) { key as u32 } else { 0 }).collect();
                if let Some(total) = self.compute.total(i, &keys)? {
                    *value = total;
                }
            }
        }
        let columns = self.assign.columns(batch, &values)?;
        self.output.with_columns(batch, columns)
    }
}

impl Stage for LetTotal {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let values = self.compute.advance(&batch)?;
        let needed = self.compute.needed();
        let keys = (0..needed.keys()).map(|i| {
            let numbers = Operand::Each(needed.key(i).all().iter().map(|&key| i64::from(key)).collect());
            Vector { len: batch.len(), values: Values::Int(numbers), nulls: None }.into_column(Type::Int, &batch)
        });
        let columns = needed.known(&batch).iter().cloned().chain(values).chain(keys).collect();
        let batch = self.keeping.with_columns(&batch, columns)?;
        let (keys, bytes) = self.compute.held();
        self.kept.push(&batch, &mut self.account, bytes)?;
        if bytes > self.account.held() {
            hold(&mut self.account, bytes, keys, "let … per")?;
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        std::mem::take(&mut self.kept).for_each(|batch| {
            let batch = self.finish(&batch)?;
            self.target.send(batch)
        })?;
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
