//! Opens the destinations that the command line names.

use std::time::Duration;

use recpipe::Error;
use recpipe::transport::dial::{Dialer, Patience};
use recpipe::transport::exec::{self, Feed};
use recpipe::transport::greet::Identity;
use recpipe::transport::link::{Outlet, Readiness, Settings};
use recpipe::transport::listen::Listener;
use recpipe::transport::{Security, Url, security};
use recpipe::wire::Role;

use super::advice::Advice;
use super::destination::Destination;
use super::spread::{Outputs, Spread};

/// How links are made.
#[derive(Clone, Debug)]
pub struct Options {
    /// Who gets which batch.
    pub spread: Spread,
    /// How long a first connection is tried for.
    pub connect_timeout: Duration,
    /// How long a lost one is tried for.
    pub retry_timeout: Duration,
    /// Who may talk to us.
    pub security: security::Options,
    /// Nothing is said of strangers.
    pub quiet: bool,
}

/// Keeps the address open for those that come back, as long as the run lasts.
pub struct Listening(#[expect(dead_code, reason = "held, not used")] Option<Listener>);

/// The outputs of a run.
pub struct Opened {
    /// Where the records go.
    pub outputs: Outputs,
    /// Where they say what they need.
    pub advice: Advice,
    /// To be kept until they have gone.
    pub listening: Listening,
}

/// Bytes that wait for a consumer, where there is another that could be given them.
const BALANCED_WINDOW: usize = 8 << 20;

/// Opens links to all of `to`, or waits for consumers at `listen`. `over` is called when one of them wants no more or is
/// lost.
///
/// # Errors
/// When one cannot be reached, or started.
pub fn open(
    to: &[Url],
    listen: Option<(&Url, usize)>,
    options: &Options,
    over: impl Fn() + Clone + Send + 'static,
) -> Result<Opened, Error> {
    let readiness = Readiness::new();
    let security = Security::read(&options.security)?;
    let identity = Identity::new(Role::Sender, security.token().into(), concat!("producer ", env!("CARGO_PKG_VERSION")));
    let patience = Patience { connect: options.connect_timeout, retry: options.retry_timeout, ..Patience::default() };
    let count = listen.map_or(to.len(), |(_, count)| count);
    let keeps = options.spread == Spread::Balance && count > 1;
    let window = if keeps { BALANCED_WINDOW } else { Settings::default().window };
    let settings = Settings { window, ..Settings::default() };
    let mut destinations = Vec::new();
    let mut listening = None;
    if let Some((url, count)) = listen {
        let listener = Listener::open(url, &security, identity.clone(), patience, Some(count), options.quiet)?;
        while destinations.len() < count
            && let Some(accepted) = listener.accept()
        {
            let name = recpipe::transport::link::Connections::peer(&accepted);
            let outlet = Outlet::open(accepted, settings, readiness.clone(), over.clone())?;
            destinations.push(Destination::new(name, outlet, None, keeps)?);
        }
        listening = Some(listener);
    }
    for url in to {
        if let Url::Exec(argv) = url {
            let (child, feed) = exec::spawn(argv, true)?;
            let Feed::Link(socket) = feed else { continue };
            let connection = exec::connection(socket, &child);
            let settings = Settings { beat: None, ..settings };
            let outlet = Outlet::open(connection, settings, readiness.clone(), over.clone())?;
            destinations.push(Destination::new(format!("the child `{}`", child.name()), outlet, Some(child), keeps)?);
            continue;
        }
        let dialer = Dialer::new(url, &security, identity.another_stream(), patience)?;
        let outlet = Outlet::open(dialer, settings, readiness.clone(), over.clone())?;
        destinations.push(Destination::new(url.to_string(), outlet, None, keeps)?);
    }
    let outputs = Outputs::new(destinations, options.spread.clone(), readiness);
    let besides = match &options.spread {
        Spread::Shard(field) => Some(field.clone()),
        Spread::Balance | Spread::Broadcast => None,
    };
    Ok(Opened { advice: Advice::links(outputs.plans(), besides), outputs, listening: Listening(listening) })
}
