//! Many records at once, a column after the other.

use recpipe::record::{Time, Type};

use super::{Cells, OWN, Part, Table};

/// Where a text stands in its record, and how long it is.
pub(in super::super) type Spot = (u32, u32);

/// The values of one column in records that are to be committed together, in their order. Those that are left out are records that do not
/// have the field.
pub(in super::super) struct Filler<'t> {
    cells: &'t mut Cells,
    /// The record whose value comes next.
    row: usize,
}

impl Table {
    /// The values of this column in records that come next. Give each column at most one value a record, then call [`Table::commit_all`].
    pub(in super::super) fn fill(&mut self, column: usize) -> Filler<'_> {
        Filler { cells: &mut self.cells[column], row: self.anchors.len() }
    }

    /// The same text in each of so many records; it stands nowhere in the block.
    pub(in super::super) fn fill_own(&mut self, column: usize, rows: usize, text: &[u8]) {
        let start = self.own.len() as u32 | OWN;
        self.own.extend_from_slice(text);
        self.fill(column).texts((0..rows).map(|_| (start, text.len() as u32)));
    }

    /// The records are complete that begin here in the block.
    pub(in super::super) fn commit_all(&mut self, anchors: impl Iterator<Item = u32>) {
        self.anchors.extend(anchors);
    }

    /// How many more records there is room for, if there are so many columns.
    pub(in super::super) fn room(&self, columns: usize) -> usize {
        (super::CUT_AT_CELLS / columns.max(1)).saturating_sub(self.rows())
    }
}

impl Filler<'_> {
    /// The part of this type, with all rows before the next one, of which so many are added.
    #[inline]
    fn part(&mut self, kind: Type, rows: usize) -> &mut Part {
        let at = if self.cells.parts.first().is_some_and(|first| first.kind == kind) { 0 } else { self.cells.place(kind) };
        let part = &mut self.cells.parts[at];
        part.pad(self.row);
        self.row += rows;
        self.cells.len = self.row;
        part.len = self.row;
        part
    }

    /// Texts, each from the start of its record.
    pub(in super::super) fn texts(&mut self, spots: impl ExactSizeIterator<Item = Spot> + Clone) {
        let part = self.part(Type::Text, spots.len());
        part.starts.extend(spots.clone().map(|(start, _)| start));
        part.lens.extend(spots.map(|(_, len)| len));
    }

    /// Whole numbers.
    pub(in super::super) fn ints(&mut self, values: &[i64]) {
        let part = self.part(Type::Int, values.len());
        part.numbers.extend_from_slice(values);
        if !part.highs.is_empty() {
            part.highs.extend(values.iter().map(|value| value >> 63));
        }
    }

    /// Times.
    pub(in super::super) fn times(&mut self, times: impl ExactSizeIterator<Item = Time> + Clone) {
        let part = self.part(Type::Time, times.len());
        // What was padded before the first time has no offsets yet.
        part.highs.resize(part.numbers.len(), 0);
        part.numbers.extend(times.clone().map(|time| time.nanos));
        part.highs.extend(times.map(|time| i64::from(time.offset_s)));
    }

    /// A text.
    #[inline]
    pub(in super::super) fn text(&mut self, (start, len): Spot) {
        let part = self.part(Type::Text, 1);
        part.starts.push(start);
        part.lens.push(len);
    }

    /// A whole number.
    #[inline]
    pub(in super::super) fn int(&mut self, value: i64) {
        self.ints(&[value]);
    }

    /// A whole number that 64 bits may not hold.
    pub(in super::super) fn wide(&mut self, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.int(value),
            Err(_) => self.part(Type::Int, 1).push_wide(value),
        }
    }

    /// A float.
    #[inline]
    pub(in super::super) fn float(&mut self, value: f64) {
        self.part(Type::Float, 1).numbers.push(value.to_bits() as i64);
    }

    /// Nothing, as the record says.
    #[inline]
    pub(in super::super) fn null(&mut self) {
        self.cells.nulls.push(self.row as u32);
        self.row += 1;
        self.cells.len = self.row;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use recpipe::record::{Field, Origin, Schema};

    use super::super::super::Wanted;
    use super::*;

    /// What is put into a column.
    #[derive(Clone, Copy, Debug)]
    enum Put {
        Text(u32, u32),
        Int(i64),
        Wide(i128),
        Float(f64),
        Time(i64),
        Null,
        Nothing,
    }

    #[test]
    fn many_at_once_are_as_one_after_the_other() {
        use Put::{Float, Int, Nothing, Null, Text, Time as At, Wide};
        let schema = ["a", "b"].map(|name| Field::open(name, Type::Mixed));
        let schema = Arc::new(Schema::new(schema.to_vec()).unwrap());
        let block = Bytes::from_static(b"0123456789");
        let runs: [&[Put]; 8] = [
            &[Text(0, 2), Text(1, 0)],
            &[Int(5), Int(-7)],
            &[Null, Null],
            &[Float(0.5), Null],
            &[At(5), At(9)],
            &[Int(1), Text(0, 1)],
            &[Wide(1 << 70), Wide(-5)],
            &[Nothing, Nothing],
        ];
        for order in 0..runs.len() * runs.len() * runs.len() {
            let picked = [order % 8, order / 8 % 8, order / 64].map(|at| runs[at]);
            let (mut one, mut many) = (Table::open(), Table::open());
            one.reset([Type::Int, Type::Text]);
            many.reset([Type::Int, Type::Text]);
            for (run, values) in picked.iter().enumerate() {
                let anchors = [2 * run as u32, 2 * run as u32 + 1];
                for (value, anchor) in values.iter().zip(anchors) {
                    one.begin(anchor as usize);
                    match *value {
                        Text(start, len) => one.text(0, (anchor + start) as usize, len as usize),
                        Int(value) => one.int(0, value),
                        Wide(value) => one.wide(0, value),
                        Float(value) => one.float(0, value),
                        At(nanos) => one.time(0, Time { nanos, offset_s: 60 }),
                        Null => one.null(0),
                        Nothing => {}
                    }
                    one.own_text(1, |own| own.extend_from_slice(b"own"));
                    one.commit();
                }
                let mut filler = many.fill(0);
                match *values {
                    [Text(..), Text(..)] => filler.texts([(0, 2), (1, 0)].into_iter()),
                    [Int(5), Int(-7)] => filler.ints(&[5, -7]),
                    [At(_), At(_)] => filler.times([5, 9].map(|nanos| Time { nanos, offset_s: 60 }).into_iter()),
                    _ => values.iter().for_each(|value| match *value {
                        Text(start, len) => filler.text((start, len)),
                        Int(value) => filler.int(value),
                        Wide(value) => filler.wide(value),
                        Float(value) => filler.float(value),
                        Null => filler.null(),
                        At(_) | Nothing => {}
                    }),
                }
                many.fill_own(1, 2, b"own");
                many.commit_all(anchors.into_iter());
            }
            let shown = |table: &mut Table| {
                let batch = table.batch(&block, &schema, &Wanted::all(), Origin::default());
                let rows = batch.rows().map(|row| row.values().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" "));
                rows.collect::<Vec<_>>()
            };
            assert_eq!(shown(&mut many), shown(&mut one), "{picked:?}");
        }
    }
}
