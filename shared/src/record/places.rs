//! Where records stand in their inputs: the fields `_file`, `_line` and `_byte`, which records have where somebody names them.

use bytes::Bytes;

use super::{Batch, Column, Field, PackedInts, Text, Type};

/// What is known of where the records of a batch stand in its origin, a value for each physical row.
#[derive(Clone, Debug, Default)]
pub enum Places {
    /// Nobody has told.
    #[default]
    Unknown,
    /// They stand nowhere: they were made, or lie in something that has neither lines nor bytes.
    Nowhere,
    /// The lines that they begin at, counted from the origin's, which is 0.
    Lines(PackedInts),
    /// The same, and the bytes that they begin at, counted from the origin's first.
    Whole {
        /// The lines.
        lines: PackedInts,
        /// Whether messages about the records name their lines. Where they are told in case that somebody asks, they do not: whether they
        /// are is chance.
        shown: bool,
        /// The bytes; -1 in all where records begin at none.
        starts: PackedInts,
    },
}

impl Places {
    /// The lines, where messages name them.
    pub fn shown_lines(&self) -> Option<&PackedInts> {
        self.lines().filter(|_| !matches!(self, Places::Whole { shown: false, .. }))
    }

    /// The lines, where they are known.
    pub fn lines(&self) -> Option<&PackedInts> {
        match self {
            Places::Lines(lines) | Places::Whole { lines, .. } => Some(lines),
            Places::Unknown | Places::Nowhere => None,
        }
    }

    /// The bytes, where they are known.
    pub fn starts(&self) -> Option<&PackedInts> {
        match self {
            Places::Whole { starts, .. } => Some(starts),
            _ => None,
        }
    }

    /// How many rows these are of; `None` where that is not told.
    pub(super) fn rows(&self) -> Option<usize> {
        let lines = self.lines()?.len();
        Some(self.starts().map_or(lines, |starts| if starts.len() == lines { lines } else { usize::MAX }))
    }

    /// Those of these rows.
    pub(super) fn gather(&self, rows: &[u32]) -> Self {
        let gather = |ints: &PackedInts| PackedInts::pack(&ints.gather(rows));
        match self {
            Places::Unknown => Places::Unknown,
            Places::Nowhere => Places::Nowhere,
            Places::Lines(lines) => Places::Lines(gather(lines)),
            Places::Whole { lines, starts, shown } => Places::Whole { lines: gather(lines), starts: gather(starts), shown: *shown },
        }
    }

    /// The bytes of the arrays.
    pub(super) fn bytes(&self) -> usize {
        [self.lines(), self.starts()].into_iter().flatten().map(|ints| ints.parts().2.len()).sum()
    }
}

/// A field that every record has where somebody names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlaceField {
    /// `_file`: the input's name.
    File,
    /// `_line`: the number of the line that the record begins at, from 1; of the record, where the input has no lines.
    Line,
    /// `_byte`: the place of its first byte in the input, from 0, after decompression.
    Byte,
}

impl PlaceField {
    /// All of them.
    pub const ALL: [PlaceField; 3] = [PlaceField::File, PlaceField::Line, PlaceField::Byte];

    /// The field of this name.
    ///
    /// # Examples
    /// ```
    /// use recpipe::record::PlaceField;
    ///
    /// assert_eq!(PlaceField::named("_line"), Some(PlaceField::Line));
    /// assert_eq!(PlaceField::named("line"), None);
    /// ```
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|place| place.name() == name)
    }

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            PlaceField::File => "_file",
            PlaceField::Line => "_line",
            PlaceField::Byte => "_byte",
        }
    }

    /// The field, closed.
    pub fn field(self) -> Field {
        Field::new(self.name(), if self == PlaceField::File { Type::Text } else { Type::Int })
    }

    /// Its values in a batch, null where a record stands nowhere, or its line was not counted; `None` where nobody has told.
    pub fn column(self, batch: &Batch) -> Option<Column> {
        let (rows, origin) = (batch.physical_rows(), batch.origin());
        if self == PlaceField::File && !matches!(batch.places(), Places::Nowhere) {
            let name = Bytes::copy_from_slice(origin.source.as_bytes());
            let (start, len) = (PackedInts::constant(0, rows), PackedInts::constant(name.len() as i64, rows));
            let text = Text::new(name, None, start, len).filter(|_| !origin.source.is_empty());
            return Some(text.map_or_else(|| Column::null(rows), Column::text));
        }
        let moved = |from: u64, ints: &PackedInts| {
            let mut values = ints.to_vec();
            values.iter_mut().for_each(|value| *value = i64::try_from(from).unwrap_or(i64::MAX).saturating_add(*value));
            Some(Column::int(PackedInts::pack(&values)))
        };
        match (self, batch.places()) {
            (_, Places::Unknown) | (PlaceField::Byte, Places::Lines(_)) => None,
            (PlaceField::Byte, Places::Whole { starts, .. }) if starts.as_constant().is_some_and(|start| start < 0) => {
                Some(Column::null(rows))
            }
            (PlaceField::Byte, Places::Whole { starts, .. }) => moved(origin.start, starts),
            (_, Places::Lines(lines) | Places::Whole { lines, .. }) if origin.line > 0 => moved(origin.line, lines),
            _ => Some(Column::null(rows)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::record::{BatchBuilder, Origin, Schema, Value};

    fn batch(places: Places, line: u64) -> Batch {
        let mut builder = BatchBuilder::new(Arc::new(Schema::new(vec![Field::new("a", Type::Int)]).unwrap()));
        for n in 0..3 {
            builder.push(&[Value::Int(n)]).unwrap();
        }
        let origin = Origin { source: "f.log".into(), start: 1000, end: 1100, line, order: 0 };
        builder.finish().unwrap().with_origin(origin).with_places(places)
    }

    #[test]
    fn a_place_is_told_unknown_or_nowhere() {
        let shown = |place: PlaceField, batch: &Batch| {
            let column = place.column(batch)?;
            Some((0..batch.len()).map(|index| format!("{:?}", column.value(batch.physical(index)))).collect::<Vec<_>>().join(" "))
        };
        let (lines, starts) = (PackedInts::pack(&[0_i64, 1, 4]), PackedInts::pack(&[0_i64, 10, 90]));
        let whole = batch(Places::Whole { lines: lines.clone(), starts, shown: false }, 7);
        assert_eq!(shown(PlaceField::Line, &whole).unwrap(), "Int(7) Int(8) Int(11)");
        assert_eq!(shown(PlaceField::Byte, &whole).unwrap(), "Int(1000) Int(1010) Int(1090)");
        assert_eq!((whole.place(1), whole.lines().is_none()), ("f.log".to_owned(), true), "not shown");
        let compact = whole.select(vec![2, 0]).compact();
        assert_eq!(shown(PlaceField::Byte, &compact).unwrap(), "Int(1090) Int(1000)");
        assert_eq!(shown(PlaceField::Line, &whole.clone().with_origin(Origin::default())).unwrap(), "Null Null Null", "not counted");
        assert_eq!(shown(PlaceField::File, &whole.with_origin(Origin::default())).unwrap(), "Null Null Null", "no input");
        let lines = batch(Places::Lines(lines), 7);
        assert_eq!((shown(PlaceField::Line, &lines).is_some(), shown(PlaceField::Byte, &lines)), (true, None));
        assert_eq!(shown(PlaceField::Line, &batch(Places::Unknown, 7)), None);
        assert_eq!(shown(PlaceField::Byte, &batch(Places::Nowhere, 0)).unwrap(), "Null Null Null");
    }
}
