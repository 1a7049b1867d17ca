//! What it has to hold, case by case.

use super::*;

const LINES_OR_VALUES: Framing = Framing { at: None };
use proptest::prelude::*;

#[test]
fn the_beginning_tells() {
    let check = |text: &str, want: Option<Dialect>| assert_eq!(LINES_OR_VALUES.dialect(text.as_bytes(), false), want, "{text:?}");
    check("", None);
    check(" \n", None);
    check("{\"a\":1}", None);
    check("{\"a\":1}\n", Some(LINES));
    check("{\"a\":1} x\n", Some(LINES));
    check("{\"a\":1} {", Some(VALUES));
    check("{\"a\":1},\n{", Some(VALUES));
    check("{\"a\":[1,{}]}\r\n", Some(LINES));
    check("{\"a\":1,\n", None);
    check("{\"a\":1,\n \"", Some(VALUES));
    check("{\n", None);
    check("{\n}", Some(VALUES));
    // A torn line, and the next.
    check("{\"a\":1,\n{\"a\":2}\n", Some(LINES));
    check("{\"a\":\"x\n{\"a\":2}\n", Some(LINES));
    check("{\"a\"\nx", Some(LINES));
    check("[", None);
    check("[\n  {", Some(VALUES));
    check("[]", Some(VALUES));
    check("[2024-01-01] started\n", Some(LINES));
    check("[1]\n", Some(LINES));
    check("\u{1e}{", Some(VALUES));
    check("junk", Some(LINES));
    assert_eq!(LINES_OR_VALUES.dialect(b"{\"a\":1}", true), Some(LINES));
    assert_eq!(LINES_OR_VALUES.dialect(b"{\"a\":1", true), Some(LINES));
}

/// The units of a block, each with a letter for its kind.
fn units(text: &str) -> Vec<String> {
    let letter = |kind| match kind {
        Kind::Object => 'o',
        Kind::Other => 'x',
        Kind::Open => 'b',
        Kind::Close => 'e',
        Kind::Space => 's',
        Kind::TooLong => 'l',
    };
    Units::new(text.as_bytes(), true).map(|unit| format!("{}{}", letter(unit.kind), text[unit.start..unit.end].trim_end())).collect()
}

#[test]
fn units_of_a_block() {
    let check = |text: &str, want: &[&str]| assert_eq!(units(text), want, "{text:?}");
    check("[\n{\"a\":1},\n{\"a\":[{}]}\n]\n", &["b[", "o{\"a\":1}", "o{\"a\":[{}]}", "e]", "s"]);
    check("{\"a\":1}{\"}\\\"\":2}", &["o{\"a\":1}", "o{\"}\\\"\":2}"]);
    check("null, {\"a\":1} 5, \"x, {}\"\njunk {}\n", &["xnull", "o{\"a\":1}", "x5", "x\"x, {}\"", "xjunk", "o{}", "s"]);
    check("{\"a\":tru}}", &["o{\"a\":tru}", "x}"]);
}

#[test]
fn a_torn_object_costs_itself() {
    let check = |text: &str, want: &[&str]| assert_eq!(units(text), want, "{text:?}");
    check("{\n \"a\":1,,\n}\n{}", &["o{\n \"a\":1,,\n}", "o{}"]);
    check("{\n \"a\":1\n{\n \"a\":2\n}", &["o{\n \"a\":1", "o{\n \"a\":2\n}"]);
    check("{\n \"a\":\"x\n}\n{}", &["o{\n \"a\":\"x\n}", "o{}"]);
    check("[\n  {\n    \"a\": {\n  },\n  {\n    \"a\": 2\n  }\n]", &["b[", "o{\n    \"a\": {\n  },", "o{\n    \"a\": 2\n  }", "e]"]);
    check("[{\"a\":1,,},{\"a\":2}]", &["b[", "o{\"a\":1,,}", "o{\"a\":2}", "e]"]);
    check("{\"a\":1", &["o{\"a\":1"]);
    // What lies within another, though it begins its line, is none.
    check("{\n\"a\":[\n{\"b\":1},\n{\"b\":2}\n]\n}", &["o{\n\"a\":[\n{\"b\":1},\n{\"b\":2}\n]\n}"]);
}

#[test]
fn an_object_may_be_so_long() {
    let long = |len: usize| format!("{{\"a\":\"{}\"}}{{}}", "x".repeat(len - 8));
    let kinds = |text: &str| Units::new(text.as_bytes(), true).map(|unit| unit.kind).collect::<Vec<_>>();
    assert_eq!(kinds(&long(MAX_RECORD_BYTES)), [Kind::Object, Kind::Object]);
    assert_eq!(kinds(&long(MAX_RECORD_BYTES + 1)), [Kind::TooLong]);
    assert_eq!(Values.first_end(&long(MAX_RECORD_BYTES + 1).as_bytes()[..MAX_RECORD_BYTES], 0), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    // Wherever blocks are cut, the units are the same.
    #[test]
    fn cuts_do_not_show(
        pieces in proptest::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "\"a\"", ":", ",", "1", "\n", "\n  ", " ", "\"", "\\", "{\"a\":1}", "x", "{\n\"a\":{}}", "null",
        ]), 0..30),
        sizes in proptest::collection::vec(1_usize..12, 1..4),
    ) {
        let text = pieces.concat();
        let shown = |bytes: &[u8], base: usize| Units::new(bytes, true)
            .filter(|unit| unit.kind != Kind::Space)
            .map(|unit| (unit.kind, base + unit.start, base + unit.end))
            .collect::<Vec<_>>();
        let (mut parts, mut from, mut turn) = (Vec::new(), 0, 0);
        while from < text.len() {
            let mut to = from;
            let end = loop {
                to = (to + sizes[turn % sizes.len()]).min(text.len());
                turn += 1;
                if to == text.len() {
                    break to;
                }
                if let Some(end) = Values.last_end(&text.as_bytes()[from..to]) {
                    break from + end;
                }
            };
            parts.extend(shown(&text.as_bytes()[from..end], from));
            from = end;
        }
        prop_assert_eq!(parts, shown(text.as_bytes(), 0), "{:?}", text);
    }
}
