//! The command line: the options of both programs, read off theirs, and how what was typed is handed to each.

use std::ffi::{OsStr, OsString};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::Resettable, parser::ValueSource, value_parser};
use recpipe_consumer::{cli as consumer, language::Catalog};
use recpipe_producer::{
    cli as producer,
    format::{FORMATS, Formats},
};

/// What of the producer makes no sense where the records stay in the process.
const NOT_OF_PRODUCER: [&str; 19] = [
    "encoding",
    "to",
    "listen",
    "spread",
    "replay",
    "state",
    "check",
    // Of other hosts.
    "on",
    "ssh",
    "no_install",
    "at_least",
    // Of links, which only the query makes here.
    "connect_timeout",
    "retry_timeout",
    "token_file",
    "cert",
    "key",
    "ca",
    "insecure",
    // Options of its own, not those of both.
    "help",
];

/// What of the consumer makes no sense there.
const NOT_OF_CONSUMER: [&str; 12] =
    ["from", "listen", "senders", "max_senders", "hosts", "run", "ssh", "no_install", "at_least", "form", "worker", "help"];

pub(crate) const EXAMPLES: &str = "\
Examples:
  recpipe apache access.log 'count by status'
  recpipe nginx /var/log/nginx --since -1h 'where status >= 500'
  recpipe csv sales.csv 'stats sum(price) as sum by shop | sort -sum'
  ssh host cat access.log.gz | recpipe apache 'top 5 host'
";

const MORE: &str = "\
`recpipe --help` has all options, `recpipe help FORMAT` and `recpipe help WORD`
tell of a format and of a word of the query; `recpipe help` lists more to read.";

/// The words where the query is the last.
pub(crate) const PATHS: &str = "paths";

/// The command line, of one screen (`-h`), or whole (`--help`).
pub(crate) fn command(formats: &Formats, catalog: &Catalog) -> Command {
    let (of_producer, of_consumer) = (producer::command(formats), consumer::command(catalog));
    let mut options = own(&of_producer, &NOT_OF_PRODUCER);
    for arg in own(&of_consumer, &NOT_OF_CONSUMER) {
        match options.iter_mut().find(|known| known.get_id() == arg.get_id()) {
            // Of both: it has the longer name, and means the same.
            Some(known) if known.get_long().is_none() => *known = arg,
            Some(_) => {}
            None => options.push(arg),
        }
    }
    // A query in a file stands beside paths.
    let options = options.into_iter().map(|arg| if arg.get_id() == "file" { arg.conflicts_with(Resettable::Reset) } else { arg });
    let positional = |id: &str| of_producer.get_arguments().find(|arg| arg.get_id() == id).cloned();
    let paths = positional("paths").map(|arg| {
        arg.value_name("PATH… QUERY")
            .help("Files, directories, globs, or none for standard input; then the query")
            .long_help(None)
            .value_parser(value_parser!(OsString))
    });
    let format = positional("format").map(|arg| arg.help("apache, nginx, csv, json, …, or auto: `recpipe help formats`"));
    let long =
        format!("Formats:\n  {}\n\n{}", FORMATS.iter().map(|spec| spec.name).collect::<Vec<_>>().join(" "), consumer::reference(catalog));
    clap::Command::new("recpipe")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Asks logs and data files: `producer` and `consumer` in one program")
        .help_template("{before-help}{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}")
        .override_usage(
            "recpipe [OPTIONS] FORMAT [PATH]… QUERY\n       recpipe [OPTIONS] FORMAT [PATH]… -f FILE\n       recpipe help [FORMAT|WORD]",
        )
        .before_help(EXAMPLES)
        .after_help(MORE)
        .after_long_help(long)
        .args(format.into_iter().chain(paths))
        .args(options)
}

/// The options of a program that make sense here.
fn own(command: &Command, not: &[&str]) -> Vec<Arg> {
    let is_here = |arg: &&Arg| !arg.is_positional() && !not.contains(&arg.get_id().as_str());
    command.get_arguments().filter(is_here).cloned().collect()
}

/// What each program is told.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) producer: Vec<OsString>,
    pub(crate) consumer: Vec<OsString>,
    /// The query, where it was typed.
    pub(crate) query: Option<OsString>,
    /// What is to be read: the words between the format, with its arguments, and the query.
    pub(crate) paths: Vec<OsString>,
}

/// Hands what was typed to the two programs: an option to whichever has it, or to both.
///
/// # Errors
/// The query is missing.
pub(crate) fn split(matches: &ArgMatches, formats: &Formats, catalog: &Catalog) -> Result<Split, String> {
    let raw = |id: &str| matches.get_raw(id).into_iter().flatten().map(OsStr::to_owned).collect::<Vec<_>>();
    let (format, mut paths) = (raw("format"), raw(PATHS));
    let has_file = matches.value_source("file") == Some(ValueSource::CommandLine);
    let query = if has_file { None } else { paths.pop() };
    if !has_file && query.is_none() {
        return Err("the query is missing, as in: recpipe csv sales.csv 'count'".to_owned());
    }
    let program = |name: &str, command: &Command, not: &[&str]| {
        let mut args = vec![OsString::from(name)];
        own(command, not).iter().for_each(|arg| args.extend(typed(arg, matches)));
        args.push("--".into());
        args
    };
    let of_format = FORMATS.iter().find(|spec| format.first().is_some_and(|name| name == spec.name)).map_or(0, |spec| spec.args.len());
    let mut producer = program("producer", &producer::command(formats), &NOT_OF_PRODUCER);
    producer.extend(format.into_iter().chain(paths.iter().cloned()));
    let mut consumer = program("consumer", &consumer::command(catalog), &NOT_OF_CONSUMER);
    consumer.extend(query.clone());
    Ok(Split { producer, consumer, query, paths: paths.into_iter().skip(of_format).collect() })
}

/// An option as it was typed, in the words of the program that it is of.
fn typed(arg: &Arg, matches: &ArgMatches) -> Vec<OsString> {
    let id = arg.get_id().as_str();
    if matches.value_source(id) != Some(ValueSource::CommandLine) {
        return Vec::new();
    }
    let flag = match (arg.get_long(), arg.get_short()) {
        (Some(long), _) => format!("--{long}"),
        (None, short) => format!("-{}", short.unwrap_or_default()),
    };
    if matches!(arg.get_action(), ArgAction::SetTrue | ArgAction::SetFalse | ArgAction::Count) {
        return vec![flag.into()];
    }
    let values = matches.get_raw(id).into_iter().flatten();
    let joined = values.map(|value| {
        let mut word = OsString::from(&flag);
        if arg.get_long().is_some() {
            word.push("=");
        }
        word.push(value);
        word
    });
    joined.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &[&str]) -> Result<(String, String), String> {
        let (formats, catalog) = (Formats::builtin(), Catalog::builtin());
        let matches = command(&formats, &catalog).try_get_matches_from(words).map_err(|error| error.to_string())?;
        let Split { producer, consumer, .. } = split(&matches, &formats, &catalog)?;
        let text = |words: &[OsString]| words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ");
        Ok((text(&producer), text(&consumer)))
    }

    #[test]
    fn the_definition_is_sound() {
        command(&Formats::builtin(), &Catalog::builtin()).debug_assert();
    }

    #[test]
    fn each_program_is_told_what_is_its_own_and_both_what_is_both() {
        let check = |words: &[&str], producer: &str, consumer: &str| {
            assert_eq!(told(words), Ok((producer.to_owned(), consumer.to_owned())), "{words:?}");
        };
        check(&["recpipe", "csv", "a.csv", "count"], "producer -- csv a.csv", "consumer -- count");
        check(&["recpipe", "csv", "count"], "producer -- csv", "consumer -- count");
        check(
            &["recpipe", "-qj2", "--strict", "--memory", "1MiB", "--since=-15m", "apache", "a", "b", "--zone", "UTC", "head 3"],
            "producer --since=-15m --zone=UTC -j2 --strict --quiet -- apache a b",
            "consumer --threads=2 --memory=1MiB --zone=UTC --strict --quiet -- head 3",
        );
        check(
            &["recpipe", "csv", "--fields", "a,b", "--cast", "a=int,b=str", "--null=x", "--null=y", "-", "json"],
            "producer --fields=a --fields=b --cast=a=int,b=str --null=x --null=y -- csv -",
            "consumer -- json",
        );
        check(&["recpipe", "csv", "a.csv", "-f", "q"], "producer -- csv a.csv", "consumer --file=q --");
        check(&["recpipe", "csv", "a.csv", ""], "producer -- csv a.csv", "consumer -- ");
        check(&["recpipe", "range", "3", "0", "-1", "count"], "producer -- range 3 0 -1", "consumer -- count");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (words, part) in [
            (&["recpipe", "csv"][..], "the query is missing"),
            (&["recpipe", "csv", "--to", "x.rec", "count"], "--to"),
            (&["recpipe", "csv", "--from", "x.rec", "count"], "--from"),
            (&["recpipe", "csv", "--senders", "2", "count"], "--senders"),
            (&["recpipe"], "FORMAT"),
        ] {
            let what = told(words).unwrap_err();
            assert!(what.contains(part), "{words:?}: {what}");
        }
    }

    #[test]
    fn every_option_of_both_is_here_or_makes_no_sense() {
        let (formats, catalog) = (Formats::builtin(), Catalog::builtin());
        let here = command(&formats, &catalog);
        let is_here = |id: &str| here.get_arguments().any(|arg| arg.get_id() == id);
        for (command, not) in [(producer::command(&formats), &NOT_OF_PRODUCER[..]), (consumer::command(&catalog), &NOT_OF_CONSUMER)] {
            let ids: Vec<String> = command.get_arguments().map(|arg| arg.get_id().to_string()).collect();
            assert!(ids.len() > 20);
            assert!(ids.iter().all(|id| is_here(id) || id == "query" || not.contains(&id.as_str())), "{ids:?}");
            // Of the lists, each is an option of the program: else it was renamed.
            assert!(not.iter().all(|id| *id == "help" || ids.iter().any(|known| known == id)), "{not:?}");
        }
    }

    #[test]
    fn help_is_one_screen() {
        for columns in [80, 100] {
            let help = command(&Formats::builtin(), &Catalog::builtin()).term_width(columns).render_help().to_string();
            assert!(help.lines().count() <= 45, "{} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= columns), "{help}");
        }
    }
}
