//! The fields of a struct, learned by deserializing one of nothing: it says what it asks for.
//!
//! A value that must not be what it is given (an address of an empty text) fails there; its type is known by then, and the rest is asked
//! without it.

use serde::{
    Deserializer,
    de::{DeserializeOwned, DeserializeSeed, EnumAccess, MapAccess, VariantAccess, Visitor, value::StrDeserializer},
};

use super::{Failure, time, within};
use crate::{Error, Field, Schema, Type};

/// A struct asks for its fields; each may fail once.
const MOST_TRIES: usize = Schema::MAX_FIELDS + 1;

/// See [`Schema::of`].
pub(super) fn schema<T: DeserializeOwned>() -> Result<Schema, Error> {
    let mut trace = Trace::default();
    for _ in 0..MOST_TRIES {
        trace.asked.clear();
        trace.failed = None;
        let made = T::deserialize(Asked { trace: &mut trace, name: String::new() });
        match (trace.failed.take(), made) {
            (None, _) if trace.is_struct && trace.refusal.is_none() => {
                return Schema::new(trace.asked);
            }
            (Some(failed), _) if trace.refusal.is_none() && !failed.1.is_empty() => trace.known.push(failed),
            (_, made) => {
                let why =
                    trace.refusal.or(made.err().map(|failure| failure.to_string())).unwrap_or_else(|| "it is no struct with fields".into());
                return Err(Error::Schema(format!("a struct that is to be a record: {why}")));
            }
        }
    }
    Err(Error::Schema(format!("a struct that is to be a record has more than {} fields", Schema::MAX_FIELDS)))
}

/// What is known so far.
#[derive(Default)]
struct Trace {
    /// The fields asked for in this try, those of `known` that it would have asked for among them.
    asked: Vec<Field>,
    /// Fields that fail when they are given a value, and what they asked for: of one that is a struct all of its fields.
    known: Vec<(String, Vec<Field>)>,
    /// The field that failed in this try.
    failed: Option<(String, Vec<Field>)>,
    /// Why no try can succeed.
    refusal: Option<String>,
    is_struct: bool,
}

/// What a struct, or a field of it, is deserialized of: it notes what it is asked for.
struct Asked<'t> {
    trace: &'t mut Trace,
    /// Empty for the struct itself.
    name: String,
}

impl Asked<'_> {
    fn note(&mut self, field: Field) -> Result<(), Failure> {
        if self.name.is_empty() {
            return Err(Failure::new("it is no struct with fields"));
        }
        self.trace.asked.push(field);
        Ok(())
    }

    fn closed(&mut self, kind: Type) -> Result<(), Failure> {
        self.note(Field::new(self.name.clone(), kind))
    }

    fn wide(&mut self) -> Result<(), Failure> {
        self.note(Field::open(self.name.clone(), Type::Int))
    }

    fn refuse<T>(self, what: &str) -> Result<T, Failure> {
        let whole = self.name.is_empty();
        let why = if whole { format!("it is {what}, no struct with fields") } else { format!("the field `{}` is {what}", self.name) };
        self.trace.refusal = Some(why.clone());
        Err(Failure::new(why))
    }
}

macro_rules! asks {
    ($($method:ident $note:ident($($kind:expr)?) $visit:ident($($value:expr)?);)*) => {
        $(fn $method<V: Visitor<'de>>(mut self, visitor: V) -> Result<V::Value, Failure> {
            self.$note($($kind)?)?;
            visitor.$visit($($value)?)
        })*
    };
}

impl<'de> Deserializer<'de> for Asked<'_> {
    type Error = Failure;

    // What must not be zero is given one.
    asks! {
        deserialize_bool closed(Type::Bool) visit_bool(false);
        deserialize_i8 closed(Type::Int) visit_i8(1);
        deserialize_i16 closed(Type::Int) visit_i16(1);
        deserialize_i32 closed(Type::Int) visit_i32(1);
        deserialize_i64 closed(Type::Int) visit_i64(1);
        deserialize_u8 closed(Type::Int) visit_u8(1);
        deserialize_u16 closed(Type::Int) visit_u16(1);
        deserialize_u32 closed(Type::Int) visit_u32(1);
        deserialize_i128 wide() visit_i128(1);
        deserialize_u64 wide() visit_u64(1);
        deserialize_u128 wide() visit_u128(1);
        deserialize_f32 closed(Type::Float) visit_f32(1.0);
        deserialize_f64 closed(Type::Float) visit_f64(1.0);
        deserialize_char closed(Type::Text) visit_char('x');
        deserialize_str closed(Type::Text) visit_borrowed_str("");
        deserialize_string closed(Type::Text) visit_str("");
        deserialize_bytes closed(Type::Text) visit_borrowed_bytes(b"");
        deserialize_byte_buf closed(Type::Text) visit_bytes(b"");
        deserialize_unit closed(Type::Null) visit_unit();
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
        self.refuse("of a type that is only known when there is a value: name its fields with `Schema::new` instead")
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_some(self)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(mut self, name: &'static str, visitor: V) -> Result<V::Value, Failure> {
        if name == time::NAME {
            self.closed(Type::Time)?;
            return visitor.visit_str("1970-01-01T00:00:00Z");
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
        self.refuse("a list")
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Failure> {
        self.refuse("a tuple")
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(self, _: &'static str, _: usize, _: V) -> Result<V::Value, Failure> {
        self.refuse("a tuple")
    }

    fn deserialize_map<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Failure> {
        self.refuse("a map, or a struct with `#[serde(flatten)]`")
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.trace.is_struct = true;
        visitor.visit_map(Fields { trace: self.trace, outer: self.name, left: fields, next: None })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        mut self,
        _: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Failure> {
        self.closed(Type::Text)?;
        let Some(first) = variants.first() else { return self.refuse("an enum without variants") };
        visitor.visit_enum(First(first))
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        self.deserialize_str(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Failure> {
        visitor.visit_unit()
    }
}

/// The fields of a struct, each asked for in turn.
struct Fields<'t> {
    trace: &'t mut Trace,
    outer: String,
    left: &'static [&'static str],
    next: Option<&'static str>,
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Failure;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Failure> {
        while let Some((first, rest)) = self.left.split_first() {
            self.left = rest;
            let name = within(&self.outer, first);
            if let Some((_, known)) = self.trace.known.iter().find(|known| known.0 == name) {
                self.trace.asked.extend_from_slice(known);
                continue;
            }
            self.next = Some(first);
            return seed.deserialize(StrDeserializer::new(first)).map(Some);
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Failure> {
        let name = within(&self.outer, self.next.take().unwrap_or_default());
        let asked = self.trace.asked.len();
        seed.deserialize(Asked { trace: self.trace, name: name.clone() }).inspect_err(|_| {
            // The innermost that fails; a struct without it, at the next try, has asked for all of its fields before it says so.
            let fields = || self.trace.asked[asked..].to_vec();
            self.trace.failed.get_or_insert_with(|| (name, fields()));
        })
    }
}

/// The first variant of an enum, which must be a unit.
struct First(&'static str);

impl<'de> EnumAccess<'de> for First {
    type Error = Failure;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Failure> {
        Ok((seed.deserialize(StrDeserializer::<Failure>::new(self.0))?, self))
    }
}

impl<'de> VariantAccess<'de> for First {
    type Error = Failure;

    fn unit_variant(self) -> Result<(), Failure> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, _: T) -> Result<T::Value, Failure> {
        Err(self.refused())
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Failure> {
        Err(self.refused())
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], _: V) -> Result<V::Value, Failure> {
        Err(self.refused())
    }
}

impl First {
    fn refused(&self) -> Failure {
        Failure::new(format!("the variant `{}` holds something: only unit variants are values of a record", self.0))
    }
}
