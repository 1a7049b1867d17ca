//! Pictures and pages in files: what is in them is what the query gives, and text stays text.

use e2e::{Pipeline, Program, Scratch, log::Log, python::python};

/// What would do something if it were not text.
const HOSTILE: [&str; 4] = [
    "</script><script>alert(1)</script>",
    "&\"'<b>",
    "]]><!--<svg onload=alert(1)>",
    "</title></text></style><img src=x onerror=alert(1)>",
];

fn hostile() -> Vec<u8> {
    let line = |(at, key): (usize, &&str)| {
        format!("{{\"key\":\"{}\",\"n\":{},\"t\":\"2026-03-0{}T00:00:00Z\"}}\n", key.replace('"', "\\\""), at + 1, at + 1)
    };
    HOSTILE.iter().enumerate().map(line).collect::<String>().into_bytes()
}

/// What a file has after a query; the date is that of the epoch.
fn picture(input: &[u8], format: &[&str], args: &[&str], name: &str) -> String {
    let scratch = Scratch::new();
    let run = Pipeline::both(format, args).env("SOURCE_DATE_EPOCH", "0").input(input).dir(scratch.path()).run();
    run.succeeds().prints("");
    String::from_utf8(scratch.read(name)).unwrap()
}

/// Nothing in it runs, or asks for anything.
fn is_harmless(text: &str) {
    let lower = text.to_lowercase();
    for tag in ["<script", "<img", "<b>", "<!--", "<svg onload", "onerror=alert(1)>", "javascript:", "url(", "@import", "src=\"", "href=\""]
    {
        assert!(!lower.contains(tag), "{tag}: {text}");
    }
}

/// Whoever reads XML can read it.
#[allow(clippy::disallowed_macros, reason = "whoever runs the tests is to see what was left out")]
fn is_xml(text: &str) {
    let script = "import sys, xml.etree.ElementTree as e\ne.fromstring(sys.stdin.buffer.read().decode())\nprint('ok')";
    match python("xml.etree.ElementTree", script, text.as_bytes()) {
        Some(said) => assert_eq!(said, "ok\n"),
        None => eprintln!("SKIPPED: there is no python3 with xml"),
    }
}

#[test]
fn what_a_log_has_is_shown_as_text() {
    // Also in the query, which stands in the page.
    let queries = [
        "chart n as bars",
        "where key != \"</script><script>alert(1)\" | chart n as stack",
        "let t = time(t) | select t, key, n | chart n as lines",
        "let `<b>&\"` = n | select key, `<b>&\"` | chart",
    ];
    for query in queries {
        let page = picture(&hostile(), &["json"], &["-q", &format!("{query} | write \"x.html\"")], "x.html");
        is_harmless(&page);
        assert!(page.contains("&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"), "{page}");
        let svg = picture(&hostile(), &["json"], &["-q", &format!("{query} | write \"x.svg\"")], "x.svg");
        is_harmless(&svg);
        is_xml(&svg);
    }
    let odd = b"{\"key\":\"\\u0000\\u001b[2J\\uffff\",\"n\":1}\n";
    is_xml(&picture(odd, &["json"], &["-q", "chart n | write \"x.svg\""], "x.svg"));
}

#[test]
fn a_picture_is_the_same_for_any_number_of_threads() {
    let log = Log::odd(5, 4000).text();
    let queries = [
        "count by status | chart",
        "count by status every 1h | chart",
        "count by host, status | chart as stack",
        "chart bytes as histogram",
        "chart bytes as histogram log",
        "chart bytes as heatmap log",
        "stats count, sum(bytes) as b every 1h | chart count, b log",
        "select host, request, bytes",
    ];
    for query in queries {
        for name in ["x.svg", "x.html"] {
            let of = |threads: &str| {
                let text =
                    picture(&log, &["apache", "-q", "-j", threads], &["-q", "-j", threads, &format!("{query} | write \"{name}\"")], name);
                is_harmless(&text);
                text
            };
            let one = of("1");
            assert_eq!(of("3"), one, "{query}");
            assert!(one.contains("complete") && one.contains("1970-01-01T00:00:00+00:00"), "{one}");
        }
    }
}

#[test]
fn the_numbers_of_a_page_are_those_of_the_query() {
    let log = Log::odd(6, 3000).text();
    let query = "count by status | sort status";
    let csv = Pipeline::both(&["apache", "-q"], &["-q", &format!("{query} | csv")]).input(log.clone()).run().text();
    let page = picture(&log, &["apache", "-q"], &["-q", &format!("{query} | write \"x.html\"")], "x.html");
    for line in csv.lines().skip(1) {
        let (status, count) = line.split_once(',').unwrap();
        assert!(page.contains(&format!("<td class=\"n\">{status}</td><td class=\"n\">{count}</td>")), "{line}: {page}");
        assert!(page.contains(&format!("<title>{status}: {count}</title>")), "{line}: {page}");
    }
    // Every number is in one bin.
    let page = picture(&log, &["apache", "-q"], &["-q", "chart bytes as histogram log | write \"x.html\""], "x.html");
    let bins = page.split("<td class=\"n\">").skip(2).step_by(2).map(|cell| cell.split('<').next().unwrap().parse::<u64>().unwrap());
    let count = Pipeline::both(&["apache", "-q"], &["-q", "count(bytes) | print \"{count(bytes)}\""]).input(log).run().text();
    assert_eq!(bins.sum::<u64>().to_string(), count.trim());
}

#[test]
fn the_foot_says_what_was_read_and_what_is_missing() {
    let log = b"h - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.0\" 200 7\nno line\nh - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.0\" 404 9\n";
    let page = picture(log, &["apache", "-q"], &["-q", "count by status | write \"x.html\""], "x.html");
    assert!(page.contains("2 records read, 1 rejected, complete"), "{page}");
    // How many were read ahead is chance.
    let page = picture(log, &["apache", "-q"], &["-q", "head 1 | select status | write \"x.html\""], "x.html");
    assert!(page.contains("the query had enough before the end of the records"), "{page}");
    let page = picture(b"", &["apache", "-q"], &["-q", "count by status | write \"x.svg\""], "x.svg");
    assert!(page.contains("no records") && page.contains("0 records read, 0 rejected, complete"), "{page}");
    let stream = Pipeline::both(&["apache", "-q"], &["-q", "emit"]).input(log.as_slice()).run().stdout;
    let scratch = Scratch::new();
    let cut =
        Pipeline::consumer(&["count by status | write \"x.html\""]).input(stream[..stream.len() - 20].to_vec()).dir(scratch.path()).run();
    cut.exits(&[3]).says(Program::Consumer, "x.html is not whole");
    assert!(!scratch.path().join("x.html").exists());
}
