//! Where a stream comes from and goes to.
//!
//! - [`Url`]: what a user names, and [`scheme`]: a row and a file for each kind of it;
//! - [`stdio`]: standard input and output, pipes made large, terminals refused;
//! - [`file`](mod@file): a stream kept in a file;
//! - [`exec`]: child processes;
//! - [`pipe_backchannel`]: what a consumer tells the producer before it in a plain pipe;
//! - [`link`]: a stream over connections that may break and come back;
//! - [`dial`] and [`listen`]: where a link gets its connections from, and [`handshake`]: how each begins;
//! - [`security`]: who may talk to us, and what may go in the clear;
//! - [`local`]: a stream within one process, whose batches are never bytes;
//! - [`downstream`]: a receiver that a stream is sent to, and how both end;
//! - [`plain_socket`]: connections to programs that know no frames;
//! - [`BlockingWriter`]: writing to what may be non-blocking;
//! - [`watch`]: reading that can be stopped while it waits.

mod admission;
mod closed_links;
pub mod dial;
pub mod downstream;
pub mod handshake;
pub mod link;
pub mod listen;
pub mod local;
pub mod pipe_backchannel;
pub mod plain_socket;
pub mod scheme;
pub mod security;
mod socket;
#[cfg(feature = "tls")]
mod tls;
#[cfg(not(feature = "tls"))]
#[path = "no_tls.rs"]
mod tls;
mod token;
mod url;
pub mod watch;

pub use scheme::{exec, file, stdio};
pub use security::Security;
pub use url::Url;

pub use crate::blocking_write::BlockingWriter;
