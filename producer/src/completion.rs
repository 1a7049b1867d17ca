//! What may stand on the command line, for shells: formats, topics, the fields of the files that are named.

use std::{ffi::OsString, sync::Arc};

use recpipe_manual::completion::{SHELLS, Words, made, paths, values};
use recpipe_manual::{RESERVED, topic};

use crate::format::{FORMATS, Formats};
use crate::{Reading, cli, configuration, help};

/// The types of `--cast`.
const TYPES: [&str; 4] = ["int", "float", "time", "str"];

/// Words that may stand there, and what they mean.
pub type Known = Vec<(String, String)>;

/// The command line with what may stand there, where these words were typed.
pub fn command(words: &Words, formats: &Formats) -> clap::Command {
    let path = match words.before().next() {
        Some("help") => values(helped(formats)),
        Some("completions") => values(SHELLS.map(|shell| (shell.to_owned(), ""))),
        _ => paths(),
    };
    let format = values(format_words(formats));
    let command = with_fields(cli::command(formats), fields_once(words, formats));
    command.mut_arg("format", |arg| arg.add(format)).mut_arg("paths", |arg| arg.add(path))
}

/// What may stand first: a format, or a word that asks for something about the program.
pub fn format_words(formats: &Formats) -> Known {
    // A file of formats that cannot be read has none.
    let own = configuration::own_formats(None, formats).unwrap_or_default();
    let all = FORMATS.iter().map(|spec| (spec.name.to_owned(), spec.about.to_owned()));
    let own = own.iter().map(|own| (own.name.clone(), own.spec.about.to_owned()));
    all.chain(own).chain(RESERVED.map(|word| (word.to_owned(), String::new()))).collect()
}

/// What there is help about.
pub fn helped(formats: &Formats) -> Known {
    let own = configuration::own_formats(None, formats).unwrap_or_default();
    let names: Vec<String> = help::names(&own).map(str::to_owned).collect();
    let topics = topic::TOPICS.iter().map(|topic| (topic.name.to_owned(), topic.about.to_owned()));
    let listed = std::iter::once(("formats".to_owned(), "what each format reads".to_owned()));
    listed.chain(topics).chain(names.into_iter().map(|name| (name, String::new()))).collect()
}

/// The fields, with their types, of the files that these words name: read when somebody asks.
pub fn fields_once(words: &Words, formats: &Formats) -> Arc<dyn Fn() -> Known + Send + Sync> {
    let (others, formats) = (words.others(), formats.clone());
    Arc::new(move || {
        let Some((first, rest)) = others.split_first() else { return Known::new() };
        // While a word is completed, nobody wants to read what was found out.
        let is_quiet = |word: &OsString| word == "--quiet" || word.to_str().is_some_and(|word| word.starts_with("-q"));
        let quiet = (!rest.iter().any(is_quiet)).then(|| OsString::from("--quiet"));
        let fields = Reading::new(first).args(quiet.iter().chain(rest)).among(&formats).fields();
        fields.into_iter().map(|(name, kind)| (name, kind.to_string())).collect()
    })
}

/// Attaches fields to the options that take fields.
pub fn with_fields(command: clap::Command, fields: Arc<dyn Fn() -> Known + Send + Sync>) -> clap::Command {
    let fitting = |known: Known, so_far: &str| known.into_iter().filter(|(word, _)| word.starts_with(so_far)).collect();
    let to_cast = fields.clone();
    let casts = move |so_far: &str| match so_far.split_once('=') {
        Some((field, _)) => fitting(TYPES.map(|kind| (format!("{field}={kind}"), String::new())).into(), so_far),
        None => fitting(to_cast().into_iter().map(|(name, kind)| (format!("{name}="), kind)).collect(), so_far),
    };
    let command = command.mut_arg("fields", |arg| arg.add(made(move |so_far| fitting(fields(), so_far), false)));
    command.mut_arg("cast", |arg| arg.add(made(casts, false)))
}
