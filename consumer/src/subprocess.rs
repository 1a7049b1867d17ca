//! A program that records go through: it is fed with them, and what it writes is read as records again, by a `producer` beside us.
//!
//! ```text
//! exchange ─► queue ─► writing thread ─► program ─► producer ─► reading thread ─► queue ─► exchange, awaited
//! ```
//!
//! Both queues are bounded. Whoever hands over takes what was written, too, so that no order in which the program reads and writes can
//! block it for ever. Nothing is known of the program: that it reads no more is no failure, that it does not exit with 0 is.

use std::{fs::File, io::Write, path::Path, thread::JoinHandle};

use crossbeam_channel::{Receiver, RecvError, Sender, TryRecvError, bounded, select};
use recpipe::{
    Batch, Error, Exit, pickle, say,
    transport::exec::{self, Child},
    wire::{Ending, Incoming, Reader},
};

use crate::writer::{Format, Replaced, json::Json};

/// Batches that wait, on either side.
const WAITING: usize = 4;

/// In what form records are sent to a program, and come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON object a line.
    Json,
    /// A pickled dict each.
    Pickle,
}

impl Form {
    /// All of them.
    pub const ALL: [Form; 2] = [Form::Json, Form::Pickle];

    /// What it is called, by a `producer` too.
    pub fn name(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Pickle => "pickle",
        }
    }
}

/// The running program. Dropped before it was waited for, it is killed.
pub(crate) struct Subprocess {
    name: String,
    form: Form,
    json: Json,
    replaced: Replaced,
    /// `None` when nothing more is handed over.
    to: Option<Sender<Vec<u8>>>,
    from: Receiver<Came>,
    /// How what it wrote has ended, once that is known.
    ending: Option<Ending>,
    program: Child,
    producer: Child,
    // After the children: these end when those have.
    _writing: Joined,
    _reading: Joined,
}

/// What was read of it.
enum Came {
    Batch(Batch),
    End(Ending),
}

/// What was done first.
pub(crate) enum Exchanged {
    /// It has what was to be given, or wants nothing more.
    Given,
    /// It has written these records; that is still to be given.
    Came(Batch, Vec<u8>),
}

/// A thread that is waited for.
struct Joined(Option<JoinHandle<()>>);

impl Joined {
    fn start(name: &str, work: impl FnOnce() + Send + 'static) -> Result<Self, Error> {
        let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
        thread.map(|thread| Joined(Some(thread))).map_err(|error| Error::io("cannot start a thread", error))
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            let _ = thread.join();
        }
    }
}

impl Subprocess {
    /// Starts it.
    ///
    /// # Errors
    /// When it, or the `producer` that reads what it writes, cannot be started.
    pub(crate) fn start(argv: &[String], form: Form) -> Result<Self, Error> {
        let (command, args) = argv.split_first().ok_or(Error::Protocol("a command without a word"))?;
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (program, stdin, stdout) = exec::converse(Path::new(command), &args)?;
        let (producer, records) = exec::spawn_beside("producer", &[form.name(), "-", "--no-progress"], stdout.into())?;
        let (to, given) = bounded(WAITING);
        let (came, from) = bounded(WAITING);
        let replaced = Replaced::default();
        Ok(Subprocess {
            name: argv.join(" "),
            form,
            json: Json::new(&replaced),
            replaced,
            to: Some(to),
            from,
            ending: None,
            program,
            producer,
            _writing: Joined::start("feed", move || write_all(stdin, &given))?,
            _reading: Joined::start("read", move || read_all(records, &came))?,
        })
    }

    /// The records as it reads them.
    ///
    /// # Errors
    /// Those of the form.
    pub(crate) fn encode(&self, batch: &Batch) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        match self.form {
            Form::Json => self.json.batch(batch, &mut bytes)?,
            Form::Pickle => pickle::encode(batch, &mut bytes),
        }
        Ok(bytes)
    }

    /// Gives it these bytes, or takes what it has written, whichever can be done first.
    pub(crate) fn exchange(&mut self, bytes: Vec<u8>) -> Exchanged {
        loop {
            let Some(to) = self.to.as_ref().filter(|_| self.ending.is_none()) else { return Exchanged::Given };
            let came = select! {
                send(to, bytes) -> sent => {
                    if sent.is_err() {
                        // It has closed its input.
                        self.to = None;
                    }
                    return Exchanged::Given;
                }
                recv(self.from) -> came => came,
            };
            if let Some(batch) = self.take(came) {
                return Exchanged::Came(batch, bytes);
            }
        }
    }

    /// Whether it reads on. What it does not read can change nothing of what it writes.
    pub(crate) fn reads_on(&self) -> bool {
        self.to.is_some() && self.ending.is_none()
    }

    /// What it has written, if something of it is there.
    pub(crate) fn written(&mut self) -> Option<Batch> {
        match self.from.try_recv() {
            Ok(came) => self.take(Ok(came)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => self.take(Err(RecvError)),
        }
    }

    /// Nothing more is given: it sees the end of its input.
    pub(crate) fn end(&mut self) {
        self.to = None;
    }

    /// What it writes next, which is waited for; `None` at the end.
    pub(crate) fn awaited(&mut self) -> Option<Batch> {
        if self.ending.is_some() {
            return None;
        }
        let came = self.from.recv();
        self.take(came)
    }

    fn take(&mut self, came: Result<Came, RecvError>) -> Option<Batch> {
        let ending = match came {
            Ok(Came::Batch(batch)) => return Some(batch),
            Ok(Came::End(ending)) => ending,
            Err(RecvError) => Ending { exit: Exit::Incomplete, cause: "nothing more comes".into(), rejected: 0 },
        };
        self.ending.get_or_insert(ending);
        None
    }

    /// Waits for its end, when all that it wrote was taken, or `has_enough` of it: how it ends then does not count.
    ///
    /// # Errors
    /// [`Error::Child`], which names it, when it did not exit with 0, or what it wrote cannot be read.
    pub(crate) fn wait(self, has_enough: bool) -> Result<(), Error> {
        let Subprocess { name, form, replaced, to, from, ending, program, producer, _writing, _reading, .. } = self;
        drop((to, from));
        if replaced.count() > 0 {
            let values = if replaced.count() == 1 { "1 value".to_owned() } else { format!("{} values", replaced.count()) };
            say!("consumer: {values} sent to `{name}` had what is not UTF-8, written as U+FFFD; `as pickle` keeps the bytes");
        }
        if has_enough {
            let _ = program.wait_unread();
            let _ = producer.wait_unread();
            return Ok(());
        }
        let ending = ending.unwrap_or_default();
        program.wait()?;
        let read = producer.wait_told(ending.exit);
        if ending.exit != Exit::Done {
            let what = format!("what the child `{name}` wrote could not be read as {}: {}", form.name(), ending.cause);
            return Err(Error::Child { exit: ending.exit, what });
        }
        read
    }
}

/// Feeds the program. That it reads no more is its own affair.
fn write_all(mut stdin: File, given: &Receiver<Vec<u8>>) {
    for bytes in given {
        if stdin.write_all(&bytes).is_err() {
            return;
        }
    }
}

/// Reads what is made of what the program writes, until its end or nobody takes it.
fn read_all(records: File, came: &Sender<Came>) {
    if let Err(error) = read(records, came) {
        // Whoever took it has gone.
        let _ = came.send(Came::End(Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 }));
    }
}

fn read(records: File, came: &Sender<Came>) -> Result<(), Error> {
    let mut reader = Reader::new(records)?;
    while let Some(what) = reader.read()? {
        let what = match what {
            Incoming::Batch(raw) => Came::Batch(raw.decode()?),
            Incoming::End(ending) => Came::End(ending),
            // The producer has said it on the stderr that is ours too.
            Incoming::Schema(_) | Incoming::Warning(_) => continue,
        };
        if came.send(what).is_err() {
            break;
        }
    }
    Ok(())
}
