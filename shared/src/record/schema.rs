//! The names and types of a record's fields.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use crate::Error;

/// The type of a field. The set is closed: what a stage may meet is known before data flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// Only nulls.
    Null,
    /// True or false.
    Bool,
    /// Whole numbers, exactly: up to 128 bits in an open field, 64 in a closed one.
    Int,
    /// 64-bit float.
    Float,
    /// A moment with its offset.
    Time,
    /// Bytes.
    Text,
    /// Values of several types, each of its own: int, float, bool, time or text.
    Mixed,
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
            Type::Mixed => "mixed",
        })
    }
}

/// One field: its name and its type. Any field may be null in a record.
///
/// The type of a *closed* field holds for every value: what reads it may rely on it. The values of an *open* field are of the
/// type that each was written with; its `kind` is what a sample of them showed, and tells which mistakes are certain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, any UTF-8.
    pub name: String,
    /// Of a closed field, the type of every value that is not null; its ints are of 64 bits. Of an open one, the type of those
    /// that were seen: [`Type::Mixed`] if there are several, or none was.
    pub kind: Type,
    /// Whether other values than `kind` says may come.
    pub open: bool,
}

impl Field {
    /// A closed field of this name and type.
    pub fn new(name: impl Into<String>, kind: Type) -> Self {
        Field { name: name.into(), kind, open: kind == Type::Mixed }
    }

    /// An open field of this name, in which values of this type were seen.
    ///
    /// # Examples
    /// A number that 64 bits do not hold, and a word, where so far there were only small numbers:
    /// ```
    /// use std::sync::Arc;
    /// use recpipe::{BatchBuilder, Field, Schema, Type, Value};
    ///
    /// let schema = Arc::new(Schema::new(vec![Field::open("id", Type::Int)])?);
    /// let mut builder = BatchBuilder::new(schema);
    /// builder.push(&[Value::Int(1 << 100)])?;
    /// builder.push(&[Value::Text(b"n/a")])?;
    /// let batch = builder.finish()?;
    /// assert_eq!(batch.row(0).get("id"), Some(Value::Int(1 << 100)));
    /// assert_eq!(batch.row(1).get("id"), Some(Value::Text(b"n/a")));
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn open(name: impl Into<String>, kind: Type) -> Self {
        Field { name: name.into(), kind, open: true }
    }
}

/// The fields of a record, in order; names are unique.
///
/// Of a stream in which each record has the fields that it has (JSON, say), a schema *grows*: later ones may have further fields
/// behind those that it has.
///
/// # Examples
/// ```
/// use recpipe::{Field, Schema, Type};
///
/// let log = Schema::new(vec![Field::new("host", Type::Text), Field::new("status", Type::Int)])?;
/// assert_eq!(log.index_of("status"), Some(1));
/// assert!(Schema::new(vec![Field::new("host", Type::Text), Field::new("host", Type::Int)]).is_err());
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    fields: Vec<Field>,
    grows: bool,
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
        Ok(Schema { fields, grows: false })
    }

    /// The same schema, of a stream in which further fields may come.
    pub fn growing(self) -> Self {
        Schema { grows: true, ..self }
    }

    /// A schema of these fields instead, which grows if this one does.
    ///
    /// # Errors
    /// As for [`Schema::new`].
    pub fn with_fields(&self, fields: Vec<Field>) -> Result<Self, Error> {
        Ok(Schema { grows: self.grows, ..Schema::new(fields)? })
    }

    /// A field of each, of one name, that are closed and of two types: records of both cannot stand in one stream.
    #[doc(hidden)]
    pub fn clash<'s>(&'s self, other: &'s Self) -> Option<(&'s Field, &'s Field)> {
        let fits = |a: &Field, b: &Field| a.open || b.open || a.kind == b.kind || a.kind == Type::Null || b.kind == Type::Null;
        let pair = |theirs: &'s Field| self.index_of(&theirs.name).map(|place| (&self.fields[place], theirs));
        other.fields.iter().filter_map(pair).find(|(ours, theirs)| !fits(ours, theirs))
    }

    /// The fields of both, those of this one first. A field that is open in one of them is open, and of several types where they
    /// differ; further fields may come where they may come in one of them.
    ///
    /// # Errors
    /// [`Error::Schema`] when the two [clash](Schema::clash), or have too many fields.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Field, Schema, Type};
    ///
    /// let ours = Schema::new(vec![Field::new("host", Type::Text), Field::open("ms", Type::Int)])?;
    /// let theirs = Schema::new(vec![Field::new("ms", Type::Float), Field::new("user", Type::Text)])?;
    /// let both = [Field::new("host", Type::Text), Field::open("ms", Type::Mixed), Field::new("user", Type::Text)];
    /// assert_eq!(ours.united(&theirs)?, Schema::new(both.to_vec())?);
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn united(&self, other: &Self) -> Result<Self, Error> {
        if let Some((ours, theirs)) = self.clash(other) {
            return Err(Error::Schema(format!("field `{}` is {} and {}", ours.name, ours.kind, theirs.kind)));
        }
        let places: HashMap<&str, usize> = self.names().enumerate().map(|(place, name)| (name, place)).collect();
        let mut fields = self.fields.clone();
        for field in &other.fields {
            match places.get(field.name.as_str()).map(|&place| &mut fields[place]) {
                None => fields.push(field.clone()),
                Some(known) if known.open || field.open => {
                    let kind = match (known.kind, field.kind) {
                        (kind, other) | (other, kind) if kind == other || other == Type::Null => kind,
                        _ => Type::Mixed,
                    };
                    *known = Field::open(std::mem::take(&mut known.name), kind);
                }
                Some(known) if known.kind == Type::Null => known.kind = field.kind,
                Some(_) => {}
            }
        }
        Ok(Schema { grows: self.grows || other.grows, ..Schema::new(fields)? })
    }

    /// Whether further fields may come later in the stream.
    pub fn grows(&self) -> bool {
        self.grows
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
