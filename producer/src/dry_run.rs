//! `--dry-run`: what would be read, in which order, and the first record; nothing is written but this.

use std::fmt::Write as _;
use std::io::Write;
use std::sync::Arc;

use recpipe::{Batch, Exit, Value};

use crate::config::Config;
use crate::format::Args;
use crate::format::source::Source;
use crate::format::store::Stored;
use crate::input::find::{Found, Input};
use crate::input::live::Watch;
use crate::input::open::Opened;
use crate::input::{self, Inputs, Meter};
use crate::run::Run;
use crate::run::blocks::BlockSource;
use crate::run::rejects::shown;
use crate::settle::{Refused, settle};
use crate::timing::{self, Begun, Timed};

/// Shows it on the standard output.
pub(crate) fn dry_run(config: &Config) -> Exit {
    let found = input::find::find(&config.paths, &config.names);
    let begun = settle(config, found, &Watch::nothing()).and_then(|settled| timing::begin(config, settled));
    let (begun, args, timed) = match begun {
        Ok(begun) => begun,
        Err((exit, mistake)) => {
            recpipe::say!("producer: {mistake}");
            return exit;
        }
    };
    let (mut text, mut exit) = files(&timed.found);
    match first(config, begun, &args, timed) {
        Ok(Some(batch)) => text += &record(&batch),
        Ok(None) => text += "\nno record\n",
        Err((failed, message)) => {
            recpipe::say!("producer: {message}");
            exit = exit.or(failed);
        }
    }
    // Whoever closed it has seen enough.
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
    exit
}

/// A line for each input: its size on the disk, its compression, its name.
fn files(found: &Found) -> (String, Exit) {
    let (mut text, mut exit) = (String::new(), Exit::Done);
    for input in found {
        let path = match input {
            Ok(Input::Stdin) => {
                text += "           -  standard input\n";
                continue;
            }
            Ok(Input::Given(given)) => {
                let _ = writeln!(text, "           -  {}", given.name());
                continue;
            }
            Ok(Input::File(path)) => path,
            Err(problem) => {
                recpipe::say!("producer: {problem}");
                exit = Exit::Failed;
                continue;
            }
        };
        // Only a regular file is opened: what comes out of a pipe is gone.
        let size = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file).map(|meta| meta.len());
        let opened = size.map(|_| Opened::open(&Input::File(path.clone()), &Arc::default(), &Watch::nothing()));
        let codec = match &opened {
            Some(Ok(opened)) => opened.codec().unwrap_or("plain"),
            Some(Err(problem)) => {
                recpipe::say!("producer: {problem}");
                exit = Exit::Failed;
                continue;
            }
            None => "-",
        };
        let size = size.map_or_else(|| "-".to_owned(), |size| size.to_string());
        let _ = writeln!(text, "{size:>12}  {codec:5}  {}", path.display());
    }
    (text, exit)
}

/// The first batch with a record in it.
fn first(config: &Config, begun: Begun, args: &Args, Timed { found, window, .. }: Timed) -> Result<Option<Batch>, Refused> {
    let inputs = Inputs::new(found, Arc::new(Meter::default()), Watch::nothing());
    let inputs = inputs.written_in(config.charset).of_archives(&config.names);
    let source: Box<dyn Source> = match begun {
        Begun::Blocks(format) => Box::new(BlockSource::new(inputs, format, None).within(window.filter(|_| config.span.is_some()))),
        Begun::Source { name, start } => start(args, inputs).map_err(|mistake| (Exit::Usage, format!("{name}: {mistake}")))?,
        Begun::Store { name, start } => {
            let stored = Stored { inputs, span: config.span, follow: None };
            start(args, stored).map_err(|mistake| (Exit::Usage, format!("{name}: {mistake}")))?
        }
        Begun::Made { name, start } => start(args).map_err(|mistake| (Exit::Usage, format!("{name}: {mistake}")))?,
    };
    Run::new(source, &config.options).first().map_err(|misfit| (Exit::Usage, misfit.0))
}

/// The first record: a line for each field.
fn record(batch: &Batch) -> String {
    let fields = batch.schema().fields();
    let width = fields.iter().map(|field| field.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("\nthe first record, from {}:\n", batch.origin().source);
    for (field, value) in fields.iter().zip(batch.row(0).values()) {
        let value = match value {
            Value::Null => "null".to_owned(),
            Value::Text(text) => shown(text),
            other => other.to_string(),
        };
        let _ = writeln!(text, "  {:width$}  {:5}  {value}", field.name, field.kind);
    }
    text
}
