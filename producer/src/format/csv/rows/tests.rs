//! Rows, beside those of the oracle, and however they are cut.

use super::super::delimited::{CSV, TSV};
use super::*;
use crate::input::boundary::Boundary;
use proptest::prelude::*;

/// The rows that are not blank, in our way.
fn ours(kind: Delimited, text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let mut rows = Vec::new();
    Rows::default().read(kind, text, |row| {
        if !row.is_blank() {
            rows.push(if row.torn.is_some() {
                vec![[b"torn ", &text[row.start..row.end]].concat()]
            } else {
                row.fields.iter().map(|field| field_text(kind, text, *field)).collect()
            });
        }
    });
    rows
}

/// The rows, as the oracle reads them.
fn theirs(text: &[u8]) -> Vec<Vec<Vec<u8>>> {
    use csv_core::{ReadRecordResult, ReaderBuilder, Terminator};
    let mut reader = ReaderBuilder::new().terminator(Terminator::Any(b'\n')).build();
    let (mut rows, mut rest, mut out, mut ends) = (Vec::new(), text, vec![0; text.len() + 1], vec![0; text.len() + 2]);
    loop {
        let (mut outlen, mut endlen) = (0, 0);
        loop {
            let (result, read, wrote, ended) = reader.read_record(rest, &mut out[outlen..], &mut ends[endlen..]);
            rest = &rest[read..];
            outlen += wrote;
            endlen += ended;
            match result {
                ReadRecordResult::End => return rows,
                ReadRecordResult::Record => break,
                _ => {}
            }
        }
        let mut start = 0;
        rows.push(ends[..endlen].iter().map(|&end| out[std::mem::replace(&mut start, end)..end].to_vec()).collect());
    }
}

fn check(kind: Delimited, text: &str, want: &[&[&str]]) {
    let rows: Vec<Vec<String>> =
        ours(kind, text.as_bytes()).iter().map(|r| r.iter().map(|f| String::from_utf8_lossy(f).into_owned()).collect()).collect();
    assert_eq!(rows, want, "{text:?}");
}

#[test]
fn rows_of_csv() {
    let check = |text: &str, want: &[&[&str]]| check(CSV, text, want);
    check("", &[]);
    check("a,b\n1,2", &[&["a", "b"], &["1", "2"]]);
    check("a,b\r\n\r\n\n,\r\n", &[&["a", "b"], &["", ""]]);
    check("1,\"x, \"\"y\"\"\nz\"\n2,\"\"\n", &[&["1", "x, \"y\"\nz"], &["2", ""]]);
    check("\"a\",\"b\"\r\n\"c\"\r", &[&["a", "b"], &["c"]]);
    check("\"a\r\",b\r\n", &[&["a\r", "b"]]);
    check("5\" pipe,a\"b\"\n", &[&["5\" pipe", "a\"b\""]]);
    check("\"\"\n\"\"\"\"\n", &[&[""], &["\""]]);
    check("a\rb,c\n", &[&["a\rb", "c"]]);
    // Blanks before a quote.
    check("a, \"p\"\n  \"q, r\" , s\n", &[&["a", "p"], &["torn   \"q, r\" , s"]]);
    check("  \"q, r\", s\na,  \" x\"\"\"\r\n", &[&["q, r", " s"], &["a", " x\""]]);
}

#[test]
fn a_torn_row_is_one_line() {
    let check = |text: &str, want: &[&[&str]]| check(CSV, text, want);
    check("a,\"b\nc,d\n", &[&["torn a,\"b"], &["c", "d"]]);
    check("a,\"\"\"\n", &[&["torn a,\"\"\""]]);
    check("\"x\"y\"z,1\r\n2,3\n", &[&["torn \"x\"y\"z,1"], &["2", "3"]]);
    check("1,\"Alpha\n2,Beta\n3,\"Gamma\n4,Delta\n", &[&["torn 1,\"Alpha"], &["2", "Beta"], &["torn 3,\"Gamma"], &["4", "Delta"]]);
    // The lines of the fields before it go with it.
    check("\"a\nb\",\"c\nd\n", &[&["torn \"a\nb\",\"c"], &["d"]]);
    check("\"a\"\rb\n", &[&["torn \"a\"\rb"]]);
}

#[test]
fn rows_of_tsv() {
    let check = |text: &str, want: &[&[&str]]| check(TSV, text, want);
    check("a\tb\r\n\"x\ty\"\n", &[&["a", "b"], &["\"x", "y\""]]);
    check("\\t\\n\\r\\\\\t\\q\\\n", &[&["\t\n\r\\", "\\q\\"]]);
    check("C:\\\\temp\\\\new\t", &[&["C:\\temp\\new", ""]]);
}

#[test]
fn a_delimiter_that_cannot_be_marked_fast() {
    let colon = Delimited::quoting(b':');
    assert!(colon.marked.is_none());
    check(colon, "a:\"b:c\"\n:\n", &[&["a", "b:c"], &["", ""]]);
    check(Delimited::quoting(b' '), "a \"b c\"\n", &[&["a", "b c"]]);
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => Just(b'a'), 3 => Just(b','), 5 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(0), 1 => Just(0xff), 1 => Just(b'\r'), 1 => Just(b' ')
    ];
    proptest::collection::vec(byte, 0..80)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn where_all_quotes_are_closed_they_are_what_the_oracle_reads(
        fields in proptest::collection::vec(proptest::collection::vec(proptest::collection::vec(
            prop_oneof![4 => Just(b'a'), 3 => Just(b','), 4 => Just(b'"'), 3 => Just(b'\n'), 1 => Just(0)], 0..8), 1..4), 0..10),
        quoted in any::<u32>(),
        pad in 0..3_usize,
    ) {
        let mut text = b"x,y\n".repeat(pad * (STRIP_BYTES / 8 - 1));
        for (i, row) in fields.iter().enumerate() {
            for (j, field) in row.iter().enumerate() {
                text.extend_from_slice(if j > 0 { b"," } else { b"" });
                let must = field.first() == Some(&b'"') || field.iter().any(|byte| b",\n".contains(byte)) || row.len() == 1;
                if must || quoted >> ((i + j) % 32) & 1 == 1 {
                    text.push(b'"');
                    field.iter().for_each(|&byte| text.extend_from_slice(if byte == b'"' { b"\"\"" } else { std::slice::from_ref(match byte { b'a' => &b'a', b',' => &b',', b'\n' => &b'\n', _ => &0 }) }));
                    text.push(b'"');
                } else {
                    text.extend_from_slice(field);
                }
            }
            text.push(b'\n');
        }
        prop_assert_eq!(ours(CSV, &text), theirs(&text));
    }

    #[test]
    fn a_boundary_is_between_rows(text in text(), pad in 0..2_usize) {
        let text = [&b"x,y\n".repeat(pad * (STRIP_BYTES / 4 - 1))[..], &text].concat();
        let (mut ends, mut at) = (Vec::new(), 0);
        while let Some(end) = CSV.first_end(&text[at..], 0) {
            at += end;
            ends.push(at);
        }
        prop_assert_eq!(CSV.last_end(&text), ends.last().copied());
        let (mut whole, mut from) = (Vec::new(), 0);
        for end in ends.into_iter().chain([text.len()]) {
            prop_assert!(end == text.len() || CSV.end_in_block(&text[from..]) == end - from);
            whole.extend(ours(CSV, &text[from..end]));
            from = end;
        }
        prop_assert_eq!(whole, ours(CSV, &text));
    }
}
