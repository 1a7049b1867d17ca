//! Cells without types, as `csv`, `tsv` and `regex` have them: each is a number or text by its own bytes.
//!
//! An int is exact up to 128 bits; a whole number beyond that is text, with its digits. What a number would change in silence is text
//! as well: `007`, `+1`, `1_000`, and codes such as `1e5` and `12E7`. So that a float can be written as `1e+16`, an exponent with
//! a sign is one of a float, and so is any after a point.
//!
//! # What the sample decides
//!
//! - A column in which it has a leading zero (`007`, without a point) is text as a whole: `101` beside it is no number either.
//! - An empty cell is null where the sample has numbers, with text among them or not: nothing was counted there. Where it has none,
//!   an empty cell is empty text, as is said by the bytes.

use std::sync::Arc;

use recpipe::record::Type;

use super::table::Table;
use super::type_set::TypeSet;

/// What a cell is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Cell {
    Int(i64),
    /// A whole number that 64 bits do not hold.
    Wide(i128),
    Float(f64),
    Text,
}

impl Cell {
    /// What this text is.
    #[inline]
    pub(super) fn of(text: &[u8]) -> Self {
        match text.first() {
            Some(b'0'..=b'9' | b'-' | b'.') => {}
            _ => return Cell::Text,
        }
        let (digits, negative) = match text {
            [b'-', digits @ ..] => (digits, true),
            _ => (text, false),
        };
        match digits {
            [b'0'] if !negative => return Cell::Int(0),
            [b'1'..=b'9', ..] if digits.len() <= 19 => {
                let mut n = 0_u64;
                let mut whole = true;
                for byte in digits {
                    let digit = byte.wrapping_sub(b'0');
                    if digit > 9 {
                        whole = false;
                        break;
                    }
                    n = n * 10 + u64::from(digit);
                }
                if whole {
                    let n = if negative { -i128::from(n) } else { i128::from(n) };
                    return i64::try_from(n).map_or(Cell::Wide(n), Cell::Int);
                }
            }
            [b'1'..=b'9', rest @ ..] if rest.iter().all(u8::is_ascii_digit) => {
                let wide = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
                return wide.map_or(Cell::Text, Cell::Wide);
            }
            _ => {}
        }
        float(text).map_or(Cell::Text, Cell::Float)
    }
}

/// The text as a float; not what is an int.
fn float(text: &[u8]) -> Option<f64> {
    let (whole, rest) = split_digits(text.strip_prefix(b"-").unwrap_or(text));
    if whole.len() > 1 && whole[0] == b'0' {
        return None;
    }
    let (fraction, rest) = match rest {
        [b'.', rest @ ..] => match split_digits(rest) {
            ([], _) => return None,
            (fraction, rest) => (fraction, rest),
        },
        _ => (&[][..], rest),
    };
    let is_float = match rest {
        [] => !fraction.is_empty() || text == b"-0",
        [b'e' | b'E', b'+' | b'-', digits @ ..] => is_digits(digits) && !(whole.is_empty() && fraction.is_empty()),
        // Without a point it is a code.
        [b'e' | b'E', digits @ ..] => is_digits(digits) && !fraction.is_empty(),
        _ => false,
    };
    if !is_float {
        return None;
    }
    let parsed: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    // Neither infinity nor zero would be what stands there.
    let is_zero = whole.iter().chain(fraction).all(|&digit| digit == b'0');
    (parsed.is_finite() && (parsed == 0.0) == is_zero).then_some(parsed)
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

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
    fn cell(self, text: &[u8]) -> Cell {
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

fn split_digits(text: &[u8]) -> (&[u8], &[u8]) {
    text.split_at(text.iter().take_while(|byte| byte.is_ascii_digit()).count())
}

/// `007`, `-01`: digits that are more than a number.
fn has_leading_zero(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.len() > 1 && digits[0] == b'0' && is_digits(digits)
}

/// What the sample shows of a column.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sampled {
    kinds: TypeSet,
    has_leading_zero: bool,
}

impl Sampled {
    /// A cell that is neither empty nor a word for null.
    pub(super) fn add(&mut self, text: &[u8]) {
        self.add_written(NumberForm::default(), text);
    }

    /// The same, where numbers are written so.
    pub(super) fn add_written(&mut self, form: NumberForm, text: &[u8]) {
        let kind = match form.cell(text) {
            Cell::Int(_) | Cell::Wide(_) => Type::Int,
            Cell::Float(_) => Type::Float,
            Cell::Text => Type::Text,
        };
        self.kinds.add(kind);
        self.has_leading_zero |= kind == Type::Text && has_leading_zero(text);
    }

    /// A cell that is text however it looks.
    pub(super) fn add_text(&mut self) {
        self.kinds.add(Type::Text);
    }

    /// Both samples as one.
    pub(super) fn join(&mut self, other: Sampled) {
        self.kinds.join(other.kinds);
        self.has_leading_zero |= other.has_leading_zero;
    }

    /// Whether there was no value.
    pub(super) fn is_empty(self) -> bool {
        self.kinds.is_empty()
    }

    /// How its cells are read.
    pub(super) fn reader(self, nulls: Nulls) -> CellReader {
        if self.has_leading_zero {
            return CellReader::text(nulls);
        }
        let has_numbers = self.kinds.has(Type::Int) || self.kinds.has(Type::Float);
        CellReader { kind: self.kinds.kind(), is_text: false, empty_is_null: has_numbers, nulls, form: NumberForm::default() }
    }
}

/// The words that `--null` makes nulls of. Cloning shares.
#[derive(Debug, Clone, Default)]
pub struct Nulls(Arc<[String]>);

impl Nulls {
    /// These words.
    pub fn new(words: Vec<String>) -> Self {
        Nulls(words.into())
    }

    /// Whether the text is one of them.
    #[inline]
    pub(super) fn has(&self, text: &[u8]) -> bool {
        !self.0.is_empty() && self.0.iter().any(|word| word.as_bytes() == text)
    }
}

/// Reads the cells of a column.
#[derive(Debug, Clone)]
pub(super) struct CellReader {
    /// What the sample showed.
    pub kind: Type,
    /// All of them are text.
    is_text: bool,
    empty_is_null: bool,
    nulls: Nulls,
    form: NumberForm,
}

impl CellReader {
    /// Of a column that `--cast` makes something else of: all cells are text.
    pub(super) fn text(nulls: Nulls) -> Self {
        CellReader { kind: Type::Text, is_text: true, empty_is_null: false, nulls, form: NumberForm::default() }
    }

    /// The same, where numbers are written so.
    pub(super) fn of_written(self, form: NumberForm) -> Self {
        CellReader { form, ..self }
    }

    /// Puts a cell that stands in the block into the table.
    #[inline]
    pub(super) fn put(&self, table: &mut Table, column: usize, start: usize, text: &[u8]) {
        if self.nulls.has(text) {
            return table.null(column);
        }
        if self.is_text {
            return table.text(column, start, text.len());
        }
        if text.is_empty() && self.empty_is_null {
            return table.null(column);
        }
        match self.form.cell(text) {
            Cell::Int(value) => table.int(column, value),
            Cell::Wide(value) => table.wide(column, value),
            Cell::Float(value) => table.float(column, value),
            Cell::Text => table.text(column, start, text.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_cell_is() {
        let check = |text: &str, want: Cell| assert_eq!(Cell::of(text.as_bytes()), want, "{text}");
        for (text, want) in [("0", 0), ("-12", -12), ("9223372036854775807", i64::MAX), ("-9223372036854775808", i64::MIN)] {
            check(text, Cell::Int(want));
        }
        for text in ["9223372036854775808", "-9223372036854775809", "12345678901234567890", "170141183460469231731687303715884105727"] {
            check(text, Cell::Wide(text.parse().unwrap()));
        }
        for (text, want) in [
            ("0.5", 0.5_f64),
            ("-1e-3", -0.001),
            ("1e+5", 1e5),
            ("1.0e5", 1e5),
            ("1.25E+2", 125.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("-0", -0.0),
            ("0.0", 0.0),
            ("0e-7", 0.0),
        ] {
            let Cell::Float(float) = Cell::of(text.as_bytes()) else { panic!("{text}") };
            assert_eq!(float.to_bits(), want.to_bits(), "{text}");
        }
        let texts = "  , -, 007, -01, +1, 1_000, 1e5, 12E7, 1., ., .e+1, -.e+1, inf, NaN, 00.5, 1e, 1e+, 1.0e5x, 1.5.5, 1e+999, 1e-999, 0x10, \
                     170141183460469231731687303715884105728, 10.0.0.1, 2024-01-01, 12:30, 1,5, ١";
        for text in texts.split(", ").chain(["", "1 "]) {
            check(text, Cell::Text);
        }
    }

    #[test]
    fn what_the_sample_decides() {
        let read = |sample: &[&str], text: &str| {
            let mut sampled = Sampled::default();
            sample.iter().for_each(|text| sampled.add(text.as_bytes()));
            let reader = sampled.reader(Nulls::new(vec!["NA".to_owned()]));
            let mut table = Table::default();
            table.reset([reader.kind]);
            table.begin(0);
            reader.put(&mut table, 0, 0, text.as_bytes());
            table.commit();
            let schema = recpipe::Schema::new(vec![recpipe::Field::open("a", reader.kind)]).unwrap();
            let block = bytes::Bytes::copy_from_slice(text.as_bytes());
            let batch = table.batch(&block, &Arc::new(schema), &super::super::Wanted::all(), recpipe::record::Origin::default());
            format!("{} {:?}", reader.kind, batch.row(0).value(0))
        };
        assert_eq!(read(&["1", "2"], "7"), "int Int(7)");
        assert_eq!(read(&["1", "2"], ""), "int Null");
        assert_eq!(read(&["1", "2.5"], ""), "mixed Null");
        assert_eq!(read(&["1", "n/a"], ""), "mixed Null");
        assert_eq!(read(&["x"], ""), "text Text([])");
        assert_eq!(read(&[], ""), "mixed Text([])");
        assert_eq!(read(&["x"], "7"), "text Int(7)");
        assert_eq!(read(&["1", "01", "2.5"], "7"), "text Text([55])");
        assert_eq!(read(&["01"], ""), "text Text([])");
        assert_eq!(read(&["1"], "01"), "int Text([48, 49])");
        assert_eq!(read(&["x"], "NA"), "text Null");
    }

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

        #[test]
        fn numbers_read_back(n: i64, wide: i128, f in proptest::num::f64::NORMAL) {
            prop_assert_eq!(Cell::of(n.to_string().as_bytes()), Cell::Int(n));
            prop_assert_eq!(Cell::of(wide.to_string().as_bytes()), i64::try_from(wide).map_or(Cell::Wide(wide), Cell::Int));
            let mut shown = format!("{f:?}");
            if let Some(at) = shown.find('e').filter(|&at| !shown[at..].starts_with("e-")) {
                shown.insert(at + 1, '+');
            }
            prop_assert_eq!(Cell::of(shown.as_bytes()), Cell::Float(f));
        }
    }
}
