//! Rejected lines: how many are too many, where they are kept, and how messages show them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::format::Reject;

/// How many rejects end the run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Limit {
    /// More than 1% once `LINES_BEFORE_PERCENT` lines are read; or all of the first `LINES_ALL_BAD`, or of the fewer that there are.
    #[default]
    Default,
    /// The first one.
    Strict,
    /// More than this many.
    Count(u64),
    /// More than this many in a hundred, once `LINES_BEFORE_PERCENT` lines are read, and at the end.
    Percent(f64),
}

/// A share of fewer lines than this says little.
pub(crate) const LINES_BEFORE_PERCENT: u64 = 1000;

/// When so many lines from the first on are bad, the format is the wrong one.
pub(crate) const LINES_ALL_BAD: u64 = 100;

const DEFAULT_PERCENT: f64 = 1.0;

impl std::str::FromStr for Limit {
    type Err = String;

    /// `N` or `P%`.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("`{text}` is neither a number of bad lines or records nor a share of them, such as 20 or 0.5%");
        match text.strip_suffix('%') {
            None => text.parse().map(Limit::Count).map_err(|_| bad()),
            Some(share) => match share.parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Limit::Percent(percent)),
                _ => Err(bad()),
            },
        }
    }
}

/// Why the run has to end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum TooMany {
    /// Every one of the first lines was bad.
    FirstBad,
    /// Every line was.
    AllBad,
    /// One was enough.
    Strict,
    /// More than the number allowed.
    Count(u64),
    /// More than the share allowed.
    Percent(f64),
}

impl TooMany {
    /// As a person is told it, where what is counted is called `unit`.
    pub(crate) fn of(&self, unit: &str) -> String {
        match self {
            TooMany::FirstBad => format!("each of the first {LINES_ALL_BAD} {unit}s is bad"),
            TooMany::AllBad => format!("no {unit} is good"),
            TooMany::Strict => "--strict allows none".to_owned(),
            TooMany::Count(n) => format!("--max-errors {n} allows no more"),
            TooMany::Percent(p) => format!("more than {p}% of the {unit}s are bad; --max-errors allows more, --rejects FILE keeps them"),
        }
    }

    /// What whoever typed the command is asked besides, where all is bad. It is no part of the cause that a consumer is told: both
    /// speak to the same terminal.
    pub(crate) fn question(&self) -> Option<&'static str> {
        matches!(self, TooMany::FirstBad | TooMany::AllBad)
            .then_some("is this the right format? `producer help formats` says what each reads")
    }
}

/// Counts lines and rejects, and says when there are too many.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    limit: Limit,
    lines: u64,
    rejected: u64,
}

impl Judge {
    /// A judge by this limit.
    pub(crate) fn new(limit: Limit) -> Self {
        Judge { limit, ..Judge::default() }
    }

    /// Whether the first that is no record ends the run.
    pub(crate) fn is_strict(&self) -> bool {
        self.limit == Limit::Strict
    }

    /// The rejects so far.
    pub(crate) fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Takes note of lines that are all good. After how many of them the run has to end, if it has to: with that many there are
    /// enough lines to judge the share of bad ones. (Beyond that, a good line only lowers it.)
    pub(crate) fn good(&mut self, lines: u64) -> Option<(u64, TooMany)> {
        let percent = match self.limit {
            Limit::Percent(p) => p,
            Limit::Default => DEFAULT_PERCENT,
            Limit::Strict | Limit::Count(_) => 100.0,
        };
        let enough = LINES_BEFORE_PERCENT.checked_sub(self.lines).filter(|needed| (1..=lines).contains(needed));
        self.lines += enough.unwrap_or(lines);
        let crossed = enough.and_then(|needed| Some((needed, self.share_above(percent, LINES_BEFORE_PERCENT)?)));
        self.lines += lines - enough.unwrap_or(lines);
        crossed
    }

    /// Takes note of one bad line.
    pub(crate) fn bad(&mut self) -> Option<TooMany> {
        self.lines += 1;
        self.rejected += 1;
        match self.limit {
            Limit::Strict => Some(TooMany::Strict),
            Limit::Count(n) => (self.rejected > n).then_some(TooMany::Count(n)),
            Limit::Percent(p) => self.share_above(p, LINES_BEFORE_PERCENT),
            Limit::Default if self.lines == LINES_ALL_BAD && self.rejected == LINES_ALL_BAD => Some(TooMany::FirstBad),
            Limit::Default => self.share_above(DEFAULT_PERCENT, LINES_BEFORE_PERCENT),
        }
    }

    /// The last word, when all lines are read: a share that was asked for holds for few lines too, and so does that not one is good.
    pub(crate) fn at_end(&self) -> Option<TooMany> {
        match self.limit {
            Limit::Percent(p) => self.share_above(p, 1),
            Limit::Default => (self.lines > 0 && self.rejected == self.lines).then_some(TooMany::AllBad),
            Limit::Strict | Limit::Count(_) => None,
        }
    }

    fn share_above(&self, percent: f64, lines: u64) -> Option<TooMany> {
        (self.lines >= lines && self.rejected as f64 * 100.0 > percent * self.lines as f64).then_some(TooMany::Percent(percent))
    }
}

/// A reject, and where it stands.
#[derive(Debug)]
pub struct Place<'a> {
    /// The input's name.
    pub file: &'a str,
    /// `line` or `record`, and its number, where that is known.
    pub number: (&'static str, Option<u64>),
    /// Where it begins in the input, where it lies in one.
    pub byte: Option<u64>,
    /// What is wrong with it; empty when there is no more to say than that it is no record.
    pub why: &'a str,
}

impl Place<'_> {
    /// The line of JSON that says all of it. Bytes that are no UTF-8 become U+FFFD there.
    fn object(&self, text: &[u8]) -> String {
        let string = |text: &str| serde_json::Value::from(text).to_string();
        let number = |number: Option<u64>| number.map_or_else(|| "null".to_owned(), |number| number.to_string());
        let (unit, nth) = self.number;
        let why = if self.why.is_empty() { "not a record of this format" } else { self.why };
        let (file, text, byte, nth) = (string(self.file), string(&String::from_utf8_lossy(text)), number(self.byte), number(nth));
        format!("{{\"file\":{file},\"{unit}\":{nth},\"byte\":{byte},\"reason\":{},\"text\":{text}}}\n", string(why))
    }
}

/// The file that rejects are kept in. Only its owner may read it: logs hold secrets.
///
/// They are kept as they were, line ends included; where the name of the file ends in `.jsonl`, as objects that say where each was.
#[derive(Debug)]
pub struct Kept {
    path: PathBuf,
    out: BufWriter<File>,
    as_json: bool,
    /// What was in it before has been taken out.
    is_emptied: bool,
    failed: Option<io::Error>,
}

impl Kept {
    /// Creates the file. One that is there is emptied by the first reject, or at the end.
    ///
    /// # Errors
    ///
    /// It cannot be written, with the file's name.
    pub fn create(path: &Path) -> Result<Self, String> {
        let created = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        let file = created.map_err(|e| format!("cannot write {}: {e}", path.display()))?;
        let as_json = path.extension().is_some_and(|ending| ending == "jsonl");
        Ok(Kept { path: path.to_owned(), as_json, out: BufWriter::new(file), is_emptied: false, failed: None })
    }

    /// Whether `other` is the same regular file.
    pub(crate) fn is_same_file(&self, other: &File) -> bool {
        let id = |file: &File| file.metadata().ok().filter(fs::Metadata::is_file).map(|meta| (meta.dev(), meta.ino()));
        id(self.out.get_ref()).is_some_and(|ours| id(other) == Some(ours))
    }

    /// Whether another run could begin it anew.
    pub(crate) fn is_regular(&self) -> bool {
        self.out.get_ref().metadata().is_ok_and(|meta| meta.is_file())
    }

    /// Keeps a reject, which is the first `len` of these bytes; a line end may follow. An error is told by [`Kept::finish`].
    pub fn keep(&mut self, bytes: &[u8], len: usize, place: &Place<'_>) {
        match self.as_json {
            false => self.write(bytes),
            true => self.write(place.object(&bytes[..len]).as_bytes()),
        }
    }

    /// Keeps what goes on with the reject that was kept last. An object has its beginning only.
    pub(crate) fn go_on(&mut self, bytes: &[u8]) {
        if !self.as_json {
            self.write(bytes);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.failed.is_none() {
            self.failed = self.empty().and_then(|()| self.out.write_all(bytes)).err();
        }
    }

    fn empty(&mut self) -> io::Result<()> {
        let file = self.out.get_ref();
        if !std::mem::replace(&mut self.is_emptied, true) && file.metadata()?.is_file() { file.set_len(0) } else { Ok(()) }
    }

    /// Writes out what is held back.
    ///
    /// # Errors
    ///
    /// The first failure to write, with the file's name.
    pub fn finish(mut self) -> Result<(), String> {
        let flushed = self.empty().and_then(|()| self.out.flush());
        match self.failed.or(flushed.err()) {
            Some(e) => Err(format!("cannot write {}: {e}", self.path.display())),
            None => Ok(()),
        }
    }
}

/// How much of a bad line a message shows.
const SHOWN_BYTES: usize = 160;

/// A line as a message shows it: quoted, escaped so that it can do no harm on a terminal, cut when it is long.
pub fn shown(line: &[u8]) -> String {
    let cut = &line[..line.len().min(SHOWN_BYTES)];
    let mut text = String::from("\"");
    for chunk in cut.utf8_chunks() {
        text.extend(chunk.valid().chars().flat_map(|c| c.escape_debug()));
        text.extend(chunk.invalid().iter().map(|b| format!("\\x{b:02x}")));
    }
    text.push('"');
    if cut.len() < line.len() {
        text.push('…');
    }
    text
}

/// The bytes of a rejected line with the line end it had.
pub(super) fn with_line_end<'a>(block: &'a [u8], reject: &Reject) -> &'a [u8] {
    let start = reject.start as usize;
    let end = start + reject.len as usize;
    let line_end = match &block[end..] {
        [b'\r', b'\n', ..] => 2,
        [b'\n' | b'\r'] | [b'\n', ..] => 1,
        _ => 0,
    };
    &block[start..end + line_end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::os::unix::fs::PermissionsExt;

    /// Feeds lines, `.` good and `x` bad: the number of the line that ends the run, and why.
    fn judge(limit: Limit, lines: &str) -> (Option<usize>, Option<TooMany>) {
        let mut judge = Judge::new(limit);
        for (i, line) in lines.bytes().enumerate() {
            let stop = if line == b'x' { judge.bad() } else { judge.good(1).map(|(_, why)| why) };
            if stop.is_some() {
                return (Some(i + 1), stop);
            }
        }
        (None, judge.at_end())
    }

    #[test]
    fn limits() {
        let one_percent = TooMany::Percent(1.0);
        let check = |limit, lines: &str, want| assert_eq!(judge(limit, lines), want, "{limit:?}");
        check(Limit::Default, "", (None, None));
        check(Limit::Default, "x", (None, Some(TooMany::AllBad)));
        check(Limit::Default, &"x".repeat(99), (None, Some(TooMany::AllBad)));
        check(Limit::Default, "xxxx.", (None, None));
        check(Limit::Count(5), "xxxxx", (None, None));
        check(Limit::Default, &"x".repeat(100), (Some(100), Some(TooMany::FirstBad)));
        check(Limit::Default, &format!("{}.{}", "x".repeat(99), "x".repeat(50)), (None, None));
        check(Limit::Default, &format!("{}{}", "x".repeat(11), ".".repeat(2000)), (Some(1000), Some(one_percent)));
        check(Limit::Default, &format!("{}{}", "x".repeat(10), ".".repeat(2000)), (None, None));
        check(Limit::Default, &format!("{}{}", ".".repeat(1999), "x".repeat(30)), (Some(2020), Some(one_percent)));
        check(Limit::Strict, "..x.x", (Some(3), Some(TooMany::Strict)));
        check(Limit::Count(1), ".x..x.x", (Some(5), Some(TooMany::Count(1))));
        check(Limit::Count(0), ".x", (Some(2), Some(TooMany::Count(0))));
        check(Limit::Count(200), &"x".repeat(150), (None, None));
        check(Limit::Percent(50.0), ".x.x", (None, None));
        check(Limit::Percent(50.0), ".xxx", (None, Some(TooMany::Percent(50.0))));
        check(Limit::Percent(100.0), &"x".repeat(5000), (None, None));
    }

    proptest! {
        // Good lines are told of in any number at once: that changes nothing.
        #[test]
        fn runs_of_good_lines_are_judged_line_by_line(
            runs in prop::collection::vec((0_u64..700, 1_usize..30), 1..8), limit in prop_oneof![Just(Limit::Default), Just(Limit::Percent(3.0))]
        ) {
            let lines: String = runs.iter().map(|&(good, bad)| ".".repeat(good as usize) + &"x".repeat(bad)).collect();
            let (mut at_once, mut at) = (Judge::new(limit), 0);
            let ended = runs.iter().find_map(|&(good, bad)| {
                if let Some((needed, why)) = at_once.good(good) {
                    return Some((at + needed as usize, why));
                }
                at += good as usize;
                (0..bad).find_map(|_| {
                    at += 1;
                    at_once.bad().map(|why| (at, why))
                })
            });
            let (line, why) = judge(limit, &lines);
            prop_assert_eq!(ended.map(|(at, _)| at), line);
            prop_assert_eq!(ended.map_or_else(|| at_once.at_end(), |(_, why)| Some(why)), why);
        }
    }

    #[test]
    fn limits_are_read() {
        assert_eq!("20".parse(), Ok(Limit::Count(20)));
        assert_eq!("0.5%".parse(), Ok(Limit::Percent(0.5)));
        for bad in ["", "%", "-1", "101%", "x", "NaN%", "1 %"] {
            assert!(bad.parse::<Limit>().is_err(), "{bad}");
        }
    }

    #[test]
    fn lines_are_shown_harmless_and_short() {
        assert_eq!(shown(b"a \"b\"\t\x1b[31m\xff\xc3\xa9"), "\"a \\\"b\\\"\\t\\u{1b}[31m\\xffé\"");
        let long = shown(&[b'a'; 5000]);
        assert!(long.len() < 200 && long.ends_with("a\"…"));
    }

    #[test]
    fn kept_rejects_are_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("bad");
        let mut kept = Kept::create(&path).unwrap();
        let place = || Place { file: "f", number: ("line", Some(7)), byte: Some(40), why: "" };
        kept.keep(b"one\r\n", 3, &place());
        kept.finish().unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one\r\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Kept::create(&dir.path().join("no/such")).is_err());
        let path = dir.path().join("bad.jsonl");
        let mut kept = Kept::create(&path).unwrap();
        kept.keep(b"o\"e\xff\r\n", 4, &place());
        kept.go_on(b"rest");
        kept.keep(b"", 0, &Place { number: ("record", None), byte: None, why: "no \"x\"", ..place() });
        kept.finish().unwrap();
        let want = concat!(
            r#"{"file":"f","line":7,"byte":40,"reason":"not a record of this format","text":"o\"e"#,
            "\u{fffd}\"}\n",
            r#"{"file":"f","record":null,"byte":null,"reason":"no \"x\"","text":""}"#,
            "\n"
        );
        assert_eq!(std::fs::read_to_string(&path).unwrap(), want);
    }
}
