//! SIGINT, SIGTERM and SIGHUP end the reading, as [`recpipe::signals`] has it.

use std::io;

pub(crate) use recpipe::signals::name;

use super::live::Watch;

/// Runs `run`; a signal meanwhile ends the reading of `watch`.
///
/// # Errors
///
/// The signals cannot be caught; nothing has been run.
pub(crate) fn ending<T>(watch: &Watch, run: impl FnOnce() -> T) -> io::Result<T> {
    recpipe::signals::ending(|signal| watch.stop_by(signal), run)
}
