//! Templates: what `print` writes, read backwards. A text is taken apart into typed fields by the literals between them.
//!
//! ```text
//! {time:%Y-%m-%d %H:%M:%S,%3f} {level} [{thread}] {message*}     brace.rs
//! $remote_addr - $remote_user [$time_local] "$request" $status    nginx.rs     ──► pieces: literals and captures ──► matching.rs
//! %h %l %u %t "%r" %>s %b                                         httpd.rs
//! ```
//!
//! # What a template means
//! - `{name}` takes as little as fits, up to the literal that follows; nothing there is an empty text. `{}` is thrown away.
//! - `{name:int}`, `{name:float}` and a time by its format take as much as is of the type; nothing there, or `-`, is null.
//! - `{name:time}` takes the longest time in any usual notation that the literal follows; `{name:text}` is text however it looks.
//! - `{name:request}` is a request line of HTTP: `method`, the name, `proto`; one that has not three words is kept whole.
//!   `{name:address}` is an address with its port: the name, and `name_port`; of `{host:address}`, `port`.
//! - `{name:word}` is letters, digits and `_`, `{name:letter}` one letter, `{name:level}` a word such as `ERROR`.
//! - `{name*}`, at the end, takes the rest with its line breaks. So does `{message}`, wherever it stands. Other fields end with the line.
//! - A blank is one or more blanks or tabs. `{{` is a brace.
//! - Between quotes, a quote after a backslash ends no field.
//!
//! Times without year or offset are read by [`Times`].

mod brace;
mod config;
mod httpd;
mod matching;
mod nginx;
mod part;
mod piece;
mod web;

pub use crate::times::recent::Recent;
pub use config::named as in_configuration;
pub use matching::Found;
pub use part::{Form, Part, Taken};

use std::fmt;

use crate::record::Type;
use crate::times::Times;
use piece::{Capture, Piece};

/// A field of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateField {
    /// Its name.
    pub name: String,
    /// The type of its values; `None` where each is an int, a float or text by its own bytes.
    pub kind: Option<Type>,
}

/// A template, compiled.
///
/// # Examples
/// ```
/// use recpipe::template::{Found, Template};
/// use recpipe::times::Times;
///
/// let template = Template::parse("took {ms:int} ms: {what*}")?;
/// let mut found = Vec::new();
/// assert!(template.read(b"took 12 ms: all of it", &Times::default(), &mut found));
/// assert_eq!(found, [Found::Int(12), Found::Span { start: 12, len: 9 }]);
/// assert!(!template.read(b"took long", &Times::default(), &mut found));
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug)]
pub struct Template {
    text: Box<str>,
    pieces: Vec<Piece>,
    fields: Vec<TemplateField>,
}

impl Template {
    /// Reads a template: with fields in braces, a `log_format` of nginx (`$name`) or a `LogFormat` of Apache (`%h`).
    ///
    /// # Errors
    /// What is wrong with it, and where, to be shown to whoever wrote it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut build = Build::default();
        if brace::is_it(text) {
            brace::parse(text, &mut build)?;
        } else if nginx::is_it(text) {
            nginx::parse(text, &mut build)?;
        } else if text.contains('%') {
            httpd::parse(text, &mut build)?;
        } else {
            return Err("it has no field: write {name}, $name as nginx does, or %h as Apache does".to_owned());
        }
        build.finish(text)
    }

    /// Gives untyped fields these types: those that have one keep it.
    ///
    /// # Errors
    /// The name of a field that it does not have or has a type already, or of a type that there is not.
    pub fn with_types<'a>(mut self, types: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        for (name, kind) in types {
            let place = self.fields.iter().position(|field| field.name == name);
            let Some(place) = place else { continue };
            let slot = brace::kind_of(kind).ok_or_else(|| brace::unknown_kind(kind))?;
            if matches!(slot, piece::Slot::Request | piece::Slot::Address) {
                return Err(format!("`{kind}` stands in the template itself, as in `{{{name}:{kind}}}`"));
            }
            let capture = self.pieces.iter_mut().filter_map(Piece::capture_mut).find(|capture| capture.first == Some(place));
            let Some(capture) = capture.filter(|capture| capture.slot == piece::Slot::Cell) else {
                return Err(format!("`{name}` has a type in the template"));
            };
            self.fields[place].kind = slot.kind();
            capture.slot = slot;
        }
        Ok(self)
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The fields, in their order.
    pub fn fields(&self) -> &[TemplateField] {
        &self.fields
    }

    /// Whether a field takes line breaks: `{name*}` or `{message}`.
    pub fn takes_lines(&self) -> bool {
        self.pieces.iter().filter_map(Piece::capture).any(|capture| capture.takes_lines)
    }

    /// Whether a line begins as a text of the template does, up to and with the first typed field or literal. A literal of nothing but
    /// punctuation (`[`) is none where a typed field follows it: that has to be there, too.
    pub fn begins(&self, line: &[u8], times: &Times) -> bool {
        matching::begins(&self.pieces, line, times)
    }

    /// Takes a text apart; `found` is the value of each field, in the order of [`Template::fields`]. Whether it fits: where it does not,
    /// `found` means nothing.
    pub fn read(&self, text: &[u8], times: &Times, found: &mut Vec<Found>) -> bool {
        found.clear();
        found.resize(self.fields.len(), Found::Null);
        matching::read(&self.pieces, text, times, found)
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A template that is being put together.
#[derive(Debug, Default)]
struct Build {
    pieces: Vec<Piece>,
    fields: Vec<TemplateField>,
}

impl Build {
    /// Text that stands there as it is; blanks stand for one or more.
    fn literal(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.pieces.last(), Some(Piece::Literal(_))) {
            self.pieces.push(Piece::Literal(piece::Literal::default()));
        }
        if let Some(Piece::Literal(literal)) = self.pieces.last_mut() {
            literal.push(text.as_bytes());
        }
    }

    fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }

    /// What is thrown away.
    fn skip(&mut self) {
        self.pieces.push(Piece::Capture(Capture::new(piece::Slot::Skip, None)));
    }

    /// A field, or the fields that it makes.
    ///
    /// # Errors
    /// There is one of that name.
    fn field(&mut self, name: &str, slot: piece::Slot) -> Result<&mut Capture, String> {
        let first = self.fields.len();
        for (name, kind) in slot.fields(name) {
            if self.has(&name) {
                return Err(format!("the field `{name}` stands twice"));
            }
            self.fields.push(TemplateField { name, kind });
        }
        let mut capture = Capture::new(slot, Some(first));
        capture.takes_lines = name == "message" && matches!(capture.slot, piece::Slot::Cell | piece::Slot::Text);
        if capture.takes_lines {
            (capture.slot, self.fields[first].kind) = (piece::Slot::Text, Some(Type::Text));
        }
        self.pieces.push(Piece::Capture(capture));
        match self.pieces.last_mut() {
            Some(Piece::Capture(capture)) => Ok(capture),
            _ => unreachable!("it was pushed just now"),
        }
    }

    fn finish(mut self, text: &str) -> Result<Template, String> {
        for place in 0..self.pieces.len() {
            let (Some(capture), next) = (self.pieces[place].capture(), self.pieces.get(place + 1)) else { continue };
            if capture.slot.is_flexible() && next.is_some_and(|next| next.capture().is_some()) {
                let name = |piece: &Piece| {
                    let first = piece.capture().and_then(|capture| capture.first);
                    first.map_or_else(|| "{}".to_owned(), |first| format!("`{}`", self.fields[first].name))
                };
                let (one, other) = (name(&self.pieces[place]), next.map(name).unwrap_or_default());
                return Err(format!("nothing stands between {one} and {other}, so where the first one ends cannot be told"));
            }
            let ends_with_quote = |piece: &Piece| matches!(piece, Piece::Literal(literal) if literal.ends_with(b'"'));
            let begins_with_quote = |piece: &Piece| matches!(piece, Piece::Literal(literal) if literal.starts_with(b'"'));
            let is_quoted =
                place > 0 && ends_with_quote(&self.pieces[place - 1]) && self.pieces.get(place + 1).is_some_and(begins_with_quote);
            if let Some(capture) = self.pieces[place].capture_mut() {
                capture.is_quoted = is_quoted;
            }
        }
        if self.fields.is_empty() {
            return Err("it has no field: write {name}, $name as nginx does, or %h as Apache does".to_owned());
        }
        self.pieces.iter_mut().for_each(Piece::compile);
        Ok(Template { text: text.into(), pieces: self.pieces, fields: self.fields })
    }
}

/// Where in a template a mistake is, as people count: from 1, in characters.
fn place(text: &str, at: usize) -> usize {
    text[..at].chars().count() + 1
}

#[cfg(test)]
mod tests;
