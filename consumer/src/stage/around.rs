//! `grep REGEX [in FIELD] around N`: the records in which it matches, those before and after them within the same input, each once;
//! a bool `hit` tells them apart.
//!
//! Runs:   in each worker, which leaves out what is near no match whatever stands in other batches; then once.
//! Order:  kept; of inputs whose batches alternate (followed files, several senders), within each input.
//! Memory: O(N) records an input.
//! Stops:  when its target does.
//! Errors: none of its own.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use recpipe::{Batch, Error, Flow, Stage, Time, Type};

use super::{beyond::Beyond, relay, relay_flush};
use crate::{
    expr::{Operand, Predicate, Vector},
    plan::{Operator, PlanStage, Read, Start, Target, conditions::Found},
};

/// The column that tells the matches from what is around them.
pub(super) const HIT: &str = "hit";

/// What the condition is true for, and so many records before and after.
#[derive(Clone, Debug)]
pub(super) struct AroundOp {
    pub(super) condition: Predicate,
    pub(super) n: u64,
}

impl AroundOp {
    fn n(&self) -> usize {
        usize::try_from(self.n).unwrap_or(usize::MAX)
    }
}

impl Operator for AroundOp {
    fn reads(&self, stage: &PlanStage, wanted: &mut Read) {
        let conjuncts = self.condition.conjuncts();
        wanted.places.remove(&stage.input.len());
        wanted.late |= stage.input.grows() && conjuncts.iter().any(|expr| expr.reads_all());
        wanted.exprs(conjuncts);
    }

    fn narrows(&self, _: &mut Found<'_>) -> bool {
        false
    }

    fn mixes(&self) -> bool {
        true
    }

    fn half(&self, _: &Start<'_>, target: Target) -> Target {
        Box::new(Near { condition: self.condition.clone(), n: self.n(), target })
    }

    fn start(&self, start: Start<'_>, target: Target) -> Target {
        let beyond = Beyond::new(start.input, start.output.clone());
        Box::new(Around {
            condition: self.condition.clone(),
            n: self.n(),
            inputs: HashMap::new(),
            beyond,
            known: start.input.len(),
            target,
        })
    }
}

/// The records for which the condition is true.
fn hits(condition: &Predicate, batch: &Batch) -> Result<Vec<bool>, Error> {
    let mut hits = vec![true; batch.len()];
    for conjunct in condition.conjuncts() {
        let truth = conjunct.eval(batch)?.truth();
        hits.iter_mut().enumerate().for_each(|(row, hit)| *hit &= truth.get(row));
    }
    Ok(hits)
}

/// Which records are no farther than `n` from one of these.
fn near(hits: &[bool], n: usize) -> Vec<bool> {
    let mut near = vec![false; hits.len()];
    let mut until = 0;
    for (row, _) in hits.iter().enumerate().filter(|(_, hit)| **hit) {
        let end = row.saturating_add(n).saturating_add(1).min(hits.len());
        near[until.max(row.saturating_sub(n))..end].fill(true);
        until = end;
    }
    near
}

/// The half in each worker: of a batch, what is near a match, and its first and last records, which may be near one in another.
struct Near {
    condition: Predicate,
    n: usize,
    target: Target,
}

impl Stage for Near {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut keep = near(&hits(&self.condition, &batch)?, self.n);
        let (len, edge) = (keep.len(), self.n.min(keep.len()));
        keep[..edge].fill(true);
        keep[len - edge..].fill(true);
        let left = batch.filter(&keep);
        if left.is_empty() { Ok(Flow::Continue) } else { self.target.send(left) }
    }

    relay!();
}

/// The half that runs once.
struct Around {
    condition: Predicate,
    n: usize,
    inputs: HashMap<Arc<str>, Input>,
    beyond: Beyond,
    /// How many columns the plan knows before it.
    known: usize,
    target: Target,
}

/// What is known of an input whose batches come one after the other.
#[derive(Default)]
struct Input {
    /// Its last records, as far as they have not been passed on: the last `n` of them, and perhaps some before in the first batch.
    held: VecDeque<Batch>,
    rows: usize,
    /// So many records to come are near a match that was.
    due: usize,
    /// Where its last batch began and ended in the input.
    last: (u64, u64),
}

impl Input {
    /// Holds back records of this batch; no more of all than the last `n`.
    fn hold(&mut self, batch: Batch, n: usize) {
        let batch = batch.skip(batch.len().saturating_sub(n));
        if batch.is_empty() {
            return;
        }
        self.rows += batch.len();
        // Without what was not selected: a view would hold on to the whole block.
        self.held.push_back(batch.compact());
        while let Some(first) = self.held.front().map(Batch::len).filter(|first| self.rows - first >= n) {
            self.rows -= first;
            self.held.pop_front();
        }
    }

    /// Takes the last `n` of what is held back.
    fn take(&mut self, n: usize) -> impl Iterator<Item = Batch> + use<> {
        let mut early = std::mem::take(&mut self.rows).saturating_sub(n);
        std::mem::take(&mut self.held).into_iter().filter_map(move |batch| {
            let skipped = early.min(batch.len());
            early -= skipped;
            Some(batch.skip(skipped)).filter(|batch| !batch.is_empty())
        })
    }
}

impl Around {
    /// Passes these on, with the column of matches.
    fn pass(&mut self, batch: &Batch, hits: Operand<bool>) -> Result<Flow, Error> {
        let mut columns = self.beyond.known(batch).to_vec();
        columns.insert(self.known, Vector::bools(batch.len(), hits).into_column(Type::Bool, batch));
        let batch = self.beyond.with_columns(batch, columns)?;
        self.target.send(batch)
    }
}

impl Stage for Around {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        if batch.is_empty() {
            return Ok(Flow::Continue);
        }
        let hits = hits(&self.condition, &batch)?;
        let (n, origin) = (self.n, batch.origin());
        let mut input = self.inputs.remove(&origin.source).unwrap_or_default();
        let range = (origin.start, origin.end);
        if range != input.last && origin.start < input.last.1 {
            // The file begins anew: it is another input of the same name. (Of a batch that was cut in pieces, all have its range.)
            input = Input::default();
        }
        input.last = range;
        let source = origin.source.clone();
        let mut flow = Flow::Continue;
        let mut keep = near(&hits, n);
        let due = input.due.min(keep.len());
        keep[..due].fill(true);
        if let Some(first) = hits.iter().position(|hit| *hit) {
            for before in input.take(n.saturating_sub(first)) {
                if flow == Flow::Continue {
                    flow = self.pass(&before, Operand::One(false))?;
                }
            }
        }
        let last = keep.iter().rposition(|keep| *keep);
        if last.is_some() && flow == Flow::Continue {
            let kept: Vec<bool> = hits.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(hit, _)| *hit).collect();
            flow = self.pass(&batch.filter(&keep), Operand::Each(kept))?;
        }
        // What was held back before and is not followed by these without a gap is near no match to come.
        if last.is_some() {
            (input.held, input.rows) = (VecDeque::new(), 0);
        }
        input.due = match hits.iter().rposition(|hit| *hit) {
            Some(hit) => n.saturating_sub(hits.len() - 1 - hit),
            None => input.due - due,
        };
        input.hold(batch.skip(last.map_or(0, |last| last + 1)), n);
        self.inputs.insert(source, input);
        Ok(flow)
    }

    relay_flush!();

    fn close(&mut self) -> Result<(), Error> {
        self.target.close()
    }

    /// Not true of what is held back.
    fn punctuate(&mut self, time: Time) -> Result<Flow, Error> {
        if self.inputs.values().all(|input| input.rows == 0) { self.target.punctuate(time) } else { Ok(Flow::Continue) }
    }
}

#[cfg(test)]
mod tests {
    use super::near;

    #[test]
    fn what_is_near_a_hit() {
        let check = |hits: &str, n: usize, expect: &str| {
            let hits: Vec<bool> = hits.bytes().map(|byte| byte == b'x').collect();
            let near: String = near(&hits, n).iter().map(|near| if *near { 'x' } else { '.' }).collect();
            assert_eq!(near, expect, "{n}");
        };
        check("....x.....x", 1, "...xxx...xx");
        check("x.x......", 2, "xxxxx....");
        check("....x....", 0, "....x....");
        check("....x....", usize::MAX, "xxxxxxxxx");
        check(".....", 3, ".....");
        check("", 3, "");
    }
}
