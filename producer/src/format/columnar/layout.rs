//! Which fields the columns of a table are, and the batches that are made of them.

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_buffer::NullBuffer;
use arrow_schema::{DataType, Fields, Schema as ArrowSchema};
use recpipe::record::{Batch, Column, ColumnBuilder, Field, Origin, Schema, Type, Value};

use super::super::{Args, Wanted};
use super::cell::{Cell, Zones, cell, is_known};
use super::{Piece, Unopened};

/// Structs may be nested so deep.
const MAX_DEPTH: usize = 64;

/// The fields of a table.
pub(super) struct Layout {
    schema: Arc<Schema>,
    leaves: Vec<Leaf>,
    zones: Zones,
}

/// A field: the way to it from a column of the table, through structs.
#[derive(Debug)]
struct Leaf {
    root: usize,
    way: Vec<usize>,
    is_sent: bool,
}

impl Layout {
    /// Of a table of these columns.
    pub(super) fn new(schema: &ArrowSchema, args: &Args) -> Result<Self, Unopened> {
        let (mut fields, mut leaves) = (Vec::new(), Vec::new());
        let mut zones = Zones::new(args);
        for (root, field) in schema.fields().iter().enumerate() {
            let mut name = field.name().clone();
            add(&mut name, field.data_type(), &mut vec![root], args, &mut zones, &mut (&mut fields, &mut leaves))?;
        }
        let schema = Schema::new(fields).map_err(|error| Unopened::Damaged(error.to_string()))?;
        args.check(&schema.names().map(str::to_owned).collect::<Vec<_>>()).map_err(Unopened::Misfit)?;
        Ok(Layout { schema: Arc::new(schema), leaves, zones })
    }

    pub(super) fn schema(&self) -> &Arc<Schema> {
        &self.schema
    }

    /// The columns of the table that these fields are of.
    pub(super) fn roots(&self, wanted: &Wanted) -> Vec<usize> {
        let fields = self.schema.fields().iter().zip(&self.leaves);
        let mut roots: Vec<usize> =
            fields.filter(|(field, leaf)| leaf.is_sent && wanted.has(&field.name)).map(|(_, leaf)| leaf.root).collect();
        roots.dedup();
        roots
    }

    /// The place of a field that is a column of the table by itself.
    pub(super) fn root_of(&self, name: &str) -> Option<usize> {
        let leaf = &self.leaves[self.schema.index_of(name)?];
        leaf.way.is_empty().then_some(leaf.root)
    }

    /// The records of a piece, with the fields that are wanted; times that cannot be are counted.
    ///
    /// # Errors
    /// What of a value is damaged.
    pub(super) fn batch(&self, piece: &Piece, wanted: &Wanted, beyond: &mut u64) -> Result<Batch, String> {
        let rows = piece.columns.num_rows();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for (field, leaf) in self.schema.fields().iter().zip(&self.leaves).filter(|(field, _)| wanted.has(&field.name)) {
            let Some(place) = piece.roots.iter().position(|root| *root == leaf.root).filter(|_| leaf.is_sent) else { continue };
            fields.push(field.clone());
            columns.push(self.column(field, leaf, piece.columns.column(place), beyond)?);
        }
        let schema = if fields.len() == self.schema.len() { self.schema.clone() } else { Arc::new(Schema::new(fields).map_err(shown)?) };
        Batch::new(schema, columns, rows, Origin::default()).map_err(shown)
    }

    fn column(&self, field: &Field, leaf: &Leaf, root: &ArrayRef, beyond: &mut u64) -> Result<Column, String> {
        let (mut array, mut nulls) = (root.clone(), None);
        for place in &leaf.way {
            nulls = NullBuffer::union(nulls.as_ref(), array.logical_nulls().as_ref());
            let inner = array.as_struct_opt().and_then(|of| of.columns().get(*place)).cloned();
            array = inner.ok_or_else(|| format!("`{}` is no column of it", field.name))?;
        }
        if array.len() != root.len() {
            return Err(format!("`{}` has another number of values than records", field.name));
        }
        let mut built = ColumnBuilder::of(field);
        let mut scratch = Vec::new();
        for row in 0..array.len() {
            let value = if nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                Value::Null
            } else {
                scratch.clear();
                match cell(&array, row, &self.zones, &mut scratch)? {
                    Cell::Null => Value::Null,
                    Cell::Beyond => {
                        *beyond += 1;
                        Value::Null
                    }
                    Cell::Bool(value) => Value::Bool(value),
                    Cell::Int(value) => Value::Int(value),
                    Cell::Float(value) => Value::Float(value),
                    Cell::Time(time) => Value::Time(time),
                    Cell::Text(text) => Value::Text(text),
                    Cell::Own => Value::Text(&scratch),
                }
            };
            built.push(value).map_err(shown)?;
        }
        Ok(built.finish())
    }
}

fn shown(error: recpipe::Error) -> String {
    error.to_string()
}

/// Fields, and where they stand.
type Found<'f> = (&'f mut Vec<Field>, &'f mut Vec<Leaf>);

/// Adds the fields that a column is: one, or those of a struct. `way` begins with the column.
fn add(
    name: &mut String,
    kind: &DataType,
    way: &mut Vec<usize>,
    args: &Args,
    zones: &mut Zones,
    found: &mut Found<'_>,
) -> Result<(), Unopened> {
    if let DataType::Struct(inner) = kind {
        if way.len() > MAX_DEPTH {
            return Err(Unopened::Damaged(format!("structs are nested deeper than {MAX_DEPTH}")));
        }
        return add_all(name, inner, way, args, zones, found);
    }
    let is_sent = args.sends(name);
    if is_sent {
        zones.learn(kind).map_err(|what| Unopened::Misfit(format!("`{name}`: {what}")))?;
        if !is_known(kind) {
            return Err(Unopened::Misfit(format!("`{name}` is of type {kind}, which records do not have; leave it out, with --fields")));
        }
    }
    found.0.push(field(name, kind));
    found.1.push(Leaf { root: way[0], way: way[1..].to_vec(), is_sent });
    Ok(())
}

fn add_all(
    name: &mut String,
    fields: &Fields,
    way: &mut Vec<usize>,
    args: &Args,
    zones: &mut Zones,
    found: &mut Found<'_>,
) -> Result<(), Unopened> {
    let len = name.len();
    for (place, field) in fields.iter().enumerate() {
        name.push('.');
        name.push_str(field.name());
        way.push(place);
        add(name, field.data_type(), way, args, zones, found)?;
        way.pop();
        name.truncate(len);
    }
    Ok(())
}

/// The field that a column of this type is.
fn field(name: &str, kind: &DataType) -> Field {
    match kind {
        DataType::Null => Field::new(name, Type::Null),
        DataType::Boolean => Field::new(name, Type::Bool),
        // Of 64 bits without a sign.
        DataType::UInt64 => Field::open(name, Type::Int),
        kind if kind.is_integer() => Field::new(name, Type::Int),
        kind if kind.is_floating() => Field::new(name, Type::Float),
        DataType::Duration(_) => Field::new(name, Type::Float),
        DataType::Timestamp(..) => Field::new(name, Type::Time),
        DataType::Dictionary(_, of) => field(name, of),
        _ => Field::new(name, Type::Text),
    }
}
