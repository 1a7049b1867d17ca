//! The fields of a block in an open format: those that the stream has so far, and what its records bring.
//!
//! Records of one program have their keys in one order, so the field after the last one is tried before a hash table is asked.

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Field, Growing, Schema, Type};

use super::Args;
use super::table::Table;

/// Names and the columns of a [`Table`] that they stand for.
pub(super) struct Names {
    args: Args,
    growing: Arc<Growing>,
    /// The fields that the block begins with.
    base: Arc<Schema>,
    /// They are not among the names: there was no room for a record beside them.
    is_alone: bool,
    names: Vec<Arc<str>>,
    places: HashMap<Arc<str>, usize>,
    /// Of each name: a type was asked for it.
    is_cast: Vec<bool>,
    /// The place that the next key most likely has.
    next: usize,
}

/// No fields.
pub(super) fn no_fields() -> Arc<Schema> {
    Arc::new(Schema::new(Vec::new()).unwrap_or_else(|_| unreachable!("no fields")))
}

impl Names {
    /// The names of blocks of this stream.
    pub(super) fn new(args: Args, growing: Arc<Growing>) -> Self {
        let (names, places, is_cast) = (Vec::new(), HashMap::new(), Vec::new());
        Names { args, growing, base: no_fields(), is_alone: false, names, places, is_cast, next: 0 }
    }

    /// Of samples: all fields, and none are known.
    pub(super) fn of_samples(args: &Args) -> Self {
        Names::new(Args { fields: None, ..args.clone() }, Arc::new(Growing::new(no_fields())))
    }

    /// What was typed.
    pub(super) fn args(&self) -> &Args {
        &self.args
    }

    /// Begins a block, with the fields that there are by now.
    pub(super) fn begin(&mut self, table: &mut Table) {
        let now = self.growing.schema();
        if self.is_alone || !Arc::ptr_eq(&now, &self.base) {
            let same = self.names.iter().zip(now.names()).take_while(|(known, name)| known.as_ref() == *name).count();
            self.truncate(same);
            now.names().skip(same).for_each(|name| self.add_name(name));
            (self.base, self.is_alone) = (now, false);
        }
        self.truncate(self.base.len());
        table.reset(self.base.fields().iter().map(|field| field.kind));
        self.next = 0;
    }

    /// Gives the first record of a block a table of its own, without the fields of the stream, so that it is a record however many fields
    /// the stream has. Answers whether that made room.
    pub(super) fn stand_alone(&mut self, table: &mut Table) -> bool {
        let has_room = !self.base.is_empty() && !self.is_alone;
        if has_room {
            self.truncate(0);
            self.is_alone = true;
            table.reset([]);
        }
        has_room
    }

    fn add_name(&mut self, name: &str) {
        let shared: Arc<str> = name.into();
        self.places.insert(shared.clone(), self.names.len());
        self.names.push(shared);
        self.is_cast.push(self.args.is_cast(name));
    }

    /// Keeps only the first `len` names.
    pub(super) fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len.min(self.names.len())..) {
            self.places.remove(&name);
        }
        self.is_cast.truncate(len);
    }

    /// The name of a place.
    pub(super) fn name(&self, place: usize) -> &str {
        &self.names[place]
    }

    /// Whether the block has columns of its own, not those of the stream.
    pub(super) fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// How many names there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// A record begins.
    #[inline]
    pub(super) fn begin_record(&mut self) {
        self.next = 0;
    }

    /// Whether the next key is most likely this one, and is that.
    #[inline]
    pub(super) fn guess(&mut self, name: &[u8]) -> Option<usize> {
        let place = self.next;
        let is_it = self.names.get(place).is_some_and(|next| next.as_bytes() == name);
        is_it.then(|| {
            self.next += 1;
            place
        })
    }

    /// The place of a name.
    pub(super) fn find(&mut self, name: &str) -> Option<usize> {
        let place = *self.places.get(name)?;
        self.next = place + 1;
        Some(place)
    }

    /// A further name, and its column.
    pub(super) fn add(&mut self, name: &str, table: &mut Table) -> usize {
        self.add_name(name);
        table.add_column();
        self.next = self.names.len();
        self.names.len() - 1
    }

    /// Whether the values of this name are kept as text, whatever they are.
    #[inline]
    pub(super) fn is_cast(&self, place: usize) -> bool {
        self.is_cast[place]
    }

    /// The fields that the block began with, and its own.
    pub(super) fn schema(&self) -> Arc<Schema> {
        let known: &[Field] = if self.is_alone { &[] } else { self.base.fields() };
        if !self.is_alone && self.names.len() == known.len() {
            return self.base.clone();
        }
        let new = self.names[known.len()..].iter().map(|name| Field::open(&**name, Type::Mixed));
        // The names differ, are not too long, and not too many: that was seen to when they came.
        let schema = self.base.with_fields(known.iter().cloned().chain(new).collect());
        Arc::new(schema.unwrap_or_else(|_| unreachable!("every name was looked at")))
    }
}
