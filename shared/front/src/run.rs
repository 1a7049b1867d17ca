//! Runs both programs in this process.

use std::{
    ffi::{OsStr, OsString},
    io::Write,
    path::Path,
    process::ExitCode,
    sync::Arc,
    thread,
};

use recpipe::{Exit, say, transport::local};
use recpipe_consumer::{
    cli as consumer,
    language::{self, Catalog, Source},
    program as consumer_program,
};
use recpipe_manual::{Said, serve};
use recpipe_producer::{cli as producer, config::Config, format::Formats, produce, produce_into, refuse_into};

use crate::{
    completion, help,
    line::{self, Split},
};

/// What the program is called, and what its messages begin with.
const NAME: &str = "recpipe";

/// The `recpipe` program with these formats and words. `args` begin with its name.
///
/// The answer goes to standard output; everything that a person should know has been written to stderr before this returns.
pub fn program(args: Vec<OsString>, formats: &Formats, catalog: Catalog) -> ExitCode {
    let catalog = &Arc::new(catalog);
    say::as_one(NAME);
    let said =
        Said { name: NAME, command: |words: &_| completion::command(words, formats, catalog), pages: || help::pages(formats, catalog) };
    if let Some(answer) = serve(&args, said) {
        return told(answer).into();
    }
    // It is started again by itself, as a worker of `--processes`.
    if args.get(1).is_some_and(|arg| arg == "--worker") {
        return consumer_program::main(&consumer::Cli::among(["consumer", "--worker"], catalog), catalog).into();
    }
    let matches = match line::command(formats, catalog).try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(message) => {
            // Help goes to stdout, mistakes to stderr. A failure to write there is ignored: nobody reads it.
            let _ = message.print();
            return u8::try_from(message.exit_code()).unwrap_or(Exit::Usage.code()).into();
        }
    };
    if matches.get_raw("format").is_some_and(|mut format| format.next() == Some(OsStr::new("help"))) {
        let words: Vec<OsString> = matches.get_raw(line::PATHS).into_iter().flatten().map(OsStr::to_owned).collect();
        return told(help::about(&words, formats, catalog)).into();
    }
    match line::split(&matches, formats, catalog).and_then(|split| misplaced_query(&split, catalog).map_or(Ok(split), Err)) {
        Ok(split) => both(split, formats, catalog).into(),
        Err(mistake) => told(Err(mistake)).into(),
    }
}

/// Writes what was asked for, or says why it cannot be told.
fn told(answer: Result<String, String>) -> Exit {
    match answer {
        Ok(text) => {
            // A failure to write is ignored: nobody reads it.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            Exit::Done
        }
        Err(mistake) => {
            say!("{NAME}: {mistake}");
            Exit::Usage
        }
    }
}

/// That the last word is the name of a file and no query, or that one before it is a query and no file.
fn misplaced_query(split: &Split, catalog: &Arc<Catalog>) -> Option<String> {
    let query = split.query.as_ref()?;
    let is_query =
        |word: &OsStr| word.to_str().is_some_and(|text| language::parse(&Source::from_args(&[text.to_owned()]), catalog).is_ok());
    let name = query.to_string_lossy();
    if !is_query(query) && Path::new(query).exists() {
        return Some(format!("{name} is a file, and the query is missing: it stands last, as in: recpipe csv {name} 'count'"));
    }
    let first = split.paths.iter().position(|path| !path.is_empty() && !Path::new(path).exists() && is_query(path))?;
    let stages: Vec<_> = split.paths[first..].iter().chain([query]).map(|word| word.to_string_lossy()).collect();
    Some(format!("there is no file `{}`; of a query all stages stand in the last word: {}", stages[0], quoted(&stages.join(" | "))))
}

/// The word as a shell reads it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Runs both, the producer on a thread of its own; the exit is that of the consumer.
fn both(split: Split, formats: &Formats, catalog: &Arc<Catalog>) -> Exit {
    let consumer = consumer::Cli::among(split.consumer, catalog);
    let (to, from) = local::channel();
    let config = match producer::Cli::among(split.producer, formats) {
        Ok(cli) => Config::among(cli, formats),
        Err(message) => {
            // A mistake that only the producer's own command line finds, as two options that exclude each other.
            let _ = message.print();
            return u8::try_from(message.exit_code()).map_or(Exit::Usage, Exit::from_code);
        }
    };
    let config = match config {
        Ok(config) if config.dry_run => return produce(config),
        Ok(config) => config,
        Err(mistake) => {
            refuse_into(&to, Exit::Usage, mistake);
            return consumer_program::main_over(&consumer, catalog, from);
        }
    };
    thread::scope(|scope| {
        // Its exit travels in the end of its stream.
        let produce = move || {
            produce_into(config, to);
        };
        if let Err(error) = thread::Builder::new().name("producer".into()).spawn_scoped(scope, produce) {
            say!("{NAME}: cannot start a thread: {error}");
            return Exit::Failed;
        }
        consumer_program::main_over(&consumer, catalog, from)
    })
}
