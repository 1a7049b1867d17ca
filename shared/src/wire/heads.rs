//! Buffers for the payloads of batches, used again: they are filled by one thread and emptied by another, for which allocators are
//! not made (half of the time of writing plain numbers went into pages that came and went).

use std::ops::{Deref, DerefMut};
use std::sync::{Mutex, PoisonError};

/// More buffers than this, or larger ones, are given back to the allocator.
const KEPT: usize = 32;
const KEPT_BYTES: usize = 2 << 20;

static FREE: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

/// A growing buffer that another like it will be made of.
#[derive(Debug)]
pub(super) struct HeadBuffer(Vec<u8>);

impl HeadBuffer {
    /// An empty one.
    pub(super) fn new() -> Self {
        HeadBuffer(FREE.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default())
    }
}

impl Deref for HeadBuffer {
    type Target = Vec<u8>;

    fn deref(&self) -> &Vec<u8> {
        &self.0
    }
}

impl DerefMut for HeadBuffer {
    fn deref_mut(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }
}

impl Drop for HeadBuffer {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(PoisonError::into_inner);
        if free.len() < KEPT && self.0.capacity() <= KEPT_BYTES {
            self.0.clear();
            free.push(std::mem::take(&mut self.0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::HeadBuffer;

    #[test]
    fn a_buffer_comes_back_empty() {
        let mut head = HeadBuffer::new();
        head.extend_from_slice(b"some bytes");
        drop(head);
        assert!(HeadBuffer::new().is_empty());
    }
}
