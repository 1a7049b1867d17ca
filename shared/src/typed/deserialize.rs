//! From a record to a struct: each field asked for is the value of the column of that name.

use serde::{
    Deserialize, Deserializer,
    de::{
        DeserializeSeed, MapAccess, SeqAccess, Unexpected, Visitor,
        value::{BorrowedStrDeserializer, StrDeserializer},
    },
    forward_to_deserialize_any,
};

use super::{Failure, time, within};
use crate::{Error, Row, Value};

/// See [`Row::to`].
pub(super) fn row<'a, T: Deserialize<'a>>(row: Row<'a>) -> Result<T, Error> {
    T::deserialize(Record { row, outer: String::new() }).map_err(|failure| {
        let place = row.place();
        Error::Data(if place.is_empty() { failure.to_string() } else { format!("{place}: {failure}") })
    })
}

/// A record, or the fields of it that begin with a name and a dot.
struct Record<'a> {
    row: Row<'a>,
    outer: String,
}

impl<'a> Record<'a> {
    fn cell(&self, place: usize) -> Cell<'a> {
        Cell(self.row.value(place))
    }

    fn map(self, fields: Option<&'static [&'static str]>) -> Fields<'a> {
        Fields { record: self, wanted: fields.map(|fields| fields.iter()), place: 0, next: None }
    }
}

impl<'de> Deserializer<'de> for Record<'de> {
    type Error = Failure;

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf identifier enum map
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_map(self.map(None))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        visitor.visit_map(self.map(Some(fields)))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_seq(Values { record: self, place: 0 })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Failure> {
        let fields = self.row.schema().len();
        if fields != len {
            return Err(Failure::new(format!("a record of {fields} fields, where {len} are wanted")));
        }
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, len: usize, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

/// What comes next of a record.
enum Next {
    /// The column at this place, of this name.
    Column(usize, String),
    /// A struct, whose fields' names begin with this and a dot.
    Struct(String),
}

/// The fields that a struct wants, or all that there are.
struct Fields<'a> {
    record: Record<'a>,
    wanted: Option<std::slice::Iter<'static, &'static str>>,
    /// Where the next field most likely is; of all, where it is.
    place: usize,
    next: Option<Next>,
}

impl Fields<'_> {
    /// The next of the wanted fields that there is, and its key.
    fn find(&mut self) -> Option<(&'static str, Next)> {
        let schema = self.record.row.schema();
        for key in self.wanted.as_mut()? {
            let name = within(&self.record.outer, key);
            let is_it = |place: &usize| schema.fields().get(*place).is_some_and(|field| field.name == name);
            if let Some(place) = Some(self.place).filter(is_it).or_else(|| schema.index_of(&name)) {
                self.place = place + 1;
                return Some((key, Next::Column(place, name)));
            }
            let is_within = |field: &str| field.strip_prefix(&name).is_some_and(|rest| rest.starts_with('.'));
            if schema.names().any(is_within) {
                return Some((key, Next::Struct(name)));
            }
        }
        None
    }
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        if self.wanted.is_some() {
            let Some((key, next)) = self.find() else { return Ok(None) };
            self.next = Some(next);
            return seed.deserialize(StrDeserializer::new(key)).map(Some);
        }
        // All that there are: their names are keys as they stand.
        let schema = self.record.row.schema();
        let outer = if self.record.outer.is_empty() { String::new() } else { format!("{}.", self.record.outer) };
        while let Some(field) = schema.fields().get(self.place) {
            let place = self.place;
            self.place += 1;
            if let Some(key) = field.name.strip_prefix(&outer) {
                self.next = Some(Next::Column(place, field.name.clone()));
                return seed.deserialize(BorrowedStrDeserializer::new(key)).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        match self.next.take() {
            Some(Next::Column(place, name)) => seed.deserialize(self.record.cell(place)).map_err(|failure| failure.of_field(&name)),
            Some(Next::Struct(name)) => {
                seed.deserialize(Record { row: self.record.row, outer: name.clone() }).map_err(|failure| failure.of_field(&name))
            }
            None => Err(Failure::new("a value was asked for before its key")),
        }
    }
}

/// All values, in the order of the fields.
struct Values<'a> {
    record: Record<'a>,
    place: usize,
}

impl<'de> SeqAccess<'de> for Values<'de> {
    type Error = Failure;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Failure> {
        let Some(field) = self.record.row.schema().fields().get(self.place) else { return Ok(None) };
        self.place += 1;
        seed.deserialize(self.record.cell(self.place - 1)).map(Some).map_err(|failure| failure.of_field(&field.name))
    }
}

/// One value.
struct Cell<'a>(Value<'a>);

impl<'de> Deserializer<'de> for Cell<'de> {
    type Error = Failure;

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string
        unit unit_struct seq tuple tuple_struct map struct identifier
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(value),
            Value::Int(value) => match (i64::try_from(value), u64::try_from(value)) {
                (Ok(value), _) => visitor.visit_i64(value),
                (_, Ok(value)) => visitor.visit_u64(value),
                _ => visitor.visit_i128(value),
            },
            Value::Float(value) => visitor.visit_f64(value),
            Value::Time(value) => visitor.visit_string(value.to_string()),
            Value::Text(text) => match str::from_utf8(text) {
                Ok(text) => visitor.visit_borrowed_str(text),
                Err(_) => visitor.visit_borrowed_bytes(text),
            },
        }
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Text(text) => visitor.visit_borrowed_bytes(text),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        if matches!(self.0, Value::Null) { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            // A text that shows a time is one; another value is none.
            Value::Time(_) | Value::Text(_) if name == time::NAME => self.deserialize_any(visitor),
            _ => visitor.visit_newtype_struct(self),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(self, _: &'static str, _: &'static [&'static str], visitor: V) -> Result<V::Value, Failure> {
        match self.0 {
            Value::Text(text) => match str::from_utf8(text) {
                Ok(text) => visitor.visit_enum(StrDeserializer::<Failure>::new(text)),
                Err(_) => Err(serde::de::Error::invalid_value(Unexpected::Bytes(text), &"the name of a variant")),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}
