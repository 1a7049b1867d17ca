//! The arrays that lines are taken apart into, and the batch that is made of them.

use std::sync::Arc;

use bytes::Bytes;
use recpipe::record::{Batch, Bits, Column, Origin, PackedInts, Schema, Text};

use super::super::copied::copy_out;
use super::super::usual::number;
use super::usual::Usual;
use super::{COMMON_FIELDS, FIELDS};

/// How many fields are texts that most lines have.
pub(super) const TEXTS: usize = 9;

/// How many are texts that only some servers write: `vhost`, `forwarded_for` and `extra`.
const ASIDES: usize = 3;

/// The place of the first of them among [`FIELDS`].
const FIRST_ASIDE: usize = FIELDS.len() - ASIDES;

/// Places among [`FIELDS`].
const METHOD: usize = 4;
const PROTO: usize = 6;
const STATUS: usize = 7;
const BYTES: usize = 8;

/// The place among the texts of the field at this place among [`FIELDS`], if it is one of them.
const fn text_of(field: usize) -> Option<usize> {
    match field {
        STATUS | BYTES | FIRST_ASIDE.. => None,
        COMMON_FIELDS.. => Some(field - 2),
        _ => Some(field),
    }
}

/// Where a line's texts are: the fields of type text, in their order; the combined format's two come last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spot {
    /// From the start of the line.
    pub start: u32,
    /// In bytes.
    pub len: u32,
}

/// One line taken apart, however that was done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Line {
    pub texts: [Spot; TEXTS],
    pub status: Option<u32>,
    pub bytes: i64,
    /// `method` and `proto` are null: the request line is not of three words.
    pub(crate) whole_request: bool,
    /// It has the combined format's two fields.
    pub combined: bool,
    /// The fields that only some servers write, in their order; of no length where there is none.
    pub(crate) asides: [Spot; ASIDES],
}

/// How many lines are gathered before they are appended to the columns.
///
/// All fields of so many lines fit the first-level cache, and a row number of one byte needs no bounds check: pushing to twenty
/// growing vectors for every line took a fifth of the parsing.
const GATHERED: usize = 256;

/// The last few lines of a block, on their way to the columns.
#[derive(Debug)]
struct Gather {
    anchors: [u32; GATHERED],
    starts: [[u32; GATHERED]; TEXTS],
    lens: [[u32; GATHERED]; TEXTS],
    status: [u32; GATHERED],
    bytes: [i64; GATHERED],
}

/// The most usual lines whose numbers are read at a time.
const NUMBERED: usize = 1024;

/// A block's lines, a column for each field that is read. Grows to the size of its largest block and is used again.
#[derive(Debug)]
pub(super) struct Columns {
    rows: usize,
    /// Which of [`FIELDS`] are read; of the others there are no columns.
    read: [bool; FIELDS.len()],
    gather: Box<Gather>,
    /// How many of the rows are there.
    gathered: usize,
    /// Those of usual lines.
    numbers: Box<([u32; NUMBERED], [i64; NUMBERED])>,
    /// Start of the line in the block.
    anchors: Vec<u32>,
    starts: [Vec<u32>; TEXTS],
    lens: [Vec<u32>; TEXTS],
    status: Vec<u32>,
    bytes: Vec<i64>,
    /// The rows whose `method` and `proto` are null.
    whole_requests: Vec<u32>,
    /// The rows from which on lines are combined, then those from which on they are common again, and so on in turn.
    turns: Vec<u32>,
    /// The rows whose `status` is null.
    no_status: Vec<u32>,
    /// The rows that have such a field, and where in the line.
    asides: [Vec<(u32, Spot)>; ASIDES],
}

impl Default for Columns {
    fn default() -> Self {
        let gather = Gather {
            anchors: [0; GATHERED],
            starts: [[0; GATHERED]; TEXTS],
            lens: [[0; GATHERED]; TEXTS],
            status: [0; GATHERED],
            bytes: [0; GATHERED],
        };
        Columns {
            rows: 0,
            read: [true; FIELDS.len()],
            gather: Box::new(gather),
            gathered: 0,
            numbers: Box::new(([0; NUMBERED], [0; NUMBERED])),
            anchors: Vec::new(),
            starts: Default::default(),
            lens: Default::default(),
            status: Vec::new(),
            bytes: Vec::new(),
            whole_requests: Vec::new(),
            turns: Vec::new(),
            no_status: Vec::new(),
            asides: Default::default(),
        }
    }
}

impl Columns {
    /// Empties it, for whom reads these of [`FIELDS`].
    pub(super) fn reset(&mut self, read: &[bool; FIELDS.len()]) {
        self.rows = 0;
        self.gathered = 0;
        self.read = *read;
        for column in [&mut self.anchors, &mut self.status].into_iter().chain(&mut self.starts).chain(&mut self.lens) {
            column.clear();
        }
        self.bytes.clear();
        for rows in [&mut self.whole_requests, &mut self.turns, &mut self.no_status] {
            rows.clear();
        }
        self.asides.iter_mut().for_each(Vec::clear);
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Where the line of this row begins, of those that [`Columns::batch`] was called for.
    pub(super) fn anchor(&self, row: usize) -> usize {
        self.anchors.get(row).map_or(0, |&anchor| anchor as usize)
    }

    /// Adds a line that starts at `anchor` in the block.
    #[inline(always)]
    pub(super) fn push(&mut self, anchor: u32, line: &Line) {
        let row = usize::from(self.gathered as u8);
        let gather = &mut *self.gather;
        gather.anchors[row] = anchor;
        for (spot, (starts, lens)) in line.texts.iter().zip(gather.starts.iter_mut().zip(&mut gather.lens)) {
            starts[row] = spot.start;
            lens[row] = spot.len;
        }
        gather.status[row] = line.status.unwrap_or(0);
        gather.bytes[row] = line.bytes;
        if line.whole_request {
            self.whole_requests.push(self.rows as u32);
        }
        if line.combined != (self.turns.len() % 2 == 1) {
            self.turns.push(self.rows as u32);
        }
        if line.status.is_none() {
            self.no_status.push(self.rows as u32);
        }
        for (spot, rows) in line.asides.into_iter().zip(&mut self.asides) {
            if spot.len > 0 {
                rows.push((self.rows as u32, spot));
            }
        }
        self.rows += 1;
        self.gathered += 1;
        if row == GATHERED - 1 {
            self.append();
        }
    }

    /// Adds usual lines: places as [`Scan::places`](crate::simd::pattern::Scan::places) has them. Stops at a line whose status is
    /// not of three digits, or that has no usual number of bytes, or no end; answers how many there are before it.
    pub(super) fn extend(&mut self, block: &[u8], usual: &Usual, places: &[u32]) -> usize {
        let width = usual.pattern.wanted();
        let numbers = &mut *self.numbers;
        let columns = numbers.0.iter_mut().zip(numbers.1.iter_mut());
        let mut rows = 0;
        for (line, (status, bytes)) in places.windows(width + 1).step_by(width).zip(columns) {
            match numbers_of(block, usual, line) {
                Some(both) => (*status, *bytes) = both,
                None => break,
            }
            rows += 1;
        }
        if rows == 0 {
            return 0;
        }
        self.append();
        if usual.combined != (self.turns.len() % 2 == 1) {
            self.turns.push(self.rows as u32);
        }
        self.anchors.extend((0..rows).map(|row| places[row * width].wrapping_add(1)));
        for field in (0..FIELDS.len()).filter(|&field| self.read[field]) {
            let Some(text) = text_of(field) else { continue };
            let Some((before, behind)) = usual.texts[text] else {
                // A common line has no user agent.
                self.starts[text].resize(self.rows + rows, 0);
                self.lens[text].resize(self.rows + rows, 0);
                continue;
            };
            let line = |row: usize| &places[row * width..=(row + 1) * width];
            self.starts[text].extend((0..rows).map(line).map(|line| line[before].wrapping_sub(line[0])));
            self.lens[text].extend((0..rows).map(line).map(|line| line[behind].wrapping_sub(line[before]).wrapping_sub(1)));
        }
        if self.read[STATUS] {
            self.status.extend_from_slice(&self.numbers.0[..rows]);
        }
        if self.read[BYTES] {
            self.bytes.extend_from_slice(&self.numbers.1[..rows]);
        }
        self.rows += rows;
        rows
    }

    /// Appends the gathered lines to the columns that are read.
    #[inline(never)]
    fn append(&mut self) {
        let (gather, len) = (&*self.gather, std::mem::take(&mut self.gathered));
        if len == 0 {
            return;
        }
        self.anchors.extend_from_slice(&gather.anchors[..len]);
        for field in (0..FIELDS.len()).filter(|&field| self.read[field]) {
            match (field, text_of(field)) {
                (STATUS, _) => self.status.extend_from_slice(&gather.status[..len]),
                (BYTES, _) => self.bytes.extend_from_slice(&gather.bytes[..len]),
                (_, Some(text)) => {
                    self.starts[text].extend_from_slice(&gather.starts[text][..len]);
                    self.lens[text].extend_from_slice(&gather.lens[text][..len]);
                }
                // Those that few lines have are not gathered.
                (_, None) => {}
            }
        }
    }

    /// The rows as a batch: of [`FIELDS`] those that are marked, which `schema` has, all of them read.
    ///
    /// Texts are views into the block they were parsed from. Where few of them are wanted, so few that the block would be
    /// mostly what nobody reads, they are copied out of it instead.
    pub(super) fn batch(&mut self, block: &Bytes, schema: &Arc<Schema>, fields: &[bool; FIELDS.len()], origin: Origin) -> Batch {
        let rows = self.rows;
        self.append();
        let marked = || (0..fields.len()).filter(|&field| fields[field]);
        let text_bytes: usize =
            marked().filter_map(text_of).map(|text| self.lens[text].iter().map(|&len| len as usize).sum::<usize>()).sum();
        let aside_bytes: usize =
            marked().filter_map(|field| self.asides.get(field.checked_sub(FIRST_ASIDE)?)).map(|rows| bytes_of(rows)).sum();
        let copied = fields.contains(&false) && text_bytes + aside_bytes < block.len() / 2;
        let anchors = (!copied && text_bytes + aside_bytes > 0).then(|| PackedInts::pack(&self.anchors));
        let text = |starts: &[u32], lens: &[u32]| {
            let view = match &anchors {
                Some(anchors) => Text::new(block.clone(), Some(anchors.clone()), PackedInts::pack(starts), PackedInts::pack(lens)),
                None => copy_out(lens, self.anchors.iter().zip(starts).map(|(&anchor, &start)| (&block[..], (anchor + start) as usize))),
            };
            Column::text(view.unwrap_or_else(|| unreachable!("every field lies within its line, and every line within the block")))
        };
        let column = |field: usize| match (field, text_of(field)) {
            (STATUS, _) => Column::int(PackedInts::pack(&self.status)).with_nulls(self.bits(&self.no_status)),
            (BYTES, _) => Column::int(PackedInts::pack(&self.bytes)),
            (FIRST_ASIDE.., _) => self.aside(&self.asides[field - FIRST_ASIDE], &text),
            (_, None) => unreachable!("status and bytes are the only numbers"),
            (COMMON_FIELDS.., Some(_)) if self.turns.is_empty() => Column::absent(rows),
            (COMMON_FIELDS.., Some(at)) => not_everywhere(text(&self.starts[at], &self.lens[at]), self.common_bits()),
            (METHOD | PROTO, Some(at)) => text(&self.starts[at], &self.lens[at]).with_nulls(self.bits(&self.whole_requests)),
            (_, Some(at)) => text(&self.starts[at], &self.lens[at]),
        };
        let columns = marked().map(column).collect();
        Batch::new(schema.clone(), columns, rows, origin).unwrap_or_else(|_| unreachable!("the columns are the schema's"))
    }

    /// The column of a field that these rows have.
    fn aside(&self, has: &[(u32, Spot)], text: &dyn Fn(&[u32], &[u32]) -> Column) -> Column {
        if has.is_empty() {
            return Column::absent(self.rows);
        }
        let (mut starts, mut lens) = (vec![0; self.rows], vec![0; self.rows]);
        for &(row, spot) in has {
            (starts[row as usize], lens[row as usize]) = (spot.start, spot.len);
        }
        not_everywhere(text(&starts, &lens), Bits::collect(self.rows, |row| lens[row] == 0))
    }

    /// These rows; `None` for none.
    fn bits(&self, rows: &[u32]) -> Option<Bits> {
        if rows.is_empty() {
            return None;
        }
        let mut data = vec![0_u8; Bits::bytes_for(self.rows)];
        for &row in rows {
            data[row as usize / 8] |= 1 << (row % 8);
        }
        Bits::new(self.rows, data.into())
    }

    /// The rows that are not combined.
    fn common_bits(&self) -> Option<Bits> {
        if self.turns == [0] {
            return None;
        }
        let mut turns = self.turns.iter().peekable();
        let (mut common, mut data) = (true, vec![0_u8; Bits::bytes_for(self.rows)]);
        for row in 0..self.rows {
            if turns.next_if(|&&turn| turn as usize == row).is_some() {
                common = !common;
            }
            data[row / 8] |= u8::from(common) << (row % 8);
        }
        Bits::new(self.rows, data.into())
    }
}

/// A field that the lines of these rows do not have: it is missing there.
fn not_everywhere(column: Column, absent: Option<Bits>) -> Column {
    column.with_nulls(absent.clone()).with_missing(absent)
}

/// The status of a usual line and its bytes.
#[inline(always)]
fn numbers_of(block: &[u8], usual: &Usual, line: &[u32]) -> Option<(u32, i64)> {
    let (status, mut end, newline) = (line[usual.before_status] as usize, line[usual.after_bytes] as usize, *line.last()? as usize);
    let before = |at: usize| block.get(at.wrapping_sub(1)).copied();
    let is_return = before(newline) == Some(b'\r');
    if usual.combined {
        // What follows the last quote.
        (before(newline - usize::from(is_return)) == Some(b'"')).then_some(())?;
    } else {
        end -= usize::from(is_return);
    }
    // A space, three digits, a space: so the next mark is that of the bytes.
    let word = u64::from_le_bytes(*block.get(status..)?.first_chunk()?);
    let is_number = word & 0xff_f0f0_f0ff == 0x20_3030_3020 && word.wrapping_add(0x0606_0600) & 0xf0f0_f000 == 0x3030_3000;
    let digit = |i: u32| (word >> (8 * i) & 0xf) as u32;
    is_number.then_some(())?;
    Some((digit(1) * 100 + digit(2) * 10 + digit(3), number(block, status + 5, end)?))
}

fn bytes_of(has: &[(u32, Spot)]) -> usize {
    has.iter().map(|(_, spot)| spot.len as usize).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::Wanted;
    use crate::format::apache::schema;
    use recpipe::Value;

    /// Pushes one line for each letter of `lines`, all over the same text: `c` common, `C` combined, `w` and `W` the same
    /// with a request that was kept whole, `s` and `S` without a status, `a` and `A` with all that only some servers write.
    /// Asserts that every row comes out as it went in.
    fn check(columns: &mut Columns, lines: &str) {
        let block = Bytes::from_static(b"0123456789abcdefghijklmnopqrstuvwxyz");
        columns.reset(&[true; FIELDS.len()]);
        for (row, kind) in lines.bytes().enumerate() {
            let spot = |i: usize| Spot { start: i as u32, len: 1 };
            let aside = |i: usize| if kind.eq_ignore_ascii_case(&b'a') { spot(20 + i) } else { Spot::default() };
            let line = Line {
                texts: std::array::from_fn(spot),
                status: (!kind.eq_ignore_ascii_case(&b's')).then_some(row as u32),
                bytes: -(row as i64),
                whole_request: kind.eq_ignore_ascii_case(&b'w'),
                combined: kind.is_ascii_uppercase(),
                asides: std::array::from_fn(aside),
            };
            columns.push((row % 2) as u32, &line);
        }
        let schema = schema();
        let batch = columns.batch(&block, &schema, &[true; FIELDS.len()], Origin::default());
        assert_eq!(batch.len(), lines.len());
        for (row, kind) in lines.bytes().enumerate() {
            let is = |letter: u8| kind.eq_ignore_ascii_case(&letter);
            let text = |i: usize| Value::Text(&block[i + row % 2..][..1]);
            let or_null = |null: bool, value: Value<'static>| if null { Value::Null } else { value };
            let text_or_null = |null: bool, i: usize| if null { Value::Null } else { text(i) };
            let want = [
                text(0),
                text(1),
                text(2),
                text(3),
                text_or_null(is(b'w'), 4),
                text(5),
                text_or_null(is(b'w'), 6),
                or_null(is(b's'), Value::Int(row as i128)),
                Value::Int(-(row as i128)),
                text_or_null(!kind.is_ascii_uppercase(), 7),
                text_or_null(!kind.is_ascii_uppercase(), 8),
                text_or_null(!is(b'a'), 20),
                text_or_null(!is(b'a'), 21),
                text_or_null(!is(b'a'), 22),
            ];
            assert!(batch.row(row).values().eq(want), "row {row} of {lines}: {:?}", batch.row(row));
        }
        // Any choice of fields gives the same values of them; few enough are copied out of the block.
        for fields in [&[0_usize][..], &[4, 9], &[5, 7], &[8], &[], &[11], &[7, 13], &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12]] {
            let wanted = Wanted::only(fields.iter().map(|&field| FIELDS[field].0.to_owned()).collect());
            let mask = std::array::from_fn::<bool, { FIELDS.len() }, _>(|field| fields.contains(&field));
            let part = columns.batch(&block, &wanted.of(&schema), &mask, Origin::default());
            assert_eq!(part.len(), batch.len());
            for (part, whole) in part.rows().zip(batch.rows()) {
                assert!(part.values().eq(fields.iter().map(|&field| whole.value(field))), "{fields:?} of {lines}");
            }
        }
    }

    #[test]
    fn rows_come_out_as_they_went_in() {
        let mut columns = Columns::default();
        for lines in ["", "c", "C", "w", "W", "s", "S", "a", "A", "cC", "Cc", "ccCCwwWWc", "CCCC", "CWc", "AAA", "cAsSaC"] {
            check(&mut columns, lines);
        }
        for len in [GATHERED - 1, GATHERED, GATHERED + 1, 3 * GATHERED, 1000] {
            check(&mut columns, &"c".repeat(len));
            check(&mut columns, &"ccWCwsaA".repeat(len));
        }
    }
}
