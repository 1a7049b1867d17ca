//! Lists and tuples as text: a JSON array, as `json` keeps its own.
//!
//! Times, and what else JSON has no word for, are text. Bytes that are not UTF-8 pass through, as they do in `json`.

use std::io::Write;

use recpipe::Time;

use super::super::json_string;
use super::machine::{Item, Machine};

/// Lists and dicts may be nested so deep.
const MAX_DEPTH: usize = 128;

/// The text of one value is no longer: a pickle may name one list again and again for a few bytes each.
const MAX_BYTES: usize = 1 << 20;

/// Appends a value, of a list or one itself.
///
/// # Errors
/// What of it is no value.
pub(super) fn write(machine: &Machine, bytes: &[u8], item: Item, out: &mut Vec<u8>) -> Result<(), String> {
    Writer { machine, bytes, begin: out.len(), out }.value(item, 0)
}

struct Writer<'a> {
    machine: &'a Machine,
    bytes: &'a [u8],
    begin: usize,
    out: &'a mut Vec<u8>,
}

impl Writer<'_> {
    fn value(&mut self, item: Item, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("it is nested deeper than {MAX_DEPTH}"));
        }
        if self.out.len() - self.begin > MAX_BYTES {
            return Err(format!("as text it has more than {MAX_BYTES} bytes"));
        }
        // Writing to a vector does not fail.
        match self.machine.value(item) {
            Item::None => self.out.extend_from_slice(b"null"),
            Item::Bool(value) => drop(write!(self.out, "{value}")),
            Item::Int(value) => drop(write!(self.out, "{value}")),
            Item::Wide(number) => drop(write!(self.out, "{}", self.machine.wide(number))),
            Item::Digits(start, len) => self.out.extend_from_slice(self.machine.digits(start, len)),
            Item::Float(value) if value.is_nan() => self.out.extend_from_slice(b"NaN"),
            Item::Float(value) if value.is_infinite() => drop(write!(self.out, "{}Infinity", if value < 0.0 { "-" } else { "" })),
            Item::Float(value) => drop(write!(self.out, "{value:?}")),
            Item::Time(nanos, offset_s) => drop(write!(self.out, "\"{}\"", Time { nanos, offset_s })),
            text @ (Item::Text(..) | Item::Own(..)) => self.text(text),
            Item::Dict(dict) => {
                self.out.push(b'{');
                for (nth, (key, value)) in self.machine.pairs(dict).enumerate() {
                    if nth > 0 {
                        self.out.push(b',');
                    }
                    match self.machine.text(self.bytes, key) {
                        Some(_) => self.text(key),
                        None => return Err("a dict in it has a key that is not text".to_owned()),
                    }
                    self.out.push(b':');
                    self.value(value, depth + 1)?;
                }
                self.out.push(b'}');
            }
            list @ (Item::List(_) | Item::Tuple(..)) => {
                self.out.push(b'[');
                for (nth, part) in self.machine.parts(list).unwrap_or_default().into_iter().enumerate() {
                    if nth > 0 {
                        self.out.push(b',');
                    }
                    self.value(part, depth + 1)?;
                }
                self.out.push(b']');
            }
            other => return Err(self.machine.what(other)),
        }
        Ok(())
    }

    fn text(&mut self, item: Item) {
        json_string::push(self.machine.text(self.bytes, item).unwrap_or_default(), self.out);
    }
}
