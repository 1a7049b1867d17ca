//! A `producer` that is started beside this program to read an input that is no stream of records.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
};

use recpipe::{
    Error, Exit, say,
    times::Zone,
    transport::{
        exec::{self, Child},
        stdio,
        watch::{Guard, Stopper, Watched},
    },
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

/// What a `producer` makes of one input.
pub(super) struct Pipe {
    pub(super) records: Watched<File>,
    pub(super) stopper: Stopper,
    pub(super) child: Child,
    pub(super) peer: String,
}

/// Starts a `producer` that reads this input, which is called `peer` in messages.
///
/// # Errors
/// When it cannot be started.
pub(super) fn start(options: &Options, format: &str, input: OwnedFd, peer: String) -> anyhow::Result<Pipe> {
    spawn(&[format, "-"], options, input, peer)
}

/// Starts a `producer` that reads what is at this path.
///
/// # Errors
/// When it cannot be started.
pub(super) fn read(format: &str, path: &str, options: &Options) -> anyhow::Result<Pipe> {
    let nothing = File::open("/dev/null").map_err(|error| Error::io("cannot open /dev/null", error))?;
    // Whoever reads a second input may have to say where a record of it stands.
    spawn(&["--lines", format, "--", path], options, nothing.into(), path.to_owned()).map_err(|error| {
        let advice = format!("{path} is read by a `producer`: install it beside `consumer`, or in a directory of PATH");
        if is_not_there(&error) { error.context(advice) } else { error }
    })
}

fn spawn(what: &[&str], options: &Options, input: OwnedFd, peer: String) -> anyhow::Result<Pipe> {
    let threads = options.threads.map(|threads| threads.to_string());
    let mut args = vec!["--no-progress"];
    args.extend(options.quiet.then_some("-q"));
    args.extend(threads.iter().flat_map(|threads| ["-j", threads]));
    args.extend(options.zone.iter().flat_map(|zone| ["--zone", zone.name()]));
    args.extend(what);
    let (child, records) = exec::spawn_beside("producer", &args, input)?;
    let (records, stopper) = Watched::new(records, None).map_err(|error| Error::io("cannot watch the input", error))?;
    Ok(Pipe { records, stopper, child, peer })
}

fn is_not_there(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(Error::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound)
}

/// Waits for a `producer` whose records nobody reads any more. What was wrong with its input it has said, and its stream has;
/// not that it was killed.
pub(super) fn reap(child: Child) {
    if let Err(error) = child.wait()
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
