//! One field of all the records of a batch.

pub use super::text::Text;

use super::{Bits, Field, PackedInts, Time, Type, Value};

/// The values of one field, row by row: what they are, and which of them are null.
///
/// The value under a null row is unspecified but valid. Some of the null rows may be *missing*: their record does not have the
/// field at all. Only outputs that can leave a field out tell them from others.
///
/// # Examples
/// ```
/// use recpipe::{Column, Text, Type, Value};
///
/// let column = Column::text(Text::collect(["tea", "cake"].iter().map(|item| item.as_bytes())));
/// assert_eq!((column.kind(), column.len()), (Type::Text, 2));
/// assert_eq!(column.value(1), Value::from("cake"));
/// ```
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
    Bool(PackedInts),
    /// Whole numbers of 64 bits.
    Int(PackedInts),
    /// Whole numbers of 128 bits: the upper half, signed, and the lower one.
    Wide {
        /// Bits 64 to 127.
        high: PackedInts,
        /// Bits 0 to 63, as an `i64`.
        low: PackedInts,
    },
    /// The bits of floats ([`f64::to_bits`] as `i64`).
    Float(PackedInts),
    /// Moments.
    Time {
        /// Nanoseconds since 1970.
        nanos: PackedInts,
        /// Seconds east of UTC.
        offset_s: PackedInts,
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
        Column::null(len).with_missing(Bits::all(len))
    }

    /// A column of values of several types: a row has the value of the one part in which it is not null, and is null where it is
    /// null in all of them (a sparse union, as Arrow calls it). `None` unless the parts are of different types, none of them
    /// mixed or of nulls, all of the same length, no row has a value in two of them, and none is missing.
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Bits, Column, PackedInts, Text, Type, Value};
    ///
    /// let null = |rows: &'static [usize]| Bits::collect(3, move |row| rows.contains(&row));
    /// let numbers = Column::int(PackedInts::pack(&[404_i64, 0, 0])).with_nulls(null(&[1, 2]));
    /// let words = Column::text(Text::collect([&b""[..], b"n/a", b""].into_iter())).with_nulls(null(&[0, 2]));
    /// let column = Column::mixed(vec![numbers, words]).ok_or("one value in each row")?;
    /// assert_eq!(column.kind(), Type::Mixed);
    /// assert_eq!([0, 1, 2].map(|row| column.value(row)), [Value::Int(404), Value::Text(b"n/a"), Value::Null]);
    /// # Ok::<(), &str>(())
    /// ```
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
        let nulls = Bits::null_in_all(len, parts.iter().map(Column::nulls))?;
        Some(Column { values: Values::Mixed(parts), nulls, missing: None })
    }

    /// The column of so many rows whose values are in parts as [`Column::mixed`] takes them: where there is none, one of nulls;
    /// the only one is it itself. `None` when they are others.
    pub(crate) fn of_parts(mut parts: Vec<Column>, rows: usize) -> Option<Self> {
        match parts.len() {
            0 => Some(Column::null(rows)),
            1 => Some(parts.remove(0)).filter(|part| part.len() == rows),
            _ => Column::mixed(parts).filter(|column| column.len() == rows),
        }
    }

    /// The same column, in which these rows, which are null, are missing.
    ///
    /// # Panics
    /// When the bitmap has another length than the column. A row that is not null and missing all the same is a mistake of the
    /// caller, which a release build does not look for: no frame with it is taken.
    pub fn with_missing(self, missing: Option<Bits>) -> Self {
        assert!(missing.as_ref().is_none_or(|bits| bits.len() == self.len()), "a bitmap of missing rows of another length");
        debug_assert!(self.lacks(missing.as_ref()), "a row that is missing and has a value");
        Column { missing, ..self }
    }

    /// Whether these rows, as many as it has, are null.
    pub(crate) fn lacks(&self, missing: Option<&Bits>) -> bool {
        // A column of nulls alone has no bitmap of them.
        self.kind() == Type::Null || missing.is_none_or(|missing| missing.first_beyond(self.nulls()).is_none())
    }

    /// A column of whole numbers.
    pub fn int(values: PackedInts) -> Self {
        Column::new(Values::Int(values))
    }

    /// A column of text.
    pub fn text(values: Text) -> Self {
        Column::new(Values::Text(values))
    }

    /// A column of floats.
    pub fn float(values: &[f64]) -> Self {
        let bits: Vec<i64> = values.iter().map(|value| value.to_bits() as i64).collect();
        Column::new(Values::Float(PackedInts::pack(&bits)))
    }

    /// A column of booleans.
    pub fn bool(values: &[bool]) -> Self {
        let bits: Vec<u8> = values.iter().map(|&value| u8::from(value)).collect();
        Column::new(Values::Bool(PackedInts::pack(&bits)))
    }

    /// The same column with these rows null, and no others; of a mixed one, those that are null in all its parts, too.
    ///
    /// # Panics
    /// When the bitmap has another length than the column.
    pub fn with_nulls(self, nulls: Option<Bits>) -> Self {
        assert!(nulls.as_ref().is_none_or(|bits| bits.len() == self.len()), "a null bitmap of another length");
        let (Values::Mixed(parts), Some(more)) = (&self.values, &nulls) else {
            // A mixed column has a value wherever a part has, and none elsewhere.
            let nulls = if self.kind() == Type::Mixed { self.nulls } else { nulls };
            return Column { values: self.values, nulls, missing: self.missing };
        };
        let with_more = |column: &Column| Bits::collect(more.len(), |row| more.get(row) || column.is_null(row));
        let parts = parts.iter().map(|part| part.clone().with_nulls(with_more(part))).collect();
        Column { nulls: with_more(&self), values: Values::Mixed(parts), missing: self.missing }
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

    /// Whether no record has the field.
    pub fn is_absent(&self) -> bool {
        (0..self.len()).all(|row| self.is_missing(row))
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
        self.taken(rows, |text| Text::collect(rows.iter().map(|&row| text.get(row as usize))))
    }

    /// As [`Column::gather`], but the texts stay where they are: the new column has views into the same bytes.
    ///
    /// # Panics
    /// As [`Column::gather`].
    ///
    /// # Examples
    /// ```
    /// use recpipe::{Column, Text, Value};
    ///
    /// let names = Column::text(Text::collect([&b"Ann"[..], b"Bob"].into_iter()));
    /// let picked = names.pick(&[1, 0, 1]);
    /// assert_eq!([0, 1, 2].map(|row| picked.value(row)), [Value::Text(b"Bob"), Value::Text(b"Ann"), Value::Text(b"Bob")]);
    /// ```
    pub fn pick(&self, rows: &[u32]) -> Self {
        self.taken(rows, |text| text.pick(rows))
    }

    /// The rows of this list; `texts` takes those of a text.
    fn taken(&self, rows: &[u32], texts: impl Fn(&Text) -> Text + Copy) -> Self {
        let pick = |ints: &PackedInts| PackedInts::pack(&ints.gather(rows));
        let values = match &self.values {
            Values::Null(_) => Values::Null(rows.len()),
            Values::Bool(ints) => Values::Bool(pick(ints)),
            Values::Int(ints) => Values::Int(pick(ints)),
            Values::Wide { high, low } => Values::Wide { high: pick(high), low: pick(low) },
            Values::Mixed(parts) => Values::Mixed(parts.iter().map(|part| part.taken(rows, texts)).collect()),
            Values::Float(ints) => Values::Float(pick(ints)),
            Values::Time { nanos, offset_s } => Values::Time { nanos: pick(nanos), offset_s: pick(offset_s) },
            Values::Text(text) => Values::Text(texts(text)),
        };
        let pick = |bits: &Bits| Bits::collect(rows.len(), |i| bits.get(rows[i] as usize));
        Column { values, nulls: self.nulls.as_ref().and_then(pick), missing: self.missing.as_ref().and_then(pick) }
    }

    /// The bytes of its arrays, and of its text.
    pub fn bytes(&self) -> usize {
        let ints = |ints: &PackedInts| ints.parts().2.len();
        let values = match &self.values {
            Values::Null(_) => 0,
            Values::Bool(values) | Values::Int(values) | Values::Float(values) => ints(values),
            Values::Time { nanos: one, offset_s: other } | Values::Wide { high: one, low: other } => ints(one) + ints(other),
            Values::Mixed(parts) => parts.iter().map(Column::bytes).sum(),
            Values::Text(text) => {
                let (anchors, starts, lens) = text.parts();
                anchors.map_or(0, ints) + ints(starts) + ints(lens) + text.bytes().len()
            }
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

#[cfg(test)]
mod tests {
    use super::{Column, Text};
    use crate::record::{Bits, PackedInts, Value};

    #[test]
    fn mixed_values_are_each_of_their_type() {
        let parts = || {
            vec![
                Column::int(PackedInts::pack(&[1_i64, 0, 0, 0])).with_nulls(Bits::collect(4, |row| row != 0)),
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
        assert!(Column::mixed(vec![Column::int(PackedInts::pack(&[1_i64])), Column::text(Text::collect([].into_iter()))]).is_none());
        assert!(Column::mixed(vec![Column::null(4)]).is_none());
        assert!(Column::mixed(Vec::new()).is_none());
        let missing = parts()[0].clone().with_missing(Bits::collect(4, |row| row == 3));
        assert!(Column::mixed(vec![missing]).is_none());
        assert!(Column::mixed(vec![column.clone()]).is_none(), "a mixed column in another");
        // More nulls go through to the parts; less than the parts have is not.
        let more = column.clone().with_nulls(Bits::collect(4, |row| row == 1));
        assert_eq!(values(&more), ["Int(1)", "Null", "Bool(true)", "Null"]);
        assert!(more.parts().iter().all(|part| part.is_null(1)));
        let same = column.with_nulls(None);
        assert!(same.is_null(3) && !same.is_null(0));
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
            let column = Column::new(super::Values::Wide { high: PackedInts::constant(high, 1), low: PackedInts::constant(low, 1) });
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
