//! What a consumer behind a pipe is told when there will be no stream: a stream that is nothing but its end, with the exit and the
//! cause. Without it a mistake in what was typed would look like a producer that has died.

use std::os::unix::fs::FileTypeExt;

use recpipe::transport::{BlockingWriter, stdio};
use recpipe::wire::{Ending, Writer};
use recpipe::{Exit, say};

/// Says why there will be no stream, to people, and to a consumer if one `may_read` standard output; nothing was written there.
pub fn refuse(exit: Exit, cause: String, may_read: bool) -> Exit {
    say!("producer: {cause}");
    if may_read {
        tell(exit, cause);
    }
    exit
}

/// Tells a consumer that reads standard output, where that is a pipe: a file, or a terminal, is for records alone.
pub fn tell(exit: Exit, cause: String) {
    let Ok(out) = stdio::stdout() else { return };
    let is_pipe = out.metadata().is_ok_and(|meta| meta.file_type().is_fifo() || meta.file_type().is_socket());
    if is_pipe {
        // That nobody reads it, or it cannot be written, is no news: the exit says what matters.
        let _ = Writer::new(BlockingWriter::new(out)).and_then(|writer| writer.finish(&Ending { exit, cause, rejected: 0 }));
    }
}

/// Whether records were to go to standard output, as far as arguments that are wrong can tell.
pub fn may_be_read(mut args: impl Iterator<Item = std::ffi::OsString>) -> bool {
    !args.any(|arg| ["--as", "--to", "--listen", "--dry-run"].iter().any(|option| arg.as_encoded_bytes().starts_with(option.as_bytes())))
}
