//! `struct`, beside a slow reading of the same notation, record by record and field by field.

use recpipe_producer::format::{Args, Wanted};

use crate::{
    blocks::{Case, Cell, Cut, Row},
    bytes::Bytes,
};

/// What formats are made of, the usual more often.
const LETTERS: &[u8] = b"@=<>!xcbB?hHiIlLqQnNefdsp0123456789 <xbBhHiIqQfds23zP";

/// A record of a format that was given by hand may be so long.
const MAX_RECORD_BYTES: usize = 1 << 18;

/// The most fields.
const MAX_FIELDS: usize = 65_536;

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (options, how) = (from.byte(), [from.byte(), from.byte(), from.byte()]);
    let letters = from.take(usize::from(options % 24));
    let format: String = letters.iter().map(|&byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()])).collect();
    let case = Case { format: "struct", args: Args { positional: vec![format.clone()], ..Args::default() }, bytes: from.0 };
    let plan = case.plan();
    let layout = match (&plan, Layout::read(&format)) {
        (Ok(_), Some(layout)) => layout,
        (Err(why), None) => return assert!(why.contains(&format) || format.is_empty(), "{why}"),
        (Ok(_), None) => panic!("`{format}` is no format, and was read"),
        (Err(why), Some(layout)) => panic!("`{format}` is {layout:?}: {why}"),
    };
    if from.0.is_empty() || from.0.len() > 1 << 14 {
        return;
    }
    let Some(whole) = case.check(how) else { return };
    let (mut rows, mut rejects) = (Vec::new(), Vec::new());
    let mut torn = None;
    for (nth, record) in from.0.chunks(layout.bytes).enumerate() {
        match layout.record(record) {
            Some(row) => rows.push(row),
            // The last, which is not whole, ends the input; of one that has nothing else it is a reject.
            None if record.len() < layout.bytes && nth > 0 => torn = Some((nth * layout.bytes) as u64),
            None => rejects.push((nth as u64, (nth * layout.bytes) as u64, record.len() as u64)),
        }
    }
    assert_eq!(whole.rows, rows, "`{format}`");
    assert_eq!(whole.rejects.iter().map(|reject| (reject.line, reject.start, reject.len)).collect::<Vec<_>>(), rejects, "`{format}`");
    assert_eq!(whole.failure.as_ref().map(|(at, _)| *at), torn, "`{format}`");
    // Names change nothing but the names.
    let names = (0..layout.fields.len()).map(|nth| format!("n{nth}")).collect();
    let named = Case { args: Args { names, ..case.args }, ..case };
    let Ok(plan) = named.plan() else { panic!("a name for each field was refused") };
    let named = named.read_by(&plan, Cut::WHOLE, &Wanted::all());
    let cells = |rows: &[Row]| rows.iter().map(|row| row.iter().map(|(_, cell)| cell.clone()).collect()).collect::<Vec<Vec<_>>>();
    assert_eq!(cells(&named.rows), cells(&rows));
}

/// The fields by letter, place and length.
#[derive(Debug)]
struct Layout {
    fields: Vec<(char, usize, usize)>,
    bytes: usize,
    big_endian: bool,
}

impl Layout {
    /// The layout of a format on a machine of 64 bits; `None` if it is none.
    fn read(format: &str) -> Option<Self> {
        let order = format.chars().next().filter(|first| "@=<>!".contains(*first));
        let native = order.is_none_or(|order| order == '@');
        let big_endian = matches!(order, Some('>' | '!')) || (cfg!(target_endian = "big") && order != Some('<'));
        let mut layout = Layout { fields: Vec::new(), bytes: 0, big_endian };
        let mut letters = format.chars().skip(usize::from(order.is_some())).peekable();
        while let Some(letter) = letters.next() {
            if letter == ' ' {
                continue;
            }
            let (mut letter, mut count) = (letter, None);
            while letter.is_ascii_digit() {
                count = Some(count.unwrap_or(0_u128).saturating_mul(10).saturating_add(u128::from(letter as u8 - b'0')));
                letter = letters.next()?;
            }
            let count = usize::try_from(count.unwrap_or(1)).ok().filter(|&count| count <= MAX_RECORD_BYTES)?;
            let size = match letter {
                'x' | 's' | 'p' | 'c' | 'b' | 'B' | '?' => 1,
                'h' | 'H' | 'e' => 2,
                'i' | 'I' | 'f' => 4,
                'l' | 'L' if !native => 4,
                'l' | 'L' | 'q' | 'Q' | 'd' => 8,
                'n' | 'N' if native => 8,
                _ => return None,
            };
            if native {
                layout.bytes = layout.bytes.next_multiple_of(size);
            }
            match letter {
                'x' => layout.bytes += count,
                's' | 'p' => {
                    layout.fields.push((letter, layout.bytes, count));
                    layout.bytes += count;
                }
                _ => {
                    for _ in 0..count {
                        layout.fields.push((letter, layout.bytes, size));
                        layout.bytes += size;
                    }
                }
            }
            if layout.bytes > MAX_RECORD_BYTES || layout.fields.len() > MAX_FIELDS {
                return None;
            }
        }
        Some(layout).filter(|layout| layout.bytes > 0)
    }

    /// The fields of a record, if it is one: whole.
    fn record(&self, record: &[u8]) -> Option<Row> {
        let whole = Some(record).filter(|record| record.len() == self.bytes)?;
        let field =
            |(nth, &(letter, at, len)): (usize, &(char, usize, usize))| (format!("f{nth}"), self.field(letter, &whole[at..at + len]));
        Some(self.fields.iter().enumerate().map(field).collect())
    }

    fn field(&self, letter: char, bytes: &[u8]) -> Cell {
        let mut highest_first = bytes.to_vec();
        if !self.big_endian {
            highest_first.reverse();
        }
        let unsigned = highest_first.iter().fold(0_u64, |number, &byte| number << 8 | u64::from(byte));
        match letter {
            'b' => Cell::Int(i128::from(unsigned as i8)),
            'h' => Cell::Int(i128::from(unsigned as i16)),
            'i' => Cell::Int(i128::from(unsigned as i32)),
            'l' if bytes.len() == 4 => Cell::Int(i128::from(unsigned as i32)),
            'l' | 'q' | 'n' => Cell::Int(i128::from(unsigned as i64)),
            'B' | 'H' | 'I' | 'L' | 'Q' | 'N' => Cell::Int(i128::from(unsigned)),
            'e' => Cell::float(half(unsigned as u16)),
            'f' => Cell::float(f64::from(f32::from_bits(unsigned as u32))),
            'd' => Cell::float(f64::from_bits(unsigned)),
            '?' => Cell::Bool(unsigned != 0),
            's' => {
                let text: Vec<u8> = bytes.to_vec();
                let end = text.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                Cell::Text(text[..end].to_vec())
            }
            'p' => {
                let len = bytes.first().map_or(0, |&len| usize::from(len));
                Cell::Text(bytes.iter().skip(1).take(len).copied().collect())
            }
            _ => Cell::Text(bytes.to_vec()),
        }
    }
}

/// A number of IEEE 754's binary16, by way of the bits of a binary64.
fn half(bits: u16) -> f64 {
    let (sign, exponent, fraction) = (u64::from(bits >> 15), u64::from(bits >> 10 & 31), u64::from(bits & 1023));
    match exponent {
        // A number without a leading one.
        0 => (fraction as f64) * f64::from_bits(0x3e70_0000_0000_0000) * if sign == 1 { -1.0 } else { 1.0 },
        31 => f64::from_bits(sign << 63 | 0x7ff << 52 | fraction << 42),
        _ => f64::from_bits(sign << 63 | (exponent + 1023 - 15) << 52 | fraction << 42),
    }
}
