//! Runs whose records go to standard output or into a file.

use std::fs::File;
use std::path::Path;

use recpipe::transport::pipe_backchannel::Listener;
use recpipe::transport::{BlockingWriter, file, stdio};
use recpipe::wire::Writer;
use recpipe::{Error, Exit};

use super::{Pipeline, Refused, incomplete, no_signals};
use crate::input::live::Watch;
use crate::input::signals;
use crate::output::interop::{Encoding, Streams};
use crate::output::{PushdownChannel, Target};
use crate::run::Output;
use crate::run::rejects::Kept;

impl Pipeline<'_> {
    /// Writes to the standard output, until whoever reads it has gone.
    pub(super) fn to_stdout(&self) -> Result<Exit, Refused> {
        let failed = |e: &dyn std::fmt::Display| (Exit::Failed, e.to_string());
        // What may fail comes before what empties a file.
        let kept = self.rejects()?;
        if stdio::stdout_is_terminal() && !self.encoding().is_text() {
            let hint = "records are not written to a terminal; add `| consumer` to see them, or `--to FILE` to keep them";
            return Err((Exit::Usage, hint.to_owned()));
        }
        let out = stdio::stdout().map_err(|e| failed(&e))?;
        let watch = Watch::over(&out).map_err(|e| failed(&e))?;
        self.write(&out, &watch, kept, false)
    }

    /// Writes to a file, which is emptied when there is something to write; one that was made for nothing is taken away.
    pub(super) fn to_file(&self, path: &Path) -> Result<Exit, Refused> {
        let kept = self.rejects()?;
        let (out, is_new) = file::create(path).map_err(|e| (Exit::Failed, e.to_string()))?;
        let ended = self.write(&out, &Watch::nothing(), kept, true);
        let is_usage = matches!(ended, Ok(Exit::Usage) | Err((Exit::Usage, _)));
        if is_new && is_usage && out.metadata().is_ok_and(|meta| meta.len() == 0) {
            // Made for what did not come. Should that fail, an empty file is no harm.
            let _ = std::fs::remove_file(path);
        }
        ended
    }

    fn write(&self, out: &File, watch: &Watch, kept: Option<Kept>, late: bool) -> Result<Exit, Refused> {
        if kept.as_ref().is_some_and(|kept| kept.is_same_file(out)) {
            return Err((Exit::Usage, "--rejects names the file that the records go to; name another".to_owned()));
        }
        let encoding = self.encoding();
        // Before the first byte is written: whoever has read one knows that somebody listens.
        let channel = match encoding {
            // Nobody knows what those who read a file will ask for: --lines says it.
            Encoding::Records if out.metadata().is_ok_and(|meta| meta.is_file()) => PushdownChannel::Nobody,
            Encoding::Records => PushdownChannel::pipe(Listener::new(out)),
            _ => PushdownChannel::Nobody,
        };
        let begin = move |out: &File| -> Result<Box<dyn Target>, Error> {
            let out = out.try_clone().map_err(|e| Error::io("the output", e))?;
            Ok(match encoding {
                Encoding::Records => Box::new(Writer::new(BlockingWriter::new(out))?),
                encoding => Box::new(Streams::to_file(encoding, out)),
            })
        };
        let output = match late {
            true => Output::Late(Box::new(move || emptied(out).and_then(begin))),
            false => Output::Now(Box::new(move || begin(out))),
        };
        let run = || self.run(watch, Some(out), kept, channel, output)?.map_err(|restarted| incomplete(restarted.0));
        signals::ending(watch, run).unwrap_or_else(|e| Err(no_signals(e)))
    }

    fn encoding(&self) -> Encoding {
        self.config.options.packing.encoding
    }
}

/// The file of a stream, which begins now.
fn emptied(out: &File) -> Result<&File, Error> {
    let emptied = out.metadata().and_then(|meta| if meta.is_file() { out.set_len(0) } else { Ok(()) });
    emptied.map(|()| out).map_err(|e| Error::io("cannot empty the file of the stream", e))
}
