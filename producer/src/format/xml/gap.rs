//! What lies between records: the document's other elements, text, comments. It is passed over, but its tags are counted.

use std::ops::Range;

use super::markup::{Malformed, Special, is_space, name_end, skip_space, special, tag_end};

/// What comes next, outside of any record.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// A record begins here, with its `<`.
    Record(usize),
    /// The start tag of another element, with the place of its `<` and after its `>`.
    Open(Range<usize>, Range<usize>),
    /// The end tag of one.
    Close(Range<usize>, Range<usize>),
    /// Text that is not all white space.
    Text(Range<usize>),
    /// A comment, an instruction, an empty element: up to here there is nothing to remember.
    Nothing(usize),
    /// Nothing more but white space.
    Done,
    /// What begins here does not end in these bytes.
    Incomplete(usize),
}

/// Looks at what comes from `at` on. `Open` and `Close` hold the range of the name, then that of the tag.
///
/// # Errors
/// It is not XML.
pub(super) fn gap(bytes: &[u8], at: usize, element: &[u8]) -> Result<Gap, Malformed> {
    let at = skip_space(bytes, at);
    match bytes.get(at) {
        None => return Ok(Gap::Done),
        Some(b'<') => {}
        Some(_) => return Ok(Gap::Text(at..memchr::memchr(b'<', &bytes[at..]).map_or(bytes.len(), |len| at + len))),
    }
    let name_at = match bytes.get(at + 1) {
        None => return Ok(Gap::Incomplete(at)),
        Some(b'!' | b'?') => {
            return Ok(match special(bytes, at)? {
                // A CDATA section is text, by another spelling.
                (Some(Special::Cdata), Some(end)) => Gap::Text(at..end),
                (_, Some(end)) => Gap::Nothing(end),
                (_, None) => Gap::Incomplete(at),
            });
        }
        Some(b'/') => at + 2,
        Some(_) => at + 1,
    };
    let name = name_at..name_end(bytes, name_at);
    if name.end == bytes.len() {
        return Ok(Gap::Incomplete(at));
    }
    if name.is_empty() {
        return Err(Malformed::new(at, "`<` begins no tag; `&lt;` stands for it in text"));
    }
    if name_at == at + 2 {
        let end = skip_space(bytes, name.end);
        return match bytes.get(end) {
            None => Ok(Gap::Incomplete(at)),
            Some(b'>') => Ok(Gap::Close(name, at..end + 1)),
            Some(_) => Err(Malformed::new(end, "an end tag holds more than a name")),
        };
    }
    let after = bytes[name.end];
    if !is_space(after) && !matches!(after, b'>' | b'/') {
        return Err(Malformed::new(name.end, "a name contains a character that no name may contain"));
    }
    if bytes[name.clone()] == *element {
        return Ok(Gap::Record(at));
    }
    Ok(match tag_end(bytes, name.end) {
        None => Gap::Incomplete(at),
        Some(end) if bytes[end - 2] == b'/' => Gap::Nothing(end),
        Some(end) => Gap::Open(name, at..end),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_next() {
        let check = |text: &str, want| assert_eq!(gap(text.as_bytes(), 0, b"bus"), Ok(want), "{text}");
        check(" \r\n\t", Gap::Done);
        check(" <bus>", Gap::Record(1));
        check("<bus", Gap::Incomplete(0));
        check("<bus/>", Gap::Record(0));
        check("<buses a='>'> x", Gap::Open(1..6, 0..13));
        check("<buses a='>'", Gap::Incomplete(0));
        check("<buses />", Gap::Nothing(9));
        check("</buses\n>", Gap::Close(2..7, 0..9));
        check("</buses\n", Gap::Incomplete(0));
        check("<", Gap::Incomplete(0));
        check("</", Gap::Incomplete(0));
        check(" text <", Gap::Text(1..6));
        check("<![CDATA[ <bus> ]]>", Gap::Text(0..19));
        check("<!-- <bus> -->x", Gap::Nothing(14));
        check("<!-", Gap::Incomplete(0));
        for bad in ["<1>", "< bus>", "</a b>", "<a\"b\">", "<!ELEMENT a>"] {
            assert!(gap(bad.as_bytes(), 0, b"bus").is_err(), "{bad}");
        }
    }
}
