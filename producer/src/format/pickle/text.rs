//! What the lines of protocol 0 and the long integers of later ones stand for.

/// A whole number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Whole {
    Int(i128),
    /// One that 128 bits do not hold.
    Digits(Vec<u8>),
}

/// The digits of a longer binary number are not worked out: that takes as long as the square of its length.
const MAX_LONG_BYTES: usize = 4096;

/// An integer in two's complement, lowest byte first, of any length.
pub(super) fn long(bytes: &[u8]) -> Result<Whole, String> {
    let is_negative = bytes.last().is_some_and(|top| top & 0x80 != 0);
    let fill = if is_negative { 0xff } else { 0 };
    let mut low = [fill; 16];
    let (head, rest) = bytes.split_at(bytes.len().min(16));
    low[..head.len()].copy_from_slice(head);
    let value = i128::from_le_bytes(low);
    // What lies beyond sixteen bytes may only repeat the sign.
    if rest.iter().all(|&byte| byte == fill) && (value < 0) == is_negative {
        return Ok(Whole::Int(value));
    }
    if bytes.len() > MAX_LONG_BYTES {
        return Err(format!("an integer of more than {MAX_LONG_BYTES} bytes"));
    }
    Ok(Whole::Digits(digits(bytes, is_negative)))
}

/// The decimal digits of an integer in two's complement.
fn digits(bytes: &[u8], is_negative: bool) -> Vec<u8> {
    const NINE: u64 = 1_000_000_000;
    let mut words: Vec<u32> = bytes
        .chunks(4)
        .map(|chunk| {
            let mut word = if is_negative { [0xff; 4] } else { [0; 4] };
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        })
        .collect();
    if is_negative {
        let mut carry = true;
        for word in &mut words {
            let (negated, overflow) = (!*word).overflowing_add(u32::from(carry));
            (*word, carry) = (negated, overflow);
        }
    }
    let mut groups = Vec::new();
    while words.iter().any(|&word| word != 0) {
        let mut left = 0;
        for word in words.iter_mut().rev() {
            let now = left << 32 | u64::from(*word);
            (*word, left) = ((now / NINE) as u32, now % NINE);
        }
        groups.push(left);
        words.truncate(words.iter().rposition(|&word| word != 0).map_or(0, |last| last + 1));
    }
    let mut text = if is_negative { "-".to_owned() } else { String::new() };
    for (nth, group) in groups.iter().rev().enumerate() {
        text += &if nth == 0 { group.to_string() } else { format!("{group:09}") };
    }
    text.into_bytes()
}

/// An integer in decimal digits.
pub(super) fn decimal(text: &[u8]) -> Result<Whole, String> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err("a whole number that is no whole number".to_owned());
    }
    Ok(std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map_or_else(|| Whole::Digits(text.to_vec()), Whole::Int))
}

/// A number as Python's `repr` writes it.
pub(super) fn float(text: &[u8]) -> Result<f64, String> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| "a number that is no number".to_owned())
}

/// Appends what a quoted string of Python 2 stands for.
pub(super) fn quoted(text: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let bad = || "a string that is not quoted as Python does".to_owned();
    let inner = match text {
        [open @ (b'\'' | b'"'), inner @ .., close] if open == close => inner,
        _ => return Err(bad()),
    };
    let mut rest = inner.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let meant = match rest.next().ok_or_else(bad)? {
            b'a' => 7,
            b'b' => 8,
            b't' => b'\t',
            b'n' => b'\n',
            b'v' => 11,
            b'f' => 12,
            b'r' => b'\r',
            b'x' => {
                let mut digit = || rest.next().and_then(|digit| char::from(digit).to_digit(16)).ok_or_else(bad);
                (digit()? * 16 + digit()?) as u8
            }
            first @ b'0'..=b'7' => {
                let mut value = u32::from(first - b'0');
                for _ in 0..2 {
                    match rest.next_if(|digit| matches!(digit, b'0'..=b'7')) {
                        Some(digit) => value = value * 8 + u32::from(digit - b'0'),
                        None => break,
                    }
                }
                value as u8
            }
            same @ (b'\\' | b'\'' | b'"') => same,
            // Python leaves the backslash of what it does not know.
            other => {
                out.push(b'\\');
                other
            }
        };
        out.push(meant);
    }
    Ok(())
}

/// Appends, as UTF-8, text in Python's raw-unicode-escape: Latin-1, with `\uXXXX` and `\UXXXXXXXX` for everything else.
pub(super) fn raw_unicode(text: &[u8], out: &mut Vec<u8>) {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        let digits = match text.get(at + 1) {
            Some(b'u') if byte == b'\\' => text.get(at + 2..at + 6),
            Some(b'U') if byte == b'\\' => text.get(at + 2..at + 10),
            _ => None,
        };
        let value = digits.and_then(|digits| {
            digits.iter().try_fold(0_u32, |value, &digit| Some(value.wrapping_shl(4) | char::from(digit).to_digit(16)?))
        });
        let (value, len) = match (value, digits) {
            (Some(value), Some(digits)) => (value, 2 + digits.len()),
            _ => (u32::from(byte), 1),
        };
        push(value, out);
        at += len;
    }
}

/// Whether text, in UTF-8 with halves of surrogate pairs, holds one of the halves that stand for bytes.
#[inline]
pub(super) fn has_escaped_bytes(text: &[u8]) -> bool {
    memchr::memchr_iter(0xed, text).any(|at| escaped_byte(&text[at..]).is_some())
}

/// Appends text with the bytes that Python's `surrogateescape` hides in it: U+DC80 to U+DCFF are 0x80 to 0xff.
pub(super) fn unescape_bytes(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(0xed, rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        match escaped_byte(rest) {
            Some(byte) => {
                out.push(byte);
                rest = &rest[3..];
            }
            None => {
                out.push(0xed);
                rest = &rest[1..];
            }
        }
    }
    out.extend_from_slice(rest);
}

/// The byte that the half at the beginning stands for.
fn escaped_byte(text: &[u8]) -> Option<u8> {
    match *text {
        [0xed, high @ (0xb2 | 0xb3), low @ 0x80..=0xbf, ..] => Some(high << 6 | low & 0x3f),
        _ => None,
    }
}

/// A character; half of a surrogate pair as the byte it stands for, or as Python's `surrogatepass` has it.
fn push(value: u32, out: &mut Vec<u8>) {
    match char::from_u32(value) {
        None if matches!(value, 0xdc80..=0xdcff) => out.push(value as u8),
        Some(letter) => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => out.extend([0xe0 | (value >> 12 & 0xf) as u8, 0x80 | (value >> 6 & 0x3f) as u8, 0x80 | (value & 0x3f) as u8]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 10^60 without its seven lowest bytes, which are zeros.
    const TEN_60: &[u8] =
        &[0x10, 0xd9, 0x90, 0x65, 0x94, 0x2c, 0x42, 0x62, 0xd7, 0x01, 0x45, 0x22, 0x9a, 0x17, 0x26, 0x27, 0x4f, 0x9f, 0x00];

    #[test]
    fn long_integers() {
        let check = |bytes: &[u8], want| assert_eq!(long(bytes), Ok(Whole::Int(want)), "{bytes:?}");
        check(b"", 0);
        check(b"\xff", -1);
        check(b"\xff\0", 255);
        check(b"\0\0\0\0\0\0\0\x80", i128::from(i64::MIN));
        check(b"\0\0\0\0\0\0\0\x80\0", 1 << 63);
        check(&i128::MIN.to_le_bytes(), i128::MIN);
        check(b"\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 1);
        let digits = |bytes: &[u8]| match long(bytes) {
            Ok(Whole::Digits(digits)) => String::from_utf8(digits).unwrap(),
            other => panic!("{other:?}"),
        };
        assert_eq!(digits(&[&[0; 16][..], &[1]].concat()), "340282366920938463463374607431768211456");
        assert_eq!(digits(&[&[0; 16][..], &[0xff]].concat()), "-340282366920938463463374607431768211456");
        assert_eq!(digits(&[&[0xff; 16][..], &[0]].concat()), "340282366920938463463374607431768211455");
        // 10^60, whose lowest groups are zeros.
        assert_eq!(digits(&[0; 7].iter().chain(TEN_60).copied().collect::<Vec<_>>()), format!("1{}", "0".repeat(60)));
        assert!(long(&vec![1; MAX_LONG_BYTES + 1]).is_err());
        assert_eq!(decimal(b"9223372036854775808"), Ok(Whole::Int(1 << 63)));
        assert_eq!(decimal(&[b'9'; 50]), Ok(Whole::Digits(vec![b'9'; 50])));
        assert!(decimal(b"").is_err() && decimal(b"-").is_err() && decimal(b"+1").is_err());
    }

    #[test]
    fn strings_of_protocol_0() {
        let check = |text: &[u8], want: Option<&[u8]>| {
            let mut out = Vec::new();
            assert_eq!(quoted(text, &mut out).ok().map(|()| &out[..]), want, "{}", text.escape_ascii());
        };
        check(br"'a\n\t\\\'\x41\101\0\q'", Some(b"a\n\t\\'AA\0\\q"));
        check(br#""it's""#, Some(b"it's"));
        check(b"'a", None);
        check(b"'", None);
        check(br"'\x4'", None);
        check(br"'\'", None);
        let mut out = Vec::new();
        raw_unicode(b"a\xe9\\u20ac\\U0001f600\\ud800\\n\\u12", &mut out);
        assert_eq!(out, ["aé€😀".as_bytes(), b"\xed\xa0\x80\\n\\u12"].concat());
        out.clear();
        raw_unicode(b"\\udce9\\udc7f", &mut out);
        assert_eq!(out, b"\xe9\xed\xb1\xbf");
    }

    #[test]
    fn bytes_that_are_not_utf8_come_back() {
        let check = |text: &[u8], want: &[u8]| {
            let mut out = Vec::new();
            unescape_bytes(text, &mut out);
            assert_eq!((out.as_slice(), has_escaped_bytes(text)), (want, text != want), "{}", text.escape_ascii());
        };
        check(b"caf\xed\xb3\xa9", b"caf\xe9");
        check(b"\xed\xb2\x80\xed\xb3\xbf\xed", b"\x80\xff\xed");
        check("퀀é".as_bytes(), "퀀é".as_bytes());
        check(b"\xed\xb0\x80\xed\xa0\x80", b"\xed\xb0\x80\xed\xa0\x80");
    }
}
