//! What may be sent again to a consumer that was started again, and what a producer that was started again may go on with.

use std::path::PathBuf;

use super::{FormatSpec, Start, To};
use crate::output::interop::Encoding;

/// Whether what was typed can be sent twice, and to somebody who can say that it is needed.
pub(super) fn replayable(follows: bool, paths: &[PathBuf], to: &To, encoding: Encoding) -> Result<(), String> {
    let cannot = |why: &str| Err(format!("--replay: {why}"));
    if follows {
        return cannot("what is followed has no beginning to return to; read the files without -F");
    }
    if paths.is_empty() || paths.iter().any(|path| path.as_os_str() == "-") {
        return cannot("standard input cannot be read again; name the files");
    }
    match to {
        To::Stdout | To::File(_) | To::Here => {
            cannot("only a consumer at a socket can be started again: --to or --listen unix:, tcp:// or tls://")
        }
        To::Consumers { .. } if encoding != Encoding::Records => {
            cannot("only a `consumer` says that it was started again, not what reads --as")
        }
        To::Consumers { urls, .. } if urls.iter().any(|url| url.command().is_some()) => {
            cannot("a child that has died is not started again; let the consumer --listen, and call it")
        }
        To::Consumers { urls, listen, .. } if urls.len() > 1 || listen.as_ref().is_some_and(|(_, count)| *count > 1) => {
            cannot("with several consumers nobody knows which records the new one lacks; it is for one")
        }
        To::Consumers { .. } => Ok(()),
    }
}

/// Whether it can be remembered how far the inputs are confirmed, and somebody confirms it.
pub(super) fn rememberable(format: &FormatSpec, merges: bool, to: &To, encoding: Encoding) -> Result<(), String> {
    let cannot = |why: &str| Err(format!("--state: {why}"));
    if !matches!(format.start, Start::Blocks(_)) {
        return Err(format!("--state: how far `{}` was read is not a place in a file", format.name));
    }
    if merges {
        return cannot("of files that are merged by time there is no place up to which all was sent; follow them without --merge");
    }
    match to {
        To::Consumers { .. } if encoding != Encoding::Records => cannot("only a `consumer` says what it is done with, not what reads --as"),
        To::Consumers { urls, listen, options } if options.has_heir(urls, listen.as_ref().map(|(_, count)| *count)) => Ok(()),
        _ => cannot("one consumer at a socket says what it is done with: --to or --listen unix:, tcp:// or tls://"),
    }
}
