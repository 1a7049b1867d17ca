//! Where records of XML end, found without parsing them.
//!
//! ```text
//! <buses> <bus><id>1</id></bus> <!-- </bus> --> <bus> … <![CDATA[</bus>]]> … </bus> </buses>
//!        ▲                     ▲               ▲                                   ▲        ▲     a block may be cut here
//! ```
//!
//! Between records everything is looked at, tag by tag; it is little. From the start of a record the search is for its end tag
//! alone, with two more over the same bytes for what could hide one: another element of the same name, a comment, CDATA. What
//! is not XML ends the record at once: whoever parses it will say so.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};
use memchr::memmem::{self, Finder};

use super::declared;
use super::gap::{Gap, gap};
use super::markup::{Malformed, is_name_byte, skip_space, special, tag_end};
use crate::input::boundary::{Boundary, Resume};
use crate::input::encoding::Told;

/// What a declaration begins with; it is ASCII in nearly all encodings.
const DECLARATION: &[u8] = b"<?xml";

/// A longer one says nothing of encodings.
const MAX_DECLARATION_BYTES: usize = 1024;

/// Behind an end tag with so much white space before its `>`, no record begins after one that was too long.
const MAX_SPACE: usize = 64;

/// Finds the ends of the elements of one name.
#[derive(Debug)]
pub(super) struct Ends {
    element: Vec<u8>,
    /// `<name`
    open: Finder<'static>,
    /// `</name`
    close: Finder<'static>,
}

impl Ends {
    /// Of elements of this name.
    pub(super) fn new(element: &str) -> Self {
        let finder = |before: &str| Finder::new(&format!("{before}{element}")).into_owned();
        Ends { element: element.as_bytes().to_vec(), open: finder("<"), close: finder("</") }
    }

    /// The last place in `bytes` at which a block may end; or the first one after `beyond`.
    fn scan(&self, bytes: &[u8], beyond: Option<usize>) -> Option<usize> {
        let (mut at, mut end) = (0, None);
        loop {
            let found = gap(bytes, at, &self.element);
            // What is before a record, or a tag, may be given out without it: so one that is too long begins with its `<`.
            if let Ok(Gap::Record(start) | Gap::Incomplete(start)) = found
                && start > at
            {
                end = Some(start);
                if beyond.is_some_and(|beyond| start > beyond) {
                    return end;
                }
            }
            let next = match found {
                Ok(Gap::Record(start)) => self.record_end(bytes, start),
                Ok(Gap::Open(_, tag) | Gap::Close(_, tag) | Gap::Text(tag)) => Ok(Some(tag.end)),
                Ok(Gap::Nothing(end)) => Ok(Some(end)),
                Ok(Gap::Done) => return (!bytes.is_empty()).then_some(bytes.len()),
                Ok(Gap::Incomplete(_)) => Ok(None),
                Err(malformed) => Err(malformed),
            };
            match next {
                Ok(Some(next)) => at = next,
                Ok(None) => return end.filter(|_| beyond.is_none()),
                Err(_) => return Some(bytes.len()),
            }
            end = Some(at);
            if beyond.is_some_and(|beyond| at > beyond) {
                return end;
            }
        }
    }

    /// The end of the record that begins at `start`.
    fn record_end(&self, bytes: &[u8], start: usize) -> Result<Option<usize>, Malformed> {
        let Some(mut at) = tag_end(bytes, start + 1 + self.element.len()) else { return Ok(None) };
        if bytes[at - 2] == b'/' {
            return Ok(Some(at));
        }
        let (mut depth, mut found) = (1_usize, None);
        loop {
            // Kept while it lies ahead, so that many comments before it do not make for as many searches.
            found = found.filter(|&close| close >= at).or_else(|| self.close.find(&bytes[at..]).map(|close| at + close));
            let Some(close) = found else { return Ok(None) };
            if let Some(hiding) = first_special(bytes, at, close) {
                depth += self.opens(bytes, at, hiding);
                match special(bytes, hiding)?.1 {
                    Some(end) => at = end,
                    None => return Ok(None),
                }
                continue;
            }
            depth += self.opens(bytes, at, close);
            let name_end = close + 2 + self.element.len();
            match bytes.get(name_end) {
                None => return Ok(None),
                Some(&byte) if is_name_byte(byte) => at = name_end,
                Some(_) => {
                    let end = skip_space(bytes, name_end);
                    match bytes.get(end) {
                        None => return Ok(None),
                        Some(b'>') => at = end + 1,
                        Some(_) => return Err(Malformed::new(end, "an end tag holds more than a name")),
                    }
                    depth -= 1;
                    if depth == 0 {
                        return Ok(Some(at));
                    }
                }
            }
        }
    }

    /// How many elements of the name begin within these bytes and do not end with the same tag.
    fn opens(&self, bytes: &[u8], mut from: usize, to: usize) -> usize {
        let mut count = 0;
        while let Some(found) = bytes.get(from..to).and_then(|bytes| self.open.find(bytes)) {
            from += found + 1 + self.element.len();
            if bytes.get(from).is_some_and(|&byte| !is_name_byte(byte)) {
                let Some(end) = tag_end(bytes, from) else { break };
                count += usize::from(bytes[end - 2] != b'/');
                from = end;
            }
        }
        count
    }
}

/// The first `<!` or `<?` that begins within these bytes.
fn first_special(bytes: &[u8], from: usize, to: usize) -> Option<usize> {
    memchr::memchr2_iter(b'!', b'?', &bytes[from..to])
        .map(|found| from + found)
        .find(|&at| at > from && bytes[at - 1] == b'<')
        .map(|at| at - 1)
}

impl Boundary for Ends {
    /// What the declaration says.
    fn declared(&self, head: &[u8], is_all: bool) -> Told {
        match head {
            [b'<', 0, ..] => return Told::In(UTF_16LE),
            [0, b'<', ..] => return Told::In(UTF_16BE),
            [] | [0] if !is_all => return Told::More,
            _ => {}
        }
        let is_declaration = head.starts_with(DECLARATION) || DECLARATION.starts_with(head) && !is_all;
        if !is_declaration {
            return Told::AsItIs;
        }
        if memmem::find(head, b"?>").is_none() && !is_all && head.len() < MAX_DECLARATION_BYTES {
            return Told::More;
        }
        match declared(head).and_then(|name| Encoding::for_label(name.as_bytes())) {
            // What can be read here is not written in two bytes a character.
            Some(encoding) if ![UTF_8, UTF_16LE, UTF_16BE].contains(&encoding) => Told::In(encoding),
            _ => Told::AsItIs,
        }
    }

    fn last_end(&self, bytes: &[u8]) -> Option<usize> {
        self.scan(bytes, None)
    }

    fn first_end(&self, bytes: &[u8], from: usize) -> Option<usize> {
        self.scan(bytes, Some(from))
    }

    fn is_record(&self, bytes: &[u8]) -> bool {
        matches!(gap(bytes, 0, &self.element), Ok(Gap::Record(start)) if self.record_end(bytes, start).is_ok_and(|end| end.is_some()))
    }

    fn must_end(&self) -> bool {
        true
    }

    fn resume(&self, bytes: &[u8]) -> Resume {
        for found in self.close.find_iter(bytes) {
            let name_end = found + 2 + self.element.len();
            let end = skip_space(bytes, name_end);
            match bytes.get(end) {
                Some(b'>') => return Resume::At(end + 1),
                None if end - name_end < MAX_SPACE => return Resume::NotWithin(found),
                _ => {}
            }
        }
        // The beginning of an end tag may be at the end.
        Resume::NotWithin(bytes.len().saturating_sub(self.element.len() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends() -> Ends {
        Ends::new("bus")
    }

    #[test]
    fn ends_of_records() {
        // What is before the bar may be given out.
        let check = |text: &str| {
            let bytes = text.replace('|', "");
            assert_eq!(ends().last_end(bytes.as_bytes()), text.find('|'), "{text}");
        };
        check("<bus>1</bus>|<bus>2</bus");
        check("<bus>1</bus>|<bus>2");
        check("<bus>1</bus>|<bus a='</bus");
        check("<bus>1</bus ><bus/>  |");
        check("<bus>1</bus");
        check("<buses><bus>1</bus><!-- x -->|<bus><!-- </bus> --><x>");
        check("<buses>|<bus><![CDATA[</bus>]]></x>");
        check("<buses>|<bus><![CDATA[</bus>");
        check("<buses><bus><![CDATA[</bus>]]></bus>|<bus><?p </bus>?>");
        check("<bus><bus></bus><id/>");
        check("<bus><bus></bus><bus/></bus>|<bus>");
        check("<bus><business></business></bus>|<bus></business>");
        check("<bus a='/'>");
        check("<other a='>'/>|<other a='");
        check("text|");
        check("text |<");
        check("<?xml version='1.0'");
        check("<?xml version='1.0'?>|<bus");
        check("");
    }

    #[test]
    fn beyond_a_place_the_first_end_counts() {
        let text = b"<a><bus>1</bus> <bus>2</bus> <bus>3</bus>";
        assert_eq!(ends().first_end(text, 0), Some(3));
        assert_eq!(ends().first_end(text, 3), Some(15));
        // What is before a record can do without it.
        assert_eq!(ends().first_end(text, 15), Some(16));
        assert_eq!(ends().first_end(text, 16), Some(28));
        assert_eq!(ends().first_end(&text[..40], 29), None);
    }

    #[test]
    fn after_a_record_that_was_too_long() {
        assert_eq!(ends().resume(b"xx</buses></bus ><bus>"), Resume::At(17));
        assert_eq!(ends().resume(b"xx</bus  "), Resume::NotWithin(2));
        assert_eq!(ends().resume(b"xxxxxx</b"), Resume::NotWithin(5));
        // What may be an end tag is shown again as a whole, however little there is yet.
        for begun in ["<", "</bu", "</bus", "</bus  "] {
            assert_eq!(ends().resume(begun.as_bytes()), Resume::NotWithin(0));
        }
        assert_eq!(ends().resume(format!("</bus{}", " ".repeat(100)).as_bytes()), Resume::NotWithin(101));
    }
}
