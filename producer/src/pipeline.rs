//! A run of the producer, put together: the inputs that were found, opened as a format, their records sent to where they go.

mod consumers;
mod file;
mod local;
mod records;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope};
use std::time::Duration;

use recpipe::transport::exec::Starter;
use recpipe::{Exit, say, service};

use crate::config::{Config, FromStart, To};
use crate::format::Start;
use crate::format::source::Source;
use crate::format::store::{Following, Stored};
use crate::input::ahead::Threads;
use crate::input::find::{self, Found};
use crate::input::follow::watcher::Watcher;
use crate::input::follow::{Follow, Setup};
use crate::input::live::Watch;
use crate::input::{self, Inputs, Meter};
use crate::output::PushdownChannel;
use crate::output::interop::Encoding;
use crate::progress::{Alone, Progress};
use crate::run::blocks::BlockSource;
use crate::run::follow::FollowSource;
use crate::run::merge::MergeSource;
use crate::run::rejects::Kept;
use crate::run::{Output, Restarted, Run};
use crate::settle::{Refused, settle};
use crate::state::State;
use crate::timing::{self, Begun, Timed};
use crate::{dry_run, refusal};

pub use local::{produce_into, refuse_into};
pub use records::{Reading, Records, records};

/// Runs the producer. Errors have been reported on stderr before this returns.
pub fn produce(config: Config) -> Exit {
    if config.dry_run {
        return dry_run::dry_run(&config);
    }
    let may_be_read = matches!(config.to, To::Stdout) && config.options.packing.encoding == Encoding::Records;
    let ended = Pipeline::new(&config).and_then(|pipeline| match &config.to {
        To::Stdout => match may_be_read.then(Starter::find).flatten() {
            Some(Ok((connection, _starter))) => pipeline.to_starter(connection),
            Some(Err(error)) => Err((error.exit(), error.to_string())),
            None => pipeline.to_stdout(),
        },
        To::File(path) => pipeline.to_file(path),
        To::Here => Err((Exit::Failed, "nobody asks of the records here".to_owned())),
        To::Consumers { urls, listen, options } => pipeline.to_consumers(urls, listen.as_ref(), options),
    });
    ended.unwrap_or_else(|(exit, cause)| refusal::refuse(exit, cause, may_be_read))
}

/// Inputs, how they are read, and what is done besides; not begun.
struct Pipeline<'c> {
    config: &'c Config,
    found: Found,
    state: Option<Arc<Mutex<State>>>,
}

/// An input that is open as a format.
struct Opened<'scope> {
    source: Box<dyn Source + 'scope>,
    progress: Progress,
    /// What looks out for new files meanwhile, where files are followed.
    watcher: Option<Arc<Watcher>>,
}

impl<'c> Pipeline<'c> {
    /// # Errors
    /// An output is one of the inputs.
    fn new(config: &'c Config) -> Result<Self, Refused> {
        let found = if config.format.start.reads_nothing() { Vec::new() } else { find::find(&config.paths, &config.names) };
        let usage = |mistake: String| Err((Exit::Usage, mistake));
        let to_file = if let To::File(path) = &config.to { Some(&**path) } else { None };
        // Before anything is created: that empties what was there.
        for (option, path) in [("--to", to_file), ("--rejects", config.rejects.as_deref())] {
            if let Some(path) = path.filter(|path| find::is_among(path, &found)) {
                return usage(format!("{option} {}: is one of the inputs; name another file", path.display()));
            }
        }
        // As `cat` has it: what was emptied just now is no loss, and is only not read.
        let appended = std::io::stdout().as_fd().try_clone_to_owned().ok().map(File::from).filter(|_| matches!(config.to, To::Stdout));
        if let Some(input) = appended
            .filter(|out| out.metadata().is_ok_and(|meta| meta.len() > 0))
            .and_then(|out| input::file_id(&out).and_then(|id| find::named(id, &found)))
        {
            return usage(format!("{input}: is one of the inputs, and the records would be appended to it; let them go elsewhere"));
        }
        let state = config.state.as_deref().map(State::open).transpose().map_err(|mistake| (Exit::Failed, mistake))?;
        if let Some(path) = config.state.as_ref().filter(|_| state.as_ref().is_some_and(State::may_repeat) && !config.options.quiet) {
            say!(
                "producer: --state {}: the run before this was ended in the middle: what it had sent and was not confirmed comes again",
                path.display()
            );
        }
        Ok(Pipeline { config, found, state: state.map(|state| Arc::new(Mutex::new(state))) })
    }

    /// The file that rejects are kept in.
    fn rejects(&self) -> Result<Option<Kept>, Refused> {
        let path: Option<&Path> = self.config.rejects.as_deref();
        path.map(Kept::create).transpose().map_err(|message| (Exit::Failed, message))
    }

    /// Reads all inputs, once, until `watch` ends that. `out` is the file that the records go to, if they go to one.
    ///
    /// # Errors
    /// Of the inner result, that nothing of this run counts.
    fn run(
        &self,
        watch: &Watch,
        out: Option<&File>,
        kept: Option<Kept>,
        channel: PushdownChannel,
        output: Output<'_>,
    ) -> Result<Result<Exit, Restarted>, Refused> {
        thread::scope(|scope| {
            let Opened { source, progress, watcher } = self.open(watch, out, Some(scope))?;
            let at_rest = self.config.follow.is_none() && input::total_bytes(&self.found).is_some();
            service::ready(if self.config.follow.is_some() { "follows its files" } else { "reads its files" });
            let run = Run::new(source, &self.config.options).until(watch).showing(progress).keeping(kept).hearing(channel);
            let run = run.at_rest(at_rest);
            Ok(match watcher {
                Some(watcher) => watcher.beside(|| run.to(output)),
                None => run.to(output),
            })
        })
    }

    fn open<'scope>(&self, watch: &Watch, out: Option<&File>, scope: Option<&'scope Scope<'scope, '_>>) -> Result<Opened<'scope>, Refused> {
        let options = &self.config.options;
        let settled = settle(self.config, self.found.clone(), watch)?;
        let usage = |mistake: String| (Exit::Usage, mistake);
        let meter = Arc::new(Meter::default());
        let alone = match (&self.config.to, out) {
            // Whoever asks of the records may write to the terminal, unless it says that it does not: so does a child.
            (To::Here, _) => Alone::with_consumers(true),
            (To::Consumers { urls, .. }, _) => Alone::with_consumers(urls.iter().any(|url| url.command().is_some())),
            (_, Some(out)) => Alone::beside(out),
            (_, None) => Alone::with_consumers(false),
        };
        if let (Some(FromStart(from_start)), Start::Blocks(start)) = (self.config.follow, settled.format.start) {
            let name = settled.format.name;
            let format = self.config.begin(name, start, &settled.args).map_err(usage)?;
            if !format.unit().has_lines() {
                return Err(usage(format!("{name}: it has no lines, and only lines can be followed")));
            }
            let (paths, names) = (self.config.paths.clone(), self.config.names.clone());
            // Whoever is to be sent the records may be started again while none come.
            let pulse = matches!(self.config.to, To::Consumers { .. }).then_some(Duration::from_secs(1));
            let output = out.and_then(input::file_id);
            let state = self.state.as_ref().map(|state| state.lock().unwrap_or_else(PoisonError::into_inner).before());
            // What nobody remembers has come since.
            let from_start = from_start || matches!(state, Some(Some(_)));
            let before = state.map(Option::unwrap_or_default);
            let setup = Setup { paths, names, from_start, meter: meter.clone(), watch: watch.clone(), output, pulse, before };
            let clock = timing::window(self.config, name, &*format).map_err(usage)?;
            let (merges, window) = (clock.clone().filter(|_| self.config.merge), clock.filter(|_| self.config.span.is_some()));
            let follow = Follow::new(setup, format.boundary()).map_err(|e| (Exit::Failed, format!("cannot follow: {e}")))?;
            let (progress, watcher) = (Progress::new(self.config.show, alone, meter, None), Some(follow.watcher()));
            let source = FollowSource::new(follow, format).within(window);
            let source = match merges {
                Some(clock) => source.merged(clock, self.config.wait),
                None => source,
            };
            return Ok(Opened { source: Box::new(source), progress, watcher });
        }
        let progress = Progress::new(self.config.show, alone, meter.clone(), input::total_bytes(&settled.found));
        let (begun, args, Timed { found, left_out_bytes, window }) = timing::begin(self.config, settled)?;
        let inputs = Inputs::new(found, meter, watch.clone());
        let inputs = inputs.in_blocks_of(self.config.block_bytes).written_in(self.config.charset).of_archives(&self.config.names);
        let inputs = inputs.with_records(args.batch);
        let inputs = match out {
            Some(out) => inputs.not_reading(out),
            None => inputs,
        };
        // With one thread, all happens on it. More files at once than there are processors would only take memory.
        let files = thread::available_parallelism().map_or(1, usize::from).min(options.threads);
        let threads = scope.filter(|_| options.threads > 1).map(|scope| Threads::new(scope, files));
        let is_windowed = self.config.span.is_some();
        let source: Box<dyn Source + 'scope> = match (begun, window) {
            (Begun::Blocks(format), Some(window)) if self.config.merge => {
                Box::new(MergeSource::new(inputs, format, window, is_windowed).having_left_out(left_out_bytes))
            }
            (Begun::Blocks(format), window) => {
                let source = BlockSource::new(inputs, format, threads).within(window.filter(|_| is_windowed));
                Box::new(source.having_left_out(left_out_bytes))
            }
            (Begun::Source { name, start }, _) => start(&args, inputs).map_err(|mistake| usage(format!("{name}: {mistake}")))?,
            (Begun::Store { name, start }, _) => {
                let (paths, names) = (&self.config.paths, &self.config.names);
                let following = |FromStart(from_start)| Following { paths: paths.clone(), names: names.clone(), from_start };
                let stored = Stored { inputs, span: self.config.span, follow: self.config.follow.map(following) };
                start(&args, stored).map_err(|mistake| usage(format!("{name}: {mistake}")))?
            }
            (Begun::Made { name, start }, _) => start(&args).map_err(|mistake| usage(format!("{name}: {mistake}")))?,
        };
        Ok(Opened { source, progress, watcher: None })
    }
}

/// A stream that has no end at its reader.
fn incomplete(why: String) -> Refused {
    (Exit::Incomplete, why)
}

/// How a run ends whose signals cannot be caught.
fn no_signals(error: std::io::Error) -> Refused {
    (Exit::Failed, format!("cannot catch signals: {error}"))
}
