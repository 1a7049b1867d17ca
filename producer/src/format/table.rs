//! Columns that a block's records are taken apart into, one record after the other, and the batch that is made of them.
//!
//! Texts are kept as places in the block; only what had to be unescaped is copied. A record that turns out to be none when half
//! of it has been added is taken back ([`Table::cancel`]).

use std::sync::Arc;

use bytes::Bytes;
use recpipe::record::{Batch, Bits, Column, Ints, Origin, Schema, Text, Type};

use super::Wanted;

/// A batch ends when it has more values and nulls together than this: many small records with fields of their own each would take
/// gigabytes. Records that lie in a block as they are, with a value for each field, have fewer.
const CUT_AT_CELLS: usize = 1 << 20;

/// Marks a start that counts in the table's own bytes instead of the block: a block is far smaller.
const OWN: u32 = 1 << 31;

/// One field of the records so far.
#[derive(Debug, Clone)]
struct Cells {
    kind: Type,
    /// Of texts: where they start, from the start of their record or, marked [`OWN`], in the table's own bytes.
    starts: Vec<u32>,
    lens: Vec<u32>,
    /// Of anything else: numbers, 0 and 1, or the bits of floats.
    numbers: Vec<i64>,
    /// The rows that are null.
    nulls: Vec<u32>,
    /// The rows so far; those after them that have nothing in this field are added when it has something again.
    len: usize,
}

impl Cells {
    fn new(kind: Type) -> Self {
        Cells { kind, starts: Vec::new(), lens: Vec::new(), numbers: Vec::new(), nulls: Vec::new(), len: 0 }
    }

    #[inline]
    fn push_null(&mut self) {
        match self.kind {
            Type::Null => {}
            Type::Text => {
                self.starts.push(0);
                self.lens.push(0);
            }
            _ => self.numbers.push(0),
        }
        self.nulls.push(self.len as u32);
        self.len += 1;
    }

    /// What is lacking of so many rows is null.
    #[inline]
    fn pad(&mut self, rows: usize) {
        while self.len < rows {
            self.push_null();
        }
    }

    fn truncate(&mut self, len: usize) {
        self.starts.truncate(len);
        self.lens.truncate(len);
        self.numbers.truncate(len);
        while self.nulls.last().is_some_and(|&row| row as usize >= len) {
            self.nulls.pop();
        }
        self.len = self.len.min(len);
    }
}

/// The records of a block, a column for each field. Grows to the size of its largest block and is used again.
#[derive(Debug, Default, Clone)]
pub struct Table {
    /// Where the records start in the block.
    anchors: Vec<u32>,
    anchor: u32,
    cells: Vec<Cells>,
    /// Texts that do not stand in the block as they are.
    own: Vec<u8>,
}

impl Table {
    /// A table with columns of these types and no records.
    pub fn new(kinds: impl IntoIterator<Item = Type>) -> Self {
        Table { cells: kinds.into_iter().map(Cells::new).collect(), ..Table::default() }
    }

    /// Takes all records out, and gives the columns these types; there may be more of them, or fewer.
    pub fn reset(&mut self, kinds: impl IntoIterator<Item = Type>) {
        self.anchors.clear();
        self.own.clear();
        let mut columns = 0;
        for kind in kinds {
            match self.cells.get_mut(columns) {
                Some(cells) => {
                    cells.truncate(0);
                    cells.kind = kind;
                }
                None => self.cells.push(Cells::new(kind)),
            }
            columns += 1;
        }
        self.cells.truncate(columns);
    }

    /// The number of records.
    pub fn rows(&self) -> usize {
        self.anchors.len()
    }

    /// Whether there is room for one more record if there are so many columns. There is for the first.
    pub fn has_room(&self, columns: usize) -> bool {
        self.rows() == 0 || (self.rows() + 1) * columns <= CUT_AT_CELLS
    }

    /// The number of columns.
    pub fn columns(&self) -> usize {
        self.cells.len()
    }

    /// The type of a column.
    pub fn kind(&self, column: usize) -> Type {
        self.cells[column].kind
    }

    /// Where the record `row` starts in the block.
    pub fn row_start(&self, row: usize) -> usize {
        self.anchors.get(row).map_or(0, |&anchor| anchor as usize)
    }

    /// Begins a record that starts here in the block. Give each column at most one value, then call [`Table::commit`] or [`Table::cancel`].
    #[inline]
    pub fn begin(&mut self, anchor: usize) {
        self.anchor = anchor as u32;
    }

    /// A text that stands in the block, not before the start of its record.
    #[inline]
    pub fn text(&mut self, column: usize, start: usize, len: usize) {
        let anchor = self.anchor;
        let cells = self.padded(column);
        cells.starts.push((start as u32).wrapping_sub(anchor));
        cells.lens.push(len as u32);
        cells.len += 1;
    }

    /// A text that does not; it is copied.
    pub fn own_text(&mut self, column: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.own.len();
        write(&mut self.own);
        let len = self.own.len() - start;
        let cells = self.padded(column);
        cells.starts.push(start as u32 | OWN);
        cells.lens.push(len as u32);
        cells.len += 1;
    }

    /// A whole number, a boolean as 0 or 1, or the bits of a float.
    #[inline]
    pub fn number(&mut self, column: usize, number: i64) {
        let cells = self.padded(column);
        cells.numbers.push(number);
        cells.len += 1;
    }

    /// Nothing.
    #[inline]
    pub fn null(&mut self, column: usize) {
        self.padded(column).push_null();
    }

    /// A column with all the records that are complete.
    #[inline]
    fn padded(&mut self, column: usize) -> &mut Cells {
        let rows = self.anchors.len();
        let cells = &mut self.cells[column];
        cells.pad(rows);
        cells
    }

    /// Whether the record that was begun has a value in this column.
    #[inline]
    pub fn is_set(&self, column: usize) -> bool {
        self.cells[column].len > self.anchors.len()
    }

    /// Takes that value back.
    pub fn unset(&mut self, column: usize) {
        let rows = self.anchors.len();
        self.cells[column].truncate(rows);
    }

    /// A further column; the records so far have nothing in it.
    pub fn add_column(&mut self, kind: Type) {
        self.cells.push(Cells::new(kind));
    }

    /// Gives another type to a column that has been of nulls, or makes floats of whole numbers.
    pub fn retype(&mut self, column: usize, kind: Type) {
        let cells = &mut self.cells[column];
        match (cells.kind, kind) {
            (Type::Int, Type::Float) => cells.numbers.iter_mut().for_each(|n| *n = (*n as f64).to_bits() as i64),
            (Type::Null, Type::Text) => {
                cells.starts.resize(cells.len, 0);
                cells.lens.resize(cells.len, 0);
            }
            (Type::Null, _) => cells.numbers.resize(cells.len, 0),
            _ => return,
        }
        cells.kind = kind;
    }

    /// Makes a column one of nulls again, which all its records are.
    pub fn untype(&mut self, column: usize) {
        let cells = &mut self.cells[column];
        cells.kind = Type::Null;
        cells.starts.clear();
        cells.lens.clear();
        cells.numbers.clear();
    }

    /// The record is complete; what it was not given is null.
    #[inline]
    pub fn commit(&mut self) {
        self.anchors.push(self.anchor);
    }

    /// The record is none. Of the columns, the first `columns` stay.
    pub fn cancel(&mut self, columns: usize) {
        self.cells.truncate(columns);
        let rows = self.anchors.len();
        for cells in &mut self.cells {
            cells.truncate(rows);
        }
    }

    /// The records as a batch, with those columns of `schema` that are wanted. The columns are the schema's, in its order.
    ///
    /// Texts are views into the block. Where few of them are wanted, so few that the block would be mostly what nobody reads,
    /// they are copied out of it instead; and so is a column any of whose texts does not stand in the block.
    pub fn batch(&mut self, block: &Bytes, schema: &Arc<Schema>, wanted: &Wanted, origin: Origin) -> Batch {
        let rows = self.rows();
        // A column without any value needs none.
        self.cells.iter_mut().filter(|cells| cells.nulls.len() < cells.len).for_each(|cells| cells.pad(rows));
        let picked = || schema.fields().iter().zip(&self.cells).filter(|(field, _)| wanted.has(&field.name)).map(|(_, cells)| cells);
        let text_bytes: usize =
            picked().filter(|cells| cells.kind == Type::Text).flat_map(|cells| &cells.lens).map(|&len| len as usize).sum();
        let sent = wanted.of(schema);
        let copied = sent.len() < schema.len() && text_bytes < block.len() / 2;
        let mut anchors = None;
        let columns = picked()
            .map(|cells| {
                let column = match cells.kind {
                    Type::Null => return Column::null(rows),
                    _ if cells.len < rows => return Column::null(rows),
                    Type::Text if copied || cells.starts.iter().any(|start| start & OWN != 0) => Column::text(self.copy_out(block, cells)),
                    Type::Text => {
                        let anchors = anchors.get_or_insert_with(|| Ints::pack(&self.anchors)).clone();
                        let text = Text::new(block.clone(), Some(anchors), Ints::pack(&cells.starts), Ints::pack(&cells.lens));
                        Column::text(text.unwrap_or_else(|| unreachable!("every text lies within the block")))
                    }
                    Type::Int => Column::int(Ints::pack(&cells.numbers)),
                    Type::Float => Column::new(recpipe::record::column::Values::Float(Ints::pack(&cells.numbers))),
                    Type::Bool => Column::new(recpipe::record::column::Values::Bool(Ints::pack(&cells.numbers))),
                    Type::Time | Type::Mixed => unreachable!("times are made by a cast, and no column is begun mixed"),
                };
                if cells.nulls.len() == rows && rows > 0 { Column::null(rows) } else { column.with_nulls(null_bits(&cells.nulls, rows)) }
            })
            .collect();
        Batch::new(sent, columns, rows, origin).unwrap_or_else(|_| unreachable!("the columns are the schema's"))
    }

    /// The texts of one column, one after the other.
    fn copy_out(&self, block: &[u8], cells: &Cells) -> Text {
        let places = self.anchors.iter().zip(cells.starts.iter().zip(&cells.lens));
        Text::collect(places.map(|(&anchor, (&start, &len))| match start & OWN {
            0 => &block[(anchor + start) as usize..][..len as usize],
            _ => &self.own[(start & !OWN) as usize..][..len as usize],
        }))
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

#[cfg(test)]
mod tests {
    use super::*;
    use recpipe::record::Field;

    fn shown(batch: &Batch) -> Vec<String> {
        batch.rows().map(|row| row.values().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn records_are_added_and_taken_back() {
        let schema = [("t", Type::Text), ("n", Type::Int), ("late", Type::Text), ("f", Type::Float)];
        let schema = Arc::new(Schema::new(schema.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap());
        let block = Bytes::from_static(b"one two three");
        let mut table = Table::new([Type::Text, Type::Int]);
        table.begin(0);
        table.text(0, 0, 3);
        table.number(1, 7);
        table.commit();
        table.begin(4);
        table.text(0, 4, 3);
        table.add_column(Type::Null);
        table.cancel(2);
        table.begin(4);
        table.add_column(Type::Null);
        table.null(2);
        table.commit();
        table.begin(8);
        table.retype(2, Type::Text);
        table.own_text(2, |own| own.extend_from_slice(b"own"));
        table.number(1, 1);
        table.unset(1);
        table.number(1, 2);
        table.add_column(Type::Int);
        table.number(3, 3);
        table.retype(3, Type::Float);
        table.text(0, 8, 5);
        table.commit();
        let want = [
            "Text([111, 110, 101]) Int(7) Null Null".to_owned(),
            "Null Null Null Null".to_owned(),
            format!("{:?} Int(2) {:?} Float(3.0)", recpipe::Value::Text(b"three"), recpipe::Value::Text(b"own")),
        ];
        assert_eq!(shown(&table.batch(&block, &schema, &Wanted::all(), Origin::default())), want);
        let part = table.batch(&block, &schema, &Wanted::only(vec!["t".into(), "f".into()]), Origin::default());
        assert_eq!(shown(&part)[2], format!("{:?} Float(3.0)", recpipe::Value::Text(b"three")));
        assert_eq!(table.row_start(2), 8);
        table.reset([Type::Int]);
        assert_eq!((table.rows(), table.columns()), (0, 1));
    }
}
