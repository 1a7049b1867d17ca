//! The limits of the formats: what is beyond one is refused in good time and by name, and what came before it counts.
//!
//! Those that need no run have their tests beside the code: depth in `json/scan.rs`, entities and depth in `xml/`, record sizes and
//! counts in `struct_/layout.rs`, stacks and numbers of pickles in `pickle/machine.rs`, windows of compressed data in `input/open.rs`.

use std::fmt::Write;

use crate::harness::{run, run_on};

/// The longest record, the most fields, the longest name of one.
const MIB: usize = 1 << 20;
const FIELDS: usize = 65_536;
const NAME: usize = 4096;

/// A pickled dict with this key and value, in protocol 4.
fn pickled(key: &str, value: &[u8]) -> Vec<u8> {
    [b"\x80\x04}X", &(key.len() as u32).to_le_bytes()[..], key.as_bytes(), value, b"s."].concat()
}

/// A text of this length, as an opcode.
fn text(len: usize) -> Vec<u8> {
    [b"B", &(len as u32).to_le_bytes()[..], &vec![b'x'; len]].concat()
}

#[test]
fn a_record_of_more_than_a_mebibyte_is_one_reject_and_reading_goes_on() {
    let check = |args: &[&str], field: &str, data: &dyn Fn(&str) -> String, sizes: [usize; 2], place: &str| {
        let [fits, beyond] = sizes.map(|len| "x".repeat(len));
        assert_eq!(run_on(args, data(&fits).as_bytes()).exits(0).quietly().stream().len(), 3);
        let outcome = run_on(args, data(&beyond).as_bytes()).exits(0).says(&format!("1 {}", place));
        assert_eq!(outcome.says("longer than 1048576 bytes").stream().field(field), ["1", "3"]);
    };
    let json = |value: &str| format!("{{\"a\":1,\"t\":\"\"}}\n{{\"a\":2,\"t\":\"{value}\"}}\n{{\"a\":3,\"t\":\"\"}}\n");
    check(&["json"], "a", &json, [MIB - 14, MIB - 13], "object rejected, first: (stdin):line 2");
    let csv = |value: &str| format!("a,t\n1,\n2,\"{value}\"\n3,\n");
    check(&["csv"], "a", &csv, [MIB - 5, MIB - 3], "row rejected, first: (stdin):line 3");
    let xml = |value: &str| format!("<l><b><a>1</a></b><b><a>2</a><t>{value}</t></b><b><a>3</a></b></l>");
    check(&["xml", "b"], "a", &xml, [MIB - 22, MIB], "record rejected, first: (stdin):record 2");
    let lines = |value: &str| format!("1\n{value}\n3\n");
    check(&["lines"], "line", &lines, [MIB, MIB + 1], "line rejected, first: (stdin):line 2");
}

#[test]
fn a_pickle_of_more_than_a_mebibyte_ends_the_reading() {
    let around = pickled("a", b"B\0\0\0\0").len();
    // Wherever in a block it lies: also where so much more is read that its end is seen.
    for before in [0, 1, 500_000] {
        for after in [0, 2_000_000] {
            let data = |len: usize| {
                let small = pickled("a", b"B\x01\0\0\0x");
                [small.repeat(before / small.len() + 1), pickled("a", &text(len - around)), small.repeat(after / small.len())].concat()
            };
            let records = |len: usize, exit| run_on(&["pickle"], &data(len)).exits(exit).stream().len();
            let small = pickled("a", b"B\x01\0\0\0x").len();
            assert_eq!(records(MIB, 0), before / small + 2 + after / small);
            for len in [MIB + 1, MIB + 300_000, 2 * MIB - 600_000] {
                assert_eq!(records(len, 3), before / small + 1, "{len} bytes after {before}, before {after}");
            }
        }
    }
}

#[test]
fn a_record_has_so_many_fields_with_names_so_long() {
    let names = |count: usize| (0..count).map(|n| format!("f{n}")).collect::<Vec<_>>();
    let rejected = |format: &str, most: &[u8], beyond: &[u8], what: &str| {
        let stream = run_on(&[format, "--max-errors", "100%"], most).exits(0).quietly().stream();
        assert_eq!(stream.len(), 1, "{format}");
        let outcome = run_on(&[format, "--max-errors", "100%"], &[beyond, most].concat()).exits(0);
        assert_eq!(outcome.says("1 ").says(what).stream().len(), 1, "{format}");
    };
    let json = |count| format!("{{{}}}\n", names(count).iter().map(|name| format!("\"{name}\":1")).collect::<Vec<_>>().join(","));
    rejected("json", json(FIELDS).as_bytes(), json(FIELDS + 1).as_bytes(), "more than 65536 different keys");
    let json = |len| format!("{{\"{}\":{{\"b\":1}}}}\n", "x".repeat(len - 2));
    rejected("json", json(NAME).as_bytes(), json(NAME + 1).as_bytes(), "a key of more than 4096 bytes");
    let pickle = |count| {
        let pairs: Vec<u8> = names(count).iter().flat_map(|name| [b"U", &[name.len() as u8][..], name.as_bytes(), b"N"].concat()).collect();
        [b"}(", &pairs[..], b"u."].concat()
    };
    rejected("pickle", &pickle(FIELDS), &pickle(FIELDS + 1), "more than 65536 fields");
    rejected("pickle", &pickled(&"x".repeat(NAME), b"N"), &pickled(&"x".repeat(NAME + 1), b"N"), "too long or not UTF-8");

    // Where the header says what the fields are, and where nothing after a malformed record is read.
    let csv = |count| format!("{}\n{}\n", names(count).join(","), vec!["1"; count].join(","));
    assert_eq!(run_on(&["csv"], csv(FIELDS).as_bytes()).exits(0).stream().len(), 1);
    run_on(&["csv"], csv(FIELDS + 1).as_bytes()).exits(2).says("65537 fields; the limit is 65536");
    assert_eq!(run_on(&["csv", "--fields", "f70000"], csv(75_000).as_bytes()).exits(0).stream().field("f70000"), ["1"]);
    run_on(&["csv"], format!("{}\n1\n", "x".repeat(NAME + 1)).as_bytes()).exits(2).says("a field name of 4097 bytes; the limit is 4096");
    let xml = |count| format!("<b>{}</b>", names(count).iter().map(|name| format!("<{name}/>")).collect::<String>());
    assert_eq!(run_on(&["xml", "b"], xml(FIELDS).as_bytes()).exits(0).stream().len(), 1);
    run_on(&["xml", "b"], xml(FIELDS + 1).as_bytes()).exits(1).says("more than 65536 fields");
    let xml = |depth: usize| format!("<l><b/><b>{}{}</b></l>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1));
    assert_eq!(run_on(&["xml", "b"], xml(128).as_bytes()).exits(0).stream().len(), 2);
    assert_eq!(run_on(&["xml", "b"], xml(129).as_bytes()).exits(1).says("nested deeper than 128").stream().len(), 1);
    let xml = |count| format!("<b{}/>", names(count).iter().map(|name| format!(" {name}=''")).collect::<String>());
    assert_eq!(run_on(&["xml", "b"], xml(1000).as_bytes()).exits(0).stream().len(), 1);
    run_on(&["xml", "b"], xml(1001).as_bytes()).exits(1).says("more than 1000");
    assert_eq!(run_on(&["struct", "<65536B"], &[7; FIELDS]).exits(0).stream().len(), 1);
}

#[test]
fn a_name_that_stands_often_is_numbered_in_good_time() {
    let names = 250_000;
    let header = "a,".repeat(names - 1) + "a\n" + &"1,".repeat(names - 1) + "1\n";
    let last = format!("a_{names}");
    assert_eq!(run_on(&["csv", "--fields", &last], header.as_bytes()).exits(0).stream().field(&last), ["1"]);
}

#[test]
fn one_record_of_many_fields_does_not_make_the_small_ones_around_it_large() {
    // Thousands of fields times a hundred thousand records would be gigabytes.
    let data = |wide: &[u8], small: &[u8]| [wide, &small.repeat(8000)].concat();
    let check = |args: &[&str], wide: &[u8], small: &[u8], exit: i32| {
        let data = data(wide, small);
        let outcome = run_on(&[args, &["--max-errors", "100%"]].concat(), &data).exits(exit).says("too many different ");
        assert!((4096..8000).contains(&outcome.stream().len()), "{args:?}");
    };
    let mut json = String::from("{");
    (0..4000).for_each(|n| write!(json, "\"{n}\":1,").unwrap());
    let json = data((json + "\"x\":1}\n").as_bytes(), b"{}\n");
    assert_eq!(run_on(&["json"], &json).exits(0).quietly().stream().len(), 8001, "several batches");
    let pairs: Vec<u8> = (0..4000).flat_map(|n: u16| [b'U', 2, b'A' + (n >> 6) as u8, b'0' + (n & 63) as u8, b'N']).collect();
    let pickles = data(&[b"}(", &pairs[..], b"u."].concat(), b"}.");
    assert_eq!(run_on(&["pickle"], &pickles).exits(0).quietly().stream().len(), 8001, "several batches");
    let mut xml = String::from("<b>");
    (0..4000).for_each(|n| write!(xml, "<f{n}/>").unwrap());
    check(&["xml", "b"], (xml + "</b>").as_bytes(), b"<b/>", 1);
}

#[test]
fn a_text_that_a_pickle_names_again_and_again_is_not_copied_each_time() {
    // One text of half a mebibyte in a thousand fields.
    let keys = |get: &[u8]| {
        (0..1000_u16).flat_map(|n| [&[b'U', 2, b'A' + (n >> 6) as u8, b'0' + (n & 63) as u8], get].concat()).collect::<Vec<u8>>()
    };
    let long = "x".repeat(500_000);
    let own = [b"}(U\x01kV", long.as_bytes(), b"\np0\n", &keys(b"g0\n"), b"u."].concat();
    let viewed = [b"}(U\x01k", &text(500_000)[..], b"q\0", &keys(b"h\0"), b"u."].concat();
    for hostile in [own, viewed] {
        let outcome =
            run_on(&["pickle", "--max-errors", "9"], &[pickled("k", b"U\x01x"), hostile, pickled("k", b"U\x01y")].concat()).exits(0);
        assert_eq!(outcome.says("the same texts again and again").stream().field("k"), ["x", "y"]);
    }
}

#[test]
fn small_pickles_that_remember_a_thing_by_a_large_number_cost_little() {
    let hostile = b"}r\xff\xff\x03\0.".repeat(60_000);
    assert_eq!(run_on(&["pickle"], &hostile).exits(0).quietly().stream().len(), 60_000);
}

#[test]
fn values_below_a_long_key_that_nobody_asked_for_cost_little() {
    let line = format!("{{\"a\":0}}\n{{\"a\":1,\"{}\":{{{}\"z\":1}}}}\n", "x".repeat(400_000), "\"b\":1,".repeat(80_000));
    assert_eq!(run_on(&["json", "--fields", "a"], line.as_bytes()).exits(0).quietly().stream().field("a"), ["0", "1"]);
}

#[test]
fn entities_of_a_document_type_do_not_grow() {
    let lol: String = (1..10).map(|n| format!("<!ENTITY l{n} \"{}\">", format!("&l{};", n - 1).repeat(10))).collect();
    let doc = format!(
        "<!DOCTYPE l [<!ENTITY l0 \"lol\">{lol}<!ENTITY x SYSTEM \"file:///etc/passwd\">]><l><b><n>1</n></b><b><n>&l9;</n></b></l>"
    );
    let outcome = run_on(&["xml", "b"], doc.as_bytes()).exits(1).says("the entity `&l9;` is not known: document types are not read");
    assert_eq!(outcome.stream().field("n"), ["1"]);
    let fetched = run_on(&["xml", "b"], doc.replace("&l9;", "&x;").as_bytes()).exits(1).says("the entity `&x;` is not known");
    assert_eq!(fetched.stream().field("n"), ["1"]);
}

#[test]
fn records_of_a_struct_are_no_longer_than_a_block_holds() {
    for format in ["<262145s", "<99999999999999999999B", "<200000s200000s", "<70000B"] {
        run(&["struct", format]).exits(2).says(format);
    }
    assert_eq!(run_on(&["struct", "<262144s"], &[b'x'; 3 << 18]).exits(0).quietly().stream().len(), 3);
}
