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

    /// All of `len` rows; `None` when there are none.
    pub fn all(len: usize) -> Option<Self> {
        let mut data = vec![0xff_u8; Self::bytes_for(len)];
        // The bits behind the last row are not set.
        let behind = 8 * data.len() - len;
        *data.last_mut()? >>= behind;
        Some(Bits { len, data: data.into() })
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

    /// The rows that are null in all parts of a column, as [`super::Column::mixed`] has them, of which these are the nulls.
    /// `None` when a row has a value in two of them.
    pub(super) fn null_in_all<'a>(len: usize, parts: impl Iterator<Item = Option<&'a Self>>) -> Option<Option<Self>> {
        let no_nulls = vec![0_u8; Self::bytes_for(len)];
        let mut nulls = vec![0xff_u8; Self::bytes_for(len)];
        // The bits of the last byte that are behind the last row.
        let behind = !0xff_u8.unbounded_shr((8 * nulls.len() - len) as u32);
        for part in parts {
            let part = part.map_or(&no_nulls[..], |part| &part.data[..]);
            // Without a branch, for many bytes at once: a peer can send rows by the million.
            if nulls.iter().zip(part).fold(0, |twice, (nulls, part)| twice | !(nulls | part)) != 0 {
                return None;
            }
            nulls.iter_mut().zip(part).for_each(|(nulls, part)| *nulls &= part);
            // What is behind the last row means nothing, and is no value of any part.
            nulls.iter_mut().rev().take(1).for_each(|last| *last |= behind);
        }
        nulls.iter_mut().rev().take(1).for_each(|last| *last &= !behind);
        Some(nulls.iter().any(|&byte| byte != 0).then(|| Bits { len, data: nulls.into() }))
    }

    /// The first row that is set here, and not there.
    pub(crate) fn first_beyond(&self, other: Option<&Self>) -> Option<usize> {
        let unset = if other.is_none() { vec![0_u8; self.data.len()] } else { Vec::new() };
        let beyond = self.data.iter().zip(other.map_or(&unset[..], |other| &other.data[..])).map(|(here, there)| here & !there);
        if beyond.clone().fold(0, |any, byte| any | byte) == 0 {
            return None;
        }
        // What is behind the last row means nothing.
        let first = beyond.enumerate().find(|(_, byte)| *byte != 0);
        first.map(|(i, byte)| 8 * i + byte.trailing_zeros() as usize).filter(|&row| row < self.len)
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
    use proptest::prelude::*;

    use super::Bits;

    #[test]
    fn keeps_what_it_was_given() {
        for len in [1, 7, 8, 9, 64, 65, 1000] {
            let bits = Bits::collect(len, |row| row % 3 == 0).unwrap();
            assert!((0..len).all(|row| bits.get(row) == (row % 3 == 0)), "{len}");
            assert_eq!(bits.count(), len.div_ceil(3));
        }
        assert!(Bits::collect(10, |_| false).is_none());
        for len in 0..=17 {
            assert_eq!(Bits::all(len), Bits::collect(len, |_| true), "{len}");
        }
        assert!(Bits::new(9, vec![0].into()).is_none());
    }

    proptest! {
        // Whatever stands behind the last row.
        #[test]
        fn bytes_at_once_say_what_rows_would(len in 0..40_usize, bytes in prop::collection::vec(prop_oneof![any::<[u8; 5]>(), Just([0xff; 5])], 0..4)) {
            let parts: Vec<Bits> = bytes.iter().map(|bytes| Bits::new(len, bytes[..Bits::bytes_for(len)].to_vec().into()).unwrap()).collect();
            let values = |row: usize| parts.iter().filter(|part| !part.get(row)).count();
            let expect = match (0..len).find(|&row| values(row) > 1) {
                Some(_) => None,
                None => Some(Bits::collect(len, |row| values(row) == 0)),
            };
            prop_assert_eq!(Bits::null_in_all(len, parts.iter().map(Some)), expect);
            for (one, other) in parts.iter().zip(parts.iter().skip(1)) {
                let beyond = (0..len).find(|&row| one.get(row) && !other.get(row));
                prop_assert_eq!(one.first_beyond(Some(other)), beyond);
                prop_assert_eq!(one.first_beyond(None), (0..len).find(|&row| one.get(row)));
            }
        }

        #[test]
        fn a_part_without_nulls_has_all_rows(len in 1..40_usize) {
            prop_assert_eq!(Bits::null_in_all(len, [None].into_iter()), Some(None));
            prop_assert_eq!(Bits::null_in_all(len, [None, None].into_iter()), None);
            prop_assert_eq!(Bits::null_in_all(len, [Bits::collect(len, |_| true).as_ref(), None].into_iter()), Some(None));
        }
    }
}
