//! Messages to people, on stderr.

use std::{fmt, io::Write, sync::OnceLock};

use crate::blocking_write::BlockingWriter;

/// What a program calls itself that is both of those whose messages it says.
static ONE: OnceLock<&'static str> = OnceLock::new();

/// From now on messages of either program begin with this name: they run in one. Only the first call counts.
pub fn as_one(name: &'static str) {
    // Whoever came first has named it.
    let _ = ONE.set(name);
}

/// The line, in the name of the one program, if there is one.
fn renamed<'l>(line: &'l str, one: Option<&str>) -> std::borrow::Cow<'l, str> {
    let rest = line.strip_prefix("producer: ").or_else(|| line.strip_prefix("consumer: "));
    match (one, rest) {
        (Some(one), Some(rest)) => format!("{one}: {rest}").into(),
        _ => line.into(),
    }
}

/// Writes one line to stderr in one piece. A failure is ignored: there is no other place to report it.
///
/// It is made [`printable`]: names of files and words of a peer are in messages, and must not steer a terminal.
///
/// Use it through [`say!`](crate::say!).
pub fn say(line: fmt::Arguments<'_>) {
    // Put together first, so that two programs on one terminal do not tear each other's lines.
    let mut whole = Vec::new();
    printable(renamed(&format!("{line}\n"), ONE.get().copied()).as_bytes(), &mut whole);
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
    fn one_program_has_one_name() {
        let check = |line: &str, one, expect: &str| assert_eq!(super::renamed(line, one), expect);
        check("producer: a: b", None, "producer: a: b");
        check("producer: a: b", Some("recpipe"), "recpipe: a: b");
        check("consumer: the producer says: a", Some("recpipe"), "recpipe: the producer says: a");
        check("a producer: b", Some("recpipe"), "a producer: b");
    }

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
