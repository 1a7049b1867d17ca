//! Typed record pipes: what a record is and how it travels.
//!
//! A *producer* parses bytes into [`Batch`]es of typed records and writes them as frames; a *consumer* reads the frames
//! and pushes the batches through a chain of [`Stage`]s. This crate is what the two share. It knows no input format, no
//! query language and no command line.
//!
//! - [`record`]: values, schemas, columns, batches, and the builders that parsers use.
//! - [`wire`]: the stream's layout, its writer and its reader; the end of a stream is proven, never assumed.
//! - [`stage`]: the push protocol (`send`, `flush`, `close`) and its checked wrapper.
//! - [`pickle`]: records as Python reads them.
//! - [`typed`]: records as structs of one's own, by serde.
//! - [`sendto`]: streams as generators and coroutines.
//! - [`parallel`]: the same work on several threads, with the order of the input kept.
//! - [`session`]: one stream over several connections, without their I/O.
//! - [`transport`]: where a stream comes from and goes to.
//!
//! # Examples
//! A stream written and read again:
//! ```
//! use std::sync::Arc;
//! use recpipe::{BatchBuilder, Field, Schema, Type, Value, wire::{Ending, Incoming, Reader, Writer}};
//!
//! let schema = Arc::new(Schema::new(vec![Field::new("host", Type::Text), Field::new("status", Type::Int)])?);
//! let mut builder = BatchBuilder::new(schema);
//! builder.push(&[Value::Text(b"10.0.0.1"), Value::Int(404)])?;
//! let batch = builder.finish()?;
//!
//! let mut stream = Vec::new();
//! let mut writer = Writer::new(&mut stream)?;
//! writer.batch(&batch)?;
//! writer.finish(&Ending::default())?;
//!
//! let mut reader = Reader::new(&stream[..])?;
//! let mut records = 0;
//! while let Some(incoming) = reader.read()? {
//!     if let Incoming::Batch(raw) = incoming {
//!         let batch = raw.decode()?;
//!         assert_eq!(batch.row(0).get("status"), Some(Value::Int(404)));
//!         records += batch.len();
//!     }
//! }
//! assert_eq!(records, 1);
//! # Ok::<(), recpipe::Error>(())
//! ```

#![forbid(unsafe_code)]
#![warn(unreachable_pub, clippy::missing_errors_doc, clippy::missing_panics_doc)]

mod blocking_write;
pub mod error;
pub mod exit;
pub mod json;
pub mod logfmt;
pub mod parallel;
pub mod pickle;
pub mod record;
pub mod say;
pub mod sendto;
pub mod service;
pub mod session;
pub mod signals;
pub mod stage;
pub mod template;
pub mod times;
pub mod transport;
pub mod typed;
pub mod untyped;
pub mod wire;

pub use error::Error;
pub use exit::Exit;
pub use record::{
    Batch, BatchBuilder, Bits, Buffer, Column, ColumnBuilder, Field, Origin, PackedInts, Pool, Row, Schema, Text, Time, Type, Value,
};
pub use sendto::{co_recvfrom, co_sendto, gen_recvfrom, gen_sendto};
pub use stage::{Flow, Stage};
