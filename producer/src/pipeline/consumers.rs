//! Runs whose records go to consumers that may answer; `--replay` is several of them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use recpipe::transport::link::{Once, Over, Replay};
use recpipe::transport::{Url, security};
use recpipe::{Error, Exit, say, service};

use super::{Pipeline, Refused, incomplete, no_signals};
use crate::input::live::Watch;
use crate::input::signals;
use crate::output::interop::{self, Encoding};
use crate::output::{self, Anew, Opened, Options, PushdownChannel, Spread, Target};
use crate::replay::{self, Snapshot};
use crate::run::rejects::Kept;
use crate::run::{Output, Restarted};

impl Pipeline<'_> {
    /// Sends to those that are called or started (`urls`), or to so many that call.
    pub(super) fn to_consumers(&self, urls: &[Url], listen: Option<&(Url, usize)>, options: &Options) -> Result<Exit, Refused> {
        let usage = |mistake: String| (Exit::Usage, mistake);
        let snapshot = options.replay.then(|| Snapshot::of(&self.found)).transpose().map_err(usage)?;
        let kept = self.rejects()?;
        if snapshot.is_some() && kept.as_ref().is_some_and(|kept| !kept.is_regular()) {
            return Err(usage("--replay: what --rejects names is no regular file, and would have them twice".to_owned()));
        }
        let sending = Sending { pipeline: self, urls, listen, options, watch: Watch::nothing() };
        let run = || match self.config.options.packing.encoding {
            Encoding::Records => sending.records(kept, snapshot.as_ref()),
            encoding => sending.encoded(encoding, kept),
        };
        signals::ending(&sending.watch, run).unwrap_or_else(|e| Err(no_signals(e)))
    }
}

impl Pipeline<'_> {
    /// Sends to the consumer that has started us and speaks through standard input and output.
    pub(super) fn to_starter(&self, connection: Once) -> Result<Exit, Refused> {
        if !self.config.format.start.reads_nothing() && reads_stdin(&self.config.paths) {
            let what = "standard input is the connection to the consumer that has started this; name the files to be read";
            return Err((Exit::Usage, what.to_owned()));
        }
        let kept = self.rejects()?;
        let options = Options {
            spread: Spread::Balance,
            connect_timeout: Duration::ZERO,
            retry_timeout: Duration::ZERO,
            replay: false,
            endless: false,
            security: security::Options::default(),
            quiet: self.config.options.quiet,
        };
        let sending = Sending { pipeline: self, urls: &[], listen: None, options: &options, watch: Watch::nothing() };
        let run = || {
            let Opened { outputs, channel, .. } = output::of_starter(connection, sending.over()).map_err(|e| sending.unreached(&e))?;
            sending.once(Box::new(outputs), channel, kept)?.map_err(|restarted| incomplete(restarted.0))
        };
        signals::ending(&sending.watch, run).unwrap_or_else(|e| Err(no_signals(e)))
    }
}

fn reads_stdin(paths: &[PathBuf]) -> bool {
    paths.is_empty() || paths.iter().any(|path| path.as_os_str() == "-")
}

/// Consumers, and how they are reached.
struct Sending<'s> {
    pipeline: &'s Pipeline<'s>,
    urls: &'s [Url],
    listen: Option<&'s (Url, usize)>,
    options: &'s Options,
    /// What ends the reading: a signal, or that nobody takes more.
    watch: Watch,
}

impl Sending<'_> {
    fn listen(&self) -> Option<(&Url, usize)> {
        self.listen.map(|(url, count)| (url, *count))
    }

    /// Why they cannot be reached. A signal has ended the waiting, if one came.
    fn unreached(&self, error: &Error) -> Refused {
        (self.watch.signal().map_or_else(|| error.exit(), Exit::Signal), error.to_string())
    }

    fn once(&self, outputs: Box<dyn Target>, channel: PushdownChannel, kept: Option<Kept>) -> Result<Result<Exit, Restarted>, Refused> {
        self.pipeline.run(&self.watch, None, kept, channel, Output::Now(Box::new(|| Ok(outputs))))
    }

    /// To programs that are no `consumer`.
    fn encoded(&self, encoding: Encoding, kept: Option<Kept>) -> Result<Exit, Refused> {
        let streams = interop::open(encoding, self.urls, self.listen(), self.options, &self.watch).map_err(|e| self.unreached(&e))?;
        self.once(Box::new(streams), PushdownChannel::Nobody, kept)?.map_err(|restarted| incomplete(restarted.0))
    }

    /// To consumers. With a snapshot of the inputs, all is sent again to one that was started again.
    fn records(&self, kept: Option<Kept>, snapshot: Option<&Snapshot>) -> Result<Exit, Refused> {
        service::status("waits for its consumer");
        let Opened { outputs, channel, listening: _listening, anew, waiting } =
            output::open(self.urls, self.listen(), self.options, &self.watch, self.over()).map_err(|e| self.unreached(&e))?;
        // What is not sent because of a signal is not sent again, and who might come to take it is not waited for.
        let waited_for = waiting.clone();
        self.watch.also_ends(move || waited_for.iter().for_each(Replay::wait_no_more));
        let exit = match (self.once(Box::new(outputs.remembering(self.pipeline.state.clone())), channel, kept)?, snapshot, anew) {
            (Ok(exit), ..) => exit,
            (Err(restarted), Some(snapshot), Some(anew)) => self.again(restarted, snapshot, anew)?,
            (Err(restarted), ..) => return Err(incomplete(restarted.0)),
        };
        match self.watch.signal().filter(|_| waiting.as_ref().is_some_and(Replay::has_given_up)) {
            Some(signal) => Err((Exit::Signal(signal), format!("ended by {}, and waits for no consumer", signals::name(signal)))),
            None => Ok(exit),
        }
    }

    /// All of it again, from the beginning, as often as has to be and makes sense.
    fn again(&self, restarted: Restarted, snapshot: &Snapshot, mut anew: Anew) -> Result<Exit, Refused> {
        let Restarted(mut restarted) = restarted;
        for _ in 0..replay::MOST {
            if !self.watch.again() {
                return Err((self.watch.signal().map_or(Exit::Incomplete, Exit::Signal), restarted));
            }
            let same = snapshot.compare().map_err(|changed| incomplete(format!("{restarted}; it cannot be sent again: {changed}")))?;
            say!(
                "producer: {restarted}; all is sent again, from the beginning{}",
                same.map_or_else(String::new, |grown| format!("; {grown}"))
            );
            let kept = self.pipeline.rejects()?;
            let (outputs, channel) = anew.open(self.over()).map_err(|e| self.unreached(&e))?;
            match self.once(Box::new(outputs), channel, kept)? {
                Ok(exit) => return Ok(exit),
                Err(Restarted(why)) => restarted = why,
            }
        }
        Err(incomplete(format!("{restarted}; it was sent all of it {} times, which has to be enough", replay::MOST + 1)))
    }

    /// What is done when a link is over. Links are over one by one; that all are is seen by the next write, and where none comes, the
    /// reading is to end. So it is where one is missed.
    fn over(&self) -> impl Fn(Over) + Clone + Send + use<> {
        let stop = self.watch.clone();
        let count = self.listen.map(|(_, count)| *count);
        let may_lose = self.options.spread == Spread::Balance;
        // Another may be started in its place: the next write tells.
        let has_heir = self.options.has_heir(self.urls, count);
        let links = Arc::new(AtomicUsize::new(count.unwrap_or(self.urls.len().max(1))));
        move |over| {
            if has_heir && matches!(over, Over::Lost | Over::Left) {
                return;
            }
            let is_missed = over == Over::Failed || over == Over::Lost && !may_lose;
            if over != Over::Failed && links.fetch_sub(1, Ordering::Relaxed) == 1 || is_missed {
                stop.stop();
            }
        }
    }
}
