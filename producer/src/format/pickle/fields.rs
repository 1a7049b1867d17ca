//! What the keys of dicts hold, in the columns of a table.

use std::io::Write;
use std::sync::Arc;

use recpipe::record::Schema;

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
        let mut text_bytes = self.text_bytes;
        for (key, value) in machine.pairs(dict) {
            let key = machine.text(bytes, key).ok_or_else(|| reject("a key that is not text"))?;
            check(machine, key, value).map_err(reject)?;
            text_bytes += match value {
                Item::Text(_, len) | Item::Own(_, len) | Item::Digits(_, len) => len as usize,
                _ => 0,
            };
        }
        if text_bytes > MAX_TEXT_BYTES {
            return Err(match table.rows() {
                0 => reject(format!("the same texts again and again: more than {MAX_TEXT_BYTES} bytes")),
                _ => Refused::Full,
            });
        }
        if !table.has_room(self.names.len()) {
            return Err(Refused::Full);
        }
        let mut put = self.put_all(machine, dict, bytes, start, table);
        if put.is_err() && table.rows() == 0 && self.names.stand_alone(table) {
            put = self.put_all(machine, dict, bytes, start, table);
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
    fn put_all(&mut self, machine: &Machine, dict: u32, bytes: &[u8], start: usize, table: &mut Table) -> Result<(), String> {
        let known = self.names.len();
        table.begin(start);
        self.names.begin_record();
        for (key, value) in machine.pairs(dict) {
            let Some(key) = machine.text(bytes, key).and_then(|key| std::str::from_utf8(key).ok()) else { continue };
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

/// Whether a pair may be a field and its value.
fn check(machine: &Machine, key: &[u8], value: Item) -> Result<(), String> {
    let shown = || String::from_utf8_lossy(&key[..key.len().min(80)]).escape_debug().to_string();
    if key.len() > Schema::MAX_NAME_BYTES || std::str::from_utf8(key).is_err() {
        return Err(format!("the key `{}` is too long or not UTF-8", shown()));
    }
    let what = match value {
        Item::Dict(_) => "dict",
        Item::Tuple(..) => "tuple",
        Item::Zone(_) => "zone of times",
        Item::Class(..) | Item::Object(..) => {
            let class = String::from_utf8_lossy(machine.class(value).unwrap_or_default()).escape_debug().to_string();
            return Err(format!("`{}` is a {class}, which is not read: nothing in a pickle is executed", shown()));
        }
        Item::Other(what) => what,
        _ => return Ok(()),
    };
    Err(format!("`{}` is a {what}; only None, booleans, numbers, text and bytes are fields", shown()))
}

/// Gives the record a value; the last of several counts, as in Python.
fn put(value: Item, column: usize, as_text: bool, machine: &Machine, table: &mut Table) {
    if table.is_set(column) {
        table.unset(column);
    }
    // Writing to a vector does not fail.
    match value {
        Item::Text(start, len) => table.text(column, start as usize, len as usize),
        Item::Own(..) => table.own_text(column, |own| own.extend_from_slice(machine.text(&[], value).unwrap_or_default())),
        Item::Digits(start, len) => table.own_text(column, |own| own.extend_from_slice(machine.digits(start, len))),
        Item::Bool(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value}"))),
        Item::Int(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value}"))),
        Item::Wide(number) if as_text => table.own_text(column, |own| drop(write!(own, "{}", machine.wide(number)))),
        Item::Float(value) if as_text => table.own_text(column, |own| drop(write!(own, "{value:?}"))),
        Item::Bool(value) => table.bool(column, value),
        Item::Int(value) => table.int(column, value),
        Item::Wide(number) => table.wide(column, machine.wide(number)),
        Item::Float(value) => table.float(column, value),
        // A value that is not a dict makes no record.
        Item::None | Item::Dict(_) | Item::Tuple(..) | Item::Zone(_) | Item::Class(..) | Item::Object(..) | Item::Other(_) => {
            table.null(column)
        }
    }
}
