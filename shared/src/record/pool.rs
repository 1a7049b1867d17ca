//! Buffers that are used again: a stream of a gigabyte needs a handful of them.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;

/// Gives out buffers and takes them back when the last [`Bytes`] over one is dropped.
///
/// A fresh half-megabyte buffer costs more than a memory copy (page faults, zeroing), so blocks and frames recycle
/// theirs. Cloning a pool gives another handle to the same buffers.
#[derive(Clone, Default)]
pub struct Pool {
    free: Arc<Mutex<Vec<Vec<u8>>>>,
}

/// A buffer to read into, then to be frozen.
pub struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
    pool: Pool,
}

impl Pool {
    /// Buffers beyond this many are given back to the allocator.
    const KEPT: usize = 32;

    /// An empty pool.
    pub fn new() -> Self {
        Self::default()
    }

    /// A buffer of `len` bytes, whose content is whatever it was last used for.
    pub fn take(&self, len: usize) -> Buffer {
        let mut bytes = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if bytes.len() < len {
            // Zeroed by the system, page by page as they are used.
            bytes = vec![0; len];
        }
        Buffer { bytes, filled: len, pool: self.clone() }
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
        if self.bytes.len() < len {
            self.bytes.resize(len, 0);
        }
        self.filled = len;
    }

    /// The content, shared and never changed again; the memory goes back to the pool when the last user is done.
    pub fn freeze(self) -> Bytes {
        Bytes::from_owner(self)
    }
}

impl AsRef<[u8]> for Buffer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.filled]
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.filled]
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut free = self.pool.free.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < Pool::KEPT {
            free.push(std::mem::take(&mut self.bytes));
        }
    }
}

#[cfg(test)]
mod tests {
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
}
