//! The `producer` program as its users see it: arguments and bytes in, a stream, messages and an exit code out.

#![allow(clippy::unwrap_used, clippy::panic)]

mod advice; // what the reader needs, told backwards through the pipe
mod harness;
mod inputs; // which files are read, in which order, and what became of those that cannot be
mod live; // pipes that stay open, readers that go away, terminals
mod rejects; // lines that are no records: limits, messages, the file they are kept in, the ledger
mod stream; // what is written: the same for any number of threads, schemas, the end
