//! `w3c`: the W3C extended log format of IIS, CloudFront and Exchange. `#Fields:` names the values of the lines after it, up to the next.
//!
//! What stands before a block is not seen by who parses it, so each block is read with a plan that knows the header before it.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use memchr::memmem;
use recpipe::record::{Schema, Time, Type};
use recpipe::times::Times;

use super::super::{Args, Format, FormatSpec, Plan, Start, Unit};
use super::cursor::undouble;
use super::member::{Fault, Member, MemberFields, Members, Reader, Row, Taken, one};
use super::{LogFormat, LogPlan};
use crate::input::block::Block;
use crate::input::boundary::Boundary;
use crate::input::clock::Clock;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "w3c",
    args: &[],
    options: &[],
    about: "the W3C extended format of IIS, CloudFront and Exchange: `#Fields:` names the values",
    start: Start::Blocks(|args| Ok(Box::new(W3c::new(args)?))),
    fields: "time:time host user method request proto status bytes http_referer http_user_agent vhost forwarded_for, and all others\n  \
             by their names, with `_` for what is no letter or digit: time_taken, x_edge_location, sc_win32_status. request is the\n  \
             stem and the query. A value is an int, a float or text by its own bytes; `-` is null.",
    sample: "#Fields: date time c-ip cs-username cs-method cs-uri-stem cs-uri-query sc-status sc-bytes time-taken\n2026-03-12 02:10:11 203.0.113.7 ann GET /cart id=5 200 512 15",
};

const FIELDS: &[u8] = b"#Fields:";

/// What a value is called, and what is made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Name {
    /// By its own bytes.
    Cell(String),
    /// Text in which a server has written other characters for blanks.
    Encoded(String),
    /// The date, whose time of day is the value at this place, if there is one.
    Date(Option<usize>),
    /// A whole time.
    Time,
    /// The path, whose query is the value at this place, if there is one.
    Stem(Option<usize>),
    /// What is read with another value.
    Part,
}

/// The names of the values of a line.
#[derive(Debug, PartialEq, Eq)]
struct Header {
    names: Vec<Name>,
    has_commas: bool,
}

impl Header {
    /// What stands after `#Fields:`.
    fn new(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let has_commas = text.contains(',');
        let words: Vec<&str> = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty()).collect();
        let place = |name: &str| words.iter().position(|word| word.eq_ignore_ascii_case(name));
        let (time, date) = (place("time"), place("date"));
        let query = place("cs-uri-query");
        let mut names: Vec<Name> = words.iter().map(|word| name(word, query, time)).collect();
        if let (Some(time), Some(_)) = (time, date) {
            names[time] = Name::Part;
        }
        if let (Some(query), Some(_)) = (query, place("cs-uri-stem")) {
            names[query] = Name::Part;
        }
        Header { names, has_commas }
    }

    /// That of the last `#Fields:` line in whole lines, if there is one.
    fn last(block: &[u8]) -> Option<Arc<Header>> {
        let at = match memmem::rfind(block, b"\n#Fields:") {
            Some(newline) => newline + 1,
            None => block.starts_with(FIELDS).then_some(0)?,
        };
        let line = &block[at + FIELDS.len()..];
        Some(Arc::new(Header::new(&line[..memchr::memchr(b'\n', line).unwrap_or(line.len())])))
    }
}

fn name(word: &str, query: Option<usize>, time: Option<usize>) -> Name {
    let called = |name: &str| Name::Cell(name.to_owned());
    match word.to_ascii_lowercase().as_str() {
        "date" => Name::Date(time),
        "date-time" => Name::Time,
        "c-ip" | "client-ip" => called("host"),
        "c-port" | "client-port" => called("port"),
        "cs-username" => called("user"),
        "cs-method" => called("method"),
        "cs-uri-stem" => Name::Stem(query),
        "cs-uri" => called("request"),
        "cs-version" | "cs-protocol-version" => called("proto"),
        "sc-status" => called("status"),
        "sc-bytes" => called("bytes"),
        "cs(user-agent)" => Name::Encoded("http_user_agent".to_owned()),
        "cs(referer)" => Name::Encoded("http_referer".to_owned()),
        "cs-host" | "x-host-header" => called("vhost"),
        "x-forwarded-for" => Name::Encoded("forwarded_for".to_owned()),
        other => {
            let name: String = other.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
            called(name.trim_end_matches('_'))
        }
    }
}

/// A line of these values, or of those that a header in the block names.
#[derive(Debug)]
struct W3cMember(Option<Arc<Header>>);

impl Member for W3cMember {
    fn name(&self) -> &str {
        "w3c"
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

    /// The names of the values stand far before, so no reading begins in the middle.
    fn begins_anywhere(&self) -> bool {
        false
    }

    /// A date and the time of day after it, or both in one: so the servers write them, wherever in the line.
    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b',' | b'"');
        let mut words = text.split(is_blank).filter(|word| !word.is_empty()).peekable();
        (text.first() != Some(&b'#')).then_some(())?;
        while let Some(word) = words.next() {
            if !is_date(word) {
                continue;
            }
            let stamp = match words.peek().filter(|_| word.len() == DATE_LEN) {
                Some(day) => [word, b" ", day].concat(),
                None => word.to_vec(),
            };
            if let Ok(read) = times.read(&stamp) {
                return Some(read.time);
            }
        }
        None
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(W3cReader { first: self.0.clone(), header: None, values: Vec::new() })
    }
}

/// Bytes of `2026-03-12`.
const DATE_LEN: usize = 10;

/// Whether a word begins with a date.
fn is_date(word: &[u8]) -> bool {
    let is_digit = |(place, byte): (usize, &u8)| if matches!(place, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() };
    word.len() >= DATE_LEN && word[..DATE_LEN].iter().enumerate().all(is_digit) && matches!(word.get(DATE_LEN), None | Some(b'T'))
}

struct W3cReader {
    /// The header before the block.
    first: Option<Arc<Header>>,
    header: Option<Arc<Header>>,
    values: Vec<Range<usize>>,
}

impl Reader for W3cReader {
    fn begin(&mut self) {
        self.header.clone_from(&self.first);
    }

    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        if text.first() == Some(&b'#') {
            if let Some(fields) = text.strip_prefix(FIELDS) {
                self.header = Some(Arc::new(Header::new(fields)));
            }
            return Ok(Taken::Nothing);
        }
        let header = self.header.as_ref().ok_or("no `#Fields:` stands before it")?;
        let has_tabs = memchr::memchr(b'\t', text).is_some();
        let separator = if has_tabs {
            b'\t'
        } else if header.has_commas {
            b','
        } else {
            b' '
        };
        split(text, separator, &mut self.values)?;
        if self.values.len() != header.names.len() {
            return Err(format!("it has {} values, and `#Fields:` names {}", self.values.len(), header.names.len()).into());
        }
        let is_null = |value: &Range<usize>| matches!(&text[value.clone()], b"" | b"-");
        for (name, value) in header.names.iter().zip(&self.values) {
            let range = value.clone();
            match name {
                Name::Part => {}
                Name::Time => row.time_of("time", &text[range])?,
                Name::Date(None) => row.cell_or_null("date", text, range)?,
                Name::Date(Some(time)) => {
                    let mut stamp = text[range].to_vec();
                    stamp.push(b' ');
                    stamp.extend_from_slice(&text[self.values[*time].clone()]);
                    row.time_of("time", &stamp)?;
                }
                Name::Stem(query) => match query.map(|query| self.values[query].clone()).filter(|query| !is_null(query)) {
                    Some(query) => row.own_text("request", |own| {
                        own.extend_from_slice(&text[range]);
                        own.push(b'?');
                        own.extend_from_slice(&text[query]);
                    })?,
                    None => row.text_or_null("request", text, range)?,
                },
                Name::Cell(name) if separator == b',' && memmem::find(&text[range.clone()], b"\"\"").is_some() => {
                    row.own_text(name, |own| undouble(&text[range], own))?;
                }
                Name::Cell(name) => row.cell_or_null(name, text, range)?,
                Name::Encoded(name) if is_null(value) => row.null(name)?,
                Name::Encoded(name) if separator == b',' => row.text(name, range)?,
                Name::Encoded(name) => row.own_text(name, |own| decode(&text[range], !has_tabs, own))?,
            }
        }
        Ok(Taken::Record)
    }
}

/// The values of a line. Between quotes, a quote that stands twice is one.
fn split(text: &[u8], separator: u8, values: &mut Vec<Range<usize>>) -> Result<(), Fault> {
    values.clear();
    let mut at = 0;
    while at <= text.len() {
        let rest = &text[at..];
        if separator == b',' && rest.first() == Some(&b'"') {
            let mut end = 1;
            loop {
                end += memchr::memchr(b'"', rest.get(end..).unwrap_or_default()).ok_or("a quote is not closed")?;
                if rest.get(end + 1) != Some(&b'"') {
                    break;
                }
                end += 2;
            }
            values.push(at + 1..at + end);
            at += end + 2;
            continue;
        }
        let len = memchr::memchr(separator, rest).unwrap_or(rest.len());
        // Blanks at the end are no values, nor is what stands between two of them.
        if separator != b' ' || len > 0 {
            values.push(at..at + len);
        }
        at += len + 1;
    }
    Ok(())
}

/// IIS writes `+` for a blank, CloudFront `%20`.
fn decode(text: &[u8], has_plus: bool, own: &mut Vec<u8>) {
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        let hex = || u8::from_str_radix(std::str::from_utf8(after.get(..2)?).ok()?, 16).ok();
        match first {
            b'+' if has_plus => own.push(b' '),
            b'%' if !has_plus && hex().is_some() => {
                own.extend(hex());
                rest = &after[2..];
            }
            other => own.push(*other),
        }
    }
}

/// The format: knows which header the blocks of an input begin with.
struct W3c {
    log: LogFormat,
    /// Of each input, the last header that was seen, and the one that its blocks are read with.
    headers: HashMap<Arc<str>, Headers>,
}

#[derive(Default)]
struct Headers {
    last: Option<Arc<Header>>,
    planned: Option<Arc<Header>>,
}

impl W3c {
    fn new(args: &Args) -> Result<Self, String> {
        Ok(W3c { log: LogFormat::new(args, one(W3cMember(None))(true)), headers: HashMap::new() })
    }

    fn plan_with(&mut self, header: Option<Arc<Header>>, block: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.log.learned.growing(&self.log.args).map_err(|e| format!("{}: {e}", block.source))?;
        let members = Arc::new(Members::new(vec![Arc::new(W3cMember(header))], true));
        Ok(Arc::new(LogPlan { members, args: self.log.args(), growing }))
    }
}

impl Format for W3c {
    fn boundary(&self) -> Arc<dyn Boundary> {
        self.log.boundary()
    }

    fn unit(&self) -> Unit {
        self.log.unit()
    }

    fn schema(&self) -> Arc<Schema> {
        self.log.schema()
    }

    fn clock(&self) -> Option<Arc<dyn Clock>> {
        self.log.clock()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        self.log.known_fields()
    }

    fn learns(&self) -> bool {
        true
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        self.log.sample(first)
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        self.headers.insert(first.source.clone(), Headers { last: Header::last(&first.bytes), planned: None });
        self.plan_with(None, first)
    }

    fn replan(&mut self, block: &Block) -> Result<Option<Arc<dyn Plan>>, String> {
        let headers = self.headers.entry(block.source.clone()).or_default();
        let before = headers.last.clone();
        if let Some(last) = Header::last(&block.bytes) {
            headers.last = Some(last);
        }
        if before == headers.planned {
            return Ok(None);
        }
        headers.planned.clone_from(&before);
        self.plan_with(before, block).map(Some)
    }
}
