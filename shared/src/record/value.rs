//! One cell of a record, and the total order among cells.

use std::{cmp::Ordering, fmt};

use super::{Time, Type};

/// The content of one field of one record; text is borrowed from the batch.
///
/// Text is bytes: logs hold what clients sent, and that is not always UTF-8.
///
/// # Examples
/// ```
/// use recpipe::Value;
///
/// assert_eq!(Value::from("tea"), Value::Text(b"tea"));
/// assert_eq!(Value::from(None::<i64>), Value::Null);
/// // Numbers are in one order, whatever their type.
/// assert!(Value::from(3).total_cmp(&Value::from(2.5)).is_gt());
/// assert_eq!(Value::from(0.1).to_string(), "0.1");
/// ```
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// Nothing: the field is null or missing in this record.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number, exactly.
    Int(i128),
    /// A binary floating-point number.
    Float(f64),
    /// A moment with its offset.
    Time(Time),
    /// Bytes, most often UTF-8.
    Text(&'a [u8]),
}

impl Value<'_> {
    /// The value's type; [`Type::Null`] for null.
    pub fn kind(&self) -> Type {
        match self {
            Value::Null => Type::Null,
            Value::Bool(_) => Type::Bool,
            Value::Int(_) => Type::Int,
            Value::Float(_) => Type::Float,
            Value::Time(_) => Type::Time,
            Value::Text(_) => Type::Text,
        }
    }

    /// The total order used for sorting and for keys: numbers by exact value whatever their type, times by moment, bools,
    /// text bytewise, in that order of kinds; NaN after all of them, and null last.
    pub fn total_cmp(&self, other: &Value<'_>) -> Ordering {
        match self.rank().cmp(&other.rank()) {
            Ordering::Equal => self.partial_cmp(other).unwrap_or(Ordering::Equal),
            order => order,
        }
    }

    /// How two values compare that are of one kind; int and float are one kind. `None` for values of different kinds, and
    /// for NaN. Two nulls are equal.
    pub fn partial_cmp(&self, other: &Value<'_>) -> Option<Ordering> {
        use Value::{Bool, Float, Int, Null, Text};
        match (self, other) {
            (Null, Null) => Some(Ordering::Equal),
            (Bool(a), Bool(b)) => Some(a.cmp(b)),
            (Int(a), Int(b)) => Some(a.cmp(b)),
            (Int(a), Float(b)) => cmp_int_float(*a, *b),
            (Float(a), Int(b)) => cmp_int_float(*b, *a).map(Ordering::reverse),
            (Float(a), Float(b)) => a.partial_cmp(b),
            (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            (Text(a), Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Float(value) if value.is_nan() => 4,
            Value::Int(_) | Value::Float(_) => 0,
            Value::Time(_) => 1,
            Value::Bool(_) => 2,
            Value::Text(_) => 3,
            Value::Null => 5,
        }
    }
}

/// Shows a float: the shortest text that reads back as the same, and that is told apart from an integer, and from a code such as
/// `1e16`: `1.0`, `1e+16`, `NaN`, `-inf`.
#[derive(Clone, Copy, Debug)]
pub struct ShownFloat(pub f64);

impl ShownFloat {
    /// Calls `with` with the text, which is made without an allocation for floats of usual sizes.
    pub fn text<R>(self, with: impl FnOnce(&str) -> R) -> R {
        let size = self.0.abs();
        if size == 0.0 || (1e-4..1e16).contains(&size) {
            return with(zmij::Buffer::new().format_finite(self.0));
        }
        // Beyond, that writes exponents differently.
        let text = format!("{:?}", self.0);
        match text.split_once('e') {
            Some((mantissa, exponent)) if !exponent.starts_with('-') => with(&format!("{mantissa}e+{exponent}")),
            _ => with(&text),
        }
    }
}

impl fmt::Display for ShownFloat {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text(|text| out.write_str(text))
    }
}

/// Compares an integer with a float by their exact values, never through a lossy cast; `None` for NaN.
pub fn cmp_int_float(int: i128, float: f64) -> Option<Ordering> {
    const TWO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    if float.is_nan() {
        return None;
    }
    if float >= TWO_127 {
        return Some(Ordering::Less);
    }
    if float < -TWO_127 {
        return Some(Ordering::Greater);
    }
    let whole = float.trunc();
    // In range, so the cast is exact.
    Some(int.cmp(&(whole as i128)).then_with(|| 0.0_f64.total_cmp(&(float - whole + 0.0))))
}

/// As [`Value::total_cmp`] says; [`Value::partial_cmp`] is another relation.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.total_cmp(other) == Ordering::Equal
    }
}

impl Eq for Value<'_> {}

/// As `print`, `csv` and `tsv` show it; null is empty, and text that is not UTF-8 is shown with replacement characters.
/// Where bytes must pass unchanged, match on [`Value::Text`] first.
impl fmt::Display for Value<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => Ok(()),
            Value::Bool(value) => value.fmt(out),
            Value::Int(value) => value.fmt(out),
            Value::Float(value) => ShownFloat(*value).fmt(out),
            Value::Time(value) => value.fmt(out),
            Value::Text(value) => String::from_utf8_lossy(value).fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    use super::{Value, cmp_int_float};
    use crate::record::Time;

    #[test]
    fn integers_and_floats_compare_exactly() {
        let check = |int, float, expect| assert_eq!(cmp_int_float(int, float), expect, "{int} and {float}");
        check(1, 1.0, Some(Equal));
        check(1, 1.5, Some(Less));
        check(-1, -1.5, Some(Greater));
        check(0, -0.0, Some(Equal));
        check(i128::from(i64::MAX), 9_223_372_036_854_775_807.0, Some(Less));
        check(i128::from(i64::MIN), -9_223_372_036_854_775_808.0, Some(Equal));
        check(i128::MAX, i128::MAX as f64, Some(Less));
        check(i128::MIN, i128::MIN as f64, Some(Equal));
        check(9_007_199_254_740_993, 9_007_199_254_740_992.0, Some(Greater));
        check(5, f64::INFINITY, Some(Less));
        check(5, f64::NEG_INFINITY, Some(Greater));
        check(5, f64::NAN, None);
    }

    #[test]
    fn the_order_is_total() {
        let values = [
            Value::Float(f64::NEG_INFINITY),
            Value::Int(i128::MIN),
            Value::Int(i128::from(i64::MIN)),
            Value::Float(-1.5),
            Value::Int(-1),
            Value::Float(0.5),
            Value::Int(1),
            Value::Int(i128::MAX),
            Value::Float(f64::INFINITY),
            Value::Time(Time { nanos: -1, offset_s: 0 }),
            Value::Time(Time { nanos: 1, offset_s: 0 }),
            Value::Bool(false),
            Value::Bool(true),
            Value::Text(b""),
            Value::Text(b"a"),
            Value::Text(b"\xff"),
            Value::Float(f64::NAN),
            Value::Null,
        ];
        for (i, a) in values.iter().enumerate() {
            for (j, b) in values.iter().enumerate() {
                let expect: Ordering = i.cmp(&j);
                assert_eq!(a.total_cmp(b), expect, "{a:?} and {b:?}");
            }
        }
    }

    #[test]
    fn floats_show_as_floats() {
        assert_eq!(Value::Float(1.0).to_string(), "1.0");
        assert_eq!(Value::Float(0.1).to_string(), "0.1");
        assert_eq!(Value::Float(1e300).to_string(), "1e+300");
        assert_eq!(Value::Float(-1.5e-7).to_string(), "-1.5e-7");
        assert_eq!(Value::Float(f64::NEG_INFINITY).to_string(), "-inf");
        assert_eq!(Value::Null.to_string(), "");
    }
}
