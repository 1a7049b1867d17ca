//! `mysql-slow`: the slow query log of MySQL, MariaDB and Percona Server.
//!
//! A record begins with `# Time:`, or with `# User@Host:` where no such line stands before it: older servers leave it out within a
//! second. `# Name: value` pairs are fields; the statement is what follows them.

use recpipe::record::{Time, Type};
use recpipe::times::{TimePattern, Times};

use super::super::lines::lines;
use super::super::{FormatSpec, Start};
use super::LogFormat;
use super::cursor::Cursor;
use super::member::{Fault, Member, MemberFields, Reader, Row, Taken, one};

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "mysql-slow",
    args: &[],
    options: &[],
    about: "the slow query log of MySQL, MariaDB and Percona Server",
    start: Start::Blocks(|args| LogFormat::start(args, one(MysqlSlow))),
    fields: "time:time user host ip id:int database query query_time:float lock_time:float rows_sent:int rows_examined:int, and all\n  \
             other names of the comments in small letters. query is the statement, without use and SET timestamp.",
    sample: "# Time: 2026-03-12T02:10:12.000000Z\n# User@Host: root[root] @ localhost []  Id:    43\n# Query_time: 11.000000  Lock_time: 0.000000 Rows_sent: 0  Rows_examined: 7\nSET timestamp=1773281401;\nDELETE FROM carts;",
};

#[derive(Debug)]
struct MysqlSlow;

/// Whether the server has started, or begun a file: it writes three lines then.
fn is_start(line: &[u8]) -> bool {
    line.ends_with(b"started with:")
}

impl Member for MysqlSlow {
    fn name(&self) -> &str {
        "mysql-slow"
    }

    fn fields(&self) -> MemberFields {
        let text = Some(Type::Text);
        let fields = [
            ("time", Some(Type::Time)),
            ("user", text),
            ("host", text),
            ("ip", text),
            ("id", None),
            ("database", text),
            ("query_time", None),
            ("lock_time", None),
            ("rows_sent", None),
            ("rows_examined", None),
            ("query", text),
        ];
        fields.map(|(name, kind)| (name.to_owned(), kind)).into()
    }

    fn is_open(&self) -> bool {
        true
    }

    fn takes_lines(&self) -> bool {
        true
    }

    fn begins(&self, before: &[u8], line: &[u8]) -> bool {
        let last = || {
            let before = before.strip_suffix(b"\n").unwrap_or(before);
            &before[memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1)..]
        };
        line.starts_with(b"# Time: ") || is_start(line) || (line.starts_with(b"# User@Host: ") && !last().starts_with(b"# Time: "))
    }

    fn skips_blank(&self) -> bool {
        true
    }

    fn has_times(&self) -> bool {
        true
    }

    /// A record without `# Time:` may have it in the line before.
    fn begins_anywhere(&self) -> bool {
        false
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let mut set = None;
        for (_, line) in lines(text) {
            match kind(line) {
                Kind::Start => return None,
                Kind::Time(stamp) => return written(stamp, times).map(|read| read.time),
                Kind::User | Kind::Pairs | Kind::Use => {}
                Kind::Set(seconds) => set = set.or(Some(seconds)),
                Kind::Query if line.trim_ascii().is_empty() => {}
                Kind::Query => break,
            }
        }
        set.and_then(|seconds| times.read(seconds).ok()).map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(MysqlSlow)
    }
}

/// What a line before the statement is.
enum Kind<'l> {
    /// The server has started.
    Start,
    Time(&'l [u8]),
    User,
    /// `# Name: value`
    Pairs,
    Use,
    Set(&'l [u8]),
    /// The statement, or nothing.
    Query,
}

fn kind(line: &[u8]) -> Kind<'_> {
    match line {
        _ if is_start(line) => Kind::Start,
        [b'#', b' ', b'T', b'i', b'm', b'e', b':', b' ', stamp @ ..] => Kind::Time(stamp.trim_ascii()),
        _ if line.starts_with(b"# User@Host: ") => Kind::User,
        [b'#', b' ', ..] => Kind::Pairs,
        [b'u', b's', b'e', b' ', ..] => Kind::Use,
        _ => match line.strip_prefix(b"SET timestamp=") {
            Some(seconds) => Kind::Set(seconds.split(|byte| *byte == b';').next().unwrap_or_default()),
            None => Kind::Query,
        },
    }
}

/// The time of a `# Time:` line.
fn written(stamp: &[u8], times: &Times) -> Option<recpipe::times::Read> {
    times.read(stamp).ok().or_else(|| short(stamp, times))
}

impl Reader for MysqlSlow {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        let (mut has_time, mut query_start, mut set) = (false, text.len(), None);
        for (start, line) in lines(text) {
            match kind(line) {
                Kind::Start if start == 0 => return Ok(Taken::Nothing),
                Kind::Time(stamp) => {
                    let read = written(stamp, row.times).ok_or("`# Time:` is no time")?;
                    row.time("time", read.time, read.is_local)?;
                    has_time = true;
                }
                Kind::User => user(text, start + 13..start + line.len(), row)?,
                Kind::Pairs => pairs(text, start + 2..start + line.len(), row)?,
                Kind::Use => {
                    let name = line[4..].trim_ascii_end();
                    let len = name.strip_suffix(b";").unwrap_or(name).len();
                    row.text("database", start + 4..start + 4 + len)?;
                }
                Kind::Set(seconds) if set.is_none() => set = Some(seconds),
                _ if line.trim_ascii().is_empty() => {}
                _ => {
                    query_start = start;
                    break;
                }
            }
        }
        if !has_time && let Some(read) = set.and_then(|seconds| row.times.read(seconds).ok()) {
            row.time("time", read.time, read.is_local)?;
        }
        let len = text[query_start..].trim_ascii_end().len();
        row.text("query", query_start..query_start + len)?;
        Ok(Taken::Record)
    }
}

/// `260312  2:10:11` of older servers.
fn short(text: &[u8], times: &Times) -> Option<recpipe::times::Read> {
    let century = [b"20", text].concat();
    let pattern = TimePattern::prefix("%Y%m%d %H:%M:%S").ok()?;
    pattern.read_prefix(&century, times).filter(|(len, _)| *len == century.len())?.1.ok()
}

/// `shop[shop] @ web1 [10.0.0.5]  Id:    42`
fn user(text: &[u8], part: std::ops::Range<usize>, row: &mut Row<'_>) -> Result<(), Fault> {
    let odd = || Fault::from("`# User@Host:` is odd");
    let mut rest = Cursor { text: &text[..part.end], at: part.start };
    let user = rest.until(b'[').ok_or_else(odd)?;
    rest.until(b']').ok_or_else(odd)?;
    rest.take(b" @ ").ok_or_else(odd)?;
    let host = rest.until(b'[').ok_or_else(odd)?;
    let ip = rest.until(b']').ok_or_else(odd)?;
    row.text("user", user)?;
    let len = text[host.clone()].trim_ascii_end().len();
    let host = host.start..host.start + len;
    // A client without a name has its address alone.
    if host.is_empty() {
        row.text_or_null("host", text, ip.clone())?
    } else {
        row.text("host", host)?
    }
    row.text_or_null("ip", text, ip)?;
    pairs(text, rest.at..part.end, row)
}

/// `Query_time: 2.345678  Lock_time: 0.000012`
fn pairs(text: &[u8], part: std::ops::Range<usize>, row: &mut Row<'_>) -> Result<(), Fault> {
    let mut rest = Cursor { text: &text[..part.end], at: part.start };
    rest.blanks();
    while let Some(word) = rest.word() {
        let Some(name) = text[word.clone()].strip_suffix(b":") else { continue };
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let mut ahead = rest;
        match ahead.word() {
            Some(value) if !text[value.clone()].ends_with(b":") => {
                let name = if name == "schema" { "database" } else { &name };
                row.cell_or_null(name, text, value)?;
                rest = ahead;
            }
            _ => row.null(&name)?,
        }
    }
    Ok(())
}
