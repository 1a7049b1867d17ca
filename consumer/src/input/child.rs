//! Children whose records are read: a program that `--from exec:` names, and a `producer` that is started beside this program to read
//! an input that is no stream of records.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    process::Stdio,
};

use recpipe::{
    Error, Exit, say,
    times::Zone,
    transport::{
        Url,
        exec::{self, Child},
        stdio,
        watch::{Guard, Stopper, Watched},
    },
    wire::Ending,
};

/// What a `producer` is started with, besides what it reads.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Its threads; `None`: as many as it takes by itself.
    pub threads: Option<u16>,
    /// Whether it says nothing but errors.
    pub quiet: bool,
    /// The zone of times without an offset.
    pub zone: Option<Zone>,
}

/// A stream that comes out of a pipe or a file, mostly from a child.
pub(super) struct Pipe {
    pub(super) records: Watched<File>,
    pub(super) stopper: Stopper,
    /// Those that write it, and those that these read from.
    pub(super) children: Vec<Child>,
    pub(super) peer: String,
}

impl Pipe {
    /// This file, and what writes it.
    pub(super) fn new(records: File, children: Vec<Child>, peer: String) -> Result<Self, Error> {
        let (records, stopper) = Watched::new(records, None).map_err(|error| Error::io("cannot watch the input", error))?;
        Ok(Pipe { records, stopper, children, peer })
    }
}

/// Starts the program that writes what is read. Of several, none reads our standard input: nobody knows whose it would be.
///
/// # Errors
/// When it cannot be started.
pub(super) fn run(url: &Url, among: usize) -> Result<(Child, File), Error> {
    let argv = url.command().unwrap_or_default();
    let started = exec::spawn_writing(argv, if among == 1 { Stdio::inherit() } else { Stdio::null() });
    started.map_err(|error| error.of_input(&format!("--from {url}")))
}

/// Starts a `producer` that reads this input, which is called `peer` in messages; `writer` writes it, if it is a child, too.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(options: &Options, format: &str, input: OwnedFd, writer: Option<Child>, peer: String) -> anyhow::Result<Pipe> {
    spawn(&[format, "-"], options, input, writer, peer)
}

/// Starts a `producer` that reads what is at this path.
///
/// # Errors
/// When it cannot be started.
pub(super) fn read(format: &str, path: &str, options: &Options) -> anyhow::Result<Pipe> {
    let nothing = File::open("/dev/null").map_err(|error| Error::io("cannot open /dev/null", error))?;
    // Whoever reads a second input may have to say where a record of it stands.
    spawn(&["--lines", format, "--", path], options, nothing.into(), None, path.to_owned()).map_err(|error| {
        let advice = format!("{path} is read by a `producer`: install it beside `consumer`, or in a directory of PATH");
        if is_not_there(&error) { error.context(advice) } else { error }
    })
}

fn spawn(what: &[&str], options: &Options, input: OwnedFd, writer: Option<Child>, peer: String) -> anyhow::Result<Pipe> {
    let threads = options.threads.map(|threads| threads.to_string());
    let mut args = vec!["--no-progress"];
    args.extend(options.quiet.then_some("-q"));
    args.extend(threads.iter().flat_map(|threads| ["-j", threads]));
    args.extend(options.zone.iter().flat_map(|zone| ["--zone", zone.name()]));
    args.extend(what);
    let (child, records) = exec::spawn_beside("producer", &args, input)?;
    Ok(Pipe::new(records, std::iter::once(child).chain(writer).collect(), peer)?)
}

/// Waits for those whose stream was read to its end, or to where it was cut off; `read` is how it ended. Their own exits count, too.
/// Where our reading was ended they stay as they are, and where what they write is no stream they are killed.
pub(super) fn settle(children: &mut Vec<Child>, read: Result<Ending, Error>) -> Result<Ending, Error> {
    match &read {
        Ok(_) | Err(Error::Truncated { .. }) => {}
        Err(error) if error.is_broken_pipe() => return read,
        Err(_) => {
            children.clear();
            return read;
        }
    }
    let told = read.as_ref().map_or(Exit::Done, |ending| ending.exit);
    let mut waited = Ok(());
    for child in children.drain(..) {
        waited = waited.and(child.wait_read(told));
    }
    match (read, waited) {
        (read, Ok(())) => read,
        (Ok(ending), Err(error)) => Ok(ending.and(Ending { exit: error.exit(), cause: error.to_string(), rejected: 0 })),
        // It has failed before it had anything to say: its exit is ours.
        (Err(Error::Truncated { at: 0, .. }), Err(error)) => Err(error),
        (Err(error), Err(died)) => Err(Error::lost(format!("{died}: {error}"))),
    }
}

fn is_not_there(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound)
}

/// Waits for a child whose records nobody reads any more. What was wrong with its input it has said, and its stream has; not that it was
/// killed.
pub(super) fn reap(child: Child) {
    if let Err(error) = child.wait_unread()
        && error.exit() == Exit::Incomplete
    {
        say!("consumer: {error}");
    }
}

/// Waits for the writer of a named pipe, or for a connection: until there is one, or nobody reads our answer any more.
pub(super) fn wait_for(input: &impl AsFd) -> Result<(), Error> {
    let failed = |error| Error::io("cannot wait for the input", error);
    let (guard, _stopper) = Guard::new(Some(stdio::stdout()?.into())).map_err(failed)?;
    guard.wait(&[input.as_fd()], None).map(drop).map_err(failed)
}
