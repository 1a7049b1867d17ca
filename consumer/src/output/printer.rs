//! Standard output: shared by all that print, written in large pieces.

use std::{fs::File, io::Write};

use recpipe::{Error, transport::stdio};

/// Collects output and writes it when there is much of it, when the source has nothing more for now, and at the end.
///
/// On a terminal, control characters other than tab and line break are shown as `\x1b`: a log holds what strangers sent,
/// and an escape sequence in it must not reach the terminal.
pub struct Printer {
    out: Box<dyn Write>,
    terminal: bool,
    held: Vec<u8>,
}

/// Held back at most: enough that writing costs nothing beside formatting.
const HELD_BYTES: usize = 64 << 10;

impl Printer {
    /// Standard output.
    ///
    /// # Errors
    /// [`Error::Io`] when it is closed.
    pub fn stdout() -> Result<Self, Error> {
        let out: File = stdio::stdout()?;
        Ok(Printer::new(Box::new(out), stdio::stdout_is_terminal()))
    }

    /// Any output; `terminal` as for [`Printer`].
    pub fn new(out: Box<dyn Write>, terminal: bool) -> Self {
        Printer { out, terminal, held: Vec::new() }
    }

    /// Whether it writes to a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Adds whole lines.
    ///
    /// # Errors
    /// [`Error::Io`]; see [`Error::is_broken_pipe`] for a reader that has gone.
    pub fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        if self.terminal {
            printable(lines, &mut self.held);
        } else if lines.len() >= HELD_BYTES {
            self.flush()?;
            return self.out.write_all(lines).map_err(failed);
        } else {
            self.held.extend_from_slice(lines);
        }
        if self.held.len() >= HELD_BYTES { self.flush() } else { Ok(()) }
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn flush(&mut self) -> Result<(), Error> {
        let held = std::mem::take(&mut self.held);
        self.out.write_all(&held).and_then(|()| self.out.flush()).map_err(failed)?;
        self.held = held;
        self.held.clear();
        Ok(())
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::io("cannot write standard output", error)
}

/// Text with its control characters made visible: C0, DEL, and C1 (as UTF-8 or as a bare byte).
fn printable(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                out.extend_from_slice(format!("\\x{:02x}", character as u32).as_bytes());
            } else {
                out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        for byte in chunk.invalid() {
            out.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn nothing_steers_the_terminal() {
        let check = |text: &[u8], expect: &str| {
            let mut out = Vec::new();
            printable(text, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expect);
        };
        check(b"a\tb\n", "a\tb\n");
        check(b"\x1b[2J\r\x7f", "\\x1b[2J\\x0d\\x7f");
        check("\u{9b}31mé".as_bytes(), "\\x9b31mé");
        check(b"\x9b\xff", "\\x9b\\xff");
    }
}
