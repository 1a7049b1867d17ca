//! `ltsv`: `label:value` between tabs. What web servers log by the labels that ltsv.org recommends has the names of all web logs.

use std::ops::Range;

use recpipe::record::{Time, Type};
use recpipe::times::{Read, Times};

use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::cursor::request;
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "ltsv",
    args: &[],
    options: &[],
    about: "label:value between tabs",
    start: Start::Blocks(|args| LogFormat::start(args, one(Ltsv))),
    fields: "time:time and all other labels by their names, but those of web servers by the names of all web logs: req is method\n  \
             request proto, size is bytes, ua http_user_agent, referer http_referer, forwardedfor forwarded_for, uri request,\n  \
             protocol proto. A value is an int, a float or text by its own bytes; `-` is null but in user, referer and ua.",
    sample: "time:12/Mar/2026:03:10:11 +0100\thost:203.0.113.7\treq:GET /cart?id=5 HTTP/1.1\tstatus:200\tsize:512\tua:curl/8.5.0",
};

#[derive(Debug)]
struct Ltsv;

impl Member for Ltsv {
    fn name(&self) -> &str {
        "ltsv"
    }

    fn fields(&self) -> MemberFields {
        vec![("time".to_owned(), Some(Type::Time))]
    }

    fn is_open(&self) -> bool {
        true
    }

    fn skips_blank(&self) -> bool {
        true
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let mut time = None;
        pairs(text, |label, value| {
            // A `time` that is none is the record's all the same.
            match stamp(label, &text[value], times) {
                Some(read) => time = time.or(Some(Some(read))),
                None if label == "time" => time = time.or(Some(None)),
                None => {}
            }
            Ok(())
        })
        .ok()?;
        time.flatten().map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Ltsv)
    }
}

/// The time that the value of this label is, if it has one.
fn stamp(label: &str, value: &[u8], times: &Times) -> Option<Read> {
    let bare = value.strip_prefix(b"[").and_then(|stamp| stamp.strip_suffix(b"]")).unwrap_or(value);
    matches!(label, "time" | "time_local" | "time_iso8601").then(|| times.read(bare).ok()).flatten()
}

impl Reader for Ltsv {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        pairs(text, |label, value| put(label, text, value, row)).map(|()| Taken::Record)
    }
}

/// Calls `each` with the labels of a line, and where their values stand.
fn pairs(text: &[u8], mut each: impl FnMut(&str, Range<usize>) -> Result<(), Fault>) -> Result<(), Fault> {
    // Prose has colons, too: one label alone has no blank after it.
    if memchr::memchr(b'\t', text).is_none() && memchr::memmem::find(text, b": ").is_some() {
        return Err("it is no label:value between tabs".into());
    }
    let mut at = 0;
    for part in text.split(|byte| *byte == b'\t') {
        let start = at;
        at += part.len() + 1;
        if part.is_empty() {
            continue;
        }
        let colon = memchr::memchr(b':', part).filter(|colon| *colon > 0);
        let colon = colon.ok_or("it is no label:value between tabs")?;
        let label = std::str::from_utf8(&part[..colon]).map_err(|_| "a label is not UTF-8")?;
        // As ltsv.org has them, so that `time=12:00` is no label.
        if !label.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'.' | b'-')) {
            return Err("it is no label:value between tabs".into());
        }
        each(label, start + colon + 1..start + part.len())?;
    }
    Ok(())
}

fn put(label: &str, text: &[u8], value: Range<usize>, row: &mut Row<'_>) -> Result<(), Fault> {
    match label {
        "time" | "time_local" | "time_iso8601" => match stamp(label, &text[value.clone()], row.times) {
            Some(read) => row.time("time", read.time, read.is_local),
            None => row.text_or_null(label, text, value),
        },
        "req" => match request(text, value.clone()) {
            Some([method, path, proto]) => {
                row.text("method", method)?;
                row.text("request", path)?;
                row.text("proto", proto)
            }
            None => row.text("request", value),
        },
        "host" => row.text("host", value),
        "user" => row.text("user", value),
        "referer" => row.text("http_referer", value),
        "ua" => row.text("http_user_agent", value),
        "forwardedfor" => row.text_or_null("forwarded_for", text, value),
        "uri" => row.text_or_null("request", text, value),
        "protocol" => row.text_or_null("proto", text, value),
        "size" => row.cell_or_null("bytes", text, value),
        _ => row.cell_or_null(label, text, value),
    }
}
