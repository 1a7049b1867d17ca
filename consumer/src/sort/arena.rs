//! Many small pieces of bytes in a few large ones.

/// Pairs of a key and a row, one after the other in chunks of one size; a larger pair has a chunk of its own.
#[derive(Debug, Default)]
pub(crate) struct Arena {
    chunks: Vec<Vec<u8>>,
    /// Chunks of the usual size that are empty.
    spare: Vec<Vec<u8>>,
    chunk_bytes: usize,
    bytes: usize,
}

/// Where a pair lies in an [`Arena`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    chunk: u32,
    at: u32,
}

/// The lengths of the key and the row, before them.
const LENGTHS: usize = 8;

impl Arena {
    /// An empty one, with chunks of this size.
    pub(crate) fn new(chunk_bytes: usize) -> Self {
        Arena { chunk_bytes, ..Arena::default() }
    }

    /// The bytes of all chunks, whether full or not.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that would be added for the next pair, whose key and row have so many bytes.
    pub(crate) fn growth(&self, pair: usize) -> usize {
        let len = LENGTHS + pair;
        match self.chunks.last() {
            Some(chunk) if chunk.capacity() - chunk.len() >= len => 0,
            _ if !self.spare.is_empty() && len <= self.chunk_bytes => 0,
            _ => len.max(self.chunk_bytes),
        }
    }

    /// Adds a pair, whose row has `row_len` bytes and is appended by `write`.
    pub(crate) fn push(&mut self, key: &[u8], row_len: usize, write: impl FnOnce(&mut Vec<u8>)) -> Place {
        let len = LENGTHS + key.len() + row_len;
        if self.chunks.last().is_none_or(|chunk| chunk.capacity() - chunk.len() < len) {
            let spare = if len <= self.chunk_bytes { self.spare.pop() } else { None };
            let chunk = spare.unwrap_or_else(|| {
                self.bytes += len.max(self.chunk_bytes);
                Vec::with_capacity(len.max(self.chunk_bytes))
            });
            self.chunks.push(chunk);
        }
        let number = self.chunks.len() - 1;
        let chunk = &mut self.chunks[number];
        let place = Place { chunk: number as u32, at: chunk.len() as u32 };
        chunk.extend_from_slice(&(key.len() as u32).to_le_bytes());
        chunk.extend_from_slice(&(row_len as u32).to_le_bytes());
        chunk.extend_from_slice(key);
        write(chunk);
        place
    }

    /// The key and the row at a place.
    #[inline]
    pub(crate) fn get(&self, place: Place) -> (&[u8], &[u8]) {
        let bytes = &self.chunks[place.chunk as usize][place.at as usize..];
        let (key_len, row_len) = match bytes.first_chunk::<LENGTHS>() {
            Some([a, b, c, d, e, f, g, h]) => (u32::from_le_bytes([*a, *b, *c, *d]), u32::from_le_bytes([*e, *f, *g, *h])),
            None => (0, 0),
        };
        bytes[LENGTHS..LENGTHS + key_len as usize + row_len as usize].split_at(key_len as usize)
    }

    /// Forgets all pairs; keeps chunks of the usual size for the next.
    pub(crate) fn clear(&mut self) {
        for mut chunk in self.chunks.drain(..) {
            if chunk.capacity() == self.chunk_bytes {
                chunk.clear();
                self.spare.push(chunk);
            }
        }
        self.bytes = self.spare.len() * self.chunk_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::Arena;

    #[test]
    fn keeps_pairs_small_and_large() {
        let mut arena = Arena::new(64);
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..50).map(|i| (vec![i; usize::from(i) % 7], vec![i ^ 1; usize::from(i) * 5 % 90])).collect();
        for _ in 0..2 {
            let mut places = Vec::new();
            for (key, row) in &pairs {
                let before = arena.bytes();
                let growth = arena.growth(key.len() + row.len());
                places.push(arena.push(key, row.len(), |out| out.extend_from_slice(row)));
                assert_eq!(arena.bytes(), before + growth);
            }
            assert!(places.is_sorted());
            for (place, (key, row)) in places.iter().zip(&pairs) {
                assert_eq!(arena.get(*place), (&key[..], &row[..]));
            }
            arena.clear();
            assert!(arena.bytes() > 0 && arena.bytes().is_multiple_of(64));
        }
    }
}
