//! How numbers are written where a comma stands before the fraction, or thousands are parted: `--decimal`, `--thousands`.

use recpipe::untyped::Cell;

/// How numbers are written: the sign before their fraction, and the one between groups of three digits of the whole part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberForm {
    point: u8,
    group: Option<char>,
}

impl Default for NumberForm {
    /// A point before the fraction, and no groups.
    fn default() -> Self {
        NumberForm { point: b'.', group: None }
    }
}

/// The longest number that may have groups, in bytes: 39 digits with a sign between each three are within it.
const LONGEST_GROUPED: usize = 64;

impl NumberForm {
    /// `--decimal` and `--thousands`. One of them that is a point or a comma makes the other of these the other sign; a point without
    /// `--thousands` has no groups.
    ///
    /// # Errors
    /// Signs that no number can be read by, as it is to be said.
    pub fn new(decimal: Option<char>, thousands: Option<char>) -> Result<Self, String> {
        let (point, group) = match (decimal, thousands) {
            (None, None) => return Ok(NumberForm::default()),
            (Some('.'), None) => ('.', None),
            (Some(','), None) => (',', Some('.')),
            (None, Some('.')) => (',', Some('.')),
            (None, group) => ('.', group),
            (Some(point), group) => (point, group),
        };
        let means_more = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '+' | '"' | '\n' | '\r');
        if !point.is_ascii() || means_more(point) {
            return Err(format!("--decimal: `{point}` cannot stand before a fraction; a comma can"));
        }
        if let Some(group) = group.filter(|&group| group == point || means_more(group)) {
            return Err(format!("--thousands: `{group}` cannot part thousands where `{point}` stands before the fraction"));
        }
        Ok(NumberForm { point: point as u8, group })
    }

    /// What a cell is that is written so.
    #[inline]
    pub(super) fn cell(self, text: &[u8]) -> Cell {
        if self == NumberForm::default() { Cell::of(text) } else { self.other_cell(text) }
    }

    /// A cell in another form than ours: written in ours, and read.
    fn other_cell(self, text: &[u8]) -> Cell {
        let mut plain = [0; LONGEST_GROUPED];
        self.plain(text, &mut plain).map_or(Cell::Text, |len| Cell::of(&plain[..len]))
    }

    /// Writes a number as we write it, and answers how long it is; `None` where groups are no groups, or another sign stands in it.
    fn plain(self, text: &[u8], to: &mut [u8; LONGEST_GROUPED]) -> Option<usize> {
        if text.len() > LONGEST_GROUPED {
            return None;
        }
        let mut group = [0; 4];
        let group = self.group.map_or(&[][..], |sign| sign.encode_utf8(&mut group).as_bytes());
        let (mut rest, mut len, mut digits, mut is_grouped) = (text, 0, 0, false);
        if let [b'-', after @ ..] = rest {
            (to[0], len, rest) = (b'-', 1, after);
        }
        // The whole part.
        loop {
            match rest {
                [digit @ b'0'..=b'9', after @ ..] => {
                    (to[len], rest) = (*digit, after);
                    (len, digits) = (len + 1, digits + 1);
                }
                _ if !group.is_empty() && rest.starts_with(group) => {
                    let is_whole = if is_grouped { digits == 3 } else { (1..=3).contains(&digits) && to[len - digits] != b'0' };
                    if !is_whole {
                        return None;
                    }
                    (rest, digits, is_grouped) = (&rest[group.len()..], 0, true);
                }
                _ => break,
            }
        }
        if is_grouped && digits != 3 {
            return None;
        }
        if let [sign, after @ ..] = rest
            && *sign == self.point
        {
            (to[len], len, rest) = (b'.', len + 1, after);
        }
        // The fraction, and the exponent: nothing of another sign.
        if rest.iter().any(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'-' | b'+')) {
            return None;
        }
        to[len..len + rest.len()].copy_from_slice(rest);
        Some(len + rest.len())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_are_written_in_other_ways() {
        let form = |decimal, thousands| NumberForm::new(decimal, thousands).unwrap();
        let check = |form: NumberForm, text: &str, want: Cell| assert_eq!(form.cell(text.as_bytes()), want, "{text} {form:?}");
        for comma in [form(Some(','), None), form(None, Some('.')), form(Some(','), Some('.'))] {
            check(comma, "1234,5", Cell::Float(1234.5));
            check(comma, "-1.234.567,75", Cell::Float(-1_234_567.75));
            check(comma, "1.234", Cell::Int(1234));
            check(comma, ",5", Cell::Float(0.5));
            check(comma, "1,5e-3", Cell::Float(0.0015));
            check(comma, "1.170.141.183.460.469.231.731", Cell::Wide(1_170_141_183_460_469_231_731));
            for text in
                ["1.23", "12.3456", "1234.567", "0.123", "1..234", "1.234.", ".234", "1,2,3", "1,234.5", "1,", "007", "1'234", "x", ""]
            {
                check(comma, text, Cell::Text);
            }
        }
        check(form(None, Some(',')), "1,234.5", Cell::Float(1234.5));
        check(form(None, Some(',')), "12,34", Cell::Text);
        check(form(Some(','), Some('\u{202f}')), "1\u{202f}234,5", Cell::Float(1234.5));
        check(form(Some(','), Some(' ')), "1.5", Cell::Text);
        check(form(Some('.'), None), "1.5", Cell::Float(1.5));
        check(form(Some(','), None), &"1".repeat(65), Cell::Text);
        assert!(NumberForm::new(Some('e'), None).is_err() && NumberForm::new(Some(','), Some(',')).is_err());
        assert!(NumberForm::new(None, Some('1')).is_err());
    }

    proptest! {
        #[test]
        fn groups_and_a_comma_change_no_number(n: i64, f in -1e15..1e15_f64) {
            let form = NumberForm::new(Some(','), None).unwrap();
            let grouped = |digits: &str| {
                let (sign, digits) = digits.split_at(usize::from(digits.starts_with('-')));
                let mut shown = sign.to_owned();
                for (place, digit) in digits.chars().enumerate() {
                    if place > 0 && (digits.len() - place) % 3 == 0 {
                        shown.push('.');
                    }
                    shown.push(digit);
                }
                shown
            };
            prop_assert_eq!(form.cell(grouped(&n.to_string()).as_bytes()), Cell::Int(n));
            let shown = format!("{f:.3}");
            let (whole, fraction) = shown.split_once('.').unwrap();
            prop_assert_eq!(form.cell(format!("{},{fraction}", grouped(whole)).as_bytes()), Cell::of(shown.as_bytes()));
        }
    }
}
