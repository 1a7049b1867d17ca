//! The command line, checked: every mistake in it is found here, before anything is read or written.

use std::path::PathBuf;
use std::sync::Arc;

use recpipe::record::Time;
use recpipe::template::Template;
use recpipe::times::Zone;
use recpipe::transport::{Url, security};

use crate::cli::Cli;
use crate::configuration::{own_formats, template};
use crate::dating::Dating;
use crate::format::{Args, FORMATS, Format, FormatOption, FormatSpec, Formats, Nulls, NumberForm, OwnFormat, Start, StartBlocks, near};
use crate::input::block::BLOCK_BYTES;
use crate::input::content::Content;
use crate::input::find::Names;
use crate::input::window::Span;
use crate::output::{self, Packing, Shards, Spread};
use crate::progress::Show;
use crate::run::Options;
use crate::run::constants::constants;
use crate::run::grep::Grep;
use crate::run::rejects::Limit;
use crate::run::shape::Shape;
use crate::spoken;

mod casts;
mod resend;

use casts::casts;
use resend::{rememberable, replayable};

/// A run, decided upon.
#[derive(Debug)]
pub struct Config {
    /// How the input is read.
    pub format: FormatSpec,
    /// Formats of one's own, for `auto`.
    pub own: Vec<Arc<OwnFormat>>,
    /// What was typed for it.
    pub args: Args,
    /// The inputs, as they were named.
    pub paths: Vec<PathBuf>,
    /// Which files in directories.
    pub names: Names,
    /// Only records of these times.
    pub span: Option<Span>,
    /// Whether the inputs are merged by time.
    pub merge: bool,
    /// With it, how long what comes of a file that is followed waits for what others bring.
    pub wait: std::time::Duration,
    /// What their text is written in, where that was said.
    pub charset: Option<&'static encoding_rs::Encoding>,
    /// Whether what is appended to the inputs is read as it comes, and if so, whether what is there already is read before.
    pub follow: Option<FromStart>,
    /// Nothing is written; what would be read is shown.
    pub dry_run: bool,
    /// Where the records go.
    pub to: To,
    /// How many bytes of an input that is not followed are read and parsed at a time; for measuring, so nothing that is typed
    /// sets it. A block must not hold more records than a [batch](recpipe::Batch::MAX_ROWS) may.
    pub block_bytes: usize,
    /// Where it is remembered how far followed files are confirmed.
    pub state: Option<PathBuf>,
    /// Where rejects are kept.
    pub rejects: Option<PathBuf>,
    /// How the run is to go.
    pub options: Arc<Options>,
    /// Whether progress is shown.
    pub show: Show,
}

/// So many records of `--batch` are few.
const FEW: usize = 100;

/// How many bytes are read at a time for few records.
const FEW_BYTES: usize = 16 << 10;

/// Where the records go.
#[derive(Debug)]
pub enum To {
    /// Into a pipe.
    Stdout,
    /// Into a file.
    File(PathBuf),
    /// To whoever asks of them in this process.
    Here,
    /// To consumers, who may answer.
    Consumers {
        /// Those that are called or started.
        urls: Vec<Url>,
        /// Those that call, and how many.
        listen: Option<(Url, usize)>,
        /// How.
        options: output::Options,
    },
}

/// Whether a followed file is read from its start; otherwise from the end it has when the following begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FromStart(pub bool);

impl Config {
    /// Checks a command line.
    ///
    /// # Errors
    ///
    /// A mistake in what was typed, as it is to be said.
    pub fn new(cli: Cli) -> Result<Self, String> {
        Config::among(cli, &Formats::builtin())
    }

    /// As [`Config::new`], where there are these formats.
    ///
    /// # Errors
    /// As for [`Config::new`].
    pub fn among(cli: Cli, formats: &Formats) -> Result<Self, String> {
        let threads = cli.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        let typed = cli_options(&cli);
        let limit = if cli.strict { Limit::Strict } else { cli.max_errors.unwrap_or_default() };
        let mut paths = cli.paths;
        let (format, chosen, own) = format(&cli.format, (formats, cli.formats.as_deref()), &paths)?;
        options_of(&format, &typed)?;
        let mut names = cli.name;
        if let Start::Store(store) = format.start {
            paths.extend(cli.directory);
            if paths.is_empty() {
                paths = kept_at(&format, store.directories)?;
            }
            if names.is_empty() {
                names = store.names.iter().map(|name| (*name).to_owned()).collect();
            }
        }
        let fields = fields(&cli.fields)?;
        let (casts, patterns) = casts(&cli.cast, fields.as_deref(), &cli.set)?;
        let delimiter = cli.delimiter.as_deref().map(delimiter).transpose()?;
        let number_form = NumberForm::new(sign("--decimal", cli.decimal.as_deref())?, sign("--thousands", cli.thousands.as_deref())?)?;
        if cli.at.as_deref() == Some("") {
            return Err("--at: no key is empty; as in --at Records".to_owned());
        }
        if cli.comment.as_deref() == Some("") {
            return Err("--comment: every line begins with nothing".to_owned());
        }
        let dating = Arc::new(Dating::new(patterns, cli.zone.clone(), cli.follow));
        let constants = constants(&cli.set, &casts, &dating)?.into();
        let shape = Shape { fields: fields.clone(), casts, dating, constants };
        let of_format = shape.casts.iter().filter(|(name, _)| !shape.is_constant(name)).cloned().collect();
        let args = Args {
            positional: templates(&format, positional(&format, &mut paths)?)?,
            templates: chosen,
            names: cli.names,
            no_header: cli.no_header,
            comment: cli.comment,
            delimiter,
            nulls: Nulls::new(cli.null),
            skip_lines: cli.skip_lines,
            number_form,
            quotes: cli.quotes,
            at: cli.at.map(Into::into),
            units: cli.unit,
            boot: cli.boot,
            ors: cli.or.iter().map(|word| template(word).map_err(|what| format!("--or {what}"))).collect::<Result<_, _>>()?,
            single: cli.single,
            dating: shape.dating.clone(),
            fields: fields.as_deref().map(|fields| shape.of_format(fields).into()),
            casts: of_format,
            zone: cli.zone.clone(),
            batch: cli.batch,
        };
        if cli.grep.is_some() && !matches!(format.start, Start::Blocks(_)) {
            return Err(format!("--grep: `{}` reads no lines", format.name));
        }
        if cli.charset.is_some() && matches!(format.start, Start::Source(_) | Start::Store(_)) {
            return Err(format!("--encoding: `{}` reads no text", format.name));
        }
        if cli.follow {
            followable(&format, &paths)?;
            let at_the_beginning =
                [("--skip-lines", args.skip_lines > 0), ("--at", args.at.is_some()), ("--encoding", cli.charset.is_some())];
            if let Some((option, _)) = at_the_beginning.iter().find(|(_, is_typed)| *is_typed) {
                return Err(format!("--follow: what grows is read as it comes, so {option} is only for files that are read once"));
            }
        }
        let grep = cli.grep.as_deref().map(Grep::new).transpose().map_err(|e| format!("--grep: {e}"))?;
        let (to, shards) = to(
            &cli.to,
            &cli.listen,
            output::Options {
                spread: cli.spread,
                connect_timeout: cli.connect_timeout,
                retry_timeout: cli.retry_timeout,
                replay: cli.replay,
                endless: cli.follow,
                security: security::Options { cert: cli.cert, key: cli.key, ca: cli.ca, token: cli.token_file, insecure: cli.insecure },
                quiet: cli.quiet,
            },
        )?;
        if cli.replay {
            replayable(cli.follow, &paths, &to, cli.encoding)?;
        }
        if cli.state.is_some() {
            rememberable(&format, cli.merge, &to, cli.encoding)?;
        }
        let slack = i64::try_from(cli.slack.as_nanos()).map_err(|_| "--slack: longer than time is".to_owned())?;
        let span = span(cli.since.as_deref(), cli.until.as_deref(), (!cli.full).then_some(slack), &cli.zone.unwrap_or_default())?;
        if let (true, Start::Source(_)) = (span.is_some() || cli.merge, format.start) {
            return Err(format!(
                "{}: the records of `{}` have no times to go by",
                if cli.merge { "--merge" } else { "--since" },
                format.name
            ));
        }
        Ok(Config {
            format,
            own,
            args,
            paths,
            names: Names::new(&names).map_err(|e| format!("--name: {e}"))?,
            span,
            merge: cli.merge,
            wait: cli.wait,
            charset: cli.charset,
            follow: cli.follow.then_some(FromStart(cli.from_start)),
            dry_run: cli.dry_run,
            to,
            // Of few records at a time little is read at a time.
            block_bytes: if cli.batch.is_some_and(|batch| batch.get() < FEW) { FEW_BYTES } else { BLOCK_BYTES },
            rejects: cli.rejects,
            state: cli.state,
            options: Arc::new(Options {
                threads,
                limit,
                quiet: cli.quiet,
                stats: cli.stats,
                lines: cli.lines,
                grep,
                packing: Packing { encoding: cli.encoding, shards },
                shape,
            }),
            show: match (cli.quiet || cli.no_progress, cli.progress) {
                (true, _) => Show::Never,
                (false, true) => Show::Always,
                (false, false) => Show::Auto,
            },
        })
    }
}

impl Config {
    /// Begins a format of blocks, the one that was named or that was found out.
    ///
    /// # Errors
    /// What is wrong with its arguments, as it is to be said.
    pub(crate) fn begin(&self, name: &str, start: StartBlocks, args: &Args) -> Result<Box<dyn Format>, String> {
        let named = |what: String| format!("{name}: {what}");
        let format = start(args).map_err(named)?;
        if self.charset.is_some() && format.boundary().content() == Content::Bytes {
            return Err(named("it reads bytes, which no --encoding makes text of".to_owned()));
        }
        Ok(format)
    }
}

/// Where the records go, and how they are split, if each consumer has its share.
fn to(to: &[String], listen: &[String], options: output::Options) -> Result<(To, Option<Shards>), String> {
    let parse = |option: &str, text: &String| text.parse::<Url>().map_err(|e| format!("{option}: {e}"));
    let urls = to.iter().map(|text| parse("--to", text)).collect::<Result<Vec<_>, _>>()?;
    let listens = listen.iter().map(|text| parse("--listen", text)).collect::<Result<Vec<_>, _>>()?;
    if listens.windows(2).any(|pair| pair[0] != pair[1]) {
        return Err("--listen: all consumers connect to the same address; give it as often as there will be consumers".into());
    }
    let count = if listens.is_empty() { urls.len() } else { listens.len() };
    let one = match (&urls[..], &listens[..]) {
        ([], []) => Some(To::Stdout),
        ([url], []) if url.is_stdio() => Some(To::Stdout),
        ([url], []) => url.path().map(|path| To::File(path.to_owned())),
        _ => None,
    };
    if let Some(one) = one {
        return Ok((one, None));
    }
    if let Some(url) = urls.iter().find(|url| !url.is_peer()) {
        return Err(format!("--to {url}: a pipe or file takes all or nothing; with several, all are consumers (exec:, unix:, tcp://)"));
    }
    let shards = match &options.spread {
        Spread::Shard(field) => Some(Shards { field: field.clone(), count }),
        Spread::Balance | Spread::Broadcast => None,
    };
    let listen = listens.into_iter().next().map(|url| (url, count));
    Ok((To::Consumers { urls, listen, options }, shards))
}

/// Where the files of a store are, where nothing was named.
fn kept_at(format: &FormatSpec, directories: &[&str]) -> Result<Vec<PathBuf>, String> {
    let there: Vec<PathBuf> = directories.iter().map(PathBuf::from).filter(|directory| directory.is_dir()).collect();
    if there.is_empty() {
        let directories = directories.join(" nor ");
        return Err(format!("`{}`: there is neither {directories}; name a file or a directory, or - for standard input", format.name));
    }
    Ok(there)
}

/// Whether what was typed can be followed.
fn followable(format: &FormatSpec, paths: &[PathBuf]) -> Result<(), String> {
    if !matches!(format.start, Start::Blocks(_) | Start::Store(_)) {
        return Err(format!("--follow: `{}` has no lines that could be appended", format.name));
    }
    if paths.is_empty() || paths.iter().any(|path| path.as_os_str() == "-") {
        return Err("--follow needs files or directories; standard input is read as it comes without it".to_owned());
    }
    Ok(())
}

/// Takes the format's own arguments from the front of what was typed after it.
fn positional(format: &FormatSpec, paths: &mut Vec<PathBuf>) -> Result<Vec<String>, String> {
    // Those in brackets may be left out. A template is there where it looks like one: else a PATH stands there.
    let most = match format.args {
        ["[LOG_FORMAT]"] => usize::from(paths.first().is_some_and(|path| {
            let path = path.to_string_lossy();
            path.contains('$') || path.starts_with('@')
        })),
        args => args.len().min(paths.len()),
    };
    if paths.len() < format.least_args() {
        let needed = format.args[..format.least_args()].join(" and ");
        return Err(format!("`{}` needs {needed}: producer {}", format.name, format.usage()));
    }
    let own = paths.drain(..most);
    let own = own
        .map(|arg| arg.into_os_string().into_string().map_err(|arg| format!("{}: not UTF-8", arg.to_string_lossy())))
        .collect::<Result<_, _>>()?;
    match paths.first() {
        Some(path) if format.start.reads_nothing() => {
            Err(format!("`{}` reads nothing, and {} is one too many: producer {}", format.name, path.display(), format.usage()))
        }
        _ => Ok(own),
    }
}

/// The arguments, of a format whose first one is a template with the file that it is in read.
fn templates(format: &FormatSpec, mut typed: Vec<String>) -> Result<Vec<String>, String> {
    if let (["TEMPLATE" | "[LOG_FORMAT]"], [word]) = (format.args, &mut typed[..]) {
        *word = template(word)?;
    }
    Ok(typed)
}

/// The options that only some formats have, and whether each was typed.
fn cli_options(cli: &Cli) -> [(FormatOption, bool); 15] {
    [
        (FormatOption::Names, !cli.names.is_empty()),
        (FormatOption::NoHeader, cli.no_header),
        (FormatOption::Comment, cli.comment.is_some()),
        (FormatOption::Delimiter, cli.delimiter.is_some()),
        (FormatOption::Null, !cli.null.is_empty()),
        (FormatOption::Or, !cli.or.is_empty()),
        (FormatOption::Single, cli.single),
        (FormatOption::SkipLines, cli.skip_lines > 0),
        (FormatOption::Decimal, cli.decimal.is_some()),
        (FormatOption::Thousands, cli.thousands.is_some()),
        (FormatOption::Quotes, cli.quotes),
        (FormatOption::At, cli.at.is_some()),
        (FormatOption::Directory, !cli.directory.is_empty()),
        (FormatOption::Unit, !cli.unit.is_empty()),
        (FormatOption::Boot, cli.boot.is_some()),
    ]
}

/// Looks for an option that this format does not have.
fn options_of(format: &FormatSpec, typed: &[(FormatOption, bool)]) -> Result<(), String> {
    match typed.iter().find(|(option, is_typed)| *is_typed && !format.options.contains(option)) {
        Some((option, _)) => Err(format!("`{}` has no {}", format.name, option.name())),
        None => Ok(()),
    }
}

/// `--delimiter`: one character, or a tab as people type it.
fn delimiter(typed: &str) -> Result<u8, String> {
    match typed.as_bytes() {
        b"\\t" | b"tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err(format!("--delimiter: `{typed}` is not one character of ASCII, or `tab`; a quote or a line end cannot be one")),
    }
}

/// `--since` and `--until`.
fn span(since: Option<&str>, until: Option<&str>, slack: Option<i64>, zone: &Zone) -> Result<Option<Span>, String> {
    let now = Time::now();
    let moment = |option: &str, text: Option<&str>| {
        let moment = text.map(|text| spoken::moment(text, now, zone).map(|time| time.nanos));
        moment.transpose().map_err(|what| format!("{option}: {what}"))
    };
    let (since, until) = (moment("--since", since)?, moment("--until", until)?);
    if since.zip(until).is_some_and(|(since, until)| since >= until) {
        return Err("--until is not after --since: no record is between".to_owned());
    }
    Ok((since.is_some() || until.is_some()).then_some(Span { since, until, slack }))
}

/// `--decimal`, `--thousands`: one character.
fn sign(option: &str, typed: Option<&str>) -> Result<Option<char>, String> {
    let one = |typed: &str| {
        let mut signs = typed.chars();
        match (signs.next(), signs.next()) {
            (Some(sign), None) => Ok(sign),
            _ => Err(format!("{option}: `{typed}` is not one character")),
        }
    };
    typed.map(one).transpose()
}

/// A format, the templates of one of one's own, and all of one's own where it is to be found out.
type Named = (FormatSpec, Arc<[Template]>, Vec<Arc<OwnFormat>>);

/// The format of this name: of the table, or of one's own.
fn format(name: &str, (formats, file): (&Formats, Option<&std::path::Path>), paths: &[PathBuf]) -> Result<Named, String> {
    if let Some(spec) = FORMATS.iter().find(|spec| spec.name == name) {
        let is_auto = matches!(spec.start, Start::Auto);
        return Ok((*spec, Arc::default(), if is_auto { own_formats(file, formats)? } else { Vec::new() }));
    }
    let own = own_formats(file, formats)?;
    if let Some(found) = own.iter().find(|own| own.name == name) {
        return Ok((found.spec, found.templates.clone(), Vec::new()));
    }
    if std::path::Path::new(name).exists() {
        let all: Vec<String> = std::iter::once(name.to_owned()).chain(paths.iter().map(|path| path.display().to_string())).collect();
        return Err(format!("`{name}` is a file, and no format stands before it; did you mean `producer auto {}`?", all.join(" ")));
    }
    let names = FORMATS.iter().map(|spec| spec.name).chain(own.iter().map(|own| own.name.as_str()));
    Err(format!("there is no format `{name}`; {}", near(name, names, "the formats are")))
}

/// `--fields`: each once.
fn fields(typed: &[String]) -> Result<Option<Arc<[String]>>, String> {
    match (0..typed.len()).find(|&i| typed[..i].contains(&typed[i])) {
        Some(i) => Err(format!("--fields: `{}` stands twice", typed[i])),
        None => Ok((!typed.is_empty()).then(|| typed.into())),
    }
}

#[cfg(test)]
mod tests;
