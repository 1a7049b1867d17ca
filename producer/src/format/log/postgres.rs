//! `postgres`: the server log of PostgreSQL, as it goes to stderr or as CSV (`csvlog`), told apart line by line.

use std::ops::Range;

use recpipe::record::{Time, Type};
use recpipe::template::Template;
use recpipe::times::{TimePattern, Times};

use super::super::{FormatOption, FormatSpec, Start};
use super::LogFormat;
use super::columns::{self, Column, Kind::*};
use super::cursor::undouble;
use super::member::{Fault, Member, MemberFields, Members, Reader, Row, Taken};
use super::template::TemplateMember;

pub(in super::super) const SPEC: FormatSpec = FormatSpec {
    name: "postgres",
    args: &[],
    options: &[FormatOption::Single],
    about: "PostgreSQL's server log, of stderr or csvlog",
    start: Start::Blocks(|args| {
        let mut members = vec![std::sync::Arc::new(CsvLog { stamp: TimePattern::prefix(STAMP)? }) as _];
        for template in STDERR {
            members.push(TemplateMember::shared(Template::parse(template)?));
        }
        LogFormat::start(args, |is_single| Members::new(members, is_single))
    }),
    fields: "time:time level pid:int message, and by the prefix of a line user database host application session_line context;\n  \
             of csvlog also port sqlstate session_id command_tag session_start:time vxid xid detail hint internal_query\n  \
             statement location backend_type and others. DETAIL and STATEMENT of stderr are records of their own.",
    sample: "2026-03-12 02:10:12.456 UTC [4388] ERROR:  duplicate key value violates unique constraint \"users_pkey\"",
};

/// `%m` and `%t` of `log_line_prefix`.
const STAMP: &str = "%Y-%m-%d %H:%M:%S%.f %Z";

/// Prefixes: the server's own, Debian's, that of RDS, those that pgBadger asks for, and any with a time and a process.
const STDERR: [&str; 8] = [
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}] {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}] {user}@{database} {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z}:{host}:{user}@{database}:[{pid:int}]:{level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}]: user={user},db={database},app={application},client={host} {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}]: [{session_line:int}-1] user={user},db={database},app={application},client={host} {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}]: [{session_line:int}-1] user={user},db={database} {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}-{session_line:int}] {user}@{database} {level:level}: {message*}",
    "{time:%Y-%m-%d %H:%M:%S%.f %Z} [{pid:int}]{context} {level:level}: {message*}",
];

/// The columns of csvlog; the last four came with versions 13 and 14.
const COLUMNS: [Column; 26] = [
    ("time", Time),
    ("user", Text),
    ("database", Text),
    ("pid", Cell),
    ("host", Address),
    ("session_id", Text),
    ("session_line", Cell),
    ("command_tag", Text),
    ("session_start", Time),
    ("vxid", Text),
    ("xid", Cell),
    ("level", Text),
    ("sqlstate", Text),
    ("message", Text),
    ("detail", Text),
    ("hint", Text),
    ("internal_query", Text),
    ("internal_query_pos", Cell),
    ("context", Text),
    ("statement", Text),
    ("statement_pos", Cell),
    ("location", Text),
    ("application", Text),
    ("backend_type", Text),
    ("leader_pid", Cell),
    ("query_id", Cell),
];

/// Versions before 9.0 had so many.
const LEAST: usize = 22;

#[derive(Debug, Clone)]
struct CsvLog {
    stamp: TimePattern,
}

impl Member for CsvLog {
    fn name(&self) -> &str {
        "csvlog"
    }

    fn fields(&self) -> MemberFields {
        let first = [("time", Some(Type::Time)), ("level", Some(Type::Text)), ("pid", None), ("message", Some(Type::Text))];
        let mut fields: MemberFields = first.map(|(name, kind)| (name.to_owned(), kind)).into();
        let known = fields.clone();
        fields.extend(columns::fields(&COLUMNS).into_iter().filter(|(name, _)| !known.iter().any(|(known, _)| known == name)));
        fields
    }

    fn takes_lines(&self) -> bool {
        true
    }

    fn begins(&self, _: &[u8], line: &[u8]) -> bool {
        self.stamp.read_prefix(line, &Times::default()).is_some_and(|(len, _)| line.get(len) == Some(&b','))
    }

    fn has_times(&self) -> bool {
        true
    }

    fn time(&self, text: &[u8], times: &Times) -> Option<Time> {
        let end = memchr::memchr(b',', text).filter(|_| self.begins(b"", text))?;
        times.read(&text[..end]).ok().map(|read| read.time)
    }

    fn reader(&self) -> Box<dyn Reader> {
        Box::new(self.clone())
    }
}

impl Reader for CsvLog {
    fn read(&mut self, text: &[u8], row: &mut Row<'_>) -> Result<Taken, Fault> {
        if !self.begins(b"", text) {
            return Err("it does not begin with a time and a comma".into());
        }
        let (mut at, mut place) = (0, 0);
        while at <= text.len() {
            let column = *COLUMNS.get(place).ok_or_else(|| format!("it has more than {} values", COLUMNS.len()))?;
            let (value, is_doubled) = value(text, &mut at)?;
            if is_doubled {
                row.own_text(column.0, |own| undouble(&text[value], own))?;
            } else if value.is_empty() {
                row.null(column.0)?;
            } else {
                columns::put(column, text, value, row)?;
            }
            place += 1;
        }
        if place < LEAST { Err(format!("it has {place} values; csvlog has at least {LEAST}").into()) } else { Ok(Taken::Record) }
    }
}

/// The value at this place, which is moved behind the comma after it; whether quotes stand twice in it.
fn value(text: &[u8], at: &mut usize) -> Result<(Range<usize>, bool), Fault> {
    let rest = &text[*at..];
    if rest.first() != Some(&b'"') {
        let len = memchr::memchr(b',', rest).unwrap_or(rest.len());
        let found = *at..*at + len;
        *at += len + 1;
        return Ok((found, false));
    }
    let (mut end, mut is_doubled) = (1, false);
    loop {
        end += memchr::memchr(b'"', rest.get(end..).unwrap_or_default()).ok_or("a quote is not closed")?;
        match rest.get(end + 1) {
            Some(b'"') => (end, is_doubled) = (end + 2, true),
            None | Some(b',') => break,
            Some(_) => return Err("text follows a closing quote".into()),
        }
    }
    let found = *at + 1..*at + end;
    *at += end + 2;
    Ok((found, is_doubled))
}
