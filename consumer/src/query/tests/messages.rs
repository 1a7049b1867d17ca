//! What is said of wrong queries, whole: `messages.txt` has each query after `$ `, and the message below it.
//! `UPDATE_EXPECT=1` writes what came; read it as somebody who knows the query and the message, and nothing else.

use std::{collections::BTreeSet, env, fmt::Write, fs, path::Path};

use super::plan;

const FILE: &str = "src/query/tests/messages.txt";

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
