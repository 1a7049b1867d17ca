//! One file that grows: what was read of it, what of that was given out, and how it is known again.
//!
//! ```text
//! file    |...........given out...........|whole records|part of one|   not read yet
//!         ^0                              ^start        ^           ^pos
//! print   |head|                                             |last|
//! ```

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::super::FileId;
use super::super::block::{Block, Part};
use super::super::boundary::{Boundary, Dialect, Resume};
use super::super::content::{self, Content};
use super::super::encoding::{self, Told};
use super::super::print::{Print, read_at};
use super::doubt::Doubt;
use super::watcher::is_deleted;
use super::{Cost, Followed, hole};

mod giving;

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Grown {
    /// More bytes.
    Yes,
    /// Nothing new.
    No,
    /// It is not any more what it was: cut short, or written anew.
    Truncated,
}

/// A file that is followed.
#[derive(Debug)]
pub struct Tail {
    file: File,
    id: FileId,
    source: Arc<str>,
    boundary: Arc<dyn Boundary>,
    /// How the file is written, once its beginning was seen; and what it was cut by before that.
    dialect: Option<Dialect>,
    any: Arc<dyn Boundary>,
    print: Print,
    /// The same of what was given out.
    given: Print,
    /// Whether it is told how much was given out.
    marks: bool,
    /// How many bytes at its beginning are a mark, which is no part of its text.
    mark_bytes: u64,
    /// The place of the first byte that is held.
    start: u64,
    held: Vec<u8>,
    /// How many of the bytes held are whole records.
    whole: usize,
    /// No record ends in so many bytes after those.
    searched: usize,
    within_long: bool,
    /// When it last grew, or began to be followed.
    pub grown: Instant,
    /// So many files had its name before it and could not be opened: they are lost, unless it is a longer version of what was
    /// read before.
    pub missed: u32,
    /// Since when its name has been another file's, or nobody's.
    pub(crate) orphan: Option<Instant>,
    /// It lost its name to a file that was renamed to it.
    pub replaced: bool,
    /// Somebody had it open for writing after that.
    pub(crate) had_writer: bool,
    /// It is not read any more.
    pub over: bool,
    /// Nothing was read of it yet, and what it holds may be known.
    pub doubt: Option<Doubt>,
    /// How long the file was when the following began. A record that was not finished by then is given out only if something
    /// is added to it.
    old: u64,
    /// How long the file was when the following began with what was there, or when it was told to end: the reading goes at
    /// least so far.
    due: u64,
    /// It is followed since it came or was empty, and nothing was said of it yet: a hole at its beginning tells that it was
    /// emptied of what nobody has read.
    pub fresh: bool,
    /// It begins with such a hole, which has not been said yet.
    was_emptied: bool,
    /// NULs of a hole that were skipped, and have not been counted yet.
    nuls: u64,
    has_told_nuls: bool,
}

impl Tail {
    /// Follows `file` from the place of the print on. It has to be the beginning of a record.
    pub fn new(file: File, id: FileId, source: Arc<str>, boundary: Arc<dyn Boundary>, print: Print) -> Self {
        let start = print.pos;
        Tail {
            file,
            id,
            source,
            any: boundary.clone(),
            boundary,
            dialect: None,
            given: print.clone(),
            marks: false,
            print,
            mark_bytes: 0,
            start,
            held: Vec::new(),
            whole: 0,
            searched: 0,
            within_long: false,
            grown: Instant::now(),
            orphan: None,
            replaced: false,
            missed: 0,
            had_writer: false,
            over: false,
            doubt: None,
            old: 0,
            due: 0,
            fresh: true,
            was_emptied: false,
            nuls: 0,
            has_told_nuls: false,
        }
    }

    /// It had so many bytes when the following began.
    #[must_use]
    pub(crate) fn with_old(self, old: u64) -> Self {
        Tail { old, ..self }
    }

    /// Tells how much was given out.
    #[must_use]
    pub(crate) fn with_marks(self, marks: bool) -> Self {
        Tail { marks, ..self }
    }

    /// It belongs to another name from now on. What was read of it before is to be given out before.
    pub fn rename(&mut self, source: Arc<str>) {
        self.source = source;
    }

    /// Makes the reading go on at least to the length that the file has now, whatever becomes of its name.
    pub(crate) fn is_due(&mut self) {
        self.due = self.file.metadata().map_or(0, |meta| meta.len());
    }

    /// Whether the reading has still to come to what [is due](Tail::is_due).
    pub fn is_behind(&self) -> bool {
        !self.over && self.doubt.is_none() && self.print.pos < self.due
    }

    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        self.file.metadata().map_or(0, |meta| meta.len())
    }

    /// Whether there is nothing more to read, but NULs at its end.
    pub(crate) fn is_at_end(&self) -> bool {
        let (len, pos) = (self.len(), self.print.pos);
        self.doubt.is_none() && (len == pos || (len > pos && matches!(hole::end(&self.file, pos), Ok(None))))
    }

    /// Goes on in the file of `other`, which holds what was read of this one, and gives it this one's, of which only what is
    /// added yet is news.
    pub(crate) fn swap_files(&mut self, other: &mut Tail) {
        std::mem::swap(&mut self.file, &mut other.file);
        std::mem::swap(&mut self.id, &mut other.id);
        std::mem::swap(&mut self.orphan, &mut other.orphan);
        std::mem::swap(&mut self.replaced, &mut other.replaced);
        std::mem::swap(&mut self.had_writer, &mut other.had_writer);
        (other.print, other.given, other.start, other.doubt) = (self.print.clone(), self.print.clone(), self.print.pos, None);
    }

    /// The same file, which was emptied, from its beginning.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn anew(&self) -> io::Result<Tail> {
        let new = Tail::new(self.file.try_clone()?, self.id, self.source.clone(), self.any.clone(), Print::default());
        Ok(Tail {
            marks: self.marks,
            orphan: self.orphan,
            had_writer: self.had_writer,
            doubt: Some(Doubt::of_emptied()),
            fresh: false,
            ..new
        })
    }

    /// Which file it is.
    pub fn id(&self) -> FileId {
        self.id
    }

    /// What it is called.
    pub fn source(&self) -> &Arc<str> {
        &self.source
    }

    /// What was read of it.
    pub fn print(&self) -> &Print {
        &self.print
    }

    /// Whether whole records are held.
    pub fn has_records(&self) -> bool {
        self.whole > 0
    }

    /// Whether a part of a record is held, or was given out.
    pub(crate) fn has_part(&self) -> bool {
        self.held.len() > self.whole || self.within_long
    }

    /// Where the record begins of which a part is held; otherwise the place of the reading.
    pub(crate) fn record_start(&self) -> u64 {
        self.start + self.whole as u64
    }

    /// How many bytes are held.
    pub(crate) fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Goes on from `pos`, before anything was read: what is before it is known already.
    ///
    /// # Errors
    ///
    /// The file's.
    pub(crate) fn skip_to(&mut self, pos: u64) -> io::Result<()> {
        self.print = Print::of(&self.file, pos)?;
        self.given = self.print.clone();
        self.start = pos;
        Ok(())
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether it has no name any more.
    pub(crate) fn is_deleted(&self) -> bool {
        is_deleted(&self.file)
    }

    /// Why it is not followed, as far as its first bytes tell.
    pub(crate) fn not_to_follow(&self) -> Option<&'static str> {
        if self.start > 0 {
            // What is followed from its end has begun before it was.
            return (self.boundary.content() != Content::Bytes && self.print.is_utf16()).then_some("not in UTF-8");
        }
        let declared = || matches!(self.boundary.declared(&self.held, true), Told::In(_)).then_some("not in UTF-8");
        content::not_to_follow(&self.held, self.boundary.content()).or_else(declared)
    }

    /// The records it begins with, to learn of them how all others are to be read.
    pub fn head(&self, bytes: usize) -> Option<Block> {
        let mut head = vec![0; bytes];
        let len = read_at(&self.file, &mut head, 0).ok()?;
        head.truncate(len);
        let mark_bytes = self.mark_of(&head);
        head.drain(..mark_bytes);
        head.truncate(self.boundary.last_end(&head)?);
        Some(block(&self.source, head, mark_bytes as u64, Part::Whole, true, self.dialect.unwrap_or_default()))
    }

    /// Reads what `scratch` can take. Pieces of a record that is too long go to `out` at once.
    ///
    /// A file may be emptied, and filled again beyond the place of the reading, at any time, also more than once. So each read
    /// begins with the bytes that were read last: what follows them in the same read is of the same file. That the file is still
    /// the same is asked once more after that.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn read(&mut self, scratch: &mut [u8], out: &mut VecDeque<Followed>) -> io::Result<Grown> {
        if self.over {
            return Ok(Grown::No);
        }
        let len = self.fetch(scratch)?;
        self.accept(&scratch[..len], out)
    }

    /// Reads what was read last once more, and what comes after it.
    fn fetch(&self, scratch: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.file.read_at(scratch, self.print.pos - self.print.last().len() as u64) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => return done,
            }
        }
    }

    /// Takes what was [fetched](Tail::fetch), as far as it is of this file as it was.
    fn accept(&mut self, fetched: &[u8], out: &mut VecDeque<Followed>) -> io::Result<Grown> {
        let pos = self.print.pos;
        let bytes = fetched.strip_prefix(self.print.last()).unwrap_or_default();
        let n = bytes.len();
        let same = self.file.metadata()?.len() >= pos + n as u64 && self.print.fits(&self.file)?;
        if !same {
            // It may have changed during the read: what is there now too is not of the old one.
            let mut again = vec![0; n];
            let is_longer = read_at(&self.file, &mut again, pos)? == n;
            let new = bytes.iter().rev().zip(again.iter().rev()).take_while(|(byte, now)| is_longer && byte == now).count();
            self.take_without_holes(&bytes[..n - new], out);
            self.over = true;
            return Ok(Grown::Truncated);
        }
        if n == 0 || self.take_without_holes(bytes, out) > 0 {
            return Ok(if n == 0 { Grown::No } else { Grown::Yes });
        }
        // NULs alone. Whether they are a hole shows when something comes after them.
        let Some(end) = hole::end(&self.file, pos + n as u64)? else { return Ok(Grown::No) };
        if self.is_between_records() {
            self.skip_nuls(end - pos, out);
        } else {
            self.take(bytes, out);
        }
        Ok(Grown::Yes)
    }

    /// Takes what was read, but for NULs before a record, which are skipped, and NULs at the end. How much that was.
    fn take_without_holes(&mut self, bytes: &[u8], out: &mut VecDeque<Followed>) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let mut nuls = 0;
            if !self.print.is_utf16() {
                nuls = hole::nuls(rest);
                if nuls == rest.len() {
                    break;
                }
            }
            if nuls > 0 && self.is_between_records() {
                self.skip_nuls(nuls as u64, out);
                rest = &rest[nuls..];
            }
            let len = if self.print.is_utf16() { rest.len() } else { hole::before_hole(rest) };
            self.take(&rest[..len], out);
            rest = &rest[len..];
        }
        bytes.len() - rest.len()
    }

    /// Whether what is held begins the text of the file.
    fn is_at_beginning(&self) -> bool {
        self.start == self.mark_bytes
    }

    /// How long the mark is that the file begins with, if it is text.
    fn mark_of(&self, head: &[u8]) -> usize {
        if self.boundary.content() == Content::Bytes { 0 } else { encoding::mark_bytes(head) }
    }

    fn is_between_records(&self) -> bool {
        self.held.len() == self.whole && !self.within_long
    }

    fn skip_nuls(&mut self, nuls: u64, out: &mut VecDeque<Followed>) {
        self.give_records(out);
        self.was_emptied |= self.fresh && self.print.pos == 0;
        self.print.extend_nuls(nuls);
        self.given.extend_nuls(nuls);
        self.start += nuls;
        self.nuls += nuls;
    }

    /// Says that NULs were skipped, once for a file, and has them counted; and what they tell at its beginning.
    fn tell_nuls(&mut self, out: &mut VecDeque<Followed>) {
        if std::mem::take(&mut self.was_emptied) {
            let what =
                "was truncated before anything was read of it, as the hole tells that it begins with; lines that it held may be lost";
            out.push_back(Followed::Notice { text: Some(format!("{}: {what}", self.source)), cost: Cost::Loss });
        }
        let nuls = std::mem::take(&mut self.nuls);
        let what = "skipped, a hole: whoever writes to it does not append (O_APPEND), and went on at its old place after it was emptied";
        let text =
            (!std::mem::replace(&mut self.has_told_nuls, true)).then(|| format!("{}: {nuls} NULs before a record {what}", self.source));
        out.push_back(Followed::Notice { text, cost: Cost::Nuls(nuls) });
    }

    fn take(&mut self, bytes: &[u8], out: &mut VecDeque<Followed>) {
        if self.nuls > 0 {
            self.tell_nuls(out);
        }
        self.grown = Instant::now();
        self.print.extend(bytes);
        self.held.extend_from_slice(bytes);
        if self.start == 0 {
            let mark_bytes = self.mark_of(&self.held);
            self.given.extend(&self.held[..mark_bytes]);
            self.held.drain(..mark_bytes);
            self.mark_bytes = mark_bytes as u64;
            self.start = self.mark_bytes;
        }
        if self.within_long {
            let cut = match self.boundary.resume(&self.held) {
                Resume::At(next) => {
                    self.within_long = false;
                    next
                }
                Resume::NotWithin(cut) => cut,
            };
            self.give(cut, Part::LongRest, out);
        }
        if !self.within_long && self.settle() {
            self.search();
            if self.held.len() - self.whole > self.boundary.max_bytes() {
                self.give(self.whole, Part::Whole, out);
                self.give(self.boundary.long_start(&self.held), Part::LongStart, out);
                self.within_long = true;
            }
        }
    }

    /// Finds out how the file is written, by its beginning; whether that is known.
    fn settle(&mut self) -> bool {
        if self.dialect.is_some() {
            return true;
        }
        let most = self.boundary.max_bytes();
        let mut read = Vec::new();
        let is_begun = !self.is_at_beginning();
        let head = if is_begun {
            read.resize(most, 0);
            let len = read_at(&self.file, &mut read, 0).unwrap_or(0);
            read.truncate(len);
            read.drain(..self.mark_of(&read));
            &read
        } else {
            &self.held
        };
        let dialect = self.boundary.dialect(head, is_begun || head.len() > most);
        let Some(mut dialect) = dialect else { return false };
        let mut boundary = self.boundary.of(dialect);
        if is_begun && boundary.as_ref().is_some_and(|boundary| !boundary.begins_at_lines()) {
            // Nobody knows how deep within a record this is.
            (dialect, boundary) = (0, self.boundary.of(0));
        }
        self.dialect = Some(dialect);
        self.boundary = boundary.unwrap_or_else(|| self.boundary.clone());
        true
    }

    /// Finds the whole records in what is held.
    fn search(&mut self) {
        let rest = &self.held[self.whole..];
        if let Some(first) = self.boundary.first_end(rest, self.searched) {
            self.whole += first + self.boundary.last_end(&rest[first..]).unwrap_or(0);
        }
        self.searched = self.held.len() - self.whole;
    }

    /// When the record is complete that is held, if nothing is added to it until then: of those whose end only the next one shows, and which
    /// end with a line by now.
    pub(crate) fn settles_at(&self) -> Option<Instant> {
        let ends_with_line = !self.within_long && self.held.len() > self.whole && self.held.last() == Some(&b'\n');
        self.boundary.settles_after().filter(|_| ends_with_line).map(|after| self.grown + after)
    }

    /// Takes the record that is held for complete.
    pub(crate) fn settle_record(&mut self) {
        self.whole = self.held.len();
        self.searched = 0;
    }
}

fn block(source: &Arc<str>, bytes: Vec<u8>, start: u64, part: Part, is_first: bool, dialect: Dialect) -> Block {
    let end = start + bytes.len() as u64;
    Block { bytes: Bytes::from(bytes), source: source.clone(), start, end, part, is_first, dialect, mark_lines: Some(0) }
}

#[cfg(test)]
mod tests;
