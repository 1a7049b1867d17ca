//! The pieces of XML markup: where each ends. Everything here works on bytes alone and knows no document.

use std::borrow::Cow;

use memchr::memmem;

/// Something that is not XML, or that is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Malformed {
    /// Where, in the bytes that were looked at.
    pub at: usize,
    /// What.
    pub what: Cow<'static, str>,
}

impl Malformed {
    /// `what` is wrong at this place.
    pub(super) fn new(at: usize, what: impl Into<Cow<'static, str>>) -> Self {
        Malformed { at, what: what.into() }
    }
}

/// White space, as XML has it.
#[inline(always)]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// The first place from `at` on that is no white space.
#[inline(always)]
pub(super) fn skip_space(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).copied().is_some_and(is_space) {
        at += 1;
    }
    at
}

/// Which bytes a name may begin with (1), and which may follow (2): all that is not ASCII may.
static NAME: [u8; 256] = {
    let mut table = [0_u8; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphabetic() || b == b'_' || b == b':' || b >= 0x80 {
            table[byte] = 3;
        } else if b.is_ascii_digit() || b == b'-' || b == b'.' {
            table[byte] = 2;
        }
        byte += 1;
    }
    table
};

/// Whether a name may go on with this byte.
#[inline(always)]
pub(super) fn is_name_byte(byte: u8) -> bool {
    NAME[usize::from(byte)] & 2 != 0
}

/// Whether this is a name.
pub(super) fn is_name(text: &[u8]) -> bool {
    !text.is_empty() && name_end(text, 0) == text.len()
}

/// Where the name that begins at `at` ends; `at` when none does.
#[inline(always)]
pub(super) fn name_end(bytes: &[u8], at: usize) -> usize {
    match bytes.get(at) {
        Some(&first) if NAME[usize::from(first)] & 1 != 0 => {
            let rest = &bytes[at + 1..];
            at + 1 + rest.iter().position(|&byte| !is_name_byte(byte)).unwrap_or(rest.len())
        }
        _ => at,
    }
}

/// The end of the tag whose name ends at `from`: the place after its `>`. Quoted values may hold a `>`.
pub(super) fn tag_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', bytes.get(at..)?)?;
        match bytes[at] {
            b'>' => return Some(at + 1),
            quote => at += 1 + memchr::memchr(quote, &bytes[at + 1..])? + 1,
        }
    }
}

/// What begins with `<!` or `<?`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Special {
    Comment,
    Cdata,
    Instruction,
    Doctype,
}

impl Special {
    /// What it begins with.
    pub(super) const fn open(self) -> &'static [u8] {
        match self {
            Special::Comment => b"<!--",
            Special::Cdata => b"<![CDATA[",
            Special::Instruction => b"<?",
            Special::Doctype => b"<!DOCTYPE",
        }
    }

    /// What it ends with.
    pub(super) const fn close(self) -> &'static [u8] {
        match self {
            Special::Comment => b"-->",
            Special::Cdata => b"]]>",
            Special::Instruction => b"?>",
            Special::Doctype => b">",
        }
    }

    const ALL: [Special; 4] = [Special::Comment, Special::Cdata, Special::Instruction, Special::Doctype];
}

/// Which special thing begins at `at`, and where it ends. `bytes[at..]` begin with `<!` or `<?`.
pub(super) fn special(bytes: &[u8], at: usize) -> Result<(Option<Special>, Option<usize>), Malformed> {
    let rest = &bytes[at..];
    for kind in Special::ALL {
        let open = kind.open();
        if let Some(inner) = rest.strip_prefix(open) {
            let end = match kind {
                Special::Doctype => doctype_end(bytes, at + open.len()),
                _ => find(kind.close(), inner).map(|found| at + open.len() + found + kind.close().len()),
            };
            return Ok((Some(kind), end));
        }
        if open.starts_with(rest) {
            return Ok((None, None));
        }
    }
    Err(Malformed::new(at, "`<!` begins neither a comment nor CDATA nor a document type"))
}

/// The place of the first `needle` (of two or three bytes).
fn find(needle: &[u8], haystack: &[u8]) -> Option<usize> {
    // Rare bytes come last in all of them, or are as good as their neighbours.
    let (last, before) = needle.split_last()?;
    memchr::memchr_iter(*last, haystack).find(|&at| haystack[..at].ends_with(before)).map(|at| at - before.len())
}

/// The end of a document type from after `<!DOCTYPE`: passed over with all that it declares, which is never read.
fn doctype_end(bytes: &[u8], from: usize) -> Option<usize> {
    let (mut at, mut depth) = (from, 0_usize);
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'"' | b'\'' => at += memchr::memchr(byte, &bytes[at..])? + 1,
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            b'>' if depth == 0 => return Some(at),
            b'<' if bytes[at..].starts_with(b"!--") => at += 3 + memmem::find(&bytes[at + 3..], b"-->")? + 3,
            b'<' if bytes[at..].starts_with(b"?") => at += 1 + memmem::find(&bytes[at + 1..], b"?>")? + 2,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let check = |text: &str, want| assert_eq!(name_end(text.as_bytes(), 0), want, "{text}");
        check("bus>", 3);
        check("a:b-c.1 x", 7);
        check("é/", 2);
        check("1a", 0);
        check("-a", 0);
        check("", 0);
        assert!(is_name(b"bus") && !is_name(b"") && !is_name(b"a b") && !is_name(b"<a"));
    }

    #[test]
    fn a_tag_ends_at_the_first_angle_that_is_not_quoted() {
        let check = |text: &str, want| assert_eq!(tag_end(text.as_bytes(), 0), want, "{text}");
        check(">", Some(1));
        check(" a='>' b=\"'>\">x>", Some(14));
        check(" a='>", None);
        check("", None);
    }

    #[test]
    fn specials() {
        let check = |text: &str, kind, end| assert_eq!(special(text.as_bytes(), 0), Ok((kind, end)), "{text}");
        check("<!-- > - -->x", Some(Special::Comment), Some(12));
        check("<!--->", Some(Special::Comment), None);
        check("<!---->", Some(Special::Comment), Some(7));
        check("<![CDATA[ ]] ]>]]>x", Some(Special::Cdata), Some(18));
        check("<![CDATA[]]]>", Some(Special::Cdata), Some(13));
        check("<![CDA", None, None);
        check("<?xml?>", Some(Special::Instruction), Some(7));
        check("<?>", Some(Special::Instruction), None);
        check("<!DOCTYPE a [<!ENTITY x \"]>\"><!-- ]> ' --><?p ]> ?>]>x", Some(Special::Doctype), Some(53));
        check("<!DOCTYPE a SYSTEM 'x>y'>", Some(Special::Doctype), Some(25));
        check("<!DOCTYPE a [", Some(Special::Doctype), None);
        assert!(special(b"<!x", 0).is_err());
        assert!(special(b"<![INCLUDE[", 0).is_err());
    }
}
