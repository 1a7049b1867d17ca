//! The inputs of each format that the law is held against.

use proptest::prelude::*;

use super::*;

const CELLS: &[&str] = &[
    "",
    "1",
    "-7",
    "0",
    "01",
    "2.5",
    "1e5",
    "1e+5",
    ".5",
    "x",
    "NA",
    "18446744073709551616",
    "-0",
    "\"q\"",
    "\"a,\n\"\"b\"",
    " 1",
    "170141183460469231731687303715884105728",
    "12:30",
];

/// Rows of a few cells, most of them as many as the header has.
fn table(delimiter: &'static str) -> impl Strategy<Value = Vec<u8>> {
    let cell = prop_oneof![3 => prop::sample::select(&CELLS[..6]), 1 => prop::sample::select(CELLS)];
    let row = (prop::collection::vec(cell, 3), 0_u8..20, prop_oneof![9 => Just("\n"), 1 => Just("\r\n")]);
    (prop::sample::select(vec!["a", "a,b", "a,b,c", "b,,b"]), prop::collection::vec(row, 0..12), any::<bool>()).prop_map(
        move |(header, rows, ends)| {
            let columns = header.split(',').count();
            let mut text = format!("{}\n", header.replace(',', delimiter));
            for (cells, kind, end) in rows {
                let cells = match kind {
                    0 => &cells[..0],
                    1 => &cells[..3 - columns.min(2)],
                    _ => &cells[..columns],
                };
                text += &format!("{}{end}", cells.join(delimiter));
            }
            if !ends {
                text.pop();
            }
            text.into_bytes()
        },
    )
}

#[test]
fn csv_and_tsv() {
    Case::new("csv", &[]).hold(table(","));
    Case::new("tsv", &[]).hold(table("\t"));
}

#[test]
fn tables_that_have_to_be_looked_at_first() {
    let before = prop::sample::select(vec!["", "# made by a program\n", "# a, b\n# c; d; e; f\n"]);
    let row = (prop::collection::vec(prop::sample::select(CELLS), 2), any::<bool>());
    // Each row may end with a delimiter too many, or all do.
    let all = (before, prop::sample::select(vec![",", ";", "\t"]), any::<bool>(), prop::collection::vec(row, 0..12));
    let text = all.prop_map(|(before, delimiter, trails, rows)| {
        let end = |too_many| if too_many { format!("{delimiter}\n") } else { "\n".to_owned() };
        let rows: String = rows.iter().map(|(cells, too)| cells.join(delimiter) + &end(trails || *too)).collect();
        format!("{before}a{delimiter}b\n{rows}").into_bytes()
    });
    Case::new("csv", &[]).hold(text);
}

#[test]
fn regex() {
    Case::new("regex", &["^(?P<a>[^,]*)(,(?P<b>.*))?$"]).hold(table(","));
}

#[test]
fn json() {
    const VALUES: &[&str] = &[
        "null",
        "1",
        "-2",
        "2.5",
        "true",
        "\"\"",
        "\"x\\n\"",
        "[1, 2]",
        "18446744073709551616",
        "1e400",
        "{\"e\":1}",
        "{\"e\":\"\"}",
        "01",
        "9999999999999999999999999999999999999999",
        "{}",
    ];
    let member = (
        prop::sample::select(vec!["a", "b", "c", "d.e", "d"]),
        prop_oneof![3 => prop::sample::select(&VALUES[..4]), 2 => prop::sample::select(VALUES)],
    );
    let line = prop_oneof![
        12 => prop::collection::vec(member, 0..4).prop_map(|members| {
            let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        }),
        1 => Just(String::new()),
        1 => Just("junk".to_owned()),
    ];
    let lines = (prop::collection::vec(line, 0..12), any::<bool>());
    Case::new("json", &[]).hold(lines.prop_map(|(lines, ends)| (lines.join("\n") + if ends { "\n" } else { "" }).into_bytes()));
}

#[test]
fn json_in_arrays_over_lines_and_side_by_side() {
    let objects = vec![
        "{\"a\":1}",
        "{\n  \"a\": \"x\",\n  \"b\": [1,\n {}]\n}",
        "{}",
        "{\"c\":{\"d\":2.5}}",
        "{\"a\":,}",
        "junk",
        "{\n\"a\": tru\n}",
    ];
    let between = prop::sample::select(vec!["", "\n", ",\n", " ", "\n\n"]);
    let values = prop::collection::vec((prop::sample::select(objects), between), 1..10);
    let all = (any::<bool>(), values).prop_map(|(is_array, values)| {
        let text: String = values.iter().map(|(object, between)| format!("{object}{between}")).collect();
        if is_array { format!("[{{\n}},{text}]\n") } else { format!("{{\n}}{text}") }.into_bytes()
    });
    Case::new("json", &[]).hold(all);
}

#[test]
fn pickle() {
    const VALUES: &[&[u8]] = &[
        b"N",
        b"K\x07",
        b"J\xff\xff\xff\xff",
        b"\x88",
        b"G?\xf8\0\0\0\0\0\0",
        b"U\x01x",
        b"U\0",
        b"\x8a\x09\0\0\0\0\0\0\0\x80\0",
        b"\x8a\x11\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01",
        b"]",
        b"}",
    ];
    let pair = (prop::sample::select(vec![&b"U\x01a"[..], b"U\x01b", b"U\x02cc", b"K\x01"]), prop::sample::select(VALUES));
    let pickle = prop_oneof![
        12 => prop::collection::vec(pair, 0..4).prop_map(|pairs| {
            let pairs: Vec<u8> = pairs.iter().flat_map(|(key, value)| [*key, *value].concat()).collect();
            [b"}(", &pairs[..], b"u."].concat()
        }),
        1 => Just(b"N.".to_vec()),
    ];
    Case::new("pickle", &[]).hold(prop::collection::vec(pickle, 0..12).prop_map(|pickles| pickles.concat()));
}

#[test]
fn xml() {
    let child =
        prop::sample::select(vec!["<a>1</a>", "<a/>", "<b>x &amp; y</b>", "<b>02</b>", "<c><d>5</d></c>", "text", " ", "<!-- </r> -->"]);
    let tag = prop::sample::select(vec!["<r>", "<r id='7'>", "<r a='>'>"]);
    let record = (tag, prop::collection::vec(child, 0..4)).prop_map(|(tag, children)| format!("{tag}{}</r>", children.concat()));
    let all = prop::collection::vec((record, prop::sample::select(vec!["", "\n", "<other/>"])), 0..10);
    let text = all.prop_map(|records| records.iter().map(|(record, after)| format!("{record}{after}")).collect::<String>().into_bytes());
    Case::new("xml", &["r"]).hold(text);
}

#[test]
fn binary_records() {
    // Whole ones: that an input ends within a record is said of each input, and where it has no whole record that is a reject.
    let record = prop::collection::vec(prop_oneof![Just(0_u8), Just(0xff), any::<u8>()], 9);
    Case::new("struct", &["<Qb"]).hold(prop::collection::vec(record, 0..14).prop_map(|records| records.concat()));
}

#[test]
fn lines() {
    Case::new("lines", &[]).hold(table(","));
}

#[test]
fn a_field_that_comes_late_is_there_from_then_on() {
    let case = Case::new("json", &[]);
    let filler = "{\"a\":1,\"filler\":\"a line among many\"}\n".repeat(BLOCK_BYTES / 30);
    let made = Made::whole(format!("{filler}{filler}{{\"late\":5,\"a\":\"x\"}}\n{filler}").as_bytes());
    let read = |block_bytes, threads| case.read(vec![made.clone().file()], block_bytes, threads);
    let one = read(BLOCK_BYTES, 1);
    assert_eq!(one.fields, ["a int", "filler text"]);
    assert_eq!(one.records.iter().filter(|record| record.contains(&"late=Int(5)".to_owned())).count(), 1);
    assert_eq!(read(BLOCK_BYTES, 3), one);
    assert_eq!(read(100_000, 2), one);
}

#[test]
fn keys_without_end_have_room() {
    let case = Case::new("json", &[]);
    // So long that the sample has no more than these.
    let first = format!("{{\"id\":1,\"filler\":\"{}\"}}\n", "x".repeat(10_000)).repeat(BLOCK_BYTES / 10_000 + 1);
    let keys: String = (0..5000).map(|n| format!("{{\"id\":2,\"key{n}\":{n}}}\n")).collect();
    // A block a line.
    let answer = case.read(vec![Made::whole(format!("{first}{keys}").as_bytes()).file()], 1, 2);
    assert_eq!(answer.exit, 0);
    let of_keys = &answer.records[BLOCK_BYTES / 10_000 + 1..];
    assert_eq!(of_keys.len(), 5000);
    assert!(of_keys.iter().enumerate().all(|(n, record)| *record == ["id=Int(2)".to_owned(), format!("key{n}=Int({n})")]));
}
