//! What a text without a type is: a number or text, by its own bytes.
//!
//! An int is exact up to 128 bits; a whole number beyond that is text, with its digits. What a number would change in silence is text
//! as well: `007`, `+1`, `1_000`, and codes such as `1e5` and `12E7`. So that a float can be written as `1e+16`, an exponent with
//! a sign is one of a float, and so is any after a point.

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A whole number that 64 bits hold.
    Int(i64),
    /// A whole number that 64 bits do not hold.
    Wide(i128),
    /// A number with a point or an exponent.
    Float(f64),
    /// Anything else.
    Text,
}

impl Cell {
    /// What this text is.
    #[inline]
    pub fn of(text: &[u8]) -> Self {
        match text.first() {
            Some(b'0'..=b'9' | b'-' | b'.') => {}
            _ => return Cell::Text,
        }
        let (digits, negative) = match text {
            [b'-', digits @ ..] => (digits, true),
            _ => (text, false),
        };
        match digits {
            [b'0'] if !negative => return Cell::Int(0),
            [b'1'..=b'9', ..] if digits.len() <= 19 => {
                let mut n = 0_u64;
                let mut whole = true;
                for byte in digits {
                    let digit = byte.wrapping_sub(b'0');
                    if digit > 9 {
                        whole = false;
                        break;
                    }
                    n = n * 10 + u64::from(digit);
                }
                if whole {
                    let n = if negative { -i128::from(n) } else { i128::from(n) };
                    return i64::try_from(n).map_or(Cell::Wide(n), Cell::Int);
                }
            }
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                let wide = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                return wide.map_or(Cell::Text, Cell::Wide);
            }
            _ => {}
        }
        float(text).map_or(Cell::Text, Cell::Float)
    }
}

/// The text as a float; not what is an int.
fn float(text: &[u8]) -> Option<f64> {
    let (whole, rest) = split_digits(text.strip_prefix(b"-").unwrap_or(text));
    if whole.len() > 1 && whole[0] == b'0' {
        return None;
    }
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => match split_digits(rest) {
            ([], _) => return None,
            (fraction, rest) => (fraction, rest),
        },
        _ => (&[][..], rest),
    };
    let is_float = match rest {
        [] => !fraction.is_empty() || text == b"-0",
        [b'e' | b'E', b'+' | b'-', digits @ ..] => is_digits(digits) && !(whole.is_empty() && fraction.is_empty()),
        // Without a point it is a code.
        [b'e' | b'E', digits @ ..] => is_digits(digits) && !fraction.is_empty(),
        _ => false,
    };
    if !is_float {
        return None;
    }
    let parsed: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    // Neither infinity nor zero would be what stands there.
    let is_zero = whole.iter().chain(fraction).all(|&digit| digit == b'0');
    (parsed.is_finite() && (parsed == 0.0) == is_zero).then_some(parsed)
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Cell;

    #[test]
    fn what_a_cell_is() {
        let check = |text: &str, want: Cell| assert_eq!(Cell::of(text.as_bytes()), want, "{text}");
        for (text, want) in [("0", 0), ("-12", -12), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)] {
            check(text, Cell::Int(want));
        }
        for text in ["9223372036854775808", "-9223372036854775809", "12345678901234567890", "170141183460469231731687303715884105727"] {
            check(text, Cell::Wide(text.parse().unwrap()));
        }
        for (text, want) in [
            ("0.5", 0.5_f64),
            ("-1e-3", -0.001),
            ("1e+5", 1e5),
            ("1.0e5", 1e5),
            ("1.25E+2", 125.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("-0", -0.0),
            ("0.0", 0.0),
            ("0e-7", 0.0),
        ] {
            let Cell::Float(float) = Cell::of(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(float.to_bits(), want.to_bits(), "{text}");
        }
        let texts = "  , -, 007, -01, +1, 1_000, 1e5, 12E7, 1., ., .e+1, -.e+1, inf, NaN, 00.5, 1e, 1e+, 1.0e5x, 1.5.5, 1e+999, 1e-999, 0x10, \
                     170141183460469231731687303715884105728, 10.0.0.1, 2024-01-01, 12:30, 1,5, ١";
        for text in texts.split(", ").chain(["", "1 "]) {
            check(text, Cell::Text);
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(n: i64, wide: i128, f in proptest::num::f64::NORMAL) {
            prop_assert_eq!(Cell::of(n.to_string().as_bytes()), Cell::Int(n));
            prop_assert_eq!(Cell::of(wide.to_string().as_bytes()), i64::try_from(wide).map_or(Cell::Wide(wide), Cell::Int));
            let mut shown = format!("{f:?}");
            if let Some(at) = shown.find('e').filter(|&at| !shown[at..].starts_with("e-")) {
                shown.insert(at + 1, '+');
            }
            prop_assert_eq!(Cell::of(shown.as_bytes()), Cell::Float(f));
        }
    }
}
