//! What is computed for each record of other records with the same key.

use recpipe::Type;

use super::Aggregate;
use crate::expr::Expr;

/// One value for each record, computed of those of the same key in the order of the input.
#[derive(Clone, Debug)]
pub struct Window {
    /// What it is.
    pub(crate) computes: Computes,
    /// Which of its stage's keys: records are of the same one.
    pub keys: usize,
    /// The type of the value.
    pub kind: Type,
    /// Whether it may have values of other types, as of a [`recpipe::Field`].
    pub open: bool,
}

/// What is computed of other records.
#[derive(Clone, Debug)]
pub enum Computes {
    /// The value that the expression had so many records before; at least 1.
    Before(Expr, u64),
    /// How many records there were, this one with them.
    Number,
    /// The aggregate of the records so far, this one with them.
    SoFar(Aggregate),
    /// The aggregate of so many records, this one the last of them; at least 1.
    Last(Aggregate, u64),
    /// The aggregate of all records.
    Total(Aggregate),
}

impl Window {
    /// What is read of each record.
    pub fn args(&self) -> &[Expr] {
        match &self.computes {
            Computes::Before(value, _) => std::slice::from_ref(value),
            Computes::Number => &[],
            Computes::SoFar(aggregate) | Computes::Last(aggregate, _) | Computes::Total(aggregate) => &aggregate.args,
        }
    }

    /// Whether it is known only when all records are.
    pub(crate) fn needs_all(&self) -> bool {
        matches!(self.computes, Computes::Total(_))
    }

    /// The type that a column of its values is made for.
    pub(crate) fn storage(&self) -> Type {
        if self.open { Type::Mixed } else { self.kind }
    }
}
