//! The buffers that payloads of batches are put together in. They are filled by one thread and emptied by another, for which
//! allocators are not made: half of the time of writing plain numbers went into pages that came and went.

use std::sync::LazyLock;

use crate::record::{Buffer, Pool};

/// Larger buffers are given back to the allocator.
const KEPT_BYTES: usize = 2 << 20;

/// One for all streams of the program: it holds nothing but memory.
static PAYLOADS: LazyLock<Pool> = LazyLock::new(|| Pool::keeping(KEPT_BYTES));

/// An empty buffer.
pub(super) fn buffer() -> Buffer {
    PAYLOADS.take(0)
}
