//! Numbers, by eight digits at a time.

/// The number written in `block[from..to]`, or 0 for a dash.
#[inline]
pub(in super::super) fn number(block: &[u8], from: usize, to: usize) -> Option<i64> {
    let len = to.checked_sub(from).filter(|len| *len > 0)?;
    if len <= 8 && to >= 8 {
        let eight = block.get(to - 8..to)?;
        let mut word = [0; 8];
        word.copy_from_slice(eight);
        // The digits are the high bytes; what stands before them becomes leading zeros.
        let ours = u64::MAX.checked_shl(64 - 8 * len as u32).unwrap_or(0);
        let word = (u64::from_le_bytes(word) & ours) | (0x3030_3030_3030_3030 & !ours);
        if let Some(number) = eight_digits(word) {
            return Some(number);
        }
        return (len == 1 && block[from] == b'-').then_some(0);
    }
    if len > 18 {
        return None;
    }
    block[from..to].iter().try_fold(0, |n: i64, &digit| digit.is_ascii_digit().then(|| n * 10 + i64::from(digit - b'0')))
}

/// Eight ASCII digits, the first one in the lowest byte, as a number (D. Lemire, "Quickly parsing eight digits", 2018).
#[inline]
fn eight_digits(word: u64) -> Option<i64> {
    let is_digits = (word & 0xf0f0_f0f0_f0f0_f0f0) | ((word.wrapping_add(0x0606_0606_0606_0606) & 0xf0f0_f0f0_f0f0_f0f0) >> 4);
    if is_digits != 0x3333_3333_3333_3333 {
        return None;
    }
    let pairs = (word & 0x0f0f_0f0f_0f0f_0f0f).wrapping_mul(2561) >> 8;
    let fours = (pairs & 0x00ff_00ff_00ff_00ff).wrapping_mul(6_553_601) >> 16;
    let number = (fours & 0x0000_ffff_0000_ffff).wrapping_mul(42_949_672_960_001) >> 32;
    Some(number as i64)
}

/// The number written in `block[from..to]`: digits, or digits with a point in them, all in all at most fifteen.
///
/// So few digits are a whole number that a float holds, and so is the power of ten that it is divided by: the quotient is the float
/// nearest to what is written, as [`str::parse`] has it.
#[inline]
pub(in super::super) fn float(block: &[u8], from: usize, to: usize) -> Option<f64> {
    const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let text = block.get(from..to).filter(|text| text.len() <= 16)?;
    let (mut digits, mut number, mut point) = (0_usize, 0_i64, None);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                number = number * 10 + i64::from(byte - b'0');
                digits += 1;
            }
            b'.' if point.is_none() && digits > 0 => point = Some(digits),
            _ => return None,
        }
    }
    let behind = digits - point.unwrap_or(digits);
    let is_right = (1..=15).contains(&digits) && (point.is_none() || behind > 0);
    is_right.then(|| number as f64 / POWERS[behind])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers() {
        let parse = |text: &str| {
            let padded = format!("xxxxxxxx{text}");
            number(padded.as_bytes(), 8, padded.len())
        };
        for n in [0, 5, 42, 99_999_999, 100_000_000, 123_456_789_012_345_678] {
            assert_eq!(parse(&n.to_string()), Some(n));
        }
        assert_eq!(parse("-"), Some(0));
        assert_eq!(parse("007"), Some(7));
        for bad in ["", "x", "1x", "-1", "--", "1234567x", "12345678x", "1234567890123456789", ":", "/"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn floats(text in "[0-9]{0,10}(\\.[0-9]{0,8})?|[0-9.x-]{0,6}") {
            let padded = format!("xx{text}yy");
            if let Some(number) = float(padded.as_bytes(), 2, 2 + text.len()) {
                prop_assert_eq!(Ok(number.to_bits()), text.parse::<f64>().map(f64::to_bits));
                prop_assert!(!text.starts_with('.') && !text.ends_with('.'));
            } else {
                let digits = text.bytes().filter(u8::is_ascii_digit).count();
                let is_usual = text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(|c: char| c.is_ascii_digit());
                prop_assert!(!is_usual || digits > 15 || text.parse::<f64>().is_err());
            }
        }
    }
}
