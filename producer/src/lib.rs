//! From bytes to records: the producer as a library.
//!
//! ```text
//! cli ──► config ──► input: find ► open ► block ──► format: plan ► parser ──► run: in order ► frames
//! (typed)  (meant)   PATHs to blocks of records     blocks to batches         judge, ledger
//! ```
//!
//! `input` knows no format, `format` does no I/O, and only [`run`] knows both. A new format is one file in
//! [`format`](mod@format) and its row in [`format::FORMATS`].

#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod dry_run;
pub mod format;
pub mod help;
pub mod input;
pub mod output;
pub mod progress;
pub mod refusal;
mod replay;
pub mod run;
mod simd;

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, Scope};
use std::time::Duration;

use recpipe::transport::link::{Over, Replay};
use recpipe::transport::pipe_backchannel::Listener;
use recpipe::transport::{BlockingWriter, Url, file, stdio};
use recpipe::wire::Writer;
use recpipe::{Error, Exit, say};

use config::{Config, FromStart, To};
use format::Start;
use input::ahead::Threads;
use input::find::Found;
use input::follow::lookout::Lookout;
use input::follow::{Follow, Setup};
use input::live::Watch;
use input::{Inputs, Meter, signals};
use output::foreign::{self, As, Streams};
use output::{Advice, Opened, Spread, Target};
use progress::{Alone, Progress};
use replay::Snapshot;
use run::Output;
use run::follow::FollowSource;
use run::rejects::Kept;
use run::source::{self, BlockSource};

/// Does what the configuration says; what there is to say has been said when it returns.
pub fn produce(config: Config) -> Exit {
    let may_be_read = matches!(config.to, To::Stdout) && config.options.packing.form == As::Records && !config.dry_run;
    begin(&config).unwrap_or_else(|(exit, cause)| refusal::refuse(exit, cause, may_be_read))
}

/// The whole run.
///
/// # Errors
/// Why there is none, and nothing was written.
fn begin(config: &Config) -> Result<Exit, (Exit, String)> {
    if config.dry_run {
        return Ok(dry_run::dry_run(config));
    }
    let usage = |mistake: String| Err((Exit::Usage, mistake));
    let found = input::find::find(&config.paths, &config.names);
    // Before anything is created: that empties what was there.
    for (option, path) in [("--to", to_file(&config.to)), ("--rejects", config.rejects.as_deref())] {
        if let Some(path) = path.filter(|path| input::find::is_among(path, &found)) {
            return usage(format!("{option} {}: is one of the inputs; name another file", path.display()));
        }
    }
    // As `cat` has it: what was emptied just now is no loss, and is only not read.
    let appended = std::io::stdout().as_fd().try_clone_to_owned().ok().map(File::from).filter(|_| matches!(config.to, To::Stdout));
    if let Some(input) = appended
        .filter(|out| out.metadata().is_ok_and(|meta| meta.len() > 0))
        .and_then(|out| input::file_id(&out).and_then(|id| input::find::named(id, &found)))
    {
        return usage(format!("{input}: is one of the inputs, and the records would be appended to it; let them go elsewhere"));
    }
    let snapshot = match &config.to {
        To::Consumers { options, .. } if options.replay => match Snapshot::of(&found) {
            Ok(snapshot) => Some(snapshot),
            Err(mistake) => return usage(mistake),
        },
        _ => None,
    };
    // What may fail comes before what empties a file.
    let kept = config.rejects.as_deref().map(Kept::create).transpose().map_err(|message| (Exit::Failed, message))?;
    if let To::Consumers { urls, listen, options } = &config.to {
        if snapshot.is_some() && kept.as_ref().is_some_and(|kept| !kept.is_regular()) {
            return usage("--replay: what --rejects names is no regular file, and would have them twice".to_owned());
        }
        return Ok(produce_for(config, found, kept, urls, listen.as_ref(), options, snapshot.as_ref()));
    }
    let form = config.options.packing.form;
    let OutputFile { out, watch, created } = open_output(&config.to, form)?;
    if kept.as_ref().is_some_and(|kept| kept.is_same_file(&out)) {
        return usage("--rejects names the file that the records go to; name another".to_owned());
    }
    // Before the first byte is written: whoever has read one knows that somebody listens.
    let advice = if form == As::Records { Advice::Pipe(Listener::new(&out)) } else { Advice::Nobody };
    let run = || {
        thread::scope(|scope| {
            let (source, progress, lookout) = open_source(config, found, Some(&out), &watch, scope)?;
            let begin = |out: &File| -> Result<Box<dyn Target>, Error> {
                let out = out.try_clone().map_err(|e| Error::io("the output", e))?;
                Ok(match form {
                    As::Records => Box::new(Writer::new(BlockingWriter::new(out))?),
                    form => Box::new(Streams::to_file(form, out)),
                })
            };
            let output = match config.to {
                To::File(_) => Output::Late(Box::new(|| emptied(&out).and_then(begin))),
                _ => Output::Now(Box::new(|| begin(&out))),
            };
            beside(lookout, || run::run(source, &watch, output, advice, kept, &config.options, progress)).map_err(lost)
        })
    };
    let exit = signals::ending(&watch, run).unwrap_or_else(|e| Err((Exit::Failed, format!("cannot catch signals: {e}"))));
    let is_usage = matches!(exit, Ok(Exit::Usage) | Err((Exit::Usage, _)));
    if let Some(path) = created.filter(|_| is_usage && out.metadata().is_ok_and(|meta| meta.len() == 0)) {
        // Made for what did not come. Should that fail, an empty file is no harm.
        let _ = std::fs::remove_file(path);
    }
    exit
}

/// Sends the records to consumers that may answer.
fn produce_for(
    config: &Config,
    found: Found,
    kept: Option<Kept>,
    urls: &[Url],
    listen: Option<&(Url, usize)>,
    options: &output::Options,
    snapshot: Option<&Snapshot>,
) -> Exit {
    let watch = Watch::nothing();
    let over = || {
        let stop = watch.clone();
        // Links are over one by one; that all are is seen by the next write, and where none comes, the reading is to end. So it is
        // where one is missed.
        let may_lose = options.spread == Spread::Balance;
        // Another may be started in its place: the next write tells.
        let has_heir = config.options.packing.form == As::Records && options.has_heir(urls, listen.map(|(_, count)| *count));
        let links = Arc::new(AtomicUsize::new(listen.map_or(urls.len(), |(_, count)| *count)));
        move |over| {
            if has_heir && matches!(over, Over::Lost | Over::Left) {
                return;
            }
            let is_missed = over == Over::Failed || over == Over::Lost && !may_lose;
            if over != Over::Failed && links.fetch_sub(1, Ordering::Relaxed) == 1 || is_missed {
                stop.stop();
            }
        }
    };
    let once = |found: Found, outputs: Box<dyn Target>, advice: Advice, kept: Option<Kept>| {
        thread::scope(|scope| {
            let (source, progress, lookout) = open_source(config, found, None, &watch, scope)?;
            let output = Output::Now(Box::new(|| Ok(outputs)));
            Ok(beside(lookout, || run::run(source, &watch, output, advice, kept, &config.options, progress)))
        })
    };
    let run = || {
        let listen = listen.map(|(url, count)| (url, *count));
        let failed = |e: Error| watch.signal().map_or_else(|| (e.exit(), e.to_string()), |signal| (Exit::Signal(signal), e.to_string()));
        let form = config.options.packing.form;
        if form != As::Records {
            let outputs = Box::new(foreign::open(form, urls, listen, options, &watch).map_err(failed)?);
            return once(found, outputs, Advice::Nobody, kept)?.map_err(lost);
        }
        let Opened { outputs, advice, listening: _listening, anew, waiting } =
            output::open(urls, listen, options, &watch, over()).map_err(failed)?;
        // What is not sent because of a signal is not sent again, and who might come to take it is not waited for.
        let waited_for = waiting.clone();
        watch.also_ends(move || waited_for.iter().for_each(Replay::wait_no_more));
        let by_signal = |exit: Exit| match watch.signal().filter(|_| waiting.as_ref().is_some_and(Replay::has_given_up)) {
            Some(signal) => Err((Exit::Signal(signal), format!("ended by {}, and waits for no consumer", signals::name(signal)))),
            None => Ok(exit),
        };
        let (Some(snapshot), Some(mut anew)) = (snapshot, anew) else {
            return once(found, Box::new(outputs), advice, kept)?.map_err(lost).and_then(by_signal);
        };
        let mut restarted = match once(found.clone(), Box::new(outputs), advice, kept)? {
            Ok(exit) => return by_signal(exit),
            Err(why) => why,
        };
        for _ in 0..replay::MOST {
            if !watch.again() {
                return Err((watch.signal().map_or(Exit::Incomplete, Exit::Signal), restarted));
            }
            let same = snapshot.compare().map_err(|changed| lost(format!("{restarted}; it cannot be sent again: {changed}")))?;
            say!(
                "producer: {restarted}; all is sent again, from the beginning{}",
                same.map_or_else(String::new, |grown| format!("; {grown}"))
            );
            let kept = config.rejects.as_deref().map(Kept::create).transpose().map_err(|message| (Exit::Failed, message))?;
            let (outputs, advice) = anew.open(over()).map_err(failed)?;
            match once(found.clone(), Box::new(outputs), advice, kept)? {
                Ok(exit) => return by_signal(exit),
                Err(why) => restarted = why,
            }
        }
        Err(lost(format!("{restarted}; it was sent all of it {} times, which has to be enough", replay::MOST + 1)))
    };
    let exit = signals::ending(&watch, run).unwrap_or_else(|e| Err((Exit::Failed, format!("cannot catch signals: {e}"))));
    exit.unwrap_or_else(|(exit, message)| {
        say!("producer: {message}");
        exit
    })
}

/// A stream that has no end at its reader.
fn lost(why: String) -> (Exit, String) {
    (Exit::Incomplete, why)
}

/// The file of a stream, which begins now.
fn emptied(out: &File) -> Result<&File, Error> {
    let emptied = out.metadata().and_then(|meta| if meta.is_file() { out.set_len(0) } else { Ok(()) });
    emptied.map(|()| out).map_err(|e| Error::io("cannot empty the file of the stream", e))
}

fn to_file(to: &To) -> Option<&Path> {
    match to {
        To::File(path) => Some(path),
        To::Stdout | To::Consumers { .. } => None,
    }
}

/// Runs, while new files are looked out for, where they are.
fn beside<T>(lookout: Option<Arc<Lookout>>, run: impl FnOnce() -> T) -> T {
    match lookout {
        Some(lookout) => lookout.beside(run),
        None => run(),
    }
}

/// What is pulled, the progress through it, and what looks out for new files meanwhile.
type Source<'scope> = (Box<dyn source::Source + 'scope>, Progress, Option<Arc<Lookout>>);

fn open_source<'scope>(
    config: &Config,
    found: Found,
    out: Option<&File>,
    watch: &Watch,
    scope: &'scope Scope<'scope, '_>,
) -> Result<Source<'scope>, (Exit, String)> {
    let mistake = |mistake: String| (Exit::Usage, format!("{}: {mistake}", config.format.name));
    let meter = Arc::new(Meter::default());
    let alone = match (&config.to, out) {
        (To::Consumers { urls, .. }, _) => Alone::with_consumers(urls.iter().any(|url| url.command().is_some())),
        (_, Some(out)) => Alone::beside(out),
        (_, None) => Alone::with_consumers(false),
    };
    if let (Some(FromStart(from_start)), Start::Blocks(start)) = (config.follow, config.format.start) {
        let format = start(&config.args).map_err(mistake)?;
        if format.unit().placed != "line" {
            return Err(mistake("it has no lines, and only lines can be followed".to_owned()));
        }
        let (paths, names) = (config.paths.clone(), config.names.clone());
        // Whoever is to be sent the records may be started again while none come.
        let pulse = matches!(config.to, To::Consumers { .. }).then_some(Duration::from_secs(1));
        let setup =
            Setup { paths, names, from_start, meter: meter.clone(), watch: watch.clone(), output: out.and_then(input::file_id), pulse };
        let follow = Follow::new(setup, format.boundary()).map_err(|e| (Exit::Failed, format!("cannot follow: {e}")))?;
        let lookout = follow.lookout();
        return Ok((Box::new(FollowSource::new(follow, format)), Progress::new(config.show, alone, meter, None), Some(lookout)));
    }
    let progress = Progress::new(config.show, alone, meter.clone(), input::total_bytes(&found));
    let inputs = Inputs::new(found, meter, watch.clone()).in_blocks_of(config.block_bytes);
    let inputs = match out {
        Some(out) => inputs.not_reading(out),
        None => inputs,
    };
    // With one thread, all happens on it. More files at once than there are processors would only take memory.
    let files = thread::available_parallelism().map_or(1, usize::from).min(config.options.threads);
    let threads = (config.options.threads > 1).then(|| Threads::new(scope, files));
    let source: Box<dyn source::Source + 'scope> = match config.format.start {
        Start::Blocks(start) => Box::new(BlockSource::new(inputs, start(&config.args).map_err(mistake)?, threads)),
        Start::Source(start) => start(&config.args, inputs).map_err(mistake)?,
    };
    Ok((source, progress, None))
}

/// The output.
struct OutputFile<'a> {
    out: File,
    /// Over whoever reads it.
    watch: Watch,
    /// The file that was not there before.
    created: Option<&'a Path>,
}

fn open_output(to: &To, form: As) -> Result<OutputFile<'_>, (Exit, String)> {
    let failed = |e: &dyn std::fmt::Display| (Exit::Failed, e.to_string());
    match to {
        To::Stdout | To::Consumers { .. } if stdio::stdout_is_terminal() && !form.is_text() => {
            let hint = "records are not written to a terminal; add `| consumer` to see them, or `--to FILE` to keep them";
            Err((Exit::Usage, hint.to_owned()))
        }
        To::Stdout | To::Consumers { .. } => {
            let out = stdio::stdout().map_err(|e| failed(&e))?;
            let watch = Watch::over(&out).map_err(|e| failed(&e))?;
            Ok(OutputFile { out, watch, created: None })
        }
        To::File(path) => {
            let (out, is_new) = file::create(path).map_err(|e| failed(&e))?;
            Ok(OutputFile { out, watch: Watch::nothing(), created: is_new.then_some(path) })
        }
    }
}
