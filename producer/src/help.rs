//! `producer help formats`: the table of formats, for people; `producer help FORMAT`: one of them.

use crate::format::{FORMATS, FormatSpec, near};

/// What the fields of a format are, and some input.
struct Details {
    name: &'static str,
    fields: &'static str,
    sample: &'static str,
}

const UNTYPED: &str = "Each cell is an int (exact to 128 bits), a float, or text, by its own bytes; 007, +1 and 1e5 are text. Where the\n\
                       sample has a leading zero the column is text as a whole; an empty cell is null where it has numbers.\n\
                       --null NA makes nulls, --cast f=TYPE rejects what does not fit.";

const OPEN: &str = "A record has the fields that it has: one that is missing is not null. Fields may come at any time; --fields and\n\
                    --cast declare those to come.";

const DETAILS: &[Details] = &[
    Details {
        name: "apache",
        fields: "host referrer user datetime method request proto status:int bytes:int, and where a line has them http_referer and\n  \
                 http_user_agent (the combined form), vhost, forwarded_for, and extra for what stands at the end.",
        sample: r#"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] "GET /a HTTP/1.1" 200 2326"#,
    },
    Details { name: "lines", fields: "line", sample: "anything" },
    Details { name: "regex", fields: "One for each named group, such as (?P<host>\\S+).", sample: "10.0.0.1 GET" },
    Details { name: "csv", fields: "Those that the first row names; of several files together, by name.", sample: "id,price\n1,9.50" },
    Details { name: "tsv", fields: "Those that the first row names; of several files together, by name.", sample: "id\tprice\n1\t9.50" },
    Details {
        name: "json",
        fields: "The keys; nested ones flatten to a.b, and arrays are text. Whole numbers are exact to 128 bits.",
        sample: r#"{"id":18446744073709551615,"user":{"name":"x"},"tags":[1,2]}"#,
    },
    Details { name: "struct", fields: "f0 f1 …, or --names: int, float, bool and text, as the letters say.", sample: "<8sffi" },
    Details {
        name: "xml",
        fields: "The texts of children and @attributes, by their paths; all of them text. What is repeated is a JSON list.",
        sample: r#"<bus id="7"><route>22</route></bus>"#,
    },
    Details {
        name: "pickle",
        fields: "The keys of the dicts, with the types of their values; nested ones flatten to a.b, and lists are text. What is no\n  \
                 dict has the field value, or those that --names gives to its parts.",
        sample: "pickle.dump({\"id\": 1}, out)",
    },
    Details { name: "records", fields: "Those of the stream, as they are.", sample: "producer apache access.log --to log.rec" },
    Details { name: "range", fields: "value:int", sample: "producer range 10 0 -1" },
    Details { name: "count", fields: "value:int", sample: "producer count 100" },
    Details { name: "find", fields: "path name size:int mtime:time", sample: "producer find /var/log" },
];

/// One format: how it is typed, its fields and their types, and some input.
///
/// # Errors
/// There is no such format.
pub(crate) fn format(name: &str) -> Result<String, String> {
    let spec = FORMATS
        .iter()
        .find(|spec| spec.name == name)
        .ok_or_else(|| format!("there is no format `{name}`; {}", near(name, FORMATS.iter().map(|spec| spec.name), "the formats are")))?;
    let mut text = format!("producer {}\n\n{}\n", spec.usage(), spec.about);
    if let Some(details) = DETAILS.iter().find(|details| details.name == name) {
        text += &format!("\nFields:\n  {}\n", details.fields);
        let more = match name {
            "csv" | "tsv" | "regex" => UNTYPED,
            "json" | "xml" | "pickle" => OPEN,
            _ => "",
        };
        more.lines().for_each(|line| text += &format!("  {line}\n"));
        text += "\nSuch as:\n";
        details.sample.lines().for_each(|line| text += &format!("  {line}\n"));
    }
    Ok(text)
}

/// All formats: how each is typed, and what it reads.
pub(crate) fn formats() -> String {
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
    fn each_format_tells_of_its_fields() {
        for details in DETAILS {
            let text = format(details.name).unwrap();
            assert!(text.contains("Fields:") && text.contains("Such as:"), "{text}");
            assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
        }
        assert!(format("cvs").unwrap_err().contains("did you mean `csv`?"));
        for (name, part) in [("csv", "--null WORD"), ("json", "is not null"), ("regex", "--null NA"), ("find", "size:int")] {
            assert!(format(name).unwrap().contains(part), "{name}");
        }
    }

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
