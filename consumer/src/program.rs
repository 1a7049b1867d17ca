//! The program: from the command line to an exit code.

use std::{fs::File, io::IsTerminal, thread::available_parallelism, time::Instant};

use anyhow::{Context, anyhow};
use recpipe::{
    Error, Exit, say,
    transport::{
        Url, back, file, stdio,
        watch::{Stopper, Watched},
    },
    wire::{self, Ending, Incoming, Reader},
};

use crate::{
    cli::Cli,
    output::{Look, Printer},
    query::{self, Plan, Query, QueryError, Source, plan::Output},
    run::{self, Options, Outcome},
};

type Input = Watched<File>;

/// Runs the program and says what went wrong, if anything did.
pub fn main(cli: &Cli) -> Exit {
    match answer(cli) {
        Ok(exit) => exit,
        Err(error) => {
            if let Some(error) = error.downcast_ref::<QueryError>() {
                say::styled(&error.render(&cli.color.diagnostics()));
                return Exit::Usage;
            }
            let known = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
            if known.is_some_and(Error::is_broken_pipe) {
                return Exit::Done;
            }
            say!("consumer: {}", shown(&error));
            known.map_or(Exit::Failed, Error::exit)
        }
    }
}

/// What went wrong, from the outside in. An [`Error`] tells its own cause.
fn shown(error: &anyhow::Error) -> String {
    let mut parts = Vec::new();
    for cause in error.chain() {
        parts.push(cause.to_string());
        if cause.is::<Error>() {
            break;
        }
    }
    parts.join(": ")
}

fn answer(cli: &Cli) -> anyhow::Result<Exit> {
    let started = Instant::now();
    let source = match source(cli) {
        Ok(source) => source,
        Err(error) => return Ok(usage(&format!("{error:#}"))),
    };
    let query = query::parse(&source)?;
    if cli.from == Url::Stdio && std::io::stdin().is_terminal() {
        return Ok(usage("standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'"));
    }
    let (input, stopper) = open(&cli.from)?;
    let mut reader = Reader::new(input)?;
    let plan = match first_schema(&mut reader, &source, &query, cli.quiet)? {
        Begun::Plan(plan) => plan,
        Begun::Ended(ending) => return Ok(ended(&ending)),
    };
    if cli.check {
        return Ok(Exit::Done);
    }
    let printer = Printer::stdout(Look::of_stdout(cli.color))?;
    let terminal = printer.is_terminal();
    if terminal && plan.sink() == Some(&Output::Arrow) {
        return Ok(usage(
            "standard output is a terminal, and `arrow` is not for reading; into a file or a program, as in: consumer arrow > log.arrow",
        ));
    }
    let options = Options {
        threads: cli.threads.map_or_else(|| available_parallelism().map_or(1, usize::from), usize::from),
        default_output: if terminal { Output::Table } else { Output::Json },
        stopper: Some(stopper),
        quiet: cli.quiet,
    };
    // Whoever wrote into a pipe may be listening at it; of a file, nobody is.
    let needed = wire::Plan { columns: query::fields_read(&plan, &options.default_output) };
    if cli.from == Url::Stdio && needed.columns.is_some() {
        back::advise(reader.input(), &needed);
    }
    // Not before the query is known to be right: its errors are told, whoever reads the answer.
    reader.input_mut().watch_output(stdio::stdout()?.into());
    let outcome = run::run(&mut reader, &plan, &options, printer);
    if outcome.replaced > 0 && !cli.quiet {
        let values = if outcome.replaced == 1 { "1 value was" } else { &format!("{} values were", outcome.replaced) };
        say!("consumer: {values} not UTF-8; what is not is written as U+FFFD (csv, tsv and print keep the bytes)");
    }
    if cli.stats {
        let (records_in, records_out) = (outcome.records_in, outcome.records_out);
        say!("consumer: {records_in} records in, {records_out} out, {:.3} s", started.elapsed().as_secs_f64());
    }
    conclude(outcome)
}

/// The exit of a run, with what is to be said of it.
fn conclude(outcome: Outcome) -> anyhow::Result<Exit> {
    match (outcome.error, outcome.ending) {
        // Whoever has enough is done, however the stream would have ended. (Whether a worker has read on as far as its end
        // is chance.)
        (None | Some(Error::Truncated { .. } | Error::Corrupt { .. }), _) if outcome.stopped => Ok(Exit::Done),
        (Some(error), _) if error.exit() == Exit::Incomplete => {
            Err(anyhow::Error::new(error).context("the answer is incomplete, it is that of the records that came"))
        }
        (Some(error), _) => Err(error.into()),
        (None, Some(ending)) => Ok(ended(&ending)),
        (None, None) => Err(anyhow!("the stream stopped without an end and without an error")),
    }
}

/// The producer's own exit, and its words.
fn ended(ending: &Ending) -> Exit {
    if ending.exit != Exit::Done {
        say!("consumer: the producer ended with exit {}: {}", ending.exit.code(), ending.cause);
    }
    ending.exit
}

fn usage(what: &str) -> Exit {
    say!("consumer: {what}");
    Exit::Usage
}

fn source(cli: &Cli) -> anyhow::Result<Source> {
    match &cli.file {
        None => Ok(Source::from_args(&cli.query)),
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the query {}", path.display()))?;
            Ok(Source::from_file(path.display().to_string(), text))
        }
    }
}

fn open(url: &Url) -> anyhow::Result<(Input, Stopper)> {
    let file = match url {
        Url::Stdio => stdio::stdin()?,
        Url::File(path) => file::open(path)?,
    };
    if file.is_terminal() {
        return Err(anyhow!(
            "standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'"
        ));
    }
    Watched::new(file, None).context("cannot watch the input")
}

/// A stream begins with what the query is checked against, or ends without it.
enum Begun {
    Plan(Plan),
    Ended(Ending),
}

fn first_schema(reader: &mut Reader<Input>, source: &Source, query: &Query, quiet: bool) -> anyhow::Result<Begun> {
    loop {
        match reader.read()? {
            Some(Incoming::Schema(schema)) => return Ok(Begun::Plan(query::check(source, query, &schema)?)),
            Some(Incoming::Report(report)) if quiet => drop(report),
            Some(Incoming::Report(report)) => say!("consumer: the producer says: {}", report.message),
            // A producer that is well says what its fields are, also when there are no records.
            Some(Incoming::End(ending)) if ending.exit == Exit::Done => {
                return Err(anyhow!("the stream ended without saying what its fields are"));
            }
            Some(Incoming::End(ending)) => return Ok(Begun::Ended(ending)),
            Some(Incoming::Batch(_)) | None => return Err(anyhow!("the stream has records before it has fields")),
        }
    }
}
