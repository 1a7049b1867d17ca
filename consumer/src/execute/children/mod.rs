//! Workers in child processes, instead of threads: `--processes N`.
//!
//! The parent reads the stream and hands each frame, byte for byte, to one of `N` children, which are this program again
//! (`consumer --worker`); a child runs the part of the query that each worker runs, on threads of its own, and says what
//! came of the frame. Partial results that are merged at the end stay in the children: each gives one sorted run of them,
//! and the parent merges these while it reads them. So the plan, the frames and the states are those of threads, and so
//! is the answer, byte for byte.
//!
//! Both directions are record streams: checked, with a proven end. In between stand messages (`protocol.rs`). There are never more
//! than a few frames on their way to a child, and a child whose input ends without an end, because its parent has gone,
//! ends too.
//!
//! Rejected: to give a lost child's frames to another. What it had gathered is lost with it, and all of its frames would
//! have to be kept for that.

mod child;
mod pool;
mod protocol;
mod remote;

pub use child::main;
pub use pool::{Orders, Pool, Turn};
#[cfg(test)]
pub(crate) use protocol::Message;
pub(super) use remote::RemoteWorker;

/// More are refused on a command line: each has threads and pipes.
pub(crate) const MAX_PROCESSES: u16 = 256;
