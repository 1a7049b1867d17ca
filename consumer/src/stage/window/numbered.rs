//! The keys of all records so far, and of each record of a batch.

use recpipe::{Batch, Error, Type, record::column};

use crate::{
    aggregate::Keys,
    expr::{Operand, Values, Vector},
};

/// Numbers keys in the order in which they come.
pub(in crate::stage) struct Numbered {
    keys: Keys,
    /// Of each key of the batch, in the order of their first records: its number among all.
    of_batch: Vec<u32>,
    /// Of each record, the number of its key among those of the batch.
    in_batch: Vec<u32>,
    /// Of each record, the number of its key among all.
    all: Vec<u32>,
    /// Whether all records have one key, which has no values.
    is_one: bool,
}

impl Numbered {
    /// No keys yet; each will have values of these types.
    pub(super) fn new(kinds: Vec<Type>) -> Self {
        let is_one = kinds.is_empty();
        let keys = if is_one { Keys::of_no_values() } else { Keys::new(kinds) };
        Numbered { keys, of_batch: Vec::new(), in_batch: Vec::new(), all: Vec::new(), is_one }
    }

    /// Reads the number of each record's key in the batch from the column at `place`, and the key from that behind it.
    ///
    /// # Errors
    /// [`Error::Data`] beyond 2³² keys; [`Error::Protocol`] where these are not the columns of the half.
    pub(super) fn read(&mut self, batch: &Batch, place: usize) -> Result<(), Error> {
        let rows = batch.len();
        self.of_batch.clear();
        self.in_batch.clear();
        self.all.clear();
        if self.is_one {
            self.of_batch.push(0);
            self.in_batch.resize(rows, 0);
            self.all.resize(rows, 0);
            return Ok(());
        }
        let keys = batch.column(place + 1);
        let Values::Int(numbers) = Vector::from_column(batch.column(place), batch).values else {
            return if rows == 0 { Ok(()) } else { Err(WRONG) };
        };
        let numbers = match numbers {
            Operand::Each(numbers) => numbers,
            Operand::One(number) => vec![number; rows],
        };
        self.in_batch.reserve(rows);
        self.all.reserve(rows);
        for (row, number) in numbers.into_iter().enumerate() {
            let number = usize::try_from(number).map_err(|_| WRONG)?;
            if number == self.of_batch.len() {
                let row = batch.physical(row);
                let key = match keys.values() {
                    _ if keys.is_null(row) => None,
                    column::Values::Text(text) => Some(text.get(row)),
                    _ => return Err(WRONG),
                };
                self.of_batch.push(self.keys.insert_key(key)?);
            }
            self.all.push(*self.of_batch.get(number).ok_or(WRONG)?);
            self.in_batch.push(number as u32);
        }
        Ok(())
    }

    /// Forgets the keys that do not stay; the others are numbered anew, in the same order.
    ///
    /// # Errors
    /// None, as there are no more than before.
    pub(in crate::stage) fn retain(&mut self, stays: &[bool]) -> Result<(), Error> {
        let mut left = self.keys.like();
        for number in (0..self.keys.len()).filter(|&number| stays.get(number) == Some(&true)) {
            left.insert_key(self.keys.get(number as u32))?;
        }
        self.keys = left;
        Ok(())
    }

    /// Of each record of the batch, the number of its key among all.
    pub(in crate::stage) fn all(&self) -> &[u32] {
        &self.all
    }

    /// Of each record of the batch, the number of its key among those of the batch.
    pub(in crate::stage) fn in_batch(&self) -> &[u32] {
        &self.in_batch
    }

    /// The keys of the batch, in the order of their first records: their numbers among all.
    pub(in crate::stage) fn of_batch(&self) -> &[u32] {
        &self.of_batch
    }

    /// How many keys there are.
    pub(in crate::stage) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The memory that they take.
    pub(in crate::stage) fn bytes(&self) -> usize {
        self.keys.bytes_with(0)
    }
}

const WRONG: Error = Error::Protocol("the columns of keys are not as a worker makes them");
