//! `json`: one object a line, its keys are the fields.
//!
//! Nested objects flatten: `{"a":{"b":1}}` has the field `a.b`. Arrays are kept as JSON text. A path that stands twice counts as it
//! stands last, if both values are of its type; so the members of two objects of one key are put together.
//! Lines of nothing but spaces are passed over.
//!
//! # Fields and types
//!
//! A value is of the type that it is written with: whole numbers are exact up to 128 bits, and text with their digits beyond that. A
//! record has the fields that its object has; others are missing. The fields of the stream are the keys of the samples, in the order in
//! which they first appear; what has further keys later adds them.
//!
//! Where the lines of a block have more different keys than one batch holds, they make several.

mod scan;

use std::sync::Arc;

use bytes::Buf;
use recpipe::record::Schema;

use self::scan::{Fault, Scalar, Visitor, unescape};
use super::growing::{Growing, Learned};
use super::lines::lines;
use super::names::{Names, no_fields};
use super::table::Table;
use super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Reject, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "json",
    args: &[],
    options: &[],
    about: "one object a line; nested ones flatten to `a.b`",
    start: Start::Blocks(|args| Ok(Box::new(Json::new(args)))),
};


struct Json {
    args: Args,
    learned: Learned,
}

impl Json {
    fn new(args: &Args) -> Self {
        Json { args: args.clone(), learned: Learned::default() }
    }
}

impl Format for Json {
    fn schema(&self) -> Arc<Schema> {
        self.learned.schema(&self.args).unwrap_or_else(|_| no_fields())
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn learns(&self) -> bool {
        true
    }

    fn sample(&mut self, first: &Block) -> Result<(), String> {
        if self.learned.is_over() {
            return Ok(());
        }
        let mut keys = Keys::new(Names::of_samples(&self.args));
        let mut rest = first.clone();
        loop {
            let parsed = Parser::parse(&mut keys, &rest, &Wanted::all());
            self.learned.add(&parsed.batch);
            let Some(at) = keys.stopped_at else { return Ok(()) };
            rest.bytes.advance(at);
        }
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.learned.growing(&self.args).map_err(|e| format!("{}: {e}", first.source))?;
        Ok(Arc::new(JsonPlan { args: self.args.clone(), growing }))
    }
}

struct JsonPlan {
    args: Args,
    growing: Arc<Growing>,
}

impl Plan for JsonPlan {
    fn growing(&self) -> Option<&Arc<Growing>> {
        Some(&self.growing)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Keys::new(Names::new(self.args.clone(), self.growing.clone())))
    }
}

/// The keys of a block, and what they hold.
struct Keys {
    names: Names,
    table: Table,
    path: String,
    /// The line that does not fit with those before it.
    stopped_at: Option<usize>,
    /// There are too many keys with those of the line.
    has_too_many: bool,
}

impl Keys {
    fn new(names: Names) -> Self {
        Keys { names, table: Table::open(), path: String::new(), stopped_at: None, has_too_many: false }
    }

    /// Fills the table; answers how many lines there are, how many of them are blank, and which are no records.
    fn parse(&mut self, block: &[u8]) -> (u32, u32, Vec<Reject>) {
        self.names.begin(&mut self.table);
        let (mut count, mut blank, mut rejects) = (0, 0, Vec::new());
        self.stopped_at = None;
        let mut path = std::mem::take(&mut self.path);
        for (start, line) in lines(block) {
            if !self.table.has_room(self.names.len()) {
                self.stopped_at = Some(start);
                break;
            }
            count += 1;
            if line.trim_ascii().is_empty() {
                blank += 1;
                continue;
            }
            let mut read = self.line(line, start, &mut path);
            if read.is_err() && self.has_too_many && self.stopped_at.is_none() && self.names.stand_alone(&mut self.table) {
                read = self.line(line, start, &mut path);
            }
            if let Err(why) = read {
                if self.stopped_at.is_some() {
                    count -= 1;
                    break;
                }
                let (start, len, records_before) = (start as u32, line.len() as u32, self.table.rows() as u32);
                rejects.push(Reject { line: count - 1, records_before, start, len, why });
            }
        }
        self.path = path;
        (count, blank, rejects)
    }

    /// Reads a line as a record that begins here in the block; what is none leaves nothing behind.
    fn line(&mut self, line: &[u8], start: usize, path: &mut String) -> Result<(), Fault> {
        let known = self.names.len();
        self.table.begin(start);
        self.names.begin_record();
        self.has_too_many = false;
        let read = scan::object(line, path, &mut InLine { keys: self, line, start });
        match &read {
            Ok(()) => self.table.commit(),
            Err(_) => {
                self.names.truncate(known);
                self.table.cancel(known);
            }
        }
        read
    }

    /// The place of a key of the line that begins here; `None` for one that is not sent.
    #[inline]
    fn place(&mut self, path: &str, line_start: usize) -> Result<Option<usize>, Fault> {
        match self.names.guess(path.as_bytes()) {
            Some(place) => Ok(Some(place)),
            None => self.look_up(path, line_start),
        }
    }

    fn look_up(&mut self, path: &str, line_start: usize) -> Result<Option<usize>, Fault> {
        // Before it is looked up: many values below one long key would each take as long as the key.
        if path.len() > Schema::MAX_NAME_BYTES {
            return match self.names.args().fields {
                Some(_) => Ok(None),
                None => Err(format!("a key of more than {} bytes", Schema::MAX_NAME_BYTES).into()),
            };
        }
        if let Some(place) = self.names.find(path) {
            return Ok(Some(place));
        }
        if !self.names.args().sends(path) {
            return Ok(None);
        }
        self.has_too_many = self.names.len() >= Schema::MAX_FIELDS;
        // Of a batch of its own, the line may be.
        if self.table.rows() > 0 && (self.has_too_many || !self.table.has_room(self.names.len() + 1)) {
            self.stopped_at = Some(line_start);
            return Err("too many keys".into());
        }
        if self.has_too_many {
            return Err(format!("more than {} different keys", Schema::MAX_FIELDS).into());
        }
        Ok(Some(self.names.add(path, &mut self.table)))
    }
}

/// A line that is gone through.
struct InLine<'a> {
    keys: &'a mut Keys,
    line: &'a [u8],
    start: usize,
}

impl Visitor for InLine<'_> {
    fn value(&mut self, path: &str, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        let Some(place) = self.keys.place(path, self.start)? else { return Ok(()) };
        let as_text = self.keys.names.is_cast(place);
        let table = &mut self.keys.table;
        if table.is_set(place) {
            table.unset(place);
        }
        match scalar {
            Scalar::Null => table.null(place),
            Scalar::String { escaped: true } => {
                let raw = &self.line[start..start + len];
                table.own_text(place, |own| unescape(raw, own));
            }
            Scalar::String { .. } | Scalar::Array | Scalar::Digits => table.text(place, self.start + start, len),
            _ if as_text => table.text(place, self.start + start, len),
            Scalar::Int(n) => table.int(place, n),
            Scalar::Wide(n) => table.wide(place, n),
            Scalar::Float(n) => table.float(place, n),
            Scalar::Bool(b) => table.bool(place, b),
        }
        Ok(())
    }
}

impl Parser for Keys {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let (lines, blank, rejects) = Keys::parse(self, &block.bytes);
        let schema = self.names.schema();
        Parsed { batch: self.table.batch(&block.bytes, &schema, wanted, block.origin()), lines, blank, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }

    fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }
}

#[cfg(test)]
mod tests;
