//! One value for all rows, or one for each: what the loops of a query run over.

use bytes::Bytes;

use super::Batch;

/// A value that all rows have, or one for each: constants are never spread out.
#[derive(Clone, Debug, PartialEq)]
pub enum Operand<T> {
    /// The same for all rows.
    One(T),
    /// One a row.
    Each(Vec<T>),
}

/// Text as views into one buffer.
#[derive(Clone, Debug)]
pub struct Texts {
    /// What the views lie in: the batch's own bytes, or a buffer made for the result.
    pub bytes: Bytes,
    /// Start and length; all within [`Texts::bytes`].
    pub views: Operand<(u32, u32)>,
}

impl<T: Copy> Operand<T> {
    /// The value of a row.
    ///
    /// # Panics
    /// When `row` is beyond the end of [`Operand::Each`].
    #[inline]
    pub fn get(&self, row: usize) -> T {
        match self {
            Operand::One(value) => *value,
            Operand::Each(values) => values[row],
        }
    }

    /// The results of `f` on each value, in order.
    #[inline]
    pub fn map<R>(&self, mut f: impl FnMut(T) -> R) -> Operand<R> {
        match self {
            Operand::One(value) => Operand::One(f(*value)),
            Operand::Each(values) => Operand::Each(values.iter().map(|&value| f(value)).collect()),
        }
    }

    /// The results of `f` on the values of both, row by row; one loop for each way of being constant.
    #[inline]
    pub fn zip<U: Copy, R>(&self, other: &Operand<U>, mut f: impl FnMut(T, U) -> R) -> Operand<R> {
        match (self, other) {
            (Operand::One(a), Operand::One(b)) => Operand::One(f(*a, *b)),
            (Operand::Each(a), Operand::One(b)) => Operand::Each(a.iter().map(|&a| f(a, *b)).collect()),
            (Operand::One(a), Operand::Each(b)) => Operand::Each(b.iter().map(|&b| f(*a, b)).collect()),
            (Operand::Each(a), Operand::Each(b)) => Operand::Each(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()),
        }
    }

    /// One value for each of `len` rows.
    pub fn into_vec(self, len: usize) -> Vec<T> {
        match self {
            Operand::One(value) => vec![value; len],
            Operand::Each(values) => values,
        }
    }

    /// One value for each of `physical` rows: the values at these rows, `fill` elsewhere.
    pub(super) fn scatter(&self, rows: Option<&[u32]>, physical: usize, fill: T) -> Operand<T> {
        match (self, rows) {
            (Operand::Each(values), Some(rows)) => {
                let mut out = vec![fill; physical];
                for (&row, &value) in rows.iter().zip(values) {
                    out[row as usize] = value;
                }
                Operand::Each(out)
            }
            _ => self.clone(),
        }
    }
}

impl Operand<bool> {
    /// The records of `batch` for which it is true, one answer a record.
    ///
    /// # Panics
    /// When there are more answers than records, or fewer.
    pub fn filter(&self, batch: Batch) -> Batch {
        match self {
            Operand::One(true) => batch,
            Operand::One(false) => batch.head(0),
            Operand::Each(keep) => batch.filter(keep),
        }
    }
}

impl Texts {
    /// The same text for all rows.
    pub fn constant(text: &[u8]) -> Self {
        let bytes = Bytes::copy_from_slice(text);
        // A query is not 4 GiB long.
        Texts { views: Operand::One((0, bytes.len() as u32)), bytes }
    }

    /// The text that a view shows.
    #[inline]
    pub fn slice(&self, (start, len): (u32, u32)) -> &[u8] {
        &self.bytes[start as usize..start as usize + len as usize]
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        self.slice(self.views.get(row))
    }
}
