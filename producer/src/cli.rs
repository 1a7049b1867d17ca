//! The command line as it is typed. [`config`](crate::config) checks it.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory, FromArgMatches, Parser};
use encoding_rs::Encoding;
use recpipe::parallel::MAX_THREADS;

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

    /// Files, directories (recursive, sorted, rotated sets oldest first), globs, or - for stdin (default)
    #[arg(value_name = "PATH", allow_negative_numbers = true)]
    pub paths: Vec<PathBuf>,

    /// Like `tail -F`: new lines as they come, of many files, through rotation
    #[arg(short = 'F', long)]
    pub follow: bool,

    /// With --follow: begin with what is there already, not at the end
    #[arg(long, requires = "follow")]
    pub from_start: bool,

    /// Only records of this time or later (a time, -15m, yesterday, 14:00)
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,

    /// Only records of before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,

    /// With --since and --until: how much older than one before it a time may be in a file that is in order
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = humantime::parse_duration, hide = true)]
    pub slack: Duration,

    /// With --since and --until: read the files whole, whatever their order
    #[arg(long, hide = true)]
    pub full: bool,

    /// All inputs together, by the times of their records
    #[arg(long)]
    pub merge: bool,

    /// With --merge and --follow: how long a record waits for older ones of other inputs
    #[arg(long, value_name = "TIME", default_value = "200ms", value_parser = humantime::parse_duration, hide = true)]
    pub wait: Duration,

    /// Keep only input lines that match, before they are parsed
    #[arg(long, value_name = "REGEX")]
    pub grep: Option<String>,

    /// Only these fields are parsed and sent, in this order
    #[arg(long, value_name = "a,b", value_delimiter = ',')]
    pub fields: Vec<String>,

    /// Send fields as int, float, time ('f=time:%d.%m.%Y') or str, several with commas; an empty
    /// one or `-` is null, one that does not parse rejects its line
    #[arg(long, value_name = "f=TYPE")]
    pub cast: Vec<String>,

    /// A field with this value in every record, as host=web1 or host=$HOSTNAME; repeatable
    #[arg(long, value_name = "NAME=VALUE", hide = true)]
    pub set: Vec<String>,

    /// The zone of times without an offset, as Europe/Berlin [default: UTC]
    #[arg(long, value_name = "NAME", value_parser = recpipe::times::Zone::named)]
    pub zone: Option<recpipe::times::Zone>,

    /// The names of the fields, for a format that needs them
    #[arg(long, value_name = "a,b,c", value_delimiter = ',', hide = true)]
    pub names: Vec<String>,

    /// A cell of csv, tsv or regex that is null, such as NA; repeatable
    #[arg(long, value_name = "WORD", hide = true)]
    pub null: Vec<String>,

    /// For csv and tsv: the first row is a record (--names names the fields)
    #[arg(long, hide = true)]
    pub no_header: bool,

    /// For csv and tsv: lines that begin with this are skipped
    #[arg(long, value_name = "#", hide = true)]
    pub comment: Option<String>,

    /// For csv: the character between fields
    #[arg(long, value_name = "C", hide = true)]
    pub delimiter: Option<String>,

    /// Tell the line and the byte of each record, for queries over a stream that goes into a file
    #[arg(long, hide = true)]
    pub lines: bool,
    /// For log: a template or a format for lines that do not fit the one before; repeatable
    #[arg(long, value_name = "TEMPLATE", hide = true)]
    pub or: Vec<String>,

    /// A file with formats of your own [default: ~/.config/recpipe/formats.toml]
    #[arg(long, value_name = "FILE", hide = true)]
    pub formats: Option<PathBuf>,

    /// For `help FORMAT`: its samples are read, and have to fit
    #[arg(long, hide = true)]
    pub check: bool,

    /// For logs whose messages have several lines: a record is one line
    #[arg(long, hide = true)]
    pub single: bool,
    /// For csv and tsv: so many lines before the header are no part of the table
    #[arg(long, value_name = "N", default_value_t = 0, hide = true)]
    pub skip_lines: u32,

    /// For csv and tsv: the sign before the fraction of a number; a point then parts thousands
    #[arg(long, value_name = "C", hide = true)]
    pub decimal: Option<String>,

    /// For csv and tsv: the sign that parts the thousands of a number
    #[arg(long, value_name = "C", hide = true)]
    pub thousands: Option<String>,

    /// For tsv: fields may be quoted, as in csv
    #[arg(long, hide = true)]
    pub quotes: bool,

    /// For json: the records are in the array that these keys lead to
    #[arg(long, value_name = "a.b", hide = true)]
    pub at: Option<String>,

    /// What text is written in, such as windows-1252 or utf-16le [default: utf-8]
    #[arg(long = "encoding", value_name = "NAME", value_parser = charset, hide = true)]
    pub charset: Option<&'static Encoding>,

    /// Which files in directories are read, by name; repeatable
    #[arg(long, value_name = "GLOB")]
    pub name: Vec<String>,

    /// Where the records go: - (default), a file, exec:COMMAND, unix:PATH, tcp://HOST:PORT; repeatable
    #[arg(long, value_name = "URL")]
    pub to: Vec<String>,

    /// What is written: records (for `consumer`), pickle (a dict each, for Python), json or csv
    #[arg(long = "as", value_name = "FORM", value_enum, default_value_t, hide_possible_values = true)]
    pub encoding: Form,

    /// Wait for consumers here instead of connecting to them; repeatable
    #[arg(long, value_name = "URL", conflicts_with = "to")]
    pub listen: Vec<String>,

    /// With several consumers: each batch to whoever is ready, to all, or each record by the value of a field
    #[arg(long, value_name = "balance|broadcast|shard=FIELD", default_value = "balance", hide_default_value = true)]
    pub spread: Spread,

    /// How long to keep trying to connect
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = humantime::parse_duration)]
    pub connect_timeout: Duration,

    /// How long to wait for a lost connection to come back
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub retry_timeout: Duration,

    /// Send everything again to a consumer that was restarted: only files, to one consumer at a socket
    #[arg(long)]
    pub replay: bool,

    /// A file with a secret that the other end must know
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// For tls://: our certificate and its chain, in PEM, ours first
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<PathBuf>,

    /// The private key of --cert, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// For tls://: the certificates that we trust, in PEM; a listener then requires one of its callers
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Allow unencrypted listening, and sending the token, beyond this host
    #[arg(long)]
    pub insecure: bool,

    /// Parser threads; the order is kept for any number (default: the CPUs this process may use)
    #[arg(short = 'j', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_THREADS)))]
    pub threads: Option<u16>,

    /// No more records than this in a batch, and little read ahead: to see laziness record by record
    #[arg(long, value_name = "N", hide = true)]
    pub batch: Option<NonZeroUsize>,

    /// Stop at the first bad line (exit 4)
    #[arg(long, conflicts_with = "max_errors")]
    pub strict: bool,

    /// Stop when more lines than this are bad (exit 4) [default: 1% of 1000 or more, or the first 100, or all]
    #[arg(long, value_name = "N|P%")]
    pub max_errors: Option<Limit>,

    /// Keep bad lines in this file, unchanged
    #[arg(long, value_name = "FILE")]
    pub rejects: Option<PathBuf>,

    /// Show what would be read, and the first record; write nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Show progress also where stderr is not a terminal, or is shared: one line a second
    #[arg(long, overrides_with = "no_progress")]
    pub progress: bool,

    /// Show no progress
    #[arg(long)]
    pub no_progress: bool,

    /// Report errors only
    #[arg(short, long)]
    pub quiet: bool,

    /// Report at the end what came in, went out, was rejected, was filtered, and was not needed by any consumer
    #[arg(long)]
    pub stats: bool,
}

/// The encoding of this name, as browsers know it.
fn charset(name: &str) -> Result<&'static Encoding, String> {
    let known = Encoding::for_label_no_replacement(name.as_bytes());
    known.ok_or_else(|| {
        "there is no such encoding; those of browsers are known, such as latin1, windows-1252, utf-16le, shift_jis".to_owned()
    })
}

const EXAMPLES: &str = "\
Examples:
  producer apache access.log | consumer 'where status == 404 | count by request | top 10'
  producer apache /var/log/apache2 --name 'access*' | consumer 'sum(bytes)'
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

/// The command line as clap knows it, with these formats in its help.
pub fn command(formats: &Formats) -> clap::Command {
    let mut after = String::from("Formats (`producer help formats` says what each reads):\n");
    let all = FORMATS.iter().chain(formats.own().iter().map(|own| &own.spec));
    let formats: Vec<String> = all.map(|spec| [&[spec.name], spec.args].concat().join(" ")).collect();
    after += &format!("  {}\n", formats.join(" · "));
    after += "\nExit codes:\n ";
    // What a query expects is nothing that a producer knows of.
    let exits = recpipe::Exit::TABLE.iter().filter(|row| row.0 != recpipe::Exit::Unmet);
    for (i, (exit, about)) in exits.enumerate() {
        after += &format!("{} {} {about}", if i > 0 { " ·" } else { "" }, exit.code());
    }
    after += &format!(" · 128+N {}", recpipe::Exit::SIGNALS);
    Cli::command().before_help(EXAMPLES).after_help(after)
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
    fn help_is_one_screen_with_examples_first() {
        let help = command(&Formats::builtin()).term_width(120).render_help().to_string();
        assert!(help.starts_with("Examples:"), "{help}");
        assert!(help.lines().count() <= 70, "{} lines", help.lines().count());
        for spec in FORMATS {
            assert!(help.contains(spec.name));
        }
    }
}
