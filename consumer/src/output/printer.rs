//! Standard output or a file: shared by all that print there, written in large pieces.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Write},
    rc::Rc,
};

use recpipe::{
    Error, say,
    transport::{Patient, stdio},
};

/// Collects output and writes it when there is much of it, when the source has nothing more for now, and at the end.
///
/// On a terminal, control characters are made visible ([`say::printable`]): a log holds what strangers sent, and an escape
/// sequence in it must not reach the terminal.
pub struct Printer {
    out: Box<dyn Write>,
    name: String,
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
        Ok(Printer::new(Box::new(Patient::new(stdio::stdout()?)), stdio::stdout_is_terminal()))
    }

    /// Any output; `terminal` as for [`Printer`].
    pub fn new(out: Box<dyn Write>, terminal: bool) -> Self {
        Printer { out, name: "standard output".to_owned(), terminal, held: Vec::new() }
    }

    /// A file of this name.
    pub fn file(out: File, name: String) -> Self {
        Printer { out: Box::new(out), name, terminal: false, held: Vec::new() }
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
            say::printable(lines, &mut self.held);
        } else if lines.len() >= HELD_BYTES {
            self.flush()?;
            return self.out.write_all(lines).map_err(|error| self.failed(error));
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
        self.out.write_all(&held).and_then(|()| self.out.flush()).map_err(|error| self.failed(error))?;
        self.held = held;
        self.held.clear();
        Ok(())
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(format!("cannot write {}", self.name), error)
    }
}

/// A printer as a [`Write`]: for who writes bytes, not lines.
pub struct Pen(pub Rc<RefCell<Printer>>);

impl Write for Pen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes).map_err(into_io)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.borrow_mut().flush().map_err(into_io)
    }
}

fn into_io(error: Error) -> io::Error {
    match error {
        Error::Io { source, .. } => source,
        other => io::Error::other(other),
    }
}
