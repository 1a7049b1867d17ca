//! How records travel: a preamble, then frames, the last of which proves the end.
//!
//! - [`frame`]: the layout, drawn, and a decoder of bytes that does no I/O;
//! - [`encode`]: batches to payloads, on whatever thread;
//! - [`Writer`] and [`Reader`]: the I/O around them;
//! - [`Pushdown`]: what goes the other way, where there is one;
//! - [`Control`]: what two ends of a connection say to each other besides.
//!
//! The layout is written down for other implementers in `docs/wire-format.md`.

mod batch;
mod control;
mod crc;
mod ending;
pub mod frame;
mod payload_pool;
mod pushdown;
mod reader;
mod schema;
mod serializer;
mod writer;

pub use batch::{Encoded, encode};
pub use control::{Control, Hello, Role};
pub use ending::{Ending, Warning};
pub use frame::{Header, Kind};
pub use pushdown::Pushdown;
pub use reader::{Incoming, Place, RawBatch, Reader};
pub use writer::Writer;
