//! `mask`: what differs from one message to the next gives way to what it is, so that messages of one kind become equal.
//!
//! | | |
//! | --- | --- |
//! | `<uuid>` | `123e4567-e89b-12d3-a456-426614174000` |
//! | `<time>` | ISO 8601 (also with a blank, with `/`, a date alone, a clock with seconds alone), CLF, syslog |
//! | `<ip>` | an IPv4 or IPv6 address, its port with it |
//! | `<hex>` | `0x…`, or a word of 8 and more hex digits with a letter and a digit among them |
//! | `<path>` | from a `/` on, two parts and more |
//! | `<n>` | digits, their sign, and one separator between two of them; also within a word |
//!
//! Everything else stays, byte by byte. At each place the first of these that fits is taken, in this order, and what comes after
//! it is looked at next. A word is of letters and digits, and every byte beyond ASCII is a letter; so the answer depends on
//! neither language, zone nor time.

mod address;
mod time;

/// Appends `text`, masked.
pub(crate) fn mask(text: &[u8], out: &mut Vec<u8>) {
    let (mut at, mut copied) = (0, 0);
    while let Some(&byte) = text.get(at) {
        let Some((mask, end)) = BEGINS[usize::from(byte)].then(|| found(text, at)).flatten() else {
            at += 1;
            continue;
        };
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(mask.as_bytes());
        (at, copied) = (end, end);
    }
    out.extend_from_slice(&text[copied..]);
}

/// The bytes with which something that is masked may begin.
const BEGINS: [bool; 256] = {
    let mut begins = [false; 256];
    let all = b"0123456789abcdefABCDEFJMSOND:[/+-";
    let mut i = 0;
    while i < all.len() {
        begins[all[i] as usize] = true;
        i += 1;
    }
    begins
};

/// How long what stands at the front of the second is, which comes after the first.
type Length = fn(Option<u8>, &[u8]) -> Option<usize>;

const KINDS: [(&str, Length); 6] =
    [("<uuid>", uuid), ("<time>", time::length), ("<ip>", address::length), ("<hex>", hex), ("<path>", path), ("<n>", number)];

/// What begins at this place, and where it ends.
fn found(text: &[u8], at: usize) -> Option<(&'static str, usize)> {
    let (before, rest) = (text[..at].last().copied(), &text[at..]);
    KINDS.iter().find_map(|(mask, length)| Some((*mask, at + length(before, rest)?)))
}

/// Whether a byte is a letter or a digit.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// Whether a word goes on after this byte.
fn in_word(before: Option<u8>) -> bool {
    before.is_some_and(is_word)
}

/// The length, if no word goes on there.
fn whole(rest: &[u8], length: usize) -> Option<usize> {
    (!in_word(rest.get(length).copied())).then_some(length)
}

/// How many bytes at the front are of this kind.
fn run(rest: &[u8], is_of: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|&byte| !is_of(byte)).unwrap_or(rest.len())
}

fn uuid(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    const LENGTH: usize = 36;
    let is_uuid = |text: &[u8]| {
        text.iter().enumerate().all(|(i, byte)| if matches!(i, 8 | 13 | 18 | 23) { *byte == b'-' } else { byte.is_ascii_hexdigit() })
    };
    if in_word(before) || !rest.get(..LENGTH).is_some_and(is_uuid) {
        return None;
    }
    whole(rest, LENGTH)
}

fn hex(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    if in_word(before) {
        return None;
    }
    if let [b'0', b'x' | b'X', digits @ ..] = rest
        && let length @ 1.. = run(digits, |byte| byte.is_ascii_hexdigit())
    {
        return whole(rest, 2 + length);
    }
    let length = run(rest, |byte| byte.is_ascii_hexdigit());
    let digits = rest[..length].iter().filter(|byte| byte.is_ascii_digit()).count();
    if length >= 8 && (1..length).contains(&digits) { whole(rest, length) } else { None }
}

/// A `/` after another one begins no path: the host of a URL stays.
fn path(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'/') || rest.get(1) == Some(&b'/') || before == Some(b'/') {
        return None;
    }
    let length = run(rest, |byte| is_word(byte) || b"/._-~%+@$".contains(&byte));
    // A point at the end is that of a sentence.
    let end = rest[..length].iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
    let parts = rest[..end].split(|byte| *byte == b'/').filter(|part| !part.is_empty()).take(2).count();
    (parts == 2).then_some(end)
}

fn number(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    let mut end = match rest {
        [b'0'..=b'9', ..] => 0,
        // Between two of anything it is no sign.
        [b'+' | b'-', b'0'..=b'9', ..] if !before.is_some_and(|before| is_word(before) || b"+-_./)]}".contains(&before)) => 1,
        _ => return None,
    };
    loop {
        end += run(&rest[end..], |byte| byte.is_ascii_digit());
        match rest[end..] {
            [b'.' | b',' | b'_' | b'\'', b'0'..=b'9', ..] => end += 1,
            _ => break,
        }
    }
    let exponent = match rest[end..] {
        [b'e' | b'E', b'+' | b'-', b'0'..=b'9', ..] => 2,
        [b'e' | b'E', b'0'..=b'9', ..] => 1,
        _ => return Some(end),
    };
    let after = end + exponent + run(&rest[end + exponent..], |byte| byte.is_ascii_digit());
    Some(whole(rest, after).unwrap_or(end))
}

#[cfg(test)]
mod tests;
