//! Messages to people, on stderr.

use std::{fmt, io::Write};

use crate::blocking_write::BlockingWriter;

/// Writes one line to stderr, whole. There is nobody left to tell when stderr itself is closed, so that is ignored.
///
/// It is made [`printable`]: names of files and words of a peer are in messages, and must not steer a terminal.
///
/// Use it through [`say!`](crate::say!).
pub fn say(line: fmt::Arguments<'_>) {
    // Put together first, so that two programs on one terminal do not tear each other's lines.
    let mut whole = Vec::new();
    printable(format!("{line}\n").as_bytes(), &mut whole);
    let _ = BlockingWriter::new(std::io::stderr().lock()).write_all(&whole);
}

/// Writes lines to stderr as they are, whole: with colours, and made printable by whoever put them together.
pub fn styled(lines: &str) {
    let _ = std::io::stderr().lock().write_all(lines.as_bytes());
}

/// Text for a terminal: control characters (C0, DEL, C1) other than tab and line break, and bytes that are not UTF-8, are
/// shown as `\x1b`.
pub fn printable(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                out.extend_from_slice(format!("\\x{:02x}", u32::from(character)).as_bytes());
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

/// `say!("producer: {file}: {error}")`: one line on stderr; never panics, unlike `eprintln!`.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::say::say(format_args!($($arg)*)) };
}

#[cfg(test)]
mod tests {
    #[test]
    fn nothing_steers_the_terminal() {
        let check = |text: &[u8], expect: &str| {
            let mut out = Vec::new();
            super::printable(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(b"a\tb\n", "a\tb\n");
        check(b"\x1b[2J\r\x7f", "\\x1b[2J\\x0d\\x7f");
        check("\u{9b}31mé".as_bytes(), "\\x9b31mé");
        check(b"\x9b\xff", "\\x9b\\xff");
    }
}
