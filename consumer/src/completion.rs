//! What may stand on the command line, for shells: words of the language where they fit, topics of the help.

use recpipe_manual::completion::{SHELLS, Words, made, values};
use recpipe_manual::{RESERVED, topic};

use crate::{cli, help, language::Catalog};

/// Words that may stand there, and what they mean.
pub type Known = Vec<(String, String)>;

/// The command line with what may stand there, where these words were typed.
pub fn command(words: &Words, catalog: &Catalog) -> clap::Command {
    let query = match words.before().next() {
        Some("help") => values(helped(catalog)),
        Some("completions") => values(SHELLS.map(|shell| (shell.to_owned(), ""))),
        before => {
            let (catalog, is_first) = (catalog.clone(), before.is_none());
            let reserved = move |so_far: &str| {
                let begins = |word: &&str| is_first && word.starts_with(so_far);
                RESERVED.into_iter().filter(begins).map(|word| (word.to_owned(), String::new())).collect::<Vec<_>>()
            };
            made(move |so_far| [query(so_far, &Known::new(), &catalog), reserved(so_far)].concat(), false)
        }
    };
    cli::command(catalog).mut_arg("query", |arg| arg.add(query))
}

/// What there is help about.
pub fn helped(catalog: &Catalog) -> Known {
    let known = |(name, about): (&str, &str)| (name.to_owned(), about.to_owned());
    let lists = help::LISTS.iter().map(|name| (*name, "all of them"));
    let topics = topic::TOPICS.iter().map(|topic| (topic.name, topic.about));
    let stages = catalog.stages.iter().map(|row| (row.about.name, row.about.doc));
    let called = catalog.aggregates.iter().map(|row| (row.name, row.doc)).chain(catalog.functions.iter().map(|row| (row.name, row.doc)));
    lists.chain(topics).chain(stages).chain(called).map(known).collect()
}

/// How a query may go on: the query so far with each word that may stand at its end, where the records have these fields. Nothing within
/// a text that is not closed.
///
/// # Examples
/// ```
/// use recpipe_consumer::{catalog::CATALOG, completion::query};
///
/// let fields = [("status".to_owned(), "int".to_owned())];
/// let goes_on = |so_far| query(so_far, &fields, &CATALOG).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
/// assert_eq!(goes_on("head 3 | pivo"), ["head 3 | pivot"]);
/// assert_eq!(goes_on("where statu"), ["where status"]);
/// ```
pub fn query(so_far: &str, fields: &[(String, String)], catalog: &Catalog) -> Known {
    if so_far.matches('"').count() % 2 == 1 {
        return Known::new();
    }
    let begun =
        so_far.rfind(|c: char| !c.is_alphanumeric() && c != '_').map_or(0, |at| at + so_far[at..].chars().next().map_or(1, char::len_utf8));
    let (before, word) = so_far.split_at(begun);
    let mut known: Vec<(String, &str)> = Vec::new();
    // Where nothing was typed, all that might be called is no help.
    let is_called = !word.is_empty();
    let stage = before.rsplit(['|', '[']).next().unwrap_or_default().trim_start();
    if stage.is_empty() {
        known.extend(catalog.stages.iter().map(|row| (row.about.name.to_owned(), row.about.doc)));
        known.extend(catalog.aggregates.iter().map(|row| (row.name.to_owned(), row.doc)));
    } else {
        known.extend(fields.iter().map(|(name, kind)| (catalog.field(name).to_string(), kind.as_str())));
        known.extend(parts_of(stage, catalog).map(|part| (part.to_owned(), "")));
        known.extend(catalog.aggregates.iter().filter(|_| is_called).map(|row| (row.name.to_owned(), row.doc)));
        known.extend(catalog.functions.iter().filter(|_| is_called).map(|row| (format!("{}(", row.name), row.doc)));
    }
    let mut goes_on: Known = Vec::new();
    for (name, meaning) in known.into_iter().filter(|(name, _)| name.starts_with(word)) {
        let text = format!("{before}{name}");
        if !goes_on.iter().any(|(known, _)| *known == text) {
            goes_on.push((text, meaning.to_owned()));
        }
    }
    goes_on
}

/// The words that a stage is written with besides its own; of one that is an aggregate, those of the stage it stands for.
fn parts_of<'c>(stage: &str, catalog: &'c Catalog) -> impl Iterator<Item = &'c str> {
    let name = stage.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    let row = catalog.stage(name).or_else(|| catalog.aggregate(name).map(|_| catalog.of_aggregate));
    let syntax = row.map_or("", |row| row.about.syntax);
    let own = row.map_or("", |row| row.about.name);
    syntax
        .split(|c: char| !c.is_alphanumeric())
        .filter(move |part| *part != own && !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::query;
    use crate::catalog::CATALOG;

    #[test]
    fn words_stand_where_they_fit() {
        let fields = [("status".to_owned(), "int".to_owned()), ("user id".to_owned(), "text".to_owned())];
        let goes_on = |so_far: &str| query(so_far, &fields, &CATALOG).into_iter().map(|(text, _)| text).collect::<Vec<_>>();
        assert!(goes_on("").contains(&"where".to_owned()) && goes_on("").contains(&"count".to_owned()));
        assert_eq!(goes_on("wher"), ["where"]);
        assert_eq!(goes_on("count |lim"), Vec::<String>::new(), "synonyms are typed by who knows them");
        assert_eq!(goes_on("count by stat"), ["count by status"], "no stage stands there");
        assert!(goes_on("count b").contains(&"count by".to_owned()));
        assert!(goes_on("where up").contains(&"where upper(".to_owned()));
        assert!(goes_on("sort ").contains(&"sort `user id`".to_owned()));
        assert!(goes_on("print \"sta").is_empty() && goes_on("tee [hea").contains(&"tee [head".to_owned()));
        assert!(goes_on("grep \"é\" in st").contains(&"grep \"é\" in status".to_owned()));
    }
}
