//! `producer help formats`: the table of formats, for people; `producer help FORMAT`: one of them.

use std::sync::Arc;

use recpipe_manual::{topic, wrapped};

use crate::configuration::own_formats;
use crate::format::{Args, FORMATS, FormatSpec, Formats, OwnFormat, Start, Wanted, near};
use crate::input::block::{Block, Part};

const UNTYPED: &str = "Each cell is an int (exact to 128 bits), a float, or text, by its own bytes; 007, +1 and 1e5 are text. Where the\n\
                       sample has a leading zero the column is text as a whole; an empty cell is null where it has numbers.\n\
                       --null NA makes nulls, --cast f=TYPE rejects what does not fit.";

const OPEN: &str = "A record has the fields that it has: one that is missing is not null. Fields may come at any time; --fields and\n\
                    --cast declare those to come.";

/// What is to be said of this word, a format, a topic or both; of none, how to go on.
///
/// # Errors
/// It is neither.
pub fn about(word: Option<&str>, formats: &Formats) -> Result<String, String> {
    about_among(word, &own_formats(None, formats)?)
}

/// Whether there is such a format.
pub fn is_format(name: &str, formats: &Formats) -> bool {
    own_formats(None, formats).is_ok_and(|own| find(name, &own).is_ok())
}

/// As [`about`], where there are these formats besides those of the table.
pub(crate) fn about_among(word: Option<&str>, own: &[Arc<OwnFormat>]) -> Result<String, String> {
    let Some(word) = word else { return Ok(overview()) };
    let topic = topic::named(word).map(|topic| topic.text);
    match (word, topic, find(word, own)) {
        ("formats", ..) => Ok(formats(own)),
        (_, Some(topic), Ok(_)) => Ok(format!("{}\n{topic}", format(word, own)?)),
        (_, Some(topic), Err(_)) => Ok(topic.to_owned()),
        _ => format(word, own),
    }
}

fn overview() -> String {
    format!(
        "producer -h            the options that are needed most, in one screen\n\
         producer --help        all of them\n\
         producer help formats  what there is to be read\n\
         producer help FORMAT   one of them: its options, fields and a sample\n\
         producer help TOPIC    one of these:\n{}\n\
         producer man, producer completions bash|fish|zsh: to be installed\n",
        topic::overview()
    )
}

/// What is true of the values of several formats.
pub(crate) fn note(name: &str) -> &'static str {
    match name {
        "csv" | "tsv" | "regex" => UNTYPED,
        "json" | "xml" | "pickle" => OPEN,
        _ => "",
    }
}

/// One format: how it is typed, its fields and their types, and some input.
///
/// # Errors
/// There is no such format.
fn format(name: &str, own: &[Arc<OwnFormat>]) -> Result<String, String> {
    let spec = find(name, own)?.0;
    let usage = std::iter::once("producer".to_owned()).chain(spec.usage_words());
    let mut text = format!("{}\n\n{}\n", wrapped(WIDTH, 0, 4, usage), spec.about);
    text += &format!("\nFields:\n  {}\n", spec.fields);
    note(name).lines().for_each(|line| text += &format!("  {line}\n"));
    text += "\nSuch as:\n";
    spec.sample.lines().for_each(|line| text += &format!("  {line}\n"));
    Ok(text)
}

/// What the formats are called.
pub fn names(own: &[Arc<OwnFormat>]) -> impl Iterator<Item = &str> + Clone {
    FORMATS.iter().map(|spec| spec.name).chain(own.iter().map(|own| own.name.as_str()))
}

/// A format by its name, and what it needs of one of one's own.
fn find(name: &str, own: &[Arc<OwnFormat>]) -> Result<(FormatSpec, Option<Arc<OwnFormat>>), String> {
    if let Some(spec) = FORMATS.iter().find(|spec| spec.name == name) {
        return Ok((*spec, None));
    }
    let found = own.iter().find(|own| own.name == name);
    let found = found.ok_or_else(|| format!("there is no format `{name}`; {}", near(name, names(own), "the formats are")))?;
    Ok((found.spec, Some(found.clone())))
}

/// Reads the samples of a format: each has to be a record. What it says when all are.
///
/// # Errors
/// There is no such format; it has no samples that are lines of it; or one does not fit, and why.
pub(crate) fn check(name: &str, own: &[Arc<OwnFormat>]) -> Result<String, String> {
    let (spec, own) = find(name, own)?;
    let templates = own.as_ref().map(|own| own.templates.clone()).unwrap_or_default();
    let Start::Blocks(start) = spec.start else { return Err(format!("`{name}` has no samples")) };
    let samples: Vec<String> = match &own {
        Some(own) => own.samples.clone(),
        None if spec.args.iter().all(|arg| arg.starts_with('[')) => vec![spec.sample.to_owned()],
        None => return Err(format!("`{name}` is read by what is typed for it")),
    };
    if samples.is_empty() {
        return Err(format!("`{name}` has no samples; write samples = [\"a line of the log\"] below its templates"));
    }
    for sample in &samples {
        let mut format = start(&Args { templates: templates.clone(), ..Args::default() })?;
        let bytes = sample.clone().into_bytes();
        let dialect = format.boundary().dialect(&bytes, true).unwrap_or_default();
        let end = bytes.len() as u64;
        let block = Block {
            bytes: bytes.into(),
            source: "".into(),
            start: 0,
            end,
            part: Part::Whole,
            is_first: true,
            dialect,
            mark_lines: Some(0),
        };
        format.sample(&block)?;
        let parsed = format.plan(&block)?.parser().parse(&block, &Wanted::all());
        if let Some(reject) = parsed.rejects.first() {
            return Err(format!("a sample of `{name}` is no record of it ({}): {sample}", reject.why));
        }
        if parsed.batch.is_empty() {
            return Err(format!("a sample of `{name}` has no record: {sample}"));
        }
    }
    Ok(format!(
        "{name}: {} as it should be\n",
        if samples.len() == 1 { "its sample is".to_owned() } else { format!("its {} samples are", samples.len()) }
    ))
}

/// All formats, `own` after those of the table: how each is typed, and what it reads.
fn formats(own: &[Arc<OwnFormat>]) -> String {
    let all = || FORMATS.iter().chain(own.iter().map(|own| &own.spec));
    let width = all().map(|spec| words(spec).chars().count()).max().unwrap_or(0);
    let mut text = String::from("producer FORMAT [ARGS] [OPTIONS] [PATH…]\n\n");
    for spec in all() {
        let words = words(spec);
        text += &format!("  {words}{}  {}\n", " ".repeat(width - words.chars().count()), spec.about);
        if !spec.options.is_empty() {
            let options = spec.options.iter().map(|option| option.usage().to_owned());
            text += &format!("  {}  {}\n", " ".repeat(width), wrapped(WIDTH, width + 4, width + 4, options));
        }
    }
    text += "\nAll of them take --fields a,b (only these, in this order) and --cast f=int|float|time|time:FORMAT|str;\n\
             those that read lines or records of files take --grep REGEX. Compressed files are read as they are: gz, bz2,\n\
             zstd and xz are told by their first bytes, and so is UTF-16.\n\
             `producer --dry-run FORMAT … PATH…` shows what would be read, and the first record.\n";
    text
}

/// The widest that a line is.
const WIDTH: usize = 120;

/// The format's name and what must follow it.
pub(crate) fn words(spec: &FormatSpec) -> String {
    [&[spec.name], spec.args].concat().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_format_tells_of_its_fields() {
        for spec in FORMATS {
            let text = format(spec.name, &[]).unwrap();
            assert!(text.contains("Fields:") && text.contains("Such as:"), "{text}");
            // A line of a log is as long as it is.
            let about = text.split("Such as:").next().unwrap();
            assert!(about.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
        }
        assert!(format("cvs", &[]).unwrap_err().contains("did you mean `csv`?"));
        for (name, part) in [("csv", "--null WORD"), ("json", "is not null"), ("regex", "--null NA"), ("find", "size:int")] {
            assert!(format(name, &[]).unwrap().contains(part), "{name}");
        }
    }

    #[test]
    fn topics_have_help_and_a_word_that_is_both_has_both() {
        assert!(about_among(Some("times"), &[]).unwrap().contains("--since yesterday"));
        let both = about_among(Some("regex"), &[]).unwrap();
        assert!(both.contains("--null NA") && both.contains("look-around"), "{both}");
        assert!(about_among(None, &[]).unwrap().contains("templates"));
        assert!(about_among(Some("cvs"), &[]).unwrap_err().contains("did you mean `csv`?"));
    }

    #[test]
    fn samples_are_records() {
        let is_read = |spec: &&FormatSpec| {
            let needs = spec.args.iter().any(|arg| !arg.starts_with('['));
            !needs && matches!(spec.start, Start::Blocks(_)) && spec.name != "pickle"
        };
        for spec in FORMATS.iter().filter(is_read) {
            check(spec.name, &[]).unwrap();
        }
        assert!(check("log", &[]).unwrap_err().contains("what is typed for it"));
    }

    #[test]
    fn every_format_is_in_it() {
        let text = formats(&[]);
        for spec in FORMATS {
            assert!(text.contains(spec.about) && text.contains(&format!("  {}", spec.name)), "{text}");
        }
        assert!(text.contains("regex PATTERN"));
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
