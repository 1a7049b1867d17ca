//! The same for logs: their records have several lines, and some formats bring fields at any time.

use proptest::prelude::*;

use super::*;

/// Lines of these, in any order; the last may lack its end.
fn lines_of(lines: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let end = prop_oneof![9 => Just("\n"), 1 => Just("\r\n")];
    (prop::collection::vec((prop::sample::select(lines), end), 0..14), any::<bool>()).prop_map(|(lines, ends)| {
        let mut text: String = lines.iter().map(|(line, end)| format!("{line}{end}")).collect();
        if !ends {
            text.pop();
        }
        text.into_bytes()
    })
}

const TRACES: &[&str] = &[
    "2026-03-12 02:10:11,123 INFO [main] a.B - 3 items",
    "2026-03-12 02:10:11,123 WARN   [t-1] a.B - x - y",
    "2026-03-12 02:10:12,000 odd",
    "\tat a.B(C.java:7)",
    "",
    "Caused by: 2026-03-12 02:10:11,123",
    "worker 7",
    "worker 07",
];

#[test]
fn templates() {
    let template = "{time:%Y-%m-%d %H:%M:%S,%3f} {level} [{thread}] {logger} - {message*}";
    Case::new("log", &[template]).hold(lines_of(TRACES));
    Case::new("log", &["worker {n}"]).hold(lines_of(TRACES));
}

#[test]
fn cascades() {
    let mut case = Case::new("log", &["{time:%Y-%m-%d %H:%M:%S,%3f} {level} [{thread}] {message*}"]);
    case.args.ors = vec!["worker {n}".to_owned()];
    case.hold_in_process(lines_of(TRACES));
}

#[test]
fn named_formats() {
    Case::new("syslog", &[]).hold(lines_of(&[
        "<13>1 2026-03-12T02:10:11Z h a 7 - [x@1 k=\"1\"] m",
        "<13>1 2026-03-12T02:10:11Z h a - - [y z=\"\\\"\"][x k=\"a\"]",
        "2026-03-12T02:10:11+01:00 h a[7]: m",
        "  more",
        "",
        "<13>1 x",
    ]));
    Case::new("nginx-error", &[]).hold(lines_of(&[
        "2026/03/12 02:10:11 [error] 1#2: *3 m, client: ::1, request: \"GET / HTTP/1.1\"",
        "2026/03/12 02:10:11 [warn] 1#2: m",
        "#0 {main}",
        "2026/03/12 02:10:11 [warn",
    ]));
    Case::new("logfmt", &[]).hold(lines_of(&["a=1 b=\"x y\"", "a=x time=2026-03-12T02:10:11Z", "c d=", "junk", "", "a=\"", "t=5 a=07"]));
    Case::new("cri", &[]).hold(lines_of(&[
        "2026-03-12T02:10:11Z stdout F a b",
        "2026-03-12T02:10:11Z stdout P a",
        "2026-03-12T02:10:12Z stderr P b",
        "2026-03-12T02:10:13+01:00 stderr F ",
        "junk",
    ]));
    Case::new("mysql-slow", &[]).hold(lines_of(&[
        "# Time: 2026-03-12T02:10:11Z",
        "# User@Host: a[a] @ h [::1]  Id:  7",
        "# Query_time: 1.5  Rows_sent: 2 Extra: x",
        "use d;",
        "SET timestamp=1773281408;",
        "SELECT 1;",
        "/usr/sbin/mysqld, Version: 8. started with:",
        "Tcp port: 3306",
    ]));
    Case::new("postgres", &[]).hold(lines_of(&[
        "2026-03-12 02:10:11.123 UTC [7] LOG:  m",
        "2026-03-12 02:10:11.123 UTC [7] a@b ERROR:  m",
        "2026-03-12 02:10:11 UTC [7]: [3-1] user=a,db=b,app=c,client=::1 LOG:  m",
        "\tVALUES (1)",
        "2026-03-12 02:10:11.123 CET,,,7,,x,1,,2026-03-12 02:00:00 CET,,0,LOG,00000,\"a \"\"b\"\"",
        "c\",,,,,,,,,\"\",\"x\",,0",
    ]));
}

#[test]
fn a_header_holds_until_the_next() {
    let case = Case::new("w3c", &[]);
    let text = "#Fields: date time c-ip sc-status\n2026-03-12 02:10:11 ::1 200\n2026-03-12 02:10:12 ::2 404\n\
                #Software: x\n#Fields: c-ip x-a\n::3 7\n::4 -\nodd\n";
    let whole = case.read(vec![Made::whole(text.as_bytes()).file()], BLOCK_BYTES, 1);
    assert_eq!((whole.records.len(), whole.rejected), (4, 1));
    assert!(whole.records[3].contains(&"host=\"::4\"".to_owned()), "{whole:?}");
    for block_bytes in 1..text.len() {
        for threads in 1..=3 {
            assert_eq!(case.read(vec![Made::whole(text.as_bytes()).file()], block_bytes, threads), whole, "{block_bytes}, {threads}");
        }
    }
}
