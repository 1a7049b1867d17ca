//! Where a picture is drawn: a part of the screen, below the lines that are there for good.

use std::{cell::RefCell, rc::Rc};

use recpipe::Error;

use super::{Look, Printer, Rule};

/// The place of one picture. Clones are the same place: what one draws, another replaces.
#[derive(Clone)]
pub struct Canvas {
    printer: Rc<RefCell<Printer>>,
    picture: usize,
    rules: Rc<[Rule]>,
}

impl Canvas {
    /// A place above those that this printer has already, for rows that have colours by these rules.
    pub fn new(printer: Rc<RefCell<Printer>>, rules: Vec<Rule>) -> Self {
        let picture = printer.borrow_mut().add_picture();
        Canvas { printer, picture, rules: rules.into() }
    }

    /// The rules by which rows have colours; none where there are no colours.
    pub(crate) fn rules(&self) -> &[Rule] {
        if self.look().colour { &self.rules } else { &[] }
    }

    /// How output for people looks.
    pub fn look(&self) -> Look {
        self.printer.borrow().look()
    }

    /// The columns of the screen; `None` where there is none.
    pub fn columns(&self) -> Option<usize> {
        self.printer.borrow().screen().map(|screen| screen.columns)
    }

    /// The lines that the picture can have; `None` where there is no screen.
    pub fn rows(&self) -> Option<usize> {
        self.printer.borrow().picture_rows()
    }

    /// Shows the picture for the time being, none of whose lines is wider than the screen; no more lines than there is room for.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn draw(&self, lines: Vec<String>) -> Result<(), Error> {
        self.printer.borrow_mut().draw(self.picture, lines)
    }

    /// Writes lines for good, as for `Printer::write_styled`; what was drawn is no more.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn write(&self, text: &str) -> Result<(), Error> {
        self.printer.borrow_mut().write_picture(self.picture, text)
    }

    /// Writes what is held back.
    ///
    /// # Errors
    /// As for [`Printer::write`].
    pub fn flush(&self) -> Result<(), Error> {
        self.printer.borrow_mut().flush()
    }
}
