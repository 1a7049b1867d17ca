//! The records of a block whose fields are known by their names, of which any may bring further ones.

use std::borrow::Cow;

use recpipe::record::Schema;

use super::names::Names;
use super::table::Table;

/// A table, the names of its columns, and how much room there is.
pub(super) struct OpenTable {
    pub(super) names: Names,
    pub(super) table: Table,
    /// Where the record begins that is not in the table, as there was no room for it.
    stopped_at: Option<usize>,
    /// There are too many fields with those of the record.
    has_too_many: bool,
    /// Where the block can be parted before the record.
    from: usize,
}

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome<T> {
    /// It is in the table, unless the reader has none.
    Taken(T),
    /// There is no room for it: what was read is what is before it.
    Stopped,
    /// It is none; why.
    Reject(Cow<'static, str>),
}

impl OpenTable {
    /// With these names.
    pub(super) fn new(names: Names) -> Self {
        OpenTable { names, table: Table::open(), stopped_at: None, has_too_many: false, from: 0 }
    }

    /// Begins a block.
    pub(super) fn begin(&mut self) {
        self.names.begin(&mut self.table);
        (self.stopped_at, self.has_too_many) = (None, false);
    }

    /// Where the block was stopped at.
    pub(super) fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }

    /// Reads the record that begins at `start` in the block, which can be parted before it at `from`. What `read` has put there stays
    /// if it answers that it is one.
    pub(super) fn record<T>(
        &mut self,
        from: usize,
        start: usize,
        is_record: impl Fn(&T) -> bool,
        mut read: impl FnMut(&mut Self) -> Result<T, Cow<'static, str>>,
    ) -> Outcome<T> {
        if !self.table.has_room(self.names.len()) {
            self.stopped_at = Some(from);
            return Outcome::Stopped;
        }
        self.from = from;
        let mut outcome = self.once(start, &is_record, &mut read);
        let is_full = |this: &mut Self| this.has_too_many && this.stopped_at.is_none() && this.names.stand_alone(&mut this.table);
        if outcome.is_err() && is_full(self) {
            outcome = self.once(start, &is_record, &mut read);
        }
        match outcome {
            Ok(taken) => Outcome::Taken(taken),
            Err(_) if self.stopped_at.is_some() => Outcome::Stopped,
            Err(why) => Outcome::Reject(why),
        }
    }

    fn once<T>(
        &mut self,
        start: usize,
        is_record: &impl Fn(&T) -> bool,
        read: &mut impl FnMut(&mut Self) -> Result<T, Cow<'static, str>>,
    ) -> Result<T, Cow<'static, str>> {
        let known = self.names.len();
        self.has_too_many = false;
        self.table.begin(start);
        self.names.begin_record();
        let read = read(self);
        if read.as_ref().is_ok_and(is_record) {
            self.table.commit();
        } else {
            self.names.truncate(known);
            self.table.cancel(known);
        }
        read
    }

    /// Whether the record has a value in this column.
    #[inline]
    pub(super) fn is_set(&self, place: usize) -> bool {
        self.table.is_set(place)
    }

    /// The column of this name; `None` where it is not sent.
    ///
    /// # Errors
    /// There is no room for it.
    #[inline]
    pub(super) fn place(&mut self, name: &str) -> Result<Option<usize>, Cow<'static, str>> {
        match self.names.guess(name.as_bytes()) {
            Some(place) => Ok(Some(place)),
            None => self.look_up(name),
        }
    }

    fn look_up(&mut self, name: &str) -> Result<Option<usize>, Cow<'static, str>> {
        // Before it is looked up: many values below one long key would each take as long as the key.
        if name.len() > Schema::MAX_NAME_BYTES {
            return match self.names.args().fields {
                Some(_) => Ok(None),
                None => Err(format!("a key of more than {} bytes", Schema::MAX_NAME_BYTES).into()),
            };
        }
        if let Some(place) = self.names.find(name) {
            return Ok(Some(place));
        }
        if !self.names.args().sends(name) {
            return Ok(None);
        }
        self.has_too_many = self.names.len() >= Schema::MAX_FIELDS;
        // Of a batch of its own, the record may be.
        if self.table.rows() > 0 && (self.has_too_many || !self.table.has_room(self.names.len() + 1)) {
            self.stopped_at = Some(self.from);
            return Err("too many keys".into());
        }
        if self.has_too_many {
            return Err(format!("more than {} different keys", Schema::MAX_FIELDS).into());
        }
        Ok(Some(self.names.add(name, &mut self.table)))
    }
}
