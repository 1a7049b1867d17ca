//! How long a consumer at the end of a pipe has to speak.
//!
//! Until it has, more is told of the records than most consumers read. How long that is must not depend on how fast anybody is: the stream
//! has the same bytes for any number of threads. So it is a number of bytes that the pipe has taken, looked at so many items later that
//! they have been taken by then whoever works on them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use recpipe::transport::stdio::PIPE_BYTES;

/// After how many bytes in a pipe a consumer at its end has spoken. It does when it has read the fields of the records: by then no more
/// were taken out than the first frame has, and no more are in it than it holds. Where somebody names a place of one of more fields than
/// fit, it fails, and says what to do.
const HEARD_WITHIN: u64 = 5 * PIPE_BYTES as u64;

/// So many items later it is looked at. No more are under way with up to 21 threads; with more, the time may be longer.
const LAG: usize = 64;

/// The time that is left.
pub(super) struct HearingTime {
    /// How many bytes were written with each item, and before it.
    written: Receiver<u64>,
    pulled: u64,
    looked_at: u64,
    is_over: bool,
}

impl HearingTime {
    /// The whole of it; by what is returned besides it is told how many bytes were written when an item was taken, in all.
    pub(super) fn new() -> (SyncSender<u64>, Self) {
        // All but the last so many are looked at with each that is pulled: there is always room.
        let (told, written) = sync_channel(LAG + 1);
        (told, HearingTime { written, pulled: 0, looked_at: 0, is_over: false })
    }

    /// Counts an item that is pulled. Whether the time is over.
    pub(super) fn is_over(&mut self) -> bool {
        self.pulled += 1;
        while self.looked_at + (LAG as u64) < self.pulled {
            let Ok(written) = self.written.try_recv() else { break };
            self.looked_at += 1;
            self.is_over |= written > HEARD_WITHIN;
        }
        self.is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The item at whose pull the time is over, where so many others are under way.
    fn over_at(under_way: u64, bytes: u64) -> Option<u64> {
        let (told, mut time) = HearingTime::new();
        (1..500).find(|pulled| {
            if *pulled > under_way {
                told.try_send((pulled - under_way) * bytes).unwrap();
            }
            time.is_over()
        })
    }

    #[test]
    fn it_is_the_same_however_many_items_are_under_way() {
        let bytes = HEARD_WITHIN / 10;
        let lag = LAG as u64;
        for under_way in [1, 3, 6, lag - 1] {
            assert_eq!(over_at(under_way, bytes + 1), Some(10 + lag), "{under_way} under way");
            assert_eq!(over_at(under_way, bytes), Some(11 + lag), "{under_way} under way");
        }
        assert_eq!(over_at(3, 10), None, "few bytes are in the pipe, it may be");
    }
}
