//! The last lines on a terminal, drawn again in place.

use std::fmt::Write;

use unicode_width::UnicodeWidthStr;

/// The size of a terminal at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Screen {
    /// Columns of a line; at least one.
    pub columns: usize,
    /// Lines.
    pub rows: usize,
}

/// What of a screen was drawn for the time being. It ends above the line that the cursor is in.
#[derive(Debug, Default)]
pub(super) struct Region {
    /// The columns that each of its lines takes.
    lines: Vec<usize>,
}

impl Region {
    /// Whether nothing is drawn.
    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The text that takes the region away.
    pub(super) fn erase(&mut self, screen: Screen) -> String {
        let up = self.up(screen);
        self.lines.clear();
        up + "\r\x1b[J"
    }

    /// The text that puts these lines in the place of what was drawn; no line is wider than the screen.
    pub(super) fn draw(&mut self, lines: &[String], screen: Screen) -> String {
        let mut text = self.up(screen);
        for line in lines {
            // Cleared before it is written: after a line that fills the screen, the last character would go.
            text.extend(["\r\x1b[2K", line, "\n"]);
        }
        text.push_str("\x1b[J");
        self.lines = lines.iter().map(|line| columns(line)).collect();
        text
    }

    /// To the first line of the region. A terminal that has become narrower has broken lines that were too wide for it.
    fn up(&self, screen: Screen) -> String {
        let rows: usize = self.lines.iter().map(|width| width.div_ceil(screen.columns.max(1)).max(1)).sum();
        let mut text = String::new();
        if rows > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, "\x1b[{rows}A");
        }
        text
    }
}

/// The columns of a line with colours in it.
fn columns(line: &str) -> usize {
    line.split("\x1b[")
        .enumerate()
        .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, text)| text) }.width())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::{Region, Screen, columns};

    #[test]
    fn draws_in_place() {
        let screen = Screen { columns: 10, rows: 5 };
        let mut region = Region::default();
        assert_eq!(region.draw(&["ab".into(), "cd".into()], screen), "\r\x1b[2Kab\n\r\x1b[2Kcd\n\x1b[J");
        assert_eq!(region.draw(&["\x1b[1m0123456789\x1b[0m".into()], screen), "\x1b[2A\r\x1b[2K\x1b[1m0123456789\x1b[0m\n\x1b[J");
        // Ten columns are three lines of a screen of four.
        assert_eq!(region.erase(Screen { columns: 4, rows: 5 }), "\x1b[3A\r\x1b[J");
        assert!(region.is_empty());
    }

    #[test]
    fn colours_have_no_width() {
        assert_eq!(columns("\x1b[1mab\x1b[0m 日本"), 7);
        assert_eq!(columns(""), 0);
    }
}
