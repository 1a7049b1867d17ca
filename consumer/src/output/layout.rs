//! Columns of text side by side: what `table` and `chart` have in common.

use recpipe::{Schema, Type};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    meaning::{self, Meaning},
    shown::one_line,
};
use crate::writer::{Look, Tint};

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
    /// What the values of each mean, if that is known.
    meanings: Vec<Option<Meaning>>,
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
        let names = schema.names().map(|name| one_line(name.as_bytes())).collect();
        Layout { names, right, meanings: schema.names().map(meaning::of).collect(), look }
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
        self.joined(cells, widths, room, &|_| None)
    }

    /// A row of records: in this colour, or its cells in those of what they mean.
    pub(super) fn row(&self, cells: &[String], tint: Option<Tint>, widths: &[Width], room: Option<usize>) -> String {
        match tint {
            Some(_) => self.look.tinted(&self.line(cells, widths, room), tint),
            // Where a line is cut as a whole, a colour might lose its end.
            None if room.is_some_and(|room| total(widths) > room) => self.line(cells, widths, room),
            None => self.joined(cells, widths, room, &|place| self.tint(place, cells.get(place)?)),
        }
    }

    /// The colour of what a cell of this column means, if it has a meaning.
    pub(super) fn tint(&self, place: usize, cell: &str) -> Option<Tint> {
        self.meanings.get(place).copied().flatten().and_then(|meaning| meaning(cell))
    }

    fn joined(&self, cells: &[String], widths: &[Width], room: Option<usize>, tint: &dyn Fn(usize) -> Option<Tint>) -> String {
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
            let cell = self.look.tinted(cell, tint(i));
            match (right, i == last) {
                (true, _) => line.extend([blanks, cell]),
                (false, true) => line.push_str(&cell),
                (false, false) => line.extend([cell, blanks]),
            }
            if i < last {
                line.push_str(GAP);
            }
        }
        line.truncate(line.trim_end_matches(' ').len());
        // So many columns that even the narrowest do not fit.
        match room {
            Some(room) if total(widths) > room => cut(&line, room, self.look.cut()),
            _ => line,
        }
    }

    /// Whether more than half of the columns of these rows would be cut in lines of so many characters.
    pub(super) fn cuts_most<'a>(&'a self, rows: impl Iterator<Item = &'a Vec<String>> + Clone, room: usize) -> bool {
        let needed = self.widths(rows.clone(), None);
        let given = self.widths(rows, Some(room));
        let mut end = 0;
        let is_cut = |(needed, given): &(&Width, &Width)| {
            end += given.columns;
            let is_beyond = end > room;
            end += GAP.len();
            is_beyond || given.columns < needed.columns
        };
        2 * needed.iter().zip(&given).filter(is_cut).count() > needed.len()
    }
}

/// The columns of a line.
fn total(widths: &[Width]) -> usize {
    widths.iter().map(|width| width.columns).sum::<usize>() + GAP.len() * widths.len().saturating_sub(1)
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
    use super::{cut, fit};

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
}
