//! From a struct to a record: each of its fields goes into the column of its name.

use serde::{
    Serialize, Serializer,
    ser::{Impossible, SerializeStruct},
};

use super::{Failure, time, within};
use crate::{BatchBuilder, Error, Time, Value};

/// See [`BatchBuilder::push_as`].
pub(super) fn push<T: Serialize + ?Sized>(builder: &mut BatchBuilder, record: &T) -> Result<(), Error> {
    let mut into = Into { builder, outer: String::new(), next: 0 };
    record.serialize(Whole(&mut into)).map_err(|failure| Error::Schema(format!("a struct that is to be a record: {failure}")))?;
    builder.end_record()
}

/// Where the fields go.
struct Into<'b> {
    builder: &'b mut BatchBuilder,
    /// The field that the struct is, of one within another.
    outer: String,
    /// The column that the next field most likely is.
    next: usize,
}

impl Into<'_> {
    /// The column of a field; `None` where the schema has none.
    fn place(&mut self, name: &str) -> Option<usize> {
        let fields = self.builder.schema().fields();
        let is_it = |place: &usize| fields.get(*place).is_some_and(|field| field.name == name);
        let place = Some(self.next).filter(is_it).or_else(|| self.builder.schema().index_of(name))?;
        self.next = place + 1;
        Some(place)
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Result<(), Failure> {
        if self.outer.is_empty() {
            value.serialize(Cell { into: self, name: key }).map_err(|failure| failure.of_field(key))
        } else {
            let name = within(&self.outer, key);
            value.serialize(Cell { into: self, name: &name }).map_err(|failure| failure.of_field(&name))
        }
    }
}

/// One field, on its way to its column.
struct Cell<'i, 'b> {
    into: &'i mut Into<'b>,
    name: &'i str,
}

impl Cell<'_, '_> {
    fn value(self, value: Value<'_>) -> Result<(), Failure> {
        let Some(place) = self.into.place(self.name) else { return Ok(()) };
        self.into.builder.push_value(place, value).map_err(|error| Failure::new(error.to_string()))
    }
}

fn refused<T>(what: &str) -> Result<T, Failure> {
    Err(Failure::new(format!("it is {what}, and a record is flat")))
}

macro_rules! values {
    ($($method:ident($kind:ty) $value:expr;)*) => {
        $(fn $method(self, value: $kind) -> Result<(), Failure> {
            self.value($value(value))
        })*
    };
}

fn int<'v>(value: impl core::convert::Into<i128>) -> Value<'v> {
    Value::Int(value.into())
}

fn float<'v>(value: impl core::convert::Into<f64>) -> Value<'v> {
    Value::Float(value.into())
}

impl<'i, 'b> Serializer for Cell<'i, 'b> {
    type Ok = ();
    type Error = Failure;
    type SerializeSeq = Impossible<(), Failure>;
    type SerializeTuple = Impossible<(), Failure>;
    type SerializeTupleStruct = Impossible<(), Failure>;
    type SerializeTupleVariant = Impossible<(), Failure>;
    type SerializeMap = Impossible<(), Failure>;
    type SerializeStruct = Inner<'i, 'b>;
    type SerializeStructVariant = Impossible<(), Failure>;

    values! {
        serialize_bool(bool) Value::Bool;
        serialize_i8(i8) int;
        serialize_i16(i16) int;
        serialize_i32(i32) int;
        serialize_i64(i64) int;
        serialize_i128(i128) int;
        serialize_u8(u8) int;
        serialize_u16(u16) int;
        serialize_u32(u32) int;
        serialize_u64(u64) int;
        serialize_f32(f32) float;
        serialize_f64(f64) float;
    }

    fn serialize_u128(self, value: u128) -> Result<(), Failure> {
        match i128::try_from(value) {
            Ok(value) => self.value(Value::Int(value)),
            Err(_) => Err(Failure::new(format!("{value} is more than 127 bits hold"))),
        }
    }

    fn serialize_char(self, value: char) -> Result<(), Failure> {
        self.value(Value::Text(value.encode_utf8(&mut [0; 4]).as_bytes()))
    }

    fn serialize_str(self, value: &str) -> Result<(), Failure> {
        self.value(Value::Text(value.as_bytes()))
    }

    fn serialize_bytes(self, value: &[u8]) -> Result<(), Failure> {
        self.value(Value::Text(value))
    }

    fn serialize_none(self) -> Result<(), Failure> {
        self.value(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Failure> {
        self.value(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Failure> {
        self.value(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Failure> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Result<(), Failure> {
        if name == time::NAME { value.serialize(OfTime(self)) } else { value.serialize(self) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: &T,
    ) -> Result<(), Failure> {
        refused(&format!("the variant `{variant}`, which holds something"))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Failure> {
        refused("a list")
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Failure> {
        refused("a tuple")
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeTupleStruct, Failure> {
        refused("a tuple")
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Failure> {
        refused(&format!("the variant `{variant}`, which holds something"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Failure> {
        refused("a map, or a struct with `#[serde(flatten)]`")
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Failure> {
        let outer = std::mem::replace(&mut self.into.outer, self.name.to_owned());
        Ok(Inner { into: self.into, before: outer })
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failure> {
        refused(&format!("the variant `{variant}`, which holds something"))
    }
}

/// A struct that is a field of another.
struct Inner<'i, 'b> {
    into: &'i mut Into<'b>,
    /// The outer name that holds again when it is done.
    before: String,
}

impl SerializeStruct for Inner<'_, '_> {
    type Ok = ();
    type Error = Failure;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), Failure> {
        self.into.field(key, value)
    }

    fn end(self) -> Result<(), Failure> {
        self.into.outer = self.before;
        Ok(())
    }
}

macro_rules! not_here {
    ($what:expr; $($method:ident($($kind:ty),*) -> $given:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$given, Failure> {
            Err(Failure::new($what))
        })*
    };
}

macro_rules! nothing_else {
    ($what:expr) => {
        type Ok = ();
        type Error = Failure;
        type SerializeSeq = Impossible<(), Failure>;
        type SerializeTuple = Impossible<(), Failure>;
        type SerializeTupleStruct = Impossible<(), Failure>;
        type SerializeTupleVariant = Impossible<(), Failure>;
        type SerializeMap = Impossible<(), Failure>;
        type SerializeStructVariant = Impossible<(), Failure>;

        not_here! { $what;
            serialize_bool(bool) -> ();
            serialize_i8(i8) -> ();
            serialize_i16(i16) -> ();
            serialize_i32(i32) -> ();
            serialize_i64(i64) -> ();
            serialize_u8(u8) -> ();
            serialize_u16(u16) -> ();
            serialize_u32(u32) -> ();
            serialize_u64(u64) -> ();
            serialize_f32(f32) -> ();
            serialize_f64(f64) -> ();
            serialize_char(char) -> ();
            serialize_bytes(&[u8]) -> ();
            serialize_none() -> ();
            serialize_unit() -> ();
            serialize_unit_struct(&'static str) -> ();
            serialize_unit_variant(&'static str, u32, &'static str) -> ();
            serialize_seq(Option<usize>) -> Self::SerializeSeq;
            serialize_tuple(usize) -> Self::SerializeTuple;
            serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
            serialize_map(Option<usize>) -> Self::SerializeMap;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Self::SerializeStructVariant;
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(self, _: &'static str, _: u32, _: &'static str, _: &T) -> Result<(), Failure> {
            Err(Failure::new($what))
        }
    };
}

/// The struct itself.
struct Whole<'i, 'b>(&'i mut Into<'b>);

const NO_STRUCT: &str = "it is no struct with fields";

impl<'i, 'b> Serializer for Whole<'i, 'b> {
    type SerializeStruct = Inner<'i, 'b>;

    nothing_else!(NO_STRUCT);

    fn serialize_str(self, _: &str) -> Result<(), Failure> {
        Err(Failure::new(NO_STRUCT))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Failure> {
        Ok(Inner { into: self.0, before: String::new() })
    }
}

/// The text of a [`Time`].
struct OfTime<'i, 'b>(Cell<'i, 'b>);

const NO_TIME: &str = "a time that is no text";

impl Serializer for OfTime<'_, '_> {
    type SerializeStruct = Impossible<(), Failure>;

    nothing_else!(NO_TIME);

    fn serialize_str(self, text: &str) -> Result<(), Failure> {
        let time = Time::parse(text.as_bytes()).ok_or_else(|| Failure::new(format!("`{text}` is no time")))?;
        self.0.value(Value::Time(time))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Failure> {
        value.serialize(self)
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self::SerializeStruct, Failure> {
        Err(Failure::new(NO_TIME))
    }
}
