//! Where a stream comes from and goes to.
//!
//! - [`Url`]: what a user names, and [`scheme`]: a row and a file for each kind of it;
//! - [`stdio`]: standard input and output, pipes made large, terminals refused;
//! - [`file`](mod@file): a stream kept in a file;
//! - [`back`]: what a consumer tells the producer before it in a plain pipe;
//! - [`link`]: a stream over connections, [`socket`]s, that may break and come back;
//! - [`security`] and [`tls`]: who may talk to us, and that nobody listens in;
//! - [`recipient`]: somebody that a stream is sent to, and how both end;
//! - [`raw`]: connections to programs that know no frames;
//! - [`Patient`]: writing to what may be non-blocking;
//! - [`watch`]: reading that can be stopped while it waits.

pub mod back;
mod departed;
pub mod dial;
pub mod greet;
pub mod link;
pub mod listen;
mod patient;
pub mod raw;
pub mod recipient;
pub mod scheme;
pub mod security;
pub mod socket;
mod strangers;
pub mod tls;
pub mod token;
mod url;
pub mod watch;

pub use patient::Patient;
pub use scheme::{exec, file, stdio};
pub use security::Security;
pub use url::Url;
