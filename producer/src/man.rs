//! The man pages: of the program, and of each format, made of the same tables as its help.

use recpipe_manual::Page;
use recpipe_manual::man::Part;

use crate::format::{FORMATS, FormatSpec, Formats};
use crate::{cli, help};

const DESCRIPTION: &str = "\
Reads files, directories or standard input in the format that is named, and writes typed records: to standard output for consumer(1), \
or where --to says. Compressed files are read as they are, and the files in archives, too; with --follow, files that grow. Lines that are \
no records are counted and named on standard error.";

/// The page of the program, and one of each format of the table.
pub fn pages(formats: &Formats) -> Vec<Page> {
    let named = |spec: &FormatSpec| (help::words(spec), spec.about.to_owned());
    let parts = [
        Part::Heading("FORMATS"),
        Part::Words(FORMATS.iter().map(named).collect()),
        Part::Heading("EXIT STATUS"),
        Part::Words(cli::exits().map(|(code, about)| (code, about.to_owned())).collect()),
        Part::Heading("EXAMPLES"),
        Part::Lines(cli::EXAMPLES.lines().skip(1).collect::<Vec<_>>().join("\n")),
        Part::Heading("SEE ALSO"),
        Part::Text("consumer(1), recpipe(1), recpipe-query(7), and a page for each format, such as producer-csv(5)".to_owned()),
    ];
    let program = Page::of(&cli::command(formats), "1", DESCRIPTION, &parts);
    std::iter::once(program).chain(FORMATS.iter().map(page)).collect()
}

fn page(spec: &FormatSpec) -> Page {
    let parts = [
        Part::Heading("SYNOPSIS"),
        Part::Text(format!("producer {0}\n\nrecpipe {0} QUERY", spec.usage())),
        Part::Heading("FIELDS"),
        Part::Text(format!("{}\n\n{}", spec.fields, help::note(spec.name))),
        Part::Heading("EXAMPLE"),
        Part::Lines(spec.sample.to_owned()),
        Part::Heading("SEE ALSO"),
        Part::Text("producer(1), consumer(1), recpipe(1)".to_owned()),
    ];
    Page::about(&format!("producer-{}", spec.name), "5", spec.about, &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_a_page() {
        let pages = pages(&Formats::builtin());
        assert_eq!((pages.len(), pages[0].file_name().as_str()), (FORMATS.len() + 1, "producer.1"));
        for (spec, page) in FORMATS.iter().zip(&pages[1..]) {
            assert_eq!(page.file_name(), format!("producer-{}.5", spec.name));
            assert!(page.roff.contains("FIELDS") && page.roff.contains("EXAMPLE"), "{}", page.roff);
        }
    }
}
