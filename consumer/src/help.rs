//! `consumer help [WORD]`: what the tables of words say of a stage, an aggregate or a function.

use std::fmt::Write;

use clap::CommandFactory;
use recpipe::Exit;
use recpipe_manual::{Page, man::Part, topic};

use crate::{
    cli::{self, Cli},
    language::{Catalog, StageWord, diagnose::did_you_mean},
    plan::Runs,
};

/// The lists of all words of a kind.
pub(crate) const LISTS: [&str; 3] = ["stages", "aggregates", "functions"];

/// The words after `help`, if that is how the query begins. No stage has this name, so no query is hidden by it.
pub fn asked(query: &[String]) -> Option<Vec<String>> {
    let mut words = query.iter().flat_map(|argument| argument.split_whitespace()).map(str::to_owned);
    (words.next()? == "help").then(|| words.collect())
}

/// What is to be said of these words: of none, how to go on; of a topic, all its words; of a word of the language, all that
/// is known of it.
///
/// # Errors
/// What to say of a word that is none.
pub fn about(asked: &[String], catalog: &Catalog) -> Result<String, String> {
    let name = match asked {
        [] => return Ok(overview(catalog)),
        [name] => name.as_str(),
        _ => return Err("help is about one word at a time, as in: consumer help where".to_owned()),
    };
    match name {
        "stages" => return Ok(list(catalog.stages.iter().map(|StageWord { about: row, .. }| (row.syntax, row.doc, row.example)))),
        "aggregates" => return Ok(list(catalog.aggregates.iter().map(|row| (row.syntax, row.doc, row.example)))),
        "functions" => return Ok(list(catalog.functions.iter().map(|row| (row.syntax, row.doc, row.example)))),
        _ => {}
    }
    let mut entries = Vec::new();
    entries.extend(catalog.stage(name).map(of_stage));
    entries.extend(catalog.aggregate(name).map(|row| entry("an aggregate", row.syntax, row.doc, row.example)));
    entries.extend(catalog.function(name).map(|row| entry("a function", row.syntax, row.doc, row.example)));
    if entries.is_empty() {
        // Not a word of its own, but one that a stage may be written with.
        entries.extend(catalog.stages.iter().filter(|row| is_part_of(name, row.about.syntax)).map(|row| of_stage(row)));
    }
    entries.extend(topic::named(name).map(|topic| topic.text.to_owned()));
    if entries.is_empty() {
        let known = catalog.stages.iter().flat_map(|row| row.about.names()).chain(catalog.aggregates.iter().map(|row| row.name));
        let topics = topic::TOPICS.iter().map(|topic| topic.name);
        let known = known.chain(catalog.functions.iter().map(|row| row.name)).chain(LISTS).chain(topics);
        let hint = did_you_mean(name, known);
        let hint = if hint.is_empty() { format!("`consumer help` knows {}, and their words", LISTS.join(", ")) } else { hint };
        return Err(format!("there is no help about `{name}`: {hint}"));
    }
    Ok(entries.join("\n"))
}

/// Whether it is a word of this syntax, not of what stands for others.
fn is_part_of(word: &str, syntax: &str) -> bool {
    syntax.split(|c: char| !c.is_alphanumeric()).any(|part| part == word && part.chars().all(|c| c.is_ascii_lowercase()))
}

fn overview(catalog: &Catalog) -> String {
    let usage = Cli::command().render_usage();
    let more = "consumer help stages | aggregates | functions   what there is, with an example of each\n\
                consumer help WORD                              all about one of them\n\
                consumer -h, consumer --help                    the options: in one screen, all of them\n\
                consumer man, consumer completions SHELL        to be installed\n\
                consumer help TOPIC                             one of these:";
    format!("{usage}\n\n{}\n\n{more}\n{}", cli::reference(catalog), topic::overview())
}

const DESCRIPTION: &str = "\
Reads typed records, from standard input or where --from says, as a producer(1) sends them, and answers the query: stages with bars between \
them, as recpipe-query(7) tells; each argument is one or more of them. An answer is a table on a terminal and one JSON object a line \
elsewhere, unless the query ends in another output. What came is an answer only where the stream proves that it is whole: where it does \
not, the exit status is 3.";

/// The man pages: of the program, and of the language.
pub fn pages(catalog: &Catalog) -> Vec<Page> {
    let exits = Exit::TABLE.iter().map(|(exit, about)| (exit.code().to_string(), (*about).to_owned()));
    let exits = exits.chain([("128+N".to_owned(), Exit::SIGNALS.to_owned())]).collect();
    let program = [
        Part::Heading("EXIT STATUS"),
        Part::Words(exits),
        Part::Heading("EXAMPLES"),
        Part::Lines(cli::EXAMPLES.lines().skip(1).collect::<Vec<_>>().join("\n")),
        Part::Heading("SEE ALSO"),
        Part::Text("producer(1), recpipe(1), recpipe-query(7)".to_owned()),
    ];
    let words = |rows: &mut dyn Iterator<Item = (&'static str, &'static str, &'static str)>| {
        Part::Words(rows.map(|(syntax, doc, example)| (syntax.to_owned(), format!("{doc}. Example: {example}"))).collect())
    };
    let mut language = vec![
        Part::Heading("DESCRIPTION"),
        Part::Text(
            "A query is stages joined by `|`; records go through them from left to right. Each WORD here has its help: consumer help WORD."
                .to_owned(),
        ),
        Part::Heading("STAGES"),
        words(&mut catalog.stages.iter().map(|row| (row.about.syntax, row.about.doc, row.about.example))),
        Part::Heading("AGGREGATES"),
        words(&mut catalog.aggregates.iter().map(|row| (row.syntax, row.doc, row.example))),
        Part::Heading("FUNCTIONS"),
        words(&mut catalog.functions.iter().map(|row| (row.syntax, row.doc, row.example))),
    ];
    for topic in topic::TOPICS {
        language.extend([Part::Heading(topic.heading), Part::Lines(topic.text.to_owned())]);
    }
    language.extend([Part::Heading("SEE ALSO"), Part::Text("consumer(1), producer(1), recpipe(1)".to_owned())]);
    let language = Page::about("recpipe-query", "7", "the query language of consumer(1) and recpipe(1)", &language);
    vec![Page::of(&cli::command(catalog), "1", DESCRIPTION, &program), language]
}

fn of_stage(StageWord { about: row, .. }: &'static StageWord) -> String {
    let mut text = entry("a stage", row.syntax, row.doc, row.example);
    let runs = match row.runs {
        Runs::EachWorker => "in each worker",
        Runs::WorkersThenMerge => "in each worker, then merged",
        Runs::Once => "once",
    };
    // Writing to a string cannot fail.
    if !row.synonyms.is_empty() {
        let _ = writeln!(text, "  also:    {}", row.synonyms.join(", "));
    }
    let _ = writeln!(text, "  runs:    {runs}");
    let _ = writeln!(text, "  memory:  {}", row.keeps());
    if row.blocks {
        let _ = writeln!(text, "  blocks:  nothing comes out before the end of the input");
    }
    text
}

fn entry(what: &str, syntax: &str, doc: &str, example: &str) -> String {
    format!("{syntax}\n  {what}: {doc}\n  example: {example}\n")
}

/// Of each how it is written and what it does, and an example below.
fn list(rows: impl Iterator<Item = (&'static str, &'static str, &'static str)>) -> String {
    rows.map(|(syntax, doc, example)| format!("{syntax}\n    {doc}\n    example: {example}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::{about, asked};
    use crate::catalog::CATALOG;

    fn help(words: &[&str]) -> Result<String, String> {
        about(&words.iter().map(ToString::to_string).collect::<Vec<_>>(), &CATALOG)
    }

    #[test]
    fn every_word_has_help_and_stands_in_its_list() {
        let check = |list: &str, name: &str, syntax: &str, example: &str| {
            let text = help(&[name]).unwrap();
            assert!(text.contains(syntax) && text.contains(&format!("example: {example}")), "{name}: {text}");
            assert!(help(&[list]).unwrap().contains(&format!("example: {example}\n")), "{name}");
        };
        CATALOG.stages.iter().map(|row| &row.about).for_each(|row| check("stages", row.name, row.syntax, row.example));
        CATALOG.aggregates.iter().for_each(|row| check("aggregates", row.name, row.syntax, row.example));
        CATALOG.functions.iter().for_each(|row| check("functions", row.name, row.syntax, row.example));
        for row in CATALOG.stages.iter().map(|row| &row.about) {
            row.synonyms.iter().for_each(|synonym| assert!(help(&[synonym]).unwrap().starts_with(row.syntax)));
        }
    }

    #[test]
    fn a_word_of_several_tables_is_explained_as_each() {
        let text = help(&["distinct"]).unwrap();
        assert!(text.contains("a stage: ") && text.contains("an aggregate: "), "{text}");
        let text = help(&["max"]).unwrap();
        assert!(text.contains("an aggregate: ") && text.contains("a function: "), "{text}");
        assert!(help(&["p99"]).unwrap().contains("an aggregate: "));
    }

    #[test]
    fn a_word_within_a_stage_is_explained_by_that() {
        assert!(help(&["every"]).unwrap().starts_with("[stats] "));
        assert!(help(&["per"]).unwrap().contains("head N [per KEY]"));
        assert!(help(&["STEP"]).is_err());
    }

    #[test]
    fn topics_have_help_and_a_word_that_is_both_has_both() {
        assert!(help(&["times"]).unwrap().contains("--since yesterday"));
        let both = help(&["null"]).unwrap();
        assert!(both.starts_with("null\n  a stage: ") && both.contains("leave nulls out"), "{both}");
        assert!(help(&[]).unwrap().contains("templates"));
    }

    #[test]
    fn the_page_of_the_language_has_every_word() {
        let pages = super::pages(&CATALOG);
        assert_eq!(pages.iter().map(recpipe_manual::Page::file_name).collect::<Vec<_>>(), ["consumer.1", "recpipe-query.7"]);
        let named = |name: &str| pages[1].roff.contains(name);
        assert!(CATALOG.stages.iter().all(|row| named(row.about.name)) && CATALOG.functions.iter().all(|row| named(row.name)));
    }

    #[test]
    fn an_unknown_word_is_an_error_with_the_nearest() {
        assert_eq!(help(&["wehre"]).unwrap_err(), "there is no help about `wehre`: did you mean `where`?");
        assert_eq!(
            help(&["xyzzyxyzzy"]).unwrap_err(),
            "there is no help about `xyzzyxyzzy`: `consumer help` knows stages, aggregates, functions, and their words"
        );
        assert!(help(&["where", "count"]).unwrap_err().contains("one word"));
    }

    #[test]
    fn only_help_asks_for_help() {
        let of = |query: &[&str]| asked(&query.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(of(&["help"]), Some(vec![]));
        assert_eq!(of(&["help", "top"]), Some(vec!["top".to_owned()]));
        assert_eq!(of(&["help top"]), Some(vec!["top".to_owned()]));
        assert_eq!(of(&["count"]), None);
        assert_eq!(of(&[]), None);
        assert!(CATALOG.stages.iter().all(|row| row.about.names().all(|name| name != "help")));
    }
}
