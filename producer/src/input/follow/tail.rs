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
use super::super::encoding::Told;
use super::Followed;
use super::lookout::is_deleted;
use super::print::{Print, read_at};

/// What a read found.
#[derive(Debug, PartialEq, Eq)]
pub enum Grown {
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
    /// Since when its name has been another file's, or nobody's.
    pub orphan: Option<Instant>,
    /// It is not read any more.
    pub over: bool,
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
            print,
            start,
            held: Vec::new(),
            whole: 0,
            searched: 0,
            within_long: false,
            grown: Instant::now(),
            orphan: None,
            over: false,
        }
    }

    /// The same file, which was emptied, from its beginning.
    ///
    /// # Errors
    ///
    /// No file descriptor is left.
    pub fn anew(&self) -> io::Result<Tail> {
        let new = Tail::new(self.file.try_clone()?, self.id, self.source.clone(), self.any.clone(), Print::default());
        Ok(Tail { orphan: self.orphan, ..new })
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
    pub fn has_part(&self) -> bool {
        self.held.len() > self.whole || self.within_long
    }

    /// How many bytes are held.
    pub fn held_bytes(&self) -> usize {
        self.held.len()
    }

    /// Goes on from `pos`, before anything was read: what is before it is known already.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn skip_to(&mut self, pos: u64) -> io::Result<()> {
        self.print = Print::of(&self.file, pos)?;
        self.start = pos;
        Ok(())
    }

    /// The file.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether it has no name any more.
    pub fn is_deleted(&self) -> bool {
        is_deleted(&self.file)
    }

    /// The first bytes held, if nothing was given out yet: what tells compressed data.
    pub fn beginning(&self) -> Option<&[u8]> {
        (self.start == 0).then_some(&self.held)
    }

    /// What it is written in, if that is not UTF-8 and nothing was given out yet.
    pub fn encoding(&self) -> Option<&'static str> {
        match self.boundary.encoding(self.beginning()?, true) {
            Told::In(encoding) => Some(encoding.name()),
            Told::AsItIs | Told::More => None,
        }
    }

    /// The records it begins with, to learn of them how all others are to be read.
    pub fn head(&self, bytes: usize) -> Option<Block> {
        let mut head = vec![0; bytes];
        let len = read_at(&self.file, &mut head, 0).ok()?;
        head.truncate(len);
        let mark = self.boundary.mark(&head);
        head.truncate(mark + self.boundary.last_end(&head[mark..])?);
        Some(block(&self.source, head, 0, Part::Whole, self.dialect.unwrap_or_default()))
    }

    /// Reads what `scratch` can take. Pieces of a record that is too long go to `out` at once.
    ///
    /// That the file is still the same is asked *after* the read: whatever was read before it changed is of the old file. Bytes
    /// that came between the change and the question are told by reading them again: those of the new file are still there.
    ///
    /// # Errors
    ///
    /// The file's.
    pub fn read(&mut self, scratch: &mut [u8], out: &mut VecDeque<Followed>) -> io::Result<Grown> {
        if self.over {
            return Ok(Grown::No);
        }
        let pos = self.print.pos;
        let n = loop {
            match self.file.read_at(scratch, pos) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                done => break done?,
            }
        };
        let bytes = &scratch[..n];
        let same = self.file.metadata()?.len() >= pos + n as u64 && self.print.fits(&self.file)?;
        if !same {
            let mut again = vec![0; n];
            let is_new = read_at(&self.file, &mut again, pos)? == n && again == bytes;
            if n > 0 && !is_new {
                self.take(bytes, out);
            }
            self.over = true;
            return Ok(Grown::Truncated);
        }
        if n == 0 {
            return Ok(Grown::No);
        }
        self.take(bytes, out);
        Ok(Grown::Yes)
    }

    fn take(&mut self, bytes: &[u8], out: &mut VecDeque<Followed>) {
        self.grown = Instant::now();
        self.print.extend(bytes);
        self.held.extend_from_slice(bytes);
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
                self.give(self.held.len(), Part::LongStart, out);
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
        let head = if self.start == 0 {
            &self.held
        } else {
            read.resize(most, 0);
            let len = read_at(&self.file, &mut read, 0).unwrap_or(0);
            read.truncate(len);
            &read
        };
        let is_all = self.start > 0 || head.len() > most;
        let dialect = self.boundary.dialect(&head[self.boundary.mark(head)..], is_all);
        let Some(mut dialect) = dialect else { return false };
        let mut boundary = self.boundary.of(dialect);
        if self.start > 0 && boundary.as_ref().is_some_and(|boundary| !boundary.begins_at_lines()) {
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
        let mark = self.boundary.before_records(self.start + self.whole as u64, rest);
        let rest = &rest[mark..];
        if let Some(first) = self.boundary.first_end(rest, self.searched.saturating_sub(mark)) {
            self.whole += mark + first + self.boundary.last_end(&rest[first..]).unwrap_or(0);
        }
        self.searched = self.held.len() - self.whole;
    }

    /// Gives out the whole records.
    pub fn give_records(&mut self, out: &mut VecDeque<Followed>) {
        self.give(self.whole, Part::Whole, out);
    }

    /// Drops the part of a record that is held, because its rest cannot be had any more: it would look like a whole one. How
    /// many bytes that are.
    pub fn drop_part(&mut self) -> usize {
        let part = self.held.len() - self.whole;
        self.held.truncate(self.whole);
        self.searched = 0;
        part
    }

    /// Gives out all, the part of a record too: nobody will finish it.
    pub fn give_all(&mut self, out: &mut VecDeque<Followed>) {
        self.give_records(out);
        let part = if self.within_long { Part::LongRest } else { Part::Whole };
        self.give(self.held.len(), part, out);
        self.within_long = false;
    }

    /// Gives out the first `cut` bytes held.
    fn give(&mut self, cut: usize, part: Part, out: &mut VecDeque<Followed>) {
        if cut == 0 {
            return;
        }
        let rest = self.held[cut..].to_vec();
        let mut bytes = std::mem::replace(&mut self.held, rest);
        bytes.truncate(cut);
        out.push_back(Followed::Block(block(&self.source, bytes, self.start, part, self.dialect.unwrap_or_default())));
        self.start += cut as u64;
        self.whole = self.whole.saturating_sub(cut);
        self.searched = if part == Part::Whole { self.searched.min(self.held.len()) } else { 0 };
    }
}

fn block(source: &Arc<str>, bytes: Vec<u8>, start: u64, part: Part, dialect: Dialect) -> Block {
    let end = start + bytes.len() as u64;
    Block { bytes: Bytes::from(bytes), source: source.clone(), start, end, part, dialect }
}

/// Where the last record of a file begins if it is not finished yet; otherwise the end of the file.
///
/// Only the longest record that is parsed is looked through: in a longer one, the end of the file is as good a place as any.
///
/// # Errors
///
/// The file's.
pub fn last_record(file: &File, longest: usize) -> io::Result<u64> {
    let len = file.metadata()?.len();
    let mut chunk = vec![0; 8 << 10];
    let mut at = len;
    while at > 0 && len - at <= longest as u64 {
        let n = at.min(chunk.len() as u64);
        at -= n;
        let got = read_at(file, &mut chunk[..n as usize], at)?;
        if let Some(newline) = memchr::memrchr(b'\n', &chunk[..got]) {
            return Ok(at + newline as u64 + 1);
        }
    }
    Ok(if at == 0 { 0 } else { len })
}

#[cfg(test)]
mod tests {
    use super::super::super::boundary::Lines;
    use super::*;
    use std::io::Write;

    struct Case {
        file: File,
        tail: Tail,
        out: VecDeque<Followed>,
    }

    impl Case {
        fn new(text: &str, max_bytes: usize) -> Self {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let tail = Tail::new(file.try_clone().unwrap(), (0, 0), "f".into(), Arc::new(Lines { max_bytes }), Print::default());
            Case { file, tail, out: VecDeque::new() }
        }

        fn read(&mut self) -> Grown {
            self.tail.read(&mut [0; 1000], &mut self.out).unwrap()
        }

        fn write(&mut self, text: &str, at: u64) {
            self.file.write_all_at(text.as_bytes(), at).unwrap();
        }

        /// What was given out: `start..end text`, pieces of a long line marked with `~`.
        fn given(&mut self, all: bool) -> Vec<String> {
            if all {
                self.tail.give_all(&mut self.out)
            } else {
                self.tail.give_records(&mut self.out)
            }
            let shown = |item| match item {
                Followed::Block(b) => {
                    let text = String::from_utf8_lossy(&b.bytes).into_owned();
                    let text = match b.part {
                        Part::Whole => text,
                        Part::LongStart => format!("{text}~"),
                        Part::LongRest => format!("~{text}"),
                    };
                    format!("{}..{} {text}", b.start, b.end)
                }
                other => format!("{other:?}"),
            };
            self.out.drain(..).map(shown).collect()
        }
    }

    #[test]
    fn whole_lines_go_out_and_a_part_waits_for_its_end() {
        let mut case = Case::new("one\ntwo\nthr", 99);
        assert_eq!(case.read(), Grown::Yes);
        assert_eq!(case.given(false), ["0..8 one\ntwo\n"]);
        assert!(!case.tail.has_records() && case.tail.has_part());
        assert_eq!((case.read(), case.given(false).len()), (Grown::No, 0));
        case.write("ee", 11);
        assert_eq!((case.read(), case.given(false).len()), (Grown::Yes, 0));
        case.write("\nfo", 13);
        assert_eq!(case.read(), Grown::Yes);
        assert_eq!(case.given(false), ["8..14 three\n"]);
        assert_eq!(case.given(true), ["14..16 fo"]);
        case.write("ur\n", 16);
        assert_eq!(case.read(), Grown::Yes);
        assert_eq!(case.given(false), ["16..19 ur\n"]);
    }

    #[test]
    fn a_line_that_is_too_long_comes_in_pieces() {
        let mut case = Case::new("a\n0123456789", 8);
        case.read();
        assert_eq!(case.given(false), ["0..2 a\n", "2..12 0123456789~"]);
        case.write("0123", 12);
        case.read();
        assert_eq!(case.given(false), ["12..16 ~0123"]);
        case.write("45\nb\nc", 16);
        case.read();
        assert_eq!(case.given(false), ["16..19 ~45\n", "19..21 b\n"]);
        assert_eq!(case.given(true), ["21..22 c"]);
    }

    #[test]
    fn truncation_is_seen_in_all_its_shapes() {
        let long: String = (0..100).map(|n| format!("line {n}\n")).collect();
        let shapes: [(&str, String); 4] = [
            ("shorter", "x\n".to_owned()),
            ("empty", String::new()),
            ("longer, another head", format!("new {long}{long}")),
            ("longer, the same head, another place", format!("{}{}", &long[..400], "y\n".repeat(1000))),
        ];
        for (shape, text) in shapes {
            let mut case = Case::new(&long, 9999);
            assert_eq!(case.read(), Grown::Yes, "{shape}");
            case.file.set_len(0).unwrap();
            case.write(&text, 0);
            assert_eq!(case.read(), Grown::Truncated, "{shape}");
            assert_eq!(case.given(true), [format!("0..{} {long}", long.len())], "{shape}");
            let mut new = case.tail.anew().unwrap();
            let mut out = VecDeque::new();
            while new.read(&mut [0; 1000], &mut out).unwrap() == Grown::Yes {}
            assert_eq!(new.print().pos, text.len() as u64, "{shape}");
        }
    }

    #[test]
    fn the_last_record_is_found_from_behind() {
        let at = |text: &str, longest| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            last_record(&file, longest).unwrap()
        };
        assert_eq!((at("", 99), at("a\nb\n", 99), at("a\nb", 99), at("ab", 99)), (0, 4, 2, 0));
        let long = format!("a\n{}", "x".repeat(20_000));
        assert_eq!((at(&long, 99_999), at(&long, 5000)), (2, 20_002));
    }
}
