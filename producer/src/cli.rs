//! The command line as it is typed. [`config`](crate::config) checks it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};
use encoding_rs::Encoding;
use recpipe::parallel::MAX_THREADS;
use recpipe::transport::dial;

use crate::format::{FORMATS, Formats};
use crate::output::Spread;
use crate::output::interop::Encoding as Form;
use crate::run::rejects::Limit;

/// The arguments as they were typed.
#[derive(Debug, Parser)]
#[command(name = "producer", version, about = "Parses logs and data files into typed records, for `consumer` to ask questions of.")]
#[command(help_template = "{before-help}{about}\n\n{usage-heading} {usage}\n\n{all-args}{after-help}")]
pub struct Cli {
    /// How the input is read; see below
    #[arg(value_name = "FORMAT")]
    pub format: String,

    /// Files, directories, globs, or - for stdin (default)
    ///
    /// Directories are read with all below them, in the order of their names, rotated sets oldest first.
    #[arg(value_name = "PATH", allow_negative_numbers = true)]
    pub paths: Vec<PathBuf>,

    /// Like `tail -F`: new lines as they come
    ///
    /// Of many files at once, through rotation.
    #[arg(short = 'F', long)]
    pub follow: bool,

    /// With --follow: begin with what is there already, not at the end
    #[arg(long, requires = "follow", hide_short_help = true, help_heading = INPUT)]
    pub(crate) from_start: bool,

    /// With --follow: remember in this file how far each input is confirmed, and go on there
    ///
    /// A producer that is started again reads on where the consumer was done with what it was sent, through rotation meanwhile.
    #[arg(long, value_name = "FILE", requires = "follow", hide_short_help = true, help_heading = INPUT)]
    pub state: Option<PathBuf>,

    /// Only records from then on: a time, -15m, yesterday, 14:00
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Only records of before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,

    /// With --since and --until: how much older than one before it a time may be in a file that is in order
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration)]
    #[arg(hide_short_help = true, help_heading = INPUT)]
    pub slack: Duration,

    /// With --since and --until: read the files whole, whatever their order
    #[arg(long, hide_short_help = true, help_heading = INPUT)]
    pub full: bool,

    /// All inputs together, by the times of their records
    #[arg(long, hide_short_help = true, help_heading = INPUT)]
    pub merge: bool,

    /// With --merge and --follow: how long a record waits for older ones of other inputs
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = humantime::parse_duration)]
    #[arg(hide_short_help = true, help_heading = INPUT)]
    pub wait: Duration,

    /// Keep only input lines that match, before they are parsed
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,

    /// Only these fields are parsed and sent, in this order
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub fields: Vec<String>,

    /// Send fields as int, float, time or str
    ///
    /// Several with commas. 'f=time:%d.%m.%Y' says how a time is written. An empty value or `-` is null, one that does not parse
    /// rejects its line.
    #[arg(long, value_name = "f=TYPE")]
    pub cast: Vec<String>,

    /// A field with this value in every record, as host=web1 or host=$HOSTNAME; repeatable
    #[arg(long, value_name = "NAME=VALUE", hide_short_help = true, help_heading = OUTPUT)]
    pub set: Vec<String>,

    /// Where times have no offset, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "NAME", value_parser = recpipe::times::Zone::named)]
    pub zone: Option<recpipe::times::Zone>,

    /// The names of the fields, for a format that needs them
    #[arg(long, value_name = "a,b,c", value_delimiter = ',', hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub names: Vec<String>,

    /// A cell of csv, tsv or regex that is null, such as NA; repeatable
    #[arg(long, value_name = "WORD", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub null: Vec<String>,

    /// For csv and tsv: the first row is a record (--names names the fields)
    #[arg(long, hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub(crate) no_header: bool,

    /// For csv and tsv: lines that begin with this are skipped
    #[arg(long, value_name = "#", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub comment: Option<String>,

    /// For csv: the character between fields
    #[arg(long, value_name = "C", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub delimiter: Option<String>,

    /// Tell the line and the byte of each record, for queries over a stream that goes into a file
    #[arg(long, hide_short_help = true, help_heading = OUTPUT)]
    pub lines: bool,

    /// For log: a template or a format for lines that do not fit the one before; repeatable
    #[arg(long, value_name = "TEMPLATE", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub or: Vec<String>,

    /// A file with formats of your own [default: ~/.config/recpipe/formats.toml]
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub formats: Option<PathBuf>,

    /// For `help FORMAT`: its samples are read, and have to fit
    #[arg(long, hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub check: bool,

    /// For logs whose messages have several lines: a record is one line
    #[arg(long, hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub single: bool,

    /// For csv and tsv: so many lines before the header are no part of the table
    #[arg(long, value_name = "N", default_value_t = 0, hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub(crate) skip_lines: u32,

    /// For csv and tsv: the sign before the fraction of a number; a point then parts thousands
    #[arg(long, value_name = "C", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub decimal: Option<String>,

    /// For csv and tsv: the sign that parts the thousands of a number
    #[arg(long, value_name = "C", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub thousands: Option<String>,

    /// For tsv: fields may be quoted, as in csv
    #[arg(long, hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub quotes: bool,

    /// For json: the records are in the array that these keys lead to
    #[arg(long, value_name = "a.b", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub at: Option<String>,

    /// For journal: the files of this directory and of those in it; repeatable
    #[arg(long, value_name = "DIR", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub directory: Vec<PathBuf>,

    /// For journal: only what this unit says, and what is said of it; repeatable
    #[arg(long, value_name = "NAME", hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub unit: Vec<String>,

    /// For journal: only this boot: its id, or 0 for the last, -1 for the one before, 1 for the first [default: 0]
    #[arg(long, value_name = "ID|N", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    #[arg(hide_short_help = true, help_heading = FORMAT_OPTIONS)]
    pub boot: Option<String>,

    /// What text is written in, such as windows-1252 or utf-16le [default: utf-8]
    #[arg(long = "encoding", value_name = "NAME", value_parser = charset, hide_short_help = true, help_heading = INPUT)]
    pub charset: Option<&'static Encoding>,

    /// Which files in directories are read, by name; repeatable
    #[arg(long, value_name = "GLOB")]
    pub name: Vec<String>,

    /// A file, exec:COMMAND, unix:PATH, tcp://HOST:PORT; repeatable
    ///
    /// Where the records go; `-`, standard output, is the default.
    #[arg(long, value_name = "URL")]
    pub to: Vec<String>,

    /// Read on these hosts, by ssh, what is named: web1,web2 or a file with one a line
    ///
    /// The records of all go to standard output, with the field `sender`.
    #[arg(long, value_name = "FILE|a,b", hide_short_help = true, help_heading = HOSTS)]
    #[arg(conflicts_with_all = ["to", "listen", "replay", "rejects", "encoding", "dry_run"])]
    pub on: Option<String>,

    /// What calls a host: it is given `-p PORT` where there is one, the host, and a command [default: ssh that asks for nothing]
    #[arg(long, value_name = "COMMAND", requires = "on", hide_short_help = true, help_heading = HOSTS)]
    pub ssh: Option<String>,

    /// Copy no `producer` to a host that has none, or another release of it
    #[arg(long, requires = "on", hide_short_help = true, help_heading = HOSTS)]
    pub no_install: bool,

    /// The records of so many hosts are enough, where others are away; they are named [default: all]
    #[arg(long, value_name = "N", requires = "on", value_parser = clap::value_parser!(u16).range(1..))]
    #[arg(hide_short_help = true, help_heading = HOSTS)]
    pub at_least: Option<u16>,

    /// records (for `consumer`), pickle, json or csv
    ///
    /// What is written. Of pickle, each record is a dict for Python.
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    #[arg(hide_short_help = true, help_heading = OUTPUT)]
    pub encoding: Form,

    /// Wait for consumers here instead of connecting to them; repeatable
    #[arg(long, value_name = "URL", conflicts_with = "to", hide_short_help = true, help_heading = OUTPUT)]
    pub listen: Vec<String>,

    /// With several consumers: each batch to whoever is ready, to all, or each record by the value of a field
    #[arg(long, value_name = "balance|broadcast|shard=FIELD", default_value = "balance", hide_default_value = true)]
    #[arg(hide_short_help = true, help_heading = OUTPUT)]
    pub spread: Spread,

    /// How long to keep trying to connect
    #[arg(long, value_name = "TIME|forever", default_value = "10s", value_parser = patience)]
    #[arg(hide_short_help = true, help_heading = LINKS)]
    pub connect_timeout: Duration,

    /// How long to wait for a lost connection to come back
    #[arg(long, value_name = "TIME|forever", default_value = "30s", value_parser = patience)]
    #[arg(hide_short_help = true, help_heading = LINKS)]
    pub retry_timeout: Duration,

    /// Send everything again to a consumer that was restarted: only files, to one consumer at a socket
    #[arg(long, hide_short_help = true, help_heading = LINKS)]
    pub replay: bool,

    /// A file with a secret that the other end must know
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = LINKS)]
    pub token_file: Option<PathBuf>,

    /// For tls://: our certificate and its chain, in PEM, ours first
    #[arg(long, value_name = "FILE", requires = "key", hide_short_help = true, help_heading = LINKS)]
    pub cert: Option<PathBuf>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert", hide_short_help = true, help_heading = LINKS)]
    pub key: Option<PathBuf>,

    /// For tls://: the certificates that we trust, in PEM; a listener then requires one of its callers
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = LINKS)]
    pub ca: Option<PathBuf>,

    /// Allow unencrypted listening, and sending the token, beyond this host
    #[arg(long, hide_short_help = true, help_heading = LINKS)]
    pub insecure: bool,

    /// Parser threads; the order is kept for any number (default: the CPUs this process may use)
    #[arg(short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_THREADS)))]
    #[arg(hide_short_help = true)]
    pub threads: Option<u16>,

    /// No more records than this in a batch, and little read ahead: to see laziness record by record
    #[arg(long, value_name = "N", hide_short_help = true, help_heading = INPUT)]
    pub batch: Option<NonZeroUsize>,

    /// Stop at the first bad line (exit 4)
    #[arg(long, conflicts_with = "max_errors")]
    pub strict: bool,

    /// Stop when more lines than this are bad (exit 4) [default: 1% of 1000 or more, or the first 100, or all]
    #[arg(long, value_name = "N|P%", hide_short_help = true, help_heading = BAD_LINES)]
    pub(crate) max_errors: Option<Limit>,

    /// Keep bad lines in this file, unchanged
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Show what would be read, and the first record
    #[arg(long)]
    pub dry_run: bool,

    /// Show progress also where stderr is not a terminal, or is shared: one line a second
    #[arg(long, overrides_with = "no_progress", hide_short_help = true, help_heading = MESSAGES)]
    pub progress: bool,

    /// Show no progress
    #[arg(long, hide_short_help = true, help_heading = MESSAGES)]
    pub(crate) no_progress: bool,

    /// Report errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// Report at the end what came in, went out, was rejected
    ///
    /// Also what was filtered, and what was not needed by any consumer.
    #[arg(long)]
    pub stats: bool,
}

const INPUT: &str = "What is read";
const FORMAT_OPTIONS: &str = "Of some formats (`producer help FORMAT` says which)";
const OUTPUT: &str = "Where the records go";
const HOSTS: &str = "Other hosts";
const LINKS: &str = "Connections";
const BAD_LINES: &str = "Bad lines";
const MESSAGES: &str = "Messages";

fn patience(text: &str) -> Result<Duration, String> {
    dial::patience(text, humantime::parse_duration)
}

/// The encoding of this name, as browsers know it.
fn charset(name: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label_no_replacement(name.as_bytes());
    known.ok_or_else(|| {
        "there is no such encoding; those of browsers are known, such as latin1, windows-1252, utf-16le, shift_jis".to_owned()
    })
}

/// The first of its manual, too.
pub(crate) const EXAMPLES: &str = "\
Examples:
  producer apache access.log | consumer 'count by status'
  producer nginx /var/log/nginx --since -1h | consumer 'where status >= 500'
  ssh host cat access.log.gz | producer apache | consumer 'top 5 host'
  producer csv sales.csv --cast zip=str | consumer 'sum(price) by zip'
";

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    ///
    /// What clap wants to be printed: a mistake, the help or the version.
    pub fn read<I, T>(args: I) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        Cli::among(args, &Formats::builtin())
    }

    /// As [`Cli::read`], with these formats in its help.
    ///
    /// # Errors
    /// As for [`Cli::read`].
    pub fn among<I, T>(args: I, formats: &Formats) -> Result<Self, clap::Error>
    where
        I: IntoIterator<Item = T>,
        T: Into<std::ffi::OsString> + Clone,
    {
        Cli::from_arg_matches(&command(formats).try_get_matches_from(args)?)
    }
}

/// The command line as clap knows it, with these formats in its help: of one screen (`-h`), or whole (`--help`).
pub fn command(formats: &Formats) -> clap::Command {
    let all = || FORMATS.iter().chain(formats.own().iter().map(|own| &own.spec));
    let names: Vec<&str> = all().map(|spec| spec.name).collect();
    let short = format!(
        "Formats: {}\n\n`producer --help` has all options, `producer help FORMAT` tells of a format;\n`producer help` lists more to read.",
        names.join(" ")
    );
    let usages: Vec<String> = all().map(|spec| [&[spec.name], spec.args].concat().join(" ")).collect();
    let mut long = format!("Formats (`producer help formats` says what each reads):\n  {}\n\nExit codes:\n", usages.join(" · "));
    long += &exits().map(|(code, about)| format!("  {code}  {about}\n")).collect::<String>();
    Cli::command().before_help(EXAMPLES).after_help(short).after_long_help(long.trim_end().to_owned())
}

/// The exit codes and what they mean. What a query expects is nothing that a producer knows of.
pub(crate) fn exits() -> impl Iterator<Item = (String, &'static str)> {
    let table = recpipe::Exit::TABLE.iter().filter(|row| row.0 != recpipe::Exit::Unmet);
    table.map(|(exit, about)| (exit.code().to_string(), *about)).chain([("128+N".to_owned(), recpipe::Exit::SIGNALS)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        command(&Formats::builtin()).debug_assert();
    }

    #[test]
    fn options_may_stand_anywhere() {
        let cli = Cli::read(["producer", "-j", "2", "apache", "a", "--name", "x*", "b", "--max-errors", "5%", "--name=y"]).unwrap();
        assert_eq!((cli.format.as_str(), cli.paths.len(), cli.name.len()), ("apache", 2, 2));
        assert_eq!(cli.max_errors, Some(Limit::Percent(5.0)));
        for bad in [
            &["producer"][..],
            &["producer", "apache", "-j", "0"],
            &["producer", "apache", "--max-errors", "x"],
            &["producer", "apache", "--strict", "--max-errors", "1"],
        ] {
            assert_eq!(Cli::read(bad).unwrap_err().exit_code(), 2, "{bad:?}");
        }
    }

    #[test]
    fn help_is_one_screen_and_the_manual_is_whole() {
        let command = || command(&Formats::builtin());
        for columns in [80, 100] {
            let help = command().term_width(columns).render_help().to_string();
            assert!(help.starts_with("Examples:"), "{help}");
            assert!(help.lines().count() <= 45, "{} lines:\n{help}", help.lines().count());
            assert!(help.lines().all(|line| line.chars().count() <= columns), "{help}");
            assert!(FORMATS.iter().all(|spec| help.contains(spec.name)), "{help}");
        }
        let manual = command().term_width(100).render_long_help().to_string();
        let shown = |arg: &clap::Arg| arg.get_long().filter(|_| !arg.is_hide_set()).map(str::to_owned);
        let options: Vec<_> = command().get_arguments().filter_map(shown).collect();
        assert!(options.len() > 40 && options.iter().all(|option| manual.contains(&format!("--{option}"))), "{manual}");
        assert!(exits().all(|(_, about)| manual.replace("\n       ", " ").contains(about.get(..20).unwrap_or(about))), "{manual}");
    }
}
