//! `recpipe help [WORD]`: what both programs say of a word, and the man pages of all three.

use std::ffi::OsString;

use recpipe_consumer::{help as consumer, language::Catalog};
use recpipe_manual::{Page, man::Part, topic};
use recpipe_producer::{format::Formats, help as producer, man};

use crate::line;

/// What is to be said of this word: a topic, a format, a word of the language, or several of them; of none, how to go on.
///
/// # Errors
/// It is none of them.
pub(crate) fn about(words: &[OsString], formats: &Formats, catalog: &Catalog) -> Result<String, String> {
    let word = match words {
        [] => return Ok(overview()),
        [word] => word.to_string_lossy(),
        _ => return Err("help is about one word at a time, as in: recpipe help where".to_owned()),
    };
    if let Some(topic) = topic::named(&word).filter(|_| !producer::is_format(&word, formats)) {
        let stage = catalog.stage(&word).is_some();
        return if stage { consumer::about(&[word.into_owned()], catalog) } else { Ok(topic.text.to_owned()) };
    }
    let of_producer = producer::about(Some(&word), formats).map(|told| as_typed_here(&told));
    let of_consumer = consumer::about(&[word.into_owned()], catalog);
    match (of_producer, of_consumer) {
        // A topic stands in both: the format's is enough.
        (Ok(format), Ok(entry)) if format.ends_with(&entry) => Ok(format),
        (Ok(format), Ok(entry)) => Ok(format!("{format}\n{entry}")),
        (Ok(one), Err(_)) | (Err(_), Ok(one)) => Ok(one),
        (Err(_), Err(unknown)) => Err(unknown),
    }
}

/// What the producer tells of a format, or of all, with the command as it is typed here: with a query behind the paths.
fn as_typed_here(told: &str) -> String {
    let Some((usage, rest)) = told.split_once("\n\n").filter(|(usage, _)| usage.starts_with("producer ")) else { return told.to_owned() };
    format!("{} QUERY\n\n{rest}", usage.replacen("producer ", "recpipe ", 1))
}

fn overview() -> String {
    format!(
        "recpipe -h             the options that are needed most, in one screen\n\
         recpipe --help         all of them\n\
         recpipe help formats   what there is to be read\n\
         recpipe help stages    what a query is made of; also aggregates, functions\n\
         recpipe help WORD      a format, or a word of a query\n\
         recpipe help TOPIC     one of these:\n{}\n\
         recpipe man, recpipe completions bash|fish|zsh: to be installed\n",
        topic::overview()
    )
}

const DESCRIPTION: &str = "\
Reads files, directories or standard input in the format that is named, and answers the query, which is the last word: stages with bars \
between them, as recpipe-query(7) tells. Compressed files are read as they are, and the files in archives, too; with --follow, files that \
grow. An answer is a table on a terminal and one JSON object a line elsewhere, unless the query ends in another output. It is the answer of \
producer(1) and consumer(1) with a pipe between them.";

/// The man pages: of this program, and of both that it is made of.
pub(crate) fn pages(formats: &Formats, catalog: &Catalog) -> Vec<Page> {
    let parts = [
        Part::Heading("EXIT STATUS"),
        Part::Words(recpipe::Exit::TABLE.iter().map(|(exit, about)| (exit.code().to_string(), (*about).to_owned())).collect()),
        Part::Words(vec![("128+N".to_owned(), recpipe::Exit::SIGNALS.to_owned())]),
        Part::Heading("EXAMPLES"),
        Part::Lines(line::EXAMPLES.lines().skip(1).collect::<Vec<_>>().join("\n")),
        Part::Heading("SEE ALSO"),
        Part::Text("producer(1), consumer(1), recpipe-query(7), and a page for each format, such as producer-csv(5)".to_owned()),
    ];
    let own = Page::of(&line::command(formats, catalog), "1", DESCRIPTION, &parts);
    std::iter::once(own).chain(man::pages(formats)).chain(consumer::pages(catalog)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn help(words: &[&str]) -> Result<String, String> {
        about(&words.iter().map(OsString::from).collect::<Vec<_>>(), &Formats::builtin(), &Catalog::builtin())
    }

    #[test]
    fn a_word_of_either_program_is_explained() {
        let of_both = help(&["csv"]).unwrap();
        assert!(
            of_both.starts_with("recpipe csv [") && of_both.contains("[PATH…] QUERY\n\n") && of_both.contains("a stage: "),
            "{of_both}"
        );
        assert!(help(&["formats"]).unwrap().starts_with("recpipe FORMAT [ARGS] [OPTIONS] [PATH…] QUERY\n\n"));
        assert!(help(&["nginx"]).unwrap().contains("Fields:") && help(&["where"]).unwrap().starts_with("where EXPR"));
        assert!(help(&["times"]).unwrap() == topic::named("times").unwrap().text);
        let regex = help(&["regex"]).unwrap();
        assert_eq!((regex.matches("look-around").count(), regex.contains("--null NA")), (1, true), "{regex}");
        assert!(help(&["null"]).unwrap().contains("a stage: "));
        assert!(help(&[]).unwrap().contains("templates") && help(&["formats"]).unwrap().contains("apache"));
        assert!(help(&["wehre"]).unwrap_err().contains("did you mean `where`?"));
        assert!(help(&["a", "b"]).unwrap_err().contains("one word"));
    }

    #[test]
    fn the_pages_are_those_of_all_three() {
        let names: Vec<String> = pages(&Formats::builtin(), &Catalog::builtin()).iter().map(Page::file_name).collect();
        assert_eq!(names[0], "recpipe.1");
        for name in ["producer.1", "consumer.1", "recpipe-query.7", "producer-csv.5"] {
            assert_eq!(names.iter().filter(|known| *known == name).count(), 1, "{name}");
        }
    }
}
