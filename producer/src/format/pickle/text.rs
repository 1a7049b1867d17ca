//! What the lines of protocol 0 and the long integers of later ones stand for.

use super::machine::Item;

/// An integer in two's complement, lowest byte first, of any length.
pub(super) fn long(bytes: &[u8]) -> Item {
    let is_negative = bytes.last().is_some_and(|top| top & 0x80 != 0);
    let fill = if is_negative { 0xff } else { 0 };
    let mut low = [fill; 8];
    let (head, rest) = bytes.split_at(bytes.len().min(8));
    low[..head.len()].copy_from_slice(head);
    let value = i64::from_le_bytes(low);
    // What lies beyond eight bytes may only repeat the sign.
    if rest.iter().all(|&byte| byte == fill) && (value < 0) == is_negative { Item::Int(value) } else { Item::Big(0, 0) }
}

/// An integer in decimal digits.
pub(super) fn decimal(text: &[u8]) -> Result<Item, String> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err("a whole number that is no whole number".to_owned());
    }
    Ok(std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).map_or(Item::Big(0, 0), Item::Int))
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

    #[test]
    fn long_integers() {
        let check = |bytes: &[u8], want| assert_eq!(long(bytes), want, "{bytes:?}");
        check(b"", Item::Int(0));
        check(b"\xff", Item::Int(-1));
        check(b"\xff\0", Item::Int(255));
        check(b"\0\0\0\0\0\0\0\x80", Item::Int(i64::MIN));
        check(b"\xff\xff\xff\xff\xff\xff\xff\x7f", Item::Int(i64::MAX));
        check(b"\0\0\0\0\0\0\0\x80\0", Item::Big(0, 0));
        check(b"\xff\xff\xff\xff\xff\xff\xff\x7f\xff", Item::Big(0, 0));
        check(b"\x01\0\0\0\0\0\0\0\0\0\0", Item::Int(1));
        assert_eq!(decimal(b"9223372036854775808"), Ok(Item::Big(0, 0)));
        assert_eq!(decimal(b"-9223372036854775808"), Ok(Item::Int(i64::MIN)));
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
