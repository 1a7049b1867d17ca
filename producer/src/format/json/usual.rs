//! Objects that are written like one before them: the same keys in the same order, with other values.
//!
//! A program writes all records of a kind with one statement, so what lies between their values is the same, byte for byte. Of an
//! object that was gone through ([`json::object`]) that is kept as its [`Layout`]. Where the next one has the same bytes in these
//! places and a whole value in each place between, it has the same keys, and is JSON as the first was: keys need not be unescaped,
//! looked up or held against each other. Values that nobody reads are only passed over. What fits no layout is gone through as
//! before, which stays the oracle of this way.

use recpipe::json::{self, Scalar};

use super::{Found, OpenTable, put};
use crate::format::{Wanted, usual::Budget};

/// So many layouts are kept: a log has few kinds of records that come often.
const MOST: usize = 4;

/// Of larger objects no layout is kept: they are few.
pub(super) const MOST_STEPS: usize = 256;

/// A value of an object that was gone through.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// Where it begins and ends, with its quotes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Its column, if it is sent.
    pub(super) place: Option<usize>,
    /// It stands in the object itself, not in one within it.
    pub(super) is_outermost: bool,
}

/// Bytes that are the same in all objects of a layout.
#[derive(Debug)]
struct Literal {
    /// The first 16 of them, and which there are.
    words: [u64; 2],
    masks: [u64; 2],
    bytes: Box<[u8]>,
}

impl Literal {
    fn new(bytes: &[u8]) -> Self {
        let word = |from: usize, of: fn(u8) -> u8| {
            let part = bytes.get(from..).unwrap_or_default().iter().take(8).enumerate();
            part.fold(0, |word, (at, &byte)| word | u64::from(of(byte)) << (8 * at))
        };
        let words = |of| [word(0, of), word(8, of)];
        Literal { words: words(|byte| byte), masks: words(|_| 0xff), bytes: bytes.into() }
    }

    /// Where they end, if they stand here.
    #[inline]
    fn after(&self, text: &[u8], at: usize) -> Option<usize> {
        let end = at + self.bytes.len();
        let is_here = match (word(text, at), word(text, at + 8)) {
            (Some(low), Some(high)) if self.bytes.len() <= 16 => {
                ((low ^ self.words[0]) & self.masks[0]) | ((high ^ self.words[1]) & self.masks[1]) == 0
            }
            _ => text.get(at..end).is_some_and(|here| *here == *self.bytes),
        };
        is_here.then_some(end)
    }
}

#[inline]
fn word(text: &[u8], at: usize) -> Option<u64> {
    text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes)
}

/// A value, and what lies before it.
#[derive(Debug)]
struct Step {
    before: Literal,
    /// The column that it goes to, if somebody reads it.
    place: Option<usize>,
    /// It goes there as it is written, whatever it is.
    is_text: bool,
    is_outermost: bool,
}

/// What is the same in objects that are written alike.
#[derive(Debug)]
struct Layout {
    steps: Vec<Step>,
    after: Literal,
}

/// An odd object costs what is gained by so many usual ones: all layouts are tried, and one more is made.
const COST: usize = 3;

/// The layouts of the objects of a block.
pub(super) struct Usual {
    layouts: Vec<Layout>,
    /// The layout of the object before, and the one that the next new one replaces.
    last: usize,
    oldest: usize,
    found: Vec<Found>,
    /// What was told of the object that is gone through.
    pub(super) told: Vec<Told>,
    budget: Budget,
    /// Objects in a row that had a known layout.
    run: usize,
    /// Nobody looks before this place of the block.
    rests_until: usize,
    /// The usual ones so far.
    #[cfg(test)]
    read: usize,
}

impl Usual {
    pub(super) fn new() -> Self {
        Usual {
            layouts: Vec::new(),
            last: 0,
            oldest: 0,
            found: Vec::new(),
            told: Vec::new(),
            budget: Budget::new(COST),
            run: 0,
            rests_until: 0,
            #[cfg(test)]
            read: 0,
        }
    }

    /// Begins a block, whose columns may be others.
    pub(super) fn begin(&mut self) {
        self.layouts.clear();
        (self.last, self.oldest, self.run, self.rests_until, self.budget) = (0, 0, 0, 0, Budget::new(COST));
    }

    /// Reads the object `text`, which stands at `start` in the block, if it is a usual one.
    #[inline]
    pub(super) fn read(&mut self, text: &[u8], start: usize, open: &mut OpenTable) -> bool {
        if start < self.rests_until || self.layouts.is_empty() {
            return false;
        }
        if !self.find(text) {
            return false;
        }
        self.run += 1;
        #[cfg(test)]
        {
            self.read += 1;
        }
        self.found.iter().for_each(|found| put(&mut open.table, (text, start), found));
        true
    }

    /// How many usual objects there were.
    #[cfg(test)]
    pub(super) fn read_so_far(&self) -> usize {
        self.read
    }

    /// Finds its values, by the layout of the object before, or another.
    #[inline]
    fn find(&mut self, text: &[u8]) -> bool {
        if self.layouts[self.last].find(text, &mut self.found) {
            return true;
        }
        let other =
            (0..self.layouts.len()).filter(|layout| *layout != self.last).find(|layout| self.layouts[*layout].find(text, &mut self.found));
        self.last = other.unwrap_or(self.last);
        other.is_some()
    }

    /// Whether what is told of the object at `start` is to be kept.
    pub(super) fn wants(&mut self, start: usize) -> bool {
        if start < self.rests_until {
            return false;
        }
        self.budget.count(std::mem::take(&mut self.run));
        if let Some(pause) = self.budget.spent() {
            self.rests_until = start + pause;
            return false;
        }
        self.told.clear();
        true
    }

    /// Keeps the layout of the object `text`, of which it was told.
    pub(super) fn learn(&mut self, text: &[u8], open: &OpenTable, wanted: &Wanted) {
        let Some(layout) = self.layout(text, open, wanted) else { return };
        if self.layouts.len() < MOST {
            self.last = self.layouts.len();
            self.layouts.push(layout);
        } else {
            self.last = self.oldest;
            self.layouts[self.last] = layout;
            self.oldest = (self.oldest + 1) % MOST;
        }
    }

    fn layout(&self, text: &[u8], open: &OpenTable, wanted: &Wanted) -> Option<Layout> {
        let mut columns: Vec<usize> = self.told.iter().filter_map(|told| told.place).collect();
        columns.sort_unstable();
        // Of a key that stands there twice, the last counts.
        if self.told.len() > MOST_STEPS || columns.windows(2).any(|two| two[0] == two[1]) {
            return None;
        }
        let mut at = 0;
        let step = |told: &Told| {
            let before = Literal::new(&text[std::mem::replace(&mut at, told.end)..told.start]);
            let place = told.place.filter(|place| wanted.has(open.names.name(*place)));
            let is_text = told.place.is_some_and(|place| open.names.is_cast(place));
            Step { before, place, is_text, is_outermost: told.is_outermost }
        };
        let steps = self.told.iter().map(step).collect();
        Some(Layout { steps, after: Literal::new(&text[at..]) })
    }
}

impl Layout {
    /// The values of an object that is written like this, if it is.
    #[inline]
    fn find(&self, text: &[u8], found: &mut Vec<Found>) -> bool {
        found.clear();
        self.end(text, found) == Some(text.len())
    }

    /// Where it ends.
    fn end(&self, text: &[u8], found: &mut Vec<Found>) -> Option<usize> {
        let mut at = 0;
        for step in &self.steps {
            let start = step.before.after(text, at)?;
            let (scalar, end) = value(text, start, step.is_outermost)?;
            at = end;
            if let Some(place) = step.place {
                let (start, end) = if let Scalar::String { .. } = scalar { (start + 1, end - 1) } else { (start, end) };
                found.push(Found { place, is_text: step.is_text, start, len: end - start, scalar });
            }
        }
        self.after.after(text, at)
    }
}

/// The value that begins here, and where it ends.
#[inline]
fn value(text: &[u8], start: usize, is_outermost: bool) -> Option<(Scalar, usize)> {
    match *text.get(start)? {
        b'"' => {
            if let Some(end) = plain_string(text, start + 1) {
                return Some((Scalar::String { escaped: false }, end + 1));
            }
        }
        b'0'..=b'9' => {
            if let Some(whole) = whole_number(text, start) {
                return Some(whole);
            }
        }
        // How deep arrays may be nested depends on what they are in.
        b'[' if !is_outermost => return None,
        _ => {}
    }
    json::value(text, start).ok()
}

/// Where a string ends that has no escapes.
#[inline]
fn plain_string(text: &[u8], start: usize) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    // The lowest bit that is set is right (Mycroft); of those above it nobody asks.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let mut at = start;
    for _ in 0..4 {
        let Some(word) = word(text, at) else { break };
        let hits = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if hits != 0 {
            let end = at + hits.trailing_zeros() as usize / 8;
            return (text[end] == b'"').then_some(end);
        }
        at += 8;
    }
    let end = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
    (text[end] == b'"').then_some(end)
}

/// A number of at most 18 digits and nothing else.
#[inline]
fn whole_number(text: &[u8], start: usize) -> Option<(Scalar, usize)> {
    let (mut at, mut number) = (start, 0_i64);
    while let Some(digit @ b'0'..=b'9') = text.get(at).copied() {
        number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
        at += 1;
    }
    let has_more = matches!(text.get(at), Some(b'.' | b'e' | b'E'));
    let is_plain = at - start <= 18 && !has_more && (text[start] != b'0' || at - start == 1);
    is_plain.then_some((Scalar::Int(number), at))
}
