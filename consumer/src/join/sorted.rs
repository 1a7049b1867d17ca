//! A join of two inputs of which the other one does not fit: both are sorted by key in temporary files and merged, and what comes of
//! that is sorted back into the order of the main input (a sort-merge join: Graefe, "Query Evaluation Techniques for Large Databases",
//! ACM Computing Surveys 25(2), 1993, §5.2).

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use recpipe::{Batch, BatchBuilder, Column, Error, Field, Origin, Schema, Type, Value};

use super::{Held, Keep, Match, Partners, keys::KeyForm};
use crate::{
    expr::Vector,
    memory::{Account, Budget, ReadRun, Run, Spill},
    sort::{self, ExternalSorter, RowFormat, merge::Merge, run::without_serial},
};

/// Rows of a batch of results, and their bytes, unless a single one has more.
const BATCH_ROWS: usize = 8192;
const BATCH_BYTES: usize = 1 << 20;

/// One side on its way into temporary files: rows by key, and of one key in the order in which they came.
struct Side {
    form: KeyForm,
    rows: RowFormat,
    sorter: ExternalSorter,
    key: Vec<u8>,
    next: u64,
}

impl Side {
    /// For records of this schema, which are compared by so many values.
    fn new(values: usize, schema: Arc<Schema>, budget: &Budget) -> Self {
        let sorter = ExternalSorter::new(sort::Keep::All, budget);
        Side { form: KeyForm::of_any(values), rows: RowFormat::new(schema), sorter, key: Vec::new(), next: 0 }
    }

    /// Adds records, whose keys are of these values. What has no key is given to `keyless`, with its number.
    fn add(&mut self, batch: &Batch, values: &[Vector], mut keyless: impl FnMut(u64, &[u8]) -> Result<(), Error>) -> Result<(), Error> {
        let (mut columns, mut row_bytes) = (self.rows.columns(batch), Vec::new());
        for row in 0..batch.len() {
            let (rows, number) = (&self.rows, self.next);
            self.next += 1;
            self.key.clear();
            let has_key = self.form.push(values, row, &mut self.key);
            let len = rows.len_of(&mut columns, row);
            if has_key {
                self.key.extend_from_slice(&number.to_be_bytes());
                self.sorter.push(&self.key, len, |out| rows.write(&columns, row, out))?;
            } else {
                row_bytes.clear();
                rows.write(&columns, row, &mut row_bytes);
                keyless(number, &row_bytes)?;
            }
        }
        Ok(())
    }
}

/// The other input of a join, sorted by key.
pub struct SortedSide {
    schema: Arc<Schema>,
    partners: Partners,
    /// `None` when it was taken to be merged.
    side: Mutex<Option<Side>>,
}

/// Gathers the other input.
pub struct SortedBuilder {
    on: Match,
    kept: Vec<usize>,
    schema: Arc<Schema>,
    side: Side,
}

impl SortedBuilder {
    /// For records of `schema`, of which the columns at these places are kept. It begins with what a table could not hold.
    ///
    /// # Errors
    /// Those of temporary files.
    pub fn new(on: &Match, schema: &Schema, kept: &[usize], held: &Held, budget: &Budget) -> Result<Self, Error> {
        let fields = kept.iter().filter_map(|&place| schema.fields().get(place).cloned()).collect();
        let schema = Arc::new(Schema::new(fields)?);
        let side = Side::new(held.keys.len(), schema.clone(), budget);
        let mut builder = SortedBuilder { on: on.clone(), kept: kept.to_vec(), schema, side };
        for from in (0..held.rows).step_by(BATCH_ROWS) {
            let rows: Vec<u32> = (from..held.rows.min(from + BATCH_ROWS)).map(|row| row as u32).collect();
            let columns = held.columns.iter().map(|column| column.pick(&rows)).collect();
            let values: Vec<Vector> = held.keys.iter().map(|key| Vector::from_rows(key, Some(&rows))).collect();
            builder.add_values(&Batch::new(builder.schema.clone(), columns, rows.len(), Origin::default())?, &values)?;
        }
        Ok(builder)
    }

    /// Adds records.
    ///
    /// # Errors
    /// Those of the keys' expressions and of temporary files.
    pub fn add(&mut self, batch: &Batch) -> Result<(), Error> {
        let values = self.on.theirs().map(|key| key.eval(batch)).collect::<Result<Vec<_>, _>>()?;
        let columns = self.kept.iter().map(|&place| batch.column(place).clone()).collect();
        self.add_values(&batch.with_columns(self.schema.clone(), columns)?, &values)
    }

    fn add_values(&mut self, batch: &Batch, values: &[Vector]) -> Result<(), Error> {
        // What has no key has no partner.
        self.side.add(batch, values, |_, _| Ok(()))
    }

    /// All of them, in temporary files.
    ///
    /// # Errors
    /// Those of temporary files.
    pub fn finish(mut self) -> Result<SortedSide, Error> {
        self.side.sorter.park()?;
        Ok(SortedSide { schema: self.schema, partners: self.on.partners, side: Mutex::new(Some(self.side)) })
    }
}

/// Gathers the main input, and merges it with the other one.
pub struct MergeJoin {
    keep: Keep,
    ours: Side,
    theirs: Arc<SortedSide>,
    out: Out,
    budget: Budget,
}

/// What comes of the merge, by the number of the record of the main input.
struct Out {
    sorter: ExternalSorter,
    key: Vec<u8>,
    next: u64,
}

impl Out {
    /// Adds a record, and its partner if it has one.
    ///
    /// ```text
    /// row = length of ours 4 | ours | theirs, where there is one
    /// ```
    fn push(&mut self, number: u64, ours: &[u8], theirs: Option<&[u8]>) -> Result<(), Error> {
        self.key.clear();
        self.key.extend_from_slice(&number.to_be_bytes());
        self.key.extend_from_slice(&self.next.to_be_bytes());
        self.next += 1;
        let len = u32::try_from(ours.len()).map_err(|_| Error::Data("a record of more than 4 GiB".to_owned()))?;
        let theirs = theirs.unwrap_or_default();
        self.sorter.push(&self.key, 4 + ours.len() + theirs.len(), |out| {
            out.extend_from_slice(&len.to_le_bytes());
            out.extend_from_slice(ours);
            out.extend_from_slice(theirs);
        })
    }
}

impl MergeJoin {
    /// For records of this schema, which are compared by so many values.
    pub fn new(keep: Keep, values: usize, schema: Arc<Schema>, theirs: Arc<SortedSide>, budget: &Budget) -> Self {
        let out = Out { sorter: ExternalSorter::new(sort::Keep::All, budget), key: Vec::new(), next: 0 };
        MergeJoin { keep, ours: Side::new(values, schema, budget), theirs, out, budget: budget.clone() }
    }

    /// Adds records, which are compared by these values.
    ///
    /// # Errors
    /// Those of temporary files.
    pub fn add(&mut self, batch: &Batch, values: &[Vector]) -> Result<(), Error> {
        let (keep, out) = (self.keep, &mut self.out);
        self.ours.add(batch, values, |number, row| if keep == Keep::Only { Ok(()) } else { out.push(number, row, None) })
    }

    /// No more records come: those that are given, each with its partner, in the order in which they came.
    ///
    /// # Errors
    /// Those of temporary files; so do the records.
    pub fn finish(self) -> Result<Joined, Error> {
        let MergeJoin { keep, mut ours, theirs: side, mut out, budget } = self;
        let theirs = side.side.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut theirs = theirs.ok_or(Error::Protocol("a join that was run twice"))?;
        ours.sorter.park()?;
        out.sorter.park()?;
        let mut merge = ExternalSorter::merge(vec![ours.sorter], &budget)?;
        theirs.sorter.seal();
        let mut groups = Groups::new(ExternalSorter::merge(vec![theirs.sorter], &budget)?, side.partners, &budget)?;
        while let Some((key, row)) = merge.next()? {
            let Some((key, number)) = key.split_last_chunk::<8>() else { return Err(Error::Protocol("a key without a number")) };
            let number = u64::from_be_bytes(*number);
            match (groups.is(key)?, keep) {
                (true, Keep::None) | (false, Keep::Only) => {}
                (true, _) => groups.group.for_each(|theirs| out.push(number, row, Some(theirs)))?,
                (false, _) => out.push(number, row, None)?,
            }
        }
        drop((merge, groups));
        out.sorter.seal();
        let mut null_row = Vec::new();
        let nulls = Batch::new(side.schema.clone(), vec![Column::null(1); side.schema.len()], 1, Origin::default())?;
        let mut columns = theirs.rows.columns(&nulls);
        theirs.rows.len_of(&mut columns, 0);
        theirs.rows.write(&columns, 0, &mut null_row);
        let merge = ExternalSorter::merge(vec![out.sorter], &budget)?;
        Ok(Joined { ours: ours.rows, theirs: theirs.rows, null_row, merge })
    }
}

/// The rows of the other input, by their keys, each group once.
struct Groups {
    merge: Merge,
    partners: Partners,
    /// The row that was read last, which is not in the group: its key and itself; `None` at the end.
    ahead: Option<(Vec<u8>, Vec<u8>)>,
    key: Vec<u8>,
    group: Group,
}

impl Groups {
    fn new(merge: Merge, partners: Partners, budget: &Budget) -> Result<Self, Error> {
        let mut groups = Groups { merge, partners, ahead: None, key: Vec::new(), group: Group::new(budget) };
        groups.read()?;
        Ok(groups)
    }

    /// Reads the next row.
    fn read(&mut self) -> Result<(), Error> {
        self.ahead = self.merge.next()?.map(|(key, row)| (without_serial(key).to_vec(), row.to_vec()));
        Ok(())
    }

    /// Whether there is a group of this key, which is the one then. Keys are asked for in their order.
    fn is(&mut self, key: &[u8]) -> Result<bool, Error> {
        if !self.group.is_empty() && self.key == key {
            return Ok(true);
        }
        self.group.clear();
        while self.ahead.as_ref().is_some_and(|(ahead, _)| &ahead[..] < key) {
            self.read()?;
        }
        while let Some((ahead, row)) = &self.ahead
            && ahead == key
        {
            match self.partners {
                Partners::First if !self.group.is_empty() => {}
                Partners::Last => {
                    self.group.clear();
                    self.group.push(row)?;
                }
                _ => self.group.push(row)?,
            }
            self.read()?;
        }
        self.key.clear();
        self.key.extend_from_slice(key);
        Ok(!self.group.is_empty())
    }
}

/// The rows of one key; those that there is no memory for are in a temporary file.
struct Group {
    block: Vec<u8>,
    ends: Vec<usize>,
    pieces: Vec<Run>,
    spill: Option<Spill>,
    account: Account,
}

impl Group {
    fn new(budget: &Budget) -> Self {
        Group { block: Vec::new(), ends: Vec::new(), pieces: Vec::new(), spill: None, account: budget.account() }
    }

    fn is_empty(&self) -> bool {
        self.ends.is_empty() && self.pieces.is_empty()
    }

    fn clear(&mut self) {
        self.block.clear();
        self.ends.clear();
        self.pieces.clear();
        self.spill = None;
    }

    fn push(&mut self, row: &[u8]) -> Result<(), Error> {
        let grown = self.block.len() + row.len() > self.block.capacity() || self.ends.len() == self.ends.capacity();
        let wanted = 2 * (self.block.len() + row.len() + (self.ends.len() + 1) * size_of::<usize>());
        if grown && !self.account.hold(wanted) && !self.ends.is_empty() {
            self.write()?;
        }
        self.block.extend_from_slice(row);
        self.ends.push(self.block.len());
        Ok(())
    }

    /// Puts what is in memory into the file.
    fn write(&mut self) -> Result<(), Error> {
        let schema = Arc::new(Schema::new(vec![Field::new("row", Type::Text)])?);
        let spill = match &mut self.spill {
            Some(spill) => spill,
            none => none.insert(self.account.budget().spill()?),
        };
        let mut run = spill.write()?;
        let mut rows = BatchBuilder::new(schema);
        let mut from = 0;
        for &end in &self.ends {
            rows.push(&[Value::Text(&self.block[from..end])])?;
            from = end;
            if rows.text_bytes() >= self.account.budget().piece() || rows.len() == BATCH_ROWS {
                run.batch(&rows.finish()?)?;
            }
        }
        if !rows.is_empty() {
            run.batch(&rows.finish()?)?;
        }
        self.pieces.push(run.finish()?);
        self.block.clear();
        self.ends.clear();
        Ok(())
    }

    fn for_each(&self, mut each: impl FnMut(&[u8]) -> Result<(), Error>) -> Result<(), Error> {
        for piece in &self.pieces {
            let mut reader = piece.read()?;
            while let Some(batch) = reader.read()? {
                for row in batch.rows() {
                    let Value::Text(row) = row.value(0) else { return Err(Error::Protocol("a row that is no row")) };
                    each(row)?;
                }
            }
        }
        let mut from = 0;
        for &end in &self.ends {
            each(&self.block[from..end])?;
            from = end;
        }
        Ok(())
    }
}

/// Records with their partners: of each batch ours, and the columns of theirs.
pub struct Joined {
    ours: RowFormat,
    theirs: RowFormat,
    /// The row of nulls that a record without a partner has.
    null_row: Vec<u8>,
    merge: Merge,
}

impl Joined {
    fn next_batch(&mut self) -> Result<Option<(Batch, Batch)>, Error> {
        let mut block = self.null_row.clone();
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        while ours.len() < BATCH_ROWS && block.len() < BATCH_BYTES {
            let Some((_, row)) = self.merge.next()? else { break };
            let Some(len) = row.first_chunk::<4>() else { return Err(Error::Protocol("a row that is no row")) };
            let at = u32::try_from(block.len()).map_err(|_| Error::Data("a record of more than 4 GiB".to_owned()))?;
            let len = 4 + u32::from_le_bytes(*len);
            ours.push(at + 4);
            theirs.push(if row.len() > len as usize { at + len } else { 0 });
            block.extend_from_slice(row);
        }
        if ours.is_empty() {
            return Ok(None);
        }
        let block = Bytes::from(block);
        Ok(Some((self.ours.read(block.clone(), &ours)?, self.theirs.read(block, &theirs)?)))
    }
}

impl Iterator for Joined {
    type Item = Result<(Batch, Batch), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_batch().transpose()
    }
}
