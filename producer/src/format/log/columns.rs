//! Records of values between blanks, whose names stand in a list: in one here, or in a header (`w3c.rs`).
//!
//! A value may stand between quotes, or be a time in brackets. A dash is null.

use std::ops::Range;
use std::sync::Arc;

use recpipe::record::{Time, Type};
use recpipe::times::Times;

use super::cursor::{address, request};
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken};

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An int, a float or text, by its own bytes.
    Cell,
    Text,
    /// In any usual notation.
    Time,
    /// An address with a port: the name, and `port` of `host`, else `name_port`.
    Address,
    /// A request line.
    Request,
}

/// A column: what it is called, and what it holds.
pub(super) type Column = (&'static str, Kind);

/// The fields that such columns make.
pub(super) fn fields(columns: &[Column]) -> MemberFields {
    let mut fields = MemberFields::new();
    for (name, kind) in columns {
        match kind {
            Kind::Cell => fields.push(((*name).to_owned(), None)),
            Kind::Text => fields.push(((*name).to_owned(), Some(Type::Text))),
            Kind::Time => fields.push(((*name).to_owned(), Some(Type::Time))),
            Kind::Address => fields.extend([((*name).to_owned(), Some(Type::Text)), (port_of(name), Some(Type::Int))]),
            Kind::Request => fields.extend(["method", name, "proto"].map(|name| (name.to_owned(), Some(Type::Text)))),
        }
    }
    fields
}

fn port_of(name: &str) -> String {
    if name == "host" { "port".to_owned() } else { format!("{name}_port") }
}

/// Puts a value into the record.
pub(super) fn put((name, kind): Column, text: &[u8], value: Range<usize>, row: &mut Row<'_>) -> Result<(), Fault> {
    let word = &text[value.clone()];
    let is_null = matches!(word, b"" | b"-");
    match kind {
        // A connection without a request has three dashes.
        Kind::Request if word.iter().all(|byte| matches!(byte, b'-' | b' ')) => {
            row.null("method")?;
            row.null(name)?;
            row.null("proto")
        }
        Kind::Cell => row.cell_or_null(name, text, value),
        Kind::Text => row.text_or_null(name, text, value),
        Kind::Time if is_null => row.null(name),
        Kind::Time => row.time_of(name, word),
        Kind::Address => {
            let (host, port) = address(text, value);
            row.text_or_null(name, text, host)?;
            match (port, name) {
                (Some(port), "host") => row.int("port", port),
                (None, "host") => row.null("port"),
                (Some(port), _) => row.int(&port_of(name), port),
                (None, _) => row.null(&port_of(name)),
            }
        }
        Kind::Request => match request(text, value.clone()) {
            Some([method, path, proto]) => {
                row.text_or_null("method", text, method)?;
                row.text(name, path)?;
                row.text_or_null("proto", text, proto)
            }
            _ => {
                row.null("method")?;
                row.text_or_null(name, text, value)?;
                row.null("proto")
            }
        },
    }
}

/// The values of a line, without quotes and brackets.
pub(super) struct Split<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Split<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Split { text, at: 0 }
    }

    /// Where what was not read begins.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next value.
    ///
    /// # Errors
    /// A quote is not closed, or something stands right after one.
    pub(super) fn next(&mut self) -> Result<Option<Range<usize>>, Fault> {
        let rest = &self.text[self.at..];
        let (value, len) = match rest.first() {
            None => return Ok(None),
            Some(b'"') => {
                let end = closing_quote(rest).ok_or("a quote is not closed")?;
                (1..end, end + 1)
            }
            // An address of IPv6 has brackets, too, and its port after them.
            Some(b'[') if closing_bracket(rest).is_some() => {
                let end = closing_bracket(rest).unwrap_or_default();
                (1..end, end + 1)
            }
            Some(_) => {
                let end = rest.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(rest.len());
                (0..end, end)
            }
        };
        let value = self.at + value.start..self.at + value.end;
        self.at += len;
        match self.text.get(self.at) {
            None => {}
            Some(b' ' | b'\t') => self.at += 1,
            Some(_) => return Err("there is no blank after a quote".into()),
        }
        Ok(Some(value))
    }
}

/// The bracket that ends what the first byte begins, where nothing but a blank follows it.
fn closing_bracket(text: &[u8]) -> Option<usize> {
    memchr::memchr(b']', text).filter(|end| matches!(text.get(end + 1), None | Some(b' ' | b'\t')))
}

/// The quote that ends what the first byte begins: no backslash stands before it, nor another quote after it.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match (text[at], text.get(at + 1)) {
            (b'"', Some(b'"')) | (b'\\', _) => at += 2,
            _ => return Some(at),
        }
    }
}

/// Records of these columns. Those at the end may be missing; what stands after them is `extra`.
#[derive(Debug)]
pub(super) struct Columns {
    pub(super) name: &'static str,
    pub(super) columns: &'static [Column],
    /// So many at least.
    pub(super) least: usize,
    /// Whether a value fits its column, of those that tell what kind of a record it is.
    pub(super) is_one: fn(&[u8], usize) -> bool,
}

impl Member for Arc<Columns> {
    fn name(&self) -> &str {
        self.name
    }

    fn fields(&self) -> MemberFields {
        let mut fields = fields(self.columns);
        fields.push(("extra".to_owned(), Some(Type::Text)));
        fields
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let (mut split, mut time) = (Split::new(text), None);
        for (place, (name, kind)) in self.columns.iter().enumerate() {
            match split.next().ok()? {
                Some(value) if !(self.is_one)(&text[value.clone()], place) => return None,
                Some(value) if *kind == Kind::Time && !matches!(&text[value.clone()], b"" | b"-") => {
                    let read = times.read(&text[value]).ok()?;
                    time = time.or((*name == "time").then_some(read.time));
                }
                Some(_) => {}
                None if place < self.least => return None,
                None => break,
            }
        }
        time
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

impl Reader for Arc<Columns> {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let mut split = Split::new(text);
        for (place, column) in self.columns.iter().enumerate() {
            match split.next()? {
                Some(value) if (self.is_one)(&text[value.clone()], place) => put(*column, text, value, row)?,
                Some(_) => return Err(format!("its value {} is none of {}", place + 1, self.name).into()),
                None if place < self.least => {
                    return Err(format!("it has {place} values; {} has at least {}", self.name, self.least).into());
                }
                None => break,
            }
        }
        if split.at() < text.len() {
            row.text("extra", split.at()..text.len())?;
        }
        Ok(Taken::Record)
    }
}
