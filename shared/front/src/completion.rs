//! What may stand on the command line, for shells: what either program lets stand there, and in the query the fields of the files.

use recpipe_consumer::{completion as consumer, language::Catalog};
use recpipe_manual::completion::{SHELLS, Words, made, values};
use recpipe_producer::{completion as producer, format::Formats};

use crate::line;

/// The command line with what may stand there, where these words were typed.
pub(crate) fn command(words: &Words, formats: &Formats, catalog: &Catalog) -> clap::Command {
    let before: Vec<&str> = words.before().collect();
    let fields = producer::fields_once(words, formats);
    let command = producer::with_fields(line::command(formats, catalog), fields.clone());
    let rest = match before.first() {
        Some(&"help") => {
            let mut helped = producer::helped(formats);
            // Topics, and words that are formats too, stand in both.
            let further = consumer::helped(catalog).into_iter().filter(|(word, _)| !helped.iter().any(|(known, _)| known == word));
            let further: Vec<_> = further.collect();
            helped.extend(further);
            values(helped)
        }
        Some(&"completions") => values(SHELLS.map(|shell| (shell.to_owned(), ""))),
        _ => {
            let catalog = catalog.clone();
            // Before a path is named, or a query begun, the next word is one.
            let may_be_query = before.len() > 1;
            let query = move |so_far: &str| match may_be_query || !so_far.is_empty() {
                true => consumer::query(so_far, &fields(), &catalog),
                false => Vec::new(),
            };
            made(query, true)
        }
    };
    let format = values(producer::format_words(formats));
    command.mut_arg("format", |arg| arg.add(format)).mut_arg(line::PATHS, |arg| arg.add(rest))
}
