//! Text that is taken apart from the left.

/// What is left of a text. Each method takes what it looks for from the front, or nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor<'t>(pub(super) &'t [u8]);

impl<'t> Cursor<'t> {
    /// One of these bytes.
    pub(super) fn any(&mut self, bytes: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| bytes.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    /// This byte.
    pub(super) fn byte(&mut self, byte: u8) -> Option<()> {
        self.any(&[byte]).map(drop)
    }

    /// Blanks: how many.
    pub(super) fn blanks(&mut self) -> usize {
        let len = self.0.iter().take_while(|byte| **byte == b' ').count();
        self.0 = &self.0[len..];
        len
    }

    /// Exactly so many digits.
    pub(super) fn digits(&mut self, len: usize) -> Option<i64> {
        let (head, rest) = self.0.split_at_checked(len)?;
        let number = number(head)?;
        self.0 = rest;
        Some(number)
    }

    /// How many digits come next.
    pub(super) fn count_digits(&self) -> usize {
        self.0.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// One or two digits: of a day.
    pub(super) fn short(&mut self) -> Option<i64> {
        match self.count_digits() {
            len @ 1..=2 => self.digits(len),
            _ => None,
        }
    }

    /// Two digits, or one where no other follows it.
    pub(super) fn upto_two(&mut self) -> Option<i64> {
        let len = self.count_digits().min(2);
        if len == 0 { None } else { self.digits(len) }
    }

    /// Letters.
    pub(super) fn word(&mut self) -> &'t [u8] {
        let (word, rest) = self.0.split_at(self.0.iter().take_while(|byte| byte.is_ascii_alphabetic()).count());
        self.0 = rest;
        word
    }

    /// The nanoseconds of a fraction of a second, if a point or a comma comes next; 0 without one.
    pub(super) fn fraction(&mut self) -> Option<i64> {
        if self.any(b".,").is_some() { self.nanos() } else { Some(0) }
    }

    /// The nanoseconds that the digits after a point are; those beyond nanoseconds are dropped.
    pub(super) fn nanos(&mut self) -> Option<i64> {
        let (digits, rest) = self.0.split_at(self.count_digits());
        if digits.is_empty() {
            return None;
        }
        self.0 = rest;
        Some((0..9).fold(0, |nanos, at| nanos * 10 + digits.get(at).map_or(0, |digit| i64::from(digit - b'0'))))
    }

    /// Whether all of it was taken.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The number that digits are, of which there are few.
#[inline]
pub(super) fn number(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| number * 10 + i64::from(digit))
    })
}
