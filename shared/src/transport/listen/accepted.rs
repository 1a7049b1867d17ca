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
        closed_links::Farewell,
        dial::{Patience, waits_for_another},
        handshake::Guest,
        link::{Connected, Connections, Cut, Notify, Outage, Wait, Woken},
    },
    wire::Ending,
};

/// A peer that was accepted, and will be again when its connection breaks.
pub struct Accepted {
    pub(super) first: Option<Guest>,
    pub(super) notify: Option<Notify>,
    pub(super) comes: Receiver<Guest>,
    pub(super) shared: Arc<Shared>,
    pub(super) key: [u8; 16],
    pub(super) peer: String,
    /// It was greeted: something may have come of it.
    pub(super) begun: bool,
    /// What it is told when it comes back after all.
    pub(super) farewell: Option<Farewell>,
}

impl Accepted {
    /// How long it is waited for.
    fn patience(&self, after: Option<&Cut>, progress: Progress) -> Duration {
        let Patience { retry, restarts, .. } = self.shared.patience;
        match after {
            _ if restarts => retry,
            Some(_) if !self.shared.resumes => Duration::ZERO,
            _ if is_closed(after) || progress.finished => GRACE.min(retry),
            _ => retry,
        }
    }
}

/// Whether the other end has closed it, or the system in its place.
fn is_closed(cut: Option<&Cut>) -> bool {
    let reset = [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe];
    match cut {
        Some(Cut::Closed | Cut::Left(_)) => true,
        Some(Cut::Failed(_, kind)) => reset.contains(kind),
        _ => false,
    }
}

impl Connections for Accepted {
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error> {
        let Patience { greeting, restarts, .. } = self.shared.patience;
        let patience = self.patience(after, progress);
        let why = |what: &str| {
            let cut = after.map_or_else(String::new, |cut| format!(": {cut}"));
            Error::lost_peer(&self.peer, format!("is lost{cut}{what}"))
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
        let until = Instant::now() + patience;
        // One that was closed has died, or is back at once. One that is silent may only be cut off: its place is kept for it.
        let is_kept = restarts && !is_closed(after);
        let mut kept_until = is_kept.then(|| until.min(Instant::now() + GRACE));
        self.shared.set_vacant((restarts && !is_kept).then_some(self.key));
        let next = loop {
            let guest = match self.comes.try_recv() {
                Ok(guest) => guest,
                Err(_) => match wait.turn(None, kept_until.unwrap_or(until)) {
                    // Whoever comes wakes us.
                    Ok(Woken::Notified | Woken::Socket) => continue,
                    Ok(Woken::Late) if kept_until.take().is_some() => {
                        self.shared.set_vacant(Some(self.key));
                        continue;
                    }
                    Err(_) if wait.is_over() => break Err(why("; it is waited for no longer")),
                    Ok(Woken::Late) | Err(_) => break Err(why(if failed.is_empty() { "; it did not come back" } else { &failed })),
                },
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

    fn outage(&self, after: &Cut, progress: Progress) -> Option<Outage> {
        let (patience, restarts) = (self.patience(Some(after), progress), self.shared.patience.restarts);
        // What has finished has only its last word to say.
        if self.shared.quiet || patience.is_zero() || progress.finished {
            return None;
        }
        let how = if restarts { waits_for_another(patience) } else { format!("waits up to {patience:?} for it to call again") };
        Some(Outage { who: format!("{}: {}", self.shared.identity.program_name(), self.peer), what: format!("{after}; {how}") })
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }

    fn notify(&mut self) -> io::Result<Notify> {
        if let Some(notify) = self.notify.take() {
            return Ok(notify);
        }
        let notify = Notify::new()?;
        if let Some(line) = self.shared.desk().links.get_mut(&self.key) {
            line.waker = notify.waker();
        }
        Ok(notify)
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
