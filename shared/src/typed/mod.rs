//! Records as structs of one's own, by serde: what a struct is as a [`Schema`], a struct as a record, a record as a struct.
//!
//! A field of the struct is a field of the record, under the name that serde gives it. Numbers, bools, [`Time`](crate::Time)s and texts
//! (also chars, unit variants of enums, and bytes by `serde_bytes`) are values; `None` and `()` are null; the fields of a struct within
//! are named `outer.inner`, as those of an object in JSON are. A record is flat: lists and maps are refused, with the field's name.
//!
//! | | whole |
//! | --- | --- |
//! | a schema | [`Schema::of`] |
//! | structs into records | [`BatchBuilder::push_as`], [`Batch::of`] |
//! | records into structs | [`Row::to`], [`Batch::to`] |
//!
//! # Examples
//! ```
//! use recpipe::{Batch, Schema, Type};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Hit {
//!     host: String,
//!     status: Option<u16>,
//! }
//!
//! let hits = [Hit { host: "10.0.0.1".into(), status: Some(404) }, Hit { host: "10.0.0.2".into(), status: None }];
//! let batch = Batch::of(&hits)?;
//! assert_eq!(batch.schema().fields()[1].kind, Type::Int);
//! assert_eq!(batch.to::<Hit>().collect::<Result<Vec<_>, _>>()?, hits);
//! # Ok::<(), recpipe::Error>(())
//! ```

mod deserialize;
mod serialize;
mod time;
mod trace;

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{Batch, BatchBuilder, Error, Row, Schema};

impl Schema {
    /// The fields of a struct: what [`BatchBuilder::push_as`] takes structs of, and [`Row::to`] makes them of.
    ///
    /// Ints that 64 bits may not hold (`u64`, `i128`, `u128`) are open fields, all others closed.
    ///
    /// # Errors
    /// [`Error::Schema`] naming the field whose type is not known from how it is deserialized (one that begins with
    /// `deserialize_any`), or that no record holds (a list, a map); or when `T` is no struct.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Field, Schema, Type};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Hit { host: std::net::IpAddr, ms: Option<f64> }
    ///
    /// assert_eq!(Schema::of::<Hit>()?.fields(), [Field::new("host", Type::Text), Field::new("ms", Type::Float)]);
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn of<T: DeserializeOwned>() -> Result<Self, Error> {
        trace::schema::<T>()
    }
}

impl BatchBuilder {
    /// Adds a struct as a record. Fields that it has and the schema has not are left out; those that it lacks are null.
    ///
    /// # Errors
    /// [`Error::Schema`] naming the field that is a list or a map, or is of another type than the schema says; the builder is then of no
    /// use any more.
    pub fn push_as<T: Serialize + ?Sized>(&mut self, record: &T) -> Result<(), Error> {
        serialize::push(self, record)
    }
}

impl Batch {
    /// The structs as records.
    ///
    /// # Errors
    /// As for [`Schema::of`] and [`BatchBuilder::push_as`]; [`Error::Schema`] for more than [`Batch::MAX_ROWS`] of them.
    pub fn of<T: Serialize + DeserializeOwned>(records: &[T]) -> Result<Self, Error> {
        let mut builder = BatchBuilder::new(Arc::new(Schema::of::<T>()?));
        records.iter().try_for_each(|record| builder.push_as(record))?;
        builder.finish()
    }

    /// The records as structs, one by one; see [`Row::to`].
    pub fn to<'a, T: Deserialize<'a>>(&'a self) -> impl ExactSizeIterator<Item = Result<T, Error>> {
        self.rows().map(|row| row.to())
    }
}

impl<'a> Row<'a> {
    /// The record as a struct (or a map by names, or a tuple of all values in their order). Text may be borrowed of the batch; text that is
    /// not UTF-8 is bytes. A field that the record lacks is what serde makes of that: `None`, or the default, or an error.
    ///
    /// # Errors
    /// [`Error::Data`] naming the field and the place of the record, if it is known.
    ///
    /// # Examples
    /// ```
    /// use std::{collections::BTreeMap, sync::Arc};
    /// use recpipe::{BatchBuilder, Field, Schema, Type, Value};
    ///
    /// let schema = Schema::new(vec![Field::new("host", Type::Text), Field::new("status", Type::Int)])?;
    /// let mut builder = BatchBuilder::new(Arc::new(schema));
    /// builder.push(&[Value::Text(b"10.0.0.1"), Value::Int(404)])?;
    /// let batch = builder.finish()?;
    /// assert_eq!(batch.row(0).to::<(&str, u16)>()?, ("10.0.0.1", 404));
    ///
    /// #[derive(Debug, serde::Deserialize)]
    /// struct Hit { host: u8 }
    /// let error = batch.row(0).to::<Hit>().unwrap_err().to_string();
    /// assert!(error.starts_with("the field `host`: invalid type: string"), "{error}");
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn to<T: Deserialize<'a>>(self) -> Result<T, Error> {
        deserialize::row(self)
    }
}

/// What serde's traits ask of an error; outside of this module it is an [`Error`].
#[derive(Debug)]
struct Failure {
    /// The field whose value it is about, once it is known.
    field: Option<String>,
    what: String,
}

impl Failure {
    fn new(what: impl Into<String>) -> Self {
        Failure { field: None, what: what.into() }
    }

    /// The same, about this field, unless it is about a field within it already.
    fn of_field(mut self, name: &str) -> Self {
        self.field.get_or_insert_with(|| name.to_owned());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(out, "the field `{field}`: {}", self.what),
            None => out.write_str(&self.what),
        }
    }
}

impl std::error::Error for Failure {}

impl serde::ser::Error for Failure {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Failure::new(what.to_string())
    }
}

impl serde::de::Error for Failure {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Failure::new(what.to_string())
    }
}

/// The name of the field `inner` of a struct that is the field `outer`.
fn within(outer: &str, inner: &str) -> String {
    if outer.is_empty() { inner.to_owned() } else { format!("{outer}.{inner}") }
}

#[cfg(test)]
mod tests;
