//! What text and attribute values stand for: entities resolved, line ends as XML wants them.
//!
//! The five predefined entities and numbers are all there is: what a document type declares is not read, so that no entity
//! can grow, and nothing is fetched from anywhere.

use super::markup::Malformed;

/// What a space becomes: attribute values have no line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Between tags.
    Text,
    /// In an attribute.
    Attribute,
}

/// Appends what `piece` stands for. Never more bytes than it has.
///
/// # Errors
/// At the place in `piece` of an `&` that begins no known entity.
pub(super) fn resolve(piece: &[u8], place: Place, out: &mut Vec<u8>) -> Result<(), Malformed> {
    let mut from = 0;
    let odd = |byte: &u8| match place {
        Place::Text => matches!(byte, b'&' | b'\r'),
        Place::Attribute => matches!(byte, b'&' | b'\r' | b'\n' | b'\t'),
    };
    while let Some(found) = piece[from..].iter().position(odd) {
        let at = from + found;
        out.extend_from_slice(&piece[from..at]);
        from = match piece[at] {
            b'&' => at + entity(&piece[at..], out).map_err(|what| Malformed::new(at, what))?,
            byte => {
                out.push(if place == Place::Text { b'\n' } else { b' ' });
                at + if byte == b'\r' && piece.get(at + 1) == Some(&b'\n') { 2 } else { 1 }
            }
        };
    }
    out.extend_from_slice(&piece[from..]);
    Ok(())
}

/// The longest reference that is looked at, `&#x10FFFF;` with some leading zeros.
const MAX_REFERENCE_BYTES: usize = 64;

/// Appends what the entity at the beginning of `text` stands for; its length, from `&` to `;`.
fn entity(text: &[u8], out: &mut Vec<u8>) -> Result<usize, String> {
    let window = &text[..text.len().min(MAX_REFERENCE_BYTES)];
    let Some(end) = memchr::memchr(b';', window) else { return Err("`&` without a `;` after it; `&amp;` stands for it".to_owned()) };
    let name = &window[1..end];
    match name {
        b"amp" => out.push(b'&'),
        b"lt" => out.push(b'<'),
        b"gt" => out.push(b'>'),
        b"quot" => out.push(b'"'),
        b"apos" => out.push(b'\''),
        [b'#', number @ ..] => {
            let letter = numbered(number).ok_or_else(|| format!("`&{};` is no character", String::from_utf8_lossy(name).escape_debug()))?;
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
        }
        _ => {
            let name = String::from_utf8_lossy(name);
            return Err(format!("the entity `&{};` is not known: document types are not read", name.escape_debug()));
        }
    }
    Ok(end + 1)
}

/// The character of this number, decimal or after an `x` hexadecimal, if XML allows it.
fn numbered(number: &[u8]) -> Option<char> {
    let (digits, radix) = match number {
        [b'x', digits @ ..] => (digits, 16),
        digits => (digits, 10),
    };
    if digits.is_empty() {
        return None;
    }
    let value = digits.iter().try_fold(0_u32, |value, &digit| {
        let digit = char::from(digit).to_digit(radix)?;
        value.checked_mul(radix)?.checked_add(digit)
    })?;
    let allowed = matches!(value, 9 | 10 | 13 | 0x20..=0xd7ff | 0xe000..=0xfffd | 0x1_0000..=0x10_ffff);
    char::from_u32(value).filter(|_| allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(text: &str, place: Place) -> Result<String, String> {
        let mut out = Vec::new();
        resolve(text.as_bytes(), place, &mut out).map_err(|e| format!("{} at {}", e.what, e.at))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn entities_and_line_ends() {
        let check = |text: &str, want: &str| assert_eq!(resolved(text, Place::Text).as_deref(), Ok(want), "{text:?}");
        check("plain", "plain");
        check("a &amp; b &lt;c&gt; &quot;&apos;", "a & b <c> \"'");
        check("&#65;&#x41;&#xe9;&#x1F600;&#10;", "AAé😀\n");
        check("&amp;lt;", "&lt;");
        check("a\r\nb\rc\nd\te\r", "a\nb\nc\nd\te\n");
        assert_eq!(resolved("a\r\nb\nc\td&#10;e", Place::Attribute).as_deref(), Ok("a b c d\ne"));
    }

    #[test]
    fn what_is_no_entity_is_an_error() {
        let check = |text: &str, part: &str| {
            let message = resolved(text, Place::Text).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check("ab&", "without a `;` after it; `&amp;` stands for it at 2");
        check("a & b", "without");
        check("&lol9;", "the entity `&lol9;` is not known");
        check("&;", "is not known");
        check("&#;", "no character");
        check("&#x;", "no character");
        check("&#0;", "no character");
        check("&#xd800;", "no character");
        check("&#x110000;", "no character");
        check("&#99999999999999999999;", "no character");
        check("&#+65;", "no character");
    }
}
