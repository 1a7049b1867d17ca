//! From what was typed to an exit code.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use recpipe::{Exit, say};
use recpipe_manual::{Said, serve};

use crate::cli::Cli;
use crate::config::Config;
use crate::configuration::own_formats;
use crate::format::Formats;
use crate::output::interop::Encoding;
use crate::{completion, help, man, on, produce, refusal};

/// The `producer` program. `args` begin with its name.
///
/// Records go to standard output, or where `args` send them; everything that a person should know has been written to stderr before
/// this returns.
pub fn program(args: impl Iterator<Item = OsString>) -> ExitCode {
    program_among(args, &Formats::builtin())
}

/// As [`program`], with these formats: what a program of one's own runs that has more of them.
pub fn program_among(args: impl Iterator<Item = OsString>, formats: &Formats) -> ExitCode {
    let args: Vec<OsString> = args.collect();
    let said = Said { name: "producer", command: |words: &_| completion::command(words, formats), pages: || man::pages(formats) };
    if let Some(answer) = serve(&args, said) {
        return told(answer).into();
    }
    let may_be_read = refusal::may_be_read(&args);
    let cli = match Cli::among(args.clone(), formats) {
        Ok(cli) => cli,
        Err(message) => {
            // Help goes to stdout, mistakes to stderr. A failure to write there is ignored: nobody reads it.
            let _ = message.print();
            if message.use_stderr() && may_be_read {
                let line = message.to_string().lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
                refusal::tell(Exit::Usage, line);
            }
            return u8::try_from(message.exit_code()).unwrap_or(Exit::Usage.code()).into();
        }
    };
    if cli.format == "help" {
        return help(&cli, formats).into();
    }
    if let Some(hosts) = &cli.on {
        return refusal::refuse(Exit::Usage, on::run(hosts, &cli, &args), may_be_read).into();
    }
    let may_be_read = may_be_read && cli.encoding == Encoding::Records;
    match Config::among(cli, formats) {
        Ok(config) => produce(config).into(),
        Err(mistake) => refusal::refuse(Exit::Usage, mistake, may_be_read).into(),
    }
}

/// `producer help`, `producer help formats`, `producer help FORMAT`, `producer help TOPIC`.
fn help(cli: &Cli, formats: &Formats) -> Exit {
    let word = cli.paths.first().map(|word| word.to_string_lossy());
    told(own_formats(cli.formats.as_deref(), formats).and_then(|own| match (cli.check, word.as_deref()) {
        (true, Some(word)) => help::check(word, &own),
        (_, word) => help::about_among(word, &own),
    }))
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
            say!("producer: {mistake}");
            Exit::Usage
        }
    }
}
