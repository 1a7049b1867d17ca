//! One of those that call us: its connections, one after the other.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;

use super::{GRACE, Shared};
use crate::{
    Error,
    session::Progress,
    transport::{
        departed::Farewell,
        dial::Patience,
        greet::Guest,
        link::{Bell, Connected, Connections, Cut},
    },
    wire::Ending,
};

/// A peer that was accepted, and will be again when its connection breaks.
pub struct Accepted {
    pub(super) first: Option<Guest>,
    pub(super) bell: Option<Bell>,
    pub(super) comes: Receiver<Guest>,
    pub(super) shared: Arc<Shared>,
    pub(super) key: [u8; 16],
    pub(super) peer: String,
    /// It is at a Unix socket.
    pub(super) is_local: bool,
    /// It was greeted: something may have come of it.
    pub(super) begun: bool,
    /// What it is told when it comes back after all.
    pub(super) farewell: Option<Farewell>,
}

impl Connections for Accepted {
    fn next(&mut self, after: Option<&Cut>, progress: Progress) -> Result<Connected, Error> {
        let Patience { retry, greeting, restarts, .. } = self.shared.patience;
        let patience = match after {
            _ if restarts => retry,
            // Within a host a connection breaks when one of its ends does.
            Some(_) if self.is_local => Duration::ZERO,
            Some(Cut::Closed | Cut::Failed(_, io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) => GRACE.min(retry),
            _ if progress.finished => GRACE.min(retry),
            _ => retry,
        };
        let why = |what: &str| {
            let cut = after.map_or_else(String::new, |cut| format!(": {cut}"));
            Error::Lost(format!("{} is lost{cut}{what}", self.peer))
        };
        let welcome = |guest: Guest| {
            let identity = self.shared.identity(&guest);
            guest.welcome(&identity, progress, greeting)
        };
        let mut failed = String::new();
        if let Some(first) = self.first.take() {
            match welcome(first) {
                Ok(connected) => {
                    self.begun = true;
                    return Ok(connected);
                }
                Err(error) => failed = format!("; {error}"),
            }
            if !restarts {
                return Err(why(&failed));
            }
        }
        // One that is there already needs no patience.
        if patience.is_zero() && self.comes.is_empty() {
            return Err(why(""));
        }
        self.shared.set_vacant(restarts.then_some(self.key));
        let until = Instant::now() + patience;
        let next = loop {
            let Ok(guest) = self.comes.recv_timeout(until.saturating_duration_since(Instant::now())) else {
                break Err(why(if failed.is_empty() { "; it did not come back" } else { &failed }));
            };
            let key = self.shared.key(&guest);
            match welcome(guest) {
                Ok(connected) => break Ok((connected, key)),
                Err(error) => failed = format!("; {error}"),
            }
            self.shared.set_vacant(restarts.then_some(key));
        };
        self.shared.set_vacant(None);
        let (connected, key) = next?;
        self.key = key;
        self.begun = true;
        Ok(connected)
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }

    fn bell(&mut self) -> io::Result<Bell> {
        if let Some(bell) = self.bell.take() {
            return Ok(bell);
        }
        let bell = Bell::new()?;
        if let Some(line) = self.shared.desk().links.get_mut(&self.key) {
            line.waker = bell.waker();
        }
        Ok(bell)
    }

    fn concluded(&mut self, progress: Progress, ending: Option<Ending>) {
        self.farewell = ending.map(|ending| (progress, ending));
    }

    fn has_returned(&self) -> bool {
        !self.comes.is_empty()
    }
}

impl Drop for Accepted {
    fn drop(&mut self) {
        let mut desk = self.shared.desk();
        desk.links.remove(&self.key);
        if self.begun {
            desk.departed.insert(self.key, self.farewell.take());
        }
    }
}
