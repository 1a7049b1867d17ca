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

/// What of a screen was drawn for the time being: the lines below the one that the cursor is in, which is left blank.
///
/// What others write to the terminal (a producer's message, the echo of a key) goes to that line, and moves the cursor on; the
/// next drawing begins there. So it stays above the region, and nothing of an earlier drawing does. Were the cursor below the
/// region, whatever others write would move it away from the lines that are to be drawn again.
#[derive(Debug, Default)]
pub(crate) struct Region {
    is_drawn: bool,
}

impl Region {
    /// Whether nothing is drawn.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_drawn
    }

    /// The text that takes the region away.
    pub(crate) fn erase(&mut self) -> &'static str {
        self.is_drawn = false;
        "\r\x1b[J"
    }

    /// The text that puts these lines in the place of what was drawn; no line is wider than the screen.
    pub(crate) fn draw(&mut self, lines: &[String], screen: Screen) -> String {
        let Some((last, before)) = lines.split_last() else { return self.erase().to_owned() };
        self.is_drawn = true;
        let mut text = String::from("\r\x1b[2K");
        for line in before {
            // Cleared before it is written: after a line that fills the screen, the last character would go.
            text.extend(["\n\r\x1b[2K", line]);
        }
        text.extend(["\n\r\x1b[J", last]);
        let rows: usize = lines.iter().map(|line| columns(line).div_ceil(screen.columns.max(1)).max(1)).sum();
        // Writing to a string cannot fail.
        let _ = write!(text, "\r\x1b[{rows}A");
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
    fn draws_below_the_line_that_the_cursor_stays_in() {
        let screen = Screen { columns: 10, rows: 5 };
        let mut region = Region::default();
        assert_eq!(region.draw(&["ab".into(), "cd".into()], screen), "\r\x1b[2K\n\r\x1b[2Kab\n\r\x1b[Jcd\r\x1b[2A");
        assert_eq!(region.draw(&["\x1b[1m0123456789\x1b[0m".into()], screen), "\r\x1b[2K\n\r\x1b[J\x1b[1m0123456789\x1b[0m\r\x1b[1A");
        // Ten columns are three lines of a screen that has become one of four.
        assert!(region.draw(&["0123456789".into()], Screen { columns: 4, rows: 5 }).ends_with("\x1b[3A"));
        assert_eq!(region.erase(), "\r\x1b[J");
        assert!(region.is_empty());
        assert_eq!(region.draw(&[], screen), "\r\x1b[J");
        assert!(region.is_empty());
    }

    #[test]
    fn colours_have_no_width() {
        assert_eq!(columns("\x1b[1mab\x1b[0m 日本"), 7);
        assert_eq!(columns(""), 0);
    }
}
