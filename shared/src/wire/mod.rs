//! How records travel: a preamble, then frames, the last of which proves the end.
//!
//! - [`frame`]: the layout, drawn, and a decoder of bytes that does no I/O;
//! - [`codec`]: payloads to and from batches, the only file that names the serializer;
//! - [`Writer`] and [`Reader`]: the I/O around them;
//! - [`Plan`]: what goes the other way, where there is one;
//! - [`control`]: what two ends of a connection say to each other besides.
//!
//! The layout is written down for other implementers in `docs/wire-format.md`.

pub mod codec;
pub mod control;
mod crc;
pub mod frame;
mod heads;
mod plan;
mod reader;
mod writer;

pub use codec::{Encoded, Ending, Report, encode};
pub use control::{Control, Hello, Role};
pub use frame::{Header, Kind};
pub use plan::Plan;
pub use reader::{Incoming, Place, RawBatch, Reader};
pub use writer::Writer;
