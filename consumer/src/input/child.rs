//! A `producer` that is started beside this program to read an input that is no stream of records.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
};

use recpipe::{
    Error, Exit, say,
    transport::{
        exec::{self, Child},
        stdio,
        watch::{Guard, Stopper, Watched},
    },
};

use crate::config::Input;

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
pub(super) fn start(config: &Input, format: &str, input: OwnedFd, peer: String) -> anyhow::Result<Pipe> {
    let threads = config.threads.map(|threads| threads.to_string());
    let mut args = vec![format, "-", "--no-progress"];
    args.extend(config.quiet.then_some("-q"));
    args.extend(threads.iter().flat_map(|threads| ["-j", threads]));
    let (child, records) = exec::spawn_beside("producer", &args, input)?;
    let (records, stopper) = Watched::new(records, None).map_err(|error| Error::io("cannot watch the input", error))?;
    Ok(Pipe { records, stopper, child, peer })
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
