//! Text as views: where the text of each record lies in some bytes.

use bytes::Bytes;

use super::PackedInts;

/// Text as views into bytes: the block of input it was parsed from, or a buffer that was made for it.
///
/// A view starts at `anchor + start` and has `len` bytes. The anchors are the starts of the records in the block and
/// shared by the columns of a batch, so that `start` stays small (one byte for most fields of a log line).
/// Every view is known to lie within the bytes: that is checked when a `Text` is made.
#[derive(Clone, Debug)]
pub struct Text {
    anchors: Option<PackedInts>,
    starts: PackedInts,
    lens: PackedInts,
    bytes: Bytes,
}

impl Text {
    /// Views into `bytes`: row `i` is the `lens[i]` bytes from `starts[i]`, counted from `anchors[i]` if there are
    /// anchors. `None` when a view would reach outside, or the arrays differ in length.
    pub fn new(bytes: Bytes, anchors: Option<PackedInts>, starts: PackedInts, lens: PackedInts) -> Option<Self> {
        let rows = starts.len();
        if lens.len() != rows || anchors.as_ref().is_some_and(|anchors| anchors.len() != rows) {
            return None;
        }
        let text = Text { anchors, starts, lens, bytes };
        text.is_within().then_some(text)
    }

    /// Whether all views lie within the bytes. This runs over every text column of every batch that comes in, so it first
    /// looks at what the packed widths allow at most: only rows near the end of the bytes need the exact check.
    fn is_within(&self) -> bool {
        const ROWS: usize = 512;
        // A million rows that are all alike cost their sender nothing.
        let alike = |ints: &PackedInts| ints.as_constant().is_some();
        if self.anchors.as_ref().is_none_or(alike) && alike(&self.starts) && alike(&self.lens) {
            return self.is_empty() || self.is_row_within(0);
        }
        let (first, second) = match &self.anchors {
            Some(anchors) => (anchors, Some(&self.starts)),
            None => (&self.starts, None),
        };
        let none = 0..=0;
        let (Some(firsts), Some(seconds), Some(lens)) = (first.reach(), second.map_or(Some(none), PackedInts::reach), self.lens.reach())
        else {
            return (0..self.len()).all(|row| self.is_row_within(row));
        };
        let never_negative = firsts.start() + seconds.start() >= 0 && *lens.start() >= 0;
        let last_safe = self.bytes.len() as i64 - seconds.end() - lens.end();
        if never_negative && *firsts.end() <= last_safe {
            return true;
        }
        (0..self.len()).step_by(ROWS).all(|row| {
            let rows = row..self.len().min(row + ROWS);
            (never_negative && first.max_of(rows.clone()) <= last_safe) || rows.into_iter().all(|row| self.is_row_within(row))
        })
    }

    fn is_row_within(&self, row: usize) -> bool {
        let size = self.bytes.len() as i64;
        let anchor = self.anchors.as_ref().map_or(0, |anchors| anchors.get(row));
        let (start, len) = (self.starts.get(row), self.lens.get(row));
        anchor.checked_add(start).is_some_and(|from| from >= 0 && len >= 0 && from <= size && len <= size - from)
    }

    /// One buffer with all these texts in it, and views to them.
    pub fn collect<'a>(texts: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut bytes, mut starts, mut lens) = (Vec::new(), Vec::new(), Vec::new());
        for text in texts {
            starts.push(bytes.len() as i64);
            lens.push(text.len() as i64);
            bytes.extend_from_slice(text);
        }
        Text { anchors: None, starts: PackedInts::pack(&starts), lens: PackedInts::pack(&lens), bytes: bytes.into() }
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of `row`.
    ///
    /// # Panics
    /// When `row` is not below [`Text::len`].
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        let (start, len) = self.view(row);
        &self.bytes[start..start + len]
    }

    /// Where the text of `row` lies in [`Text::bytes`]: start and length.
    #[inline]
    #[doc(hidden)]
    pub fn view(&self, row: usize) -> (usize, usize) {
        let anchor = self.anchors.as_ref().map_or(0, |anchors| anchors.get(row));
        ((anchor + self.starts.get(row)) as usize, self.lens.get(row) as usize)
    }

    /// The views of all rows, or of the rows of the list: (start, length) in [`Text::bytes`].
    #[doc(hidden)]
    pub fn views(&self, rows: Option<&[u32]>) -> Vec<(u32, u32)> {
        let unpack = |ints: &PackedInts| rows.map_or_else(|| ints.to_vec(), |rows| ints.gather(rows));
        let mut starts = unpack(&self.starts);
        if let Some(anchors) = &self.anchors {
            for (start, anchor) in starts.iter_mut().zip(unpack(anchors)) {
                *start += anchor;
            }
        }
        // A batch's bytes are far below 4 GiB: a frame is limited, and so is what a stage makes.
        starts.iter().zip(unpack(&self.lens)).map(|(&start, len)| (start as u32, len as u32)).collect()
    }

    /// The texts of these rows, in their order, where they are.
    ///
    /// # Panics
    /// When a row is not below [`Text::len`].
    pub fn pick(&self, rows: &[u32]) -> Self {
        let pick = |ints: &PackedInts| PackedInts::pack(&ints.gather(rows));
        let anchors = self.anchors.as_ref().map(pick);
        Text { anchors, starts: pick(&self.starts), lens: pick(&self.lens), bytes: self.bytes.clone() }
    }

    /// The bytes that the views lie in.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The parts: anchors, starts, lengths.
    pub fn parts(&self) -> (Option<&PackedInts>, &PackedInts, &PackedInts) {
        (self.anchors.as_ref(), &self.starts, &self.lens)
    }

    /// The first `len` rows, without copying.
    pub fn head(&self, len: usize) -> Self {
        Text {
            anchors: self.anchors.as_ref().map(|anchors| anchors.head(len)),
            starts: self.starts.head(len),
            lens: self.lens.head(len),
            bytes: self.bytes.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::Text;
    use crate::record::PackedInts;

    #[test]
    fn views_are_checked() {
        let bytes = Bytes::from_static(b"hello world");
        let check = |anchors: Option<&[i64]>, starts: &[i64], lens: &[i64], expect: Option<&[&str]>| {
            let text = Text::new(bytes.clone(), anchors.map(PackedInts::pack), PackedInts::pack(starts), PackedInts::pack(lens));
            let got = text.map(|text| (0..text.len()).map(|row| String::from_utf8_lossy(text.get(row)).into_owned()).collect::<Vec<_>>());
            assert_eq!(got, expect.map(|texts| texts.iter().map(ToString::to_string).collect()));
        };
        check(None, &[0, 6], &[5, 5], Some(&["hello", "world"]));
        check(Some(&[0, 6]), &[1, 1], &[4, 4], Some(&["ello", "orld"]));
        check(None, &[11], &[0], Some(&[""]));
        check(None, &[6], &[6], None);
        check(None, &[-1], &[1], None);
        check(None, &[1], &[-1], None);
        check(Some(&[12]), &[-6], &[1], Some(&["w"]));
        check(Some(&[i64::MAX]), &[i64::MAX], &[1], None);
        check(Some(&[1 << 61]), &[-(1 << 61)], &[5], Some(&["hello"]));
        check(Some(&[1 << 61; 3]), &[-(1 << 61) + 7; 3], &[5; 3], None);
        check(None, &[0, 1], &[1], None);
        check(Some(&[0]), &[0, 1], &[1, 1], None);
    }

    proptest! {
        // The check by widths finds what a check of each row would, whatever widths the arrays have.
        #[test]
        fn views_are_checked_whatever_their_widths(
            rows in prop::collection::vec((0..70_000_i64, prop_oneof![0..200_i64, 0..70_000_i64], prop_oneof![Just(3_i64), 0..300_i64]), 1..1500),
            size in 0..140_000_usize, bias in -2..2_i64,
        ) {
            let anchors: Vec<i64> = rows.iter().map(|row| row.0 + bias).collect();
            let starts: Vec<i64> = rows.iter().map(|row| row.1).collect();
            let lens: Vec<i64> = rows.iter().map(|row| row.2).collect();
            let within = rows.iter().all(|row| row.0 + bias + row.1 >= 0 && row.0 + bias + row.1 + row.2 <= size as i64);
            let text = Text::new(vec![b'x'; size].into(), Some(PackedInts::pack(&anchors)), PackedInts::pack(&starts), PackedInts::pack(&lens));
            prop_assert_eq!(text.is_some(), within);
        }
    }
}
