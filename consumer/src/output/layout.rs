//! Columns of text side by side: what `table` and `chart` have in common.

use std::fmt::Write;

use recpipe::{Batch, Schema, Type};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::writer::{
    Look,
    cell::{self, Plain},
};

/// Between two columns.
pub(super) const GAP: &str = "  ";

/// No column is made narrower than this while another is wider.
const NARROW: usize = 8;

/// Nor, where that does not help, than this.
const NARROWEST: usize = 3;

/// The names and sides of columns.
pub(super) struct Layout {
    names: Vec<String>,
    /// Whether each stands right; `None` where only its values tell.
    right: Vec<Option<bool>>,
    look: Look,
}

/// The room of one column, and the side that its cells stand on.
#[derive(Clone, Copy)]
pub(super) struct Width {
    pub(super) columns: usize,
    right: bool,
}

impl Layout {
    /// Columns for these fields: numbers stand right, and of several types those in which there is nothing but numbers.
    pub(super) fn new(schema: &Schema, look: Look) -> Self {
        let right = |kind| if kind == Type::Mixed { None } else { Some(matches!(kind, Type::Int | Type::Float)) };
        let right = schema.fields().iter().map(|field| right(field.kind)).collect();
        Layout { names: schema.names().map(|name| one_line(name.as_bytes())).collect(), right, look }
    }

    /// The names as cells.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The widths that the names and these rows need; within `room`, the widest give way.
    pub(super) fn widths<'a>(&'a self, rows: impl Iterator<Item = &'a Vec<String>>, room: Option<usize>) -> Vec<Width> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| name.width()).collect();
        // Of a column of several types: whether there is a cell, and whether all are numbers.
        let mut seen = vec![(false, true); self.names.len()];
        for row in rows {
            for (((width, cell), seen), right) in widths.iter_mut().zip(row).zip(&mut seen).zip(&self.right) {
                *width = (*width).max(cell.width());
                if right.is_none() && !cell.is_empty() {
                    *seen = (true, seen.1 && cell.parse::<f64>().is_ok());
                }
            }
        }
        if let Some(room) = room {
            let room = room.saturating_sub(GAP.len() * widths.len().saturating_sub(1));
            fit(&mut widths, room, NARROW);
            fit(&mut widths, room, NARROWEST);
        }
        let width = |((columns, seen), right): ((usize, (bool, bool)), &Option<bool>)| Width {
            columns,
            right: right.unwrap_or(seen == (true, true)),
        };
        widths.into_iter().zip(seen).zip(&self.right).map(width).collect()
    }

    /// A row. Cells that are too wide are cut where there is a `room`, which the line does not leave; else they push the
    /// others aside.
    pub(super) fn line(&self, cells: &[String], widths: &[Width], room: Option<usize>) -> String {
        let mut line = String::new();
        let last = cells.len().saturating_sub(1);
        for (i, (cell, &Width { columns: width, right })) in cells.iter().zip(widths).enumerate() {
            let cut_cell;
            let cell = match room {
                Some(_) => {
                    cut_cell = cut(cell, width, self.look.cut());
                    &cut_cell
                }
                None => cell,
            };
            let blanks = " ".repeat(width.saturating_sub(cell.width()));
            match (right, i == last) {
                (true, _) => line.extend([blanks.as_str(), cell]),
                (false, true) => line.push_str(cell),
                (false, false) => line.extend([cell, blanks.as_str()]),
            }
            if i < last {
                line.push_str(GAP);
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        // So many columns that even the narrowest do not fit.
        match room {
            Some(room) => cut(&line, room, self.look.cut()),
            None => line,
        }
    }
}

/// The cells of all records, on one line each.
pub(super) fn rows(batch: &Batch) -> impl Iterator<Item = Vec<String>> + use<> {
    let columns = cell::columns(batch);
    (0..batch.len()).map(move |row| {
        let mut text = Vec::new();
        let mut cell = |column| {
            text.clear();
            cell::put(column, row, &Plain, &mut text);
            one_line(&text)
        };
        columns.iter().map(&mut cell).collect()
    })
}

/// A line break or another control character inside a cell would tear the layout, or steer the terminal: they are shown
/// escaped. What is not UTF-8 is U+FFFD.
pub(super) fn one_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    if !text.contains(char::is_control) {
        return text.into_owned();
    }
    let mut out = String::new();
    for character in text.chars() {
        match character {
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            // Writing to a string cannot fail.
            control if control.is_control() => drop(write!(out, "\\x{:02x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out
}

/// Narrows the widest columns until all fit, none below `narrowest`.
fn fit(widths: &mut [usize], room: usize, narrowest: usize) {
    while widths.iter().sum::<usize>() > room {
        let Some(&widest) = widths.iter().max() else { return };
        if widest <= narrowest {
            return;
        }
        let next = widths.iter().copied().filter(|&width| width < widest).max().unwrap_or(0).max(narrowest);
        let many = widths.iter().filter(|&&width| width == widest).count();
        let over = widths.iter().sum::<usize>() - room;
        let step = over.div_ceil(many).min(widest - next).max(1);
        widths.iter_mut().filter(|width| **width == widest).for_each(|width| *width -= step);
    }
}

/// The text within `width` columns, with `mark` where something is missing.
pub(super) fn cut(text: &str, width: usize, mark: char) -> String {
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
    if width > 0 {
        out.push(mark);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{cut, fit, one_line};

    #[test]
    fn the_widest_give_way() {
        let check = |mut widths: Vec<usize>, room, expect: &[usize]| {
            fit(&mut widths, room, 8);
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
        let check = |text, width, expect| assert_eq!(cut(text, width, '…'), expect, "{text} in {width}");
        check("abcdef", 6, "abcdef");
        check("abcdef", 4, "abc…");
        check("日本語", 4, "日…");
        check("e\u{301}e\u{301}e\u{301}", 2, "e\u{301}…");
        check("ab", 1, "…");
        check("ab", 0, "");
    }

    #[test]
    fn a_cell_is_one_line() {
        assert_eq!(one_line(b"a\n\t\r\x1b[2J\xff"), "a\\n\\t\\r\\x1b[2J\u{fffd}");
        assert_eq!(one_line("\u{9b}ü\u{7f}".as_bytes()), "\\x9bü\\x7f");
    }
}
