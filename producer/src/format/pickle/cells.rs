//! What one record has, by the names of its fields: a dict whose values are dicts flattens, as in `json`, and lists are text.

use std::collections::HashMap;

use recpipe::record::Schema;

use super::json_text;
use super::machine::{Item, Machine};

/// Dicts may be nested so deep.
const MAX_DEPTH: usize = 128;

/// A field and its value.
#[derive(Debug)]
pub(super) struct Cell {
    pub name: String,
    pub value: Value,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Value {
    /// This.
    Item(Item),
    /// The text of a list.
    Json(Vec<u8>),
}

/// The fields of a dict.
///
/// # Errors
/// What of it is no field.
pub(super) fn of_dict(machine: &Machine, bytes: &[u8], dict: u32) -> Result<Vec<Cell>, String> {
    let mut flat = Flat { machine, bytes, cells: Vec::new(), ways: HashMap::new(), looked_at: 0 };
    flat.dict(dict, &mut String::new(), 0, 0)?;
    Ok(flat.cells)
}

/// The fields of something else: a value each of those that are named, or all of it in the one that is.
///
/// # Errors
/// There are more or fewer, or one is no value.
pub(super) fn of_value(machine: &Machine, bytes: &[u8], item: Item, names: &[String]) -> Result<Vec<Cell>, String> {
    let one = |name: &str, item| {
        Ok(Cell { name: name.to_owned(), value: value(machine, bytes, item).map_err(|what| format!("`{name}` is {what}"))? })
    };
    match (machine.parts(item), names) {
        (_, []) => Ok(vec![one("value", item)?]),
        (Some(parts), names) if parts.len() == names.len() => names.iter().zip(parts).map(|(name, part)| one(name, part)).collect(),
        (None, [name]) => Ok(vec![one(name, item)?]),
        (parts, _) => {
            let count = parts.map_or(1, |parts| parts.len());
            Err(format!("--names has {}, the pickle {count} value{}", names.len(), if count == 1 { "" } else { "s" }))
        }
    }
}

/// A value of a field; `Err` says what it is else.
fn value(machine: &Machine, bytes: &[u8], item: Item) -> Result<Value, String> {
    match machine.value(item) {
        list @ (Item::List(_) | Item::Tuple(..) | Item::Dict(_)) => {
            let mut text = Vec::new();
            json_text::write(machine, bytes, list, &mut text).map_err(|what| format!("a list, and {what}"))?;
            Ok(Value::Json(text))
        }
        none @ (Item::Class(..) | Item::Object(_) | Item::Zone(_) | Item::Dtype(..) | Item::Other(_)) => Err(machine.what(none)),
        item => Ok(Value::Item(item)),
    }
}

struct Flat<'a> {
    machine: &'a Machine,
    bytes: &'a [u8],
    cells: Vec<Cell>,
    /// The way to each name: `a.b` may be one key, or two.
    ways: HashMap<String, u64>,
    /// Pairs so far: a pickle may name one dict again and again for a few bytes each.
    looked_at: usize,
}

impl Flat<'_> {
    fn dict(&mut self, dict: u32, path: &mut String, way: u64, depth: usize) -> Result<(), String> {
        if depth > MAX_DEPTH {
            return Err(format!("dicts are nested deeper than {MAX_DEPTH}"));
        }
        let parent = path.len();
        for (key, item) in self.machine.pairs(dict) {
            self.looked_at += 1;
            if self.looked_at > 2 * Schema::MAX_FIELDS {
                return Err("the same dicts again and again".to_owned());
            }
            let key = self.machine.text(self.bytes, key).ok_or("a key that is not text")?;
            if parent > 0 {
                path.push('.');
            }
            match std::str::from_utf8(key) {
                Ok(key) if path.len() + key.len() <= Schema::MAX_NAME_BYTES => path.push_str(key),
                _ => return Err(format!("the key `{}` is too long or not UTF-8", shown(key))),
            }
            match self.machine.value(item) {
                Item::Dict(inner) => {
                    let way = way.wrapping_mul(0x1_0000_01b3).wrapping_add(path.len() as u64 + 1);
                    self.dict(inner, path, way, depth + 1)?;
                }
                item => {
                    if self.ways.insert(path.clone(), way).is_some_and(|other| other != way) {
                        return Err(format!("two ways lead to `{path}`"));
                    }
                    let value = value(self.machine, self.bytes, item).map_err(|what| format!("`{}` is {what}", shown(path.as_bytes())))?;
                    self.cells.push(Cell { name: path.clone(), value });
                }
            }
            path.truncate(parent);
        }
        Ok(())
    }
}

/// A key for people.
pub(super) fn shown(key: &[u8]) -> String {
    String::from_utf8_lossy(&key[..key.len().min(80)]).escape_debug().to_string()
}
