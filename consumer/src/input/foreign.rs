//! What is no stream of ours: a `producer` reads it for us.
//!
//! It runs as a child, with our standard input, a file, or a connection as its own; what it writes is a stream as any other.
//! So this program knows no formats, and what is hostile is in another process.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
};

use anyhow::bail;
use clap::ValueEnum;
use recpipe::{
    Error, Exit, say,
    transport::{
        exec::{self, Child},
        file, raw,
        scheme::Medium,
        watch::{Stopper, Watched},
    },
};

use crate::cli::Cli;

/// What comes in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum As {
    /// Records of a `producer`
    #[default]
    Records,
    /// Pickled dicts of a Python program; nothing is ever executed
    Pickle,
    /// JSON, an object a line
    Json,
    /// Comma-separated values, names on the first line
    Csv,
}

impl As {
    /// What a `producer` calls it; `None` where none is needed.
    pub(super) fn format(self) -> Option<&'static str> {
        match self {
            As::Records => None,
            As::Pickle => Some("pickle"),
            As::Json => Some("json"),
            As::Csv => Some("csv"),
        }
    }
}

/// What a `producer` makes of one input.
pub(super) struct Pipe {
    pub(super) records: Watched<File>,
    pub(super) stopper: Stopper,
    pub(super) child: Child,
    pub(super) peer: String,
}

/// Opens the inputs, and starts a `producer` for each.
///
/// # Errors
/// When an input cannot be opened, or no `producer` be started.
pub(super) fn open(cli: &Cli, format: &str) -> anyhow::Result<Vec<Pipe>> {
    let mut pipes = Vec::new();
    if let Some(url) = &cli.listen {
        if cli.senders == 0 {
            bail!(Error::Usage("--senders 0 needs records: what has no frames has no end that could be told from a death".into()));
        }
        let door = raw::listen(url)?;
        for _ in 0..cli.senders {
            super::open::wait_for(&door)?;
            let (connection, peer) = door.accept()?;
            pipes.push(start(cli, format, connection, peer)?);
        }
        return Ok(pipes);
    }
    for url in &cli.from {
        let input = match (url.scheme().medium, url.path()) {
            (Medium::Stdio, _) => io::stdin().as_fd().try_clone_to_owned().map_err(|error| Error::io("standard input", error))?,
            (_, Some(path)) => file::open(path)?.into(),
            (Medium::Child, _) => bail!(Error::Usage(format!("--from {url}: a child gives no records; let it write into a pipe"))),
            _ => raw::connect(url, cli.connect_timeout)?,
        };
        pipes.push(start(cli, format, input, url.to_string())?);
    }
    Ok(pipes)
}

fn start(cli: &Cli, format: &str, input: OwnedFd, peer: String) -> anyhow::Result<Pipe> {
    let threads = cli.threads.map(|threads| threads.to_string());
    let mut args = vec![format, "-", "--no-progress"];
    args.extend(cli.quiet.then_some("-q"));
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
