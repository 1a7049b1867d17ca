//! `logfmt`: `key=value` and `key="value"` between blanks, as Heroku, Go's slog and Grafana's programs write them.
//!
//! A bare key is true. What stands between quotes is text; anything else is an int, a float or text by its own bytes. The first of `time`,
//! `ts`, `t` and `timestamp` that is a time is `time` as well.

use std::ops::Range;

use recpipe::record::{Time, Type};
use recpipe::times::{Read, Times};

use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "logfmt",
    args: &[],
    options: &[],
    about: "key=value and key=\"value\" between blanks",
    start: Start::Blocks(|args| LogFormat::start(args, one(Logfmt))),
    fields: "time:time, of the key time, ts, t or timestamp; all other keys by their names. A value is an int, a\n  \
             float or text by its own bytes, text between quotes; a key without a value is true.",
    sample: "time=2026-03-12T02:10:11.5Z level=info msg=\"order paid\" n=5 ratio=0.5 late",
};

/// The keys whose values are the time of the record.
const TIMES: [&str; 4] = ["time", "ts", "t", "timestamp"];

#[derive(Debug)]
struct Logfmt;

impl Member for Logfmt {
    fn name(&self) -> &str {
        "logfmt"
    }

    fn fields(&self) -> MemberFields {
        vec![("time".to_owned(), Some(Type::Time))]
    }

    fn is_open(&self) -> bool {
        true
    }

    fn skips_blank(&self) -> bool {
        true
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let (mut pairs, mut time, mut has_value) = (Pairs { text, at: 0 }, None, false);
        while let Some((name, written)) = pairs.next().ok()? {
            has_value |= !matches!(written, Written::True);
            // A `time` that is none is the record's all the same.
            match written.time(name, text, times) {
                Some(read) => time = time.or(Some(Some(read))),
                None if name == "time" => time = time.or(Some(None)),
                None => {}
            }
        }
        time.filter(|_| has_value).flatten().map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Logfmt)
    }
}

/// A value and how it is written.
enum Written {
    Bare(Range<usize>),
    /// Between quotes; whether it has escapes.
    Quoted(Range<usize>, bool),
    True,
}

impl Written {
    /// The time that it is, if it is the value of a key whose values are the time.
    fn time(&self, key: &str, text: &[u8], times: &Times) -> Option<Read> {
        let part = match self {
            Written::Bare(part) | Written::Quoted(part, _) => part.clone(),
            Written::True => return None,
        };
        TIMES.contains(&key).then(|| times.read(&text[part]).ok()).flatten()
    }
}

/// The keys of a line, and their values.
struct Pairs<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Pairs<'a> {
    fn next(&mut self) -> Result<Option<(&'a str, Written)>, Fault> {
        let Pairs { text, at } = self;
        *at += text[*at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        if *at == text.len() {
            return Ok(None);
        }
        let len = text[*at..].iter().position(|byte| matches!(byte, b'=' | b' ' | b'\t')).unwrap_or(text.len() - *at);
        let name = &text[*at..*at + len];
        if len == 0 || name.contains(&b'"') {
            return Err("it is no key=value".into());
        }
        let key = std::str::from_utf8(name).map_err(|_| "a key is not UTF-8")?;
        *at += len;
        let written = if text.get(*at) == Some(&b'=') { value(text, at)? } else { Written::True };
        Ok(Some((key, written)))
    }
}

impl Reader for Logfmt {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let (mut pairs, mut has_value, mut has_time) = (Pairs { text, at: 0 }, false, false);
        while let Some((key, written)) = pairs.next()? {
            has_value |= !matches!(written, Written::True);
            if let Some(read) = Some(()).filter(|()| !has_time).and_then(|()| written.time(key, text, row.times)) {
                row.time("time", read.time, read.is_local)?;
                has_time = true;
                if key == "time" {
                    continue;
                }
            }
            match written {
                Written::Bare(part) => row.cell(key, text, part)?,
                Written::Quoted(part, false) => row.text(key, part)?,
                Written::Quoted(part, true) => row.own_text(key, |own| unescape(&text[part], own))?,
                Written::True => row.bool(key, true)?,
            }
        }
        if has_value { Ok(Taken::Record) } else { Err("it has no key=value".into()) }
    }
}

/// The value after the equals sign at `at`, which is moved behind it.
fn value(text: &[u8], at: &mut usize) -> Result<Written, Fault> {
    *at += 1;
    let start = *at;
    if text.get(start) != Some(&b'"') {
        let len = text[start..].iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(text.len() - start);
        *at += len;
        return Ok(Written::Bare(start..*at));
    }
    let (mut end, mut is_escaped) = (start + 1, false);
    loop {
        match memchr::memchr2(b'"', b'\\', text.get(end..).unwrap_or_default()) {
            None => return Err("a quote is not closed".into()),
            Some(len) if text[end + len] == b'"' => {
                *at = end + len + 1;
                return Ok(Written::Quoted(start + 1..end + len, is_escaped));
            }
            Some(len) => (end, is_escaped) = (end + len + 2, true),
        }
    }
}

/// Escapes as Go's `strconv.Quote` writes them.
fn unescape(text: &[u8], own: &mut Vec<u8>) {
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'\\' {
            own.push(*first);
            continue;
        }
        let Some((escape, after)) = rest.split_first() else { return own.push(b'\\') };
        rest = after;
        let hex = |len: usize| rest.get(..len).and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match escape {
            b'n' => own.push(b'\n'),
            b't' => own.push(b'\t'),
            b'r' => own.push(b'\r'),
            b'"' | b'\\' | b'/' | b'\'' => own.push(*escape),
            b'x' if hex(2).is_some() => {
                own.push(hex(2).unwrap_or_default() as u8);
                rest = &rest[2..];
            }
            b'u' if hex(4).and_then(char::from_u32).is_some() => {
                let c = hex(4).and_then(char::from_u32).unwrap_or_default();
                own.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &rest[4..];
            }
            other => own.extend([b'\\', *other]),
        }
    }
}
