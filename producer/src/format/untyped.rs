//! Cells without types, as `csv`, `tsv` and `regex` have them: each is a number or text by its own bytes, as [`Cell`] says.
//!
//! # What the sample decides
//!
//! - A column in which it has a leading zero (`007`, without a point) is text as a whole: `101` beside it is no number either.
//! - An empty cell is null where the sample has numbers, with text among them or not: nothing was counted there. Where it has none,
//!   an empty cell is empty text, as is said by the bytes.

use std::sync::Arc;

use recpipe::record::Type;
use recpipe::untyped::Cell;

use super::number_form::NumberForm;
use super::table::Table;
use super::type_set::TypeSet;

/// `007`, `-01`: digits that are more than a number.
pub(super) fn has_leading_zero(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    digits.len() > 1 && digits[0] == b'0' && digits.iter().all(u8::is_ascii_digit)
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
}
