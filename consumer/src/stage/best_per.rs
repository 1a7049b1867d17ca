//! The half that runs once of what gives the best records of each key in the order of the input: `top … per`, `tail … per`.

use recpipe::{Batch, Error, Flow, Stage, Time, Value};

use super::top::Direction;
use crate::{
    expr::Expr,
    left_out::noted,
    memory::Budget,
    plan::{Start, Target},
    sort::{BestOfKey, key::push_sort_key},
};

/// Gives the first so many records of each key, by this value, or by their places in the input, the last first.
pub(super) fn best_per(n: u64, keys: &[Expr], by: Option<(Direction, Expr)>, start: &Start<'_>, target: Target) -> Target {
    let best = BestOfKey::new(n, keys.iter().map(Expr::storage).collect(), start.output.clone(), start.budget);
    Box::new(BestPer { keys: keys.to_vec(), by, best: Some(best), batches: 0, budget: start.budget.clone(), target })
}

/// Appends what a record with this value is compared by: the least comes first.
pub(super) fn push_rank(direction: Direction, value: Value<'_>, out: &mut Vec<u8>) {
    out.push(match value {
        Value::Float(value) if value.is_nan() => 1,
        Value::Int(_) | Value::Float(_) => 0,
        Value::Time(_) => 2,
        Value::Bool(_) => 3,
        Value::Text(_) => 4,
        Value::Null => 5,
    });
    push_sort_key(value, true, direction == Direction::Largest, out);
}

struct BestPer {
    keys: Vec<Expr>,
    by: Option<(Direction, Expr)>,
    /// Taken when its records are sent on.
    best: Option<BestOfKey>,
    batches: u64,
    budget: Budget,
    target: Target,
}

impl Stage for BestPer {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let keys = self.keys.iter().map(|key| key.eval(&batch)).collect::<Result<Vec<_>, _>>()?;
        // What is left out of the values was noted by the other half.
        let by = self.by.as_ref().map(|(direction, by)| Ok::<_, Error>((*direction, by.eval(&noted(&batch))?))).transpose()?;
        self.batches += 1;
        let best = self.best.as_mut().ok_or(Error::Protocol("records after the end"))?;
        best.add(&keys, &batch, self.batches, |row, serial, rank| match &by {
            Some((direction, values)) => push_rank(*direction, values.value(row), rank),
            None => rank.extend_from_slice(&(!serial).to_be_bytes()),
        })?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.target.flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        if let Some(best) = self.best.take() {
            for batch in best.finish(&self.budget)? {
                if self.target.send(batch?)? == Flow::Stop {
                    break;
                }
            }
        }
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
