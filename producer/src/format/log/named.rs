//! Formats that are nothing but templates: the first that a record fits.

use recpipe::template::Template;

use super::super::{Args, Format, FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::member::Members;
use super::template::{self, TemplateMember};

/// A format of these templates.
pub(super) fn of_templates(args: &Args, templates: &[&str]) -> Result<Box<dyn Format>, String> {
    let templates = templates.iter().map(|text| Template::parse(text)).collect::<Result<Vec<_>, _>>()?;
    LogFormat::start(args, |is_single| Members::new(templates.into_iter().map(TemplateMember::shared).collect(), is_single))
}

const COMBINED: &str = r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#;

pub(in super::super) const NGINX: FormatSpec = FormatSpec {
    name: "nginx",
    args: &["[LOG_FORMAT]"],
    options: &[],
    about: "nginx's access log: combined, or by the string of its log_format",
    start: Start::Blocks(|args| match args.get(0) {
        "" => {
            let combined = format!("{COMBINED} \"$http_referer\" \"$http_user_agent\"");
            of_templates(args, &[&combined, &format!("{combined} $extra"), COMBINED])
        }
        _ => template::of_args(args),
    }),
    fields: "host user time:time method request proto status:int bytes:int http_referer http_user_agent, and extra for what stands\n  \
             at the end; of a log_format, each variable by its name, and these by theirs.",
    sample: r#"203.0.113.7 - ann [12/Mar/2026:03:10:11 +0100] "GET /cart?id=5 HTTP/1.1" 200 512 "-" "curl/8.5.0""#,
};

const HAPROXY_PREFIX: &str = "{}[{pid:int}]: ";
const HAPROXY_HEAD: &str = "{host:address} [{time:%d/%b/%Y:%H:%M:%S%.f}] {frontend} {backend}/{server} ";
const HAPROXY_HTTP: &str = "{request_wait_ms:int}/{queue_wait_ms:int}/{connect_ms:int}/{response_ms:int}/{duration_ms} {status:int} {bytes} \
                            {captured_request_cookie} {captured_response_cookie} {termination_state} \
                            {actconn:int}/{feconn:int}/{beconn:int}/{srvconn:int}/{retries} {server_queue:int}/{backend_queue:int} ";
const HAPROXY_TCP: &str = "{queue_wait_ms:int}/{connect_ms:int}/{duration_ms} {bytes} {termination_state} \
                           {actconn:int}/{feconn:int}/{beconn:int}/{srvconn:int}/{retries} {server_queue:int}/{backend_queue:int}";

pub(in super::super) const HAPROXY: FormatSpec = FormatSpec {
    name: "haproxy",
    args: &[],
    options: &[],
    about: "HAProxy's log, of HTTP and TCP, behind syslog's prefix or without",
    start: Start::Blocks(|args| {
        let headers = ["{{{request_headers}}} {{{response_headers}}} ", "{{{request_headers}}} ", ""];
        let http = headers.map(|headers| format!("{HAPROXY_HEAD}{HAPROXY_HTTP}{headers}\"{{request:request}}\""));
        let bodies = http.into_iter().chain([format!("{HAPROXY_HEAD}{HAPROXY_TCP}")]);
        let all: Vec<String> = bodies.flat_map(|body| [format!("{HAPROXY_PREFIX}{body}"), body]).collect();
        of_templates(args, &all.iter().map(String::as_str).collect::<Vec<_>>())
    }),
    fields: "host port:int time:time method request proto status:int bytes frontend backend server termination_state, the times\n  \
             request_wait_ms queue_wait_ms connect_ms response_ms (int) duration_ms, the connections actconn feconn beconn\n  \
             srvconn (int) retries, server_queue backend_queue (int), captured_request_cookie captured_response_cookie\n  \
             request_headers response_headers, pid:int.",
    sample: r#"Mar 12 02:10:11 lb1 haproxy[1488]: 203.0.113.7:40317 [12/Mar/2026:02:10:11.671] https~ shop/web1 0/0/1/14/15 200 512 - - ---- 12/10/3/2/0 0/0 "GET /cart?id=5 HTTP/1.1""#,
};

pub(in super::super) const LOG4J: FormatSpec = FormatSpec {
    name: "log4j",
    args: &[],
    options: &[FormatOption::Single],
    about: "log4j, logback and Spring Boot, with stack traces",
    start: Start::Blocks(|args| {
        of_templates(
            args,
            &[
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} [{thread}] {logger} - {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} [{thread}] {level:level} {logger} - {message*}",
                // Spring Boot; names of threads are short of fifteen characters by blanks before them.
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} {level:level} {pid:int} --- [{application}] [ {thread}] {logger} : {message*}",
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} {level:level} {pid:int} --- [{application}] [{thread}] {logger} : {message*}",
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} {level:level} {pid:int} --- [ {thread}] {logger} : {message*}",
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} {level:level} {pid:int} --- [{thread}] {logger} : {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {pid:int} --- [ {thread}] {logger} : {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {pid:int} --- [{thread}] {logger} : {message*}",
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} {level:level} [{thread}] {logger} - {message*}",
                "{time:%Y-%m-%dT%H:%M:%S%.f%z} [{thread}] {level:level} {logger} - {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} [myid:{myid}] - {level:level} [{thread}:{logger}@{line:int}] - {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {logger}: {message*}",
                "[{time:%Y-%m-%d %H:%M:%S%.f}] {level:level} {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} [{thread}] {level:level} {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {message*}",
                // What logback and log4j2 write when nobody has said how; logback has two dashes since 1.5.
                "{clock:clock} [{thread}] {level:level} {logger} -- {message*}",
                "{clock:clock} [{thread}] {level:level} {logger} - {message*}",
            ],
        )
    }),
    fields: "time:time level thread logger message, and where a layout has them pid:int application line:int myid, or clock\n  \
             (of day, as text) instead of the time.",
    sample: "2026-03-12 02:10:11,123 INFO  [main] shop.Cart - 3 items",
};

pub(in super::super) const PYTHON: FormatSpec = FormatSpec {
    name: "python",
    args: &[],
    options: &[FormatOption::Single],
    about: "Python's logging, with tracebacks",
    start: Start::Blocks(|args| {
        of_templates(
            args,
            &[
                "{time:%Y-%m-%d %H:%M:%S%.f} - {logger} - {level:level} - {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} - {level:level} - {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {logger}: {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} [{level:level}] {logger}: {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} {level:level} {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f} [{level:level}] {message*}",
                "{time:%Y-%m-%d %H:%M:%S%.f}:{level:level}:{logger}:{message*}",
                // loguru, celery, gunicorn, airflow, uvicorn.
                "{time:%Y-%m-%d %H:%M:%S%.f} | {level:level} | {logger}:{function}:{line:int} - {message*}",
                "[{time:%Y-%m-%d %H:%M:%S%.f}: {level:level}/{process}] {message*}",
                "[{time:%Y-%m-%d %H:%M:%S %z}] [{pid:int}] [{level:level}] {message*}",
                "[{time:%Y-%m-%d %H:%M:%S%.f}] {{{file}:{line:int}}} {level:level} - {message*}",
                "[{time:%Y-%m-%dT%H:%M:%S%.f%z}] {{{file}:{line:int}}} {level:level} - {message*}",
                "{level:level}: {message*}",
                "{level:level}:{logger}:{message*}",
            ],
        )
    }),
    fields: "time:time logger level message, and where a layout has them function file line:int pid:int process.",
    sample: "2026-03-12 02:10:11,123 - shop.cart - INFO - 3 items",
};

pub(in super::super) const KLOG: FormatSpec = FormatSpec {
    name: "klog",
    args: &[],
    options: &[FormatOption::Single],
    about: "klog and glog, as Kubernetes writes them",
    start: Start::Blocks(|args| {
        of_templates(
            args,
            &[
                "{level:letter}{time:%m%d %H:%M:%S%.f} {pid:int} {file}:{line:int}] {message*}",
                "{level:letter}{time:%Y%m%d %H:%M:%S%.f} {pid:int} {file}:{line:int}] {message*}",
            ],
        )
    }),
    fields: "level (I, W, E or F) time:time pid:int file line:int message; the year is the one nearest\n  \
             before the file's time of change.",
    sample: "I0312 02:10:11.123456       1 server.go:42] \"Started in 2026\" addr=\":8443\"",
};

pub(in super::super) const REDIS: FormatSpec = FormatSpec {
    name: "redis",
    args: &[],
    options: &[FormatOption::Single],
    about: "the log of Redis and Valkey",
    start: Start::Blocks(|args| {
        of_templates(
            args,
            &[
                "{pid:int}:{role:letter} {time:%d %b %Y %H:%M:%S%.f} {level} {message*}",
                "{pid:int}:{role:letter} {time:%d %b %H:%M:%S%.f} {level} {message*}",
                "[{pid:int}] {time:%d %b %H:%M:%S%.f} {level} {message*}",
            ],
        )
    }),
    fields: "pid:int role (M, S, C or X) time:time level (., -, * or #) message.",
    sample: "4321:M 12 Mar 2026 02:10:11.123 * Ready to accept connections tcp",
};
