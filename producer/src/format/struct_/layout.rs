//! The format language of Python's `struct`: what is typed, to where each field lies in a record.
//!
//! ```text
//! format  = [order] item*        order: @ native sizes and alignment (default) · = native order, no alignment
//! item    = [count] code                < little-endian · > and ! big-endian, no alignment
//! ```
//!
//! Spaces may stand between items. A count repeats the item, but for `s`, `p` and `x` it is a length. What `P` (a pointer)
//! would mean in a file nobody knows: it is refused.

use recpipe::record::{Field, Schema, Type};

/// What the bytes of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    /// An integer of this many bytes.
    Signed(u8),
    /// One without a sign.
    Unsigned(u8),
    /// A binary floating-point number of 2, 4 or 8 bytes.
    Float(u8),
    /// A byte that is zero or not.
    Bool,
    /// One byte of text, as it is.
    Char,
    /// Text, padded with NULs at its end.
    Text,
    /// Text after a byte that tells its length.
    Pascal,
}

impl Code {
    /// The type of the field.
    pub(super) fn kind(self) -> Type {
        match self {
            Code::Signed(_) | Code::Unsigned(_) => Type::Int,
            Code::Float(_) => Type::Float,
            Code::Bool => Type::Bool,
            Code::Char | Code::Text | Code::Pascal => Type::Text,
        }
    }

    /// The field, which is open where its ints may need more than the 64 bits of a closed one.
    pub(super) fn field(self, name: String) -> Field {
        if self == Code::Unsigned(8) { Field::open(name, self.kind()) } else { Field::new(name, self.kind()) }
    }
}

/// One field of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    /// What it is.
    pub code: Code,
    /// Its first byte in the record.
    pub offset: usize,
    /// How many bytes it has.
    pub len: usize,
}

/// Where the fields of a record lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// The fields, in order.
    pub items: Vec<Item>,
    /// The bytes of a record, padding included; never 0.
    pub(crate) record_bytes: usize,
    /// Whether numbers come with their highest byte first.
    pub big_endian: bool,
}

/// The longest record.
pub(super) const MAX_RECORD_BYTES: usize = 1 << 18;

impl Layout {
    /// Reads a format.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub(super) fn parse(format: &str) -> Result<Self, String> {
        let (order, text) = match format.as_bytes() {
            [order @ (b'@' | b'=' | b'<' | b'>' | b'!'), ..] => (*order, &format[1..]),
            _ => (b'@', format),
        };
        let native = order == b'@';
        let big_endian = match order {
            b'>' | b'!' => true,
            b'<' => false,
            _ => cfg!(target_endian = "big"),
        };
        let mut layout = Layout { items: Vec::new(), record_bytes: 0, big_endian };
        let mut count: Option<usize> = None;
        for letter in text.chars() {
            if let Some(digit) = letter.to_digit(10) {
                let so_far = count.unwrap_or(0) * 10 + digit as usize;
                if so_far > MAX_RECORD_BYTES {
                    return Err(format!("a count in `{format}` makes records longer than {MAX_RECORD_BYTES} bytes"));
                }
                count = Some(so_far);
                continue;
            }
            if letter.is_ascii_whitespace() {
                if count.is_some() {
                    return Err(format!("a count and its letter belong together in `{format}`"));
                }
                continue;
            }
            layout.add(letter, count.take(), native).map_err(|what| format!("{what} in `{format}`"))?;
        }
        if count.is_some() {
            return Err(format!("`{format}` ends with a count; a letter is to follow it"));
        }
        if layout.record_bytes == 0 {
            return Err(format!("`{format}` describes records of no bytes"));
        }
        Ok(layout)
    }

    /// Adds `count` times what `letter` stands for.
    fn add(&mut self, letter: char, count: Option<usize>, native: bool) -> Result<(), String> {
        let times = count.unwrap_or(1);
        let (code, len) = match letter {
            'x' => return self.grow(times),
            's' | 'p' => {
                let code = if letter == 's' { Code::Text } else { Code::Pascal };
                self.items.push(Item { code, offset: self.record_bytes, len: times });
                return self.grow(times);
            }
            'c' => (Code::Char, 1),
            '?' => (Code::Bool, 1),
            'b' => (Code::Signed(1), 1),
            'B' => (Code::Unsigned(1), 1),
            'h' => (Code::Signed(2), 2),
            'H' => (Code::Unsigned(2), 2),
            'i' => (Code::Signed(4), 4),
            'I' => (Code::Unsigned(4), 4),
            'l' if native => (Code::Signed(LONG), usize::from(LONG)),
            'L' if native => (Code::Unsigned(LONG), usize::from(LONG)),
            'l' => (Code::Signed(4), 4),
            'L' => (Code::Unsigned(4), 4),
            'q' => (Code::Signed(8), 8),
            'Q' => (Code::Unsigned(8), 8),
            'n' if native => (Code::Signed(SIZE), usize::from(SIZE)),
            'N' if native => (Code::Unsigned(SIZE), usize::from(SIZE)),
            'n' | 'N' => return Err(format!("`{letter}` has a size only with `@`, that is, without `=<>!`; it is not known")),
            'e' => (Code::Float(2), 2),
            'f' => (Code::Float(4), 4),
            'd' => (Code::Float(8), 8),
            'P' => return Err("`P`, a pointer, which means nothing outside its program, stands".to_owned()),
            _ => return Err(format!("the letter {letter:?}, which is none of `xcbB?hHiIlLqQnNefdsp`, stands")),
        };
        if native {
            // Also where nothing follows: Python aligns the end of a record with a count of 0 (`0l`).
            self.grow(self.record_bytes.next_multiple_of(len) - self.record_bytes)?;
        }
        if self.items.len() + times > Schema::MAX_FIELDS {
            return Err(format!("more than {} fields", Schema::MAX_FIELDS));
        }
        for _ in 0..times {
            self.items.push(Item { code, offset: self.record_bytes, len });
            self.grow(len)?;
        }
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), String> {
        self.record_bytes += bytes;
        match self.record_bytes <= MAX_RECORD_BYTES && self.items.len() <= Schema::MAX_FIELDS {
            true => Ok(()),
            false => Err(format!("records longer than {MAX_RECORD_BYTES} bytes, or with more than {} fields", Schema::MAX_FIELDS)),
        }
    }
}

/// The bytes of a C `long` here.
const LONG: u8 = size_of::<std::ffi::c_long>() as u8;

/// The bytes of a C `size_t` here.
const SIZE: u8 = size_of::<usize>() as u8;

#[cfg(test)]
mod tests {
    use super::*;

    /// `codes offsets size`, as text.
    fn shown(format: &str) -> String {
        match Layout::parse(format) {
            Ok(layout) => {
                let items: Vec<_> = layout.items.iter().map(|item| format!("{:?}@{}+{}", item.code, item.offset, item.len)).collect();
                format!("{} = {}{}", items.join(" "), layout.record_bytes, if layout.big_endian { " big" } else { "" })
            }
            Err(what) => what,
        }
    }

    #[test]
    fn formats() {
        let check = |format: &str, want: &str| assert_eq!(shown(format), want, "{format}");
        check("<8sffi", "Text@0+8 Float(4)@8+4 Float(4)@12+4 Signed(4)@16+4 = 20");
        check(">b h", "Signed(1)@0+1 Signed(2)@1+2 = 3 big");
        check("!Q", "Unsigned(8)@0+8 = 8 big");
        check("=bi", "Signed(1)@0+1 Signed(4)@1+4 = 5");
        check("bi", "Signed(1)@0+1 Signed(4)@4+4 = 8");
        check("@ib", "Signed(4)@0+4 Signed(1)@4+1 = 5");
        check("ib0i", "Signed(4)@0+4 Signed(1)@4+1 = 8");
        check("ib0l", "Signed(4)@0+4 Signed(1)@4+1 = 8");
        check("<l", "Signed(4)@0+4 = 4");
        check("@l", "Signed(8)@0+8 = 8");
        check("nN", "Signed(8)@0+8 Unsigned(8)@8+8 = 16");
        check("<2x3Bx", "Unsigned(1)@2+1 Unsigned(1)@3+1 Unsigned(1)@4+1 = 6");
        check("<0s3pc?e", "Text@0+0 Pascal@0+3 Char@3+1 Bool@4+1 Float(2)@5+2 = 7");
    }

    #[test]
    fn mistakes_are_named() {
        let check = |format: &str, part: &str| assert!(shown(format).contains(part), "{format}: {}", shown(format));
        check("", "no bytes");
        check("<0i", "no bytes");
        check("<z", "'z'");
        check("<é", "'é'");
        check("<3", "ends with a count");
        check("<3 i", "belong together");
        check("i<i", "'<'");
        check("P", "pointer");
        check("<n", "only with `@`");
        check("<99999999999999999999999i", "longer than");
        check("<262145x", "longer than");
        check("<200000s200000s", "longer than");
        check("<70000b", "more than 65536 fields");
        check(&"0s".repeat(70_000), "more than 65536 fields");
    }
}
