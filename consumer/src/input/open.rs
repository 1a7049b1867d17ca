//! Opens what the command line names.

use std::{
    io::IsTerminal,
    os::{fd::AsFd, unix::fs::FileTypeExt},
};

use anyhow::{Context, anyhow};
use recpipe::{
    Error,
    transport::{
        Url,
        dial::Dialer,
        exec, file,
        greet::Identity,
        link::{Inlet, Settings},
        listen::{LINKS, Listener},
        scheme::Medium,
        stdio,
        watch::{Guard, Watched},
    },
    wire::{Reader, Role},
};

use super::{
    Input,
    foreign::{self, Pipe},
    is_link,
    merged::{Merged, Origin},
};
use crate::cli::Cli;

/// Opens the input.
///
/// # Errors
/// When it cannot be opened, or is no stream.
pub fn open(cli: &Cli) -> anyhow::Result<Input> {
    if let Some(format) = cli.form.format() {
        let mut pipes = foreign::open(cli, format)?;
        return match pipes.pop() {
            Some(Pipe { records, stopper, child, .. }) if pipes.is_empty() => {
                Ok(Input::Plain { reader: Box::new(Reader::new(records)?), stopper, is_heard: true, child: Some(child) })
            }
            last => {
                pipes.extend(last);
                let senders = Some(pipes.len());
                let origins = pipes.into_iter().map(Origin::Child).collect();
                Ok(Input::Links(Merged::new(origins, senders, Settings::default())?))
            }
        };
    }
    let security = cli.security()?;
    let identity = Identity::new(Role::Receiver, security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
    let patience = cli.patience();
    if let Some(url) = &cli.listen {
        let senders = (cli.senders > 0).then_some(usize::from(cli.senders));
        let listener = Listener::open(url, &security, identity, patience, senders, cli.quiet)?;
        let settings = Settings::default().among(senders.unwrap_or(LINKS));
        return Ok(Input::Links(Merged::new(vec![Origin::Listener(listener)], senders, settings)?));
    }
    if cli.from == [Url::stdio()]
        && let Some(parent) = exec::parent(&identity)
    {
        let settings = Settings::kin();
        let inlet = Inlet::open(parent, settings)?;
        return Ok(Input::Links(Merged::new(vec![Origin::Called(inlet)], Some(1), settings)?));
    }
    if let [url] = &cli.from[..]
        && !is_link(url)
    {
        return plain(url);
    }
    // Before anybody is called.
    for url in &cli.from {
        let mistake = match url.scheme().medium {
            Medium::Socket => continue,
            Medium::Child => format!("--from {url}: a child gives no records; start it with `--to {url}` of a producer"),
            Medium::Stdio | Medium::File => format!("--from {url}: only sockets can be read together"),
        };
        return Err(Error::Usage(mistake).into());
    }
    let settings = Settings::default().among(cli.from.len());
    let mut origins = Vec::new();
    for url in &cli.from {
        let inlet = Inlet::open(Dialer::new(url, &security, identity.clone(), patience, cli.quiet)?, settings)?;
        origins.push(Origin::Called(inlet));
    }
    let senders = Some(origins.len());
    Ok(Input::Links(Merged::new(origins, senders, settings)?))
}

fn plain(url: &Url) -> anyhow::Result<Input> {
    let (file, is_stdin) = match url.path() {
        Some(path) => (file::open(path)?, false),
        None => (stdio::stdin()?, true),
    };
    if file.is_terminal() {
        return Err(anyhow!(
            "standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'"
        ));
    }
    if file.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) && !is_stdin {
        wait_for(&file)?;
    }
    let (input, stopper) = Watched::new(file, None).context("cannot watch the input")?;
    Ok(Input::Plain { reader: Box::new(Reader::new(input)?), stopper, is_heard: is_stdin, child: None })
}

/// Waits for the writer of a named pipe, or for a connection: until there is one, or nobody reads our answer any more.
pub(super) fn wait_for(input: &impl AsFd) -> Result<(), Error> {
    let failed = |error| Error::io("cannot wait for the input", error);
    let (guard, _stopper) = Guard::new(Some(stdio::stdout()?.into())).map_err(failed)?;
    guard.wait(&[input.as_fd()], None).map(drop).map_err(failed)
}
