//! Whole numbers packed to the narrowest width that holds them.

use bytes::Bytes;

/// An array of `i64`, held as a base and unsigned differences of 0, 1, 2, 4 or 8 bytes, little-endian.
///
/// One representation serves in memory and on the wire, so that a decoded batch uses the bytes of its frame as they
/// came. It is frame-of-reference coding (Zukowski et al., "Super-Scalar RAM-CPU Cache Compression", ICDE 2006) at
/// byte widths: a constant column costs nothing, a status two bytes, and unpacking is one vectorised add. Bit widths
/// would save more bytes, but a pipe on one machine moves bytes faster than they can be unpacked.
///
/// # Examples
/// ```
/// use recpipe::PackedInts;
///
/// let ports = PackedInts::pack(&[8080_i64, 8081, 8443]);
/// assert_eq!(ports.get(2), 8443);
/// // As many bytes for each as their differences need.
/// assert_eq!(ports.parts().1, 2);
/// ```
#[derive(Clone, Debug)]
pub struct PackedInts {
    len: usize,
    base: i64,
    width: u8,
    data: Bytes,
}

/// Runs `$body` with `$at` bound to a function from a row to its value, once for each width.
macro_rules! by_width {
    ($ints:expr, $at:ident => $body:expr) => {{
        let ints: &PackedInts = $ints;
        let (base, data) = (ints.base, &ints.data[..]);
        match ints.width {
            0 => {
                let $at = |_row: usize| base;
                $body
            }
            1 => {
                let data = &data[..ints.len];
                let $at = |row: usize| base.wrapping_add(i64::from(data[row]));
                $body
            }
            2 => {
                let data = &data.as_chunks::<2>().0[..ints.len];
                let $at = |row: usize| base.wrapping_add(i64::from(u16::from_le_bytes(data[row])));
                $body
            }
            4 => {
                let data = &data.as_chunks::<4>().0[..ints.len];
                let $at = |row: usize| base.wrapping_add(i64::from(u32::from_le_bytes(data[row])));
                $body
            }
            _ => {
                let data = &data.as_chunks::<8>().0[..ints.len];
                let $at = |row: usize| base.wrapping_add(i64::from_le_bytes(data[row]));
                $body
            }
        }
    }};
}

impl PackedInts {
    /// `len` times the same value; no bytes at all.
    pub fn constant(value: i64, len: usize) -> Self {
        PackedInts { len, base: value, width: 0, data: Bytes::new() }
    }

    /// These values, packed.
    pub fn pack<T: Copy + Ord + Into<i64>>(values: &[T]) -> Self {
        let Some(&first) = values.first() else { return Self::constant(0, 0) };
        let (mut low, mut high) = (first, first);
        for &value in values {
            low = low.min(value);
            high = high.max(value);
        }
        let (low, high) = (low.into(), high.into());
        let differences = values.iter().map(|&value| value.into().wrapping_sub(low));
        // The largest difference fits `u64` even from i64::MIN to i64::MAX.
        let (width, data) = match high.wrapping_sub(low) as u64 {
            0 => (0, Vec::new()),
            1..=0xff => (1, differences.map(|d| d as u8).collect()),
            0x100..=0xffff => (2, le_bytes(differences.map(|d| (d as u16).to_le_bytes()))),
            0x1_0000..=0xffff_ffff => (4, le_bytes(differences.map(|d| (d as u32).to_le_bytes()))),
            _ => (8, le_bytes(differences.map(i64::to_le_bytes))),
        };
        PackedInts { len: values.len(), base: low, width, data: data.into() }
    }

    /// An array from its parts, as they came; `None` when the width is none of 0, 1, 2, 4, 8 or `data` has not
    /// exactly `len` numbers of it.
    pub fn from_parts(len: usize, base: i64, width: u8, data: Bytes) -> Option<Self> {
        let fits = matches!(width, 0 | 1 | 2 | 4 | 8) && len.checked_mul(usize::from(width)) == Some(data.len());
        fits.then_some(PackedInts { len, base, width, data })
    }

    /// The parts: base, bytes per number, and the packed differences.
    pub fn parts(&self) -> (i64, u8, &Bytes) {
        (self.base, self.width, &self.data)
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The value that all rows have, when the array says so by its form.
    pub fn as_constant(&self) -> Option<i64> {
        (self.width == 0).then_some(self.base)
    }

    /// The number of `row`.
    ///
    /// # Panics
    /// When `row` is not below [`PackedInts::len`].
    #[inline]
    pub fn get(&self, row: usize) -> i64 {
        by_width!(self, at => at(row))
    }

    /// All numbers, unpacked.
    pub fn to_vec(&self) -> Vec<i64> {
        by_width!(self, at => (0..self.len).map(at).collect())
    }

    /// The numbers of these rows, in their order.
    ///
    /// # Panics
    /// When a row is not below [`PackedInts::len`].
    pub fn gather(&self, rows: &[u32]) -> Vec<i64> {
        by_width!(self, at => rows.iter().map(|&row| at(row as usize)).collect())
    }

    /// Calls `each` with every number, in order.
    pub fn for_each(&self, mut each: impl FnMut(i64)) {
        by_width!(self, at => (0..self.len).for_each(|row| each(at(row))))
    }

    /// Bounds that the form of the array sets, without a look at the numbers: none is below the first or above the
    /// second. `None` where that would tell nothing; else so small that a few of them add up without overflow.
    pub(super) fn reach(&self) -> Option<std::ops::RangeInclusive<i64>> {
        let span = (1_i64 << (8 * u32::from(self.width).min(4))) - 1;
        let small = self.base.unsigned_abs() < 1 << 60;
        (self.width < 8 && small).then(|| self.base..=self.base + span)
    }

    /// The largest number of these rows; `i64::MIN` when there are none.
    ///
    /// # Panics
    /// When a row is not below [`PackedInts::len`].
    pub(super) fn max_of(&self, rows: std::ops::Range<usize>) -> i64 {
        by_width!(self, at => rows.fold(i64::MIN, |max, row| max.max(at(row))))
    }

    /// The first `len` numbers, without copying.
    pub fn head(&self, len: usize) -> Self {
        let len = len.min(self.len);
        PackedInts { len, base: self.base, width: self.width, data: self.data.slice(..len * usize::from(self.width)) }
    }
}

fn le_bytes<const N: usize>(numbers: impl ExactSizeIterator<Item = [u8; N]>) -> Vec<u8> {
    let mut out = vec![0; numbers.len() * N];
    for (to, from) in out.as_chunks_mut::<N>().0.iter_mut().zip(numbers) {
        *to = from;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::PackedInts;

    #[test]
    fn takes_the_narrowest_width() {
        let check = |values: &[i64], width| {
            let packed = PackedInts::pack(values);
            assert_eq!(packed.parts().1, width, "{values:?}");
            assert_eq!(packed.to_vec(), values);
            assert_eq!((0..values.len()).map(|row| packed.get(row)).collect::<Vec<_>>(), values);
        };
        check(&[], 0);
        check(&[7, 7, 7], 0);
        check(&[-1, 254], 1);
        check(&[-1, 255], 2);
        check(&[200, 404, 65_735], 2);
        check(&[0, 0xffff_ffff], 4);
        check(&[0, 0x1_0000_0000], 8);
        check(&[i64::MIN, i64::MAX], 8);
    }

    #[test]
    fn refuses_parts_that_do_not_fit() {
        assert!(PackedInts::from_parts(3, 0, 3, vec![0; 9].into()).is_none());
        assert!(PackedInts::from_parts(3, 0, 2, vec![0; 5].into()).is_none());
        assert!(PackedInts::from_parts(usize::MAX, 0, 8, vec![0; 8].into()).is_none());
        assert!(PackedInts::from_parts(3, 0, 2, vec![0; 6].into()).is_some());
    }

    proptest! {
        #[test]
        fn gives_back_what_was_packed(values: Vec<i64>, narrow: Vec<u16>) {
            prop_assert_eq!(PackedInts::pack(&values).to_vec(), values);
            prop_assert_eq!(PackedInts::pack(&narrow).to_vec(), narrow.iter().map(|&n| i64::from(n)).collect::<Vec<_>>());
        }
    }
}
