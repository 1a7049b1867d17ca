//! Which texts are clearly numbers. What is not so stays text: a postal code keeps its zeros, and an account number its digits.

/// The text as a whole number: `0`, `-12`; not `007`, `+1`, `-0`, nor what an `i64` does not hold.
#[inline]
pub(super) fn int(text: &[u8]) -> Option<i64> {
    let (digits, negative) = match text {
        [b'-', digits @ ..] => (digits, true),
        _ => (text, false),
    };
    match digits {
        [b'0'] if !negative => Some(0),
        [b'1'..=b'9', ..] if digits.len() <= 19 => {
            let mut n = 0_u64;
            for byte in digits {
                let digit = byte.wrapping_sub(b'0');
                if digit > 9 {
                    return None;
                }
                n = n * 10 + u64::from(digit);
            }
            if negative { 0_i64.checked_sub_unsigned(n) } else { i64::try_from(n).ok() }
        }
        _ => None,
    }
}

/// The text as a float: `0.5`, `-1e-3`, or what [`int`] takes; not `.5`, `1.`, `inf`, `NaN`, `00.5`, nor a whole number that an `i64`
/// does not hold, since a float would change it.
pub(super) fn float(text: &[u8]) -> Option<f64> {
    let rest = text.strip_prefix(b"-").unwrap_or(text);
    let (whole, rest) = split_digits(rest);
    if whole.is_empty() || (whole.len() > 1 && whole[0] == b'0') {
        return None;
    }
    if rest.is_empty() {
        return if text == b"-0" { Some(-0.0) } else { int(text).map(|n| n as f64) };
    }
    let rest = match rest {
        [b'.', rest @ ..] => match split_digits(rest) {
            ([], _) => return None,
            (_, rest) => rest,
        },
        _ => rest,
    };
    let is_number = match rest {
        [] => true,
        [b'e' | b'E', b'+' | b'-', digits @ ..] | [b'e' | b'E', digits @ ..] => !digits.is_empty() && split_digits(digits).1.is_empty(),
        _ => false,
    };
    let parsed: f64 = if is_number { std::str::from_utf8(text).ok()?.parse().ok()? } else { return None };
    parsed.is_finite().then_some(parsed)
}

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_a_number() {
        for (text, want) in [("0", 0), ("-12", -12), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)] {
            assert_eq!(int(text.as_bytes()), Some(want));
            assert_eq!(float(text.as_bytes()), Some(want as f64));
        }
        for text in ["", "-", "007", "+1", "-0", " 1", "1 ", "1x", "9223372036854775808", "-9223372036854775809", "12345678901234567890"] {
            assert_eq!(int(text.as_bytes()), None, "{text}");
        }
        for (text, want) in [("0.5", 0.5_f64), ("-1e-3", -0.001), ("1E5", 1e5), ("1.25e+2", 125.0), ("-0", -0.0), ("-0.0", -0.0)] {
            assert_eq!(float(text.as_bytes()).map(f64::to_bits), Some(want.to_bits()), "{text}");
        }
        for text in ["", ".5", "1.", "inf", "NaN", "00.5", "1e", "1e+", "1e5x", "1.5.5", "9223372036854775808", "1e999", "0x10", "1_000"] {
            assert_eq!(float(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_read_back(n: i64, f in proptest::num::f64::NORMAL) {
            prop_assert_eq!(int(n.to_string().as_bytes()), Some(n));
            prop_assert_eq!(float(format!("{f:?}").as_bytes()), Some(f));
        }
    }
}
