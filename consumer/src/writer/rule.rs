//! Rules by which rows for people have colours.

use recpipe::{Batch, Error};

use super::Tint;
use crate::expr::Expr;

/// The rows of which a condition is true have this colour.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The condition, of the columns of the answer.
    pub condition: Expr,
    /// The colour.
    pub(crate) tint: Tint,
}

impl Rule {
    /// The colours of the rows of a batch: of several rules that hold, the last counts.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub(crate) fn tints(rules: &[Rule], batch: &Batch) -> Result<Vec<Option<Tint>>, Error> {
        let mut tints = vec![None; batch.len()];
        for Rule { condition, tint } in rules {
            let holds = condition.eval(batch)?.truth();
            tints.iter_mut().enumerate().filter(|(row, _)| holds.get(*row)).for_each(|(_, of_row)| *of_row = Some(*tint));
        }
        Ok(tints)
    }
}
