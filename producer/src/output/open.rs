//! Opens the destinations that the command line names.

use std::sync::Arc;
use std::time::Duration;

use recpipe::Error;
use recpipe::session::Hold;
use recpipe::transport::dial::{Dialer, Patience};
use recpipe::transport::exec::{self, Feed};
use recpipe::transport::handshake::Identity;
use recpipe::transport::link::{Connections, Once, Over, Readiness, Replay, SendLink, Settings};
use recpipe::transport::listen::{Expected, Listener};
use recpipe::transport::{Security, Url, security};
use recpipe::wire::{Hello, Role};

use super::destination::Destination;
use super::pushdown::PushdownChannel;
use super::spread::{Outputs, Spread};
use crate::input::live::Watch;

/// How links are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who gets which batch.
    pub spread: Spread,
    /// How long a first connection is tried for.
    pub connect_timeout: Duration,
    /// How long a lost one is tried for.
    pub retry_timeout: Duration,
    /// The one consumer may be started again, and is sent everything anew.
    pub replay: bool,
    /// What is sent has no end (`--follow`): when the one consumer is started again, the new one is sent what the one before it
    /// was not done with, and what comes.
    pub endless: bool,
    /// Who may talk to us.
    pub security: security::Options,
    /// Nothing is said of strangers, nor of outages.
    pub quiet: bool,
}

impl Options {
    /// Whether the consumer that is called (`to`), or listened for, is the only one, and another may go on in its place. A child
    /// is not started again.
    pub(crate) fn has_heir(&self, to: &[Url], listen: Option<usize>) -> bool {
        let is_alone = listen.map_or(to.len(), |count| count) == 1;
        self.endless && is_alone && !to.iter().any(|url| url.command().is_some())
    }
}

/// Keeps the address open for those that come back, as long as the run lasts.
pub struct Listening(#[expect(dead_code, reason = "held, not used")] Option<Arc<Listener>>);

/// The outputs of a run.
pub struct Opened {
    /// Where the records go.
    pub outputs: Outputs,
    /// Where they say what they need.
    pub channel: PushdownChannel,
    /// To be kept until they have gone.
    pub listening: Listening,
    /// What becomes of the outputs of another run, where the consumer was started again.
    pub anew: Option<Anew>,
    /// The waiting for a consumer that was lost, where it may be started again.
    pub waiting: Option<Replay>,
}

/// The way to a consumer that was started again.
pub struct Anew(Opener);

impl Anew {
    /// Outputs that begin there, and where they say what they need.
    ///
    /// # Errors
    /// When no consumer was started again, or there is no thread for the link.
    pub fn open(&mut self, over: impl Fn(Over) + Send + 'static) -> Result<(Outputs, PushdownChannel), Error> {
        let destination = self.destination(over)?;
        Ok(outputs(vec![destination], &Spread::Balance, self.0.readiness.clone()))
    }

    /// The new consumer.
    pub(super) fn destination(&self, over: impl Fn(Over) + Send + 'static) -> Result<Destination, Error> {
        let Some(replay) = self.0.replay.clone() else { return Err(Error::Protocol("nothing to be sent again")) };
        self.0.destination(replay.peer(), replay, None, over)
    }
}

/// Bytes that wait for a consumer, where there is another that could be given them.
const BALANCED_WINDOW: usize = 8 << 20;

/// How each link is opened.
struct Opener {
    /// Of so many.
    links: usize,
    readiness: Readiness,
    /// What a consumer is not done with is kept for others.
    keeps: bool,
    /// The way to the consumer, where it may be started again.
    replay: Option<Replay>,
}

impl Opener {
    fn destination(
        &self,
        name: String,
        connections: impl Connections + 'static,
        child: Option<exec::Child>,
        over: impl Fn(Over) + Send + 'static,
    ) -> Result<Destination, Error> {
        let mut settings = if child.is_some() { Settings::kin() } else { Settings::default() };
        if self.keeps {
            settings = Settings { window: BALANCED_WINDOW, hold: Hold::Done, ..settings };
        }
        let send_link = SendLink::open(connections, settings.among(self.links), self.readiness.clone(), over)?;
        Destination::new(name, send_link, child, self.keeps)
    }

    /// A consumer at a socket.
    fn peer(
        &mut self,
        connections: impl Connections + 'static,
        replays: bool,
        over: impl Fn(Over) + Send + 'static,
    ) -> Result<Destination, Error> {
        let name = connections.peer();
        if !replays {
            return self.destination(name, connections, None, over);
        }
        let replay = self.replay.insert(Replay::new(connections)).clone();
        self.destination(name, replay, None, over)
    }
}

/// Opens a link over the one connection to the consumer that has started us; `over` is called as [`open`] says.
///
/// # Errors
/// When there is no thread for the link.
pub fn of_starter(connection: Once, over: impl Fn(Over) + Send + 'static) -> Result<Opened, Error> {
    let readiness = Readiness::new();
    let name = connection.peer();
    let send_link = SendLink::open(connection, Settings::kin(), readiness.clone(), over)?;
    let (outputs, channel) = outputs(vec![Destination::new(name, send_link, None, false)?], &Spread::Balance, readiness);
    Ok(Opened { outputs, channel, listening: Listening(None), anew: None, waiting: None })
}

/// Opens links to all of `to`, or waits for consumers at `listen`, until a signal to `watch` ends that. `over` is called when
/// one of them wants no more, is lost, or has failed.
///
/// # Errors
/// When one cannot be reached, or started.
pub fn open(
    to: &[Url],
    listen: Option<(&Url, usize)>,
    options: &Options,
    watch: &Watch,
    over: impl Fn(Over) + Clone + Send + 'static,
) -> Result<Opened, Error> {
    let security = Security::read(&options.security)?;
    let identity = Identity::new(Role::Sender, security.token().into(), concat!("producer ", env!("CARGO_PKG_VERSION")));
    let identity = identity.that_can(Hello::CONDITIONS);
    let count = listen.map_or(to.len(), |(_, count)| count);
    let has_heir = options.has_heir(to, listen.map(|(_, count)| count));
    let may_restart = options.replay || has_heir;
    let patience =
        Patience { connect: options.connect_timeout, retry: options.retry_timeout, restarts: may_restart, ..Patience::default() };
    let keeps = has_heir || options.spread == Spread::Balance && count > 1;
    let mut opener = Opener { links: count, readiness: Readiness::new(), keeps, replay: None };
    let mut destinations = Vec::new();
    let mut listening = None;
    if let Some((url, count)) = listen {
        let listener = Arc::new(Listener::open(url, &security, identity.clone(), patience, Expected::Exactly(count), options.quiet)?);
        let stopped = Arc::downgrade(&listener);
        let stop = move || stopped.upgrade().inspect(|listener| listener.close()).is_some();
        watch.waiting(stop, || -> Result<(), Error> {
            while destinations.len() < count {
                let nobody = || Error::Refused(format!("{}: not all consumers have come that were expected", listener.name()));
                let accepted = listener.accept().ok_or_else(nobody)?;
                destinations.push(opener.peer(accepted, may_restart, over.clone())?);
            }
            Ok(())
        })?;
        listening = Some(listener);
    }
    let open = || -> Result<(), Error> {
        for url in to {
            if let Some(argv) = url.command() {
                let (child, feed) = exec::spawn(argv, true)?;
                let Feed::Link(socket) = feed else { continue };
                let (name, connection) = (format!("the child `{}`", child.name()), exec::connection(socket, &child));
                destinations.push(opener.destination(name, connection, Some(child), over.clone())?);
                continue;
            }
            let dialer = Dialer::new(url, &security, identity.another_stream(), patience, options.quiet)?;
            destinations.push(opener.peer(dialer, may_restart, over.clone())?);
        }
        Ok(())
    };
    // Whoever has come to a listener is there, also for a signal that came since.
    if !to.is_empty() {
        watch.waiting(|| false, open)?;
    }
    let (outputs, channel) = outputs(destinations, &options.spread, opener.readiness.clone());
    let waiting = opener.replay.clone();
    let anew = waiting.is_some().then_some(Anew(opener));
    let listening = Listening(listening);
    Ok(match anew {
        // What one consumer does without, the next one may need.
        Some(anew) if has_heir => {
            Opened { outputs: outputs.with_heirs(anew, over), channel: PushdownChannel::Unheard, listening, anew: None, waiting }
        }
        anew => Opened { outputs, channel, listening, anew, waiting },
    })
}

fn outputs(destinations: Vec<Destination>, spread: &Spread, readiness: Readiness) -> (Outputs, PushdownChannel) {
    let outputs = Outputs::new(destinations, spread.clone(), readiness);
    let besides = match spread {
        Spread::Shard(field) => Some(field.clone()),
        Spread::Balance | Spread::Broadcast => None,
    };
    let channel = PushdownChannel::links(outputs.plans(), besides);
    (outputs, channel)
}
