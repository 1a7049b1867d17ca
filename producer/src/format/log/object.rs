//! Logs of one JSON object a line, whose keys have the names of all logs where they mean the same: `docker`, `caddy`, `traefik`.

use recpipe::{
    json::{self, Scalar, Visitor, Way, unescape},
    record::{Time as Moment, Type},
    times::Times,
};

use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::cursor::address;
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const DOCKER: FormatSpec = FormatSpec {
    name: "docker",
    args: &[],
    options: &[],
    about: "containers' logs as Docker's json-file driver has them",
    start: Start::Blocks(|args| LogFormat::start(args, one(Object(&DOCKER_KEYS)))),
    fields: "time:time stream message, and attrs.tag and the like by their own names. The line break at the end\n  \
             of a message is left out.",
    sample: r#"{"log":"order paid\n","stream":"stdout","time":"2026-03-12T02:10:11.123456789Z"}"#,
};

pub(in super::super) const CADDY: FormatSpec = FormatSpec {
    name: "caddy",
    args: &[],
    options: &[],
    about: "Caddy's access log, of JSON",
    start: Start::Blocks(|args| LogFormat::start(args, one(Object(&CADDY_KEYS)))),
    fields: "time:time host port user method request proto status bytes http_referer http_user_agent vhost forwarded_for level\n  \
             logger message duration, and all other keys by their own names: bytes_read, request.tls.version.",
    sample: r#"{"level":"info","ts":1773281411.25,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":"203.0.113.7","remote_port":"51234","proto":"HTTP/1.1","method":"GET","host":"shop.example.org","uri":"/cart","headers":{"User-Agent":["curl/8.5.0"]}},"duration":0.0125,"size":512,"status":200}"#,
};

pub(in super::super) const TRAEFIK: FormatSpec = FormatSpec {
    name: "traefik",
    args: &[],
    options: &[],
    about: "Traefik's access log, of JSON",
    start: Start::Blocks(|args| LogFormat::start(args, one(Object(&TRAEFIK_KEYS)))),
    fields: "time:time host port user method request proto status bytes http_referer http_user_agent vhost forwarded_for level\n  \
             message, and all other keys by their own names: Duration (nanoseconds), RouterName, ServiceName, OriginStatus.",
    sample: r#"{"ClientHost":"203.0.113.7","ClientPort":"51234","ClientUsername":"ann","DownstreamContentSize":512,"DownstreamStatus":200,"Duration":12500000,"RequestHost":"shop.example.org","RequestMethod":"GET","RequestPath":"/cart","RequestProtocol":"HTTP/1.1","ServiceName":"shop@docker","level":"info","msg":"","time":"2026-03-12T02:10:11Z"}"#,
};

/// What is made of the value of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// It stays as it is.
    Value,
    /// A number that may stand in a string.
    Cell,
    /// A time.
    Time,
    /// The first text of a list.
    First,
    /// An address with a port.
    Address,
    /// Text without the line break at its end.
    Line,
}

use How::{Address, First, Line, Time, Value};

/// The keys of a program, and what they are called elsewhere. An object without one of `needed` is none of its records.
#[derive(Debug)]
struct Keys {
    name: &'static str,
    needed: &'static str,
    keys: &'static [(&'static str, &'static str, How)],
}

static DOCKER_KEYS: Keys = Keys { name: "docker", needed: "log", keys: &[("time", "time", Time), ("log", "message", Line)] };

static CADDY_KEYS: Keys = Keys {
    name: "caddy",
    needed: "request.method",
    keys: &[
        ("ts", "time", Time),
        ("msg", "message", Value),
        ("request.remote_ip", "host", Value),
        ("request.remote_port", "port", How::Cell),
        ("request.remote_addr", "host", Address),
        ("request.method", "method", Value),
        ("request.uri", "request", Value),
        ("request.proto", "proto", Value),
        ("request.host", "vhost", Value),
        ("request.headers.User-Agent", "http_user_agent", First),
        ("request.headers.Referer", "http_referer", First),
        ("request.headers.X-Forwarded-For", "forwarded_for", First),
        ("user_id", "user", Value),
        ("size", "bytes", Value),
    ],
};

static TRAEFIK_KEYS: Keys = Keys {
    name: "traefik",
    needed: "RequestMethod",
    keys: &[
        ("time", "time", Time),
        ("msg", "message", Value),
        ("ClientHost", "host", Value),
        ("ClientPort", "port", How::Cell),
        ("ClientUsername", "user", Value),
        ("RequestMethod", "method", Value),
        ("RequestPath", "request", Value),
        ("RequestProtocol", "proto", Value),
        ("RequestHost", "vhost", Value),
        ("DownstreamStatus", "status", Value),
        ("DownstreamContentSize", "bytes", Value),
        ("request_User-Agent", "http_user_agent", Value),
        ("request_Referer", "http_referer", Value),
        ("request_X-Forwarded-For", "forwarded_for", Value),
    ],
};

/// Any object: for `--or json`.
static JSON_KEYS: Keys = Keys { name: "json", needed: "", keys: &[] };

/// The objects of a program.
#[derive(Debug)]
pub(super) struct Object(&'static Keys);

impl Object {
    /// Any objects.
    pub(super) fn any() -> Self {
        Object(&JSON_KEYS)
    }
}

impl Member for Object {
    fn name(&self) -> &str {
        self.0.name
    }

    fn fields(&self) -> MemberFields {
        let first = |name: &str| self.0.keys.iter().any(|(_, known, how)| *known == name && *how == Time);
        if first("time") { vec![("time".to_owned(), Some(Type::Time))] } else { Vec::new() }
    }

    fn is_open(&self) -> bool {
        true
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        line.trim_ascii_start().first() == Some(&b'{')
    }

    fn skips_blank(&self) -> bool {
        true
    }

    fn has_times(&self) -> bool {
        self.0.keys.iter().any(|(_, name, how)| *name == "time" && *how == Time)
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Moment> {
        let mut stamp = Stamp { keys: self.0, text, times, found: None, has_needed: self.0.needed.is_empty() };
        json::object(text, &mut String::new(), &mut stamp).ok()?;
        stamp.found.filter(|_| stamp.has_needed).flatten()
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(ObjectReader { keys: self.0, path: String::new() })
    }
}

struct ObjectReader {
    keys: &'static Keys,
    path: String,
}

impl Reader for ObjectReader {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let mut values = Values { keys: self.keys, text, row, has_needed: self.keys.needed.is_empty() };
        json::object(text, &mut self.path, &mut values)?;
        if values.has_needed { Ok(Taken::Record) } else { Err(format!("it has no key `{}`", self.keys.needed).into()) }
    }
}

/// Looks for the time of an object.
struct Stamp<'v> {
    keys: &'static Keys,
    text: &'v [u8],
    times: &'v Times,
    /// The first value of its key.
    found: Option<Option<Moment>>,
    has_needed: bool,
}

impl Visitor for Stamp<'_> {
    fn value(&mut self, Way { path, .. }: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        self.has_needed |= path == self.keys.needed;
        if self.found.is_none() && self.keys.keys.iter().any(|(key, _, how)| *key == path && *how == Time) {
            let read = || self.times.read(&self.text[start..start + len]).ok().map(|read| read.time);
            self.found = Some(if scalar == Scalar::Null { None } else { read() });
        }
        Ok(())
    }
}

/// The values of an object on their way to its record.
struct Values<'v, 'r> {
    keys: &'static Keys,
    text: &'v [u8],
    row: &'v mut Row<'r>,
    has_needed: bool,
}

impl Visitor for Values<'_, '_> {
    fn value(&mut self, Way { path, .. }: Way<'_>, start: usize, len: usize, scalar: Scalar) -> Result<(), Fault> {
        self.has_needed |= path == self.keys.needed;
        let (name, how) = match self.keys.keys.iter().find(|(key, ..)| *key == path) {
            Some((_, name, how)) => (*name, *how),
            None => (path, Value),
        };
        let (text, range) = (self.text, start..start + len);
        let raw = &text[range.clone()];
        match (how, scalar) {
            (_, Scalar::Null) => self.row.null(name),
            (Time, _) => match self.row.times.read(raw) {
                Ok(read) => self.row.time(name, read.time, read.is_local),
                Err(_) => self.row.text(name, range),
            },
            (How::Cell, Scalar::String { .. }) => self.row.cell_or_null(name, text, range),
            (First, Scalar::Array) => {
                let first = raw[1..].trim_ascii_start();
                let end = first.strip_prefix(b"\"").and_then(closing_quote);
                match end {
                    Some(end) => self.row.own_text(name, |own| unescape(&first[1..=end], own)),
                    None => self.row.null(name),
                }
            }
            (Address, Scalar::String { escaped: false }) => {
                let (host, port) = address(text, range);
                self.row.text(name, host)?;
                port.map_or(Ok(()), |port| self.row.int("port", port))
            }
            (Line, Scalar::String { escaped: true }) => self.row.own_text(name, |own| {
                let from = own.len();
                unescape(raw, own);
                for end in [b'\n', b'\r'] {
                    if own.len() > from && own.last() == Some(&end) {
                        own.pop();
                    }
                }
            }),
            (_, Scalar::String { escaped: true }) => self.row.own_text(name, |own| unescape(raw, own)),
            (_, Scalar::String { .. } | Scalar::Array | Scalar::Digits) => self.row.text(name, range),
            (_, Scalar::Int(n)) => self.row.int(name, n),
            (_, Scalar::Wide(n)) => self.row.wide(name, n),
            (_, Scalar::Float(n)) => self.row.float(name, n),
            (_, Scalar::Bool(b)) => self.row.bool(name, b),
        }
    }
}

/// Where the string ends whose opening quote stands before the text.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at);
        }
        at += 2;
    }
}
