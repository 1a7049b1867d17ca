//! One field of all the records of a batch.

use bytes::Bytes;

use super::{Bits, Field, Ints, Time, Type, Value};

/// The values of one field, row by row: what they are, and which of them are null.
///
/// The value under a null row is unspecified but valid. Some of the null rows may be *missing*: their record does not have the
/// field at all. Only outputs that can leave a field out tell them from others.
#[derive(Clone, Debug)]
pub struct Column {
    values: Values,
    nulls: Option<Bits>,
    missing: Option<Bits>,
}

/// The values of a column, by type.
#[derive(Clone, Debug)]
pub enum Values {
    /// Nothing but nulls; the number of rows.
    Null(usize),
    /// 0 or 1.
    Bool(Ints),
    /// Whole numbers of 64 bits.
    Int(Ints),
    /// Whole numbers of 128 bits: the upper half, signed, and the lower one.
    Wide {
        /// Bits 64 to 127.
        high: Ints,
        /// Bits 0 to 63, as an `i64`.
        low: Ints,
    },
    /// The bits of floats ([`f64::to_bits`] as `i64`).
    Float(Ints),
    /// Moments.
    Time {
        /// Nanoseconds since 1970.
        nanos: Ints,
        /// Seconds east of UTC.
        offset_s: Ints,
    },
    /// Views into bytes.
    Text(Text),
    /// Values of several types: see [`Column::mixed`].
    Mixed(Vec<Column>),
}

impl Column {
    /// A column without nulls.
    pub fn new(values: Values) -> Self {
        Column { values, nulls: None, missing: None }
    }

    /// A column of nulls.
    pub fn null(len: usize) -> Self {
        Column::new(Values::Null(len))
    }

    /// A column of a field that no record has.
    pub fn absent(len: usize) -> Self {
        Column::null(len).with_missing(Bits::collect(len, |_| true))
    }

    /// A column of values of several types: a row has the value of the one part in which it is not null, and is null where it is
    /// null in all of them (a sparse union, as Arrow calls it). `None` unless the parts are of different types, none of them
    /// mixed or of nulls, all of the same length, and no row has a value in two of them.
    pub fn mixed(parts: Vec<Column>) -> Option<Self> {
        let len = parts.first()?.len();
        let fits = |(i, part): (usize, &Column)| {
            part.len() == len
                && part.missing.is_none()
                && !matches!(part.values, Values::Null(_) | Values::Mixed(_))
                && parts[..i].iter().all(|other| other.kind() != part.kind())
        };
        if !parts.iter().enumerate().all(fits) {
            return None;
        }
        let mut found = vec![false; len];
        for part in &parts {
            for (row, found) in found.iter_mut().enumerate() {
                if !part.is_null(row) && std::mem::replace(found, true) {
                    return None;
                }
            }
        }
        let nulls = Bits::collect(len, |row| !found[row]);
        Some(Column { values: Values::Mixed(parts), nulls, missing: None })
    }

    /// The column of parts as [`Column::mixed`] takes them: of none of them it is of nulls, and the only one is it itself.
    ///
    /// # Panics
    /// When the parts are others.
    pub(super) fn of_parts(mut parts: Vec<Column>, rows: usize) -> Self {
        match parts.len() {
            0 => Column::null(rows),
            1 => parts.remove(0),
            _ => match Column::mixed(parts) {
                Some(column) => column,
                None => unreachable!("parts of different types, one value a row"),
            },
        }
    }

    /// The same column, in which these rows, which are null, are missing.
    ///
    /// # Panics
    /// When the bitmap has another length than the column.
    pub fn with_missing(self, missing: Option<Bits>) -> Self {
        assert!(missing.as_ref().is_none_or(|bits| bits.len() == self.len()), "a bitmap of missing rows of another length");
        Column { missing, ..self }
    }

    /// A column of whole numbers.
    pub fn int(values: Ints) -> Self {
        Column::new(Values::Int(values))
    }

    /// A column of text.
    pub fn text(values: Text) -> Self {
        Column::new(Values::Text(values))
    }

    /// A column of floats.
    pub fn float(values: &[f64]) -> Self {
        let bits: Vec<i64> = values.iter().map(|value| value.to_bits() as i64).collect();
        Column::new(Values::Float(Ints::pack(&bits)))
    }

    /// A column of booleans.
    pub fn bool(values: &[bool]) -> Self {
        let bits: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
        Column::new(Values::Bool(Ints::pack(&bits)))
    }

    /// The same column with these rows null.
    ///
    /// # Panics
    /// When the bitmap has another length than the column.
    pub fn with_nulls(self, nulls: Option<Bits>) -> Self {
        assert!(nulls.as_ref().is_none_or(|bits| bits.len() == self.len()), "a null bitmap of another length");
        Column { values: self.values, nulls, missing: self.missing }
    }

    /// Its parts, one for each type of its values: itself, where it is not mixed.
    pub fn parts(&self) -> &[Column] {
        match &self.values {
            Values::Mixed(parts) => parts,
            _ => std::slice::from_ref(self),
        }
    }

    /// The values, whatever is null.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// Which rows are null; `None` when no row is (for [`Values::Null`], all are).
    pub fn nulls(&self) -> Option<&Bits> {
        self.nulls.as_ref()
    }

    /// Which rows are missing; all of them are null.
    pub fn missing(&self) -> Option<&Bits> {
        self.missing.as_ref()
    }

    /// Whether the record of `row` does not have the field at all.
    #[inline]
    pub fn is_missing(&self, row: usize) -> bool {
        self.missing.as_ref().is_some_and(|missing| missing.get(row))
    }

    /// Whether it may be the column of this field.
    pub fn fits(&self, field: &Field) -> bool {
        let kind = self.kind();
        field.open || kind == Type::Null || kind == field.kind && !matches!(self.values, Values::Wide { .. })
    }

    /// The type.
    pub fn kind(&self) -> Type {
        match self.values {
            Values::Null(_) => Type::Null,
            Values::Bool(_) => Type::Bool,
            Values::Int(_) | Values::Wide { .. } => Type::Int,
            Values::Mixed(_) => Type::Mixed,
            Values::Float(_) => Type::Float,
            Values::Time { .. } => Type::Time,
            Values::Text(_) => Type::Text,
        }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        match &self.values {
            Values::Null(len) => *len,
            Values::Bool(ints) | Values::Int(ints) | Values::Float(ints) => ints.len(),
            Values::Time { nanos: ints, .. } | Values::Wide { high: ints, .. } => ints.len(),
            Values::Text(text) => text.len(),
            Values::Mixed(parts) => parts.first().map_or(0, Column::len),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether `row` is null.
    #[inline]
    pub fn is_null(&self, row: usize) -> bool {
        matches!(self.values, Values::Null(_)) || self.nulls.as_ref().is_some_and(|nulls| nulls.get(row))
    }

    /// The value of one row: the view for people; loops over many rows go through [`Column::values`].
    ///
    /// # Panics
    /// When `row` is not below [`Column::len`].
    #[inline]
    pub fn value(&self, row: usize) -> Value<'_> {
        if self.is_null(row) {
            return Value::Null;
        }
        match &self.values {
            Values::Null(_) => Value::Null,
            Values::Bool(ints) => Value::Bool(ints.get(row) != 0),
            Values::Int(ints) => Value::Int(i128::from(ints.get(row))),
            Values::Wide { high, low } => Value::Int(wide(high.get(row), low.get(row))),
            Values::Float(ints) => Value::Float(f64::from_bits(ints.get(row) as u64)),
            Values::Time { nanos, offset_s } => Value::Time(time(nanos.get(row), offset_s.get(row))),
            Values::Text(text) => Value::Text(text.get(row)),
            Values::Mixed(parts) => parts.iter().find(|part| !part.is_null(row)).map_or(Value::Null, |part| part.value(row)),
        }
    }

    /// The rows of this list, in its order, as a column of its own; text is copied into a new buffer.
    ///
    /// # Panics
    /// When a row is not below [`Column::len`].
    pub fn gather(&self, rows: &[u32]) -> Self {
        let pick = |ints: &Ints| Ints::pack(&ints.gather(rows));
        let values = match &self.values {
            Values::Null(_) => Values::Null(rows.len()),
            Values::Bool(ints) => Values::Bool(pick(ints)),
            Values::Int(ints) => Values::Int(pick(ints)),
            Values::Wide { high, low } => Values::Wide { high: pick(high), low: pick(low) },
            Values::Mixed(parts) => Values::Mixed(parts.iter().map(|part| part.gather(rows)).collect()),
            Values::Float(ints) => Values::Float(pick(ints)),
            Values::Time { nanos, offset_s } => Values::Time { nanos: pick(nanos), offset_s: pick(offset_s) },
            Values::Text(text) => Values::Text(Text::collect(rows.iter().map(|&row| text.get(row as usize)))),
        };
        let pick = |bits: &Bits| Bits::collect(rows.len(), |i| bits.get(rows[i] as usize));
        Column { values, nulls: self.nulls.as_ref().and_then(pick), missing: self.missing.as_ref().and_then(pick) }
    }

    /// The bytes of its arrays, and of its text.
    pub fn bytes(&self) -> usize {
        let ints = |ints: &Ints| ints.parts().2.len();
        let values = match &self.values {
            Values::Null(_) => 0,
            Values::Bool(values) | Values::Int(values) | Values::Float(values) => ints(values),
            Values::Time { nanos: one, offset_s: other } | Values::Wide { high: one, low: other } => ints(one) + ints(other),
            Values::Mixed(parts) => parts.iter().map(Column::bytes).sum(),
            Values::Text(text) => text.anchors.as_ref().map_or(0, ints) + ints(&text.starts) + ints(&text.lens) + text.bytes.len(),
        };
        let bits = |bits: &Option<Bits>| bits.as_ref().map_or(0, |bits| bits.data().len());
        values + bits(&self.nulls) + bits(&self.missing)
    }

    /// The first `len` rows, without copying.
    pub fn head(&self, len: usize) -> Self {
        let len = len.min(self.len());
        let values = match &self.values {
            Values::Null(_) => Values::Null(len),
            Values::Bool(ints) => Values::Bool(ints.head(len)),
            Values::Int(ints) => Values::Int(ints.head(len)),
            Values::Wide { high, low } => Values::Wide { high: high.head(len), low: low.head(len) },
            Values::Mixed(parts) => Values::Mixed(parts.iter().map(|part| part.head(len)).collect()),
            Values::Float(ints) => Values::Float(ints.head(len)),
            Values::Time { nanos, offset_s } => Values::Time { nanos: nanos.head(len), offset_s: offset_s.head(len) },
            Values::Text(text) => Values::Text(text.head(len)),
        };
        let first = |bits: &Bits| Bits::collect(len, |row| bits.get(row));
        Column { values, nulls: self.nulls.as_ref().and_then(first), missing: self.missing.as_ref().and_then(first) }
    }
}

/// A whole number of its two halves.
#[inline]
pub fn wide(high: i64, low: i64) -> i128 {
    i128::from(high) << 64 | i128::from(low as u64)
}

/// The halves of a whole number: what [`wide`] takes.
#[inline]
pub fn halves(value: i128) -> (i64, i64) {
    ((value >> 64) as i64, value as i64)
}

fn time(nanos: i64, offset_s: i64) -> Time {
    // An offset beyond i32 is none that a clock has; Time shows such as UTC.
    Time { nanos, offset_s: i32::try_from(offset_s).unwrap_or(0) }
}

/// Text as views into bytes: the block of input it was parsed from, or a buffer that was made for it.
///
/// A view starts at `anchor + start` and has `len` bytes. The anchors are the starts of the records in the block and
/// shared by the columns of a batch, so that `start` stays small (one byte for most fields of a log line).
/// Every view is known to lie within the bytes: that is checked when a `Text` is made.
#[derive(Clone, Debug)]
pub struct Text {
    anchors: Option<Ints>,
    starts: Ints,
    lens: Ints,
    bytes: Bytes,
}

impl Text {
    /// Views into `bytes`: row `i` is the `lens[i]` bytes from `starts[i]`, counted from `anchors[i]` if there are
    /// anchors. `None` when a view would reach outside, or the arrays differ in length.
    pub fn new(bytes: Bytes, anchors: Option<Ints>, starts: Ints, lens: Ints) -> Option<Self> {
        let rows = starts.len();
        if lens.len() != rows || anchors.as_ref().is_some_and(|anchors| anchors.len() != rows) {
            return None;
        }
        let text = Text { anchors, starts, lens, bytes };
        text.is_within().then_some(text)
    }

    /// Whether all views lie within the bytes. This runs over every text column of every batch that comes in, so it first
    /// looks at what the packed widths allow at most: only rows near the end of the bytes need the exact check.
    fn is_within(&self) -> bool {
        const ROWS: usize = 512;
        let (first, second) = match &self.anchors {
            Some(anchors) => (anchors, Some(&self.starts)),
            None => (&self.starts, None),
        };
        let none = 0..=0;
        let (Some(firsts), Some(seconds), Some(lens)) = (first.reach(), second.map_or(Some(none), Ints::reach), self.lens.reach()) else {
            return (0..self.len()).all(|row| self.is_row_within(row));
        };
        let never_negative = firsts.start() + seconds.start() >= 0 && *lens.start() >= 0;
        let last_safe = self.bytes.len() as i64 - seconds.end() - lens.end();
        (0..self.len()).step_by(ROWS).all(|row| {
            let rows = row..self.len().min(row + ROWS);
            (never_negative && first.max_of(rows.clone()) <= last_safe) || rows.into_iter().all(|row| self.is_row_within(row))
        })
    }

    fn is_row_within(&self, row: usize) -> bool {
        let size = self.bytes.len() as i64;
        let anchor = self.anchors.as_ref().map_or(0, |anchors| anchors.get(row));
        let (start, len) = (self.starts.get(row), self.lens.get(row));
        anchor.checked_add(start).is_some_and(|from| from >= 0 && len >= 0 && from <= size && len <= size - from)
    }

    /// One buffer with all these texts in it, and views to them.
    pub fn collect<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut bytes, mut starts, mut lens) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            starts.push(bytes.len() as i64);
            lens.push(text.len() as i64);
            bytes.extend_from_slice(text);
        }
        Text { anchors: None, starts: Ints::pack(&starts), lens: Ints::pack(&lens), bytes: bytes.into() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of `row`.
    ///
    /// # Panics
    /// When `row` is not below [`Text::len`].
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let (start, len) = self.view(row);
        &self.bytes[start..start + len]
    }

    /// Where the text of `row` lies in [`Text::bytes`]: start and length.
    #[inline]
    pub fn view(&self, row: usize) -> (usize, usize) {
        let anchor = self.anchors.as_ref().map_or(0, |anchors| anchors.get(row));
        ((anchor + self.starts.get(row)) as usize, self.lens.get(row) as usize)
    }

    /// The views of all rows, or of the rows of the list: (start, length) in [`Text::bytes`].
    pub fn views(&self, rows: Option<&[u32]>) -> Vec<(u32, u32)> {
        let unpack = |ints: &Ints| rows.map_or_else(|| ints.to_vec(), |rows| ints.gather(rows));
        let mut starts = unpack(&self.starts);
        if let Some(anchors) = &self.anchors {
            for (start, anchor) in starts.iter_mut().zip(unpack(anchors)) {
                *start += anchor;
            }
        }
        // A batch's bytes are far below 4 GiB: a frame is limited, and so is what a stage makes.
        starts.iter().zip(unpack(&self.lens)).map(|(&start, len)| (start as u32, len as u32)).collect()
    }

    /// The bytes that the views lie in.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The parts: anchors, starts, lengths.
    pub fn parts(&self) -> (Option<&Ints>, &Ints, &Ints) {
        (self.anchors.as_ref(), &self.starts, &self.lens)
    }

    fn head(&self, len: usize) -> Self {
        Text {
            anchors: self.anchors.as_ref().map(|anchors| anchors.head(len)),
            starts: self.starts.head(len),
            lens: self.lens.head(len),
            bytes: self.bytes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Column, Text};
    use crate::record::{Bits, Ints, Value};

    #[test]
    fn views_are_checked() {
        let bytes = Bytes::from_static(b"hello world");
        let check = |anchors: Option<&[i64]>, starts: &[i64], lens: &[i64], expect: Option<&[&str]>| {
            let text = Text::new(bytes.clone(), anchors.map(Ints::pack), Ints::pack(starts), Ints::pack(lens));
            let got = text.map(|text| (0..text.len()).map(|row| String::from_utf8_lossy(text.get(row)).into_owned()).collect::<Vec<_>>());
            assert_eq!(got, expect.map(|texts| texts.iter().map(ToString::to_string).collect()));
        };
        check(None, &[0, 6], &[5, 5], Some(&["hello", "world"]));
        check(Some(&[0, 6]), &[1, 1], &[4, 4], Some(&["ello", "orld"]));
        check(None, &[11], &[0], Some(&[""]));
        check(None, &[6], &[6], None);
        check(None, &[-1], &[1], None);
        check(None, &[1], &[-1], None);
        check(Some(&[12]), &[-6], &[1], Some(&["w"]));
        check(Some(&[i64::MAX]), &[i64::MAX], &[1], None);
        check(None, &[0, 1], &[1], None);
        check(Some(&[0]), &[0, 1], &[1, 1], None);
    }

    proptest! {
        // The check by widths finds what a check of each row would, whatever widths the arrays have.
        #[test]
        fn views_are_checked_whatever_their_widths(
            rows in prop::collection::vec((0..70_000_i64, prop_oneof![0..200_i64, 0..70_000_i64], prop_oneof![Just(3_i64), 0..300_i64]), 1..1500),
            size in 0..140_000_usize, bias in -2..2_i64,
        ) {
            let anchors: Vec<i64> = rows.iter().map(|row| row.0 + bias).collect();
            let starts: Vec<i64> = rows.iter().map(|row| row.1).collect();
            let lens: Vec<i64> = rows.iter().map(|row| row.2).collect();
            let within = rows.iter().all(|row| row.0 + bias + row.1 >= 0 && row.0 + bias + row.1 + row.2 <= size as i64);
            let text = Text::new(vec![b'x'; size].into(), Some(Ints::pack(&anchors)), Ints::pack(&starts), Ints::pack(&lens));
            prop_assert_eq!(text.is_some(), within);
        }
    }

    #[test]
    fn mixed_values_are_each_of_their_type() {
        let parts = || {
            vec![
                Column::int(Ints::pack(&[1_i64, 0, 0, 0])).with_nulls(Bits::collect(4, |row| row != 0)),
                Column::text(Text::collect([&b""[..], b"x", b"", b""].into_iter())).with_nulls(Bits::collect(4, |row| row != 1)),
                Column::bool(&[false, false, true, false]).with_nulls(Bits::collect(4, |row| row != 2)),
            ]
        };
        let column = Column::mixed(parts()).unwrap();
        let values = |column: &Column| (0..column.len()).map(|row| format!("{:?}", column.value(row))).collect::<Vec<_>>();
        assert_eq!(values(&column), ["Int(1)", "Text([120])", "Bool(true)", "Null"]);
        assert_eq!(values(&column.gather(&[3, 1, 0])), ["Null", "Text([120])", "Int(1)"]);
        assert_eq!(values(&column.head(2)), ["Int(1)", "Text([120])"]);
        // Two values in a row, two parts of a type, another length, a part of nulls.
        let two = Column::bool(&[true; 4]);
        assert!(Column::mixed([parts(), vec![two]].concat()).is_none());
        assert!(Column::mixed([parts(), vec![parts()[0].clone()]].concat()).is_none());
        assert!(Column::mixed(vec![Column::int(Ints::pack(&[1_i64])), Column::text(Text::collect([].into_iter()))]).is_none());
        assert!(Column::mixed(vec![Column::null(4)]).is_none());
        assert!(Column::mixed(Vec::new()).is_none());
    }

    #[test]
    fn missing_rows_stay_missing() {
        let column = Column::null(3).with_missing(Bits::collect(3, |row| row == 1));
        let missing = |column: &Column| (0..column.len()).map(|row| column.is_missing(row)).collect::<Vec<_>>();
        assert_eq!(missing(&column), [false, true, false]);
        assert_eq!(missing(&column.gather(&[1, 0])), [true, false]);
        assert_eq!(missing(&column.head(1)), [false]);
        assert_eq!(missing(&Column::absent(2)), [true, true]);
    }

    #[test]
    fn wide_numbers_keep_all_digits() {
        for value in [0, -1, 1, i128::from(i64::MIN), i128::from(u64::MAX), i128::MIN, i128::MAX] {
            let (high, low) = super::halves(value);
            let column = Column::new(super::Values::Wide { high: Ints::constant(high, 1), low: Ints::constant(low, 1) });
            assert!(matches!(column.value(0), Value::Int(back) if back == value), "{value}");
        }
    }

    #[test]
    fn gathers_rows_and_nulls() {
        let column = Column::text(Text::collect([&b"a"[..], b"bb", b"", b"dd"].into_iter())).with_nulls(Bits::collect(4, |row| row == 2));
        let picked = column.gather(&[3, 2, 0, 3]);
        assert_eq!(
            (0..4).map(|row| picked.value(row)).collect::<Vec<_>>(),
            [Value::Text(b"dd"), Value::Null, Value::Text(b"a"), Value::Text(b"dd")]
        );
        assert_eq!(column.head(2).len(), 2);
        assert!(column.head(2).nulls().is_none());
    }
}
