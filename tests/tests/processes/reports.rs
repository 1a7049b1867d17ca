//! `report`: many questions in one pass, whose answers are those of the questions by themselves.

use e2e::{Pipeline, Program, Scratch, log::Log};

fn lines(text: &[u8], query: &str) -> Vec<String> {
    Pipeline::both(&["apache", "-q"], &["-q", query]).input(text).run().succeeds().text().lines().map(str::to_owned).collect()
}

#[test]
fn a_report_says_what_its_questions_do() {
    let log = Log::odd(21, 6000).text();
    let questions = [
        ("total", "stats count as requests, distinct(host) as visitors, sum(bytes) as bytes | print \"{requests} {visitors} {bytes}\""),
        (
            "days",
            "stats distinct(host) as visitors, count as requests, sum(bytes) as bytes by bin(time, 1d) as day | print \"{day} {requests} {visitors} {bytes}\"",
        ),
        ("statuses", "stats count as requests, sum(bytes) as bytes by status | print \"{status} {requests} {bytes}\""),
        (
            "requests",
            "stats count as requests, sum(bytes) as bytes by request | top 20 by requests | print \"{request} {requests} {bytes}\"",
        ),
        (
            "not found",
            "where status == 404 | stats count as requests, sum(bytes) as bytes by request | top 20 by requests | print \"{request} {requests} {bytes}\"",
        ),
        ("hosts", "stats count as requests, sum(bytes) as bytes by host | top 20 by requests | print \"{host} {requests} {bytes}\""),
        ("hours", "stats count as requests, sum(bytes) as bytes by bin(time, 1h) as hour | print \"{hour} {requests} {bytes}\""),
    ];
    let scratch = Scratch::new();
    scratch.write("log", &log);
    let report = |args: &[&str], query: &str| {
        let run = Pipeline::both(&["apache", "-q", "log"], &[&["-q"], args, &[query]].concat()).dir(scratch.path()).run();
        run.succeeds().stdout
    };
    let whole = report(&["-j", "1"], "report | json");
    for args in [&["-j", "4"][..], &["--processes", "2"], &["-j", "3", "--memory", "256KiB"], &["--processes", "3", "--memory", "1MiB"]] {
        assert!(report(args, "report | json") == whole, "{args:?}");
    }
    for (section, question) in questions {
        let label = match section {
            "total" => "",
            "days" | "hours" => "{time} ",
            _ => "{item} ",
        };
        let visitors = if matches!(section, "total" | "days") { "{visitors} " } else { "" };
        let of_section = format!("report | where section == \"{section}\" | print \"{label}{{requests}} {visitors}{{bytes}}\"");
        let came = lines(&log, &of_section);
        assert_eq!(came, lines(&log, question), "{section}");
        assert!(!came.is_empty(), "{section}");
    }
    // Every request is in one family of agents, and of one hour of the day.
    for section in ["agents", "hours of the day", "hours", "days", "statuses"] {
        let sum = format!("report | where section == \"{section}\" | stats sum(requests) as all | print \"{{all}}\"");
        assert_eq!(lines(&log, &sum), lines(&log, "count | print \"{count}\""), "{section}");
    }
}

#[test]
fn its_page_is_small_and_the_same_for_any_number_of_threads() {
    let log = Log::odd(22, 6000).text();
    let scratch = Scratch::new();
    scratch.write("log", &log);
    let page = |args: &[&str]| {
        let run =
            Pipeline::both(&["apache", "-q", "log"], &[&["-q"], args].concat()).env("SOURCE_DATE_EPOCH", "0").dir(scratch.path()).run();
        run.succeeds().prints("");
        String::from_utf8(scratch.read("x.html")).unwrap()
    };
    let one = page(&["-j", "1", "report | write \"x.html\""]);
    assert!(page(&["-j", "4", "report | write \"x.html\""]) == one);
    assert!(one.len() < 1_000_000, "{}", one.len());
    // `-o` is a `write` behind the query.
    assert_eq!(page(&["report", "-o", "x.html"]), one);
    let titles: Vec<&str> = one.split("<h2>").skip(1).filter_map(|rest| rest.split("</h2>").next()).collect();
    assert_eq!(titles[..3], ["total", "days", "statuses"], "{titles:?}");
    for title in ["requests", "not found", "hosts", "hours of the day", "hours"] {
        assert!(titles.contains(&title), "{title} of {titles:?}");
    }
    let total = lines(
        &log,
        "stats count as requests, distinct(host) as visitors, sum(bytes) as bytes | print \"{requests}</td><td class=\\\"n\\\">{visitors}</td><td class=\\\"n\\\">{bytes}\"",
    );
    assert!(one.contains(&format!("<td class=\"n\">{}</td>", total[0])), "{}", total[0]);
    assert!(one.contains("records read, ") && one.contains("complete"));
}

#[test]
fn what_strangers_sent_is_text_in_it() {
    let odd = b"h - - [24/Feb/2008:00:08:59 -0600] \"GET /<script>alert(1)</script> HTTP/1.0\" 404 7 \"http://x/</script><script>alert(2)</script>\" \"<img src=x onerror=alert(3)>\"\n";
    let scratch = Scratch::new();
    let run = Pipeline::both(&["apache", "-q"], &["-q", "report", "-o", "x.html"]).input(odd.as_slice()).dir(scratch.path()).run();
    run.succeeds();
    let page = String::from_utf8(scratch.read("x.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img") && page.contains("&lt;script&gt;alert(1)"), "{page}");
}

#[test]
fn durations_have_percentiles() {
    let line = |n: usize| {
        format!("{{\"time\":\"2026-03-01T00:{:02}:00Z\",\"path\":\"/{}\",\"status_code\":200,\"duration_ms\":{n}}}\n", n % 60, n % 3)
    };
    let log: String = (1..=300).map(line).collect();
    let of = |query: &str| Pipeline::both(&["json", "--cast", "time=time"], &["-q", query]).input(log.as_bytes()).run().succeeds().text();
    let came = of("report | where section == \"latency\" | print \"{item} {requests} {p50} {p90} {p99} {max}\"");
    let asked = of(
        "stats count as n, sum(duration_ms) as all, p50(duration_ms) as p50, p90(duration_ms) as p90, p99(duration_ms) as p99, max(duration_ms) as max by path | top 20 by all | print \"{path} {n} {p50} {p90} {p99} {max}\"",
    );
    assert_eq!(came, asked);
    assert_eq!(came.lines().count(), 3);
}

#[test]
fn a_log_of_other_names_is_told_which_there_are() {
    let run = Pipeline::both(&["csv"], &["report"]).input(b"a,b\n1,2\n".as_slice()).run();
    run.says(Program::Consumer, "no field has a name that `report` knows").says(Program::Consumer, "rename").prints("");
}
