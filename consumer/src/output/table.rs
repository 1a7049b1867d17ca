//! `table`: columns aligned for a person to read.

use std::{cell::RefCell, rc::Rc};

use recpipe::{Batch, Error, Flow, Schema, Stage, Type, Value};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Printer;

/// Aligned columns: names above, numbers to the right.
///
/// The widths are those of the first [`Table::SAMPLE`] records; it waits for them, or for the end, and then writes
/// records as they come. On a terminal, columns that do not fit are cut to a fair share, with `…` where text was cut.
pub struct Table {
    printer: Rc<RefCell<Printer>>,
    names: Vec<String>,
    right: Vec<bool>,
    line_width: Option<usize>,
    waiting: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    /// Records that are seen before the widths are settled.
    pub const SAMPLE: usize = 1000;
    const GAP: &str = "  ";
    const NARROWEST: usize = 8;

    /// A table of records of this schema; with `line_width`, cut to that many columns.
    pub fn new(schema: &Schema, printer: Rc<RefCell<Printer>>, line_width: Option<usize>) -> Self {
        let right = schema.fields().iter().map(|field| matches!(field.kind, Type::Int | Type::Float)).collect();
        Table { printer, names: schema.names().map(one_line).collect(), right, line_width, waiting: Vec::new(), widths: None }
    }

    fn settle(&mut self) -> Result<(), Error> {
        let cells = std::iter::once(&self.names).chain(&self.waiting);
        let mut widths = vec![0; self.names.len()];
        for row in cells {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.width());
            }
        }
        if let Some(line_width) = self.line_width {
            fit(&mut widths, line_width.saturating_sub(Self::GAP.len() * self.names.len().saturating_sub(1)));
        }
        self.widths = Some(widths);
        let mut text = String::new();
        self.line(&self.names, &mut text);
        for row in std::mem::take(&mut self.waiting) {
            self.line(&row, &mut text);
        }
        self.printer.borrow_mut().write(text.as_bytes())
    }

    fn line(&self, cells: &[String], text: &mut String) {
        let widths = self.widths.as_deref().unwrap_or_default();
        let last = cells.len().saturating_sub(1);
        for (i, (cell, &width)) in cells.iter().zip(widths).enumerate() {
            let cell = if self.line_width.is_some() { cut(cell, width) } else { cell.clone() };
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            match (self.right[i], i == last) {
                (true, _) => text.extend([blanks.as_str(), cell.as_str()]),
                (false, true) => text.push_str(&cell),
                (false, false) => text.extend([cell.as_str(), blanks.as_str()]),
            }
            if i < last {
                text.push_str(Self::GAP);
            }
        }
        text.push('\n');
    }
}

impl Stage for Table {
    fn send(&mut self, batch: Batch) -> Result<Flow, Error> {
        let mut text = String::new();
        for row in batch.rows() {
            let cells: Vec<String> = row.values().map(cell).collect();
            if self.widths.is_some() {
                self.line(&cells, &mut text);
            } else {
                self.waiting.push(cells);
                if self.waiting.len() >= Self::SAMPLE {
                    self.settle()?;
                }
            }
        }
        self.printer.borrow_mut().write(text.as_bytes())?;
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.printer.borrow_mut().flush()
    }

    fn close(&mut self) -> Result<(), Error> {
        if self.widths.is_none() {
            self.settle()?;
        }
        self.flush()
    }
}

fn cell(value: Value<'_>) -> String {
    one_line(&value.to_string())
}

/// A line break or tab inside a cell would tear the table: shown as JSON shows it.
fn one_line(text: &str) -> String {
    if text.contains(['\n', '\t', '\r']) { text.replace('\n', "\\n").replace('\t', "\\t").replace('\r', "\\r") } else { text.to_owned() }
}

/// Narrows the widest columns until all fit; none below [`Table::NARROWEST`], where the terminal is narrower still.
fn fit(widths: &mut [usize], room: usize) {
    while widths.iter().sum::<usize>() > room {
        let Some(&widest) = widths.iter().max() else { return };
        if widest <= Table::NARROWEST {
            return;
        }
        let next = widths.iter().copied().filter(|&width| width < widest).max().unwrap_or(0).max(Table::NARROWEST);
        let many = widths.iter().filter(|&&width| width == widest).count();
        let over = widths.iter().sum::<usize>() - room;
        let step = over.div_ceil(many).min(widest - next).max(1);
        widths.iter_mut().filter(|width| **width == widest).for_each(|width| *width -= step);
    }
}

/// The text within `width` columns, with `…` where something is missing.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = width.saturating_sub(1);
    for character in text.chars() {
        let wide = character.width().unwrap_or(0);
        if wide > left {
            break;
        }
        left -= wide;
        out.push(character);
    }
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::{cut, fit};

    #[test]
    fn the_widest_give_way() {
        let check = |mut widths: Vec<usize>, room, expect: &[usize]| {
            fit(&mut widths, room);
            assert_eq!(widths, expect);
        };
        check(vec![5, 10], 20, &[5, 10]);
        check(vec![5, 100], 40, &[5, 35]);
        check(vec![50, 100], 40, &[20, 20]);
        check(vec![3, 60, 60, 9], 60, &[3, 24, 24, 9]);
        check(vec![100, 100], 4, &[8, 8]);
        check(vec![], 4, &[]);
    }

    #[test]
    fn cut_text_says_so() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 4), "日…");
    }
}
