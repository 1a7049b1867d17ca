//! Any object becomes a record, anything else is rejected, and the fields of the stream grow.

use super::super::testing::block;
use super::*;
use proptest::prelude::*;
use recpipe::{Batch, Field, Type, Value};
use serde_json::{Value as Json_, json};

fn read(args: Args, first: &str, then: &str) -> Result<Parsed, String> {
    let mut json = Json::new(&args);
    json.sample(&block(first.as_bytes()))?;
    let plan = json.plan(&block(first.as_bytes()))?;
    Ok(plan.parser().parse(&block(then.as_bytes()), &Wanted::all()))
}

fn shown(batch: &Batch) -> String {
    let field = |f: &Field| format!("{} {}", f.name, f.kind);
    let mut lines = vec![batch.schema().fields().iter().map(field).collect::<Vec<_>>().join(", ")];
    let cell = |row: usize, column: &recpipe::record::Column| match column.value(row) {
        Value::Null if column.is_missing(row) => String::new(),
        Value::Null => "~".to_owned(),
        value => value.to_string(),
    };
    lines.extend((0..batch.len()).map(|row| batch.columns().iter().map(|column| cell(row, column)).collect::<Vec<_>>().join("|")));
    lines.join("\n")
}

#[test]
fn objects_are_records() {
    let check = |text: &str, want: &str| {
        let parsed = read(Args::default(), text, text).unwrap();
        assert_eq!(shown(&parsed.batch), want);
        assert!(parsed.rejects.is_empty(), "{:?}", parsed.rejects);
    };
    check(r#"{"a":1,"b":{"c":"d"},"e":null,"f":1.5}"#, "a int, b.c text, e mixed, f float\n1|d|~|1.5");
    check("{\"a\":1}\r\n\n {\"b\" : [1, {\"x\":2}] , \"a\":2.5}\t\n{}\n", "a mixed, b text\n1|\n2.5|[1, {\"x\":2}]\n|");
    check(r#"{"a":"x\n\u00e9","a.b":true,"a":"y"}"#, "a text, a.b bool\ny|true");
    check(r#"{"a":1,"a":null,"b":"x","b":2}"#, "a mixed, b int\n~|2");
    check(
        r#"{"n":9223372036854775807,"m":-9223372036854775808,"z":-0}"#,
        "n int, m int, z int\n9223372036854775807|-9223372036854775808|0",
    );
    check(
        r#"{"n":9223372036854775808,"m":-170141183460469231731687303715884105728,"d":170141183460469231731687303715884105728,"e":1e2}"#,
        "n int, m int, d text, e float\n9223372036854775808|-170141183460469231731687303715884105728|170141183460469231731687303715884105728|100.0",
    );
    check(r#"{"":1,"k\"\n":2,"o":{"":{}}}"#, " int, k\"\n int\n1|2");
    check("{\"a\":1}\n{\"a\":\"x\"}\n{\"a\":true}\n{\"a\":[2]}\n{\"b\":null}", "a mixed, b mixed\n1|\nx|\ntrue|\n[2]|\n|~");
}

#[test]
fn fields_are_added_and_no_value_is_lost() {
    let of = |first: &str, then: &str| {
        let parsed = read(Args::default(), first, then).unwrap();
        assert!(parsed.rejects.is_empty(), "{:?}", parsed.rejects);
        shown(&parsed.batch)
    };
    assert_eq!(of("{\"a\":1}", "{\"b\":\"x\",\"a\":2}\n{\"a\":3}"), "a int, b mixed\n2|x\n3|");
    assert_eq!(of("{\"a\":1}", "{\"a\":2}\n{\"a\":\"x\"}\n{\"a\":2.5}\n{}"), "a int\n2\nx\n2.5\n");
    assert_eq!(of("{\"a\":null}", "{\"a\":2}"), "a mixed\n2");
    assert_eq!(of("", "{\"a\":2}"), "a mixed\n2");
    let parsed = read(Args::default(), "{\"a\":1}", "{\"a\":2,\"new\":1,}\n{\"a\":2}").unwrap();
    assert_eq!((shown(&parsed.batch).as_str(), parsed.rejects.len()), ("a int\n2", 1), "a reject brings no key");
}

#[test]
fn a_line_with_many_keys_is_a_record_whatever_there_is_beside_it() {
    let line = |prefix: &str, keys: usize| {
        let members: Vec<String> = (0..keys).map(|n| format!("\"{prefix}{n}\":{n}")).collect();
        format!("{{{}}}\n", members.join(","))
    };
    let (most, too_many) = (line("m", Schema::MAX_FIELDS), line("t", Schema::MAX_FIELDS + 1));
    let mut json = Json::new(&Args::default());
    json.sample(&block(line("s", 100).as_bytes())).unwrap();
    let mut parser = json.plan(&block(b"")).unwrap().parser();
    let text = format!("{{\"s1\":1}}\n{most}{too_many}{{\"s1\":2}}\n");
    let (mut rest, mut counts) = (&text[..], Vec::new());
    while !rest.is_empty() {
        let parsed = parser.parse(&block(rest.as_bytes()), &Wanted::all());
        let at = parser.stopped_at().unwrap_or(rest.len());
        let parsed = if at < rest.len() { parser.parse(&block(&rest.as_bytes()[..at]), &Wanted::all()) } else { parsed };
        counts.push((parsed.batch.len(), parsed.batch.schema().len(), parsed.rejects.len()));
        rest = &rest[at..];
    }
    assert_eq!(counts, [(1, 100, 0), (1, Schema::MAX_FIELDS, 0), (1, 1, 1)]);
}

#[test]
fn casts_and_fields() {
    let casts = |name: &str| Args { casts: vec![(name.to_owned(), Type::Text)], ..Args::default() };
    let fields = |name: &str| Args { fields: Some([name.to_owned()].into()), ..Args::default() };
    let text = "{\"a\":1,\"b\":2}\n{\"a\":\"x\\n\"}\n{\"a\":[1]}\n{\"a\":true}";
    assert_eq!(shown(&read(casts("a"), text, text).unwrap().batch), "a text, b int\n1|2\nx\n|\n[1]|\ntrue|");
    assert_eq!(shown(&read(fields("b"), text, "{\"a\":1,\"b\":2}\n{\"c\":5}").unwrap().batch), "b int\n2\n");
    assert_eq!(shown(&read(fields("late"), text, "{\"a\":1}\n{\"late\":5}").unwrap().batch), "late mixed\n\n5");
}

#[test]
fn what_is_no_object_is_a_reject() {
    let deep = |n: usize| format!("{{\"a\":{}{}}}", "[".repeat(n), "]".repeat(n));
    let nested = |n: usize| format!("{}1{}", "{\"a\":".repeat(n), "}".repeat(n));
    let fine = [deep(100), nested(128), "{\"a\":\"\\ud800\"}".into(), "{\"a\":\"\t\"}".into()];
    for text in fine {
        assert!(read(Args::default(), &text, &text).unwrap().rejects.is_empty(), "{text}");
    }
    for text in [
        "[1]",
        "1",
        "x",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":1}x",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":-}",
        "{\"a\":1e}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":tru}",
        "{\"a\":\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{a:1}",
        "{\"a\":[1,]}",
        "{\"a\":[}",
        "{\"a\":1 \"b\":2}",
        "{\"a\":1e999}",
        "{\"a\":nan}",
        "{\"a\":-NaN}",
        "{\"a\":Infinit}",
        "{\"a.b\":1,\"a\":{\"b\":2}}",
        "{\"a\":{\"b\":null},\"a.b\":\"x\"}",
        "{\"a.b\":{\"c\":1},\"a\":{\"b.c\":1}}",
        "{\"a.b\":1,\"a\":{\"b\":2.5}}",
        "{,}",
    ] {
        assert_eq!(read(Args::default(), text, text).unwrap().rejects.len(), 1, "{text}");
        assert!(
            text.contains("999")
                || text.contains("a.b")
                || serde_json::from_str::<Json_>(text).is_ok_and(|v| !v.is_object())
                || serde_json::from_str::<Json_>(text).is_err()
        );
    }
    for (text, why) in [
        (deep(128), "nested deeper"),
        (nested(129), "nested deeper"),
        ("{\"a\":1".into(), "ends too early"),
        ("{\"a\":1;".into(), "at byte 7"),
    ] {
        let parsed = read(Args::default(), &text, &text).unwrap();
        assert!(parsed.rejects[0].why.contains(why), "{:?}", parsed.rejects);
    }
}

#[test]
fn the_last_of_two_equal_keys_counts_and_parts_of_an_object_are_put_together() {
    let check = |text: &str, want: &str| assert_eq!(shown(&read(Args::default(), text, text).unwrap().batch), want);
    check("{\"a.b\":1,\"a.b\":2}", "a.b int\n2");
    check("{\"a\":{\"b\":1},\"a\":{\"b\":2,\"c\":3}}", "a.b int, a.c int\n2|3");
}

#[test]
fn numbers_as_python_writes_them() {
    let text = "{\"a\":1}\n{\"a\":NaN}\n{\"a\":-Infinity}\n{\"a\":Infinity,\"l\":[NaN]}\n";
    assert_eq!(shown(&read(Args::default(), text, text).unwrap().batch), "a mixed, l text\n1|\nNaN|\n-inf|\ninf|[NaN]");
}

#[test]
fn more_keys_than_a_line_may_have_make_a_reject() {
    let line = |from: usize, to: usize| format!("{{{}}}\n", (from..to).map(|n| format!("\"k{n}\":{n}")).collect::<Vec<_>>().join(","));
    let most = Schema::MAX_FIELDS;
    let read = |text: &str| read(Args::default(), text, text).unwrap();
    let parsed = read(&line(0, most));
    assert_eq!((parsed.batch.len(), parsed.batch.schema().len(), parsed.rejects.len()), (1, most, 0));
    let parsed = read(&line(0, most + 1));
    assert_eq!((parsed.batch.len(), parsed.rejects.len()), (0, 1));
    assert_eq!(parsed.rejects[0].why, "more than 65536 different keys");
    // Beside other lines, it is nothing else.
    let parsed = read(&[line(0, 2), line(0, most + 1), line(0, 3)].concat());
    assert!(parsed.batch.len() + parsed.rejects.len() >= 1);
}

/// Objects that lie in the input in another way than one a line: what becomes of them.
fn values(text: &str) -> (Vec<String>, Vec<(u32, String)>, Option<String>) {
    let framing = Framing { at: None };
    let dialect = framing.dialect(text.as_bytes(), true).unwrap();
    let of = |bytes: &[u8]| Block { dialect, ..block(bytes) };
    let plan = Json::new(&Args::default()).plan(&of(text.as_bytes())).unwrap();
    let mut parser = plan.parser();
    let parsed = parser.parse(&of(text.as_bytes()), &Wanted::all());
    let mut nesting = super::super::continuity::Nesting::default();
    let failure = nesting.follow(parser.continuity().unwrap()).err().or(parser.failure()).map(|failure| failure.what).or(nesting.at_end());
    let rejects = parsed.rejects.iter().map(|r| (r.line + 1, String::from_utf8_lossy(r.text(text.as_bytes())).into_owned()));
    (parsed.batch.rows().map(|row| format!("{row:?}")).collect(), rejects.collect(), failure)
}

#[test]
fn objects_in_arrays_over_lines_and_side_by_side() {
    let two = || vec![r#"{"a": "1"}"#.to_owned(), r#"{"a": "2"}"#.to_owned()];
    for text in [
        "[\n{\"a\":1},\n{\"a\":2}\n]\n",
        "[{\"a\":1},{\"a\":2}]",
        "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n",
        "{\"a\":1}{\"a\":2}\n",
        "[{\"a\":1}]\n[{\"a\":2}]\n",
        "\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n",
        "{\"a\":1},\n{\"a\":2},\n",
    ] {
        assert_eq!(values(text), (two(), vec![], None), "{text:?}");
    }
    let (rows, rejects, failure) = values("[\n{\"a\":1},\nnull,\n{\"a\":,},\n{\"a\":2}\n");
    assert_eq!((rows, failure.unwrap().as_str()), (two(), "the input ends within an array: its `]` is missing"));
    assert_eq!(rejects, [(3, "null".to_owned()), (4, "{\"a\":,}".to_owned())]);
    let long = format!("[{{\"a\":1}},{{\"a\":\"{}\"}},{{\"a\":3}}]", "x".repeat(MAX_RECORD_BYTES));
    let (rows, rejects, failure) = values(&long);
    assert_eq!((rows.len(), rejects.len()), (1, 0));
    assert!(failure.unwrap().contains("an object of more than 1048576 bytes"));
}

#[test]
fn bytes_that_are_not_utf8_pass() {
    let text = b"{\"a\":\"x\xffy\",\"k\xff\":1}\n";
    let plan = Json::new(&Args::default()).plan(&block(text)).unwrap();
    let parsed = plan.parser().parse(&block(text), &Wanted::all());
    assert_eq!(parsed.batch.row(0).get("a"), Some(Value::Text(b"x\xffy")));
    assert_eq!(parsed.batch.row(0).get("k\u{fffd}"), Some(Value::Int(1)));
}

/// What the oracle makes of a line, flat.
fn flat(prefix: &str, value: &Json_, into: &mut Vec<(String, Json_)>) {
    let Json_::Object(object) = value else { panic!() };
    for (key, value) in object {
        let path = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
        if value.is_object() { flat(&path, value, into) } else { into.push((path, value.clone())) }
    }
}

fn json_of(value: Value<'_>, was: &Json_) -> Json_ {
    match value {
        Value::Null => Json_::Null,
        Value::Bool(b) => json!(b),
        Value::Int(n) => json!(n),
        Value::Float(n) => json!(n),
        Value::Text(text) if was.is_array() => serde_json::from_slice(text).unwrap(),
        Value::Text(text) => json!(std::str::from_utf8(text).unwrap()),
        Value::Time(_) => panic!(),
    }
}

fn any_object() -> impl Strategy<Value = Json_> {
    let leaf = prop_oneof![
        Just(Json_::Null),
        any::<bool>().prop_map(|b| json!(b)),
        any::<i64>().prop_map(|n| json!(n)),
        proptest::num::f64::NORMAL.prop_map(|n| json!(n)),
        ".{0,8}".prop_map(|s| json!(s)),
    ];
    let value = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Json_::Array),
            proptest::collection::btree_map("[a-z\"\\\\é]{1,3}", inner, 0..4).prop_map(|m| Json_::Object(m.into_iter().collect())),
        ]
    });
    proptest::collection::btree_map("[a-z\"\\\\é]{1,3}", value, 0..5).prop_map(|m| Json_::Object(m.into_iter().collect()))
}

proptest! {
    #[test]
    fn records_are_what_the_oracle_reads(object in any_object(), spaces in 0..2) {
        let text = if spaces == 0 { object.to_string() } else { serde_json::to_string_pretty(&object).unwrap().replace('\n', "\t") };
        let parsed = read(Args::default(), &text, &text).unwrap();
        let mut want = Vec::new();
        flat("", &object, &mut want);
        prop_assert_eq!(parsed.rejects.len(), 0, "{}", text);
        prop_assert_eq!(parsed.batch.schema().names().collect::<Vec<_>>(), want.iter().map(|(k, _)| k.as_str()).collect::<Vec<_>>());
        for ((_, want), value) in want.iter().zip(parsed.batch.row(0).values()) {
            prop_assert_eq!(&json_of(value, want), want, "{}", text);
        }
    }

    #[test]
    fn what_the_oracle_refuses_is_a_reject(object in any_object(), at: prop::sample::Index, byte in prop::sample::select(&b"{}[]\",:x0-.e \\"[..])) {
        let mut text = object.to_string().replace(['é'], "e").into_bytes();
        let place = at.index(text.len());
        text[place] = byte;
        let Ok(text) = String::from_utf8(text) else { return Ok(()) };
        let ours = read(Args::default(), &text, &text).unwrap().rejects.is_empty();
        let theirs = serde_json::from_str::<Json_>(&text).is_ok_and(|value| value.is_object());
        prop_assert!(ours == theirs, "{}", text);
    }

    #[test]
    fn however_it_is_cut_it_gives_the_same_records(picks in proptest::collection::vec((0..6_usize, any::<bool>()), 1..20)) {
        const LINES: [&str; 6] = ["{\"a\":1}", "{\"a\":2,\"b\":\"x\\n\"}", "{\"b\":5}", "", "bad", "{\"b\":\"y\",\"a\":null}"];
        let text: String = picks.iter().map(|(pick, _)| format!("{}\n", LINES[*pick])).collect();
        let first = format!("{}\n{}\n", LINES[0], LINES[1]);
        let rows = |parsed: &Parsed| parsed.batch.rows().map(|r| format!("{:?}{:?}", r.get("a"), r.get("b"))).collect::<Vec<_>>();
        let mut json = Json::new(&Args::default());
        json.sample(&block(first.as_bytes())).unwrap();
        let plan = json.plan(&block(first.as_bytes())).unwrap();
        let mut parser = plan.parser();
        let whole = parser.parse(&block(text.as_bytes()), &Wanted::all());
        let (mut pieces, mut rejects, mut piece) = (Vec::new(), 0, String::new());
        for (pick, cut) in picks.iter().chain([&(3, true)]) {
            piece += &format!("{}\n", LINES[*pick]);
            if *cut {
                let parsed = parser.parse(&block(std::mem::take(&mut piece).as_bytes()), &Wanted::all());
                pieces.extend(rows(&parsed));
                rejects += parsed.rejects.len();
            }
        }
        prop_assert_eq!((rows(&whole), whole.rejects.len()), (pieces, rejects));
    }
}

/// A value as it may be written, and some that are none.
fn any_written() -> impl Strategy<Value = String> {
    const PLAIN: [&str; 12] =
        ["null", "true", "false", "-0", "0", "1.5e3", "NaN", "-Infinity", "[]", "[1,[\"]\"],{\"a\":[]}]", "\"\"", "123456789012345678"];
    const ODD: [&str; 12] = [
        "1234567890123456789",
        "9223372036854775808",
        "01",
        "1.",
        "tru",
        "\"\\u00e9\\n\"",
        "\"\\x\"",
        "\"\\\"\"",
        "\"open",
        "{}",
        "{\"n\":1}",
        "1e999",
    ];
    prop_oneof![
        8 => prop::sample::select(&PLAIN[..]).prop_map(str::to_owned),
        1 => prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        6 => (0..1000_i64).prop_map(|n| n.to_string()),
        6 => "[a-z\té]{0,40}".prop_map(|text| format!("\"{text}\"")),
    ]
}

/// Lines of which many have the same bytes between their values.
fn alike() -> impl Strategy<Value = Vec<String>> {
    const LAYOUTS: [[&str; 5]; 6] = [
        ["{\"a\":", ",\"b\":", ",\"c\":", ",\"d\":", "}"],
        ["{\"a\":", ",\"b\":{\"x\":", ",\"y\":", "},\"d\":", "}"],
        [" { \"d\" : ", " , \"c\"\t: ", ",\"b\":", ",\"a\":", "} "],
        ["{\"a\":", ",\"a\":", ",\"b\":", ",\"b.x\":", "}"],
        ["{\"a much longer key than others\":", ",\"\\u0061\":", ",\"o\":{},\"c\":", ",\"d\":", "}"],
        ["{\"a\":", ",\"new\":", ",\"c\":", ",\"d\":", "}x"],
    ];
    let line = (prop::sample::select(&[0, 0, 0, 0, 1, 1, 2, 3, 4, 5][..]), proptest::collection::vec(any_written(), 4));
    let text = |(layout, values): (usize, Vec<String>)| {
        let parts = LAYOUTS[layout].iter().zip(values.iter().map(String::as_str).chain([""]));
        parts.flat_map(|(between, value)| [*between, value]).collect::<String>()
    };
    proptest::collection::vec(line.prop_map(text), 1..80)
}

proptest! {
    /// The first object of a block is never read by the layout of another.
    #[test]
    fn objects_that_are_written_alike_are_what_each_is_by_itself(lines in alike(), what in 0..4) {
        let args = match what {
            1 => Args { casts: vec![("a".to_owned(), Type::Text), ("b.x".to_owned(), Type::Text)], ..Args::default() },
            2 => Args { fields: Some(["d".to_owned(), "b.x".to_owned()].into()), ..Args::default() },
            _ => Args::default(),
        };
        let wanted = if what == 3 { Wanted::only(vec!["a".into(), "new".into(), "b.y".into()]) } else { Wanted::all() };
        let first = "{\"a\":1,\"b\":{\"x\":1},\"c\":\"x\",\"d\":null}\n";
        let mut json = Json::new(&args);
        json.sample(&block(first.as_bytes())).unwrap();
        let plan = json.plan(&block(first.as_bytes())).unwrap();
        let rows = |parsed: &Parsed| {
            let names = ["a", "b", "b.x", "b.y", "c", "d", "new", "b.n", "n", "a much longer key than others"];
            let row = |row: recpipe::Row<'_>| format!("{:?}", names.map(|name| row.get(name).filter(|value| *value != Value::Null)));
            parsed.batch.rows().map(row).collect::<Vec<_>>()
        };
        let whole = plan.parser().parse(&block(lines.join("\n").as_bytes()), &wanted);
        let each: Vec<Parsed> = lines.iter().map(|line| plan.parser().parse(&block(line.as_bytes()), &wanted)).collect();
        prop_assert_eq!(rows(&whole), each.iter().flat_map(rows).collect::<Vec<_>>());
        let why = |parsed: &Parsed| parsed.rejects.iter().map(|reject| reject.why.to_string()).collect::<Vec<_>>();
        prop_assert_eq!(why(&whole), each.iter().flat_map(why).collect::<Vec<_>>());
    }
}

#[test]
fn a_usual_object_is_read_by_the_layout_of_the_one_before() {
    let block = b"{\"a\":1,\"b\":\"x\"}\n{\"a\":22,\"b\":\"y\"}\n{\"b\":1}\n{\"a\":3,\"b\":null}\n{\"b\":2}\n";
    let mut keys = Keys::new(Names::of_samples(&Args::default()), LINES);
    let (_, _, rejects) = Keys::parse(&mut keys, block, &Wanted::all());
    assert_eq!((rejects.len(), keys.open.table.rows(), keys.usual.read_so_far()), (0, 5, 3));
}
