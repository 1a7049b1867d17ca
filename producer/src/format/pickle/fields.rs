//! What the keys of dicts hold, in the columns of a table.

use std::io::Write;
use std::sync::Arc;

use recpipe::record::{Schema, Time};

use super::cells::{self, Cell, Value};
use super::machine::{Item, Machine};
use crate::format::names::Names;
use crate::format::table::Table;

/// The texts of a block have no more bytes together than this: a pickle may name one text again and again for a few bytes each.
const MAX_TEXT_BYTES: usize = 1 << 26;

/// The columns of a [`Table`], by the keys of dicts.
pub(super) struct Fields {
    names: Names,
    /// Of all texts of the block.
    text_bytes: usize,
}

/// Why a dict is no record here.
pub(super) enum Refused {
    /// It is none.
    Reject(String),
    /// There are too many fields or texts with those of the records before: it goes to a batch of its own.
    Full,
}

fn reject(why: impl Into<String>) -> Refused {
    Refused::Reject(why.into())
}

impl Fields {
    /// Fields of these names.
    pub(super) fn new(names: Names) -> Self {
        Fields { names, text_bytes: 0 }
    }

    /// Begins a block.
    pub(super) fn begin(&mut self, table: &mut Table) {
        self.names.begin(table);
        self.text_bytes = 0;
    }

    /// All of them.
    pub(super) fn schema(&self) -> Arc<Schema> {
        self.names.schema()
    }

    /// Adds a dict as a record that begins at `start`.
    ///
    /// # Errors
    /// It does not fit; the table is as before.
    pub(super) fn add(&mut self, machine: &Machine, dict: u32, bytes: &[u8], start: usize, table: &mut Table) -> Result<(), Refused> {
        let mut text_bytes = 0;
        for (key, value) in machine.pairs(dict) {
            let name = machine.text(bytes, key).filter(|key| key.len() <= Schema::MAX_NAME_BYTES && std::str::from_utf8(key).is_ok());
            if name.is_none() || !is_plain(value) {
                // It flattens, or is no record.
                let cells = cells::of_dict(machine, bytes, dict).map_err(reject)?;
                return self.add_cells(machine, &cells, start, table);
            }
            text_bytes += bytes_of(value);
        }
        let pairs = || {
            machine.pairs(dict).filter_map(|(key, value)| {
                let name = machine.text(bytes, key).and_then(|key| std::str::from_utf8(key).ok())?;
                Some((name, Put::Item(value)))
            })
        };
        self.add_all(machine, pairs, text_bytes, start, table)
    }

    /// Adds a record of these fields.
    ///
    /// # Errors
    /// It does not fit; the table is as before.
    pub(super) fn add_cells(&mut self, machine: &Machine, cells: &[Cell], start: usize, table: &mut Table) -> Result<(), Refused> {
        let text_bytes = cells.iter().map(|cell| if let Value::Item(item) = cell.value { bytes_of(item) } else { 0 }).sum();
        let all = || {
            cells.iter().map(|cell| match &cell.value {
                Value::Item(item) => (cell.name.as_str(), Put::Item(*item)),
                Value::Json(text) => (cell.name.as_str(), Put::Own(text)),
            })
        };
        self.add_all(machine, all, text_bytes, start, table)
    }

    fn add_all<'c, I: Iterator<Item = (&'c str, Put<'c>)>>(
        &mut self,
        machine: &Machine,
        cells: impl Fn() -> I,
        text_bytes: usize,
        start: usize,
        table: &mut Table,
    ) -> Result<(), Refused> {
        let text_bytes = self.text_bytes + text_bytes;
        if text_bytes > MAX_TEXT_BYTES {
            return Err(match table.rows() {
                0 => reject(format!("the same texts again and again: more than {MAX_TEXT_BYTES} bytes")),
                _ => Refused::Full,
            });
        }
        if !table.has_room(self.names.len()) {
            return Err(Refused::Full);
        }
        let mut put = self.put_all(machine, cells(), start, table);
        if put.is_err() && table.rows() == 0 && self.names.stand_alone(table) {
            put = self.put_all(machine, cells(), start, table);
        }
        match put {
            Ok(()) => {
                self.text_bytes = text_bytes;
                Ok(())
            }
            Err(_) if table.rows() > 0 => Err(Refused::Full),
            Err(why) => Err(reject(why)),
        }
    }

    /// Whether there is room for its keys.
    fn put_all<'c>(
        &mut self,
        machine: &Machine,
        cells: impl Iterator<Item = (&'c str, Put<'c>)>,
        start: usize,
        table: &mut Table,
    ) -> Result<(), String> {
        let known = self.names.len();
        table.begin(start);
        self.names.begin_record();
        for (key, value) in cells {
            let place = match self.names.guess(key.as_bytes()).or_else(|| self.names.find(key)) {
                Some(place) => place,
                None if !self.names.args().sends(key) => continue,
                None if self.names.len() < Schema::MAX_FIELDS && table.has_room(self.names.len() + 1) => self.names.add(key, table),
                None => {
                    self.names.truncate(known);
                    table.cancel(known);
                    return Err(format!("more than {} fields", Schema::MAX_FIELDS));
                }
            };
            let as_text = self.names.is_cast(place);
            put(value, place, as_text, machine, table);
        }
        table.commit();
        Ok(())
    }
}

/// What is put into a table.
#[derive(Clone, Copy)]
enum Put<'c> {
    Item(Item),
    Own(&'c [u8]),
}

/// Whether it is a value as it is.
fn is_plain(item: Item) -> bool {
    matches!(
        item,
        Item::None
            | Item::Bool(_)
            | Item::Int(_)
            | Item::Wide(_)
            | Item::Digits(..)
            | Item::Float(_)
            | Item::Text(..)
            | Item::Own(..)
            | Item::Time(..)
    )
}

fn bytes_of(item: Item) -> usize {
    match item {
        Item::Text(_, len) | Item::Own(_, len) | Item::Digits(_, len) => len as usize,
        _ => 0,
    }
}

/// Gives the record a value; the last of several counts, as in Python.
fn put(value: Put<'_>, column: usize, as_text: bool, machine: &Machine, table: &mut Table) {
    if table.is_set(column) {
        table.unset(column);
    }
    let value = match value {
        Put::Item(value) => value,
        Put::Own(text) => return table.own_text(column, |own| own.extend_from_slice(text)),
    };
    // Writing to a vector does not fail.
    match value {
        Item::Text(start, len) => table.text(column, start as usize, len as usize),
        Item::Own(..) => table.own_text(column, |own| own.extend_from_slice(machine.text(&[], value).unwrap_or_default())),
        Item::Digits(start, len) => table.own_text(column, |own| own.extend_from_slice(machine.digits(start, len))),
        Item::Bool(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value}"))),
        Item::Int(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value}"))),
        Item::Wide(number) if as_text => table.own_text(column, |own| drop(write!(own, "{}", machine.wide(number)))),
        Item::Float(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value:?}"))),
        Item::Time(nanos, offset_s) if as_text => table.own_text(column, |own| drop(write!(own, "{}", Time { nanos, offset_s }))),
        Item::Bool(value) => table.bool(column, value),
        Item::Int(value) => table.int(column, value),
        Item::Wide(number) => table.wide(column, machine.wide(number)),
        Item::Float(value) => table.float(column, value),
        Item::Time(nanos, offset_s) => table.time(column, Time { nanos, offset_s }),
        // What is no value makes no record.
        _ => table.null(column),
    }
}
