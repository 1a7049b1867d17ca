//! Takes the records of a block apart: each by the first member that it fits.

use std::sync::Arc;

use recpipe::times::Times;

use super::super::lines::lines;
use super::super::names::Names;
use super::super::open_table::{OpenTable, Outcome};
use super::super::usual::{Usual, Walk, read};
use super::super::{Args, Nulls, Parsed, Parser, Reject, Wanted};
use super::boundary::trimmed;
use super::member::{FORMAT, Fault, Members, Reader, Row, Taken};
use super::usual::{self, UsualLines};
use crate::dating::{Dating, Seen};
use crate::input::block::Block;
use crate::simd;

/// A parser of one worker.
pub(super) struct RecordParser {
    members: Arc<Members>,
    readers: Vec<Box<dyn Reader>>,
    open: OpenTable,
    nulls: Nulls,
    dating: Arc<Dating>,
    /// A record may have several lines.
    takes_lines: bool,
    /// Lines that are read many at a time, where that is faster, and records are single lines.
    usual: Option<Box<UsualLines>>,
}

/// The lines of a record.
#[derive(Debug, Clone, Copy)]
struct Lines {
    start: usize,
    /// Where the first line ends, without its line end.
    first_end: usize,
    /// Where the last line ends, without its line end.
    end: usize,
    /// Which line of the block is the first.
    number: u32,
    /// How many there are.
    count: u32,
    /// The first one begins a record.
    begins: bool,
}

/// What a block has beside its records.
#[derive(Default)]
struct Beside {
    rejects: Vec<Reject>,
    blank: u32,
}

impl RecordParser {
    /// With the names of the stream, or of a sample.
    pub(super) fn new(members: Arc<Members>, names: Names, args: &Args) -> Self {
        let readers = members.all().iter().map(|member| member.reader()).collect();
        let takes_lines = members.takes_lines();
        let usual = (simd::has_masks() && !takes_lines).then(Box::default);
        RecordParser {
            members,
            readers,
            open: OpenTable::new(names),
            nulls: args.nulls.clone(),
            dating: args.dating.clone(),
            takes_lines,
            usual,
        }
    }

    /// The same, with usual lines or without them, whatever is faster.
    #[cfg(test)]
    pub(super) fn with_usual(self, is_usual: bool) -> Self {
        RecordParser { usual: is_usual.then(Box::default), ..self }
    }

    /// Reads a text as the first member that it fits; those that take one line only are not asked where it has several.
    fn read(&mut self, text: &[u8], start: usize, is_several: bool, times: &Times, seen: &mut Seen) -> Outcome<Taken> {
        let RecordParser { members, readers, open, nulls, .. } = self;
        let mut last: Outcome<Taken> = Outcome::Reject(Fault::default());
        for (member, reader) in members.all().iter().zip(readers) {
            if is_several && !member.takes_lines() {
                continue;
            }
            let mut noted = Seen::default();
            let outcome = open.record(
                start,
                start,
                |taken| *taken == Taken::Record,
                |table| {
                    noted = Seen::default();
                    let mut row = Row { table, start, times, seen: &mut noted, nulls };
                    let taken = reader.read(text, &mut row)?;
                    if members.is_named() {
                        row.own_text(FORMAT, |own| own.extend_from_slice(member.name().as_bytes()))?;
                    }
                    Ok(taken)
                },
            );
            match outcome {
                Outcome::Reject(why) => last = Outcome::Reject(if why.is_empty() { "does not fit the format".into() } else { why }),
                done => {
                    seen.join(&noted);
                    return done;
                }
            }
        }
        if members.all().len() > 1
            && let Outcome::Reject(_) = last
        {
            return Outcome::Reject("fits none of the formats".into());
        }
        last
    }

    /// Reads the lines of a record. Whether there was room for it.
    fn record(&mut self, block: &[u8], lines: Lines, times: &Times, seen: &mut Seen, beside: &mut Beside) -> bool {
        let text = &block[lines.start..lines.end];
        let is_several = lines.count > 1;
        if !is_several && self.members.skips_blank() && text.trim_ascii().is_empty() {
            beside.blank += 1;
            return true;
        }
        let outcome = if self.takes_lines && !lines.begins {
            Outcome::Reject("no record begins so".into())
        } else {
            self.read(text, lines.start, is_several, times, seen)
        };
        match outcome {
            Outcome::Taken(Taken::Record) => return true,
            Outcome::Taken(Taken::Nothing) => {
                beside.blank += lines.count;
                return true;
            }
            Outcome::Stopped => return false,
            Outcome::Reject(why) => {
                // The first line may be a record of one that takes no others: then they are none.
                let first = &block[lines.start..lines.first_end];
                let outcome = if is_several { self.read(first, lines.start, false, times, seen) } else { Outcome::Reject(why.clone()) };
                match outcome {
                    Outcome::Stopped => return false,
                    Outcome::Reject(_) => self.reject(lines, why, beside),
                    Outcome::Taken(taken) => {
                        beside.blank += u32::from(taken == Taken::Nothing);
                        let others = super::super::lines::lines(&block[lines.start..lines.end]).skip(1);
                        for (number, (at, line)) in (lines.number + 1..).zip(others) {
                            let (start, end) = (lines.start + at, lines.start + at + line.len());
                            let line = Lines { start, first_end: end, end, number, count: 1, begins: false };
                            self.reject(line, "belongs to no record".into(), beside);
                        }
                    }
                }
            }
        }
        true
    }

    fn reject(&self, lines: Lines, why: Fault, beside: &mut Beside) {
        let (start, len) = (lines.start as u32, (lines.end - lines.start) as u32);
        beside.rejects.push(Reject { line: lines.number, records_before: self.open.table.rows() as u32, start, len, why });
    }
}

impl RecordParser {
    /// Reads the records of lines, the first of which begins at `from` in the block and has this number; that of the line behind them is there
    /// afterwards. Whether there was room for all.
    fn records(&mut self, block: &[u8], (from, number): (usize, &mut u32), times: &Times, seen: &mut Seen, beside: &mut Beside) -> bool {
        let mut held: Option<Lines> = None;
        for (at, line) in lines(&block[from..]) {
            let start = from + at;
            let begins = !self.takes_lines || self.members.begins(&block[..start], trimmed(line));
            let one = Lines { start, first_end: start + line.len(), end: start + line.len(), number: *number, count: 1, begins };
            *number += 1;
            match &mut held {
                Some(record) if !begins && record.begins => {
                    record.end = one.end;
                    record.count += 1;
                }
                _ => {
                    if let Some(record) = held.replace(one)
                        && !self.record(block, record, times, seen, beside)
                    {
                        return false;
                    }
                }
            }
        }
        held.is_none_or(|record| self.record(block, record, times, seen, beside))
    }
}

/// Goes through lines that are each a record.
struct LineWalk<'a> {
    parser: &'a mut RecordParser,
    values: &'a mut usual::ValueRoom,
    block: &'a [u8],
    start: usize,
    /// How many lines there were.
    number: u32,
    times: &'a Times,
    seen: &'a mut Seen,
    beside: &'a mut Beside,
}

impl Walk<usual::Kind> for LineWalk<'_> {
    fn start(&self) -> usize {
        self.start
    }

    fn read_usual(&mut self, kind: &usual::Kind, places: &[u32]) -> usize {
        let LineWalk { parser: RecordParser { open, nulls, .. }, block, times, seen, values, .. } = self;
        let rows = usual::Lines { block, open, nulls, times, seen }.add(kind, places, values);
        self.start = places[rows * kind.pattern().wanted()].wrapping_add(1) as usize;
        self.number += rows as u32;
        rows
    }

    fn read_slowly(&mut self, end: usize) -> bool {
        let has_room = self.parser.records(&self.block[..end], (self.start, &mut self.number), self.times, self.seen, self.beside);
        self.start = end;
        has_room
    }
}

impl Parser for RecordParser {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let times = self.dating.times(&block.source);
        let (bytes, mut seen, mut beside) = (&block.bytes[..], Seen::default(), Beside::default());
        self.open.begin();
        self.readers.iter_mut().for_each(|reader| reader.begin());
        let mut usual = self.usual.take();
        let (mut start, mut number, mut has_room) = (0, 0, true);
        if let Some(usual) = &mut usual
            && usual.begin(&self.members, &mut self.open.names, wanted).is_some()
        {
            let (kinds, room, values) = usual.parts();
            let mut walk =
                LineWalk { parser: self, values, block: bytes, start, number, times: &times, seen: &mut seen, beside: &mut beside };
            has_room = read(bytes, kinds, room, &mut walk);
            (start, number) = (walk.start, walk.number);
        }
        self.usual = usual;
        if has_room && start < bytes.len() {
            self.records(bytes, (start, &mut number), &times, &mut seen, &mut beside);
        }
        self.dating.note(&seen);
        let lines = match self.open.stopped_at() {
            None => number,
            Some(at) => memchr::memchr_iter(b'\n', &bytes[..at]).count() as u32,
        };
        let schema = self.open.names.schema();
        let batch = self.open.table.batch(&block.bytes, &schema, wanted, block.origin());
        Parsed { batch, lines, blank: beside.blank, rejects: beside.rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.open.table.row_start(row)
    }

    fn stopped_at(&self) -> Option<usize> {
        self.open.stopped_at()
    }
}
