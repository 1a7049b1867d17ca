//! One stream over any number of connections: each frame arrives, and arrives once.
//!
//! A pipe breaks once, and what was in it is gone. A connection between hosts breaks and comes back, so what was sent and
//! not yet confirmed is kept, and a new connection goes on where the receiver says that it is. This module is the protocol
//! without its I/O: two halves that are told what happened and answer what to do, so that every interleaving of frames,
//! acknowledgements and cuts can be explored (the test `explore`). The threads and sockets around them are
//! [`crate::transport`]'s.
//!
//! ```text
//!   sender: Outbox                                                    receiver: Inbox
//!   push ──▶ [ kept ][ kept, sent ][ to be sent ]  ══ Batch n … ══▶   expects `next`, hands frames on once, in order
//!            ▲ base                ▲ next                             │
//!            └──── frees what need not be sent again ◀══ Ack(received, done) ══┘
//!                                   rewinds to it    ◀══ Hello(next) ══ after each connect
//! ```
//!
//! # What an acknowledgement means
//! *Received*: the frame is in the memory of the receiver, and will enter its pipeline once.
//! *Done*: what it led to has been written and flushed by the last stage; a receiver that dies now takes nothing of it along.
//! A receiver whose query holds state until the end (`count`, `sort`) has done nothing before it.
//! The sender keeps a frame until the one or the other, as [`Hold`] says.
//!
//! # What cannot be had
//! The last confirmation can be lost with the connection, and then the sender cannot know that all is well although it is
//! (the two generals' problem). The receiver stays for a while to confirm again; after that the sender reports what it
//! knows: not confirmed.

#[cfg(test)]
mod explore;
mod inbox;
mod outbox;

pub use inbox::{Inbox, Receipt};
pub use outbox::{Hold, Lost, Outbox};

/// Who one end is: drawn at random when a program starts, so that one that was started again is not taken for the one
/// before it.
pub(crate) type Instance = [u8; 16];

/// What a receiver says of a stream: after each connect, and from time to time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Progress {
    /// The number of frames that it has: the number of the next one.
    pub received: u64,
    /// The number of frames that are done with; never more than `received`.
    pub done: u64,
    /// It wants no more.
    pub enough: bool,
    /// It has the End frame, has answered, and has said so to whoever runs it.
    pub finished: bool,
}
