//! Streams as generators and coroutines, in the seeds' words: over a pipe, a socket, a file, a child, or memory.
//!
//! | | pulls | is pushed to |
//! | --- | --- | --- |
//! | writes a stream | [`gen_sendto`]: all that an iterator gives | [`co_sendto`]: a stage at the end of a chain |
//! | reads a stream | [`gen_recvfrom`]: an iterator | [`co_recvfrom`]: drives a stage |
//!
//! The names are those of David Beazley's tutorials, where they send pickles over a socket; here they send frames whose end is proven.
//!
//! # Examples
//! Two programs of one pipe, in one:
//! ```
//! use recpipe::{Batch, co_recvfrom, gen_recvfrom, gen_sendto, stage::Collect};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Hit { host: String, status: u16 }
//!
//! let (read, write) = std::io::pipe()?;
//! let sender = std::thread::spawn(move || {
//!     let hits = [Hit { host: "10.0.0.1".into(), status: 404 }, Hit { host: "10.0.0.2".into(), status: 200 }];
//!     gen_sendto([Batch::of(&hits)], write)
//! });
//! for hit in gen_recvfrom(read).records::<Hit>() {
//!     let hit = hit?;
//!     println!("{} {}", hit.host, hit.status);
//! }
//! sender.join().expect("no panic")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod coroutine;
mod generator;

pub use coroutine::{SendTo, co_recvfrom, co_sendto};
pub use generator::{Records, RecvFrom, gen_recvfrom, gen_sendto};

use crate::{Error, Exit, wire::Ending};

/// What the end of a stream says, as an error where its producer failed.
fn proven(ending: Ending) -> Result<Ending, Error> {
    match ending.exit {
        Exit::Done => Ok(ending),
        exit => Err(Error::Child { exit, what: format!("the producer ended with exit {}: {}", exit.code(), ending.cause) }),
    }
}

#[cfg(test)]
mod tests;
