//! From bytes to records: the producer as a library.
//!
//! ```text
//! cli ──► config ──► input: find ► open ► block ──► format: plan ► parser ──► run: in order ► frames
//! (typed)  (meant)   PATHs to blocks of lines       blocks to batches         judge, ledger
//! ```
//!
//! `input` knows no format, `format` does no I/O, and only [`run`] knows both. A new format is one file in
//! [`format`](mod@format) and its row in [`format::FORMATS`].

#![deny(unsafe_code)]

pub mod cli;
pub mod config;
pub mod format;
pub mod input;
pub mod progress;
pub mod run;
mod simd;

use std::path::Path;
use std::sync::Arc;

use recpipe::transport::back::Listener;
use recpipe::transport::{Url, file, stdio};
use recpipe::{Exit, say};

use config::Config;
use input::live::Watch;
use input::{Blocks, Meter};
use progress::Progress;
use run::rejects::Kept;

/// Does what the configuration says; what there is to say has been said when it returns.
pub fn produce(config: Config) -> Exit {
    let found = input::find::find(&config.paths, &config.names);
    // Before anything is created: that empties what was there.
    for (option, path) in [("--to", to_file(&config.to)), ("--rejects", config.rejects.as_deref())] {
        if let Some(path) = path.filter(|path| input::find::is_among(path, &found)) {
            say!("producer: {option} {}: is one of the inputs; name another file", path.display());
            return Exit::Usage;
        }
    }
    // What may fail comes before what empties a file.
    let kept = match config.rejects.as_deref().map(Kept::create).transpose() {
        Ok(kept) => kept,
        Err(message) => {
            say!("producer: {message}");
            return Exit::Failed;
        }
    };
    let (out, watch) = match open_output(&config.to) {
        Ok(opened) => opened,
        Err((exit, message)) => {
            say!("producer: {message}");
            return exit;
        }
    };
    if kept.as_ref().is_some_and(|kept| kept.is_same_file(&out)) {
        say!("producer: --rejects names the file that the records go to; name another");
        return Exit::Usage;
    }
    // Before the first byte is written: whoever has read one knows that somebody listens.
    let advice = Listener::new(&out);
    let meter = Arc::new(Meter::default());
    let progress = Progress::new(config.show, meter.clone(), input::total_bytes(&found));
    let blocks = Blocks::new(found, meter, watch).not_reading(&out);
    run::run(blocks, (config.format.start)(), out, advice, kept, &config.options, progress)
}

fn to_file(to: &Url) -> Option<&Path> {
    match to {
        Url::File(path) => Some(path),
        Url::Stdio => None,
    }
}

/// The output, and the watch over whoever reads it.
fn open_output(to: &Url) -> Result<(std::fs::File, Watch), (Exit, String)> {
    let failed = |e: &dyn std::fmt::Display| (Exit::Failed, e.to_string());
    match to {
        Url::Stdio if stdio::stdout_is_terminal() => {
            let hint = "records are not written to a terminal; add `| consumer` to see them, or `--to FILE` to keep them";
            Err((Exit::Usage, hint.to_owned()))
        }
        Url::Stdio => {
            let out = stdio::stdout().map_err(|e| failed(&e))?;
            let watch = Watch::over(&out).map_err(|e| failed(&e))?;
            Ok((out, watch))
        }
        Url::File(path) => Ok((file::create(path).map_err(|e| failed(&e))?, Watch::nothing())),
    }
}
