//! `pickle`, with any bytes, and with pickles of dicts that are put together here, of all the opcodes that make data.
//!
//! What was written is read; a pickle that asks for code to be executed ends the reading; a reject leaves nothing behind.
//! That nothing is allocated for a number in a pickle is seen by the fuzzer, under `-malloc_limit_mb`.

use recpipe_producer::format::{Args, Wanted};

use crate::{
    blocks::{Case, Cell, Cut, Outcome, Row},
    bytes::Bytes,
};

/// Longer inputs say nothing new.
const MAX_BYTES: usize = 1 << 14;

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let mut from = Bytes(data);
    let (options, how) = (from.byte(), [from.byte(), from.byte(), from.byte()]);
    if from.0.is_empty() || from.0.len() > MAX_BYTES {
        return;
    }
    if options.is_multiple_of(2) {
        any(from.0, how);
    } else {
        written(from, how);
    }
}

fn case(bytes: &[u8]) -> Case<'_> {
    Case { format: "pickle", args: Args::default(), bytes }
}

fn any(bytes: &[u8], how: [u8; 3]) {
    let Some(whole) = case(bytes).check(how) else { panic!("any bytes can be begun to be read") };
    // The smallest pickle of anything has two bytes, and a list may hold a dict for each of its bytes.
    assert!(whole.rows.len() + whole.rejects.len() <= bytes.len());
    let Ok(plan) = case(bytes).plan() else { panic!("it could be read before") };
    let small = case(bytes).read_by(&plan, Cut { block_bytes: 1, ..Cut::WHOLE }, &Wanted::all());
    assert_eq!(small.failure, whole.failure, "however it is cut, the same is wrong");
    if !whole.rejects.is_empty() {
        let mut without = bytes.to_vec();
        for reject in whole.rejects.iter().rev() {
            without.drain(reject.start as usize..(reject.start + reject.len) as usize);
        }
        let read = case(&without).read(Cut::WHOLE);
        let Ok(Outcome { rows, rejects, .. }) = read else { panic!("it could be read with more in it") };
        assert_eq!(rejects, []);
        assert_eq!(rows.len(), whole.rows.len(), "a reject leaves something behind");
        assert_eq!(rows, whole.rows, "beside rejects");
    }
}

fn written(mut from: Bytes<'_>, how: [u8; 3]) {
    let (mut stream, mut rows, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    while !from.0.is_empty() {
        let mut writer = Writer { from, out: Vec::new(), memo: Vec::new(), next: 0 };
        rows.push(writer.dict());
        stream.extend(writer.out);
        ends.push(stream.len());
        from = writer.from;
    }
    let Some(whole) = case(&stream).check(how) else { panic!("a pickle cannot be read") };
    assert_eq!((&whole.rejects[..], &whole.failure), (&[][..], &None));
    let sorted = |rows: &[Row]| {
        let sort = |row: &Row| {
            let mut row = row.clone();
            row.sort_by(|(one, _), (other, _)| one.cmp(other));
            row
        };
        rows.iter().map(sort).collect::<Vec<_>>()
    };
    assert_eq!(sorted(&whole.rows), sorted(&rows));
    // Cut short anywhere, it is known to be.
    let len = usize::from(how[1]) * stream.len() / 256;
    let short = case(&stream[..len]).read(Cut { block_bytes: usize::from(how[0]) + 1, ..Cut::WHOLE });
    let Ok(short) = short else { panic!("the beginning of pickles cannot be read") };
    let is_torn = len > 0 && !ends.contains(&len);
    let complete = ends.iter().filter(|end| **end <= len).count();
    assert_eq!((short.rows.len(), short.rejects.len(), short.failure.is_some()), (complete, 0, is_torn), "{len} of {ends:?}");
}

/// Writes one pickle, in ways that are chosen by the input.
struct Writer<'a> {
    from: Bytes<'a>,
    out: Vec<u8>,
    /// The texts that were remembered, by their numbers.
    memo: Vec<(usize, Vec<u8>)>,
    /// The number of the next, when none is given.
    next: usize,
}

impl Writer<'_> {
    /// A dict; what it holds, the last of each key.
    fn dict(&mut self) -> Row {
        if self.from.once_in(2) {
            let protocol = self.from.byte() % 6;
            self.out.extend([0x80, protocol]);
        }
        let mut row = Row::new();
        let count = self.from.below(6);
        // `d` takes all that lies above the mark; `u` and `s` fill a dict that is there.
        let how = self.from.below(3);
        match how {
            0 => self.out.push(b'('),
            1 => self.out.extend(b"}("),
            _ => self.out.push(b'}'),
        }
        for _ in 0..count {
            self.noise();
            let key = self.from.below(12);
            let name = format!("k{key}");
            self.text(name.as_bytes());
            let cell = self.value(key);
            row.retain(|(other, _)| *other != name);
            row.extend(cell.map(|cell| (name, cell)));
            if how == 2 {
                self.out.push(b's');
            }
        }
        match how {
            0 => self.out.push(b'd'),
            1 => self.out.push(b'u'),
            _ => {}
        }
        self.noise();
        self.out.push(b'.');
        row
    }

    /// What does nothing.
    fn noise(&mut self) {
        match self.from.below(24) {
            0 => self.out.extend(b"N0"),
            1 => self.out.extend(b"(K\x01K\x021"),
            2 => self.out.extend(b"N200"),
            3 => self.out.extend(b"\x95\x07\0\0\0\0\0\0\0"),
            4 => self.out.extend(b"(0"),
            5 => self.out.extend(b"](K\x01e0"),
            6 => self.out.extend(b"K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87000"),
            7 => self.out.extend(b"\x8f(K\x01\x90(\x910)0(l0(t00"),
            8 => self.out.extend(b"}U\x01aNs0"),
            _ => {}
        }
    }

    /// A key has values of one type, or none.
    fn value(&mut self, key: usize) -> Option<Cell> {
        if self.from.once_in(8) {
            self.out.push(b'N');
            return None;
        }
        Some(match key % 4 {
            0 => Cell::Int(self.int().into()),
            1 => {
                let value = f64::from_bits(self.from.number() as u64);
                if self.from.once_in(2) && value.is_finite() {
                    self.out.extend(format!("F{value:?}\n").into_bytes());
                } else {
                    self.out.push(b'G');
                    self.out.extend(value.to_bits().to_be_bytes());
                }
                Cell::float(value)
            }
            2 => {
                let value = self.from.once_in(2);
                match (self.from.below(2), value) {
                    (0, true) => self.out.push(0x88),
                    (0, false) => self.out.push(0x89),
                    (_, value) => self.out.extend(format!("I0{}\n", u8::from(value)).into_bytes()),
                }
                Cell::Bool(value)
            }
            _ => {
                let len = self.from.below(40);
                let text = self.from.take(len).to_vec();
                Cell::Text(self.text(&text))
            }
        })
    }

    fn int(&mut self) -> i64 {
        let value = self.from.number();
        match self.from.below(7) {
            0 if u8::try_from(value).is_ok() => self.out.extend([b'K', value as u8]),
            1 if u16::try_from(value).is_ok() => self.out.extend([b'M', value as u8, (value >> 8) as u8]),
            2 if i32::try_from(value).is_ok() => {
                self.out.push(b'J');
                self.out.extend((value as i32).to_le_bytes());
            }
            // `00` and `01` are booleans.
            3 => self.out.extend(format!("I{value}\n").into_bytes()),
            4 => self.out.extend(format!("L{value}L\n").into_bytes()),
            5 => {
                self.out.extend(b"\x8b\x0a\0\0\0");
                self.out.extend(i128::from(value).to_le_bytes().into_iter().take(10));
            }
            _ => {
                self.out.extend(b"\x8a\x08");
                self.out.extend(value.to_le_bytes());
            }
        }
        value
    }

    /// A text; what it has become, which is another one where the opcode holds no such bytes.
    fn text(&mut self, text: &[u8]) -> Vec<u8> {
        let remembered = self.memo.iter().find(|(_, other)| other == text).map(|(index, _)| *index);
        if let Some(index) = remembered.filter(|_| !self.from.once_in(4)) {
            match (self.from.below(3), u8::try_from(index)) {
                (0, Ok(index)) => self.out.extend([b'h', index]),
                (1, _) => self.out.extend(format!("g{index}\n").into_bytes()),
                _ => {
                    self.out.push(b'j');
                    self.out.extend((index as u32).to_le_bytes());
                }
            }
            return text.to_vec();
        }
        let codes = b"UTXCB\x8c\x8d\x8eSV";
        let code = codes[self.from.below(codes.len())];
        self.out.push(code);
        match code {
            b'U' | b'C' | 0x8c => self.out.push(text.len() as u8),
            b'T' | b'X' | b'B' => self.out.extend((text.len() as u32).to_le_bytes()),
            0x8d | 0x8e => self.out.extend((text.len() as u64).to_le_bytes()),
            _ => {}
        }
        let mut held = text.to_vec();
        if b"X\x8c\x8d".contains(&code) {
            // Halves of surrogate pairs that stand for bytes.
            let mut at = 0;
            while at + 3 <= held.len() {
                if held[at] == 0xed && matches!(held[at + 1], 0xb2 | 0xb3) && matches!(held[at + 2], 0x80..=0xbf) {
                    let byte = 0x80 | (held[at + 1] & 1) << 6 | held[at + 2] & 0x3f;
                    held.splice(at..at + 3, [byte]);
                }
                at += 1;
            }
        }
        match code {
            b'S' => {
                let escaped = text.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
                self.out.extend(format!("'{escaped}'\n").into_bytes());
            }
            b'V' => {
                // Characters, by the numbers of the bytes.
                held = text.iter().map(|&byte| char::from(byte)).collect::<String>().into_bytes();
                for &byte in text {
                    match byte {
                        b'\n' | b'\\' => self.out.extend(format!("\\u{byte:04x}").into_bytes()),
                        byte => self.out.push(byte),
                    }
                }
                self.out.push(b'\n');
            }
            _ => self.out.extend(text),
        }
        self.remember(&held);
        held
    }

    fn remember(&mut self, text: &[u8]) {
        let index = match self.from.below(5) {
            0 => {
                self.out.push(0x94);
                self.next
            }
            1 => {
                let index = self.from.byte();
                self.out.extend([b'q', index]);
                usize::from(index)
            }
            2 => {
                let index = u16::from(self.from.byte()) * 3;
                self.out.extend([b'r', index as u8, (index >> 8) as u8, 0, 0]);
                usize::from(index)
            }
            3 => {
                let index = self.from.byte();
                self.out.extend(format!("p{index}\n").into_bytes());
                usize::from(index)
            }
            _ => return,
        };
        if !self.memo.iter().any(|(other, _)| *other == index) {
            // As in Python: the number of things that are remembered.
            self.next += 1;
        }
        self.memo.retain(|(other, _)| *other != index);
        self.memo.push((index, text.to_vec()));
    }
}
