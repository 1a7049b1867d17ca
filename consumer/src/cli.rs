//! What a user may type.

use std::{fmt::Write, path::PathBuf, time::Duration};

use clap::{
    CommandFactory, FromArgMatches, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};
use recpipe::{
    Exit,
    parallel::MAX_THREADS,
    times::Zone,
    transport::{
        Url,
        dial::{self, Patience},
        security,
    },
};

use recpipe_manual::wrapped;

use crate::{
    config::{Config, Encoding, Hosts, Input, Origins, Purpose, Text},
    execute::children::MAX_PROCESSES,
    hosts::{Host, hosts},
    language::{Catalog, StageWord},
    memory::{Memory, Size},
    writer::Color,
};

/// The command line of `consumer`.
#[derive(Debug, Parser)]
#[command(name = "consumer", version, about = "From typed records to answers: runs a query over what a `producer` sends", before_help = EXAMPLES)]
#[command(help_template = "{before-help}{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}")]
#[command(override_usage = "consumer [OPTIONS] [STAGE]…\n       consumer [OPTIONS] -f FILE\n       consumer help [WORD]")]
pub struct Cli {
    /// The query: stages joined by `|`; none prints every record
    ///
    /// In one argument, or several, which are joined by `|`, too.
    #[arg(value_name = "STAGE")]
    pub query: Vec<String>,

    /// The query from a file
    ///
    /// Line breaks and `#` comments are welcome in it.
    #[arg(short = 'f', long = "file", value_name = "FILE", conflicts_with = "query")]
    pub file: Option<PathBuf>,

    /// Write the answer into this file, by its extension
    ///
    /// `report -o report.html`, `-o hits.csv`: its extension says what is written.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub output: Option<String>,

    /// -, a file of records, exec:COMMAND, unix:PATH, tcp://HOST:PORT
    ///
    /// Where the records come from; also tls://HOST:PORT. Several can be read together.
    #[arg(long, value_name = "URL", default_value = "-")]
    pub from: Vec<Url>,

    /// Wait for producers there instead
    #[arg(long, value_name = "URL", conflicts_with = "from", hide_short_help = true, help_heading = INPUT)]
    pub listen: Option<Url>,

    /// End when that many producers have ended; 0: never
    #[arg(long, value_name = "N", default_value_t = 1, requires = "listen", hide_short_help = true, help_heading = INPUT)]
    pub senders: u16,

    /// With --senders 0: how many may be connected at once; others are told to come again [default: as `ulimit -n` allows]
    #[arg(long, value_name = "N", requires = "listen", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    #[arg(hide_short_help = true, help_heading = INPUT)]
    pub max_senders: Option<u32>,

    /// Run a command on these hosts, by ssh, and read what it writes
    ///
    /// Names with commas between them, as ssh knows them, or a file with one a line. With --run.
    #[arg(long, value_name = "FILE|a,b", conflicts_with_all = ["from", "listen"], requires = "run", value_parser = hosts_parser)]
    #[arg(hide_short_help = true, help_heading = HOSTS)]
    pub hosts: Option<HostList>,

    /// The command for --hosts, as 'producer journal --since -1h'; a shell on each host takes it apart
    #[arg(long, value_name = "COMMAND", requires = "hosts", hide_short_help = true, help_heading = HOSTS)]
    pub run: Option<String>,

    /// What calls a host: it is given `-p PORT` where there is one, the host, and a command [default: ssh that asks for nothing]
    #[arg(long, value_name = "COMMAND", requires = "hosts", value_parser = words, hide_short_help = true, help_heading = HOSTS)]
    pub ssh: Option<Words>,

    /// Copy no `producer` to a host that has none, or another release of it
    #[arg(long, requires = "hosts", hide_short_help = true, help_heading = HOSTS)]
    pub no_install: bool,

    /// The answer of so many hosts is one, where others are away; they are named [default: all]
    #[arg(long, value_name = "N", requires = "hosts", value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(hide_short_help = true, help_heading = HOSTS)]
    pub at_least: Option<u16>,

    /// What comes in: records of a `producer`, or what other programs write, which a `producer` beside this one reads for it
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t, hide_short_help = true, help_heading = INPUT)]
    pub form: Encoding,

    /// Go on trying to connect for so long
    #[arg(long, value_name = "TIME|forever", default_value = "10s", value_parser = patience)]
    #[arg(hide_short_help = true, help_heading = LINKS)]
    pub connect_timeout: Duration,

    /// Wait so long for a lost connection to come back
    #[arg(long, value_name = "TIME|forever", default_value = "30s", value_parser = patience)]
    #[arg(hide_short_help = true, help_heading = LINKS)]
    pub retry_timeout: Duration,

    /// A file with a secret that the other end has to know
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = LINKS)]
    pub token_file: Option<PathBuf>,

    /// For tls://, who we are: certificates in PEM, ours first
    #[arg(long, value_name = "FILE", requires = "key", hide_short_help = true, help_heading = LINKS)]
    pub cert: Option<PathBuf>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert", hide_short_help = true, help_heading = LINKS)]
    pub key: Option<PathBuf>,

    /// For tls://, the certificates that the other end's is checked against, in PEM; a listener then asks for one
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = LINKS)]
    pub ca: Option<PathBuf>,

    /// Listen, and show the token, beyond this host without encryption
    #[arg(long, hide_short_help = true, help_heading = LINKS)]
    pub insecure: bool,

    /// Worker threads [default: the CPUs this process may use]
    ///
    /// The answer is the same for any number.
    #[arg(short = 'j', long = "threads", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_THREADS)))]
    #[arg(hide_short_help = true, help_heading = RUN)]
    pub threads: Option<u16>,

    /// Worker processes instead, with so many threads each [default with this: 1]; the answer is the same for any number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_PROCESSES)))]
    #[arg(hide_short_help = true, help_heading = RUN)]
    pub processes: Option<u16>,

    /// This is such a process: its parent speaks to it through standard input and output
    #[arg(long, hide = true, exclusive = true)]
    pub worker: bool,

    /// Results as they come: no batch waits for an earlier one that takes longer
    #[arg(long, hide_short_help = true, help_heading = RUN)]
    pub unordered: bool,

    /// How much the stages may hold in memory, as in 256MiB
    ///
    /// The rest goes to temporary files. The default is a quarter of what there is.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<Size>,

    /// Where temporary files are made [default: $TMPDIR, or /tmp]; nothing is left of them
    #[arg(long, value_name = "DIR", value_parser = directory, hide_short_help = true, help_heading = RUN)]
    pub temp_dir: Option<PathBuf>,

    /// Whose clock shows times and cuts days, as Europe/Berlin
    ///
    /// Times without an offset, and literals, are taken there. The default is each time's own offset, and UTC for those without.
    #[arg(long, value_name = "NAME", value_parser = Zone::named)]
    pub zone: Option<Zone>,

    /// Exit 4 where a value had to be left out
    ///
    /// Such as text that is no time. The answer is given all the same.
    #[arg(long)]
    pub strict: bool,

    /// Check the query against the stream's fields, and stop
    #[arg(long)]
    pub check: bool,

    /// Show the plan, not the data
    ///
    /// What runs in each worker and what once, what blocks, and what is asked of the producer.
    #[arg(long, conflicts_with = "check")]
    pub explain: bool,

    /// Tell at the end how many records came in and went out
    ///
    /// And how long it took.
    #[arg(long)]
    pub stats: bool,

    /// auto, always or never
    ///
    /// Colours in the names of a table, the bars of a chart, and what is wrong with a query. `auto` is on a terminal, unless
    /// `NO_COLOR` is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = Color::Auto, hide_possible_values = true)]
    pub color: Color,

    /// Say nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
}

const INPUT: &str = "Where the records come from";
const HOSTS: &str = "Other hosts";
const LINKS: &str = "Connections";
const RUN: &str = "How it runs";

pub(crate) const EXAMPLES: &str = "Examples:
  producer apache access.log | consumer 'where status == 404 | count by request'
  producer csv sales.csv     | consumer 'stats sum(price), avg(price) by shop'
  producer apache access.log | consumer 'where request =~ /\\.php$/i | head 3'
";

/// The hosts of `--hosts`: one value, whatever it names.
#[derive(Clone, Debug)]
pub struct HostList(Vec<Host>);

fn hosts_parser(text: &str) -> Result<HostList, String> {
    hosts(text).map(HostList)
}

/// The words of a command.
#[derive(Clone, Debug)]
pub struct Words(Vec<String>);

fn words(text: &str) -> Result<Words, String> {
    let words = shlex::split(text).filter(|words| !words.is_empty());
    words.map(Words).ok_or_else(|| "these are no words of a command: a quote is not closed, or there is none".to_owned())
}

fn patience(text: &str) -> Result<Duration, String> {
    dial::patience(text, humantime::parse_duration)
}

/// `ssh`, so that it asks nobody for anything, and notices that a host is out of reach as soon as a connection of ours would.
fn ssh(connect: Duration) -> Vec<String> {
    // It takes no more.
    let timeout = format!("ConnectTimeout={}", connect.as_secs().clamp(1, 1 << 20));
    let options = ["BatchMode=yes", &timeout, "ServerAliveInterval=5", "ServerAliveCountMax=3"];
    ["ssh", "-T"].into_iter().chain(options.into_iter().flat_map(|option| ["-o", option])).map(str::to_owned).collect()
}

/// A directory that is there.
fn directory(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    if path.is_dir() { Ok(path) } else { Err("there is no such directory".to_owned()) }
}

impl Cli {
    /// Parses the program's arguments, with these words in its help; help and usage errors end the program, as clap does.
    pub fn from_args(catalog: &Catalog) -> Self {
        Cli::among(std::env::args_os(), catalog)
    }

    /// The same of these arguments, which begin with the program's name.
    pub fn among<T: Into<std::ffi::OsString> + Clone>(args: impl IntoIterator<Item = T>, catalog: &Catalog) -> Self {
        let matches = command(catalog).try_get_matches_from(args).unwrap_or_else(|error| unquoted(error).exit());
        Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
    }
}

impl From<&Cli> for Config {
    fn from(cli: &Cli) -> Self {
        let Memory { limit, directory } = Memory::default();
        let from = match (&cli.listen, &cli.hosts, &cli.run) {
            (Some(url), ..) => Origins::Listen { url: url.clone(), senders: cli.senders, most: cli.max_senders },
            (None, Some(HostList(names)), Some(run)) => Origins::Hosts(Hosts {
                names: names.clone(),
                run: run.clone(),
                ssh: cli.ssh.clone().map_or_else(|| ssh(cli.connect_timeout), |words| words.0),
                may_install: !cli.no_install,
                at_least: cli.at_least.map(usize::from),
            }),
            (None, ..) => Origins::Urls(cli.from.clone()),
        };
        let security = security::Options {
            cert: cli.cert.clone(),
            key: cli.key.clone(),
            ca: cli.ca.clone(),
            token: cli.token_file.clone(),
            insecure: cli.insecure,
        };
        let patience = Patience { connect: cli.connect_timeout, retry: cli.retry_timeout, ..Patience::default() };
        Config {
            text: cli.file.clone().map_or_else(|| Text::Arguments(cli.query.clone()), Text::File),
            output: cli.output.clone(),
            purpose: match (cli.check, cli.explain) {
                (true, _) => Purpose::Check,
                (false, true) => Purpose::Explain,
                (false, false) => Purpose::Answer,
            },
            input: Input { encoding: cli.form, from, security, patience, threads: cli.threads, quiet: cli.quiet },
            threads: cli.threads,
            processes: cli.processes,
            unordered: cli.unordered,
            memory: Memory { limit: cli.memory.map_or(limit, |size| size.0), directory: cli.temp_dir.clone().unwrap_or(directory) },
            zone: cli.zone.clone(),
            color: cli.color,
            strict: cli.strict,
            stats: cli.stats,
            quiet: cli.quiet,
        }
    }
}

/// An option of one letter that there is not may be a word of a query that was not quoted: `sort -bytes`.
fn unquoted(mut error: clap::Error) -> clap::Error {
    let is_short = |value: &ContextValue| matches!(value, ContextValue::String(arg) if !arg.starts_with("--"));
    if error.kind() == ErrorKind::UnknownArgument && error.get(ContextKind::InvalidArg).is_some_and(is_short) {
        let tip = "a query with blanks in it is quoted, as in: consumer 'sort -bytes | head 3'".into();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// The command line as clap knows it, with these words in its help: of one screen (`-h`), or whole (`--help`).
pub fn command(catalog: &Catalog) -> clap::Command {
    let names: Vec<&str> = catalog.stages.iter().map(|stage| stage.about.name).collect();
    let short = format!(
        "Stages: {}\n\n`consumer --help` has all options and words, `consumer help WORD` tells of one;\n`consumer help` lists more to read.",
        names.join(" ")
    );
    Cli::command().after_help(short).after_long_help(reference(catalog))
}

/// The columns of the narrowest terminal that people have.
const NARROW: usize = 79;

/// The words of the language and the exit codes, from their tables.
pub fn reference(catalog: &Catalog) -> String {
    let mut text = String::from("Stages:\n");
    // Lines for the narrowest terminal: clap breaks longer ones where it likes.
    let width = catalog.stages.iter().map(|stage| stage.about.name.len()).max().unwrap_or(0);
    for StageWord { about: stage, .. } in &catalog.stages {
        // Writing to a string cannot fail.
        let at = 2 + width + 1;
        let _ = writeln!(text, "  {:width$} {}", stage.name, wrapped(NARROW, at, at, stage.doc.split(' ')));
    }
    let names = |names: &mut dyn Iterator<Item = &'static str>| wrapped(NARROW, 12, 12, names);
    let _ = writeln!(text, "\nAggregates: {}", names(&mut catalog.aggregates.iter().map(|word| word.name)));
    let _ = writeln!(text, "Functions:  {}", names(&mut catalog.functions.iter().map(|word| word.name)));
    let _ = write!(text, "\nExit codes:");
    for (exit, what) in Exit::TABLE {
        let _ = write!(text, "\n  {}  {}", exit.code(), wrapped(NARROW, 5, 5, what.split(' ')));
    }
    let _ = write!(text, "\n  128+N  {}", Exit::SIGNALS);
    text
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::{Cli, command, reference};
    use crate::catalog::CATALOG;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
        let reference = reference(&CATALOG);
        assert!(reference.contains("  where    keeps") && reference.contains("4  more rejects"));
    }

    #[test]
    fn help_is_one_screen_and_the_manual_is_whole() {
        for columns in [80, 100] {
            let help = command(&CATALOG).term_width(columns).render_help().to_string();
            assert!(help.starts_with("Examples:"), "{help}");
            assert!(help.lines().count() <= 45, "{} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= columns), "{help}");
            assert!(CATALOG.stages.iter().all(|stage| help.contains(stage.about.name)), "{help}");
        }
        let manual = command(&CATALOG).term_width(100).render_long_help().to_string();
        let shown = |arg: &clap::Arg| arg.get_long().filter(|_| !arg.is_hide_set()).map(str::to_owned);
        let options: Vec<_> = command(&CATALOG).get_arguments().filter_map(shown).collect();
        assert!(options.len() > 20 && options.iter().all(|option| manual.contains(&format!("--{option}"))), "{manual}");
    }
}
