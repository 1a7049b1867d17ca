//! `json`: one object a line, its keys are the fields.
//!
//! Nested objects flatten: `{"a":{"b":1}}` has the field `a.b`. Arrays are kept as JSON text. A path that stands twice counts as it
//! stands last, if both values are of its type; so the members of two objects of one key are put together.
//! Lines of nothing but spaces are passed over.
//!
//! # Schema and types
//!
//! The fields are the keys of the first block of the input, in the order in which they first appear. A block with further keys makes a
//! batch with a schema of its own: the fields of the first block, then its own. A field is of the type of its first value that
//! is not null: whole numbers that an `i64` holds are ints, others floats; a field with both is float. Any other
//! mixture is not guessed at: the line is a reject that names the key, and `--cast key=str` takes all as their JSON text.
//!
//! Where the lines of a block have more different keys than one batch holds, they make several.

mod scan;

use std::collections::HashMap;
use std::sync::Arc;

use recpipe::record::{Field, Schema, Type};

use self::scan::{Fault, Scalar, Visitor, unescape};
use super::lines::lines;
use super::table::Table;
use super::{Args, Format, FormatSpec, Parsed, Parser, Plan, Reject, Start, Wanted};
use crate::input::block::Block;

pub(super) const SPEC: FormatSpec = FormatSpec {
    name: "json",
    args: &[],
    options: &[],
    about: "one object a line; nested ones flatten to `a.b`",
    start: Start::Blocks(|args| Ok(Box::new(Json { args: args.clone(), schema: empty() }))),
};

fn empty() -> Arc<Schema> {
    Arc::new(Schema::new(Vec::new()).unwrap_or_else(|_| unreachable!("no fields")))
}

struct Json {
    args: Args,
    /// Of the inputs so far.
    schema: Arc<Schema>,
}

impl Format for Json {
    fn schema(&self) -> Arc<Schema> {
        self.schema.clone()
    }

    fn known_fields(&self) -> Option<Vec<String>> {
        None
    }

    fn plan(&mut self, first: &Block) -> Result<Arc<dyn Plan>, String> {
        let everything = Args { fields: None, ..self.args.clone() };
        let mut keys = Keys::new(everything, &self.schema);
        keys.parse(&first.bytes);
        if keys.has_too_many {
            // Room for those to come.
            keys.truncate(Schema::MAX_FIELDS / 2);
        }
        let found = keys.schema().map_err(|e| format!("{}: {e}", first.source))?;
        if self.schema.is_empty() {
            let names: Vec<String> = found.names().map(str::to_owned).collect();
            self.args.check(&names).map_err(|mistake| format!("{}: {mistake} (in its first block)", first.source))?;
        }
        let sent = found.fields().iter().filter(|field| self.args.sends(&field.name)).cloned().collect();
        self.schema = Arc::new(Schema::new(sent).map_err(|e| e.to_string())?);
        Ok(Arc::new(JsonPlan { args: self.args.clone(), schema: self.schema.clone() }))
    }
}

struct JsonPlan {
    args: Args,
    schema: Arc<Schema>,
}

impl Plan for JsonPlan {
    fn parser(&self) -> Box<dyn Parser> {
        Box::new(Keys::new(self.args.clone(), &self.schema))
    }
}

/// The keys of a block, and what they hold.
struct Keys {
    args: Args,
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
    table: Table,
    path: String,
    /// The line that does not fit with those before it.
    stopped_at: Option<usize>,
    /// It has more keys than there may be, with theirs.
    has_too_many: bool,
}

impl Keys {
    fn new(args: Args, base: &Arc<Schema>) -> Self {
        let mut keys = Keys {
            args,
            base: base.clone(),
            names: Vec::new(),
            places: HashMap::new(),
            is_cast: Vec::new(),
            next: 0,
            typed: Vec::new(),
            floats: Vec::new(),
            table: Table::default(),
            path: String::new(),
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
    }

    /// Keeps only the first `len` names.
    fn truncate(&mut self, len: usize) {
        for name in self.names.drain(len..) {
            self.places.remove(&name);
        }
        self.is_cast.truncate(len);
    }

    /// Fills the table; answers how many lines there are, how many of them are blank, and which are no records.
    fn parse(&mut self, block: &[u8]) -> (u32, u32, Vec<Reject>) {
        self.truncate(self.base.len());
        self.table.reset(self.base.fields().iter().map(|field| field.kind));
        let (mut count, mut blank, mut rejects) = (0, 0, Vec::new());
        (self.stopped_at, self.has_too_many) = (None, false);
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
            let known = self.names.len();
            self.table.begin(start);
            self.next = 0;
            self.typed.clear();
            self.floats.clear();
            match scan::object(line, &mut path, &mut InLine { keys: self, line, start }) {
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
                        count -= 1;
                        break;
                    }
                    let (start, len, records_before) = (start as u32, line.len() as u32, self.table.rows() as u32);
                    rejects.push(Reject { line: count - 1, records_before, start, len, why });
                }
            }
        }
        self.path = path;
        (count, blank, rejects)
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

/// A line that is gone through.
struct InLine<'a> {
    keys: &'a mut Keys,
    line: &'a [u8],
    start: usize,
}

impl Visitor for InLine<'_> {
    fn value(&mut self, path: &str, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        let Some(place) = self.keys.place(path, self.start)? else { return Ok(()) };
        let as_text = self.keys.is_cast[place];
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
}

#[cfg(test)]
mod tests;
