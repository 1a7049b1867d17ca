//! Opens what the command line names.

use std::{fs::File, io::IsTerminal, os::unix::fs::FileTypeExt, path::Path};

use anyhow::anyhow;
use recpipe::{
    Error,
    transport::{
        Security, Url,
        dial::Dialer,
        exec, file,
        handshake::Identity,
        link::{RecvLink, Settings},
        listen::{Expected, Listener},
        scheme::Medium,
        stdio,
    },
    wire::Role,
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{
    Input,
    child::{self, Pipe},
    hosts::Caller,
    interop,
    merged::{Merged, Origin},
    sequence::{Part, Sequence},
};
use crate::config::{self, Origins};

/// Descriptors that a connection takes.
const OF_EACH: u64 = 3;

/// Descriptors that are for other things.
const OF_OURS: u64 = 40;

/// So many may be there at once by default, at most.
const MOST: usize = 10_000;

/// So many may be there at once though there may be descriptors for fewer: then the last ones wait.
const LEAST: usize = 64;

/// Who is taken in. Where more descriptors are needed than this process may have open, it asks for them.
fn expected(senders: Option<usize>, most: Option<u32>) -> Result<Expected, Error> {
    if let (Some(_), Some(most)) = (senders, most) {
        return Err(Error::Usage(format!("--max-senders {most} is for --senders 0: of a number that is expected, all have to be there")));
    }
    let limits = getrlimit(Resource::Nofile);
    let open = limits.current.unwrap_or(u64::MAX);
    let asked = senders.or(most.map(|most| most as usize));
    let Some(asked) = asked else {
        let room = usize::try_from(open.saturating_sub(OF_OURS) / OF_EACH).unwrap_or(usize::MAX);
        return Ok(Expected::AtOnce(room.clamp(LEAST, MOST)));
    };
    let needed = asked as u64 * OF_EACH + OF_OURS;
    if asked > LEAST && needed > open {
        let limit = Rlimit { current: Some(needed), maximum: limits.maximum };
        if limits.maximum.is_some_and(|maximum| maximum < needed) || setrlimit(Resource::Nofile, limit).is_err() {
            let may = limits.maximum.unwrap_or(open);
            return Err(Error::Usage(format!("{asked} senders at once need {needed} open files, and `ulimit -Hn` allows {may}")));
        }
    }
    Ok(if senders.is_some() { Expected::Exactly(asked) } else { Expected::AtOnce(asked) })
}

/// Opens the input.
///
/// # Errors
/// When it cannot be opened, or is no stream.
pub fn open(config: &config::Input) -> anyhow::Result<Input> {
    if let Some(format) = config.encoding.format() {
        return interop(interop::open(config, format)?);
    }
    let security = &Security::read(&config.security)?;
    let config::Input { patience, quiet, .. } = config;
    let identity = Identity::new(Role::Receiver, security.token().into(), concat!("consumer ", env!("CARGO_PKG_VERSION")));
    let urls = match &config.from {
        Origins::Listen { url, senders, most } => {
            let senders = (*senders > 0).then_some(usize::from(*senders));
            let expected = expected(senders, *most)?;
            let listener = Listener::open(url, security, identity, *patience, expected, *quiet)?;
            let (Expected::Exactly(count) | Expected::AtOnce(count)) = expected;
            let settings = Settings::default().among(count);
            return Ok(Input::Links(Merged::new(vec![Origin::Listener(listener)], senders, settings)?));
        }
        Origins::Hosts(hosts) => {
            let caller = Caller::new(hosts.clone(), identity);
            let count = caller.hosts().len();
            if let Some(least) = caller.at_least().filter(|least| *least > count) {
                return Err(Error::Usage(format!("--at-least {least}: there are {count} hosts")).into());
            }
            return Ok(Input::Links(Merged::new(vec![Origin::Hosts(caller)], Some(count), Settings::kin())?));
        }
        Origins::Urls(urls) => urls,
    };
    if *urls == [Url::stdio()]
        && let Some(parent) = exec::parent(&identity)
    {
        let settings = Settings::kin();
        let recv_link = RecvLink::open(parent, settings)?;
        return Ok(Input::Links(Merged::new(vec![Origin::Parent(recv_link)], Some(1), settings)?));
    }
    if urls.iter().filter(|url| url.is_stdio()).count() > 1 {
        return Err(Error::Usage("--from -: standard input can be read only once".into()).into());
    }
    if let Some((first, rest)) = urls.split_first()
        && urls.iter().all(|url| matches!(url.scheme().medium, Medium::Stdio | Medium::File))
    {
        let is_heard = urls.len() == 1 && first.is_stdio();
        let rest: Vec<Part> = rest.iter().map(part).collect::<anyhow::Result<_>>()?;
        return Ok(Input::Plain { streams: Box::new(Sequence::new(part(first)?, rest)), is_heard, child: None });
    }
    let settings = Settings::default().among(urls.len());
    let mut origins = Vec::new();
    for url in urls {
        origins.push(match url.scheme().medium {
            Medium::Socket => {
                let dialer = Dialer::new(url, security, identity.clone(), *patience, *quiet)?;
                Origin::Called(RecvLink::open(dialer, settings)?)
            }
            Medium::Child => {
                let (child, records) = child::run(url, urls.len())?;
                Origin::Pipe(Pipe::new(records, vec![child], url.to_string())?)
            }
            Medium::Stdio | Medium::File => Origin::Pipe(Pipe::new(opened(url)?, Vec::new(), url.to_string())?),
        });
    }
    let senders = Some(origins.len());
    Ok(Input::Links(Merged::new(origins, senders, settings)?))
}

/// What a `producer` reads for us.
fn interop(mut pipes: Vec<Pipe>) -> anyhow::Result<Input> {
    if let [Pipe { children, .. }] = &pipes[..]
        && children.len() == 1
        && let Some(pipe) = pipes.pop()
    {
        return Input::of_child(pipe);
    }
    let senders = Some(pipes.len());
    let origins = pipes.into_iter().map(Origin::Pipe).collect();
    Ok(Input::Links(Merged::new(origins, senders, Settings::default())?))
}

fn part(url: &Url) -> anyhow::Result<Part> {
    let file = opened(url)?;
    let name = url.to_string();
    Part::open(name, file).map_err(|error| if url.is_stdio() { error.into() } else { error.of_input(&url.to_string()).into() })
}

/// Standard input, or a file.
fn opened(url: &Url) -> anyhow::Result<File> {
    match url.path() {
        None => of_terminal(stdio::stdin()?),
        Some(path) => of_file(path),
    }
}

/// Opens a file that holds a stream, or a named pipe.
///
/// # Errors
/// When it cannot be opened, or is no stream.
pub fn open_file(path: &Path) -> anyhow::Result<Input> {
    let part = Part::open(path.display().to_string(), of_file(path)?)?;
    Ok(Input::Plain { streams: Box::new(Sequence::new(part, [])), is_heard: false, child: None })
}

fn of_file(path: &Path) -> anyhow::Result<File> {
    let file = of_terminal(file::open(path)?)?;
    if file.metadata().is_ok_and(|meta| meta.file_type().is_fifo()) {
        child::wait_for(&file)?;
    }
    Ok(file)
}

fn of_terminal(file: File) -> anyhow::Result<File> {
    if file.is_terminal() {
        return Err(anyhow!(
            "standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'"
        ));
    }
    Ok(file)
}
