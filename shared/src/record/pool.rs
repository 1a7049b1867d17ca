//! Buffers that are used again: a stream of a gigabyte needs a handful of them.

use std::{
    fmt, io,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

/// Gives out buffers and takes them back when the last [`Bytes`] over one is dropped.
///
/// A fresh half-megabyte buffer costs more than a memory copy (page faults, zeroing), so blocks and frames recycle
/// theirs. Cloning a pool gives another handle to the same buffers.
#[derive(Clone)]
pub struct Pool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
    /// Larger buffers are given back to the allocator.
    kept_bytes: usize,
}

/// A buffer to read into or to append to, then to be frozen.
pub struct Buffer {
    bytes: Vec<u8>,
    /// Where in `bytes` the content begins.
    start: usize,
    filled: usize,
    pool: Pool,
}

/// What is copied from one page to another is fast or slow by the places in them.
const PAGE_BYTES: usize = 4096;

impl Pool {
    /// Buffers beyond this many are given back to the allocator.
    const KEPT: usize = 32;

    /// An empty pool.
    pub fn new() -> Self {
        Pool::keeping(usize::MAX)
    }

    /// An empty pool that keeps no buffer of more than this many bytes.
    pub fn keeping(kept_bytes: usize) -> Self {
        Pool { free: Arc::default(), kept_bytes }
    }

    /// A buffer of `len` bytes, whose content is whatever it was last used for.
    pub fn take(&self, len: usize) -> Buffer {
        let mut bytes = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if bytes.len() < len {
            // Zeroed by the system, page by page as they are used.
            bytes = vec![0; len];
        }
        Buffer { bytes, start: 0, filled: len, pool: self.clone() }
    }

    /// As [`Pool::take`], for bytes that are read from a file, the first of them from this place in it.
    ///
    /// Each byte lies as far behind the beginning of a page as in the page cache, from which the system copies it. To a place 1 to 31
    /// bytes further on, where large allocations happen to begin, some processors copy at less than a quarter of the speed (measured
    /// byte by byte on an Ice Lake server, by `read` of a file in the page cache).
    ///
    /// ```
    /// let mut buffer = recpipe::Pool::new().take_from(1000, 5000);
    /// assert_eq!(buffer.as_mut().as_ptr().addr() % 4096, 5000 % 4096);
    /// ```
    pub fn take_from(&self, len: usize, place: u64) -> Buffer {
        let mut buffer = self.take(len.saturating_add(PAGE_BYTES - 1));
        let wanted = (place % PAGE_BYTES as u64) as usize;
        buffer.start = wanted.wrapping_sub(buffer.bytes.as_ptr().addr()) % PAGE_BYTES;
        buffer.filled = len;
        buffer
    }
}

impl Default for Pool {
    fn default() -> Self {
        Pool::new()
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Pool")
    }
}

impl Buffer {
    /// Makes it `len` bytes long; what is within both lengths stays.
    pub fn resize(&mut self, len: usize) {
        if self.bytes.len() < self.start + len {
            self.bytes.resize(self.start + len, 0);
        }
        self.filled = len;
    }

    /// The content, shared and never changed again; the memory goes back to the pool when the last user is done.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Buffer({} bytes)", self.filled)
    }
}

/// Appends; it never fails.
impl io::Write for Buffer {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        let end = self.start + self.filled;
        let (over, beyond) = more.split_at(more.len().min(self.bytes.len() - end));
        self.bytes[end..][..over.len()].copy_from_slice(over);
        self.bytes.extend_from_slice(beyond);
        self.filled += more.len();
        Ok(more.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[self.start..][..self.filled]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..][..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < Pool::KEPT && self.bytes.capacity() <= self.pool.kept_bytes {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::Pool;

    #[test]
    fn a_buffer_comes_back() {
        let pool = Pool::new();
        let mut buffer = pool.take(10);
        buffer.as_mut().copy_from_slice(b"0123456789");
        let place = buffer.as_ref().as_ptr();
        let frozen = buffer.freeze();
        let part = frozen.slice(2..4);
        drop(frozen);
        assert_eq!(&part[..], b"23");
        assert_ne!(pool.take(10).as_ref().as_ptr(), place, "still in use");
        drop(part);
        let mut again = pool.take(4);
        assert_eq!(again.as_ref().len(), 4);
        again.resize(12);
        assert_eq!(again.as_ref().len(), 12);
    }
    #[test]
    fn what_is_appended_follows_what_is_there() {
        let pool = Pool::keeping(100);
        let mut buffer = pool.take(4);
        buffer.as_mut().copy_from_slice(b"0123");
        drop(buffer);
        let mut buffer = pool.take(0);
        // Over what it was used for before, and beyond.
        for part in ["a", "", "bcdefg", "h"] {
            buffer.write_all(part.as_bytes()).unwrap();
        }
        assert_eq!(buffer.as_ref(), b"abcdefgh");
        let place = buffer.as_ref().as_ptr();
        drop(buffer);
        let mut large = pool.take(1);
        assert_eq!(large.as_ref().as_ptr(), place, "used again");
        large.resize(1000);
        drop(large);
        assert!(pool.free.lock().unwrap().is_empty(), "too large to be kept");
    }

    #[test]
    fn a_buffer_lies_in_its_pages_as_in_those_of_the_file() {
        let pool = Pool::new();
        for place in [0, 1, 31, 4095, 4096, 10_000, u64::MAX] {
            for len in [0, 1, 4096, 70_000] {
                let mut buffer = pool.take_from(len, place);
                assert_eq!((buffer.as_ref().as_ptr().addr() % 4096, buffer.as_ref().len()), ((place % 4096) as usize, len));
                buffer.as_mut().fill(7);
                buffer.resize(len + 5000);
                buffer.write_all(b"8").unwrap();
                let bytes = buffer.as_ref();
                assert!(bytes[..len].iter().all(|&byte| byte == 7) && bytes.len() == len + 5001 && bytes.ends_with(b"8"));
            }
        }
        // One of them over again.
        assert_eq!(pool.free.lock().unwrap().len(), 1);
    }
}
