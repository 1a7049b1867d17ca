//! The names and types of a record's fields.

use std::{collections::HashSet, fmt};

use crate::Error;

/// The type of a field. The set is closed: what a stage may meet is known before data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Only nulls.
    Null,
    /// True or false.
    Bool,
    /// 64-bit signed integer.
    Int,
    /// 64-bit float.
    Float,
    /// A moment with its offset.
    Time,
    /// Bytes.
    Text,
}

impl fmt::Display for Type {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Type::Null => "null",
            Type::Bool => "bool",
            Type::Int => "int",
            Type::Float => "float",
            Type::Time => "time",
            Type::Text => "text",
        })
    }
}

/// One field: its name and its type. Any field may be null in a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, any UTF-8.
    pub name: String,
    /// The type of every value that is not null.
    pub kind: Type,
}

impl Field {
    /// A field of this name and type.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Field { name: name.into(), kind }
    }
}

/// The fields of a record, in order; names are unique.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    fields: Vec<Field>,
}

impl Schema {
    /// More fields than this are refused, wherever they come from.
    pub const MAX_FIELDS: usize = 65_536;
    /// A longer name than this many bytes is refused.
    pub const MAX_NAME_BYTES: usize = 4096;

    /// A schema of these fields.
    ///
    /// # Errors
    /// [`Error::Schema`] when a name stands twice, is too long, or there are too many fields.
    pub fn new(fields: Vec<Field>) -> Result<Self, Error> {
        if fields.len() > Self::MAX_FIELDS {
            return Err(Error::Schema(format!("{} fields; the limit is {}", fields.len(), Self::MAX_FIELDS)));
        }
        let mut seen = HashSet::with_capacity(fields.len());
        for field in &fields {
            if field.name.len() > Self::MAX_NAME_BYTES {
                return Err(Error::Schema(format!("a field name of {} bytes; the limit is {}", field.name.len(), Self::MAX_NAME_BYTES)));
            }
            if !seen.insert(field.name.as_str()) {
                return Err(Error::Schema(format!("the field `{}` stands twice", field.name)));
            }
        }
        Ok(Schema { fields })
    }

    /// The fields, in order.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }

    /// The place of the field of this name.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The number of fields.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no fields.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Schema, Type};

    #[test]
    fn names_are_unique() {
        assert!(Schema::new(vec![Field::new("a", Type::Int), Field::new("a", Type::Text)]).is_err());
        let schema = Schema::new(vec![Field::new("a", Type::Int), Field::new("b", Type::Text)]).unwrap();
        assert_eq!(schema.index_of("b"), Some(1));
        assert_eq!(schema.index_of("c"), None);
    }
}
