//! Whole queries against the schema of a web server's log: what they become, and what is said when they do not fit.

mod messages;

use recpipe::{Field, Schema, Type};

use super::{QueryError, Source, check};
use crate::{catalog::parse, plan::Plan};

/// The fields of a common log line.
pub(crate) fn log_schema() -> Schema {
    let text = ["host", "referrer", "user", "datetime", "method", "request", "proto"].map(|name| Field::new(name, Type::Text));
    let numbers = ["status", "bytes"].map(|name| Field::new(name, Type::Int));
    Schema::new(text.into_iter().chain(numbers).collect()).unwrap()
}

const BACKSLASH: &str = r"a sign that stands for itself has a backslash before it, as in `\(`";

pub(super) fn plan(args: &[&str]) -> Result<Plan, QueryError> {
    let source = Source::from_args(args);
    check(&source, &parse(&source)?, &log_schema())
}

/// The output schema of each stage.
fn check_flow(query: &str, expect: &str) {
    let plan = plan(&[query]).unwrap_or_else(|error| panic!("{error}"));
    let show =
        |schema: &Schema| schema.fields().iter().map(|field| format!("{}:{}", field.name, field.kind)).collect::<Vec<_>>().join(", ");
    let mut stages: Vec<_> = plan.stages.iter().map(|stage| format!("{} -> {}", stage.about.name, show(&stage.output))).collect();
    stages.extend(plan.sink.iter().map(|sink| format!("{} -> {}", sink.output.about.name, show(plan.output()))));
    assert_eq!(stages.join("\n").replace(&show(&log_schema()), "log"), expect.trim(), "{query}");
}

fn check_error(args: &[&str], expect: &str) {
    match plan(args) {
        Ok(plan) => panic!("{args:?} is valid: {plan:?}"),
        Err(error) => assert_eq!(error.to_string(), expect.trim_start_matches('\n').trim_end(), "{args:?}"),
    }
}

/// A single mistake: what, the text under the carets, the label.
fn check_mistake(query: &str, what: &str, under: &str, label: &str) {
    let error = plan(&[query]).map(|plan| panic!("{query} is valid: {plan:?}")).unwrap_err();
    let [found] = error.diagnostics() else { panic!("{query}:\n{error}") };
    assert_eq!((&*found.what, &query[found.span.start..found.span.end], &*found.label), (what, under, label), "{query}");
}

#[test]
fn schemas_flow() {
    check_flow("where status == 404 | head 3", "where -> log\nhead -> log");
    check_flow("select host, bytes // 1KiB as kib, bytes / 2, `status`", "select -> host:text, kib:int, bytes / 2:float, status:int");
    check_flow(
        "select host, bytes | let kib = bytes // 1KiB, big = kib > 3, host = len(host) | where big",
        "select -> host:text, bytes:int\nlet -> host:int, bytes:int, kib:int, big:bool\nwhere -> host:int, bytes:int, kib:int, big:bool",
    );
    check_flow(
        "stats count, sum( bytes ), avg(bytes) as mean, count(status >= 400), max(request) by host, status // 100 as class",
        "stats -> host:text, class:int, count:int, sum(bytes):int, mean:float, count(status >= 400):int, max(request):text",
    );
    check_flow("count", "stats -> count:int");
    check_flow(
        "stats stdev(bytes), median(bytes), p999(bytes), quantile( bytes,0.5 ), distinct(host), set(status), list(bytes) as l",
        "stats -> stdev(bytes):float, median(bytes):float, p999(bytes):float, quantile(bytes,0.5):float, distinct(host):int, set(status):text, l:text",
    );
    check_flow(
        "stats first(status), last(host), argmax(bytes, request), argmin(bytes, status)",
        "stats -> first(status):int, last(host):text, argmax(bytes, request):text, argmin(bytes, status):int",
    );
    check_flow("p95(bytes) by host | top 3", "stats -> host:text, p95(bytes):float\ntop -> host:text, p95(bytes):float");
    check_flow("count by request | top 10", "stats -> request:text, count:int\ntop -> request:text, count:int");
    check_flow(
        "sum(bytes) by host | head 5 | top 10 | tsv",
        "stats -> host:text, sum(bytes):int\nhead -> host:text, sum(bytes):int\ntop -> host:text, sum(bytes):int\ntsv -> host:text, sum(bytes):int",
    );
    check_flow(
        "sum(bytes) by host | where sum(bytes) > 5 | top 1 by sum( bytes )",
        "stats -> host:text, sum(bytes):int\nwhere -> host:text, sum(bytes):int\ntop -> host:text, sum(bytes):int",
    );
    check_flow("top 10 request", "stats -> request:text, count:int\ntop -> request:text, count:int");
    check_flow("top 10 by bytes", "top -> log");
    check_flow("bottom 10 request", "stats -> request:text, count:int\nbottom -> request:text, count:int");
    check_flow(
        "grep /a/ | grep \"b\" in host | tail 3 | skip 1 | trace",
        "grep -> log\ngrep -> log\ntail -> log\nskip -> log\ntrace -> log",
    );
    check_flow(
        "select host, user, bytes | drop user | rename bytes as host, host as bytes | sum(host)",
        "select -> host:text, user:text, bytes:int\ndrop -> host:text, bytes:int\nrename -> bytes:text, host:int\nstats -> sum(host):int",
    );
    check_flow(
        "count by host | rename count as n | top 3",
        "stats -> host:text, count:int\nrename -> host:text, n:int\ntop -> host:text, n:int",
    );
    check_flow(
        "select request, status | parse request /(?P<a>.)(.)(?P<status>.)/",
        "select -> request:text, status:int\nparse -> request:text, status:text, a:text",
    );
    check_flow("select host | dns host", "select -> host:text\ndns -> host:text, host_name:text");
    check_flow("select host | dns host as host", "select -> host:text\ndns -> host:text");
    check_flow(
        "count by host | tee [ top 3 | select host | csv ] | top 1",
        "stats -> host:text, count:int\ntee -> host:text, count:int\ntop -> host:text, count:int",
    );
    check_flow("distinct", "distinct -> log");
    check_flow("distinct host, user", "distinct -> host:text, user:text");
    check_flow("count by lower( host ),status", "stats -> lower(host):text, status:int, count:int");
    check_flow("select null as n, \"x,\\\"y\\\"\" as a, 1 as b", "select -> n:null, a:text, b:int");
    check_flow("print \"{host} {bytes:>10}\"", "print -> log");
    check_flow("max(bytes) | print \"{max(bytes)}\"", "stats -> max(bytes):int\nprint -> max(bytes):int");
}

#[test]
fn the_contracts_example() {
    check_error(
        &["where statuss == 404 | count by request"],
        "
error: unknown field `statuss`
  |
  | where statuss == 404 | count by request
  |       ^^^^^^^ did you mean `status`?
  = fields: host, referrer, user, datetime, method, request, proto, status, bytes",
    );
}

#[test]
fn all_mistakes_at_once() {
    check_error(
        &["where statuss == 1 and host == 5", "let x = user + 1, y = x * 2 | count by hots"],
        "
error: unknown field `statuss`
  |
  | where statuss == 1 and host == 5
  |       ^^^^^^^ did you mean `status`?
  = fields: host, referrer, user, datetime, method, request, proto, status, bytes

error: `host` is text, `5` is an int: these cannot be compared
  |
  | where statuss == 1 and host == 5
  |                             ^^ write `float(host)`

error: `user` is text; `+` needs numbers
  |
  | let x = user + 1, y = x * 2 | count by hots
  |         ^^^^ write `float(user)`

error: unknown field `hots`
  |
  | let x = user + 1, y = x * 2 | count by hots
  |                                        ^^^^ did you mean `host`?
  = fields: host, referrer, user, datetime, method, request, proto, status, bytes, x, y",
    );
}

#[test]
fn mistakes_are_explained() {
    for (query, what, under, label) in [
        ("where status", "`status` is an int, not true or false", "status", "compare it, as in `status != 0`"),
        ("where not host", "`host` is text, not true or false", "host", "compare it, as in `host != \"\"`"),
        ("where status == '404'", "`status` is an int, `'404'` is text: these cannot be compared", "==", "write `status == 404`"),
        ("where status < 'x'", "`status` is an int, `'x'` is text: these cannot be compared", "<", "write `str(status)`"),
        ("where 5 < host", "`5` is an int, `host` is text: these cannot be compared", "<", "write `float(host)`"),
        ("where host == 1.5", "`host` is text, `1.5` is a float: these cannot be compared", "==", "write `float(host)`"),
        ("where host in (1, 'a')", "`host` is text, `1` is an int: these cannot be compared", "1", "write `float(host)`"),
        ("where host in 1..5", "`host` is text, `1` is an int: these cannot be compared", "1..5", "write `float(host)`"),
        ("where status in 599..500", "nothing is in this range", "599..500", "write `500..599`"),
        ("where method == GET", "unknown field `GET`", "GET", "text is written in quotes: \"GET\""),
        ("where status =~ /4/", "`status` is an int; a regex is matched with text", "status", "write `str(status)`"),
        ("where request =~ host", "a regex must be known before data flows", "host", "write it as `/…/`"),
        (
            "where request == /a/",
            "a regex stands after `=~`, after `!~`, in `extract` and in `replace`",
            "/a/",
            "text is written in quotes",
        ),
        ("where request =~ /a(b/", "bad regex: unclosed group", "", BACKSLASH),
        (
            "where request =~ /a{99999}{999}/",
            "bad regex: it would take more than 8388608 bytes",
            "/a{99999}{999}/",
            "a part with `{99}` counts 99 times: write it shorter",
        ),
        ("where status contains 'x'", "`status` is an int; text is needed here", "status", "write `str(status)`"),
        ("where host startswith 5", "`5` is an int; text is needed here", "5", "write `str(5)`"),
        ("where -host == 1", "`host` is text; `-` needs numbers", "host", "write `float(host)`"),
        ("where host ?? 5 == 'a'", "`5` is an int, what stands before it is text", "5", "write `str(5)`"),
        ("where len(status) > 5", "`status` is an int; text is needed here", "status", "write `str(status)`"),
        (
            "where datetime > @2026-11-20",
            "`datetime` is text, `@2026-11-20` is a time: these cannot be compared",
            ">",
            "write `time(datetime)`",
        ),
        (
            "where @2026-11-20 <= datetime",
            "`@2026-11-20` is a time, `datetime` is text: these cannot be compared",
            "<=",
            "write `time(datetime)`",
        ),
        (
            "where time(datetime) == '2026-11-20 10:00'",
            "`time(datetime)` is a time, `'2026-11-20 10:00'` is text: these cannot be compared",
            "==",
            "a time is written `@2026-11-20T10:00`",
        ),
        (
            "where time(datetime) == 'x'",
            "`time(datetime)` is a time, `'x'` is text: these cannot be compared",
            "==",
            "a time is written `@2026-11-20T10:00Z`",
        ),
        (
            "where time(datetime) > 5m",
            "`time(datetime)` is a time, `5m` is an int: these cannot be compared",
            ">",
            "write `epoch(time(datetime))`",
        ),
        (
            "where time(datetime) in @2026-11-21..@2026-11-20",
            "nothing is in this range",
            "@2026-11-21..@2026-11-20",
            "write `@2026-11-20..@2026-11-21`",
        ),
        ("where status in 10.0.0.0/8", "`status` is an int; a network has addresses, which are text", "10.0.0.0/8", "write `str(status)`"),
        ("where host in (1, ::/0)", "`host` is text, `1` is an int: these cannot be compared", "1", "write `float(host)`"),
        ("where now() + now() > 5", "two times have no sum", "+", "`-` gives the seconds between them"),
        ("where now() - datetime > 5", "`datetime` is text; `-` needs a number of seconds or a time", "datetime", "write `time(datetime)`"),
        ("where datetime - now() > 5", "`datetime` is text; a time is subtracted from a time", "datetime", "write `time(datetime)`"),
        ("where now() * 2 > 5", "`now()` is a time; `*` needs numbers", "now()", "write `epoch(now())`"),
        ("where 5 - now() > 5", "`now()` is a time; `-` needs numbers", "now()", "write `epoch(now())`"),
        ("where int(now()) > 5", "`now()` is a time; another type is needed here", "now()", "write `epoch(now())`"),
        ("where hour(datetime) == 5", "`datetime` is text; a time is needed here", "datetime", "write `time(datetime)`"),
        ("where hour(status) == 5", "`status` is an int; a time is needed here", "status", "write `time(status)`"),
        ("where bin(host, 5) == 5", "`host` is text; a number or a time is needed here", "host", "write `time(host)`"),
        ("where bin(status, 0) == 5", "a bin is wider than 0", "0", "as in `bin(t, 5m)`"),
        ("where strftime(datetime, '%Y') == 'a'", "`datetime` is text; a time is needed here", "datetime", "write `time(datetime)`"),
        (
            "where strftime(now(), '%J') == 'a'",
            "bad format: found unrecognized specifier directive `J`",
            "'%J'",
            "as in \"%Y-%m-%d %H:%M:%S\"",
        ),
        ("where strftime(now(), host) == 'a'", "a format must be known before data flows", "host", "write it in quotes: \"%Y-%m-%d\""),
        (
            "where time(datetime, '%H') == null",
            "bad format: it says no moment: date required to parse datetime: year required to parse date",
            "'%H'",
            "as in \"%Y-%m-%d %H:%M:%S\"",
        ),
        (
            "where time(status == 1, '%Y-%m-%d') == null",
            "`status == 1` is true or false; another type is needed here",
            "status == 1",
            "write `str(status == 1)`",
        ),
        ("where split(host, '.') == 'a'", "`split` is given 2 arguments", "split(host, '.')", "it is written `split(TEXT, SEPARATOR, N)`"),
        ("where split(host, '', 1) == 'a'", "empty text does not say where to split", "''", "write at least one character"),
        ("where replace(host, '', 'x') == 'a'", "empty text does not say what to replace", "''", "write at least one character"),
        ("where replace(host, /a(b/, 'x') == 'a'", "bad regex: unclosed group", "", BACKSLASH),
        ("where replace(host, /(a)/, '$1b') == 'a'", "the regex has no group `1b`", "'$1b'", "write `${1}b`"),
        (
            "where replace(host, /(a)/, '$2') == 'a'",
            "the regex has no group `2`",
            "'$2'",
            "groups are numbered from 1 to 1; a `$` is written `$$`",
        ),
        ("where replace(host, /a/, '$x') == 'a'", "the regex has no group `x`", "'$x'", "a `$` is written `$$`"),
        ("where replace(status, /a/, 'x') == 'a'", "`status` is an int; text is needed here", "status", "write `str(status)`"),
        ("where len(/a/) == 1", "a regex stands after `=~`, after `!~`, in `extract` and in `replace`", "/a/", "text is written in quotes"),
        ("where round(1.5, status) == 1", "`status` is no number of digits", "status", "write it as a number from 0 to 15"),
        ("where round(1.5, 16) == 1", "`16` is no number of digits", "16", "write it as a number from 0 to 15"),
        ("where abs(host) > 5", "`host` is text; a number is needed here", "host", "write `float(host)`"),
        ("where if(status, 1, 2) == 1", "`status` is an int; true or false is needed here", "status", "compare it, as in `status != 0`"),
        ("where if(status > 1, 1, 'a') == 1", "`'a'` is text, what stands before it is an int", "'a'", "write `float('a')`"),
        ("where len(host, user) == 1", "`len` is given 2 arguments", "len(host, user)", "it is written `len(TEXT)`"),
        ("where lenn(host) == 1", "unknown function `lenn`", "lenn", "did you mean `len`?"),
        ("where sum(bytes) > 5", "`sum` is an aggregate, not a function of one record", "sum", "make the column first: `stats sum(bytes)`"),
        ("sum(host)", "`host` is text; `sum` needs numbers", "host", "write `float(host)`"),
        ("sum", "`sum` is given 0 arguments", "sum", "it is written `sum(NUMBER)`"),
        (
            "count(host, user)",
            "`count` is given 2 arguments",
            "count(host, user)",
            "it is written `count | count(CONDITION) | count(EXPR)`",
        ),
        ("p95(host)", "`host` is text; `p95` needs numbers", "host", "write `float(host)`"),
        ("median(host)", "`host` is text; `median` needs numbers", "host", "write `float(host)`"),
        ("stdev(host)", "`host` is text; `stdev` needs numbers", "host", "write `float(host)`"),
        ("p95", "`p95` is given 0 arguments", "p95", "it is written `p50(NUMBER) | p95(NUMBER) | p999(NUMBER)`"),
        (
            "stats p100(bytes)",
            "unknown aggregate `p100`",
            "p100",
            "percentiles are `p1` to `p99` and `p999`; for others write `quantile(x, 0.5)`",
        ),
        ("quantile(bytes)", "`quantile` is given 1 argument", "quantile(bytes)", "it is written `quantile(NUMBER, SHARE)`"),
        ("quantile(bytes, 95)", "the share of a quantile is from 0 to 1, not 95", "95", "write `quantile(bytes, 0.95)`"),
        ("quantile(bytes, 1.5)", "the share of a quantile is from 0 to 1, not 1.5", "1.5", "write `quantile(bytes, 0.015)`"),
        ("quantile(bytes, 101)", "the share of a quantile is from 0 to 1, not 101", "101", ""),
        (
            "quantile(bytes, status)",
            "the share of a quantile must be known before data flows",
            "status",
            "write a number from 0 to 1, as in `quantile(x, 0.95)`",
        ),
        ("argmax(bytes)", "`argmax` is given 1 argument", "argmax(bytes)", "it is written `argmax(EXPR, EXPR)`"),
        ("list(hots)", "unknown field `hots`", "hots", "did you mean `host`?"),
        (
            "stats sum( bytes )/bytes by host",
            "`bytes` has a value in each record, and is no key",
            "bytes",
            "take an aggregate of it, as `max(bytes)`, or group by it",
        ),
        (
            "stats 5 + 3",
            "an aggregate is missing: this is the same for all records",
            "5 + 3",
            "as in `stats 100 * count(status >= 500) / count as percent`",
        ),
        ("stats substr(host, 1)", "unknown aggregate `substr`", "substr", ""),
        ("stats cuont / 5", "unknown aggregate `cuont`", "cuont", "did you mean `count`?"),
        ("sum(bytes) if status", "`status` is an int, not true or false", "status", "compare it, as in `status != 0`"),
        ("corr(bytes, host)", "`host` is text; `corr` needs numbers", "host", "write `float(host)`"),
        ("percentile(bytes, 101)", "the percentage of a percentile is from 0 to 100, not 101", "101", ""),
        ("count / 2 as a, count as a", "two columns are named `a`", "a", "name it with `as`"),
        ("select host, user as host", "two columns are named `host`", "host", "name it with `as`"),
        ("count, count", "two columns are named `count`", "count", "name it with `as`"),
        ("count by status as count", "two columns are named `count`", "count", "name it with `as`"),
        ("grep /a/ in status", "`status` is an int; text is needed here", "status", "make it text first: `let status = str(status)`"),
        ("grep /(/", "bad regex: unclosed group", "", BACKSLASH),
        ("select status | grep /a/", "no field here is text", "grep /a/", "make one first: `let x = str(…)`"),
        ("drop byts", "unknown field `byts`", "byts", "did you mean `bytes`?"),
        ("drop host | where host == ''", "unknown field `host`", "host", ""),
        ("rename host as user", "two columns are named `user`", "user", "drop or rename the other"),
        ("rename host as a, user as a", "two columns are named `a`", "a", "drop or rename the other"),
        ("parse request /(.)/", "this regex names no groups", "/(.)/", "write `(?P<name>…)` around what is wanted"),
        ("parse bytes /(?P<a>.)/", "`bytes` is an int; text is needed here", "bytes", "make it text first: `let bytes = str(bytes)`"),
        ("dns bytes", "`bytes` is an int; text is needed here", "bytes", "make it text first: `let bytes = str(bytes)`"),
        ("bottom 5", "`bottom` does not say what is compared", "bottom 5", "write `bottom 5 by status`"),
        ("tee [ drop host ] | tee [ where hots == '' ] | null", "unknown field `hots`", "hots", "did you mean `host`?"),
        ("tee [ write \"a.csv\" ] | write \"./a.csv\"", "two outputs write this file", "write \"./a.csv\"", "give it another name"),
        ("tee [ write \"a.rec\" ] | emit a.rec", "two outputs write this file", "emit a.rec", "give it another name"),
        (
            "tee [ emit ] | count",
            "`emit` needs standard output for itself, and another output of the query uses it",
            "emit",
            "end the other in `write \"FILE\"` or `null`",
        ),
        ("top 5", "`top` does not say what is compared", "top 5", "write `top 5 by status`"),
        ("count, sum(bytes) by host | top 5", "`top` does not say what is compared", "top 5", "write `top 5 by count`"),
        ("select host | top 5", "`top` does not say what is compared", "top 5", "write `top 5 by EXPR`"),
        ("print \"{host} {byte}\"", "unknown field `byte`", "byte", "did you mean `bytes`?"),
        ("select host | where status == 1", "unknown field `status`", "status", ""),
    ] {
        check_mistake(query, what, under, label);
    }
}

#[test]
fn candidates_are_listed() {
    let help = |query: &str| plan(&[query]).unwrap_err().diagnostics()[0].help.join("\n");
    assert_eq!(help("count, sum(bytes) by host | top 5"), "candidates: count, sum(bytes)");
    assert_eq!(help("top 5"), "candidates: status, bytes");
    assert!(help("where lenn(host) == 1").starts_with("functions: len, lower"));
}

#[test]
fn a_plan_knows_its_answer() {
    let sink = |query: &str| plan(&[query]).unwrap().sink().is_some();
    assert!(sink("count | json"));
    assert!(!sink("count"));
    let none = plan(&[]).unwrap();
    assert_eq!((none.stages.len(), &*none.output().clone()), (0, &log_schema()));
}

#[test]
fn a_query_of_very_many_stages_is_refused() {
    let check = |stages: usize| parse(&Source::from_args(&[vec!["where true"; stages].join(" | ")])).map(|query| query.stages.len());
    assert_eq!(check(256).ok(), Some(256));
    assert!(check(257).unwrap_err().to_string().contains("more than 256 stages"));
}

#[test]
fn a_query_that_was_not_quoted_is_told_to_be() {
    let check = |args: &[&str], quoted: &str| {
        let error = plan(args).map(|plan| panic!("{args:?} is valid: {plan:?}")).unwrap_err().to_string();
        assert!(error.contains(quoted), "{args:?}:\n{error}");
    };
    check(&["where", "status", "==", "404"], "= quote it: consumer 'where status == 404'");
    check(&["count", "by", "host", "|", "top", "3"], "= quote it: consumer 'count by host | top 3'");
    check(&["where", "host", "==", "\"it's\""], r#"consumer 'where host == "it'\''s"'"#);
    // The shell has taken the inner quotes away.
    check(&["where", "user", "==", "a", "b"], "a whole query is one argument, in quotes");
    // Arguments that are stages are what they are.
    assert!(plan(&["where status == 404", "count"]).is_ok() && plan(&["count", "json"]).is_ok());
    check(&["where statuss == 404", "count"], "unknown field `statuss`");
}
