//! `-`: standard input and output as raw files, unbuffered, since frames and blocks are large already.

use std::{
    fmt,
    fs::File,
    io::{self, IsTerminal},
    os::fd::{AsFd, BorrowedFd},
    sync::Arc,
};

use super::{Endpoint, Medium, Scheme};
use crate::Error;

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "-",
    syntax: "-",
    medium: Medium::Stdio,
    resumes: false,
    is_plain: false,
    parse: |text| (text == SCHEME.prefix).then(|| Ok(Arc::new(Standard) as Arc<dyn Endpoint>)),
};

/// Standard input or output, whichever is meant.
#[derive(Debug)]
pub(crate) struct Standard;

impl fmt::Display for Standard {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(SCHEME.prefix)
    }
}

impl Endpoint for Standard {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }
}

/// The size asked for both pipes: a frame fits, so writer and reader work at the same time instead of in turn.
/// It is also the most that Linux gives an ordinary user (`/proc/sys/fs/pipe-max-size`).
pub const PIPE_BYTES: usize = 1 << 20;

/// Standard input as a file of its own.
///
/// # Errors
/// [`Error::Io`] when it is closed.
pub fn stdin() -> Result<File, Error> {
    own(io::stdin().as_fd(), "standard input")
}

/// Standard output as a file of its own.
///
/// # Errors
/// [`Error::Io`] when it is closed.
pub fn stdout() -> Result<File, Error> {
    own(io::stdout().as_fd(), "standard output")
}

/// Whether frames would go to a terminal, where they are of no use and may do harm.
pub fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Whether standard output is a file, or `/dev/null`: nobody sees it come.
pub fn stdout_is_file() -> bool {
    let stdout = io::stdout();
    let kind = rustix::fs::fstat(stdout.as_fd()).map(|stat| rustix::fs::FileType::from_raw_mode(stat.st_mode));
    matches!(kind, Ok(rustix::fs::FileType::RegularFile))
        || matches!(kind, Ok(rustix::fs::FileType::CharacterDevice)) && !stdout.is_terminal()
}

fn own(fd: BorrowedFd<'_>, what: &str) -> Result<File, Error> {
    let owned = fd.try_clone_to_owned().map_err(|error| Error::io(what, error))?;
    enlarge(&owned);
    Ok(owned.into())
}

/// Makes a pipe larger. What is no pipe, or has a user at the limit of pipe memory, stays as it is: only speed is lost.
#[cfg(target_os = "linux")]
pub(super) fn enlarge(fd: impl AsFd) {
    if rustix::pipe::fcntl_getpipe_size(&fd).is_ok_and(|size| size < PIPE_BYTES) {
        let _ = rustix::pipe::fcntl_setpipe_size(&fd, PIPE_BYTES);
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn enlarge(_: impl AsFd) {}

/// The columns and rows of the terminal that standard output is; `None` when it is none or does not say.
pub fn terminal_size() -> Option<(usize, usize)> {
    let size = rustix::termios::tcgetwinsize(io::stdout().as_fd()).ok()?;
    (size.ws_col > 0 && size.ws_row > 0).then_some((usize::from(size.ws_col), usize::from(size.ws_row)))
}
