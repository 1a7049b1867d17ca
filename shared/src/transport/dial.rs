//! Connections that we make, and make again when one breaks, where the scheme allows that.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{
    Security, Url,
    handshake::{self, HandshakeError, Identity},
    link::{Connected, Connections, Cut, Outage, Wait},
    scheme::{CallFailed, Dial},
};
use crate::{Error, session::Progress, wire::Role};

/// How long connections are waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the first connection.
    pub connect: Duration,
    /// For each further one, after a connection broke.
    pub retry: Duration,
    /// For the handshake on a new connection.
    pub greeting: Duration,
    /// Whether the other end may be started again meanwhile. If so, it is not lost when nobody answers.
    pub restarts: bool,
}

impl Default for Patience {
    fn default() -> Self {
        Patience { connect: Duration::from_secs(10), retry: Duration::from_secs(30), greeting: Duration::from_secs(10), restarts: false }
    }
}

/// A time that nobody outlives, and that no clock is too short for: `forever`.
pub(crate) const FOREVER: Duration = Duration::from_secs(100 * 365 * 86_400);

/// Reads a time that something is waited for, by what reads times as they are typed; or `forever`.
///
/// # Errors
/// What is wrong with it.
pub fn patience<E: fmt::Display>(typed: &str, read: impl FnOnce(&str) -> Result<Duration, E>) -> Result<Duration, String> {
    match typed {
        "forever" => Ok(FOREVER),
        typed => read(typed).map(|time| time.min(FOREVER)).map_err(|error| format!("{error}; a time as 30s or 5m, or `forever`")),
    }
}

/// How long something is waited for, as it is said.
pub(super) fn up_to(time: Duration) -> String {
    if time == FOREVER { "for as long as it takes".to_owned() } else { format!("for up to {time:?}") }
}

/// The first pause between two tries. Each is twice the one before, up to [`LONGEST_PAUSE`], and partly random, so that many
/// callers that lost the same host do not come back at the same moment.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Makes the connections of a link by calling a peer, again whenever one breaks.
#[derive(Debug)]
pub struct Dialer {
    target: Box<dyn Dial>,
    peer: String,
    /// Whether a connection that breaks can be made again.
    resumes: bool,
    identity: Identity,
    patience: Patience,
    quiet: bool,
}

impl Dialer {
    /// Prepares to call `url`. Outages are not logged if `quiet`.
    ///
    /// # Errors
    /// [`Error::Usage`] if `url` names no socket, or the options do not fit how it is secured.
    pub fn new(url: &Url, security: &Security, identity: Identity, patience: Patience, quiet: bool) -> Result<Self, Error> {
        let target = url.endpoint().dial(security)?;
        Ok(Dialer { target, peer: url.to_string(), resumes: url.scheme().resumes, identity, patience, quiet })
    }

    fn try_once(&mut self, progress: Progress, within: Duration, wait: Wait<'_>) -> Result<Connected, CallFailed> {
        let until = Instant::now() + within;
        let socket = self.target.dial(until, wait)?;
        let called = handshake::call(socket, &self.identity, progress, self.patience.greeting.min(left(until)), wait);
        let connected = called.map_err(|error| match error {
            HandshakeError::Failed(what) => CallFailed { is_final: false, refused: false, what },
            HandshakeError::Refused(_) => CallFailed::finally(error.to_string()),
        })?;
        // A sender says whose stream it is; a receiver takes the name of ours.
        if let (Some(hello), Role::Receiver) = (&connected.hello, self.identity.role) {
            if ![[0; 16], hello.stream].contains(&self.identity.stream) {
                return Err(CallFailed::finally("it was started again, and sends another stream".into()));
            }
            self.identity.stream = hello.stream;
        }
        Ok(connected)
    }
}

impl Connections for Dialer {
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error> {
        let peer = self.peer();
        if let (Some(cut), false, false) = (after, self.resumes, self.patience.restarts) {
            return Err(Error::lost_peer(peer, format!("has gone: {cut}")));
        }
        let patience = if after.is_some() { self.patience.retry } else { self.patience.connect };
        let began = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let left = patience.saturating_sub(began.elapsed());
            let failed = match self.try_once(progress, left, wait) {
                Ok(connected) => return Ok(connected),
                Err(failed) => failed,
            };
            match after {
                None if failed.is_final => return Err(Error::Refused(format!("{peer}: {}", failed.what))),
                // A process that listens no more has gone, and what it knew of us with it.
                Some(cut) if (failed.is_final || failed.refused) && !self.patience.restarts => {
                    return Err(Error::lost_peer(peer, format!("has gone: {cut}; on another try: {}", failed.what)));
                }
                Some(cut) if wait.is_over() => return Err(Error::lost_peer(peer, format!("is lost: {cut}; it is waited for no longer"))),
                _ => {}
            }
            let rest = pause / 2 + pause.mul_f64(chance() / 2.0);
            if began.elapsed() + rest >= patience {
                let tried = format!("{} (tried for {} s)", failed.what, began.elapsed().as_secs_f64().round());
                return Err(match after {
                    None => Error::Refused(format!("cannot connect to {peer}: {tried}")),
                    Some(cut) => Error::lost_peer(peer, format!("is lost: {cut}; it could not be reached again: {tried}")),
                });
            }
            // That nobody waits any more is seen by the next call.
            let _ = wait.pause(Instant::now() + rest);
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn outage(&self, after: &Cut, progress: Progress) -> Option<Outage> {
        let Patience { retry, restarts, .. } = self.patience;
        // What has finished has only its last word to say.
        if self.quiet || progress.finished || !self.resumes && !restarts {
            return None;
        }
        let how = if restarts { waits_for_another(retry) } else { format!("calls again {}", up_to(retry)) };
        Some(Outage { who: format!("{}: {}", self.identity.program_name(), self.peer()), what: format!("{after}; {how}") })
    }

    fn peer(&self) -> String {
        self.peer.clone()
    }
}

/// What a sender whose receiver may be started again says that it does.
pub(super) fn waits_for_another(retry: Duration) -> String {
    match retry {
        FOREVER => "waits for it, or for another consumer, for as long as it takes".to_owned(),
        retry => format!("waits up to {retry:?} for it, or for another consumer"),
    }
}

/// The time until then, at least a millisecond: the system refuses a timeout of zero.
fn left(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
}

/// A random number between 0 and 1.
fn chance() -> f64 {
    let mut bytes = [0; 4];
    // Where the system has no chance to give, all wait alike.
    let _ = getrandom::fill(&mut bytes);
    f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX)
}
