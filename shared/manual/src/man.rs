//! Man pages, in roff: of a program, made of its command line; of a format or a language, made of their tables.

use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

/// A page.
#[derive(Clone, Debug)]
pub struct Page {
    name: String,
    section: String,
    /// The page in roff.
    pub roff: String,
}

/// A section of a page.
#[derive(Clone, Debug)]
pub enum Part {
    /// Its heading.
    Heading(&'static str),
    /// Text, in lines that may be filled; a blank line begins a paragraph.
    Text(String),
    /// Lines that stay as they are.
    Lines(String),
    /// Words, and what they mean.
    Words(Vec<(String, String)>),
}

/// Which release the pages are of.
const SOURCE: &str = concat!("recpipe ", env!("CARGO_PKG_VERSION"));
const MANUAL: &str = "recpipe manual";

impl Page {
    /// The page of a program, in this section of the manual: what it does, its options, and these parts behind them.
    pub fn of(command: &clap::Command, section: &str, about: &str, parts: &[Part]) -> Self {
        // What stands at the end of its help is said in the parts.
        let command = command.clone().after_help(None::<&str>).after_long_help(None::<&str>).long_about(about.to_owned());
        // Of an option that is left out of the short help, nothing would be said here, either.
        let command = command.mut_args(|arg| arg.hide_short_help(false));
        let name = command.get_name().to_owned();
        let man = Man::new(command).title(name.to_uppercase()).section(section).source(SOURCE).manual(MANUAL);
        let mut page = Vec::new();
        // Writing to memory does not fail.
        let _ = man.render(&mut page);
        Page { roff: without_date(&String::from_utf8_lossy(&page)) + &body(parts), name, section: section.to_owned() }
    }

    /// Another page: its name, and what that is in a line.
    pub fn about(name: &str, section: &str, about: &str, parts: &[Part]) -> Self {
        let mut roff = Roff::new();
        let title = name.to_uppercase();
        roff.control("TH", [title.as_str(), section, "", SOURCE, MANUAL]);
        roff.control("SH", ["NAME"]);
        roff.text([roman(format!("{name} - {about}"))]);
        Page { roff: without_date(&roff.render()) + &body(parts), name: name.to_owned(), section: section.to_owned() }
    }

    /// What its file is called.
    pub fn file_name(&self) -> String {
        format!("{}.{}", self.name, self.section)
    }
}

/// The page with an empty date in its heading, which would be written as no argument at all, so that what follows took its place.
fn without_date(page: &str) -> String {
    page.replacen(&format!("  \"{SOURCE}\""), &format!(" \"\" \"{SOURCE}\""), 1)
}

fn body(parts: &[Part]) -> String {
    let mut roff = Roff::new();
    // Whether a paragraph has been begun: one need not be begun behind a heading.
    let mut is_begun = false;
    for part in parts {
        match part {
            Part::Heading(heading) => drop(roff.control("SH", [*heading])),
            Part::Text(text) => {
                let lines: Vec<&str> = text.trim().lines().collect();
                for line in lines {
                    if line.trim().is_empty() {
                        roff.control("PP", []);
                    } else {
                        roff.text([roman(line.trim())]);
                    }
                }
            }
            Part::Lines(lines) => {
                if is_begun {
                    roff.control("PP", []);
                }
                roff.control("nf", []);
                for line in lines.lines() {
                    roff.text([roman(line)]);
                }
                roff.control("fi", []);
            }
            Part::Words(words) => {
                for (word, meaning) in words {
                    roff.control("TP", []);
                    roff.text([bold(word)]);
                    roff.text([roman(meaning)]);
                }
            }
        }
        is_begun = !matches!(part, Part::Heading(_));
    }
    roff.render()
}

#[cfg(test)]
mod tests {
    use super::{Page, Part};

    #[test]
    fn a_page_has_its_parts() {
        let parts = [
            Part::Heading("FIELDS"),
            Part::Text("a line\n\n.dot".to_owned()),
            Part::Lines("  x | y\n'quote".to_owned()),
            Part::Words(vec![("0".to_owned(), "done".to_owned())]),
        ];
        let page = Page::about("producer-csv", "5", "comma-separated values", &parts);
        assert!(page.roff.contains(".TH PRODUCER-CSV 5 \"\" \"recpipe "), "{}", page.roff);
        assert_eq!(page.file_name(), "producer-csv.5");
        let lines: Vec<&str> = page.roff.lines().collect();
        for line in [".SH NAME", ".SH FIELDS", ".nf", ".fi", ".TP", "done"] {
            assert!(lines.contains(&line), "{line}: {}", page.roff);
        }
        // No line of a text is taken for a request.
        assert!(!page.roff.contains("\n.dot") && !page.roff.contains("\n'quote"), "{}", page.roff);
    }

    #[test]
    fn the_page_of_a_program_has_its_options_once() {
        let why = clap::Arg::new("y").long("why").help("asks").hide_short_help(true);
        let command = clap::Command::new("x").about("does x").after_help("MORE").arg(why);
        let page = Page::of(&command, "1", "Does x, and more.", &[Part::Heading("EXIT STATUS")]);
        for part in ["why", "asks", "EXIT STATUS", "does x", "Does x, and more.", "1 \"\" \"recpipe "] {
            assert!(page.roff.contains(part), "{part}: {}", page.roff);
        }
        assert!(!page.roff.contains("MORE"), "{}", page.roff);
        assert_eq!(page.file_name(), "x.1");
    }
}
