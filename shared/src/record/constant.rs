//! A value that stands in a query.

use std::fmt;

use super::{
    Time, Type, Value,
    value::ShownFloat,
    vector::{Operand, Texts, Values, Vector},
};

/// A value that stands in a query: as [`Value`], but its own.
///
/// # Examples
/// ```
/// use recpipe::{Value, record::Constant};
///
/// let kept = {
///     let text = String::from("tea");
///     Constant::from(Value::from(text.as_str()))
/// };
/// assert_eq!(kept.value(), Value::from("tea"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i128),
    /// A binary floating-point number.
    Float(f64),
    /// A moment with its offset.
    Time(Time),
    /// Bytes, most often UTF-8.
    Text(Box<[u8]>),
}

impl Constant {
    /// A copy of a value.
    pub fn of(value: &Value<'_>) -> Self {
        match *value {
            Value::Null => Constant::Null,
            Value::Bool(value) => Constant::Bool(value),
            Value::Int(value) => Constant::Int(value),
            Value::Float(value) => Constant::Float(value),
            Value::Time(value) => Constant::Time(value),
            Value::Text(text) => Constant::Text(text.into()),
        }
    }

    /// It, as a value.
    pub fn value(&self) -> Value<'_> {
        match self {
            Constant::Null => Value::Null,
            Constant::Bool(value) => Value::Bool(*value),
            Constant::Int(value) => Value::Int(*value),
            Constant::Float(value) => Value::Float(*value),
            Constant::Time(value) => Value::Time(*value),
            Constant::Text(text) => Value::Text(text),
        }
    }

    /// Its type.
    pub fn kind(&self) -> Type {
        match self {
            Constant::Null => Type::Null,
            Constant::Bool(_) => Type::Bool,
            Constant::Int(_) => Type::Int,
            Constant::Float(_) => Type::Float,
            Constant::Time(_) => Type::Time,
            Constant::Text(_) => Type::Text,
        }
    }

    /// The vector that has it in all of `len` rows.
    pub fn vector(&self, len: usize) -> Vector {
        let values = match self {
            Constant::Null => Values::Null,
            Constant::Bool(value) => Values::Bool(Operand::One(*value)),
            Constant::Int(value) => match i64::try_from(*value) {
                Ok(value) => Values::Int(Operand::One(value)),
                Err(_) => Values::Wide(Operand::One(*value)),
            },
            Constant::Float(value) => Values::Float(Operand::One(*value)),
            Constant::Time(value) => Values::Time(Operand::One(*value)),
            Constant::Text(value) => Values::Text(Texts::constant(value)),
        };
        Vector { len, values, nulls: None }
    }
}

/// For people: text in quotes, whatever it holds.
impl fmt::Display for Constant {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Constant::Null => out.write_str("null"),
            Constant::Bool(value) => value.fmt(out),
            Constant::Int(value) => value.fmt(out),
            Constant::Float(value) => ShownFloat(*value).fmt(out),
            Constant::Time(value) => value.fmt(out),
            Constant::Text(text) => write!(out, "{:?}", String::from_utf8_lossy(text)),
        }
    }
}
