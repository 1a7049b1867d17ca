//! The fields that the keys of dicts are, and their types.
//!
//! A field's type is that of its first value that is not `None`; whole numbers and floats together are floats. Dicts of one
//! program have their keys in one order, so the field after the last one is tried before a hash table is asked.

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use super::machine::{Item, Machine};
use crate::format::table::Table;

/// A block has no more values and nulls together than this: many small records with a key of their own each would take gigabytes.
const MAX_CELLS: usize = 1 << 24;

/// The texts of a block have no more bytes together than this: a pickle may name one text again and again for a few bytes each.
const MAX_TEXT_BYTES: usize = 1 << 26;

/// The columns of a [`Table`], by the keys of dicts.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    names: Vec<String>,
    by_name: HashMap<Box<[u8]>, u32>,
    /// The fields that are text whatever their values are.
    texts: Arc<[String]>,
    last: usize,
    /// The columns that had no type before the dict.
    typed: Vec<usize>,
    /// What the dict has in columns of whole numbers that are none: they become columns of floats if it is a record.
    floats: Vec<(usize, f64)>,
    /// Of all texts of the block.
    text_bytes: usize,
}

/// The type of a value that is no container.
fn kind(item: Item) -> Option<Type> {
    match item {
        Item::None => Some(Type::Null),
        Item::Bool(_) => Some(Type::Bool),
        Item::Int(_) => Some(Type::Int),
        Item::Float(_) => Some(Type::Float),
        Item::Text(..) | Item::Own(..) => Some(Type::Text),
        Item::Big(..) | Item::Dict(_) | Item::Tuple(..) | Item::Zone(_) | Item::Class(..) | Item::Object(..) | Item::Other(_) => None,
    }
}

impl Fields {
    /// No fields yet; those of these names will be text.
    pub(super) fn new(texts: Arc<[String]>) -> Self {
        Fields { texts, ..Fields::default() }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// Leaves the first `len`, for another block.
    pub(super) fn reset(&mut self, len: usize) {
        self.truncate(len);
        self.text_bytes = 0;
    }

    /// Leaves the first `len`.
    fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len..) {
            self.by_name.remove(name.as_bytes());
        }
    }

    /// The fields with the types that the columns have by now.
    pub(super) fn schema(&self, table: &Table) -> Arc<Schema> {
        let fields = self.names.iter().enumerate().map(|(column, name)| Field::new(name.clone(), table.kind(column))).collect();
        Arc::new(Schema::new(fields).unwrap_or_else(|_| unreachable!("names are checked when they come")))
    }

    fn find(&self, key: &[u8]) -> Option<usize> {
        let next = self.last + 1;
        match self.names.get(next) {
            Some(name) if name.as_bytes() == key => Some(next),
            _ => self.by_name.get(key).map(|column| *column as usize),
        }
    }

    /// Adds a dict as a record that begins at `start`.
    ///
    /// # Errors
    /// What does not fit a record; the table is as before.
    pub(super) fn add(&mut self, machine: &Machine, dict: u32, bytes: &[u8], start: usize, table: &mut Table) -> Result<(), String> {
        // Looked at as a whole before anything is kept, so that a dict that is refused leaves nothing behind.
        let (mut new, mut text_bytes) = (0, self.text_bytes);
        for (key, value) in machine.pairs(dict) {
            let key = machine.text(bytes, key).ok_or("a key that is not text")?;
            let column = self.find(key);
            new += usize::from(column.is_none());
            self.check(machine, key, value, column.map(|column| table.kind(column)))?;
            text_bytes += match value {
                Item::Text(_, len) | Item::Own(_, len) => len as usize,
                _ => 0,
            };
            self.last = column.unwrap_or(self.last);
        }
        if text_bytes > MAX_TEXT_BYTES {
            return Err(format!("the same texts again and again: more than {MAX_TEXT_BYTES} bytes in a block of records"));
        }
        if (self.names.len() + new) * (table.rows() + 1) > MAX_CELLS {
            return Err(format!("too many different keys around it: more than {MAX_CELLS} values or gaps in a block of records"));
        }
        if self.names.len() + new > Schema::MAX_FIELDS {
            return Err(format!("with its keys there would be more than {} fields", Schema::MAX_FIELDS));
        }
        table.begin(start);
        self.typed.clear();
        self.floats.clear();
        let columns = table.columns();
        self.last = usize::MAX - 1;
        for (key, value) in machine.pairs(dict) {
            let Some(key) = machine.text(bytes, key) else { continue };
            let column = self.find(key).unwrap_or_else(|| self.add_field(key, table));
            self.last = column;
            if table.kind(column) == Type::Null {
                self.typed.push(column);
            }
            if !self.floats.is_empty() {
                self.floats.retain(|(other, _)| *other != column);
            }
            if let (Type::Int, Item::Float(value)) = (table.kind(column), value) {
                table.unset(column);
                self.floats.push((column, value));
                continue;
            }
            if let Err(what) = put(value, column, machine, table) {
                // Two values of one key in the same dict, of different types.
                table.cancel(columns);
                self.truncate(columns);
                self.typed.iter().filter(|&&column| column < columns).for_each(|&column| table.untype(column));
                self.last = usize::MAX - 1;
                return Err(format!("`{}` is {what} at once", String::from_utf8_lossy(key)));
            }
        }
        self.last = usize::MAX - 1;
        self.text_bytes = text_bytes;
        for (column, value) in self.floats.drain(..) {
            table.retype(column, Type::Float);
            table.number(column, value.to_bits() as i64);
        }
        table.commit();
        Ok(())
    }

    fn check(&self, machine: &Machine, key: &[u8], value: Item, before: Option<Type>) -> Result<(), String> {
        let shown = || String::from_utf8_lossy(&key[..key.len().min(80)]).escape_debug().to_string();
        if before.is_none() && (key.len() > Schema::MAX_NAME_BYTES || std::str::from_utf8(key).is_err()) {
            return Err(format!("the key `{}` is too long or not UTF-8", shown()));
        }
        let what = match value {
            Item::Big(..) => "larger than an int can be",
            Item::Dict(_) => "a dict; only None, booleans, numbers, text and bytes are fields",
            Item::Tuple(..) => "a tuple; only None, booleans, numbers, text and bytes are fields",
            Item::Zone(_) => "a zone of times; only None, booleans, numbers, text and bytes are fields",
            Item::Class(..) | Item::Object(..) => {
                let class = String::from_utf8_lossy(machine.class(value).unwrap_or_default()).escape_debug().to_string();
                return Err(format!("`{}` is a {class}, which is not read: nothing in a pickle is executed", shown()));
            }
            Item::Other(what) => return Err(format!("`{}` is a {what}; only None, booleans, numbers, text and bytes are fields", shown())),
            _ => match (before.unwrap_or(Type::Null), kind(value).unwrap_or(Type::Null)) {
                (Type::Null | Type::Text, _) if before == Some(Type::Text) && self.is_text(key) => return Ok(()),
                (Type::Null, _) | (_, Type::Null) | (Type::Int, Type::Float) | (Type::Float, Type::Int) => return Ok(()),
                (before, now) if before == now => return Ok(()),
                (before, now) => {
                    let name = shown();
                    return Err(format!("`{name}` is {now} here and {before} in records before it; --cast {name}=str takes both"));
                }
            },
        };
        Err(format!("`{}` is {what}", shown()))
    }

    fn is_text(&self, key: &[u8]) -> bool {
        self.texts.iter().any(|name| name.as_bytes() == key)
    }

    fn add_field(&mut self, key: &[u8], table: &mut Table) -> usize {
        let column = self.names.len();
        self.names.push(String::from_utf8_lossy(key).into_owned());
        self.by_name.insert(key.into(), column as u32);
        table.add_column(if self.is_text(key) { Type::Text } else { Type::Null });
        column
    }
}

/// Gives the record a value; the last of several counts, as in Python.
fn put(value: Item, column: usize, machine: &Machine, table: &mut Table) -> Result<(), String> {
    if table.is_set(column) {
        table.unset(column);
    }
    let kind = kind(value).unwrap_or(Type::Null);
    match (table.kind(column), kind) {
        (Type::Null, _) if kind != Type::Null => table.retype(column, kind),
        _ => {}
    }
    match (table.kind(column), value) {
        (_, Item::None) => table.null(column),
        (Type::Text, Item::Text(start, len)) => table.text(column, start as usize, len as usize),
        (Type::Text, Item::Own(..)) => table.own_text(column, |own| own.extend_from_slice(machine.text(&[], value).unwrap_or_default())),
        // Writing to a vector does not fail.
        (Type::Text, Item::Bool(value)) => table.own_text(column, |own| drop(write!(own, "{value}"))),
        (Type::Text, Item::Int(value)) => table.own_text(column, |own| drop(write!(own, "{value}"))),
        (Type::Text, Item::Float(value)) => table.own_text(column, |own| drop(write!(own, "{value:?}"))),
        (Type::Bool, Item::Bool(value)) => table.number(column, i64::from(value)),
        (Type::Int, Item::Int(value)) => table.number(column, value),
        (Type::Float, Item::Float(value)) => table.number(column, value.to_bits() as i64),
        (Type::Float, Item::Int(value)) => table.number(column, (value as f64).to_bits() as i64),
        (before, _) => return Err(format!("{kind} and {before}")),
    }
    Ok(())
}
