//! Standard output or a file: shared by all that print there, written in large pieces.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, Write},
    rc::Rc,
};

use recpipe::{
    Error, say,
    transport::{BlockingWriter, stdio},
};

use super::{
    Look,
    compression::{Compression, Ends, Whole, compressed},
    region::{Region, Screen},
};

/// Collects output and writes it when there is much of it, when the source has nothing more for now, and at the end.
///
/// On a terminal, control characters are made visible ([`say::printable`]): a log holds what strangers sent, and an escape
/// sequence in it must not reach the terminal.
pub struct Printer {
    out: Box<dyn Ends>,
    name: String,
    terminal: bool,
    screen: fn() -> Option<Screen>,
    look: Look,
    region: Region,
    /// The lines of each picture that is drawn for the time being.
    pictures: Vec<Vec<String>>,
    held: Vec<u8>,
}

/// Held back at most: enough that writing costs nothing beside formatting.
const HELD_BYTES: usize = 64 << 10;

impl Printer {
    /// Standard output.
    ///
    /// # Errors
    /// [`Error::Io`] when it is closed.
    pub fn stdout(look: Look) -> Result<Self, Error> {
        let screen = || stdio::terminal_size().map(|(columns, rows)| Screen { columns, rows });
        Ok(Printer { screen, look, ..Printer::new(Box::new(BlockingWriter::new(stdio::stdout()?)), stdio::stdout_is_terminal()) })
    }

    /// Any output; `terminal` as for [`Printer`].
    pub fn new(out: Box<dyn Write>, terminal: bool) -> Self {
        Printer::of(Box::new(Whole(out)), terminal)
    }

    fn of(out: Box<dyn Ends>, terminal: bool) -> Self {
        let name = "standard output".to_owned();
        Printer {
            out,
            name,
            terminal,
            screen: || None,
            look: Look::default(),
            region: Region::default(),
            pictures: Vec::new(),
            held: Vec::new(),
        }
    }

    /// A file of this name, compressed if that is said.
    ///
    /// # Errors
    /// [`Error::Io`] when a compressor cannot be made.
    pub fn file(out: File, name: String, compression: Option<Compression>) -> Result<Self, Error> {
        let out = compressed(out, compression).map_err(|error| Error::io(format!("cannot write {name}"), error))?;
        Ok(Printer { name, ..Printer::of(out, false) })
    }

    /// Writes what is held back, and the end of what is compressed. Nothing is written after it.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn end(&mut self) -> Result<(), Error> {
        self.flush()?;
        self.out.end().map_err(|error| self.failed(error))
    }

    /// Whether it writes to a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The size of the terminal at the moment; `None` when it is none or does not say.
    pub fn screen(&self) -> Option<Screen> {
        if self.terminal { (self.screen)() } else { None }
    }

    /// How output for people looks.
    pub fn look(&self) -> Look {
        self.look
    }

    /// Adds whole lines.
    ///
    /// # Errors
    /// [`Error::Io`]; see [`Error::is_broken_pipe`] for a reader that has gone.
    pub fn write(&mut self, lines: &[u8]) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        self.erase();
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

    /// Adds whole lines that have been made printable already, and may have colours.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub(crate) fn write_styled(&mut self, lines: &str) -> Result<(), Error> {
        if lines.is_empty() {
            return Ok(());
        }
        self.erase();
        self.held.extend_from_slice(lines.as_bytes());
        if self.held.len() >= HELD_BYTES { self.flush() } else { Ok(()) }
    }

    /// One picture more, above the others, of the number that is returned.
    pub(crate) fn add_picture(&mut self) -> usize {
        self.pictures.push(Vec::new());
        self.pictures.len() - 1
    }

    /// Whether there is a picture, and a screen to draw it on.
    pub fn is_live(&self) -> bool {
        !self.pictures.is_empty() && self.screen().is_some()
    }

    /// The lines that each picture can have: all have the same part of the screen, whose first line is the cursor's.
    pub(crate) fn picture_rows(&self) -> Option<usize> {
        self.screen().map(|screen| screen.rows.saturating_sub(1) / self.pictures.len().max(1))
    }

    /// Shows the lines of a picture, such as for [`Printer::write_styled`], for the time being, and those of the others with
    /// them: what is drawn or written next takes their place. Where there is no screen, nothing is shown.
    pub(crate) fn draw(&mut self, picture: usize, mut lines: Vec<String>) -> Result<(), Error> {
        let (Some(screen), Some(rows)) = (self.screen(), self.picture_rows()) else { return Ok(()) };
        lines.truncate(rows);
        if let Some(picture) = self.pictures.get_mut(picture) {
            *picture = lines;
        }
        // The output of a query is opened before those of its branches, and written after them.
        let lines: Vec<String> = self.pictures.iter().rev().flatten().cloned().collect();
        let text = self.region.draw(&lines, screen);
        self.held.extend_from_slice(text.as_bytes());
        self.flush()
    }

    /// Writes lines as [`Printer::write_styled`] does, in the place of a picture.
    pub(crate) fn write_picture(&mut self, picture: usize, text: &str) -> Result<(), Error> {
        self.pictures.get_mut(picture).into_iter().for_each(Vec::clear);
        self.write_styled(text)
    }

    /// Takes away what was drawn for the time being, with nothing in its place: there will be no answer.
    pub(crate) fn erase(&mut self) {
        if !self.region.is_empty() {
            self.held.extend_from_slice(self.region.erase().as_bytes());
        }
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
