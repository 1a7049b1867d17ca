//! The program: from the command line to an exit code.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
    sync::Arc,
    thread::available_parallelism,
    time::Instant,
};

use anyhow::{Context, anyhow};
use recpipe::{
    Error, Exit, say, service, signals,
    transport::{Security, Url, local, stdio},
    wire::Ending,
};
use recpipe_manual::{Said, serve};

use crate::{
    cli::Cli,
    completion,
    config::{self, Config, Origins, Purpose, Text},
    execute::{
        self, Options, Outcome,
        children::{self, Orders},
    },
    explain::explain,
    files::Files,
    help,
    input::{self, Begun, Input, SecondOptions},
    language::{self, Catalog, Query, QueryError, Setting, Source, diagnose::Style},
    late, output, plan,
    writer::{Calling, Color, Lingering, Look, Printer},
};

/// The program `consumer` with these words: what a program of one's own runs that has more of them. The arguments are those of the
/// process; help and mistakes in them end it.
///
/// # Examples
/// ```no_run
/// use recpipe_consumer::{language::Catalog, program};
///
/// fn main() -> std::process::ExitCode {
///     program::run(Catalog::builtin())
/// }
/// ```
pub fn run(catalog: Catalog) -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    let said = Said { name: "consumer", command: |words: &_| completion::command(words, &catalog), pages: || help::pages(&catalog) };
    if let Some(answer) = serve(&args, said) {
        return told(answer).into();
    }
    main(&Cli::from_args(&catalog), &Arc::new(catalog)).into()
}

/// Writes what was asked for about the program, or says why it cannot be told.
fn told(answer: Result<String, String>) -> Exit {
    match answer {
        Ok(text) => {
            // A failure to write is ignored: nobody reads it.
            let _ = std::io::stdout().lock().write_all(text.as_bytes());
            Exit::Done
        }
        Err(mistake) => usage(&mistake),
    }
}

/// Runs the program and says what went wrong, if anything did.
pub fn main(cli: &Cli, catalog: &Arc<Catalog>) -> Exit {
    if cli.worker {
        return children::main(catalog);
    }
    run_over(cli, catalog, |config| {
        if matches!(&config.from, Origins::Urls(urls) if *urls == [Url::stdio()]) && std::io::stdin().is_terminal() {
            let hint = "standard input is a terminal; pipe a `producer` into it, as in: producer apache access.log | consumer 'count'";
            return Err(Error::Usage(hint.to_owned()).into());
        }
        input::open(config)
    })
}

/// The same over the records that a producer in this process hands over.
pub fn main_over(cli: &Cli, catalog: &Arc<Catalog>, records: local::Receiver) -> Exit {
    run_over(cli, catalog, |_| Ok(Input::Local(records)))
}

fn run_over(cli: &Cli, catalog: &Arc<Catalog>, open: impl FnOnce(&config::Input) -> anyhow::Result<Input>) -> Exit {
    match answer(&Config::from(cli), catalog, open) {
        Ok(exit) => exit,
        Err(error) => {
            if let Some(error) = error.downcast_ref::<QueryError>() {
                say::styled(&error.render(&style(cli.color)));
                return Exit::Usage;
            }
            let exit = exit_of(&error);
            if exit != Exit::Done {
                say!("consumer: {}", shown(&error));
            }
            exit
        }
    }
}

/// The style of diagnostics on stderr.
fn style(color: Color) -> Style {
    if color.is_on(&std::io::stderr()) { Style { error: "\x1b[1;31m", mark: "\x1b[1;31m", off: "\x1b[0m" } } else { Style::default() }
}

/// The exit that an error leads to. That nobody reads the answer any more is none.
fn exit_of(error: &anyhow::Error) -> Exit {
    if error.is::<QueryError>() {
        return Exit::Usage;
    }
    let known = error.chain().find_map(|cause| cause.downcast_ref::<Error>());
    if known.is_some_and(Error::is_broken_pipe) { Exit::Done } else { known.map_or(Exit::Failed, Error::exit) }
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

fn answer(config: &Config, catalog: &Arc<Catalog>, open: impl FnOnce(&config::Input) -> anyhow::Result<Input>) -> anyhow::Result<Exit> {
    let started = Instant::now();
    if let Text::Arguments(query) = &config.text
        && let Some(asked) = help::asked(query)
    {
        return Ok(match help::about(&asked, catalog) {
            Ok(text) => {
                let mut printer = Printer::stdout(Look::of_stdout(config.color))?;
                printer.write(text.as_bytes())?;
                printer.flush()?;
                Exit::Done
            }
            Err(unknown) => usage(&unknown),
        });
    }
    let source = match source(&config.text, config.output.as_deref()) {
        Ok(source) => source,
        Err(error) => return Ok(usage(&format!("{error:#}"))),
    };
    let query = language::parse(&source, catalog)?;
    let input = open(&config.input)?;
    service::ready(&match &config.input.from {
        Origins::Listen { url, .. } => format!("listens at {url}"),
        Origins::Urls(_) | Origins::Hosts(_) => "reads".to_owned(),
    });
    let stop = input.stop();
    let options = SecondOptions { threads: config.threads, quiet: config.quiet, zone: config.zone.clone() };
    let files = Arc::new(Files::new(options, config.memory.limit));
    // Where a file is read, there is no stream to be ended.
    let lingering = Lingering::default();
    let interrupt = |signal| lingering.end() || !files.are_read() && stop.interrupt(signal);
    signals::ending(interrupt, || answer_and_tell(input, config, (&source, &query), (&files, &lingering), started))
        .context("cannot catch signals")?
}

fn answer_and_tell(
    mut input: Input,
    config: &Config,
    query: (&Source, &Query),
    run: (&Arc<Files>, &Lingering),
    started: Instant,
) -> anyhow::Result<Exit> {
    let exit = answer_over(&mut input, config, query, run, started);
    // A failure is reported before a signal; both are said.
    let exit = exit.map_err(|error| match input.signal().filter(|_| exit_of(&error) != Exit::Done) {
        Some(signal) => error.context(format!("ended by {}", signals::name(signal))),
        None => error,
    });
    // However it went, the producers are told.
    let (code, cause) = match &exit {
        // What was found of the records is no failure of whoever sent them.
        Ok(Exit::Unmet) => (Exit::Done, String::new()),
        Ok(exit) => (*exit, String::new()),
        Err(error) => (exit_of(error), shown(error)),
    };
    let told = input.close(&Ending { exit: code, cause, rejected: 0 });
    match (exit, told) {
        // A producer that is lost after it has sent everything changes nothing about the answer.
        (Ok(exit), Err(error)) => {
            say!("consumer: {error}");
            Ok(exit)
        }
        (exit, _) => exit,
    }
}

fn answer_over(
    input: &mut Input,
    config: &Config,
    (source, query): (&Source, &Query),
    (files, lingering): (&Arc<Files>, &Lingering),
    started: Instant,
) -> anyhow::Result<Exit> {
    let begun = input.begin(config.quiet)?;
    let setting = Setting {
        zone: config.zone.clone(),
        inputs: files.clone(),
        live: input.is_live(),
        has_senders: config.input.has_senders(),
        ..Setting::default()
    };
    let plan = match begun {
        Begun::Schema(schema) => match language::check_at(source, query, &schema, &setting) {
            Ok(plan) => plan,
            // Where the producer has made no record of anything, its fields tell nothing about the query.
            Err(error) => match input.ends_without_records().filter(|ending| ending.exit != Exit::Done) {
                Some(ending) => return Ok(ended(&ending, input)),
                // A file that cannot be read is no mistake in the query.
                None => return Err(files.failure().unwrap_or_else(|| error.into())),
            },
        },
        Begun::Ended(ending) => return Ok(ended(&ending, input)),
    };
    if config.purpose == Purpose::Check {
        return Ok(Exit::Done);
    }
    let mut printer = Printer::stdout(Look::of_stdout(config.color))?;
    let terminal = printer.is_terminal();
    if config.purpose == Purpose::Explain {
        printer.write(explain(&plan, &output::default(terminal)).as_bytes())?;
        printer.flush()?;
        return Ok(Exit::Done);
    }
    let uses = plan.uses();
    if let (Some(refusal), true) = (uses.alone, terminal) {
        return Ok(usage(refusal));
    }
    let orders = config.processes.map(|processes| Orders {
        processes: processes.into(),
        source: source.clone(),
        now: setting.now,
        zone: setting.zone.clone(),
        left_out: setting.left_out.clone(),
        texts: files.texts(),
    });
    let default_threads = || if orders.is_some() { 1 } else { available_parallelism().map_or(1, usize::from) };
    let options = Options {
        threads: config.threads.map_or_else(default_threads, usize::from),
        processes: orders.clone(),
        unordered: config.unordered,
        memory: config.memory.clone(),
        calling: Calling {
            security: Security::read(&config.input.security)?,
            patience: config.input.patience,
            quiet: config.quiet,
            lingering: lingering.clone(),
        },
        default_output: output::default(terminal),
        stopper: Some(input.stop()),
        left_out: setting.left_out.clone(),
        quiet: config.quiet,
    };
    let shows = execute::shows_early(&plan, &options, terminal) && !stdio::stdout_is_file();
    input.advise(&plan::pushdown(&plan, &options.default_output, execute::holds_state(&plan, &options), shows));
    // Not before the query is known to be right: its errors are told, whoever reads the answer. And not where an answer
    // goes elsewhere too: that is wanted, whoever reads standard output.
    if !uses.elsewhere {
        input.watch_output()?;
    }
    if !config.quiet {
        late::announce(&plan);
    }
    let outcome = execute::run(input, files.take(!uses.elsewhere)?, &plan, &options, printer);
    if outcome.replaced > 0 && !config.quiet {
        let values = if outcome.replaced == 1 { "1 value was" } else { &format!("{} values were", outcome.replaced) };
        say!("consumer: {values} not UTF-8; what is not is written as U+FFFD (csv, tsv and print keep the bytes)");
    }
    let left_out = setting.left_out.summaries();
    if config.stats {
        let (records_in, records_out) = (outcome.records_in, outcome.records_out);
        let late: u64 = left_out.iter().filter(|summary| summary.why.is_late()).map(|summary| summary.count).sum();
        let late = if late > 0 { format!(", {late} late") } else { String::new() };
        say!("consumer: {records_in} records in, {records_out} out{late}, {:.3} s", started.elapsed().as_secs_f64());
    }
    let fails = left_out.iter().any(|summary| summary.why.is_unwritten() || config.strict && summary.is_loss());
    if !config.quiet || config.strict || fails {
        late::tell(&left_out, &plan, source);
    }
    // Where not all was wanted, or not all came, it is not known.
    let never_came = if outcome.stopped || outcome.error.is_some() { Vec::new() } else { setting.left_out.never_came() };
    let unmet = setting.unmet.take();
    unmet.iter().for_each(|unmet| say!("consumer: {unmet}"));
    let exit = conclude(outcome, input)?;
    if !config.quiet && config.input.has_no_end() {
        say!(
            "consumer: pickles have no end of their own: had their writer died between two, this would look the same; \
             `--from 'exec:COMMAND'` starts it, and knows how it ended"
        );
    }
    if let (Some(what), Exit::Done | Exit::Rejects) = (late::unread(&never_came), exit) {
        return Ok(usage(&what));
    }
    let exit = if fails { exit.or(Exit::Rejects) } else { exit };
    Ok(if unmet.is_empty() { exit } else { exit.or(Exit::Unmet) })
}

/// The exit of a run, with what is to be said of it.
fn conclude(outcome: Outcome, input: &Input) -> anyhow::Result<Exit> {
    match (outcome.error, outcome.ending) {
        // Whoever has enough is done, however the stream would have ended. (Whether a worker has read on as far as its end
        // is chance.)
        (None | Some(Error::Truncated { .. } | Error::Corrupt { .. }), _) if outcome.stopped => Ok(Exit::Done),
        (Some(error @ Error::Child { .. }), _) => Err(error.into()),
        (Some(error), _) if error.exit() == Exit::Incomplete => {
            Err(anyhow::Error::new(error).context("the answer is incomplete, it is that of the records that came"))
        }
        (Some(error), _) => Err(error.into()),
        (None, Some(ending)) => Ok(ended(&ending, input)),
        (None, None) => Err(anyhow!("the stream stopped without an end and without an error")),
    }
}

/// The producer's own exit, and its words; or the signal that ended us before it.
fn ended(ending: &Ending, input: &Input) -> Exit {
    if input.signal().is_some_and(|signal| ending.exit == Exit::Signal(signal)) {
        say!("consumer: {}; the answer is that of the records that came", ending.cause);
    } else if ending.exit == Exit::Usage && input.is_pipe() {
        // What was typed wrongly, the producer beside us has said to whoever typed both.
        say!("consumer: the producer ended with exit {}: {}", ending.exit.code(), ending.exit);
    } else if ending.exit != Exit::Done {
        say!("consumer: the producer ended with exit {}: {}", ending.exit.code(), ending.cause);
    }
    ending.exit
}

fn usage(what: &str) -> Exit {
    say!("consumer: {what}");
    Exit::Usage
}

fn source(text: &Text, output: Option<&str>) -> anyhow::Result<Source> {
    // Its braces are those of its name.
    let written = |name: &str| name.replace('\\', "\\\\").replace('"', "\\\"").replace('{', "{{").replace('}', "}}");
    let write = output.map(|name| format!("write \"{}\"", written(name)));
    match text {
        Text::Arguments(query) => Ok(Source::from_args(&query.iter().chain(&write).collect::<Vec<_>>())),
        Text::File(path) => {
            let query = std::fs::read_to_string(path).with_context(|| format!("cannot read the query {}", path.display()))?;
            // A comment may be the last of it.
            let query = write.map_or(query.clone(), |write| format!("{}\n| {write}\n", query.trim_end()));
            Ok(Source::from_file(path.display().to_string(), query))
        }
    }
}
