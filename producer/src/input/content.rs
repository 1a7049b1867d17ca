//! What kind of bytes a format reads, and what an input is that holds others.
//!
//! An archive, or lines that end in another way, would be read without complaint as lines that nobody wrote. The first block
//! of an input is looked at for that, and the message says what to type instead.

use std::path::Path;

use super::open;

/// What a format reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Text whose records end where lines do.
    Lines,
    /// Text.
    Text,
    /// Bytes that are no text.
    Bytes,
}

/// A kind of file that has files in it.
struct Archive {
    name: &'static str,
    is_begun: fn(&[u8]) -> bool,
}

/// Those that nothing is appended to. The files in the first two are read.
const ARCHIVES: &[Archive] = &[
    Archive { name: "a tar archive", is_begun: is_tar },
    Archive { name: "a zip archive", is_begun: |head| head.starts_with(b"PK\x03\x04") },
    Archive { name: "a 7z archive", is_begun: is_7z },
];

/// Bytes of a tar header.
pub(super) const TAR_HEADER_BYTES: usize = 512;

/// Where the checksum of a tar header stands.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// Whether these bytes are the header of a file in a tar archive: its checksum is that of its bytes.
pub(super) fn is_tar(head: &[u8]) -> bool {
    let header = head.get(..TAR_HEADER_BYTES).filter(|header| &header[257..262] == b"ustar");
    header.is_some_and(has_tar_checksum)
}

/// Whether a header has the checksum that it says; its own bytes count as spaces.
pub(super) fn has_tar_checksum(header: &[u8]) -> bool {
    let digits = header[CHECKSUM].iter().skip_while(|&&b| b == b' ').take_while(|b| (b'0'..=b'7').contains(b));
    let told = digits.fold(0_u32, |sum, digit| sum.wrapping_mul(8).wrapping_add(u32::from(digit - b'0')));
    let sum = header.iter().enumerate().map(|(i, &b)| u32::from(if CHECKSUM.contains(&i) { b' ' } else { b })).sum::<u32>();
    told == sum
}

fn is_7z(head: &[u8]) -> bool {
    head.starts_with(b"7z\xbc\xaf\x27\x1c")
}

/// Why nothing that is appended to a file that begins so would be text.
pub(crate) fn not_to_follow(head: &[u8], content: Content) -> Option<&'static str> {
    if open::is_compressed(head) {
        return Some("compressed");
    }
    if content == Content::Bytes {
        return None;
    }
    let archive = ARCHIVES.iter().find(|archive| (archive.is_begun)(head)).map(|archive| archive.name);
    archive.or_else(|| super::encoding::is_wide(head).then_some("not in UTF-8"))
}

/// What an input is that begins with this block and is no `content`, with what to type instead. `cat` takes the compression off
/// that it had.
pub fn unfit(first: &[u8], content: Content, name: &str, cat: Option<&str>) -> Option<String> {
    if content == Content::Bytes {
        return None;
    }
    if is_7z(first) {
        let archive = if is_file(name) { quoted(name) } else { "FILE".to_owned() };
        return Some(format!("a 7z archive, not text; `7z x -so {archive} | producer …` reads the files in it"));
    }
    if let Some(encoding) = wide(first) {
        let file = if is_file(name) { format!(" {}", quoted(name)) } else { String::new() };
        return Some(format!("in {encoding}, without a mark; `producer … --encoding {}{file}` reads it", encoding.to_ascii_lowercase()));
    }
    (content == Content::Lines && ends_in_returns(first))
        .then(|| format!("its lines end in CR alone; `{}` reads them", through(name, cat, "tr '\\r' '\\n'")))
}

/// What to say of text in an encoding that is not read.
pub(crate) fn in_encoding(encoding: &str, name: &str, cat: Option<&str>) -> String {
    format!("in {encoding}; `{}` reads it", through(name, cat, &format!("iconv -f {encoding} -t UTF-8")))
}

/// The UTF-16 that this is, without a mark: every other byte is NUL, and no others.
fn wide(first: &[u8]) -> Option<&'static str> {
    let (pairs, _) = first[..first.len().min(512)].as_chunks::<2>();
    if pairs.len() < 2 {
        None
    } else if pairs.iter().all(|pair| pair[0] != 0 && pair[1] == 0) {
        Some("UTF-16LE")
    } else if pairs.iter().all(|pair| pair[0] == 0 && pair[1] != 0) {
        Some("UTF-16BE")
    } else {
        None
    }
}

/// Whether there are lines in it, but no newline. A last line that ends in CR is as good as one without an end.
fn ends_in_returns(first: &[u8]) -> bool {
    let last = first.len().saturating_sub(1);
    memchr::memchr(b'\r', &first[..last]).is_some() && memchr::memchr(b'\n', first).is_none()
}

/// How to read an input through a command.
fn through(name: &str, cat: Option<&str>, command: &str) -> String {
    let is_stdin = !is_file(name);
    match cat {
        Some(cat) if is_stdin => format!("… | {cat} | {command} | producer …"),
        None if is_stdin => format!("… | {command} | producer …"),
        Some(cat) => format!("{cat} {} | {command} | producer …", quoted(name)),
        None => format!("{command} < {} | producer …", quoted(name)),
    }
}

/// Whether a command can open it by its name: not the standard input, nor what lies in an archive.
fn is_file(name: &str) -> bool {
    name != "-" && Path::new(name).exists()
}

/// The name as a shell takes it.
fn quoted(name: &str) -> String {
    shlex::try_quote(name).map_or_else(|_| name.to_owned(), |name| name.into_owned())
}
