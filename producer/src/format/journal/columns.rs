//! Entries as records: their time, and the fields of their data.
//!
//! | of the journal | here |
//! | --- | --- |
//! | the time of the entry | `time` |
//! | `_SYSTEMD_UNIT` `_HOSTNAME` `MESSAGE` | `unit` `host` `message` |
//! | `_PID` `PRIORITY` | `pid` `priority`, an int where it is written as one |
//! | any other field | itself, text |
//! | several values of a field | a list: JSON as text |
//! | a value of more than 1 MiB | null, which is said |
//! | no value of a field that was known before the first record | null; of one that came later, the record does not have the field |

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use recpipe::Exit;
use recpipe::record::{Batch, Column, Growing, Origin, PackedInts, Places, Schema, Time, Type};

use super::super::continuity::Failure;
use super::super::names::Names;
use super::super::open_table::{OpenTable, Outcome};
use super::super::{Args, Wanted, json_string};
use super::entry::items;
use super::file::{JournalFile, name_of};
use super::header::Damage;
use super::object::{Kind, data_bytes};
use super::pages::Pages;
use super::unpack::{MAX_BYTES, Unpacker};

/// A batch ends when its texts have so many bytes.
const BATCH_BYTES: usize = 2 << 20;

/// Fields that are called otherwise in all logs, and the types of their values.
const RENAMED: [(&str, &str, Type); 5] = [
    ("_SYSTEMD_UNIT", "unit", Type::Text),
    ("_HOSTNAME", "host", Type::Text),
    ("_PID", "pid", Type::Int),
    ("PRIORITY", "priority", Type::Int),
    ("MESSAGE", "message", Type::Text),
];

/// The fields of all journals.
pub(super) fn fields() -> impl Iterator<Item = (&'static str, Type)> {
    std::iter::once(("time", Type::Time)).chain(RENAMED.iter().map(|(_, name, kind)| (*name, *kind)))
}

/// What a field of the journal is called here.
#[inline]
pub(super) fn shown_name(name: &str) -> &str {
    RENAMED.iter().find(|(journal, ..)| *journal == name).map_or(name, |(_, shown, _)| shown)
}

/// What a field is called in the journal; `None` for one that no datum is.
pub(super) fn journal_name(name: &str) -> Option<&str> {
    match RENAMED.iter().find(|(_, shown, _)| *shown == name) {
        Some((journal, ..)) => Some(journal),
        None => Some(name).filter(|name| *name != "time" && !RENAMED.iter().any(|(journal, ..)| journal == name)),
    }
}

/// What is made of entries.
pub(super) struct Read {
    pub batch: Batch,
    /// How many of the entries are in it.
    pub entries: usize,
    pub failure: Option<Failure>,
}

/// Reads entries of any files, on one thread at a time.
pub(super) struct Reader {
    pages: Pages,
    unpacker: Unpacker,
    open: OpenTable,
    /// The fields that were known before the first record.
    known: Arc<Schema>,
    items: Vec<u64>,
    damage: Option<Damage>,
    /// Bytes of the texts in the table.
    bytes: usize,
}

/// An entry to be read, and when it was written, in nanoseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub at: u64,
    pub nth: u64,
    pub nanos: i64,
}

impl Reader {
    /// Of a stream that has these fields so far, and had those to begin with.
    pub(super) fn new(args: &Args, growing: &Arc<Growing>, known: &Arc<Schema>) -> Self {
        Reader {
            pages: Pages::default(),
            unpacker: Unpacker::default(),
            open: OpenTable::new(Names::new(args.clone(), growing.clone())),
            known: known.clone(),
            items: Vec::new(),
            damage: None,
            bytes: 0,
        }
    }

    /// The records of these entries of a file, of which `start` is the end of the last one before: as many as one batch holds.
    pub(super) fn read(
        &mut self,
        file: &JournalFile,
        places: &[Place],
        (start, end): (u64, u64),
        wanted: &Wanted,
        long: &AtomicU64,
    ) -> Read {
        let mut open = std::mem::replace(&mut self.open, OpenTable::new(Names::of_samples(&Args::default())));
        open.begin();
        self.bytes = 0;
        let (mut entries, mut failure) = (0, None);
        for (row, place) in places.iter().enumerate() {
            if row > 0 && self.bytes > BATCH_BYTES {
                break;
            }
            let outcome = open.record(row, 0, |()| true, |open| self.record(open, file, place, wanted, long));
            match outcome {
                Outcome::Taken(()) => entries += 1,
                Outcome::Stopped => break,
                Outcome::Reject(why) => {
                    let damage = self.damage.take().unwrap_or_else(|| Damage::new(place.at, why));
                    let what =
                        format!("{}; this is in the data of the entry, at byte {}; what stands before it was read", damage.what, damage.at);
                    let at = place.at.saturating_sub(start) as usize;
                    failure = Some(Failure { exit: Exit::Failed, at, records_before: row as u32, what });
                    break;
                }
            }
        }
        let taken = &places[..entries];
        let (end, line) = (places.get(entries).map_or(end, |next| next.at), taken.first().map_or(0, |first| first.nth + 1));
        let origin = Origin { source: file.name.clone(), start, end, line, order: 0 };
        let first = line.saturating_sub(1);
        let lines = PackedInts::pack(&taken.iter().map(|place| place.nth.saturating_sub(first) as i64).collect::<Vec<_>>());
        let starts = PackedInts::pack(&taken.iter().map(|place| place.at.saturating_sub(start) as i64).collect::<Vec<_>>());
        let batch = open.table.batch(&Bytes::new(), &open.names.schema(), wanted, origin);
        self.open = open;
        let batch = self.with_nulls(batch);
        Read { batch: batch.with_places(Places::Whole { lines, starts, shown: false }), entries, failure }
    }

    /// The batch with nulls where a record does not have a field that was known before.
    fn with_nulls(&self, batch: Batch) -> Batch {
        let column = |(name, column): (&str, &Column)| match self.known.index_of(name) {
            None => column.clone(),
            Some(_) if column.is_absent() => Column::null(column.len()),
            Some(_) => column.clone().with_missing(None),
        };
        let columns = batch.schema().names().zip(batch.columns()).map(column).collect();
        let filled = batch.with_columns(batch.schema().clone(), columns);
        filled.unwrap_or_else(|_| unreachable!("the columns are the batch's"))
    }

    fn record(
        &mut self,
        open: &mut OpenTable,
        file: &JournalFile,
        place: &Place,
        wanted: &Wanted,
        long: &AtomicU64,
    ) -> Result<(), Cow<'static, str>> {
        let mut data = std::mem::take(&mut self.items);
        let read = match items(&mut self.pages, file, place.at, &mut data) {
            Err(damage) => self.damaged(damage),
            Ok(()) => self.fill(open, file, place, &data, wanted, long),
        };
        self.items = data;
        read
    }

    fn damaged<T>(&mut self, damage: Damage) -> Result<T, Cow<'static, str>> {
        self.damage = Some(damage);
        Err("".into())
    }

    fn fill(
        &mut self,
        open: &mut OpenTable,
        file: &JournalFile,
        place: &Place,
        data: &[u64],
        wanted: &Wanted,
        long: &AtomicU64,
    ) -> Result<(), Cow<'static, str>> {
        if wanted.has("time")
            && let Some(column) = open.place("time")?
        {
            let time = Time { nanos: place.nanos, offset_s: 0 };
            match open.names.is_cast(column) {
                true => open.table.own_text(column, |own| own.extend_from_slice(time.to_string().as_bytes())),
                false => open.table.time(column, time),
            }
        }
        for at in data {
            let datum = match self.datum(file, *at) {
                Ok(datum) => datum,
                Err(damage) => return self.damaged(damage),
            };
            let name = shown_name(datum.name);
            if !wanted.has(name) {
                continue;
            }
            let Some(column) = open.place(name)? else { continue };
            if open.is_set(column) {
                let name = datum.name.to_owned();
                let list = match self.list(file, data, &name) {
                    Ok(list) => list,
                    Err(damage) => return self.damaged(damage),
                };
                self.bytes += list.len();
                open.table.unset(column);
                open.table.own_text(column, |own| own.extend_from_slice(&list));
                continue;
            }
            let Some(value) = datum.value else {
                long.fetch_add(1, Ordering::Relaxed);
                open.table.null(column);
                continue;
            };
            let number = matches!(name, "pid" | "priority").then(|| whole(value)).flatten();
            match number.filter(|_| !open.names.is_cast(column)) {
                Some(number) => open.table.int(column, number),
                None => {
                    let len = value.len();
                    open.table.own_text(column, |own| own.extend_from_slice(value));
                    self.bytes += len;
                }
            }
        }
        Ok(())
    }

    /// The datum at this place.
    fn datum(&mut self, file: &JournalFile, at: u64) -> Result<Datum<'_>, Damage> {
        let before = data_bytes(file.header.is_compact);
        let head = self.pages.head(file, at, Kind::Data, before)?;
        let len = head.size - before;
        let corrupt = |what: &'static str| Damage::new(at, what);
        // Of a long one that lies there as it is, the name is all that there is to read.
        let kept = len.min(MAX_BYTES as u64 + 1) as usize;
        let stored = self.pages.bytes(file, at + before, kept)?;
        let (text, is_whole) = match head.flags {
            0 => (stored, len == kept as u64),
            // What is longer when it is packed is longer.
            _ if len > kept as u64 => return Err(corrupt("corrupt: a compressed datum that is too long")),
            flags => self.unpacker.unpack(flags, stored).map_err(|_| corrupt("corrupt: a datum that cannot be decompressed"))?,
        };
        let datum = Datum::of(text).ok_or_else(|| corrupt("corrupt: a datum that is no FIELD=value"))?;
        Ok(Datum { value: datum.value.filter(|value| is_whole && value.len() <= MAX_BYTES), ..datum })
    }

    /// All values of a field, as JSON.
    fn list(&mut self, file: &JournalFile, data: &[u64], name: &str) -> Result<Vec<u8>, Damage> {
        let mut list = vec![b'['];
        for at in data {
            let datum = self.datum(file, *at)?;
            if datum.name != name || list.len() > MAX_BYTES {
                continue;
            }
            if list.len() > 1 {
                list.push(b',');
            }
            match datum.value {
                Some(value) => json_string::push(value, &mut list),
                None => list.extend_from_slice(b"null"),
            }
        }
        list.push(b']');
        Ok(list)
    }
}

/// A field of an entry and its value, if that is not too long.
#[derive(Debug, Clone, Copy)]
struct Datum<'d> {
    name: &'d str,
    value: Option<&'d [u8]>,
}

impl<'d> Datum<'d> {
    #[inline]
    fn of(text: &'d [u8]) -> Option<Self> {
        let equals = memchr::memchr(b'=', text)?;
        Some(Datum { name: name_of(&text[..equals])?, value: Some(&text[equals + 1..]) })
    }
}

/// The whole number that is written so, as a program writes it.
fn whole(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_plain = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.len() < 19 && rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    is_plain.then(|| std::str::from_utf8(text).ok()?.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_that_programs_write() {
        for (text, number) in [("0", Some(0)), ("-7", Some(-7)), ("9223372036854775807", Some(i64::MAX)), ("9223372036854775808", None)] {
            assert_eq!(whole(text.as_bytes()), number, "{text}");
        }
        for text in ["", "-", "-0", "01", "+1", "1 ", "1.0", "99999999999999999999"] {
            assert_eq!(whole(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn names_there_and_back() {
        for (journal, shown) in [("_PID", "pid"), ("MESSAGE", "message"), ("_UID", "_UID")] {
            assert_eq!((shown_name(journal), journal_name(shown)), (shown, Some(journal)));
        }
        assert_eq!((journal_name("time"), journal_name("PRIORITY")), (None, None));
    }
}
