//! Numbers that count from 1970.

/// Digits beyond these are in no year.
const MAX_DIGITS: usize = 24;

/// The nanoseconds that the number `text` is, by its decimal digits: its size says which unit it counts in, so that all units
/// reach from 1973 on. `None` for what is no number, or one beyond all times.
pub(super) fn nanos(text: &[u8]) -> Option<i128> {
    let (is_negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let whole_len = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (whole, fraction) = match digits.get(whole_len..)? {
        [] => (digits, &b""[..]),
        [b'.', fraction @ ..] if !fraction.is_empty() && fraction.iter().all(u8::is_ascii_digit) => (&digits[..whole_len], fraction),
        _ => return None,
    };
    if whole.is_empty() {
        return None;
    }
    let significant = &whole[whole.iter().take_while(|byte| **byte == b'0').count()..];
    // The power of ten that is one nanosecond.
    let power = match significant.len() {
        0..=11 => 9,
        12..=14 => 6,
        15..=17 => 3,
        18..=MAX_DIGITS => 0,
        _ => return Some(i128::MAX),
    };
    let number = |digits: &mut dyn Iterator<Item = u8>| digits.fold(0_i128, |number, byte| number * 10 + i128::from(byte - b'0'));
    let padded = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(power);
    let nanos = number(&mut significant.iter().copied().chain(padded));
    // Earlier than 1970 a fraction of a nanosecond is dropped towards it.
    Some(if is_negative { -nanos } else { nanos })
}
