//! The producer as a generator: its records as an iterator of batches.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fmt;
use std::io::{self, Read};
use std::iter::FusedIterator;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use recpipe::record::{Origin, Schema, Type};
use recpipe::wire::{Ending, Warning};
use recpipe::{Batch, Error, Exit};

use super::{Opened, Pipeline};
use crate::cli::Cli;
use crate::config::Config;
use crate::format::Formats;
use crate::input::block::Feed;
use crate::input::find::{self, Found, Input};
use crate::input::given::Given;
use crate::input::live::Watch;
use crate::output::interop::Encoding;
use crate::output::{Content, Outgoing, PushdownChannel, Target};
use crate::progress::{Progress, Said};
use crate::run::rejects::Kept;
use crate::run::{Begun, Output, Run};

/// What an input is called that has no name.
const UNNAMED: &str = "(input)";

/// Batches that may wait for whoever takes them: one that is taken, one that is ready, and one to smooth out jitter.
const WAITING: usize = 3;

/// The records of what `input` gives, in this format; see [`Reading`] for formats with arguments, and for files.
///
/// # Errors
/// [`Error::Usage`] where there is no such format, or it needs arguments.
///
/// # Examples
/// ```
/// use recpipe::Value;
///
/// let log: &[u8] = b"10.0.0.1 - - [03/Aug/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 404 5\n";
/// for batch in recpipe_producer::records("apache", log)? {
///     assert_eq!(batch?.row(0).get("status"), Some(Value::Int(404)));
/// }
/// # Ok::<(), recpipe::Error>(())
/// ```
pub fn records(format: &str, input: impl Read + Send + 'static) -> Result<Records, Error> {
    Reading::new(format).of(input)
}

/// A format and its options, in the words of the command line: `producer help FORMAT` tells them.
///
/// # Examples
/// ```
/// use recpipe_producer::Reading;
///
/// let prices: &[u8] = b"item;price\ntea;3,50\n";
/// let mut batches = Reading::new("csv").args(["--delimiter", ";", "--decimal", ","]).of(prices)?;
/// let batch = batches.next().ok_or("a batch")??;
/// assert_eq!(batch.row(0).get("price"), Some(recpipe::Value::Float(3.5)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Reading {
    words: Vec<OsString>,
    name: String,
    formats: Formats,
}

impl Reading {
    /// In this format.
    pub fn new(format: impl Into<OsString>) -> Self {
        Reading { words: vec!["producer".into(), format.into()], name: UNNAMED.to_owned(), formats: Formats::builtin() }
    }

    /// With these words after it: arguments of the format, options, PATHs.
    #[must_use]
    pub fn args<W: Into<OsString>>(mut self, words: impl IntoIterator<Item = W>) -> Self {
        self.words.extend(words.into_iter().map(Into::into));
        self
    }

    /// Where there are these formats.
    #[must_use]
    pub fn among(self, formats: &Formats) -> Self {
        Reading { formats: formats.clone(), ..self }
    }

    /// What the input is called in messages, and as the source of its batches; `(input)` otherwise.
    #[must_use]
    pub fn named(self, name: impl Into<String>) -> Self {
        Reading { name: name.into(), ..self }
    }

    /// The records of what `input` gives: compressed or not, an archive or not, as of a pipe.
    ///
    /// # Errors
    /// [`Error::Usage`] where an argument is wrong, is a PATH, or is an option of the program alone (`--to`, `--as`, `--follow`).
    pub fn of(self, input: impl Read + Send + 'static) -> Result<Records, Error> {
        let config = self.config()?;
        if let Some(path) = config.paths.first() {
            return Err(Error::Usage(format!("{}: records are read of a reader, and of no PATH besides", path.display())));
        }
        if config.format.start.reads_nothing() {
            return Err(Error::Usage(format!("`{}` reads nothing: open it without a reader", config.format.name)));
        }
        let input = Mutex::new(Some(input));
        let given = Given::once(&self.name, move || match input.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(input) => Ok(Box::new(Bytes(input))),
            None => Err(io::Error::other("it was read before")),
        });
        Ok(Records::new(config, vec![Ok(Input::Given(given))]))
    }

    /// The records of the files that its PATHs name, of standard input where it has none; of formats that read nothing, those that they
    /// make.
    ///
    /// # Errors
    /// [`Error::Usage`] for a mistake in the words. Files that cannot be read are no error here: the others are, and the records end with
    /// one.
    ///
    /// # Examples
    /// ```
    /// use recpipe_producer::Reading;
    ///
    /// let mut batches = Reading::new("range").args(["10", "0", "-1"]).open()?;
    /// assert_eq!(batches.next().ok_or("a batch")??.len(), 10);
    /// assert!(batches.next().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn open(self) -> Result<Records, Error> {
        let config = self.config()?;
        let found = if config.format.start.reads_nothing() { Vec::new() } else { find::find(&config.paths, &config.names) };
        Ok(Records::new(config, found))
    }

    /// The fields of the files that its PATHs name and their types, as the first records show them: for whoever is still typing. None where
    /// there is no such file, or anything is wrong.
    ///
    /// # Examples
    /// ```
    /// use recpipe_producer::Reading;
    ///
    /// assert_eq!(Reading::new("range").args(["0", "3"]).fields(), [("value".to_owned(), recpipe::Type::Int)]);
    /// assert_eq!(Reading::new("csv").args(["/no/such/file"]).fields(), []);
    /// ```
    pub fn fields(self) -> Vec<(String, Type)> {
        let Ok(config) = self.config() else { return Vec::new() };
        // What is no file may be waited for.
        let are_files = !config.paths.is_empty() && config.paths.iter().all(|path| path.is_file());
        if !are_files && !config.format.start.reads_nothing() {
            return Vec::new();
        }
        match self.open().ok().and_then(|mut records| records.next()) {
            Some(Ok(batch)) => batch.schema().fields().iter().map(|field| (field.name.to_string(), field.kind)).collect(),
            _ => Vec::new(),
        }
    }

    fn config(&self) -> Result<Config, Error> {
        let usage = |mistake: String| Error::Usage(mistake.trim_start_matches("error: ").trim_end().to_owned());
        let cli = Cli::read(self.words.iter().cloned()).map_err(|error| usage(error.to_string()))?;
        let refused = [
            ("--to", !cli.to.is_empty()),
            ("--listen", !cli.listen.is_empty()),
            ("--as", cli.encoding != Encoding::Records),
            ("--replay", cli.replay),
            ("--follow", cli.follow),
            ("--dry-run", cli.dry_run),
            ("help", cli.format == "help"),
        ];
        if let Some((word, _)) = refused.iter().find(|(_, is_typed)| *is_typed) {
            return Err(usage(format!("{word}: a program that is given the records has no use for it")));
        }
        let mut config = Config::among(cli, &self.formats).map_err(usage)?;
        // Nobody else has it yet.
        if let Some(options) = Arc::get_mut(&mut config.options) {
            options.packing.encoding = Encoding::Batches;
        }
        Ok(config)
    }
}

/// Batches of records, in the order of the input; see [`records()`] and [`Reading`].
///
/// Nothing is read before the first is asked for, and little more than what is asked for. What fails ends them with an error after all
/// that could be read: a file, or too many rejects. `None` comes after that, or after the whole.
pub struct Records {
    state: State,
    said: Said,
    ended: Ended,
    /// The order of the next batch.
    order: u64,
}

/// How the run ended, once it has. Clones are the same.
type Ended = Arc<Mutex<Option<Ending>>>;

enum State {
    Unopened(Box<Config>, Found, bool),
    /// Each batch is made when it is asked for.
    Lazy(Box<Begun<'static, 'static>>, Arc<Mutex<VecDeque<Batch>>>),
    /// What is left after the last was made.
    Rest(Arc<Mutex<VecDeque<Batch>>>),
    Threads(Threads),
    Over,
}

/// A run on threads of its own.
struct Threads {
    /// `None` when no more is wanted.
    from: Option<Receiver<Batch>>,
    watch: Watch,
    thread: Option<JoinHandle<()>>,
}

impl fmt::Debug for Records {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Records").field("order", &self.order).finish_non_exhaustive()
    }
}

impl Records {
    fn new(config: Config, found: Found) -> Self {
        Records { state: State::Unopened(Box::new(config), found, false), said: Said::default(), ended: Ended::default(), order: 0 }
    }

    /// The same, parsed on as many threads as there are processors for, or as `-j` says. A few batches for each are made ahead.
    ///
    /// The order stays that of the input. Whoever drops the records waits for a read that is under way; one of a file or a pipe is ended,
    /// one of another reader cannot be.
    ///
    /// # Examples
    /// ```
    /// let lines: Vec<u8> = (0..10_000).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
    /// let batches = recpipe_producer::records("lines", std::io::Cursor::new(lines))?.parallel();
    /// assert_eq!(batches.map(|batch| batch.map(|batch| batch.len())).sum::<Result<usize, _>>()?, 10_000);
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    #[must_use]
    pub fn parallel(mut self) -> Self {
        if let State::Unopened(_, _, parallel) = &mut self.state {
            *parallel = true;
        }
        self
    }

    /// What is to be said so far, besides the error that they end with: the first reject of each kind, with its place; inputs that cannot
    /// be read; what was found out. On the command line that stands on stderr.
    ///
    /// # Examples
    /// ```
    /// let log: &[u8] = b"10.0.0.1 - - [03/Aug/2026:10:00:00 +0000] \"GET /a HTTP/1.1\" 404 5\nno such line\n";
    /// let mut batches = recpipe_producer::records("apache", log)?;
    /// assert_eq!(batches.by_ref().map(|batch| batch.map(|batch| batch.len())).sum::<Result<usize, _>>()?, 1);
    /// assert_eq!(batches.rejected(), 1);
    /// assert_eq!(batches.warnings(), ["1 line rejected, first: (input):line 2: \"no such line\""]);
    /// # Ok::<(), recpipe::Error>(())
    /// ```
    pub fn warnings(&self) -> Vec<String> {
        self.said.lines()
    }

    /// How many lines or records were rejected; known at the end.
    pub fn rejected(&self) -> u64 {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, |ending| ending.rejected)
    }

    /// Begins.
    fn open(&mut self, mut config: Config, found: Found, parallel: bool) -> Result<State, Error> {
        let (said, ended) = (self.said.clone(), self.ended.clone());
        if parallel {
            let (watch, (to, from)) = (Watch::nothing(), sync_channel(WAITING));
            let run = {
                let watch = watch.clone();
                move || threads(&config, found, &watch, &said, Hand { to: Taker::Thread(to), records: 0, ended })
            };
            let thread = thread::Builder::new().name("recpipe-producer".into()).spawn(run);
            let thread = thread.map_err(|error| Error::io("cannot start a thread", error))?;
            return Ok(State::Threads(Threads { from: Some(from), watch, thread: Some(thread) }));
        }
        if let Some(options) = Arc::get_mut(&mut config.options) {
            options.threads = 1;
        }
        let (watch, kept) = (Watch::nothing(), kept(&config).map_err(refused)?);
        let opened = Pipeline { config: &config, found, state: None }.open(&watch, None, None).map_err(refused)?;
        let ready = Arc::<Mutex<VecDeque<Batch>>>::default();
        let hand = Hand { to: Taker::Here(ready.clone()), records: 0, ended };
        let run = Run::new(opened.source, &config.options).until(&watch).showing(Progress::told(&said)).keeping(kept);
        match run.begin(Output::Now(Box::new(|| Ok(Box::new(hand))))) {
            Ok(begun) => Ok(State::Lazy(Box::new(begun), ready)),
            Err(exit) => Err(self.failure().unwrap_or_else(|| refused((exit, exit.to_string())))),
        }
    }

    fn pull(&mut self) -> Result<Option<Batch>, Error> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Unopened(config, found, parallel) => self.state = self.open(*config, found, parallel)?,
                State::Lazy(mut begun, ready) => {
                    let taken = ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let goes_on = taken.is_some() || begun.step();
                    if goes_on {
                        self.state = State::Lazy(begun, ready);
                    } else {
                        // How it ended, its target was told.
                        let _ = begun.end();
                        // What came with the last step.
                        if !ready.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
                            self.state = State::Rest(ready);
                        }
                    }
                    if taken.is_some() {
                        return Ok(taken);
                    }
                }
                State::Rest(ready) => {
                    let taken = ready.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    if taken.is_some() {
                        self.state = State::Rest(ready);
                        return Ok(taken);
                    }
                }
                State::Threads(mut threads) => {
                    if let Some(batch) = threads.from.as_ref().and_then(|from| from.recv().ok()) {
                        self.state = State::Threads(threads);
                        return Ok(Some(batch));
                    }
                    threads.join()?;
                }
                State::Over => return self.failure().map_or(Ok(None), Err),
            }
        }
    }

    /// Why it did not end well, once.
    fn failure(&self) -> Option<Error> {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        let ending = ended.as_mut().filter(|ending| ending.exit != Exit::Done)?;
        Some(refused((std::mem::take(&mut ending.exit), ending.cause.clone())))
    }
}

impl Iterator for Records {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let pulled = self.pull().transpose()?;
        Some(pulled.map(|batch| {
            let origin = Origin { order: self.order, ..batch.origin().clone() };
            self.order += 1;
            batch.with_origin(origin)
        }))
    }
}

impl FusedIterator for Records {}

/// What the thread of a parallel run does.
fn threads(config: &Config, found: Found, watch: &Watch, said: &Said, hand: Hand) {
    let ended = hand.ended.clone();
    let run = || {
        let kept = kept(config)?;
        let pipeline = Pipeline { config, found, state: None };
        thread::scope(|scope| {
            let Opened { source, .. } = pipeline.open(watch, None, Some(scope))?;
            let run = Run::new(source, &config.options).until(watch).showing(Progress::told(said)).keeping(kept);
            // How it ended, its target was told.
            let _ = run.hearing(PushdownChannel::Nobody).to(Output::Now(Box::new(|| Ok(Box::new(hand)))));
            Ok(())
        })
    };
    if let Err((exit, cause)) = run() {
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(Ending { exit, cause, rejected: 0 });
    }
}

impl Threads {
    fn join(&mut self) -> Result<(), Error> {
        // A send that waits fails.
        self.from = None;
        let joined = self.thread.take().map_or(Ok(()), JoinHandle::join);
        joined.map_err(|_| Error::Panicked("while records were read".to_owned()))
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.watch.stop();
        // That it panicked is of no use to whoever wants no more.
        let _ = self.join();
    }
}

fn kept(config: &Config) -> Result<Option<Kept>, (Exit, String)> {
    config.rejects.as_deref().map(Kept::create).transpose().map_err(|message| (Exit::Failed, message))
}

fn refused((exit, what): (Exit, String)) -> Error {
    match exit {
        Exit::Usage => Error::Usage(what),
        Exit::Failed => Error::Data(what),
        exit => Error::Child { exit, what },
    }
}

/// Where batches go that are handed to the program itself.
struct Hand {
    to: Taker,
    records: u64,
    ended: Ended,
}

enum Taker {
    Here(Arc<Mutex<VecDeque<Batch>>>),
    Thread(SyncSender<Batch>),
}

impl Hand {
    fn note(&self, ending: &Ending) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ending.clone());
    }
}

impl Target for Hand {
    fn schema(&mut self, _: &Arc<Schema>) -> Result<(), Error> {
        Ok(())
    }

    fn send(&mut self, outgoing: &Outgoing) -> Result<(), Error> {
        let Content::Batch(batch) = &outgoing.content else { return Err(Error::Protocol("bytes for a program that takes batches")) };
        self.records += batch.len() as u64;
        match &self.to {
            Taker::Here(ready) => ready.lock().unwrap_or_else(PoisonError::into_inner).push_back(batch.clone()),
            Taker::Thread(to) => {
                let gone = |_| Error::io("the records", io::ErrorKind::BrokenPipe.into());
                to.send(batch.clone()).map_err(gone)?;
            }
        }
        Ok(())
    }

    /// It is said, too, and the records end with it.
    fn warn(&mut self, _: &Warning) -> Result<(), Error> {
        Ok(())
    }

    fn records(&self) -> u64 {
        self.records
    }

    fn finish(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.note(ending);
        Ok(())
    }

    fn leave(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.note(ending);
        Ok(())
    }

    fn fail(self: Box<Self>, ending: &Ending) -> Result<(), Error> {
        self.note(ending);
        Ok(())
    }
}

/// A reader, as what blocks are cut of.
struct Bytes<R>(R);

impl<R: Read> Feed for Bytes<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buf) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => return read,
            }
        }
    }
}
