//! Cells as text: one function a type, so that a format reads columns and never asks a single value what it is.

use recpipe::{Batch, Time, record::ShownFloat};

use crate::expr::{Operand, Values, Vector};

/// How a format writes the cells of a record; what it does not say is as `print` writes it.
pub(crate) trait Cell: Send + Sync {
    /// Nothing at all.
    fn null(&self, out: &mut Vec<u8>) {
        let _ = out;
    }

    /// Bytes as they are.
    fn text(&self, text: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(text);
    }

    /// The shortest text that reads back as the same float.
    fn float(&self, value: f64, out: &mut Vec<u8>) {
        float(value, out);
    }

    /// RFC 3339.
    fn time(&self, time: Time, out: &mut Vec<u8>) {
        rfc3339(time, out);
    }
}

/// As `print` writes it.
pub(crate) struct Plain;

impl Cell for Plain {}

/// The selected rows of all columns, unpacked.
pub(crate) fn columns(batch: &Batch) -> Vec<Vector> {
    batch.columns().iter().map(|column| Vector::from_column(column, batch)).collect()
}

/// Makes room for what the rows take if no text has to be escaped and numbers are short, with so many bytes around the cells
/// of each: growing would copy all that was written before.
pub(crate) fn reserve<'v>(columns: impl Iterator<Item = &'v Vector> + Clone, around: usize, out: &mut Vec<u8>) {
    const MOST: usize = 4 << 20;
    const SHORT: usize = 8;
    let rows = columns.clone().next().map_or(0, |column| column.len);
    let cells = columns.map(|column| match &column.values {
        Values::Text(texts) => match &texts.views {
            Operand::One((_, len)) => rows * *len as usize,
            Operand::Each(views) => views.iter().map(|&(_, len)| len as usize).sum(),
        },
        _ => rows * SHORT,
    });
    out.reserve((cells.sum::<usize>() + rows * around).min(MOST));
}

/// Writes one cell.
#[inline(always)]
pub(crate) fn put(column: &Vector, row: usize, cell: &impl Cell, out: &mut Vec<u8>) {
    if column.nulls.as_ref().is_some_and(|nulls| nulls[row]) {
        return cell.null(out);
    }
    match &column.values {
        Values::Text(texts) => cell.text(texts.get(row), out),
        Values::Int(values) => int(values.get(row), out),
        Values::Null => cell.null(out),
        Values::Wide(values) => wide(values.get(row), out),
        Values::Mixed(parts) => match parts.iter().find(|part| !part.is_null(row)) {
            Some(part) => put(part, row, cell, out),
            None => cell.null(out),
        },
        Values::Bool(values) => bool(values.get(row), out),
        Values::Float(values) => cell.float(values.get(row), out),
        Values::Time(values) => cell.time(values.get(row), out),
    }
}

/// Whether a byte of `text` is `special`, which is asked of 16 bytes at once: no branch, so that it becomes vector code.
#[inline(always)]
pub(crate) fn has(text: &[u8], special: impl Fn(u8) -> bool + Copy) -> bool {
    let any = |bytes: &[u8]| bytes.iter().fold(false, |found, &byte| found | special(byte));
    // The last bytes once more rather than one at a time.
    if let Some(last) = text.last_chunk::<16>() {
        text.as_chunks::<16>().0.iter().any(|chunk| any(chunk)) || any(last)
    } else if let (Some(first), Some(last)) = (text.first_chunk::<8>(), text.last_chunk::<8>()) {
        any(first) | any(last)
    } else {
        any(text)
    }
}

/// Whether the byte is in the set, for [`has`]. Not `==` and `||`: the compiler makes a table of bits of those, which no vector
/// instruction looks into; this is five times as fast.
#[inline(always)]
pub(crate) fn is_one_of<const N: usize>(byte: u8, set: [u8; N]) -> bool {
    set.iter().fold(u8::MAX, |least, &other| least.min(byte ^ other)) == 0
}

/// `true` or `false`.
pub(crate) fn bool(value: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// All digits.
#[inline]
pub(crate) fn int(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// All digits of 128 bits.
#[inline(never)]
pub(crate) fn wide(value: i128, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest text that reads back as the same float, and always told apart from an integer: `1.0`, `1e+300`, `NaN`, `-inf`.
pub(crate) fn float(value: f64, out: &mut Vec<u8>) {
    ShownFloat(value).text(|text| out.extend_from_slice(text.as_bytes()));
}

/// As [`Time`] displays it, for the usual offsets without a detour.
pub(crate) fn rfc3339(time: Time, out: &mut Vec<u8>) {
    let offset_s = time.clock_offset_s();
    if offset_s % 60 != 0 {
        return out.extend_from_slice(time.to_string().as_bytes());
    }
    let local = time.local();
    let mut text = *b"0000-00-00T00:00:00";
    let mut two = |at: usize, number: i64| text[at..at + 2].copy_from_slice(&two_digits(number));
    let year = i64::from(local.year());
    two(0, year / 100);
    two(2, year % 100);
    for (at, number) in [(5, local.month()), (8, local.day()), (11, local.hour()), (14, local.minute()), (17, local.second())] {
        two(at, number.into());
    }
    out.extend_from_slice(&text);
    if local.subsec_nanosecond() > 0 {
        let fraction = format!(".{:09}", local.subsec_nanosecond());
        out.extend_from_slice(fraction.trim_end_matches('0').as_bytes());
    }
    let [h, m] = [offset_s.abs() / 3600, offset_s.abs() / 60 % 60].map(two_digits);
    out.extend_from_slice(&[if offset_s < 0 { b'-' } else { b'+' }, h[0], h[1], b':', m[0], m[1]]);
}

/// `number`, which is from 0 to 99.
fn two_digits(number: i64) -> [u8; 2] {
    [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::{Time, Value};

    use super::{float, has, is_one_of, rfc3339};

    fn written<T>(write: fn(T, &mut Vec<u8>), value: T) -> String {
        let mut out = Vec::new();
        write(value, &mut out);
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn finds_what_is_special(text in prop::collection::vec(prop_oneof![9 => 0..4_u8, 1 => 0..6_u8], 0..50)) {
            prop_assert_eq!(has(&text, |byte| byte == 5), text.contains(&5));
            prop_assert_eq!(has(&text, |byte| is_one_of(byte, [5, 4])), text.iter().any(|byte| [4, 5].contains(byte)));
        }
    }

    #[test]
    fn floats_that_are_special() {
        for value in [0.0, -0.0, 1.0, 1e15, 1e16, 123_456_789_012_345_680.0, 1e-4, 1e-5, 1.5e-7, 5e-324, f64::MAX, f64::NAN, f64::INFINITY]
        {
            for value in [value, -value] {
                assert_eq!(written(float, value), Value::Float(value).to_string());
            }
        }
    }

    proptest! {
        #[test]
        fn floats_are_as_values_show_them(bits: u64, small in -1e7..1e7_f64, digits in 0..8_i32) {
            let rounded = (small * 10_f64.powi(digits)).round() / 10_f64.powi(digits);
            for value in [f64::from_bits(bits), small, rounded] {
                prop_assert_eq!(written(float, value), Value::Float(value).to_string());
            }
        }

        #[test]
        fn times_are_as_values_show_them(nanos: i64, unit in 0..10_u32, offset_s in prop_oneof![-100_000..100_000, (-1500..1500).prop_map(|m| m * 60), Just(i32::MIN)]) {
            let unit = 10_i64.pow(unit);
            let time = Time { nanos: nanos / unit * unit, offset_s };
            prop_assert_eq!(written(rfc3339, time), time.to_string());
        }
    }
}
