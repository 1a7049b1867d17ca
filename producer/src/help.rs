//! `producer help formats`: the table of formats, for people.

use crate::format::{FORMATS, FormatSpec};

/// All formats: how each is typed, and what it reads.
pub fn formats() -> String {
    let width = FORMATS.iter().map(|spec| words(spec).chars().count()).max().unwrap_or(0);
    let mut text = String::from("producer FORMAT [ARGS] [OPTIONS] [PATH…]\n\n");
    for spec in FORMATS {
        let words = words(spec);
        text += &format!("  {words}{}  {}\n", " ".repeat(width - words.chars().count()), spec.about);
        if !spec.options.is_empty() {
            let options: Vec<&str> = spec.options.iter().map(|option| option.usage()).collect();
            text += &format!("  {}  {}\n", " ".repeat(width), options.join(" "));
        }
    }
    text += "\nAll of them take --fields a,b (only these, in this order) and --cast f=int|float|time|time:FORMAT|str;\n\
             those that read lines or records of files take --grep REGEX. Compressed files are read as they are: gz, bz2,\n\
             zstd and xz are told by their first bytes, and so is UTF-16.\n\
             `producer --dry-run FORMAT … PATH…` shows what would be read, and the first record.\n";
    text
}

/// The format's name and what must follow it.
fn words(spec: &FormatSpec) -> String {
    [&[spec.name], spec.args].concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_is_in_it() {
        let text = formats();
        for spec in FORMATS {
            assert!(text.contains(spec.about) && text.contains(&format!("  {}", spec.name)), "{text}");
        }
        assert!(text.contains("regex PATTERN"));
        assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
    }
}
