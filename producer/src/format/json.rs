//! `json`: objects, whose keys are the fields. One a line, or in an array, over several lines, side by side (`framing.rs`).
//!
//! Nested objects flatten: `{"a":{"b":1}}` has the field `a.b`. Arrays are kept as JSON text. A path that stands twice counts as it
//! stands last; so the members of two objects of one key are put together. Two ways to one path (`{"a.b":1,"a":{"b":2}}`) make the
//! object a reject: one value would hide the other. Lines of nothing but spaces are passed over.
//!
//! # Fields and types
//!
//! A value is of the type that it is written with: whole numbers are exact up to 128 bits, and text with their digits beyond that. A
//! record has the fields that its object has; others are missing. The fields of the stream are the keys of the samples, in the order in
//! which they first appear; what has further keys later adds them.
//!
//! Where the objects of a block have more different keys than one batch holds, they make several.

mod at;
mod framing;
mod usual;

use std::sync::Arc;

use bytes::Buf;
use recpipe::Exit;
use recpipe::json::{self, Fault, Scalar, Visitor, Way, unescape};
use recpipe::record::{Growing, Schema};

use self::framing::{Framing, Kind, LINES, Units};
use self::usual::{MOST_STEPS, Told, Usual};
use super::continuity::{Continuity, Failure};
use super::growing::Learned;
use super::lines::lines;
use super::names::{Names, no_fields};
use super::open_table::{OpenTable, Outcome};
use super::table::Table;
use super::{Args, Format, FormatOption, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::{Boundary, Dialect, MAX_RECORD_BYTES};

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "json",
    args: &[],
    options: &[FormatOption::At],
    about: "objects, one a line or in an array; nested ones flatten to `a.b`",
    start: Start::Blocks(|args| Ok(Box::new(Json::new(args)))),
    fields: "The keys; nested ones flatten to a.b, and arrays are text. Whole numbers are exact to 128 bits.",
    sample: r#"{"id":18446744073709551615,"user":{"name":"x"},"tags":[1,2]}"#,
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
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Framing { at: self.args.at.clone() })
    }

    fn unit(&self) -> Unit {
        Unit::Object
    }

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
        let mut keys = Keys::new(Names::of_samples(&self.args), first.dialect);
        let mut rest = first.clone();
        loop {
            let parsed = Parser::parse(&mut keys, &rest, &Wanted::all());
            self.learned.add(&parsed.batch);
            let Some(at) = keys.stopped_at() else { return Ok(()) };
            rest.bytes.advance(at);
        }
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let growing = self.learned.growing(&self.args).map_err(|e| format!("{}: {e}", first.source))?;
        Ok(Arc::new(JsonPlan { args: self.args.clone(), growing, dialect: first.dialect }))
    }
}

struct JsonPlan {
    args: Args,
    growing: Arc<Growing>,
    dialect: Dialect,
}

impl Plan for JsonPlan {
    fn growing(&self) -> Option<&Arc<Growing>> {
        Some(&self.growing)
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Keys::new(Names::new(self.args.clone(), self.growing.clone()), self.dialect))
    }
}

/// The keys of a block, and what they hold.
struct Keys {
    open: OpenTable,
    dialect: Dialect,
    path: String,
    /// Of each column: how the keys make the path of the value that was set last.
    shapes: Vec<u64>,
    usual: Usual,
    /// The brackets around the objects.
    continuity: Continuity,
    failure: Option<Failure>,
}

impl Keys {
    fn new(names: Names, dialect: Dialect) -> Self {
        let (open, path, shapes) = (OpenTable::new(names), String::new(), Vec::new());
        Keys { open, dialect, path, shapes, usual: Usual::new(), continuity: Continuity::default(), failure: None }
    }

    /// Fills the table; answers how many lines there are, how many of them are blank, and what is no record.
    fn parse(&mut self, block: &[u8], wanted: &Wanted) -> (u32, u32, Vec<Reject>) {
        self.open.begin();
        self.usual.begin();
        let (mut blank, mut rejects) = (0, Vec::new());
        let (mut counted, mut line) = (0, 0);
        self.continuity = Continuity::default();
        let Keys { open, path, shapes, usual, .. } = self;
        let mut pieces = Pieces::of(self.dialect, block);
        while let Some(piece) = pieces.next(&mut self.continuity, open.table.rows()) {
            if piece.text.trim_ascii().is_empty() {
                blank += 1;
                continue;
            }
            let read = |open: &mut OpenTable| {
                if usual.read(piece.text, piece.start, open) {
                    return Ok(());
                }
                let mut told = usual.wants(piece.start).then_some(&mut usual.told);
                json::object(piece.text, path, &mut InPiece { open, shapes, piece: &piece, told: told.as_deref_mut() })?;
                if told.is_some() {
                    usual.learn(piece.text, open, wanted);
                }
                Ok(())
            };
            match open.record(piece.from, piece.start, |()| true, read) {
                Outcome::Taken(()) => {}
                Outcome::Stopped => break,
                Outcome::Reject(why) => {
                    line += memchr::memchr_iter(b'\n', &block[counted..piece.start]).count() as u32;
                    counted = piece.start;
                    let (start, len, records_before) = (piece.start as u32, piece.text.len() as u32, open.table.rows() as u32);
                    rejects.push(Reject { line, records_before, start, len, why });
                }
            }
        }
        self.failure = pieces.failure();
        let parsed = &block[..open.stopped_at().unwrap_or(block.len())];
        let torn = self.dialect == LINES && parsed.last().is_some_and(|&last| last != b'\n');
        (memchr::memchr_iter(b'\n', parsed).count() as u32 + u32::from(torn), blank, rejects)
    }
}

/// What may be an object.
struct Piece<'a> {
    /// Where it can be parted from what is before it.
    from: usize,
    start: usize,
    text: &'a [u8],
}

/// Lines, or values.
enum Pieces<'a, L> {
    Lines(L),
    Values { units: Units<'a>, block: &'a [u8], failure: Option<Failure> },
}

impl<'a> Pieces<'a, ()> {
    fn of(dialect: Dialect, block: &'a [u8]) -> Pieces<'a, impl Iterator<Item = (usize, &'a [u8])>> {
        match dialect {
            LINES => Pieces::Lines(lines(block)),
            _ => Pieces::Values { units: Units::new(block, true), block, failure: None },
        }
    }
}

impl<'a, L: Iterator<Item = (usize, &'a [u8])>> Pieces<'a, L> {
    /// The next; the brackets before it go to the continuity.
    #[inline]
    fn next(&mut self, continuity: &mut Continuity, rows: usize) -> Option<Piece<'a>> {
        let (units, block, failure) = match self {
            Pieces::Lines(lines) => return lines.next().map(|(start, text)| Piece { from: start, start, text }),
            Pieces::Values { units, block, failure } => (units, *block, failure),
        };
        loop {
            let unit = units.next()?;
            let text = block[unit.start..unit.end].trim_ascii_end();
            let fits = match unit.kind {
                Kind::Object | Kind::Other => return Some(Piece { from: unit.from, start: unit.start, text }),
                Kind::Space => Ok(()),
                Kind::Open => continuity.open(b"["),
                Kind::Close => continuity.close(b"[", unit.start, rows as u32),
                Kind::TooLong => Err(format!(
                    "an object of more than {MAX_RECORD_BYTES} bytes; what follows it is not read (of one object a line it would be)"
                )),
            };
            if let Err(what) = fits {
                *failure = Some(Failure { exit: Exit::Failed, at: unit.start, records_before: rows as u32, what });
                return None;
            }
        }
    }

    /// Why nothing can be read after them.
    fn failure(self) -> Option<Failure> {
        if let Pieces::Values { failure, .. } = self { failure } else { None }
    }
}

/// An object that is gone through.
struct InPiece<'a> {
    open: &'a mut OpenTable,
    shapes: &'a mut Vec<u64>,
    piece: &'a Piece<'a>,
    /// The values so far, for whoever wants to know where they stand.
    told: Option<&'a mut Vec<Told>>,
}

impl Visitor for InPiece<'_> {
    fn value(&mut self, Way { path, shape }: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        let place = self.open.place(path)?;
        if let Some(told) = self.told.as_deref_mut().filter(|told| told.len() <= MOST_STEPS) {
            let quotes = usize::from(matches!(scalar, Scalar::String { .. }));
            told.push(Told { start: start - quotes, end: start + len + quotes, place, is_outermost: shape == 0 });
        }
        let Some(place) = place else { return Ok(()) };
        let as_text = self.open.names.is_cast(place);
        if place >= self.shapes.len() {
            self.shapes.resize(place + 1, 0);
        }
        let was = std::mem::replace(&mut self.shapes[place], shape);
        let table = &mut self.open.table;
        if table.is_set(place) {
            if was != shape {
                let path = path.escape_debug();
                return Err(format!("`{path}` stands there twice: as a key with a dot, and as a key in an object").into());
            }
            table.unset(place);
        }
        let Piece { text, start: at, .. } = *self.piece;
        put(table, (text, at), &Found { place, is_text: as_text, start, len, scalar });
        Ok(())
    }
}

/// A value that goes into a column.
struct Found {
    place: usize,
    /// It goes there as it is written, whatever it is.
    is_text: bool,
    /// Where it stands in its object, a string without its quotes.
    start: usize,
    len: usize,
    scalar: Scalar,
}

/// Puts a value of the object `text`, which stands at `at` in the block, into its column.
#[inline]
fn put(table: &mut Table, (text, at): (&[u8], usize), &Found { place, is_text, start, len, scalar }: &Found) {
    match scalar {
        Scalar::Null => table.null(place),
        Scalar::String { escaped: true } => table.own_text(place, |own| unescape(&text[start..start + len], own)),
        Scalar::String { .. } | Scalar::Array | Scalar::Digits => table.text(place, at + start, len),
        _ if is_text => table.text(place, at + start, len),
        Scalar::Int(n) => table.int(place, n),
        Scalar::Wide(n) => table.wide(place, n),
        Scalar::Float(n) => table.float(place, n),
        Scalar::Bool(b) => table.bool(place, b),
    }
}

impl Parser for Keys {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let (lines, blank, rejects) = Keys::parse(self, &block.bytes, wanted);
        let schema = self.open.names.schema();
        Parsed { batch: self.open.table.batch(&block.bytes, &schema, wanted, block.origin()), lines, blank, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.open.table.row_start(row)
    }

    fn stopped_at(&self) -> Option<usize> {
        self.open.stopped_at()
    }

    fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn continuity(&mut self) -> Option<Continuity> {
        Some(std::mem::take(&mut self.continuity))
    }
}

#[cfg(test)]
mod tests;
