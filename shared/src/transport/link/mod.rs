//! A stream over connections: what a [`crate::wire::Writer`] writes into and a [`crate::wire::Reader`] reads from.
//!
//! ```text
//!   Writer ─▶ SendLink ─▶ [Outbox] ─▶ thread ══ socket ══ thread ─▶ [Inbox, queue] ─▶ RecvLink ─▶ Reader
//!                            ▲ frees     │ ◀═ Pushdown, Ack, End ═ │       ▲ done, enough, finished
//! ```
//!
//! One thread at each end owns the socket and both directions of it (`connection_loop.rs`); it speaks the protocol whose rules are
//! [`crate::session`]'s, and gets a new connection from its [`Connections`] when one breaks. Queues are bounded in bytes:
//! a writer whose receiver is slow waits.

mod connection_loop;
mod connections;
mod cut;
mod notify;
mod outage;
mod parser;
mod readiness;
mod recv_link;
mod send_link;
#[cfg(test)]
mod tests;
mod wait;

use std::time::Duration;

pub use connections::{Connected, Connections, Once, Replay};
pub use cut::Cut;
pub use notify::Notify;
pub(crate) use notify::Waker;
pub use outage::Outage;
pub(crate) use parser::Parser;
pub use readiness::Readiness;
pub use recv_link::{RecvLink, Steering};
pub use send_link::{Over, Pushdowns, SendLink};
pub use wait::Wait;
pub(crate) use wait::Woken;

use crate::session::Hold;

/// How a connection is kept.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Bytes of frames that an end keeps: sent and not confirmed, or come and not read.
    pub window: usize,
    /// After this long without a word, one says that one is alive; `None` where the system tells of a death by itself.
    pub beat: Option<Duration>,
    /// A peer that is silent for longer is dead.
    pub silence: Duration,
    /// How long the last confirmation is waited for once everything was sent, and offered once everything came.
    pub linger: Duration,
    /// Until when the sender keeps a frame, of a receiver that does not gather.
    pub hold: Hold,
}

/// What all links of one program together keep, where there are several; each has a megabyte at least.
const TOGETHER: usize = 64 << 20;

impl Settings {
    /// Between a parent and its child: the system tells of a death by itself, and nothing is on its way for long.
    pub fn kin() -> Self {
        Settings { window: 8 << 20, beat: None, ..Settings::default() }
    }

    /// The same for each of so many links, which have no more memory together than a few.
    #[must_use]
    pub fn among(self, links: usize) -> Self {
        Settings { window: self.window.min((TOGETHER / links.max(1)).max(1 << 20)), ..self }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            window: 32 << 20,
            beat: Some(Duration::from_secs(5)),
            silence: Duration::from_secs(15),
            linger: Duration::from_secs(15),
            hold: Hold::Received,
        }
    }
}
