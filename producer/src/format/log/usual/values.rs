//! What stands between the marks of usual lines: whether it is what it has to be, and what becomes of it.

use std::ops::Range;

use memchr::memmem;
use recpipe::template::Recent;
use recpipe::times::{Read, Times};
use recpipe::untyped::Cell;

use super::super::super::Nulls;
use super::super::super::open_table::OpenTable;
use super::super::super::table::{Filler, Spot};
use super::super::super::usual::{float, number};
use super::Kind;
use super::layout::{Check, Edge, Field, Layout, Span, Split, Value};
use crate::dating::Seen;

/// The most lines that are looked at together.
const LINES: usize = 1024;

/// Stands for null among whole numbers: those of usual lines have eighteen digits at most.
const NULL: i64 = i64::MIN;

/// Room for what was found, kept so that it is not allocated for every line.
#[derive(Debug, Default)]
pub(in super::super) struct Room {
    splits: Vec<Vec<u32>>,
    values: Vec<Found>,
    /// Of each kind of lines, and each of its fields.
    recents: Vec<Vec<Recent>>,
}

/// The values of a field, line after line.
#[derive(Debug, Default)]
struct Found {
    ints: Vec<i64>,
    floats: Vec<Option<f64>>,
    times: Vec<Read>,
    /// Where the second and the third word begin.
    words: Vec<[u32; 2]>,
}

impl Room {
    /// A block begins: other times are read by other rules.
    pub(super) fn begin(&mut self, kind: usize, columns: usize) {
        if self.recents.len() <= kind {
            self.recents.resize_with(kind + 1, Vec::new);
        }
        self.recents[kind].clear();
        self.recents[kind].resize_with(columns, Recent::default);
    }
}

/// Usual lines: the places of their wanted marks, one line after the other.
#[derive(Clone, Copy)]
struct Places<'a> {
    block: &'a [u8],
    places: &'a [u32],
    /// How many a line has.
    width: usize,
}

impl Places<'_> {
    /// Where this line begins.
    #[inline(always)]
    fn start(&self, row: usize) -> u32 {
        self.places[row * self.width].wrapping_add(1)
    }

    /// The part of this line. Its end is not before its beginning if the layout's checks hold.
    #[inline(always)]
    fn range(&self, splits: &[Vec<u32>], all: &[Split], span: &Span, row: usize) -> Range<usize> {
        let from = match span.from {
            Edge::Mark(mark) => self.places[row * self.width + mark].wrapping_add(1) as usize,
            Edge::Split(split) => splits[split][row] as usize + all[split].bytes.len(),
        };
        let to = match span.to {
            Edge::Mark(mark) if mark == self.width => self.end(row),
            Edge::Mark(mark) => self.places[row * self.width + mark] as usize,
            Edge::Split(split) => splits[split][row] as usize,
        };
        from.wrapping_add(span.front)..to.wrapping_sub(span.back)
    }

    /// Where this line ends, without its line end.
    #[inline(always)]
    fn end(&self, row: usize) -> usize {
        let newline = self.places[(row + 1) * self.width] as usize;
        newline - usize::from(newline > 0 && self.block.get(newline - 1) == Some(&b'\r'))
    }
}

/// How many of the first `rows` lines fit, up to one that does not.
#[inline(always)]
fn fitting(rows: usize, fits: impl FnMut(usize) -> bool) -> usize {
    (0..rows).map(fits).position(|fits| !fits).unwrap_or(rows)
}

/// What usual lines are put into.
pub(in super::super) struct Lines<'a> {
    pub(in super::super) block: &'a [u8],
    pub(in super::super) open: &'a mut OpenTable,
    pub(in super::super) nulls: &'a Nulls,
    pub(in super::super) times: &'a Times,
    pub(in super::super) seen: &'a mut Seen,
}

impl Lines<'_> {
    /// Adds usual lines, up to the first that does not fit or that there is no room for; how many there were.
    pub(in super::super) fn add(&mut self, kind: &Kind, places: &[u32], room: &mut Room) -> usize {
        // The columns that the kinds know are those of the stream.
        if self.open.names.is_alone() {
            return 0;
        }
        let layout = &kind.layout;
        let width = layout.pattern().wanted();
        let places = Places { block: self.block, places, width };
        let most = self.open.table.room(self.open.names.len()).min(LINES);
        let rows = self.look(layout, &places, (places.places.len().saturating_sub(1) / width).min(most), kind.at, room);
        if rows > 0 {
            self.fill(kind, &places, rows, room);
        }
        rows
    }

    /// How many lines fit; their values are in the room then.
    fn look(&self, layout: &Layout, places: &Places<'_>, mut rows: usize, at: usize, room: &mut Room) -> usize {
        let Room { splits, values, recents } = room;
        let block = self.block;
        splits.resize_with(layout.splits.len().max(splits.len()), Vec::new);
        values.resize_with(layout.fields.len().max(values.len()), Found::default);
        for Check { span, begins, ends, is_all } in &layout.checks {
            let least = begins.len() + ends.len();
            rows = fitting(rows, |row| {
                let Range { start, end } = places.range(&[], &[], span, row);
                let len = end.wrapping_sub(start);
                let has_len = end >= start && if *is_all { len == least } else { len >= least };
                has_len && is_at(block, start, begins) && is_at(block, end - ends.len(), ends)
            });
        }
        for (place, Split { within, bytes }) in layout.splits.iter().enumerate() {
            let mut found = std::mem::take(&mut splits[place]);
            found.clear();
            rows = fitting(rows, |row| {
                let range = places.range(splits, &layout.splits, within, row);
                let start = range.start;
                let at = block.get(range).and_then(|text| match bytes[..] {
                    [byte] => text.iter().position(|one| *one == byte),
                    _ => memmem::find(text, bytes),
                });
                found.extend(at.map(|at| (start + at) as u32));
                at.is_some()
            });
            splits[place] = found;
        }
        for (place, Field { span, value, lacks, .. }) in layout.fields.iter().enumerate() {
            let range = |row: usize| places.range(splits, &layout.splits, span, row);
            if !lacks.is_empty() {
                rows = fitting(rows, |row| block.get(range(row)).is_some_and(|text| !text.iter().any(|byte| lacks.contains(byte))));
            }
            let found = &mut values[place];
            match value {
                Value::Text { .. } | Value::Cell { .. } => {}
                Value::Int { dash_is_zero } => {
                    found.ints.clear();
                    rows = fitting(rows, |row| push(&mut found.ints, int(block, range(row), *dash_is_zero)));
                }
                Value::Float => {
                    found.floats.clear();
                    rows = fitting(rows, |row| {
                        let range = range(row);
                        let number = match is_dash(block, &range) {
                            true => Some(None),
                            false => float(block, range.start, range.end).map(Some),
                        };
                        push(&mut found.floats, number)
                    });
                }
                Value::Time(pattern) => {
                    found.times.clear();
                    let recent = &mut recents[at][place];
                    rows = fitting(rows, |row| {
                        let range = range(row);
                        let text = block.get(range.start..).unwrap_or_default();
                        push(&mut found.times, recent.read(pattern, text, range.len(), self.times))
                    });
                }
                Value::Words => {
                    found.words.clear();
                    rows = fitting(rows, |row| push(&mut found.words, words(block, range(row))));
                }
            }
        }
        rows
    }

    /// Puts the values of these lines, which fit, into the columns that are read.
    fn fill(&mut self, kind: &Kind, places: &Places<'_>, rows: usize, room: &Room) {
        let (layout, block) = (&kind.layout, self.block);
        let mut columns = kind.columns.iter().copied();
        for (Field { span, value, .. }, found) in layout.fields.iter().zip(&room.values) {
            let range = |row: usize| places.range(&room.splits, &layout.splits, span, row);
            let spot = |row: usize| spot_of(places.start(row), &range(row));
            if let Value::Time(_) = value {
                found.times[..rows].iter().for_each(|read| self.seen.add(read.time, read.is_local));
            }
            if let Value::Words = value {
                for word in 0..3 {
                    let Some(column) = columns.next().flatten() else { continue };
                    let spot = |row: usize| {
                        let (Range { start, end }, [second, third]) = (range(row), found.words[row]);
                        let word = [start..second as usize - 1, second as usize..third as usize - 1, third as usize..end][word].clone();
                        spot_of(places.start(row), &word)
                    };
                    self.open.table.fill(column).texts((0..rows).map(spot));
                }
                continue;
            }
            let Some(column) = columns.next().flatten() else { continue };
            let is_text = self.open.names.is_cast(column);
            let mut filler = self.open.table.fill(column);
            match value {
                Value::Text { dash_is_null: false } => filler.texts((0..rows).map(spot)),
                Value::Text { dash_is_null: true } => (0..rows).for_each(|row| match is_dash(block, &range(row)) {
                    true => filler.null(),
                    false => filler.text(spot(row)),
                }),
                Value::Cell { dash_is_null } => (0..rows).for_each(|row| {
                    let range = range(row);
                    if *dash_is_null && is_dash(block, &range) {
                        filler.null();
                    } else {
                        cell(&mut filler, block.get(range).unwrap_or_default(), spot(row), self.nulls, is_text);
                    }
                }),
                Value::Int { .. } if !found.ints[..rows].contains(&NULL) => filler.ints(&found.ints[..rows]),
                Value::Int { .. } => found.ints[..rows].iter().for_each(|int| match *int {
                    NULL => filler.null(),
                    int => filler.int(int),
                }),
                Value::Float => found.floats[..rows].iter().for_each(|float| match *float {
                    None => filler.null(),
                    Some(float) => filler.float(float),
                }),
                Value::Time(_) => filler.times(found.times[..rows].iter().map(|read| read.time)),
                Value::Words => {}
            }
        }
        if let Some(column) = kind.format {
            self.open.table.fill_own(column, rows, kind.name.as_bytes());
        }
        self.open.table.commit_all((0..rows).map(|row| places.start(row)));
    }
}

/// Puts what there is behind the others; whether there was something.
#[inline(always)]
fn push<T>(into: &mut Vec<T>, value: Option<T>) -> bool {
    let is_there = value.is_some();
    into.extend(value);
    is_there
}

/// Where a part of a line that begins at `anchor` stands in it.
#[inline(always)]
fn spot_of(anchor: u32, range: &Range<usize>) -> Spot {
    ((range.start as u32).wrapping_sub(anchor), (range.end as u32).wrapping_sub(range.start as u32))
}

/// Whether these bytes stand here. Most literals are one byte or none.
#[inline(always)]
fn is_at(block: &[u8], at: usize, bytes: &[u8]) -> bool {
    match bytes {
        [] => true,
        [byte] => block.get(at) == Some(byte),
        _ => block.get(at..).is_some_and(|rest| rest.starts_with(bytes)),
    }
}

#[inline(always)]
fn is_dash(block: &[u8], range: &Range<usize>) -> bool {
    range.len() == 1 && block.get(range.start) == Some(&b'-')
}

/// A whole number without a sign.
#[inline(always)]
fn int(block: &[u8], range: Range<usize>, dash_is_zero: bool) -> Option<i64> {
    if is_dash(block, &range) {
        return Some(if dash_is_zero { 0 } else { NULL });
    }
    if range.is_empty() { None } else { number(block, range.start, range.end) }
}

/// Where the second and the third of three words begin.
fn words(block: &[u8], range: Range<usize>) -> Option<[u32; 2]> {
    let text = block.get(range.clone())?;
    let mut spaces = memchr::memchr_iter(b' ', text);
    let (one, two) = (spaces.next()?, spaces.next()?);
    let is_three = one > 0 && two > one + 1 && two + 1 < text.len() && spaces.next().is_none();
    is_three.then(|| [one, two].map(|space| (range.start + space + 1) as u32))
}

/// An int, a float or text, by its own bytes.
fn cell(filler: &mut Filler<'_>, text: &[u8], spot: Spot, nulls: &Nulls, is_text: bool) {
    if nulls.has(text) {
        return filler.null();
    }
    match Cell::of(text) {
        Cell::Int(value) if !is_text => filler.int(value),
        Cell::Wide(value) if !is_text => filler.wide(value),
        Cell::Float(value) if !is_text => filler.float(value),
        _ => filler.text(spot),
    }
}
