//! Binary records, a column at a time: one loop for each field over all the records of a block.

use bytes::Bytes;
use recpipe::record::column::Values;
use recpipe::record::{Column, PackedInts, Text};

use super::layout::{Code, Item, Layout};

/// The whole records of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Records<'a> {
    layout: &'a Layout,
    block: &'a Bytes,
    rows: usize,
}

impl<'a> Records<'a> {
    /// The whole records at the beginning of `block`.
    pub(super) fn new(layout: &'a Layout, block: &'a Bytes) -> Self {
        Records { layout, block, rows: block.len() / layout.record_bytes }
    }

    /// How many there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// The bytes after the last whole record.
    pub(super) fn torn(&self) -> &'a [u8] {
        &self.block[self.rows * self.layout.record_bytes..]
    }

    /// One field of all records.
    ///
    /// Texts are views into the block, or copies if it is mostly something else.
    pub(super) fn column(&self, item: &Item, views: bool) -> Column {
        if let Some(ints) = self.as_it_lies(item) {
            return Column::new(if matches!(item.code, Code::Float(_)) { Values::Float(ints) } else { Values::Int(ints) });
        }
        match item.code {
            Code::Signed(1) => Column::int(self.ints(item, i8::from_le_bytes)),
            Code::Signed(2) => Column::int(self.ints(item, i16::from_le_bytes)),
            Code::Signed(4) => Column::int(self.ints(item, i32::from_le_bytes)),
            Code::Signed(_) => Column::int(self.ints(item, i64::from_le_bytes)),
            Code::Unsigned(8..) => self.longs(item),
            Code::Unsigned(1) => Column::int(self.ints(item, u8::from_le_bytes)),
            Code::Unsigned(2) => Column::int(self.ints(item, u16::from_le_bytes)),
            Code::Unsigned(_) => Column::int(self.ints(item, u32::from_le_bytes)),
            Code::Float(2) => self.floats(item, |bytes| widened(u16::from_le_bytes(bytes))),
            Code::Float(4) => self.floats(item, |bytes| f64::from(f32::from_le_bytes(bytes))),
            Code::Float(_) => self.floats(item, f64::from_le_bytes),
            Code::Bool => Column::new(Values::Bool(self.ints(item, |[byte]: [u8; 1]| u8::from(byte != 0)))),
            Code::Char | Code::Text | Code::Pascal => self.texts(item, views),
        }
    }

    /// Whether texts make up so much of the records that views into the block cost less than copies.
    pub(super) fn views_pay(layout: &Layout, wanted: &[bool]) -> bool {
        let is_text = |item: &Item| item.code.kind() == recpipe::record::Type::Text;
        let text: usize =
            layout.items.iter().zip(wanted).filter(|(item, wanted)| **wanted && is_text(item)).map(|(item, _)| item.len).sum();
        text * 2 >= layout.record_bytes
    }

    fn each(&self) -> std::slice::ChunksExact<'a, u8> {
        self.block.chunks_exact(self.layout.record_bytes)
    }

    /// The column without any copying: where a record is this field and nothing else, and it lies as [`PackedInts`] holds it.
    fn as_it_lies(&self, item: &Item) -> Option<PackedInts> {
        let alone = item.len == self.layout.record_bytes;
        let same = matches!(item.code, Code::Unsigned(..8) | Code::Signed(8) | Code::Float(8));
        if !alone || !same || (self.layout.big_endian && item.len > 1) {
            return None;
        }
        PackedInts::from_parts(self.rows, 0, item.len as u8, self.block.slice(..self.rows * item.len))
    }

    /// The bytes of a field in each record, lowest first.
    fn cells<const N: usize>(&self, item: &Item) -> impl Iterator<Item = [u8; N]> + use<'a, N> {
        let (offset, big_endian) = (item.offset, self.layout.big_endian);
        self.each().map(move |record| {
            // A layout's fields lie within its record.
            let mut cell = record.get(offset..).and_then(<[u8]>::first_chunk::<N>).map_or([0; N], |cell| *cell);
            if big_endian {
                cell.reverse();
            }
            cell
        })
    }

    fn ints<const N: usize, T: Copy + Ord + Into<i64>>(&self, item: &Item, of: impl Fn([u8; N]) -> T) -> PackedInts {
        let mut values = Vec::with_capacity(self.rows);
        values.extend(self.cells(item).map(of));
        PackedInts::pack(&values)
    }

    /// Unsigned integers of eight bytes: of 64 bits, if none needs more.
    fn longs(&self, item: &Item) -> Column {
        let low = self.ints(item, i64::from_le_bytes);
        let mut is_wide = false;
        low.for_each(|low| is_wide |= low < 0);
        let values = if is_wide { Values::Wide { high: PackedInts::constant(0, self.rows), low } } else { Values::Int(low) };
        Column::new(values)
    }

    fn floats<const N: usize>(&self, item: &Item, of: impl Fn([u8; N]) -> f64) -> Column {
        Column::new(Values::Float(self.ints(item, |bytes| of(bytes).to_bits() as i64)))
    }

    fn texts(&self, item: &Item, views: bool) -> Column {
        let cell = |record: &'a [u8]| &record[item.offset..item.offset + item.len];
        let text = |record: &'a [u8]| match item.code {
            Code::Text => unpadded(cell(record)),
            Code::Pascal => pascal(cell(record)),
            _ => cell(record),
        };
        if !views {
            return Column::text(Text::collect(self.each().map(text)));
        }
        let lens: Vec<u32> = self.each().map(|record| text(record).len() as u32).collect();
        let anchors: Vec<u32> = (0..self.rows).map(|row| (row * self.layout.record_bytes) as u32).collect();
        let start = item.offset + usize::from(item.code == Code::Pascal && item.len > 0);
        let starts = PackedInts::constant(start as i64, self.rows);
        let views = Text::new(self.block.clone(), Some(PackedInts::pack(&anchors)), starts, PackedInts::pack(&lens));
        // Every text lies within its record, and every record within the block.
        views.map_or_else(|| Column::null(self.rows), Column::text)
    }
}

/// Without the NULs at its end.
fn unpadded(cell: &[u8]) -> &[u8] {
    let end = cell.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &cell[..end]
}

/// What a length byte says, if so much is there.
fn pascal(cell: &[u8]) -> &[u8] {
    match cell {
        [len, text @ ..] => &text[..text.len().min(usize::from(*len))],
        [] => cell,
    }
}

/// A binary16 number (IEEE 754) as an `f64`, exactly.
fn widened(half: u16) -> f64 {
    let sign = if half >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(half >> 10 & 0x1f), f64::from(half & 0x3ff));
    match (exponent, fraction != 0.0) {
        (0, _) => sign * fraction * 2_f64.powi(-24),
        (31, false) => sign * f64::INFINITY,
        (31, true) => f64::NAN,
        _ => sign * (1.0 + fraction / 1024.0) * 2_f64.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All fields of the records in these bytes, a row a line.
    fn rows(format: &str, bytes: &[u8], views: bool) -> Vec<String> {
        let (layout, block) = (Layout::parse(format).unwrap(), Bytes::copy_from_slice(bytes));
        let records = Records::new(&layout, &block);
        let columns: Vec<_> = layout.items.iter().map(|item| records.column(item, views)).collect();
        let row = |row| columns.iter().map(|column| format!("{:?}", column.value(row).to_string())).collect::<Vec<_>>().join(" ");
        (0..records.rows()).map(row).collect()
    }

    #[test]
    fn fields_by_code_and_order() {
        let check = |format: &str, bytes: &[u8], want: &[&str]| {
            for views in [false, true] {
                assert_eq!(rows(format, bytes, views), want, "{format}");
            }
        };
        check("<bB", b"\xff\xff\x7f\x80", &[r#""-1" "255""#, r#""127" "128""#]);
        check("<hH", b"\xfe\xff\xfe\xff", &[r#""-2" "65534""#]);
        check(">hH", b"\xff\xfe\xff\xfe", &[r#""-2" "65534""#]);
        check("<iI", b"\xfe\xff\xff\xff\xfe\xff\xff\xff", &[r#""-2" "4294967294""#]);
        check(">q", b"\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01", &[r#""-9223372036854775808""#, r#""1""#]);
        check("<q", b"\0\0\0\0\0\0\0\x80\x01\0\0\0\0\0\0\0", &[r#""-9223372036854775808""#, r#""1""#]);
        check("<Q", &[[0xff; 8], [1; 8]].concat(), &[r#""18446744073709551615""#, r#""72340172838076673""#]);
        check(">BQ", b"\x07\x80\0\0\0\0\0\0\x01", &[r#""7" "9223372036854775809""#]);
        check("<d", &1.5_f64.to_le_bytes(), &[r#""1.5""#]);
        check(">d", &(-0.1_f64).to_be_bytes(), &[r#""-0.1""#]);
        check("<fx", &[0, 0, 0xc0, 0x3f, 9], &[r#""1.5""#]);
        check("<e", &[0x00, 0x3c, 0xff, 0x7b, 0x01, 0x00], &[r#""1.0""#, r#""65504.0""#, r#""5.960464477539063e-8""#]);
        check("<e", &[0x00, 0xfc, 0x01, 0x7c, 0x00, 0x80], &[r#""-inf""#, r#""NaN""#, r#""-0.0""#]);
        check("?", b"\0\x01\x07", &[r#""false""#, r#""true""#, r#""true""#]);
        check("4s", b"ab\0\0a\0b\0\0\0\0\0abcd", &[r#""ab""#, r#""a\0b""#, r#""""#, r#""abcd""#]);
        check("3sc0s", b"a\0\0x", &[r#""a" "x" """#]);
        check("4pc", b"\x02abcx\x09abcx", &[r#""ab" "x""#, r#""abc" "x""#]);
        check("0pB", b"\x05", &[r#""" "5""#]);
        check("B", b"\x05\xff", &[r#""5""#, r#""255""#]);
    }

    proptest! {
        // Any bytes in any layout: no panic, and views show what copies show.
        #[test]
        fn any_bytes_are_records(bytes in prop::collection::vec(any::<u8>(), 0..600), format in "[@=<>!]?([0-3]?[xcbB?hHiIlLqQefdsp] ?){1,6}") {
            if let Ok(layout) = Layout::parse(&format) {
                prop_assert_eq!(rows(&format, &bytes, false), rows(&format, &bytes, true));
                let block = Bytes::copy_from_slice(&bytes);
                prop_assert!(Records::new(&layout, &block).torn().len() < layout.record_bytes);
            }
        }
    }
}
