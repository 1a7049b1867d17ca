//! Runs whose records go to whoever asks of them in this process.

use recpipe::transport::local::Sender;
use recpipe::wire::Ending;
use recpipe::{Exit, say};

use super::{Pipeline, Refused, incomplete, no_signals};
use crate::config::{Config, To};
use crate::dry_run;
use crate::input::live::Watch;
use crate::input::signals;
use crate::output::interop::Encoding;
use crate::output::{LocalTarget, PushdownChannel};
use crate::run::Output;

/// Runs the producer as [`produce`](super::produce) does, its batches handed over to the other end of `to`, which asks for what it needs
/// and ends the reading when it goes. Where the records were to go otherwise is of no matter.
pub fn produce_into(mut config: Config, to: Sender) -> Exit {
    if config.dry_run {
        return dry_run::dry_run(&config);
    }
    config.hand_over();
    let ended = Pipeline::new(&config).and_then(|pipeline| pipeline.to_local(&to));
    ended.unwrap_or_else(|(exit, cause)| refuse_into(&to, exit, cause))
}

/// Says that there will be no stream, on stderr and at its other end.
pub fn refuse_into(to: &Sender, exit: Exit, cause: String) -> Exit {
    say!("producer: {cause}");
    // A failure to tell is ignored: the cause has been reported, and whoever has gone wants no more.
    let _ = to.end(&Ending { exit, cause, rejected: 0 });
    exit
}

impl Config {
    /// The records are for this process.
    fn hand_over(&mut self) {
        self.to = To::Here;
        // Nobody else has the options yet.
        if let Some(options) = std::sync::Arc::get_mut(&mut self.options) {
            options.packing.encoding = Encoding::Batches;
        }
    }
}

impl Pipeline<'_> {
    fn to_local(&self, to: &Sender) -> Result<Exit, Refused> {
        let kept = self.rejects()?;
        let watch = Watch::nothing();
        let stop = watch.clone();
        to.when_gone(move || stop.stop());
        let (target, channel) = (LocalTarget::new(to.clone()), PushdownChannel::Local(to.clone()));
        let output = Output::Now(Box::new(|| Ok(Box::new(target))));
        let run = || self.run(&watch, None, kept, channel, output)?.map_err(|restarted| incomplete(restarted.0));
        signals::ending(&watch, run).unwrap_or_else(|e| Err(no_signals(e)))
    }
}
