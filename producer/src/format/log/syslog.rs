//! `syslog`: RFC 3164 as files and the network have it, RFC 5424, and rsyslog's form with ISO times; told apart line by line.
//!
//! ```text
//! <86>Mar 12 02:10:13 web2 CRON[999]: message
//! 2026-03-12T02:10:11.123456+01:00 web1 sshd[812]: message
//! <174>1 2026-03-12T02:10:11.25Z web1 shopd 4711 PAID [order@41058 number="70113"] message
//! ```
//!
//! A parameter of structured data is a field: `order.number`, without the number of the enterprise.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memchr2;
use recpipe::record::{Time, Type};
use recpipe::times::{TimePattern, Times};

use super::super::{FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::cursor::{Cursor, number};
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "syslog",
    args: &[],
    options: &[FormatOption::Single],
    about: "syslog: RFC 3164, RFC 5424 and rsyslog's ISO form, told apart by themselves",
    start: Start::Blocks(|args| LogFormat::start(args, one(Syslog))),
    fields: "time:time host app pid:int message, and where a line has them facility:int priority:int (0 emergency to 7 debug),\n  \
             msgid, and the parameters of structured data, such as order.number. RFC 3164 says no year: it is the one that puts\n  \
             a time nearest before the file's time of change.",
    sample: "Mar 12 02:10:11 web1 sshd[812]: Failed password for ann from 203.0.113.9\n\
             <174>1 2026-03-12T02:10:11.25Z web1 shopd 4711 PAID [order@41058 number=\"70113\"] An order",
};

/// The time of RFC 3164, as most write it; and with a year, as some routers do.
static STAMPS: LazyLock<[Option<TimePattern>; 2]> =
    LazyLock::new(|| ["%b %e %H:%M:%S%.f", "%b %e %Y %H:%M:%S%.f"].map(|format| TimePattern::prefix(format).ok()));

#[derive(Debug)]
struct Syslog;

impl Member for Syslog {
    fn name(&self) -> &str {
        "syslog"
    }

    fn fields(&self) -> MemberFields {
        let text = Some(Type::Text);
        let fields = [("time", Some(Type::Time)), ("host", text), ("app", text), ("pid", None), ("message", text)];
        fields.map(|(name, kind)| (name.to_owned(), kind)).into()
    }

    fn is_open(&self) -> bool {
        true
    }

    fn takes_lines(&self) -> bool {
        true
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        let mut line = Cursor::new(line);
        let has_priority = priority(&mut line).is_some();
        match line.rest() {
            [b'1'..=b'9', b' ', ..] => has_priority,
            [b'A'..=b'Z', ..] => stamp(line.rest(), &Times::default()).is_some(),
            [b'0'..=b'9', ..] => iso(&mut line, &Times::default()).is_some(),
            _ => false,
        }
    }

    fn skips_blank(&self) -> bool {
        true
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let mut line = Cursor::new(text);
        if priority(&mut line).is_some() && line.take(b"1 ").is_some() {
            let time = line.until(b' ')?;
            return times.read(&text[time]).ok().map(|read| read.time);
        }
        dated(&mut line, times).map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(Syslog)
    }
}

/// `<86>`: facility and severity.
fn priority(text: &mut Cursor<'_>) -> Option<i64> {
    let mut ahead = *text;
    ahead.take(b"<")?;
    let digits = ahead.until(b'>').filter(|digits| digits.len() <= 3)?;
    let priority = number(&text.text[digits]).filter(|priority| *priority < 192)?;
    *text = ahead;
    Some(priority)
}

/// The time of RFC 3164 that a text begins with.
fn stamp(text: &[u8], times: &Times) -> Option<(usize, recpipe::times::Read)> {
    STAMPS.iter().flatten().rev().find_map(|pattern| pattern.read_prefix(text, times)).and_then(|(len, read)| Some((len, read.ok()?)))
}

/// The time of rsyslog's form, `2026-03-12T02:10:11+01:00`, and the blanks after it. A number is a time, too, but none of a log.
fn iso(line: &mut Cursor<'_>, times: &Times) -> Option<recpipe::times::Read> {
    let word = line.word()?;
    let text = &line.text[word];
    (text.len() >= 19 && text[4] == b'-' && text[10] == b'T').then_some(())?;
    times.read(text).ok()
}

/// The time of RFC 3164 or ISO, and what parts it from the host.
fn dated(line: &mut Cursor<'_>, times: &Times) -> Option<recpipe::times::Read> {
    // Routers mark a clock that is not set.
    if matches!(line.rest(), [b'*' | b'.', b'A'..=b'Z', ..]) {
        line.at += 1;
    }
    let Some((len, read)) = stamp(line.rest(), times) else { return iso(line, times) };
    line.at += len;
    line.take(b":");
    line.blanks();
    Some(read)
}

impl Reader for Syslog {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let mut line = Cursor::new(text);
        let priority = priority(&mut line);
        if priority.is_some()
            && let [version @ b'1'..=b'9', b' ', ..] = line.rest()
        {
            if *version != b'1' {
                return Err("its version is not 1, that of RFC 5424".into());
            }
            line.at += 2;
            rfc5424(&mut line, row)?;
        } else {
            rfc3164(&mut line, row)?;
        }
        if let Some(priority) = priority {
            row.int("facility", priority >> 3)?;
            row.int("priority", priority & 7)?;
        }
        Ok(Taken::Record)
    }
}

/// A time of RFC 3164 or ISO, the host, the tag, the message.
fn rfc3164(line: &mut Cursor<'_>, row: &mut Row<'_>) -> Result<(), Fault> {
    let read = dated(line, row.times).ok_or("it does not begin with a time")?;
    row.time("time", read.time, read.is_local)?;
    let mut ahead = *line;
    // What is written on the host itself may lack its name.
    if let Some(word) = ahead.word().filter(|word| !line.text[word.clone()].ends_with(b":") && !line.text[word.clone()].contains(&b'[')) {
        row.text("host", word)?;
        *line = ahead;
        // Routers have no tag.
        line.take(b": ");
    }
    if let Some((app, pid, after)) = tag(line) {
        row.text("app", app)?;
        if let Some(pid) = pid {
            row.cell("pid", line.text, pid)?;
        }
        line.at = after;
        line.blanks();
    }
    row.text("message", line.rest_range())
}

/// `sshd[812]:`, `kernel:`: the name, what stands in brackets, and where it ends.
fn tag(line: &Cursor<'_>) -> Option<(Range<usize>, Option<Range<usize>>, usize)> {
    let rest = line.rest();
    let end = rest.iter().position(|byte| b":[ \t\n".contains(byte)).filter(|end| *end > 0)?;
    let name = line.at..line.at + end;
    match rest[end] {
        b':' => Some((name, None, line.at + end + 1)),
        b'[' => {
            let close = end + memchr2(b']', b'\n', &rest[end..]).filter(|close| rest[end + close] == b']')?;
            let colon = usize::from(rest.get(close + 1) == Some(&b':'));
            (colon == 1 || rest.get(close + 1) == Some(&b' '))
                .then(|| (name, Some(line.at + end + 1..line.at + close), line.at + close + 1 + colon))
        }
        _ => None,
    }
}

/// What follows the version.
fn rfc5424(line: &mut Cursor<'_>, row: &mut Row<'_>) -> Result<(), Fault> {
    let word = |line: &mut Cursor<'_>| {
        let word = line.until(b' ').or_else(|| Some(line.rest_range()).filter(|rest| !rest.is_empty()));
        if word.as_ref().is_some_and(|word| word.end == line.text.len()) {
            line.at = line.text.len();
        }
        word.ok_or("it ends before its message")
    };
    let time = word(line)?;
    match &line.text[time] {
        b"-" => row.null("time")?,
        text => row.time_of("time", text)?,
    }
    let (host, app, pid, msgid) = (word(line)?, word(line)?, word(line)?, word(line)?);
    row.text_or_null("host", line.text, host)?;
    row.text_or_null("app", line.text, app)?;
    row.cell_or_null("pid", line.text, pid)?;
    if line.take(b"-").is_none() {
        structured(line, row)?;
    }
    if !line.rest().is_empty() {
        line.take(b" ").ok_or("there is no blank before its message")?;
        line.take(b"\xef\xbb\xbf");
        row.text("message", line.rest_range())?;
    }
    if line.text[msgid.clone()] != *b"-" {
        row.text("msgid", msgid)?;
    }
    Ok(())
}

/// `[id@1 name="value" …][…]`
fn structured(line: &mut Cursor<'_>, row: &mut Row<'_>) -> Result<(), Fault> {
    let torn = || Fault::from("its structured data is torn");
    let mut path = String::new();
    while line.take(b"[").is_some() {
        let len = line.rest().iter().position(|byte| matches!(byte, b' ' | b']')).ok_or_else(torn)?;
        let id = &line.rest()[..len];
        line.at += len;
        let id = String::from_utf8_lossy(id.split(|byte| *byte == b'@').next().unwrap_or_default());
        loop {
            line.blanks();
            if line.take(b"]").is_some() {
                break;
            }
            let name = line.until_text(b"=\"").ok_or_else(torn)?;
            path.clear();
            path.push_str(&id);
            path.push('.');
            path.push_str(&String::from_utf8_lossy(&line.text[name]));
            let start = line.at;
            loop {
                let at = memchr2(b'"', b'\\', line.rest()).ok_or_else(torn)?;
                line.at += at + 1;
                if line.text[line.at - 1] == b'"' {
                    break;
                }
                line.at = (line.at + 1).min(line.text.len());
            }
            let value = start..line.at - 1;
            if line.text[value.clone()].contains(&b'\\') {
                row.own_text(&path, |own| unescape(&line.text[value], own))?;
            } else {
                row.cell(&path, line.text, value)?;
            }
        }
    }
    Ok(())
}

/// A backslash before a quote, a bracket or a backslash is none.
fn unescape(text: &[u8], own: &mut Vec<u8>) {
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match (byte, bytes.peek()) {
            (b'\\', Some(b'"' | b'\\' | b']')) => own.extend(bytes.next()),
            _ => own.push(byte),
        }
    }
}
