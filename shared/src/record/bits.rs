//! A bitmap over the rows of a column.

use bytes::Bytes;

/// One bit a row, least significant first; in a column it says which rows are null.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bits {
    len: usize,
    data: Bytes,
}

impl Bits {
    /// The number of bytes that hold `len` bits.
    pub fn bytes_for(len: usize) -> usize {
        len.div_ceil(8)
    }

    /// `len` bits held in `data`; `None` when `data` has another length than [`Bits::bytes_for`] says.
    pub fn new(len: usize, data: Bytes) -> Option<Self> {
        (data.len() == Self::bytes_for(len)).then_some(Bits { len, data })
    }

    /// The rows for which `bit` is true; `None` when there are none, so that "no nulls" costs nothing.
    pub fn collect(len: usize, bit: impl Fn(usize) -> bool) -> Option<Self> {
        let mut data = vec![0_u8; Self::bytes_for(len)];
        let mut any = false;
        for row in 0..len {
            if bit(row) {
                data[row / 8] |= 1 << (row % 8);
                any = true;
            }
        }
        any.then(|| Bits { len, data: data.into() })
    }

    /// The number of bits.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no bits at all.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bit of `row`; false beyond the end.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        self.data.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
    }

    /// How many bits are set.
    pub fn count(&self) -> usize {
        (0..self.len).filter(|&row| self.get(row)).count()
    }

    /// The bytes behind it.
    pub fn data(&self) -> &Bytes {
        &self.data
    }
}

#[cfg(test)]
mod tests {
    use super::Bits;

    #[test]
    fn keeps_what_it_was_given() {
        for len in [1, 7, 8, 9, 64, 65, 1000] {
            let bits = Bits::collect(len, |row| row % 3 == 0).unwrap();
            assert!((0..len).all(|row| bits.get(row) == (row % 3 == 0)), "{len}");
            assert_eq!(bits.count(), len.div_ceil(3));
        }
        assert!(Bits::collect(10, |_| false).is_none());
        assert!(Bits::new(9, vec![0].into()).is_none());
    }
}
