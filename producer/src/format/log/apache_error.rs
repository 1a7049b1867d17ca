//! `apache-error`: the error log of Apache 2.4 and 2.2.
//!
//! ```text
//! [Thu Mar 12 02:10:11.123456 2026] [core:error] [pid 4321:tid 139871] [client 203.0.113.7:51234] AH00126: message
//! [Thu Mar 12 02:10:14 2026] [error] [client 198.51.100.9] message
//! ```

use std::ops::Range;

use recpipe::record::{Time, Type};
use recpipe::times::{TimePattern, Times};

use super::super::{FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::cursor::{Cursor, address, number};
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "apache-error",
    args: &[],
    options: &[FormatOption::Single],
    about: "Apache's error log, of 2.4 and 2.2",
    start: Start::Blocks(|args| {
        let stamps = vec![TimePattern::prefix("%a %b %e %H:%M:%S%.f %Y")?, TimePattern::prefix("%Y-%m-%d %H:%M:%S%.f")?];
        LogFormat::start(args, one(ApacheError { stamps }))
    }),
    fields: "time:time level message, and where a line has them module pid:int tid host (the client) port:int code http_referer.",
    sample: "[Thu Mar 12 02:10:11.123456 2026] [core:error] [pid 4321:tid 139871234567890] [client 203.0.113.7:51234] AH00126: Invalid URI in request GET /../x HTTP/1.1",
};

#[derive(Debug, Clone)]
struct ApacheError {
    stamps: Vec<TimePattern>,
}

impl ApacheError {
    /// What a line begins with: the time, and the place after its bracket.
    fn head(&self, line: &[u8], times: &Times) -> Option<(usize, recpipe::times::Read)> {
        let rest = line.strip_prefix(b"[")?;
        let (len, read) = self.stamps.iter().find_map(|stamp| stamp.read_prefix(rest, times))?;
        (rest.get(len) == Some(&b']')).then_some(())?;
        Some((len + 2, read.ok()?))
    }
}

impl Member for ApacheError {
    fn name(&self) -> &str {
        "apache-error"
    }

    fn fields(&self) -> MemberFields {
        let text = Some(Type::Text);
        let fields = [
            ("time", Some(Type::Time)),
            ("module", text),
            ("level", text),
            ("pid", Some(Type::Int)),
            ("tid", text),
            ("host", text),
            ("port", Some(Type::Int)),
            ("code", text),
            ("http_referer", text),
            ("message", text),
        ];
        fields.map(|(name, kind)| (name.to_owned(), kind)).into()
    }

    fn takes_lines(&self) -> bool {
        true
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        self.head(line, &Times::default()).is_some()
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        self.head(text, times).map(|(_, read)| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

impl Reader for ApacheError {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let (at, read) = self.head(text, row.times).ok_or("it does not begin with a time in brackets")?;
        row.time("time", read.time, read.is_local)?;
        let mut rest = Cursor { text, at };
        let mut ahead = rest;
        let mut has_client = false;
        // The level, maybe behind its module.
        ahead.take(b" [").ok_or("no [level] stands after its time")?;
        let level = ahead.until(b']').ok_or("no [level] stands after its time")?;
        match memchr::memrchr(b':', &text[level.clone()]) {
            Some(colon) => {
                if colon > 0 {
                    row.text("module", level.start..level.start + colon)?;
                }
                row.text("level", level.start + colon + 1..level.end)?;
            }
            None => row.text("level", level)?,
        }
        rest = ahead;
        while ahead.take(b" [").is_some() {
            let Some(part) = ahead.until(b']') else { break };
            let word = &text[part.clone()];
            if let Some(pid) = word.strip_prefix(b"pid ") {
                let len = memchr::memchr(b':', pid).unwrap_or(pid.len());
                row.int("pid", number(&pid[..len]).ok_or("its pid is no number")?)?;
                if pid[len..].starts_with(b":tid ") {
                    row.text("tid", part.start + 4 + len + 5..part.end)?;
                }
            } else if word.starts_with(b"client ") {
                client(&mut ahead, part, row)?;
                has_client = true;
            } else {
                // It is of the message.
                break;
            }
            rest = ahead;
        }
        rest.blanks();
        let message = rest.rest_range();
        // In 2.4 what went wrong in the system, and in which file of the server, stands before the client:
        // mod_x.c(12): (13)Permission denied: [client 203.0.113.7:51234] AH00035: …
        if !has_client && let Some(at) = memchr::memmem::find(&text[message.clone()], b": [client ") {
            let mut ahead = Cursor { text, at: message.start + at + 3 };
            if let Some(part) = ahead.until(b']') {
                client(&mut ahead, part, row)?;
            }
        }
        let code = memchr::memmem::find_iter(&text[message.clone()], b"AH").map(|at| message.start + at);
        let begins = |at: usize| at == message.start || text[..at].ends_with(b": ") || text[..at].ends_with(b"] ");
        if let Some(at) = code.into_iter().find(|at| begins(*at)) {
            let digits = text[at + 2..].iter().take_while(|byte| byte.is_ascii_digit()).count();
            if digits == 5 && text.get(at + 7) == Some(&b':') {
                row.text("code", at..at + 7)?;
            }
        }
        if let Some(at) = memchr::memmem::rfind(&text[message.clone()], b", referer: ") {
            row.text("http_referer", message.start + at + 11..message.end)?;
        }
        row.text("message", message)?;
        Ok(Taken::Record)
    }
}

/// The client, of whom `part` is what stands up to the first bracket that closes.
fn client(ahead: &mut Cursor<'_>, part: Range<usize>, row: &mut Row<'_>) -> Result<(), Fault> {
    let text = ahead.text;
    let word = &text[part.clone()];
    // An IPv6 address has brackets of its own.
    let end = match word.starts_with(b"client [") {
        true => ahead.until(b']').map_or(part.end, |more| more.end),
        false => part.end,
    };
    let (host, port) = address(text, part.start + b"client ".len()..end);
    row.text("host", host)?;
    port.map_or(Ok(()), |port| row.int("port", port))
}
