//! That `docs/query-language.md` and the tables of words speak of the same language.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use recpipe_consumer::{
    catalog::CATALOG,
    plan::{About, Runs},
};

const TEXT: &str = include_str!("../../docs/query-language.md");

/// The rows of the first table below a heading, cell by cell.
fn table(text: &str, heading: &str) -> Vec<Vec<String>> {
    let section = text.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no {heading}")).1;
    let lines = section.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    let cells =
        |line: &str| line.trim_matches('|').replace("\\|", "\u{0}").split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
    let rows: Vec<Vec<String>> = lines.skip(2).map(cells).collect();
    assert!(!rows.is_empty(), "no table below {heading}");
    rows
}

/// What stands between backticks.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// The word that a use of it begins with; `[stats] count` is one of `stats`.
fn word(usage: &str) -> &str {
    let usage = usage.strip_prefix('[').unwrap_or(usage);
    usage.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap()
}

fn words(rows: &[Vec<String>]) -> BTreeSet<String> {
    rows.iter().flat_map(|row| code(&row[0])).map(|usage| word(usage).to_owned()).collect()
}

/// Both ways: nothing is missing, and nothing is there that is no word.
fn compare(what: &str, documented: &BTreeSet<String>, known: &BTreeSet<String>) {
    let missing: Vec<_> = known.difference(documented).collect();
    let unknown: Vec<_> = documented.difference(known).collect();
    assert!(missing.is_empty() && unknown.is_empty(), "{what}: not documented {missing:?}; documented, but not there {unknown:?}");
}

#[test]
fn every_stage_has_its_row_and_every_row_its_stage() {
    let rows = table(TEXT, "## Stages");
    compare("stages", &words(&rows), &CATALOG.stages.iter().map(|row| row.about.name.to_owned()).collect());
    for row in &rows {
        for usage in code(&row[0]) {
            let found: &About = &CATALOG.stage(word(usage)).unwrap().about;
            let plain = |text: &str| text.replace(['[', ']'], "").split_whitespace().collect::<Vec<_>>().join(" ");
            let is_same = plain(&found.syntax.replace(" | ", ", ")).contains(&plain(&usage.replace(" | ", ", ")));
            assert!(is_same, "`{usage}` is documented, `{}` is in the table", found.syntax);
            let documented: BTreeSet<_> = code(&row[1]).into_iter().collect();
            assert_eq!(documented, found.synonyms.iter().copied().collect(), "{}", found.name);
            let runs = match found.runs {
                Runs::EachWorker => "in each worker",
                Runs::WorkersThenMerge => "in workers, then merged",
                Runs::Once => "once",
            };
            assert_eq!(row[3], runs, "{}", found.name);
        }
    }
}

#[test]
fn every_aggregate_has_its_row_and_every_row_its_aggregate() {
    let rows = table(TEXT, "## Aggregates");
    let documented = words(&rows);
    // One row of the table of words stands for all percentiles.
    let known: BTreeSet<_> = documented.iter().filter_map(|name| CATALOG.aggregate(name)).map(|row| row.name.to_owned()).collect();
    compare("aggregates", &known, &CATALOG.aggregates.iter().map(|row| row.name.to_owned()).collect());
    let unknown: Vec<_> = documented.iter().filter(|name| CATALOG.aggregate(name).is_none()).collect();
    assert!(unknown.is_empty(), "documented, but not there: {unknown:?}");
    for usage in rows.iter().flat_map(|row| code(&row[0])) {
        let found = CATALOG.aggregate(word(usage)).unwrap();
        let is_same = arity(usage).is_some_and(|arguments| found.args.contains(&arguments));
        assert!(is_same, "`{usage}` is documented, `{}` is in the table", found.syntax);
    }
}

#[test]
fn every_function_has_its_row_and_every_row_its_function() {
    let rows = table(TEXT, "### Functions");
    compare("functions", &words(&rows), &CATALOG.functions.iter().map(|row| row.name.to_owned()).collect());
    for usage in rows.iter().flat_map(|row| code(&row[0])) {
        let found = CATALOG.function(word(usage)).unwrap();
        // `upper(…)` is as the one before it.
        let is_same = usage.ends_with("(…)") || arity(usage).is_some_and(|arguments| found.args.contains(&arguments));
        assert!(is_same, "`{usage}` is documented, `{}` is in the table", found.syntax);
    }
}

/// How many arguments a use of a word has, those in brackets not counted.
fn arity(usage: &str) -> Option<usize> {
    let Some((_, arguments)) = usage.split_once('(') else { return Some(0) };
    let arguments = arguments.strip_suffix(')')?;
    let arguments = arguments.split_once('[').map_or(arguments, |(needed, _)| needed);
    Some(arguments.split(',').filter(|argument| !["", "…"].contains(&argument.trim())).count())
}

#[test]
fn a_difference_is_seen() {
    let text = "\n## Stages\n\n| a | b |\n| --- | --- |\n| `where EXPR` | `x` |\n| `json` `cvs` | |\n\nno table";
    let rows = table(text, "## Stages");
    assert_eq!(words(&rows), ["cvs", "json", "where"].map(str::to_owned).into());
    assert!(std::panic::catch_unwind(|| compare("stages", &words(&table(text, "## Stages")), &["json".to_owned()].into())).is_err());
    assert_eq!(
        (arity("count"), arity("now()"), arity("time(TEXT[, FORMAT])"), arity("min(A, B, …)")),
        (Some(0), Some(0), Some(1), Some(2))
    );
}
