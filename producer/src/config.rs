//! What the command line means: everything that can be wrong with it is found here, before anything is read or written.

use std::path::PathBuf;

use recpipe::transport::Url;

use crate::cli::Cli;
use crate::format::{FORMATS, FormatSpec};
use crate::input::find::Names;
use crate::progress::Show;
use crate::run::Options;
use crate::run::rejects::Limit;

/// A run, decided upon.
#[derive(Debug)]
pub struct Config {
    /// How the input is read.
    pub format: &'static FormatSpec,
    /// The inputs, as they were named.
    pub paths: Vec<PathBuf>,
    /// Which files in directories.
    pub names: Names,
    /// Where the records go.
    pub to: Url,
    /// Where rejects are kept.
    pub rejects: Option<PathBuf>,
    /// How the run is to go.
    pub options: Options,
    /// Whether progress is shown.
    pub show: Show,
}

impl Config {
    /// Decides.
    ///
    /// # Errors
    ///
    /// A mistake in what was typed, as it is to be said.
    pub fn new(cli: Cli) -> Result<Self, String> {
        let threads = cli.threads.map_or_else(|| std::thread::available_parallelism().map_or(1, usize::from), usize::from);
        let limit = if cli.strict { Limit::Strict } else { cli.max_errors.unwrap_or_default() };
        Ok(Config {
            format: format(&cli.format)?,
            paths: cli.paths,
            names: Names::new(&cli.name).map_err(|e| format!("--name: {e}"))?,
            to: cli.to.as_deref().unwrap_or("-").parse().map_err(|e| format!("--to: {e}"))?,
            rejects: cli.rejects,
            options: Options { threads, limit, quiet: cli.quiet, stats: cli.stats },
            show: match (cli.quiet || cli.no_progress, cli.progress) {
                (true, _) => Show::Never,
                (false, true) => Show::Always,
                (false, false) => Show::Auto,
            },
        })
    }
}

/// The format of this name.
fn format(name: &str) -> Result<&'static FormatSpec, String> {
    FORMATS.iter().find(|spec| spec.name == name).ok_or_else(|| {
        let near = FORMATS
            .iter()
            .map(|spec| (strsim::damerau_levenshtein(spec.name, &name.to_lowercase()), spec.name))
            .min()
            .filter(|(distance, near)| *distance <= near.len().max(3) / 2);
        let names: Vec<_> = FORMATS.iter().map(|spec| spec.name).collect();
        match near {
            Some((_, near)) => format!("there is no format `{name}`; did you mean `{near}`?"),
            None => format!("there is no format `{name}`; the formats are: {}", names.join(", ")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(args: &[&str]) -> Result<Config, String> {
        Config::new(Cli::read([&["producer"], args].concat()).unwrap())
    }

    #[test]
    fn mistakes_are_named() {
        let check = |args: &[&str], part: &str| {
            let message = config(args).unwrap_err();
            assert!(message.contains(part), "{message}");
        };
        check(&["apahce"], "did you mean `apache`?");
        check(&["Apache"], "did you mean `apache`?");
        check(&["zzz"], "the formats are: apache");
        check(&["apache", "--name", "[z-a"], "--name: ");
        check(&["apache", "--to", "tcp://h:1"], "--to: ");
    }

    #[test]
    fn defaults_and_what_overrides_them() {
        let plain = config(&["apache"]).unwrap();
        assert_eq!((plain.to, plain.show, plain.options.limit), (Url::Stdio, Show::Auto, Limit::Default));
        assert!(plain.options.threads >= 1);
        let quiet = config(&["apache", "-q", "--progress", "--strict", "-j", "3", "--to", "x.rec"]).unwrap();
        assert_eq!((quiet.to, quiet.show, quiet.options.limit), (Url::File("x.rec".into()), Show::Never, Limit::Strict));
        assert_eq!(quiet.options.threads, 3);
    }
}
