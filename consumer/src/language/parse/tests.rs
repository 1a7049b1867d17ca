//! What a query looks like, and the mistakes in one.

use proptest::prelude::*;

use crate::{
    catalog::{CATALOG, parse},
    language::{Source, tests::log_schema},
};

fn stage_names(args: &[&str]) -> String {
    let query = parse(&Source::from_args(args)).unwrap_or_else(|error| panic!("{args:?}\n{error}"));
    query.stages.iter().map(|stage| if stage.word.about.output { "output" } else { stage.word.about.name }).collect::<Vec<_>>().join(" ")
}

fn check(args: &[&str], expect: &str) {
    assert_eq!(stage_names(args), expect, "{args:?}");
}

fn check_error(args: &[&str], expect: &str) {
    let error = parse(&Source::from_args(args)).map(|query| panic!("{args:?} parsed: {query:?}")).unwrap_err();
    assert_eq!(error.to_string(), expect.trim_start_matches('\n').trim_end(), "{args:?}");
}

#[test]
fn stages_and_arguments() {
    check(&[], "");
    check(&[""], "");
    check(&["# nothing"], "");
    check(&["where status == 404 and bytes > 1e6 | count by request | top 10"], "where stats top");
    check(&["where status == 404", "count by request | top 10", "tsv"], "where stats top output");
    check(&["where a # really | not", "head 3"], "where head");
    check(&["count\n| top 5\n| tsv\n"], "stats top output");
}

#[test]
fn the_word_stats_may_be_left_out() {
    for query in ["count", "count | json", "count by host", "count as n", "count, sum(bytes) as b by host", "sum(bytes)", "avg(a + b) by c"]
    {
        assert!(stage_names(&[query]).starts_with("stats"), "{query}");
    }
    check(&["summarize count by host"], "stats");
}

#[test]
fn every_synonym_is_taken() {
    for row in CATALOG.stages.iter().map(|row| &row.about) {
        for name in row.synonyms {
            let query = row.example.replacen(row.name, name, 1);
            assert_eq!(stage_names(&[&query]), stage_names(&[row.example]), "{query}");
        }
    }
}

#[test]
fn an_unknown_stage_is_named() {
    let stages = CATALOG.stages.iter().map(|row| row.about.name).collect::<Vec<_>>().join(", ");
    let expect = "
error: unknown stage `were`
  |
  | were status == 404 | hed 3
  | ^^^^ did you mean `where`?
  = stages: STAGES

error: unknown stage `hed`
  |
  | were status == 404 | hed 3
  |                      ^^^ did you mean `head`?
  = stages: STAGES";
    check_error(&["were status == 404 | hed 3"], &expect.replace("STAGES", &stages));
}

#[test]
fn branches() {
    check(&["tee [ where a | count by b ] | head 3"], "tee head");
    check(&["tee [json]"], "tee");
    check(&["tee [ tee [ count ] | tee [ null ] ] | tee [ csv ]"], "tee tee");
    check(&["tee [ where a =~ /]|[/ | print \"]\" ] | where b"], "tee where");
    check(&["tee [ where a", "count", "csv ]", "top 3 by b"], "tee top");
    check(&["# a branch\ntee [ # its stages\n  where a # ] not the end\n\n  | csv\n]\n| count\n"], "tee stats");
    check(&["tee [ emit tcp.rec ] | emit"], "tee output");
    let query = parse(&Source::from_args(&["tee [ where a ; | count ] | hed 1"])).unwrap_err();
    assert_eq!(query.diagnostics().len(), 2, "{query}");
}

#[test]
fn branches_have_an_end_and_a_depth() {
    check_error(
        &["tee [ where status == 404 | count", "top 3"],
        "
error: a `[` without its `]`
  |
  | tee [ where status == 404 | count
  |     ^ this branch has no end",
    );
    let nested = |depth: usize| parse(&Source::from_args(&[format!("{}count{}", "tee [ ".repeat(depth), " ]".repeat(depth))]));
    assert!(nested(32).is_ok());
    assert!(nested(33).unwrap_err().to_string().contains("branches are nested more than 32 deep"));
    assert!(nested(100_000).is_err());
    let many = format!("tee [ {} ] | {}", vec!["where a"; 500].join(" | "), vec!["where a"; 500].join(" | "));
    assert!(parse(&Source::from_args(&[many])).unwrap_err().to_string().contains("more than 256 stages"));
}

#[test]
fn errors_have_a_caret_where_it_went_wrong() {
    let check = |query: &str, what: &str, under: &str, label: &str| {
        let error = parse(&Source::from_args(&[query])).map(|query| panic!("parsed: {query:?}")).unwrap_err();
        let [found] = error.diagnostics() else { panic!("{query}: {error}") };
        assert_eq!((&*found.what, &query[found.span.start..found.span.end], &*found.label), (what, under, label), "{query}");
    };
    check("where status == | count", "expected a value, found `|`", "|", "");
    check("where status ==", "expected a value", "", "the query ends here");
    check("where", "expected a condition", "", "the query ends here");
    check("where (a == 1", "expected `)`", "", "the query ends here");
    check("where a == 1)", "expected `|` or the end, found `)`", ")", "");
    check("where a 5", "expected `|` or the end, found `5`", "5", "");
    check("where a < b < c", "comparisons do not chain", "<", "write `a < b and b < c`");
    check(
        "where a in 5",
        "expected a list `(…)`, a range `a..b`, a network or a file \"…\" after `in`",
        "5",
        "to compare with one value write `==`",
    );
    check("where a not b", "expected `in` after `not`, found `b`", "b", "");
    check("where 1..2 == a", "expected `|` or the end, found `..`", "..", "a range stands after `in`");
    check("select a = b", "expected `|` or the end, found `=`", "=", "`=` compares only inside `where`; write `==`");
    check("select", "expected a column", "", "the query ends here");
    check("select a,", "expected a value", "", "the query ends here");
    check("let 5 = a", "expected a name, found `5`", "5", "");
    check("let a", "expected `=`", "", "the query ends here");
    check("head", "expected how many, as in `head 10`", "", "the query ends here");
    check("head -1", "expected how many, as in `head 10`, found `-`", "-", "write `head 1`");
    check("count by", "expected a value", "", "the query ends here");
    check("stats host", "unknown aggregate `host`", "host", "values are counted by `count by host`");
    check("stats cuont by host", "unknown aggregate `cuont`", "cuont", "did you mean `count`?");
    check("top 5 by", "expected a value", "", "the query ends here");
    check("print \"{a\"", "a `{` without its `}`", "{", "write `{{` for a brace");
    check("print a", "expected a template in quotes, found `a`", "a", "as in `print \"{host} {bytes:>10}\"`");
    check("tee where a", "expected a branch in brackets, as in `tee [ where … | csv ]`, found `where`", "where", "");
    check("tee [ ] | count", "a stage is missing", "]", "expected a stage here");
    check("tee [ count | ]", "a stage is missing", "]", "expected a stage here");
    check("tee [ where a ) ]", "expected `|` or `]`, found `)`", ")", "");
    check("count ] | top 3", "a `]` without its `[`", "]", "a branch is written `tee [ … ]`");
    check("tee [ json | count ]", "`json` writes the answer, so nothing can come after it", "json", "make it the last stage of its branch");
    check(
        "write \"a.csv\" | count",
        "`write` writes the answer, so nothing can come after it",
        "write \"a.csv\"",
        "make it the last stage",
    );
    check("write a.csv", "expected a file in quotes, found `a.csv`", "a.csv", "as in `write \"errors.csv\"`");
    check("write", "expected a file in quotes, as in `write \"errors.csv\"`", "", "the query ends here");
    let known = "known are .json .csv .tsv .md .txt .rec .pickle .svg .html .arrows .arrow .parquet .db, and behind them .gz .zst";
    check("write \"a.xls\"", "the extension of the file does not say what is to be written", "\"a.xls\"", known);
    check("write \"csv\"", "the extension of the file does not say what is to be written", "\"csv\"", known);
    let nats = "unsupported stream: `nats://h:1`: this release has no `nats://` transport: there are `tcp://`, `tls://`, `unix:`, `exec:` and files";
    let url = "as in `emit tcp://127.0.0.1:7000`, or in quotes `emit \"exec:consumer count\"`";
    check("tee [ emit nats://h:1]", nats, "nats://h:1", url);
    check("trace errors", "expected a label in quotes, found `errors`", "errors", "as in `trace \"errors\"`");
    check("grep", "expected a regex, as in `grep /…/`", "", "the query ends here");
    check("grep php", "expected a regex, as in `grep /…/`, found `php`", "php", "write `grep /php/`");
    check("grep /a/ in", "expected a field", "", "the query ends here");
    check("parse request", "expected a regex, as in `parse request /…/`", "", "the query ends here");
    check("drop", "expected a field", "", "the query ends here");
    check("rename a", "expected `as` and the new name", "", "the query ends here");
    check("json | count", "`json` writes the answer, so nothing can come after it", "json", "make it the last stage");
    check("count |", "a stage is missing", "", "expected a stage here");
    check("| count", "a stage is missing", "|", "expected a stage here");
    check("status == 404", "unknown stage `status`", "status", "a condition begins with `where`");
    check("where a == \"b", "this text has no end", "\"b", "a closing \" is missing");
    check("where a =~ /b", "this regex has no end", "/b", "a `/` is missing; inside a regex write `\\/`");
    check("where a > 5M", "unknown unit `M`", "M", "did you mean `MB`?");
    check("where a > 5H", "unknown unit `H`", "H", "did you mean `h`?");
    check("head 5m", "expected how many, as in `head 10`, found `5m`", "5m", "");
    check("where a == ::1", "expected a value, found `:`", ":", "");
    check(
        "where a == 10.0.0.1",
        "an address or a network stands only after `in`",
        "10.0.0.1",
        "write `in 10.0.0.1`; as text it stands in quotes",
    );
    check(
        "where a in 10.0.0.1/8",
        "`10.0.0.1/8` is an address within a network, not the network",
        "10.0.0.1/8",
        "the network is `10.0.0.0/8`",
    );
    let beyond = "170141183460469231731687303715884105728";
    check(&format!("where a == {beyond}"), "this number does not fit in 128 bits", beyond, "with a `.0` it is a float");
    check("where by == 1", "expected a value, found `by`", "by", "a field of this name is written in backticks");
}

#[test]
fn an_argument_that_breaks_off_is_pointed_at() {
    check_error(
        &["where status ==", "count by host", ""],
        "
error: expected a value
  |
  | where status ==
  |                ^ the argument ends here

error: a stage is missing
  |
  |
  | ^ expected a stage here",
    );
}

#[test]
fn recovery_knows_a_regex_from_a_bar() {
    let error = parse(&Source::from_args(&["where a == == b and r =~ /x|y/ | hed 1 | where (c | wher d"])).unwrap_err();
    let words: Vec<_> = error.diagnostics().iter().map(|found| found.what.clone()).collect();
    assert_eq!(words, ["expected a value, found `==`", "unknown stage `hed`", "expected `)`, found `|`", "unknown stage `wher`"]);
}

#[test]
fn deep_queries_are_errors() {
    for open in ["(", "not ", "-", "len(", "a in (", "1 + (", "a ?? "] {
        let text = format!("where {}", open.repeat(100_000));
        assert!(parse(&Source::from_args(&[text])).is_err(), "{open}");
    }
    for (join, fits) in [(" + ", false), (" or ", true), (" and ", true), (" ?? ", false)] {
        let text = format!("where {}", vec!["a"; 10_000].join(join));
        assert_eq!(parse(&Source::from_args(&[text])).is_ok(), fits, "{join}");
    }
    let error = parse(&Source::from_args(&["(".repeat(100_000)])).unwrap_err();
    assert_eq!(error.diagnostics().len(), 1);
}

proptest! {
    #[test]
    fn never_panics(args in prop::collection::vec("\\PC{0,30}", 0..4)) {
        let _ = parse(&Source::from_args(&args)).map_err(|error| error.to_string());
    }

    #[test]
    fn never_panics_on_words_of_the_language(
        words in prop::collection::vec(
            prop::sample::select(vec![
                "where", "where", "status ==", "select", "let", "head", "distinct", "stats", "count", "sum", "top", "by", "as", "print", "tee [", "grep", "parse request", "drop", "rename", "emit", "write", "dns", "json", "a", "`b`", "in",
                "not", "and", "or", "==", "=~", "=", "(", ")", "[", "]", "|", ",", "/", "//", "-", "+", "..", "1", "2.5", "10KB", "'x'", "/r/i",
                "null", "true", "??", "contains", "# c\n", "\n", "if", "len", "\"{a:>3}\"", "5m", "@2026", "10.0.0.0/8",
            ]),
            0..30,
        ),
    ) {
        let source = Source::from_args(&[words.join(" ")]);
        let _ = parse(&source).and_then(|query| crate::language::check(&source, &query, &log_schema())).map_err(|error| error.to_string());
    }
}
