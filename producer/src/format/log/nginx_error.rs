//! `nginx-error`: `2026/03/12 02:10:11 [error] 1234#1235: *5678 message, client: 203.0.113.7, server: …, request: "…"`.

use recpipe::record::{Time, Type};
use recpipe::times::{TimePattern, Times};

use super::super::{FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::cursor::{Cursor, number, request};
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "nginx-error",
    args: &[],
    options: &[FormatOption::Single],
    about: "nginx's error log",
    start: Start::Blocks(|args| {
        let stamp = TimePattern::prefix("%Y/%m/%d %H:%M:%S")?;
        LogFormat::start(args, one(NginxError { stamp }))
    }),
    fields: "time:time level pid:int tid:int connection:int message, the whole of it; and what stands at its end: host (the\n  \
             client), server, method request proto, subrequest upstream vhost http_referer.",
    sample: "2026/03/12 02:10:11 [error] 1234#1235: *5678 open() \"/srv/www/favicon.ico\" failed (2: No such file or directory), client: 203.0.113.7, server: shop.example.org, request: \"GET /favicon.ico HTTP/1.1\", host: \"shop.example.org\"",
};

/// What stands at the end of a message, as nginx calls it, and the field.
const CONTEXT: [(&[u8], &str); 7] = [
    (b", client: ", "host"),
    (b", server: ", "server"),
    (b", request: ", "request"),
    (b", subrequest: ", "subrequest"),
    (b", upstream: ", "upstream"),
    (b", host: ", "vhost"),
    (b", referrer: ", "http_referer"),
];

#[derive(Debug, Clone)]
struct NginxError {
    stamp: TimePattern,
}

impl Member for NginxError {
    fn name(&self) -> &str {
        "nginx-error"
    }

    fn fields(&self) -> MemberFields {
        let (text, int) = (Some(Type::Text), Some(Type::Int));
        let first = [("time", Some(Type::Time)), ("level", text), ("pid", int), ("tid", int), ("connection", int), ("message", text)];
        let last = ["host", "server", "method", "request", "proto", "subrequest", "upstream", "vhost", "http_referer"];
        first.into_iter().chain(last.map(|name| (name, text))).map(|(name, kind)| (name.to_owned(), kind)).collect()
    }

    fn takes_lines(&self) -> bool {
        true
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        self.stamp.read_prefix(line, &Times::default()).is_some_and(|(len, _)| line[len..].starts_with(b" ["))
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let (len, read) = self.stamp.read_prefix(text, times)?;
        read.ok().filter(|_| text[len..].starts_with(b" [")).map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

impl Reader for NginxError {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let odd = || Fault::from("it does not begin with a time, [level] and pid#tid:");
        let (len, read) = self.stamp.read_prefix(text, row.times).ok_or_else(odd)?;
        let read = read.map_err(|_| odd())?;
        let mut rest = Cursor { text, at: len };
        rest.take(b" [").ok_or_else(odd)?;
        let level = rest.until(b']').ok_or_else(odd)?;
        rest.take(b" ").ok_or_else(odd)?;
        let pid = rest.until(b'#').and_then(|pid| number(&text[pid])).ok_or_else(odd)?;
        let tid = rest.until(b':').and_then(|tid| number(&text[tid])).ok_or_else(odd)?;
        rest.take(b" ").ok_or_else(odd)?;
        row.time("time", read.time, read.is_local)?;
        row.text("level", level)?;
        row.int("pid", pid)?;
        row.int("tid", tid)?;
        let mut ahead = rest;
        if ahead.take(b"*").is_some()
            && let Some(connection) = ahead.until(b' ').and_then(|connection| number(&text[connection]))
        {
            row.int("connection", connection)?;
            rest = ahead;
        }
        let message = rest.rest_range();
        let from = message.start;
        row.text("message", message)?;
        context(text, from, row)?;
        Ok(Taken::Record)
    }
}

/// The client and what follows it, in the order of nginx: a request may have anything in it, so what stands before it is looked for first.
fn context(text: &[u8], from: usize, row: &mut Row<'_>) -> Result<(), Fault> {
    let Some(mut at) = memchr::memmem::rfind(&text[from..], CONTEXT[0].0).map(|at| from + at) else { return Ok(()) };
    while let Some((key, field)) = CONTEXT.iter().find(|(key, _)| text[at..].starts_with(key)) {
        let start = at + key.len();
        let is_quoted = text.get(start) == Some(&b'"');
        let next = CONTEXT.iter().filter_map(|(key, _)| {
            // A quoted value ends with a quote before the comma.
            let found = memchr::memmem::find_iter(&text[start..], key).map(|found| start + found);
            found.into_iter().find(|found| !is_quoted || (text[found - 1] == b'"' && *found > start + 1))
        });
        let end = next.min().unwrap_or(text.len());
        let value = match is_quoted && end > start + 1 && text[end - 1] == b'"' {
            true => start + 1..end - 1,
            false => start..end,
        };
        match *field {
            "request" => match request(text, value.clone()) {
                Some([method, path, proto]) => {
                    row.text("method", method)?;
                    row.text("request", path)?;
                    row.text("proto", proto)?;
                }
                None => row.text("request", value)?,
            },
            field => row.text(field, value)?,
        }
        at = end;
    }
    Ok(())
}
