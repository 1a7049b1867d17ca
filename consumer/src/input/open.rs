//! Opens what the command line names.

use std::{fs::File, io::IsTerminal, os::unix::fs::FileTypeExt, path::Path};

use anyhow::{Context, anyhow};
use recpipe::{
    Error,
    transport::{
        Security, Url,
        dial::Dialer,
        exec, file,
        handshake::Identity,
        link::{RecvLink, Settings},
        listen::{LINKS, Listener},
        scheme::Medium,
        stdio,
        watch::Watched,
    },
    wire::{Reader, Role},
};

use super::{
    Input,
    child::{self, Pipe},
    interop, is_link,
    merged::{Merged, Origin},
};
use crate::config::{self, Origins};

/// Opens the input.
///
/// # Errors
/// When it cannot be opened, or is no stream.
pub fn open(config: &config::Input) -> anyhow::Result<Input> {
    if let Some(format) = config.encoding.format() {
        let mut pipes = interop::open(config, format)?;
        return match pipes.pop() {
            Some(Pipe { records, stopper, child, .. }) if pipes.is_empty() => Input::of_child(records, stopper, child),
            last => {
                pipes.extend(last);
                let senders = Some(pipes.len());
                let origins = pipes.into_iter().map(Origin::Child).collect();
                Ok(Input::Links(Merged::new(origins, senders, Settings::default())?))
            }
        };
    }
    let security = &Security::read(&config.security)?;
    let config::Input { patience, quiet, .. } = config;
    let identity = Identity::new(Role::Receiver, security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
    let urls = match &config.from {
        Origins::Listen { url, senders } => {
            let senders = (*senders > 0).then_some(usize::from(*senders));
            let listener = Listener::open(url, security, identity, *patience, senders, *quiet)?;
            let settings = Settings::default().among(senders.unwrap_or(LINKS));
            return Ok(Input::Links(Merged::new(vec![Origin::Listener(listener)], senders, settings)?));
        }
        Origins::Urls(urls) => urls,
    };
    if *urls == [Url::stdio()]
        && let Some(parent) = exec::parent(&identity)
    {
        let settings = Settings::kin();
        let recv_link = RecvLink::open(parent, settings)?;
        return Ok(Input::Links(Merged::new(vec![Origin::Called(recv_link)], Some(1), settings)?));
    }
    if let [url] = &urls[..]
        && !is_link(url)
    {
        return plain(url);
    }
    // Before anybody is called.
    for url in urls {
        let mistake = match url.scheme().medium {
            Medium::Socket => continue,
            Medium::Child => format!("--from {url}: a child gives no records; start it with `--to {url}` of a producer"),
            Medium::Stdio | Medium::File => format!("--from {url}: only sockets can be read together"),
        };
        return Err(Error::Usage(mistake).into());
    }
    let settings = Settings::default().among(urls.len());
    let mut origins = Vec::new();
    for url in urls {
        let recv_link = RecvLink::open(Dialer::new(url, security, identity.clone(), *patience, *quiet)?, settings)?;
        origins.push(Origin::Called(recv_link));
    }
    let senders = Some(origins.len());
    Ok(Input::Links(Merged::new(origins, senders, settings)?))
}

fn plain(url: &Url) -> anyhow::Result<Input> {
    let Some(path) = url.path() else { return of_file(stdio::stdin()?, true) };
    open_file(path)
}

/// Opens a file that holds a stream, or a named pipe.
///
/// # Errors
/// When it cannot be opened, or is no stream.
pub fn open_file(path: &Path) -> anyhow::Result<Input> {
    of_file(file::open(path)?, false)
}

fn of_file(file: File, is_stdin: bool) -> anyhow::Result<Input> {
    if file.is_terminal() {
        return Err(anyhow!(
            "standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'"
        ));
    }
    if file.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) && !is_stdin {
        child::wait_for(&file)?;
    }
    let (input, stopper) = Watched::new(file, None).context("cannot watch the input")?;
    Ok(Input::Plain { reader: Box::new(Reader::new(input)?), stopper, is_heard: is_stdin, child: None })
}
