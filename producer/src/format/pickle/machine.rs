//! A machine for pickles that can build data and nothing else.
//!
//! Python's builds any object, by calling whatever the pickle names; this one knows `None`, booleans, numbers, text and bytes,
//! dicts, lists and tuples of them, and the few classes of [`known`]. Any other object is the name of its class, and the
//! attributes that the pickle gives it ([`objects`]). There is nothing behind an opcode that could be executed.
//!
//! Text is never copied here, but for what protocol 0 escapes.

mod known;
mod objects;

use recpipe::times::Times;

use self::objects::Object;
use super::opcode::{MAX_PICKLE_BYTES, STOP, op};
use super::text::{self, Whole};

/// The deepest stack, and the most things remembered.
const MAX_STACK: usize = 1 << 18;
const MAX_MEMO: usize = 1 << 18;

/// A thing on the stack.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item {
    None,
    Bool(bool),
    Int(i64),
    /// A larger integer, by its number.
    Wide(u32),
    /// An integer that 128 bits do not hold: its digits, in the machine's own buffer.
    Digits(u32, u32),
    Float(f64),
    /// Text or bytes, in the block.
    Text(u32, u32),
    /// The same, in the machine's own buffer.
    Own(u32, u32),
    /// A dict, by its number.
    Dict(u32),
    /// A tuple, by where its parts lie among those of all.
    Tuple(u32, u32),
    /// A list or a set, by its number.
    List(u32),
    /// A moment, in nanoseconds, and the offset that its clock had, in seconds.
    Time(i64, i32),
    /// What a scalar of numpy is: its kind, its bytes, and whether the highest of them is first.
    Dtype(u8, u8, bool),
    /// The offset of a time, in seconds.
    Zone(i32),
    /// The name of a class or function, in the machine's own buffer.
    Class(u32, u32),
    /// An object of such a class, by its number.
    Object(u32),
    /// Something else that has parts: what it is.
    Other(&'static str),
}

/// What is put into an object as into a dict is put there, and nobody looks.
const NOBODY: u32 = u32::MAX;

/// A class has no longer name that is kept, and the names of one pickle are no longer together.
const MAX_CLASS_BYTES: usize = 200;
const MAX_CLASSES_BYTES: usize = 1 << 22;

/// Why the reading ends here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// The place of the opcode.
    pub at: usize,
    /// What it is about.
    pub what: String,
    /// Whether nothing is wrong but that the bytes end.
    pub is_torn: bool,
}

/// What one pickle holds.
#[derive(Debug, PartialEq)]
pub(super) struct Loaded {
    /// The place after it.
    pub end: usize,
    /// The object.
    pub item: Item,
}

/// Takes one pickle after the other; keeps its buffers.
#[derive(Debug, Default)]
pub(super) struct Machine {
    stack: Vec<Item>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    /// What is remembered, by its number, with the number of the pickle that it is of: so that a large number in one pickle is
    /// not paid for by each of the next.
    memo: Vec<(u64, Item)>,
    pickle: u64,
    /// How many things this pickle remembers.
    remembered: usize,
    /// Every key and value that was put into a dict, with the number of the dict.
    pairs: Vec<(u32, Item, Item)>,
    dicts: u32,
    /// Everything that was put into a list, with the number of the list.
    elements: Vec<(u32, Item)>,
    lists: u32,
    objects: Vec<Object>,
    /// How times without an offset are read.
    times: Times,
    wide: Vec<i128>,
    /// What is in tuples.
    parts: Vec<Item>,
    own: Vec<u8>,
}

impl Machine {
    /// Where times without an offset are taken as these are.
    pub(super) fn new(times: Times) -> Self {
        Machine { times, ..Machine::default() }
    }

    /// Takes the pickle at `start`.
    ///
    /// # Errors
    /// It is none, or does not end.
    pub(super) fn load(&mut self, bytes: &[u8], start: usize) -> Result<Loaded, Refused> {
        self.stack.clear();
        self.marks.clear();
        self.pairs.clear();
        self.parts.clear();
        self.own.clear();
        self.wide.clear();
        self.elements.clear();
        self.objects.clear();
        self.pickle += 1;
        (self.remembered, self.dicts, self.lists) = (0, 0, 0);
        let mut at = start;
        loop {
            let refused = |what| Refused { at, what, is_torn: false };
            let op = op(bytes, at).map_err(refused)?;
            let Some(op) = op else {
                return Err(match bytes.len() - start > MAX_PICKLE_BYTES {
                    true => too_long(start),
                    false => Refused { at: bytes.len(), what: "the stream ends within a pickle".to_owned(), is_torn: true },
                });
            };
            if op.code == STOP {
                if op.end - start > MAX_PICKLE_BYTES {
                    return Err(too_long(start));
                }
                let item = self.pop().map_err(refused)?;
                // Of the one dict that most have, all is in order.
                if self.dicts != 1 || !self.objects.is_empty() {
                    self.pairs.sort_by_key(|(dict, ..)| *dict);
                }
                self.elements.sort_by_key(|(list, _)| *list);
                return Ok(Loaded { end: op.end, item });
            }
            self.step(bytes, op.code, op.arg.start, &bytes[op.arg.clone()]).map_err(refused)?;
            if self.stack.len() > MAX_STACK {
                return Err(refused(format!("more than {MAX_STACK} things on its stack")));
            }
            at = op.end;
        }
    }

    /// What was put into the dict of this number, in order.
    pub(super) fn pairs(&self, dict: u32) -> impl Iterator<Item = (Item, Item)> {
        let from = self.pairs.partition_point(|(number, ..)| *number < dict);
        self.pairs[from..].iter().take_while(move |(number, ..)| *number == dict).map(|(_, key, value)| (*key, *value))
    }

    /// What is in a list or a tuple, in order; `None` where it is none.
    pub(super) fn parts(&self, item: Item) -> Option<Vec<Item>> {
        match item {
            Item::Tuple(start, len) => Some(self.parts.get(start as usize..)?.get(..len as usize)?.to_vec()),
            Item::List(list) => {
                let from = self.elements.partition_point(|(number, _)| *number < list);
                Some(self.elements[from..].iter().take_while(|(number, _)| *number == list).map(|(_, part)| *part).collect())
            }
            _ => None,
        }
    }

    /// The bytes of a text.
    pub(super) fn text<'a>(&'a self, bytes: &'a [u8], item: Item) -> Option<&'a [u8]> {
        match item {
            Item::Text(start, len) => bytes.get(start as usize..)?.get(..len as usize),
            Item::Own(start, len) => self.own.get(start as usize..)?.get(..len as usize),
            _ => None,
        }
    }

    /// A large integer.
    pub(super) fn wide(&self, number: u32) -> i128 {
        self.wide.get(number as usize).copied().unwrap_or_default()
    }

    /// The digits of one that is larger.
    pub(super) fn digits(&self, start: u32, len: u32) -> &[u8] {
        self.own.get(start as usize..).and_then(|own| own.get(..len as usize)).unwrap_or_default()
    }

    #[inline]
    fn step(&mut self, bytes: &[u8], code: u8, arg_at: usize, arg: &[u8]) -> Result<(), String> {
        match code {
            // Texts first: most of what a record holds is keys.
            b'\x8c' | b'X' | b'\x8d' if text::has_escaped_bytes(arg) => {
                let start = self.own.len();
                text::unescape_bytes(arg, &mut self.own);
                self.stack.push(Item::Own(start as u32, (self.own.len() - start) as u32));
            }
            b'\x8c' | b'X' | b'\x8d' | b'U' | b'T' | b'C' | b'B' | b'\x8e' | b'\x96' => {
                self.stack.push(Item::Text(arg_at as u32, arg.len() as u32));
            }
            b'\x94' => return self.put(self.remembered),
            b'q' | b'r' => return self.put(number(arg) as usize),
            b'p' => return self.put(index(arg)?),
            b'h' | b'j' => return self.get(number(arg) as usize),
            b'g' => return self.get(index(arg)?),
            b'N' => self.stack.push(Item::None),
            b'\x88' => self.stack.push(Item::Bool(true)),
            b'\x89' => self.stack.push(Item::Bool(false)),
            b'K' | b'M' => self.stack.push(Item::Int(number(arg) as i64)),
            b'J' => self.stack.push(Item::Int(i64::from(number(arg) as u32 as i32))),
            b'\x8a' | b'\x8b' => self.whole(text::long(arg)?),
            b'I' if arg == b"00" || arg == b"01" => self.stack.push(Item::Bool(arg == b"01")),
            b'I' => self.whole(text::decimal(arg)?),
            b'L' => self.whole(text::decimal(arg.strip_suffix(b"L").unwrap_or(arg))?),
            b'G' => self.stack.push(Item::Float(f64::from_bits(number(arg).swap_bytes()))),
            b'F' => self.stack.push(Item::Float(text::float(arg)?)),
            b'S' | b'V' => {
                let start = self.own.len();
                if code == b'S' {
                    text::quoted(arg, &mut self.own)?
                } else {
                    text::raw_unicode(arg, &mut self.own)
                }
                self.stack.push(Item::Own(start as u32, (self.own.len() - start) as u32));
            }
            b'(' => {
                if self.marks.len() >= MAX_STACK {
                    return Err(format!("more than {MAX_STACK} marks"));
                }
                self.marks.push(self.stack.len());
            }
            b'}' => {
                self.stack.push(Item::Dict(self.dicts));
                self.dicts += 1;
            }
            b'd' => {
                let from = self.mark()?;
                let dict = self.dicts;
                self.dicts += 1;
                self.fill(dict, from)?;
                self.stack.push(Item::Dict(dict));
            }
            b'u' => {
                let from = self.mark()?;
                let dict = self.dict_below(from)?;
                self.fill(dict, from)?;
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                let dict = self.dict_below(self.stack.len())?;
                self.pairs.push((dict, key, value));
            }
            b')' => self.stack.push(Item::Tuple(0, 0)),
            b']' | b'\x8f' => self.push_list(),
            b'l' | b'\x91' => {
                let from = self.mark()?;
                let parts = self.stack.split_off(from);
                self.push_list();
                self.append(parts)?;
            }
            b't' => {
                let from = self.mark()?;
                self.tuple(from);
            }
            b'\x85'..=b'\x87' => {
                let parts = usize::from(code - 0x84);
                for below in 0..parts {
                    self.below(self.stack.len() - below.min(self.stack.len()))?;
                }
                self.tuple(self.stack.len() - parts);
            }
            b'a' => {
                let part = self.pop()?;
                self.append([part])?;
            }
            b'e' | b'\x90' => {
                let from = self.mark()?;
                let parts = self.stack.split_off(from);
                self.append(parts)?;
            }
            b'0' => match self.marks.last() {
                Some(&mark) if mark == self.stack.len() => drop(self.marks.pop()),
                _ => drop(self.pop()?),
            },
            b'1' => {
                let from = self.mark()?;
                self.stack.truncate(from);
            }
            b'2' => self.stack.push(self.top()?),
            b'\x80' if number(arg) > 5 => return Err(format!("protocol {}, which is not known; 0 to 5 are", number(arg))),
            b'c' => {
                let class = self.class_of(arg)?;
                self.stack.push(class);
            }
            b'\x93' => {
                let (name, module) = (self.pop()?, self.pop()?);
                let (Some(module), Some(name)) = (self.text(bytes, module), self.text(bytes, name)) else {
                    return Err("a class whose name is no text".to_owned());
                };
                let class = self.class_of(&[cut(module), b"\n", cut(name)].concat())?;
                self.stack.push(class);
            }
            b'R' | b'\x81' => {
                let (args, class) = (self.pop()?, self.pop()?);
                self.make(bytes, class, args, code == b'\x81');
            }
            b'\x92' => {
                let (_, args, class) = (self.pop()?, self.pop()?, self.pop()?);
                self.make(bytes, class, args, true);
            }
            b'i' => {
                let (from, class) = (self.mark()?, self.class_of(arg)?);
                self.tuple(from);
                let args = self.pop()?;
                self.make(bytes, class, args, false);
            }
            b'o' => {
                let from = self.mark()?;
                let class = *self.stack.get(from).ok_or("an object without a class")?;
                self.tuple(from + 1);
                let (args, _) = (self.pop()?, self.pop()?);
                self.make(bytes, class, args, false);
            }
            b'b' => {
                let state = self.pop()?;
                self.build(bytes, state)?;
            }
            b'P' => self.stack.push(Item::Other("reference to something outside")),
            b'Q' => {
                self.pop()?;
                self.stack.push(Item::Other("reference to something outside"));
            }
            b'\x82'..=b'\x84' => self.stack.push(Item::Other("object of a class that has only a number")),
            b'\x97' | b'\x98' => return Err("a buffer that is not in the pickle".to_owned()),
            // A frame's length tells how much to read ahead.
            b'\x80' | b'\x95' => {}
            _ => return Err(format!("the opcode {code:#04x}, which is not known")),
        }
        Ok(())
    }

    /// An integer of any size.
    fn whole(&mut self, value: Whole) {
        let item = match value {
            Whole::Int(value) => match i64::try_from(value) {
                Ok(value) => Item::Int(value),
                Err(_) => {
                    self.wide.push(value);
                    Item::Wide(self.wide.len() as u32 - 1)
                }
            },
            Whole::Digits(digits) => {
                let start = self.own.len();
                self.own.extend_from_slice(&digits);
                Item::Digits(start as u32, digits.len() as u32)
            }
        };
        self.stack.push(item);
    }

    /// Makes one tuple of what is on the stack from `from` on.
    fn tuple(&mut self, from: usize) {
        let start = self.parts.len();
        self.parts.extend(self.stack.drain(from.min(self.stack.len())..));
        self.stack.push(Item::Tuple(start as u32, (self.parts.len() - start) as u32));
    }

    fn push_own(&mut self, text: &[u8]) {
        let start = self.own.len();
        self.own.extend_from_slice(text);
        self.stack.push(Item::Own(start as u32, text.len() as u32));
    }

    fn top(&self) -> Result<Item, String> {
        self.below(self.stack.len())
    }

    /// What lies below this height. What lies below a mark as well is not to be had before the mark is gone.
    fn below(&self, height: usize) -> Result<Item, String> {
        if self.marks.last().is_some_and(|mark| *mark >= height) {
            return Err("its stack is empty above a mark".to_owned());
        }
        let item = height.checked_sub(1).and_then(|top| self.stack.get(top));
        item.copied().ok_or_else(|| "its stack is empty".to_owned())
    }

    fn pop(&mut self) -> Result<Item, String> {
        let item = self.top()?;
        self.stack.pop();
        Ok(item)
    }

    fn mark(&mut self) -> Result<usize, String> {
        self.marks.pop().filter(|mark| *mark <= self.stack.len()).ok_or_else(|| "a mark is missing".to_owned())
    }

    fn put(&mut self, index: usize) -> Result<(), String> {
        let item = self.top()?;
        if index >= MAX_MEMO {
            return Err(format!("it remembers a thing as number {index}; the limit is {MAX_MEMO}"));
        }
        if self.memo.len() <= index {
            self.memo.resize(index + 1, (0, Item::None));
        }
        let slot = &mut self.memo[index];
        self.remembered += usize::from(slot.0 != self.pickle);
        *slot = (self.pickle, item);
        Ok(())
    }

    fn get(&mut self, index: usize) -> Result<(), String> {
        let item = self.memo.get(index).filter(|(pickle, _)| *pickle == self.pickle).map(|(_, item)| *item);
        let missing = "it refers to something that it does not hold (was it written by one Pickler object with others before it?)";
        self.stack.push(item.ok_or(missing)?);
        Ok(())
    }

    fn dict_below(&self, height: usize) -> Result<u32, String> {
        match self.below(height)? {
            Item::Dict(dict) => Ok(dict),
            Item::Object(_) | Item::Other(_) => Ok(NOBODY),
            _ => Err("keys and values are put into what is no dict".to_owned()),
        }
    }

    /// Puts what is on the stack from `from` on into a dict.
    fn fill(&mut self, dict: u32, from: usize) -> Result<(), String> {
        let (pairs, rest) = self.stack[from..].as_chunks::<2>();
        if !rest.is_empty() {
            return Err("a key without a value".to_owned());
        }
        self.pairs.extend(pairs.iter().map(|[key, value]| (dict, *key, *value)));
        self.stack.truncate(from);
        Ok(())
    }

    fn push_list(&mut self) {
        self.stack.push(Item::List(self.lists));
        self.lists += 1;
    }

    /// Adds these to the list that is on the top.
    fn append(&mut self, parts: impl IntoIterator<Item = Item>) -> Result<(), String> {
        let list = match self.top()? {
            Item::List(list) => list,
            Item::Object(_) | Item::Other(_) => return Ok(()),
            _ => return Err("parts are added to what is no list or set".to_owned()),
        };
        self.elements.extend(parts.into_iter().map(|part| (list, part)));
        Ok(())
    }
}

fn too_long(start: usize) -> Refused {
    Refused { at: start, is_torn: false, what: format!("a pickle longer than {MAX_PICKLE_BYTES} bytes") }
}

/// An unsigned number, little-endian.
fn number(arg: &[u8]) -> u64 {
    arg.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn index(arg: &[u8]) -> Result<usize, String> {
    std::str::from_utf8(arg).ok().and_then(|text| text.parse().ok()).ok_or_else(|| "a reference that is no number".to_owned())
}

/// As much of a name as is kept.
fn cut(name: &[u8]) -> &[u8] {
    &name[..name.len().min(MAX_CLASS_BYTES)]
}

#[cfg(test)]
mod tests;
