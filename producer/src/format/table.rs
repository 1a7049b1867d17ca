//! Columns that a block's records are taken apart into, one record after the other, and the batch that is made of them.
//!
//! A column has a part for each type of its values, and most have one. The part of the type that is expected comes first; another
//! begins with the first other value. Texts are kept as places in the block; only what had to be unescaped is copied. A record that
//! turns out to be invalid when half of it has been added is taken back ([`Table::cancel`]).

mod run;

use std::sync::Arc;

use bytes::Bytes;
use recpipe::record::column::{Values, halves};
use recpipe::record::{Batch, Bits, Column, Origin, PackedInts, Schema, Text, Time, Type};

use super::Wanted;
use super::copied::copy_out;
pub(super) use run::{Filler, Spot};

/// A batch ends when it has more values and nulls together than this: many small records with fields of their own each would take
/// gigabytes. Records that lie in a block as they are, with a value for each field, have fewer.
const CUT_AT_CELLS: usize = 1 << 20;

/// Marks a start that counts in the table's own bytes instead of the block: a block is far smaller.
const OWN: u32 = 1 << 31;

/// The order of the parts of a column, whatever came first.
const PARTS: [Type; 5] = [Type::Int, Type::Float, Type::Bool, Type::Time, Type::Text];

/// The values of one type in a column.
#[derive(Debug, Clone)]
struct Part {
    kind: Type,
    /// Of texts: where they start, from the start of their record or, marked [`OWN`], in the table's own bytes.
    starts: Vec<u32>,
    lens: Vec<u32>,
    /// Of anything else: numbers (of wide ones the lower half), 0 and 1, the bits of floats, or the nanoseconds of times.
    numbers: Vec<i64>,
    /// The upper halves of numbers, once there was one that 64 bits do not hold; the offsets of times.
    highs: Vec<i64>,
    /// The rows that have no value here.
    nulls: Vec<u32>,
    /// The rows so far; those after them that have nothing here are added when there is something again.
    len: usize,
}

impl Part {
    fn new(kind: Type) -> Self {
        Part { kind, starts: Vec::new(), lens: Vec::new(), numbers: Vec::new(), highs: Vec::new(), nulls: Vec::new(), len: 0 }
    }

    /// What is lacking of so many rows is null.
    #[inline]
    fn pad(&mut self, rows: usize) {
        if self.len < rows {
            self.pad_to(rows);
        }
    }

    fn pad_to(&mut self, rows: usize) {
        if self.kind == Type::Text {
            self.starts.resize(rows, 0);
            self.lens.resize(rows, 0);
        } else {
            self.numbers.resize(rows, 0);
            if !self.highs.is_empty() || self.kind == Type::Time {
                self.highs.resize(rows, 0);
            }
        }
        self.nulls.extend(self.len as u32..rows as u32);
        self.len = rows;
    }

    /// A number that 64 bits do not hold.
    fn push_wide(&mut self, value: i128) {
        let (high, low) = halves(value);
        if self.highs.is_empty() {
            self.highs.extend(self.numbers.iter().map(|number| number >> 63));
        }
        self.numbers.push(low);
        self.highs.push(high);
    }

    fn truncate(&mut self, len: usize) {
        self.starts.truncate(len);
        self.lens.truncate(len);
        self.numbers.truncate(len);
        self.highs.truncate(len);
        while self.nulls.last().is_some_and(|&row| row as usize >= len) {
            self.nulls.pop();
        }
        self.len = self.len.min(len);
    }

    fn has_values(&self) -> bool {
        self.nulls.len() < self.len
    }
}

/// One field of the records so far.
#[derive(Debug, Clone, Default)]
struct Cells {
    /// The expected type first.
    parts: Vec<Part>,
    /// The rows that are null because it was said; others without a value do not have the field.
    nulls: Vec<u32>,
    /// The rows so far; those after them have nothing.
    len: usize,
}

impl Cells {
    /// Empties it, for values that are most likely of this type.
    fn anticipate(&mut self, kind: Type) {
        self.truncate(0);
        if PARTS.contains(&kind) && self.parts.first().is_none_or(|first| first.kind != kind) {
            let at = self.place(kind);
            self.parts.swap(0, at);
        }
    }

    /// The place of the part of this type.
    fn place(&mut self, kind: Type) -> usize {
        self.parts.iter().position(|part| part.kind == kind).unwrap_or_else(|| {
            self.parts.push(Part::new(kind));
            self.parts.len() - 1
        })
    }

    fn truncate(&mut self, len: usize) {
        self.parts.iter_mut().for_each(|part| part.truncate(len));
        while self.nulls.last().is_some_and(|&row| row as usize >= len) {
            self.nulls.pop();
        }
        self.len = self.len.min(len);
    }

    /// The parts that have values, in the order of all columns.
    fn parts(&self) -> impl Iterator<Item = &Part> {
        PARTS.iter().filter_map(|kind| self.parts.iter().find(|part| part.kind == *kind && part.has_values()))
    }
}

/// The records of a block, a column for each field. Grows to the size of its largest block and is used again.
#[derive(Debug, Default, Clone)]
pub(super) struct Table {
    /// Where the records start in the block.
    anchors: Vec<u32>,
    anchor: u32,
    cells: Vec<Cells>,
    /// Texts that do not stand in the block as they are.
    own: Vec<u8>,
    /// A record need not have all fields.
    is_open: bool,
}

impl Table {
    /// A table without columns, whose records need not have all fields: one without a value does not have the field.
    pub(super) fn open() -> Self {
        Table { is_open: true, ..Table::default() }
    }

    /// Takes all records out, and makes columns for values that are most likely of these types.
    pub(super) fn reset(&mut self, kinds: impl IntoIterator<Item = Type>) {
        self.anchors.clear();
        self.own.clear();
        let mut columns = 0;
        for kind in kinds {
            if columns == self.cells.len() {
                self.cells.push(Cells::default());
            }
            self.cells[columns].anticipate(kind);
            columns += 1;
        }
        self.cells.truncate(columns);
    }

    /// The number of records.
    pub(super) fn rows(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is room for one more record if there are so many columns. There is for the first.
    pub(super) fn has_room(&self, columns: usize) -> bool {
        self.rows() == 0 || (self.rows() + 1) * columns <= CUT_AT_CELLS
    }

    /// Where the record `row` starts in the block.
    pub(super) fn row_start(&self, row: usize) -> usize {
        self.anchors.get(row).map_or(0, |&anchor| anchor as usize)
    }

    /// Begins a record that starts here in the block. Give each column at most one value, then call [`Table::commit`] or [`Table::cancel`].
    #[inline]
    pub(super) fn begin(&mut self, anchor: usize) {
        self.anchor = anchor as u32;
    }

    /// A text that stands in the block, not before the start of its record.
    #[inline]
    pub(super) fn text(&mut self, column: usize, start: usize, len: usize) {
        let start = (start as u32).wrapping_sub(self.anchor);
        self.place_text(column, start, len);
    }

    /// A text that does not; it is copied.
    pub(super) fn own_text(&mut self, column: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.own.len();
        write(&mut self.own);
        self.place_text(column, start as u32 | OWN, self.own.len() - start);
    }

    #[inline]
    fn place_text(&mut self, column: usize, start: u32, len: usize) {
        let part = self.part(column, Type::Text);
        part.starts.push(start);
        part.lens.push(len as u32);
        part.len += 1;
    }

    /// A whole number.
    #[inline]
    pub(super) fn int(&mut self, column: usize, value: i64) {
        let part = self.part(column, Type::Int);
        part.numbers.push(value);
        if !part.highs.is_empty() {
            part.highs.push(value >> 63);
        }
        part.len += 1;
    }

    /// A whole number that 64 bits may not hold.
    pub(super) fn wide(&mut self, column: usize, value: i128) {
        if let Ok(value) = i64::try_from(value) {
            return self.int(column, value);
        }
        let part = self.part(column, Type::Int);
        part.push_wide(value);
        part.len += 1;
    }

    /// A float.
    #[inline]
    pub(super) fn float(&mut self, column: usize, value: f64) {
        self.number(column, Type::Float, value.to_bits() as i64);
    }

    /// A boolean.
    #[inline]
    pub(super) fn bool(&mut self, column: usize, value: bool) {
        self.number(column, Type::Bool, i64::from(value));
    }

    /// A time.
    #[inline]
    pub(super) fn time(&mut self, column: usize, time: Time) {
        let part = self.part(column, Type::Time);
        // What was padded before the first time has no offsets yet.
        part.highs.resize(part.numbers.len(), 0);
        part.numbers.push(time.nanos);
        part.highs.push(time.offset_s.into());
        part.len += 1;
    }

    #[inline]
    fn number(&mut self, column: usize, kind: Type, number: i64) {
        let part = self.part(column, kind);
        part.numbers.push(number);
        part.len += 1;
    }

    /// Nothing, as the record says.
    #[inline]
    pub(super) fn null(&mut self, column: usize) {
        let rows = self.anchors.len();
        let cells = &mut self.cells[column];
        cells.nulls.push(rows as u32);
        cells.len = rows + 1;
    }

    /// The part of a column that the record's value goes to, with all the records that are complete.
    #[inline]
    fn part(&mut self, column: usize, kind: Type) -> &mut Part {
        let rows = self.anchors.len();
        let cells = &mut self.cells[column];
        cells.len = rows + 1;
        let at = if cells.parts.first().is_some_and(|first| first.kind == kind) { 0 } else { cells.place(kind) };
        let part = &mut cells.parts[at];
        part.pad(rows);
        part
    }

    /// Whether the record that was begun has a value in this column.
    #[inline]
    pub(super) fn is_set(&self, column: usize) -> bool {
        self.cells[column].len > self.anchors.len()
    }

    /// Takes that value back.
    pub(super) fn unset(&mut self, column: usize) {
        let rows = self.anchors.len();
        self.cells[column].truncate(rows);
    }

    /// A further column; the records so far have nothing in it.
    pub(super) fn add_column(&mut self) {
        self.cells.push(Cells::default());
    }

    /// The record is complete; what it was not given it does not have.
    #[inline]
    pub(super) fn commit(&mut self) {
        self.anchors.push(self.anchor);
    }

    /// Takes the current record back, because it is invalid. Of the columns, the first `columns` stay.
    pub(super) fn cancel(&mut self, columns: usize) {
        self.cells.truncate(columns);
        let rows = self.anchors.len();
        for cells in &mut self.cells {
            cells.truncate(rows);
        }
    }

    /// The records as a batch, with those columns of `schema` that are wanted. The columns are the schema's, in its order.
    ///
    /// Texts are views into the block. Where few of them are wanted, so few that the block would be mostly what nobody reads,
    /// they are copied out of it instead; and so is a part any of whose texts does not stand in the block.
    pub(super) fn batch(&mut self, block: &Bytes, schema: &Arc<Schema>, wanted: &Wanted, origin: Origin) -> Batch {
        let rows = self.rows();
        self.cells.iter_mut().flat_map(|cells| &mut cells.parts).filter(|part| part.has_values()).for_each(|part| part.pad(rows));
        let picked = || schema.fields().iter().zip(&self.cells).filter(|(field, _)| wanted.has(&field.name)).map(|(_, cells)| cells);
        let texts = picked().flat_map(Cells::parts).filter(|part| part.kind == Type::Text);
        let text_bytes: usize = texts.flat_map(|part| &part.lens).map(|&len| len as usize).sum();
        let sent = wanted.of(schema);
        let copied = sent.len() < schema.len() && text_bytes < block.len() / 2;
        let mut anchors = None;
        let mut column = |part: &Part| {
            let values = match part.kind {
                Type::Text if copied || part.starts.iter().any(|start| start & OWN != 0) => Values::Text(self.copy_out(block, part)),
                Type::Text => {
                    let anchors = anchors.get_or_insert_with(|| PackedInts::pack(&self.anchors)).clone();
                    let text = Text::new(block.clone(), Some(anchors), PackedInts::pack(&part.starts), PackedInts::pack(&part.lens));
                    Values::Text(text.unwrap_or_else(|| unreachable!("every text lies within the block")))
                }
                Type::Float => Values::Float(PackedInts::pack(&part.numbers)),
                Type::Bool => Values::Bool(PackedInts::pack(&part.numbers)),
                Type::Time => Values::Time { nanos: PackedInts::pack(&part.numbers), offset_s: PackedInts::pack(&part.highs) },
                _ if part.highs.is_empty() => Values::Int(PackedInts::pack(&part.numbers)),
                _ => Values::Wide { high: PackedInts::pack(&part.highs), low: PackedInts::pack(&part.numbers) },
            };
            Column::new(values).with_nulls(null_bits(&part.nulls, rows))
        };
        let absent = if self.is_open { Column::absent(rows) } else { Column::null(rows) };
        let columns = picked().map(|cells| {
            if cells.len == 0 {
                return absent.clone();
            }
            let mut parts: Vec<Column> = cells.parts().map(&mut column).collect();
            let column = match parts.len() {
                0 => Column::null(rows),
                1 => parts.remove(0),
                _ => Column::mixed(parts).unwrap_or_else(|| unreachable!("a record has one value in a column")),
            };
            let missing = if self.is_open { missing_bits(&column, &cells.nulls) } else { None };
            column.with_missing(missing)
        });
        let columns = columns.collect();
        Batch::new(sent, columns, rows, origin).unwrap_or_else(|_| unreachable!("the columns are the schema's"))
    }

    /// The texts of one part, one after the other.
    fn copy_out(&self, block: &[u8], part: &Part) -> Text {
        let places = self.anchors.iter().zip(&part.starts).map(|(&anchor, &start)| match start & OWN {
            0 => (block, (anchor + start) as usize),
            _ => (&self.own[..], (start & !OWN) as usize),
        });
        copy_out(&part.lens, places).unwrap_or_else(|| unreachable!("every text lies within the block, or the table's own bytes"))
    }
}

fn null_bits(nulls: &[u32], rows: usize) -> Option<Bits> {
    if nulls.is_empty() {
        return None;
    }
    let mut data = vec![0_u8; Bits::bytes_for(rows)];
    for &row in nulls {
        data[row as usize / 8] |= 1 << (row % 8);
    }
    Bits::new(rows, data.into())
}

/// The rows that have no value, but for those of which it was said.
fn missing_bits(column: &Column, said: &[u32]) -> Option<Bits> {
    if said.is_empty() && column.kind() != Type::Null {
        return column.nulls().cloned();
    }
    let rows = column.len();
    let mut data: Vec<u8> = match column.nulls() {
        Some(nulls) => nulls.data().to_vec(),
        None if column.kind() == Type::Null => (0..rows).step_by(8).map(|row| 0xff >> 8_usize.saturating_sub(rows - row)).collect(),
        None => return None,
    };
    for &row in said {
        data[row as usize / 8] &= !(1 << (row % 8));
    }
    Bits::new(rows, data.into()).filter(|bits| bits.data().iter().any(|byte| *byte != 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::Field;

    fn shown(batch: &Batch) -> Vec<String> {
        batch.rows().map(|row| row.values().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn records_are_added_and_taken_back() {
        let schema = ["t", "n", "late", "f"].map(|name| Field::open(name, Type::Mixed));
        let schema = Arc::new(Schema::new(schema.to_vec()).unwrap());
        let block = Bytes::from_static(b"one two three");
        let mut table = Table::open();
        table.reset([Type::Text, Type::Int]);
        table.begin(0);
        table.text(0, 0, 3);
        table.int(1, 7);
        table.commit();
        table.begin(4);
        table.text(0, 4, 3);
        table.bool(1, true);
        table.add_column();
        table.wide(2, i128::MAX);
        table.cancel(2);
        table.begin(4);
        table.add_column();
        table.null(2);
        table.commit();
        table.begin(8);
        table.own_text(2, |own| own.extend_from_slice(b"own"));
        table.int(1, 1);
        table.unset(1);
        table.wide(1, 1 << 64);
        table.add_column();
        table.float(3, 3.0);
        table.text(0, 8, 5);
        table.commit();
        table.begin(8);
        table.text(1, 8, 1);
        table.commit();
        table.begin(8);
        table.bool(1, false);
        table.int(0, -1);
        table.commit();
        let batch = table.batch(&block, &schema, &Wanted::all(), Origin::default());
        let text = |text: &[u8]| format!("{:?}", recpipe::Value::Text(text));
        let want = [
            format!("{} Int(7) Null Null", text(b"one")),
            "Null Null Null Null".to_owned(),
            format!("{} Int(18446744073709551616) {} Float(3.0)", text(b"three"), text(b"own")),
            format!("Null {} Null Null", text(b"t")),
            "Int(-1) Bool(false) Null Null".to_owned(),
        ];
        assert_eq!(shown(&batch), want);
        assert_eq!(
            batch.columns().iter().map(|column| column.kind()).collect::<Vec<_>>(),
            [Type::Mixed, Type::Mixed, Type::Text, Type::Float]
        );
        let missing = |column: &Column| (0..5).map(|row| u8::from(column.is_missing(row))).collect::<Vec<_>>();
        assert_eq!(missing(batch.column(0)), [0, 1, 0, 1, 0]);
        assert_eq!(missing(batch.column(2)), [1, 0, 0, 1, 1], "what is said to be null is there");
        let part = table.batch(&block, &schema, &Wanted::only(vec!["t".into(), "f".into()]), Origin::default());
        assert_eq!(shown(&part)[2], format!("{} Float(3.0)", text(b"three")));
        assert_eq!(table.row_start(2), 8);
        table.reset([Type::Int]);
        assert_eq!((table.rows(), table.cells.len()), (0, 1));
    }
}
