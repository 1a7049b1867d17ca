//! Rust's own values as [`Value`]s, and values that are kept.

use super::{Constant, Time, Value};

macro_rules! from_ints {
    ($($int:ty),*) => {$(
        impl From<$int> for Value<'_> {
            fn from(int: $int) -> Self {
                Value::Int(int.into())
            }
        }
    )*};
}

from_ints!(i8, i16, i32, i64, i128, u8, u16, u32, u64);

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Value::Bool(value)
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Value::Float(value)
    }
}

impl From<Time> for Value<'_> {
    fn from(value: Time) -> Self {
        Value::Time(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text.as_bytes())
    }
}

impl<'a> From<&'a [u8]> for Value<'a> {
    fn from(text: &'a [u8]) -> Self {
        Value::Text(text)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    /// `None` is null.
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<'a> From<&'a Constant> for Value<'a> {
    fn from(constant: &'a Constant) -> Self {
        constant.value()
    }
}

impl From<Value<'_>> for Constant {
    fn from(value: Value<'_>) -> Self {
        Constant::of(&value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_becomes_its_kind_and_nothing_null() {
        assert_eq!(Value::from(u64::MAX), Value::Int(u64::MAX.into()));
        assert_eq!(Value::from("x"), Value::Text(b"x"));
        assert_eq!(Value::from(Some(1.5)), Value::Float(1.5));
        assert_eq!(Value::from(None::<bool>), Value::Null);
        let kept = Constant::from(Value::from(&b"\xff"[..]));
        assert_eq!(Value::from(&kept), Value::Text(b"\xff"));
    }
}
