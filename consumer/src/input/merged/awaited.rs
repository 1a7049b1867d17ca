//! Senders that have not called yet, while others are here and wait for them.

use recpipe::say;

use super::desk::Desk;

/// What was said of them.
#[derive(Default)]
pub(super) struct Awaited {
    /// How many were here.
    here: usize,
}

impl Awaited {
    /// Says how many are missing, once for each that has come: no record is read before the fields of all are known, so who comes only when
    /// another has ended never comes.
    pub(super) fn say(&mut self, desk: &Desk, senders: Option<usize>) {
        let (Some(senders), Some(listener)) = (senders, &desk.listener) else { return };
        let here = desk.begun;
        if here > self.here && here < senders {
            self.here = here;
            let missing = senders - here;
            say!(
                "consumer: {here} of {senders} senders {} here; waits for {missing} more {} at {} (all have to run at the same time)",
                if here == 1 { "is" } else { "are" },
                if missing == 1 { "sender" } else { "senders" },
                listener.name(),
            );
        }
    }
}
