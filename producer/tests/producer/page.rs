//! `docs/formats.md` has all formats, with what the table of formats says of each. `UPDATE_EXPECT=1` writes it.

use std::{env, fmt::Write, fs, path::Path};

use recpipe_producer::format::FORMATS;

const MARKS: [&str; 2] = ["<!-- formats: begin -->\n", "<!-- formats: end -->\n"];

/// Text that says nothing to Markdown but what is code, on one line of a table.
fn plain(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('_', "\\_").replace('*', "\\*");
    let parts = words.join(" ").replace('|', "\\|");
    let parts: Vec<String> =
        parts.split('`').enumerate().map(|(n, part)| if n % 2 == 1 { part.to_owned() } else { escaped(part) }).collect();
    parts.join("`")
}

/// Code, within a table.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn table() -> String {
    let mut table = "| format | reads | fields |\n| --- | --- | --- |\n".to_owned();
    for spec in FORMATS {
        let name = std::iter::once(spec.name).chain(spec.args.iter().copied()).collect::<Vec<_>>().join(" ");
        let options: Vec<String> = spec.options.iter().map(|option| code(option.usage())).collect();
        let options = if options.is_empty() { String::new() } else { format!("<br>{}", options.join(" ")) };
        writeln!(table, "| {}{options} | {} | {} |", code(&name), plain(spec.about), plain(spec.fields)).unwrap();
    }
    table
}

#[test]
fn the_page_of_formats_is_that_of_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/formats.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(MARKS[0]).unwrap();
    let (stands, after) = rest.split_once(MARKS[1]).unwrap();
    let table = table();
    if env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        fs::write(&path, [before, MARKS[0], &table, MARKS[1], after].concat()).unwrap();
    }
    assert_eq!(stands, table, "UPDATE_EXPECT=1 writes it");
}
