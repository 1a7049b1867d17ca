//! The fast ways held against the pattern, on generated lines.

use super::*;
use crate::format::Wanted;
use crate::format::apache::{FIELDS, regex, schema};
use crate::simd::pattern::Scan;
use bytes::Bytes;
use proptest::prelude::*;
use recpipe::record::Origin;

/// All fields, and some choices of them, of which the request's words are read or not.
fn choices() -> [[bool; FIELDS.len()]; 6] {
    let only = |fields: &[usize]| std::array::from_fn(|field| fields.contains(&field));
    [[true; FIELDS.len()], only(&[8]), only(&[0, 7]), only(&[3, 5, 10]), only(&[4, 7, 8, 13]), only(&[])]
}

/// The records of `block` as text, rejects as `!line`: by the patterns, by the marks and, as the oracle, by the regular expression alone.
fn all_ways(block: &[u8], fields: &[bool; FIELDS.len()]) -> [Vec<String>; 3] {
    let usual = Usual::both(fields).unwrap();
    let (mut by_patterns, mut by_marks, mut slow) = (Columns::default(), Columns::default(), Columns::default());
    let fast = |columns: &mut Columns, usual: Option<&[Usual; 2]>| {
        let mut room = Room { marks: vec![9; 3], ..Room::default() };
        // Not empty before, so that what an earlier block left shows.
        parse(b"1 2 3 [4 5] \"6 7 8\" 999 999999 \"a longer thing than that\" \"b\"\n", columns, &mut room, (fields, usual));
        let (lines, rejects) = parse(block, columns, &mut room, (fields, usual));
        (lines, show(block, columns, &rejects, fields))
    };
    let (with, without) = (fast(&mut by_patterns, Some(&usual)), fast(&mut by_marks, None));
    slow.reset(fields);
    let mut walk = Walk { block, columns: &mut slow, marks: &mut Vec::new(), lines: 0, start: 0, rejects: Vec::new() };
    for line in block.split_inclusive(|&b| b == b'\n') {
        let end = walk.start as usize + line.strip_suffix(b"\n").unwrap_or(line).len();
        walk.take_slowly(end);
    }
    let (slow_lines, slow_rejects) = (walk.lines, walk.rejects);
    assert_eq!([with.0, without.0], [slow_lines; 2]);
    [with.1, without.1, show(block, &mut slow, &slow_rejects, fields)]
}

fn show(block: &[u8], columns: &mut Columns, rejects: &[Reject], fields: &[bool; FIELDS.len()]) -> Vec<String> {
    let names = FIELDS.iter().zip(fields).filter(|(_, is_read)| **is_read).map(|((name, _), _)| (*name).to_owned());
    let schema = Wanted::only(names.collect()).of(&schema());
    let batch = columns.batch(&Bytes::copy_from_slice(block), &schema, fields, Origin::default());
    let mut shown: Vec<String> = (0..batch.len())
        .map(|row| {
            let values = batch.row(row).values().map(|v| format!("{v:?}")).collect::<Vec<_>>().join(" ");
            format!("{} {values}", columns.anchor(row))
        })
        .collect();
    shown.extend(rejects.iter().map(|r| format!("!{} {} {}", r.line, r.records_before, String::from_utf8_lossy(r.text(block)))));
    shown
}

fn is_usual(line: &str) -> bool {
    let mut marks = vec![0; line.len() + 1 + simd::SLACK];
    let line = format!("{line}\n");
    let n = simd::marks(&MARKED, line.as_bytes(), 0, &mut marks);
    usual_head(line.as_bytes(), 0, &marks[..n]).is_some_and(|head| finish(line.as_bytes(), 0, &marks[..n], &head).is_some())
}

const COMMON: &str = r#"140.180.132.213 - - [24/Feb/2008:00:08:59 -0600] "GET /ply/ply.html HTTP/1.1" 200 97238"#;
const COMBINED: &str = r#"h - bob [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 404 - "http://x/?q=a b" "Mozilla/5.0 (X11; Linux)""#;

#[test]
fn usual_lines_are_taken_fast() {
    for line in
        [COMMON, COMBINED, &format!("{COMMON}12345678"), &format!("{COMMON} \"\" \"\" more \"of\" it"), &COMMON.replace("97238", "-")]
    {
        assert!(is_usual(line), "{line}");
        assert!(is_usual(&format!("{line}\r")), "{line}");
    }
    for line in ["", "a b c [d e] \"-\" 408 0"] {
        assert!(!is_usual(line), "{line}");
    }
    let unusual = [
        ("- -", "\"b c\" d"),
        ("- -", "- b c"),
        ("[24", "[[24"),
        ("59 ", "59] "),
        (" 200 ", " 20 "),
        (" 200 ", " - "),
        ("140.", "140,"),
        ("140.180.132.213", "host.example.org,other"),
    ];
    for (from, to) in unusual {
        assert!(!is_usual(&COMMON.replacen(from, to, 1)), "{to}");
    }
    assert!(!is_usual(&format!("{COMMON} [")));
    for host in ["h", "a-host-of-sixteen", "a.host.of.much.more.than.sixteen.bytes"] {
        assert!(is_usual(&COMMON.replacen("140.180.132.213", host, 1)), "{host}");
    }
}

#[test]
fn usual_lines_have_the_patterns() {
    let short = r#"h - bob [d z] "GET /a[1],b HTTP/1.1" 404 - "" "a, b [c]"%"#.trim_end_matches('%');
    for line in [COMMON, COMBINED, short, &COMMON.replace("/ply/", "/a[1],b/"), &COMMON.replace("97238", "-")] {
        for fields in choices() {
            let usual = Usual::both(&fields).unwrap();
            for end in ["\n", "\r\n"] {
                let (mut columns, mut scan) = (Columns::default(), Scan::default());
                columns.reset(&fields);
                let block = format!("{line}{end}").repeat(50);
                let read = usual.each_ref().map(|usual| {
                    scan.go_to(0);
                    scan.read(&usual.pattern, block.as_bytes());
                    columns.extend(block.as_bytes(), usual, scan.places(&usual.pattern))
                });
                // The numbers of the last one are too near the end of the block, it may be.
                assert!([[0, 49], [0, 50], [49, 0], [50, 0]].contains(&read), "{line}: {read:?}");
            }
        }
    }
}

#[test]
fn strips_and_long_lines() {
    let long = format!("h - - [x y] \"GET /{} HTTP/1.1\" 200 1", " a\\\"".repeat(STRIP_BYTES));
    let wide = format!("h - - [x y] \"GET /{} HTTP/1.1\" 200 1", "a".repeat(3 * STRIP_BYTES));
    let block = [COMMON, &long, COMBINED, &wide, "bad", &" ".repeat(STRIP_BYTES), COMMON].join("\n").repeat(3);
    for fields in choices() {
        let [fast, marks, slow] = all_ways(block.as_bytes(), &fields);
        assert_eq!(fast, slow);
        assert_eq!(marks, slow);
        assert_eq!(fast.len(), 19);
    }
}

/// A line that is nearly right: parts put together, then a few bytes changed.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![4 => "[a-z0-9/.:-]{1,12}", 1 => "[ -~]{0,6}", 1 => Just(String::new())];
    let vhost = "([a-z.]{1,8}|\\[[0-9a-f:.]{1,6}\\]):[0-9]{1,6} ";
    let host = prop_oneof![
        4 => word.clone().boxed(),
        1 => (word.clone(), word.clone(), "[ ,]{0,2}").prop_map(|(a, b, gap)| format!("{a},{gap}{b}")).boxed(),
        2 => (vhost, word.clone()).prop_map(|(vhost, host)| vhost + &host).boxed(),
        1 => "[a-z.]{14,40},?[a-z]{0,2}".boxed(),
    ];
    let quoted = prop_oneof![4 => "[a-zA-Z0-9/.;() -]{0,30}", 1 => r#"([a-z ]|\\"|\\\\|\\x16){0,12}"#, 1 => "[ -~]{0,8}"];
    let request = prop_oneof![4 => "GET [a-z/?%]{1,20} HTTP/1\\.[01]", 1 => quoted.clone(), 1 => Just("-".to_owned())];
    let user = prop_oneof![
        4 => word.clone().boxed(),
        1 => quoted.clone().prop_map(|q| format!("\"{q}\"")).boxed(),
        1 => "[a-z-]{1,4}( [a-z-]{1,4}){1,3}".boxed(),
    ];
    let number = prop_oneof![4 => "[0-9]{1,9}", 1 => "[0-9]{1,20}", 1 => Just("-".to_owned()), 1 => "[0-9x]{0,3}"];
    let status = prop_oneof![8 => "[1-5][0-9][0-9]", 1 => "[0-9]{0,10}", 1 => Just("-".to_owned())];
    let tail = prop_oneof![
        3 => Just(String::new()),
        3 => (quoted.clone(), quoted.clone()).prop_map(|(r, a)| format!(" \"{r}\" \"{a}\"")),
        1 => (quoted.clone(), quoted.clone(), word.clone()).prop_map(|(r, a, x)| format!(" \"{r}\" \"{a}\" {x}")),
        1 => (quoted.clone(), quoted.clone(), 0..COMMON.len()).prop_map(|(r, a, from)| format!(" \"{r}\" \"{a}\" {}", &COMMON[from..])),
        1 => quoted.clone().prop_map(|q| format!(" \"{q}\"")),
        1 => word.clone().prop_map(|w| format!(" {w}")),
    ];
    let date = prop_oneof![4 => Just("24/Feb/2008:00:08:59 -0600".to_owned()), 1 => "[a-z\\] ]{0,8}", 1 => "[0-9/a-zYZ\\[\\]_]{8,20} [0-9+\\]]{1,16}"];
    let edits = proptest::collection::vec(
        (any::<prop::sample::Index>(), prop_oneof![Just(b' '), Just(b'"'), Just(b'\\'), Just(b'\r'), any::<u8>()], 0..3_u8),
        0..3,
    );
    ((host, word, user, date, request, status, number, tail), prop_oneof![3 => Just(vec![]), 1 => edits], any::<bool>()).prop_map(
        |((host, ident, user, date, request, status, bytes, tail), edits, cr)| {
            let mut line =
                format!("{host} {ident} {user} [{date}] \"{request}\" {status} {bytes}{tail}{}", if cr { "\r" } else { "" }).into_bytes();
            for (at, byte, kind) in edits {
                let i = at.index(line.len());
                match kind {
                    0 => line[i] = byte,
                    1 => line.insert(i, byte),
                    _ => drop(line.remove(i)),
                }
                if line.is_empty() {
                    break;
                }
            }
            line.retain(|&b| b != b'\n');
            line
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn the_fast_ways_decline_or_say_what_the_pattern_says(lines in proptest::collection::vec(line(), 1..8), newline_at_end: bool, choice in 0..6_usize) {
        let mut block = lines.join(&b'\n');
        if newline_at_end {
            block.push(b'\n');
        }
        let [fast, marks, slow] = all_ways(&block, &choices()[choice]);
        prop_assert_eq!(&fast, &slow);
        prop_assert_eq!(&marks, &slow);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Most logs: many usual lines, of both forms, and odd ones among them.
    #[test]
    fn usual_lines_with_odd_ones_between_them(
        runs in proptest::collection::vec((0..3_usize, 0..70_usize, proptest::collection::vec(line(), 0..3), 0..4_u8), 0..8), cut in 0..200_usize, choice in 0..6_usize,
    ) {
        let mut block = Vec::new();
        for (kind, count, odd, end) in runs {
            let usual = [COMMON, COMBINED, r#"hi - bob [d z] "GET /a,b[c] HTTP/1.1" 200 - "" "a, [b]""#][kind];
            for i in 0..count {
                block.extend_from_slice(usual.replacen("/", &"/".repeat(1 + i * i % 37), 1).as_bytes());
                block.extend_from_slice(if end == 0 { b"\r\n" } else { b"\n" });
            }
            for line in odd {
                block.extend_from_slice(&line);
                block.push(b'\n');
            }
        }
        if cut < 100 {
            block.truncate(block.len().saturating_sub(cut));
        }
        let [fast, marks, slow] = all_ways(&block, &choices()[choice]);
        prop_assert_eq!(&fast, &slow);
        prop_assert_eq!(&marks, &slow);
    }
}

/// What the fast ways say of one line, and the pattern; the former `None` when they decline.
fn one(line: &[u8]) -> (Option<Line>, Option<Line>) {
    let block = [line, b"\n"].concat();
    let mut marks = vec![0; block.len() + simd::SLACK];
    let n = simd::marks(&MARKED, &block, 0, &mut marks);
    let fast = take_fast(&block, 0, &marks[..n]).map(|(fast, used)| {
        assert_eq!(used, n, "all marks of the line, and no others");
        fast
    });
    (fast, regex::parse(line.strip_suffix(b"\r").unwrap_or(line)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn line_by_line_too(line in line()) {
        let (fast, slow) = one(&line);
        prop_assert!(fast.is_none() || fast == slow, "{:?}: {fast:?} {slow:?}", String::from_utf8_lossy(&line));
    }
}

#[test]
fn most_lines_of_any_log_are_taken_fast() {
    for line in [
        COMMON,
        COMBINED,
        "h - - [d z] \"-\" 408 0",
        "h - - [d z] \"\" 400 0",
        r#"h - - [d z] "\x16\x03\x01" 400 226 "-" "-""#,
        r#"h - - [d z] "GET /a b HTTP/1.1" 200 5 "-" "a \"b\" \\""#,
        r#"h - - [d z] "GET /\"q\\ HTTP/1.1" 200 5 what else"#,
        "h - - [d z] \"GET / HTTP/1.1\" 200 5 \"only one\"\r",
        "shop.example.net:443 h - - [d z] \"GET / HTTP/1.1\" 200 5 \"r\" \"a\" 0.1",
        "10.0.0.1:5123 - - [d z] \"GET / HTTP/1.1\" 200 5",
    ] {
        let (fast, slow) = one(line.as_bytes());
        assert!(fast.is_some() && fast == slow, "{line}: {fast:?} {slow:?}");
    }
    for line in ["", "bad", "h - \"a user\" [d z] \"GET / HTTP/1.1\" 200 5", "h - - [d z] \"GET /\\"] {
        assert_eq!(one(line.as_bytes()).0, None, "{line}");
    }
}
