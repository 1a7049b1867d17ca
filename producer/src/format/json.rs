//! `json`: objects, whose keys are the fields. One a line, or in an array, over several lines, side by side (`framing.rs`).
//!
//! Nested objects flatten: `{"a":{"b":1}}` has the field `a.b`. Arrays are kept as JSON text. A path that stands twice counts as it
//! stands last, if both values are of its type; so the members of two objects of one key are put together. Two ways to one path
//! (`{"a.b":1,"a":{"b":2}}`) make the object a reject: one value would hide the other.
//! Lines of nothing but spaces are passed over, and so is a byte order mark.
//!
//! # Schema and types
//!
//! The fields are the keys of the first block of the input, in the order in which they first appear. A block with further keys makes a
//! batch with a schema of its own: the fields of the first block, then its own. A field is of the type of its first value that
//! is not null: whole numbers that an `i64` holds are ints, others floats; a field with both is float. Any other
//! mixture is not guessed at: the line is a reject that names the key, and `--cast key=str` takes all as their JSON text.
//!
//! Where the lines of a block have more different keys than one batch holds, they make several.

mod framing;
mod scan;

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use recpipe::Exit;

use self::framing::{Framing, Kind, LINES, Units};
use self::scan::{Fault, Scalar, Visitor, Way, unescape};
use super::lines::lines;
use super::seam::{Failure, Seam};
use super::table::Table;
use super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Reject, Start, Unit, Wanted};
use crate::input::block::Block;
use crate::input::boundary::{BYTE_ORDER_MARK, Boundary, Dialect, MAX_RECORD_BYTES};

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "json",
    args: &[],
    options: &[],
    about: "objects, one a line or in an array; nested ones flatten to `a.b`",
    start: Start::Blocks(|args| Ok(Box::new(Json { args: args.clone(), schema: empty() }))),
};

/// Where the first block has many different keys, so many of them are fields of all blocks.
const MOST_OF_ALL_BLOCKS: usize = 2048;

fn empty() -> Arc<Schema> {
    Arc::new(Schema::new(Vec::new()).unwrap_or_else(|_| unreachable!("no fields")))
}

struct Json {
    args: Args,
    /// Of the inputs so far.
    schema: Arc<Schema>,
}

impl Format for Json {
    fn boundary(&self) -> Arc<dyn Boundary> {
        Arc::new(Framing)
    }

    fn unit(&self) -> Unit {
        Unit::OBJECT
    }

    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let head_bytes = if first.start == 0 && first.bytes.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        let everything = Args { fields: None, ..self.args.clone() };
        let mut keys = Keys::new(everything, &self.schema, first.dialect);
        keys.parse(&first.bytes[head_bytes..]);
        if keys.has_too_many || keys.names.len() > 2 * MOST_OF_ALL_BLOCKS {
            // Every block has these, whatever is in it: one that has others names them itself.
            keys.truncate(MOST_OF_ALL_BLOCKS);
        }
        let found = keys.schema().map_err(|e| format!("{}: {e}", first.source))?;
        if self.schema.is_empty() {
            let names: Vec<String> = found.names().map(str::to_owned).collect();
            self.args.check(&names).map_err(|mistake| format!("{}: {mistake} (in its first block)", first.source))?;
        }
        let sent = found.fields().iter().filter(|field| self.args.sends(&field.name)).cloned().collect();
        self.schema = Arc::new(Schema::new(sent).map_err(|e| e.to_string())?);
        Ok(Arc::new(JsonPlan { head_bytes, args: self.args.clone(), schema: self.schema.clone(), dialect: first.dialect }))
    }
}

struct JsonPlan {
    head_bytes: usize,
    args: Args,
    schema: Arc<Schema>,
    dialect: Dialect,
}

impl Plan for JsonPlan {
    fn head_bytes(&self) -> usize {
        self.head_bytes
    }

    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Keys::new(self.args.clone(), &self.schema, self.dialect))
    }
}

/// The keys of a block, and what they hold.
struct Keys {
    args: Args,
    dialect: Dialect,
    /// The fields that every block has.
    base: Arc<Schema>,
    names: Vec<Arc<str>>,
    /// The names' places.
    places: HashMap<Arc<str>, usize>,
    /// Of each name: its values are kept as text, whatever they are.
    is_cast: Vec<bool>,
    /// The place that the next key most likely has: lines have their keys in the same order.
    next: usize,
    /// The columns that had no type before the line.
    typed: Vec<usize>,
    /// What the line has in columns of whole numbers that are none: they become columns of floats if it is a record.
    floats: Vec<(usize, f64)>,
    /// Of each column: how the keys make the path of the value that was set last.
    shapes: Vec<u64>,
    table: Table,
    path: String,
    /// The brackets around the objects.
    seam: Seam,
    failure: Option<Failure>,
    /// The line that does not fit with those before it.
    stopped_at: Option<usize>,
    /// It has more keys than there may be, with theirs.
    has_too_many: bool,
}

impl Keys {
    fn new(args: Args, base: &Arc<Schema>, dialect: Dialect) -> Self {
        let mut keys = Keys {
            args,
            dialect,
            base: base.clone(),
            names: Vec::new(),
            places: HashMap::new(),
            is_cast: Vec::new(),
            next: 0,
            typed: Vec::new(),
            floats: Vec::new(),
            shapes: Vec::new(),
            table: Table::default(),
            path: String::new(),
            seam: Seam::default(),
            failure: None,
            stopped_at: None,
            has_too_many: false,
        };
        base.names().for_each(|name| keys.add_name(name));
        keys
    }

    fn add_name(&mut self, name: &str) {
        let shared: Arc<str> = name.into();
        self.places.insert(shared.clone(), self.names.len());
        self.names.push(shared);
        self.is_cast.push(self.args.is_cast(name));
        self.shapes.push(0);
    }

    /// Keeps only the first `len` names, or as many as there are.
    fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len.min(self.names.len())..) {
            self.places.remove(&name);
        }
        self.is_cast.truncate(len);
        self.shapes.truncate(len);
    }

    /// Fills the table; answers how many lines there are, how many of them are blank, and which are no records.
    fn parse(&mut self, block: &[u8]) -> (u32, u32, Vec<Reject>) {
        self.truncate(self.base.len());
        self.table.reset(self.base.fields().iter().map(|field| field.kind));
        let (mut blank, mut rejects) = (0, Vec::new());
        let (mut counted, mut line_number) = (0, 0);
        (self.stopped_at, self.has_too_many, self.failure) = (None, false, None);
        self.seam = Seam::default();
        let mut path = std::mem::take(&mut self.path);
        let mut pieces = Pieces::of(self.dialect, block);
        while let Some(Piece { from, start, text: line, .. }) = pieces.next(&mut self.seam, self.table.rows()) {
            if !self.table.has_room(self.names.len()) {
                self.stopped_at = Some(from);
                break;
            }
            if line.trim_ascii().is_empty() {
                blank += 1;
                continue;
            }
            let known = self.names.len();
            self.table.begin(start);
            self.next = 0;
            self.typed.clear();
            self.floats.clear();
            match scan::object(line, &mut path, &mut InLine { keys: self, line, start, from }) {
                Ok(()) => {
                    for (column, float) in self.floats.drain(..) {
                        self.table.retype(column, Type::Float);
                        self.table.number(column, float.to_bits() as i64);
                    }
                    self.table.commit();
                }
                Err(why) => {
                    self.truncate(known);
                    self.table.cancel(known);
                    // What is no record says nothing of types.
                    self.typed.iter().filter(|&&column| column < known).for_each(|&column| self.table.untype(column));
                    if self.stopped_at.is_some() {
                        break;
                    }
                    line_number += memchr::memchr_iter(b'\n', &block[counted..start]).count() as u32;
                    counted = start;
                    let (start, len, records_before) = (start as u32, line.len() as u32, self.table.rows() as u32);
                    rejects.push(Reject { line: line_number, records_before, start, len, why });
                }
            }
        }
        self.path = path;
        self.failure = pieces.failure();
        let parsed = &block[..self.stopped_at.unwrap_or(block.len())];
        let torn = self.dialect == LINES && parsed.last().is_some_and(|&last| last != b'\n');
        (memchr::memchr_iter(b'\n', parsed).count() as u32 + u32::from(torn), blank, rejects)
    }

    /// The base's schema, if the block has the same; otherwise one of its own.
    fn schema(&self) -> Result<Arc<Schema>, recpipe::Error> {
        let fields = self.base.fields();
        if self.names.len() == fields.len() && fields.iter().enumerate().all(|(i, field)| field.kind == self.table.kind(i)) {
            return Ok(self.base.clone());
        }
        let fields = self.names.iter().enumerate().map(|(i, name)| Field::new(&**name, self.table.kind(i)));
        Schema::new(fields.collect()).map(Arc::new)
    }

    /// The place of a key of the line that begins here; `None` for one that is not sent.
    fn place(&mut self, path: &str, line_start: usize) -> Result<Option<usize>, Fault> {
        let place = match self.names.get(self.next) {
            Some(name) if **name == *path => self.next,
            // Before it is looked up: many values below one long key would each take as long as the key.
            _ if path.len() > Schema::MAX_NAME_BYTES => match self.args.fields {
                Some(_) => return Ok(None),
                None => return Err(format!("a key of more than {} bytes", Schema::MAX_NAME_BYTES).into()),
            },
            _ => match self.places.get(path) {
                Some(&place) => place,
                None if !self.args.sends(path) => return Ok(None),
                None => {
                    // Of a batch of its own, the line may be.
                    self.has_too_many = self.names.len() >= Schema::MAX_FIELDS;
                    if self.table.rows() > 0 && (self.has_too_many || !self.table.has_room(self.names.len() + 1)) {
                        self.stopped_at = Some(line_start);
                        return Err("too many keys".into());
                    }
                    if self.has_too_many {
                        return Err(format!("more than {} different keys", Schema::MAX_FIELDS).into());
                    }
                    self.add_name(path);
                    self.table.add_column(Type::Null);
                    self.names.len() - 1
                }
            },
        };
        self.next = place + 1;
        Ok(Some(place))
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
    /// The next; the brackets before it go to the seam.
    #[inline]
    fn next(&mut self, seam: &mut Seam, rows: usize) -> Option<Piece<'a>> {
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
                Kind::Open => seam.open(b"["),
                Kind::Close => seam.close(b"[", unit.start, rows as u32),
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

/// A line that is gone through.
struct InLine<'a> {
    keys: &'a mut Keys,
    line: &'a [u8],
    start: usize,
    from: usize,
}

impl Visitor for InLine<'_> {
    fn value(&mut self, Way { path, shape }: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        let Some(place) = self.keys.place(path, self.from)? else { return Ok(()) };
        let as_text = self.keys.is_cast[place];
        let was = std::mem::replace(&mut self.keys.shapes[place], shape);
        let is_set = self.keys.table.is_set(place) || self.keys.floats.iter().any(|(column, _)| *column == place);
        if is_set && was != shape {
            let path = path.escape_debug();
            return Err(format!("`{path}` stands there twice: as a key with a dot, and as a key in an object").into());
        }
        let table = &mut self.keys.table;
        if table.is_set(place) {
            table.unset(place);
        }
        if !self.keys.floats.is_empty() {
            self.keys.floats.retain(|(column, _)| *column != place);
        }
        let kind = match scalar {
            Scalar::Null => {
                table.null(place);
                return Ok(());
            }
            _ if as_text => Type::Text,
            Scalar::Bool(_) => Type::Bool,
            Scalar::Int(_) => Type::Int,
            Scalar::Float(_) => Type::Float,
            Scalar::String { .. } | Scalar::Array => Type::Text,
        };
        match (table.kind(place), kind) {
            (Type::Null, kind) => {
                table.retype(place, kind);
                self.keys.typed.push(place);
            }
            (Type::Int, Type::Float) => {
                if let Scalar::Float(float) = scalar {
                    self.keys.floats.push((place, float));
                }
                return Ok(());
            }
            (Type::Float, Type::Int) => {}
            (known, kind) if known == kind => {}
            (known, kind) => {
                let path = path.escape_debug();
                return Err(format!("`{path}` is {kind}, and was {known} at first (--cast {path}=str takes all)").into());
            }
        }
        match (scalar, table.kind(place)) {
            (Scalar::String { escaped: true }, _) => {
                let raw = &self.line[start..start + len];
                table.own_text(place, |own| unescape(raw, own));
            }
            (_, Type::Text) => table.text(place, self.start + start, len),
            (Scalar::Int(n), Type::Float) => table.number(place, (n as f64).to_bits() as i64),
            (Scalar::Int(n), _) => table.number(place, n),
            (Scalar::Float(n), _) => table.number(place, n.to_bits() as i64),
            (Scalar::Bool(b), _) => table.number(place, i64::from(b)),
            (Scalar::Null | Scalar::String { .. } | Scalar::Array, _) => {}
        }
        Ok(())
    }
}

impl Parser for Keys {
    fn parse(&mut self, block: &Block, wanted: &Wanted) -> Parsed {
        let (lines, blank, rejects) = Keys::parse(self, &block.bytes);
        // The names differ, and there are not too many of them, nor too long ones.
        let schema = self.schema().unwrap_or_else(|_| unreachable!("every name was looked at"));
        Parsed { batch: self.table.batch(&block.bytes, &schema, wanted, block.origin()), lines, blank, rejects }
    }

    fn row_start(&self, row: usize) -> usize {
        self.table.row_start(row)
    }

    fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }

    fn failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    fn seam(&mut self) -> Option<Seam> {
        Some(std::mem::take(&mut self.seam))
    }
}

#[cfg(test)]
mod tests;
