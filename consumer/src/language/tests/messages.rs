//! What is said of wrong queries, whole: `messages.txt` has each query after `$ `, and the message below it.
//! `UPDATE_EXPECT=1` writes what came; read it as somebody who knows the query and the message, and nothing else.

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

use super::plan;

const FILE: &str = "src/language/tests/messages.txt";

/// Kinds of mistakes: messages that differ in more than the names in them.
const KINDS: usize = 80;

#[test]
fn messages_are_those_of_the_file() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    let expected = fs::read_to_string(&path).unwrap();
    let (mut came, mut kinds, mut helpless) = (String::new(), BTreeSet::new(), Vec::new());
    for query in expected.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let error = match plan(&[query]) {
            Ok(_) => panic!("`{query}` is valid"),
            Err(error) => error,
        };
        for found in error.diagnostics() {
            kinds.insert(found.what.split('`').step_by(2).collect::<Vec<_>>().join("`"));
            // A word that says how to mend it, unless the message itself does.
            if found.label.is_empty() && found.help.is_empty() && !found.what.starts_with("expected ") {
                helpless.push(query);
            }
        }
        writeln!(came, "$ {query}\n{error}\n").unwrap();
    }
    if env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1") {
        fs::write(&path, &came).unwrap();
    }
    assert!(expected == came, "messages are not those of {FILE}; UPDATE_EXPECT=1 writes them:\n{came}");
    assert!(kinds.len() >= KINDS, "only {} kinds of mistakes", kinds.len());
    assert_eq!(helpless, Vec::<&str>::new(), "nobody can mend these from what is said");
}

/// What of a message can be typed: what stands between backticks after words that say so, and whether it stands for what is wrong.
fn typed(label: &str) -> Option<(&str, bool)> {
    let before = [
        ("write `", false),
        ("compare it, as in `", false),
        ("make it one before: `", false),
        ("make it a number before: `", false),
        ("make it an int before: `", false),
        ("make it text first: `", false),
        ("make the column first: `", false),
        ("did you mean `", true),
        ("the field is written `", true),
    ];
    let (start, replaces) = before.into_iter().find(|(start, _)| label.starts_with(start))?;
    let code = label.strip_prefix(start)?.trim_end_matches('?').strip_suffix('`')?;
    // What is left to the reader cannot be typed.
    (!code.contains('…') && !code.contains("EXPR") && !code.contains("` or `") && !code.contains("`, `")).then_some((code, replaces))
}

fn is_letter(what: &str) -> bool {
    what.strip_prefix("unknown field `").is_some_and(|name| name.trim_end_matches('`').chars().count() == 1)
}

#[test]
fn what_a_message_says_to_write_is_right_where_it_is_typed() {
    let file = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
    let (mut tried, mut wrong) = (0, Vec::new());
    for query in file.lines().filter_map(|line| line.strip_prefix("$ ")) {
        let Err(error) = plan(&[query]) else { panic!("`{query}` is valid") };
        for found in error.diagnostics() {
            let Some((code, replaces)) = typed(&found.label) else { continue };
            tried += 1;
            let before = query[..found.span.start].rfind('|').map_or(String::new(), |at| format!("{} | ", &query[..at]));
            let whats = |query: &str| -> Vec<String> {
                match plan(&[query]) {
                    Ok(_) => Vec::new(),
                    // A letter stands for whatever the reader has.
                    Err(error) => error.diagnostics().iter().map(|found| found.what.clone()).filter(|what| !is_letter(what)).collect(),
                }
            };
            if replaces {
                let mended = format!("{}{code}{}", &query[..found.span.start], &query[found.span.end..]);
                if whats(&mended).contains(&found.what) {
                    wrong.push(format!("{query}: `{mended}` has the same mistake"));
                }
                continue;
            }
            // A stage, or an expression, where the mistake is.
            let forms = [format!("{before}{code}"), format!("{before}let hint = {code}"), format!("{before}where status in {code}")];
            let is_right = |form: &String| whats(form).iter().all(|what| whats(before.trim_end_matches(" | ")).contains(what));
            if !forms.iter().any(is_right) {
                wrong.push(format!("{query}: `{code}`: {:?}", whats(&forms[1])));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(tried >= 60, "only {tried} messages say what to write");
}
