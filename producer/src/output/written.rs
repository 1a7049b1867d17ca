//! How many bytes have been written.

use std::io::{self, IoSlice, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes to another writer, and counts the bytes that it has taken where others see it.
pub struct Written<W> {
    out: W,
    bytes: Arc<AtomicU64>,
}

impl<W> Written<W> {
    /// Adds what `out` takes to `bytes`.
    pub fn new(out: W, bytes: Arc<AtomicU64>) -> Self {
        Written { out, bytes }
    }

    fn count(&self, taken: io::Result<usize>) -> io::Result<usize> {
        taken.inspect(|&taken| {
            self.bytes.fetch_add(taken as u64, Ordering::Release);
        })
    }
}

impl<W: Write> Write for Written<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.out.write(bytes);
        self.count(taken)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        let taken = self.out.write_vectored(parts);
        self.count(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_is_counted() {
        let bytes = Arc::default();
        let mut room = [0; 5];
        let mut out = Written::new(&mut room[..], Arc::clone(&bytes));
        assert_eq!(out.write(b"abc").unwrap(), 3);
        assert_eq!(out.write_vectored(&[IoSlice::new(b"d"), IoSlice::new(b"efg")]).unwrap(), 2);
        assert_eq!((out.write(b"h").unwrap(), bytes.load(Ordering::Acquire)), (0, 5));
    }
}
