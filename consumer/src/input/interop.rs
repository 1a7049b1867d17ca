//! What is no stream of ours: a `producer` reads it for us.
//!
//! It runs as a child, with our standard input, a file, or a connection as its own; what it writes is a stream as any other.
//! So this program knows no formats, and what is hostile is in another process.

use std::{io, os::fd::AsFd};

use anyhow::bail;
use recpipe::{
    Error,
    transport::{file, plain_socket, scheme::Medium},
};

use super::child::{self, Options, Pipe};
use crate::config::{self, Origins};

/// Opens the inputs, and starts a `producer` for each.
///
/// # Errors
/// When an input cannot be opened, or no `producer` be started.
pub(super) fn open(input: &config::Input, format: &str) -> anyhow::Result<Vec<Pipe>> {
    let (mut pipes, options) = (Vec::new(), Options { threads: input.threads, quiet: input.quiet, zone: None });
    match &input.from {
        Origins::Hosts(_) => bail!(Error::Usage(format!("--hosts reads records; write `producer {format} -` behind what is run there"))),
        Origins::Listen { url, senders, .. } => {
            if *senders == 0 {
                bail!(Error::Usage("--senders 0 needs records: what has no frames has no end that could be told from a death".into()));
            }
            let door = plain_socket::listen(url)?;
            for _ in 0..*senders {
                child::wait_for(&door)?;
                let (connection, peer) = door.accept()?;
                pipes.push(child::start(&options, format, connection, None, peer)?);
            }
        }
        Origins::Urls(urls) => {
            for url in urls {
                let mut writer = None;
                let opened = match (url.scheme().medium, url.path()) {
                    (Medium::Stdio, _) => io::stdin().as_fd().try_clone_to_owned().map_err(|error| Error::io("standard input", error))?,
                    (_, Some(path)) => file::open(path)?.into(),
                    (Medium::Child, _) => {
                        let (child, written) = child::run(url, urls.len())?;
                        writer = Some(child);
                        written.into()
                    }
                    _ => plain_socket::connect(url, input.patience.connect)?,
                };
                pipes.push(child::start(&options, format, opened, writer, url.to_string())?);
            }
        }
    }
    Ok(pipes)
}
