//! A condition that narrows a batch, one part after the other.

use recpipe::{Batch, Error};

use super::{Expr, Node};

/// A condition: the parts that `and` joins at its top.
#[derive(Clone, Debug)]
pub struct Predicate {
    conjuncts: Vec<Expr>,
}

impl Predicate {
    /// The condition that `expr`, a boolean, is true.
    pub fn new(expr: Expr) -> Self {
        let conjuncts = match expr.node() {
            Node::All(of) => of.clone(),
            _ => vec![expr],
        };
        Predicate { conjuncts }
    }

    /// The parts, all of which must be true; each may be tested by itself.
    pub(crate) fn conjuncts(&self) -> &[Expr] {
        &self.conjuncts
    }

    /// The records for which the condition is true. Each part is asked only about the records that the parts before it
    /// have left.
    ///
    /// # Errors
    /// As `Expr::eval`.
    pub fn filter(&self, batch: &Batch) -> Result<Batch, Error> {
        let mut left = batch.clone();
        for expr in &self.conjuncts {
            if left.is_empty() {
                break;
            }
            left = expr.eval(&left)?.truth().filter(left);
        }
        Ok(left)
    }
}
