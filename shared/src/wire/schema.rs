//! Schemas to and from payloads.

use serde::{Deserialize, Serialize};

use super::serializer::{Each, from_slice, to_vec};
use crate::{
    Error,
    record::{Field, Schema, Type},
};

#[derive(Serialize, Deserialize)]
struct SchemaWire<'a> {
    grows: bool,
    #[serde(borrow)]
    fields: Each<FieldWire<'a>>,
    /// So many fields of the schema that had its number until now come before them.
    kept: u32,
}

#[derive(Serialize, Deserialize)]
struct FieldWire<'a> {
    name: &'a str,
    /// The type's place in [`TYPES`], and [`OPEN`] where the field is open.
    kind: u8,
}

const TYPES: [Type; 7] = [Type::Null, Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];
const OPEN: u8 = 1 << 7;

/// A schema, whose first `kept` fields are those of the one that has its number.
pub(super) fn encode_schema(schema: &Schema, kept: usize) -> Result<Vec<u8>, Error> {
    let kind = |field: &Field| {
        let kind = TYPES.iter().position(|known| *known == field.kind).unwrap_or(0) as u8;
        if field.open { kind | OPEN } else { kind }
    };
    let fields = schema.fields()[kept..].iter().map(|field| FieldWire { name: &field.name, kind: kind(field) });
    to_vec(&SchemaWire { grows: schema.grows(), fields: Each(fields.collect()), kept: kept as u32 })
}

/// A schema that takes the place of `old`, and whether it has fields of it.
pub(super) fn decode_schema(payload: &[u8], old: Option<&Schema>) -> Result<(Schema, bool), String> {
    let wire: SchemaWire<'_> = from_slice(payload)?;
    let kept = old.map_or(&[][..], Schema::fields).get(..wire.kept as usize).ok_or("a schema keeps fields that there are not")?;
    let field = |field: &FieldWire<'_>| {
        let (kind, open) = (field.kind & !OPEN, field.kind & OPEN != 0);
        let kind = TYPES.get(usize::from(kind)).ok_or_else(|| format!("a field of the unknown type {kind}"))?;
        Ok(if open { Field::open(field.name, *kind) } else { Field::new(field.name, *kind) })
    };
    let fields = kept.iter().cloned().map(Ok).chain(wire.fields.0.iter().map(field)).collect::<Result<_, String>>()?;
    let schema = Schema::new(fields).map_err(|error| error.to_string())?;
    Ok((if wire.grows { schema.growing() } else { schema }, !kept.is_empty()))
}
