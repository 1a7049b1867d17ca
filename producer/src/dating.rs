//! How times are read, by `--cast f=time` and by the formats of logs: in the zone of the run, in the year of the file.

use std::collections::HashMap;
use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use recpipe::record::{Time, Value};
use recpipe::times::{NoTime, Read, TimePattern, Times, Zone};

/// What times are read by.
#[derive(Debug, Default)]
pub struct Dating {
    /// `--cast f=time:FORMAT`.
    pub patterns: Vec<(String, TimePattern)>,
    /// `--zone`; without it, times without offset are in UTC.
    pub zone: Option<Zone>,
    /// Whether files grow while they are read: then a time without a year is before now.
    pub follows: bool,
    /// When each file was changed last, as it was when its first time was read.
    changed: Mutex<HashMap<Arc<str>, Option<Time>>>,
    /// How many times had no offset.
    local: AtomicU64,
    /// Whether others had one that is not that of UTC.
    has_offsets: AtomicBool,
    /// How many times had a zone whose name is unknown, or of several.
    unknown_zones: AtomicU64,
}

impl Dating {
    /// Reads times so.
    pub fn new(patterns: Vec<(String, TimePattern)>, zone: Option<Zone>, follows: bool) -> Self {
        Dating { patterns, zone, follows, ..Dating::default() }
    }

    /// What times of this input do not say.
    pub(crate) fn times(&self, source: &Arc<str>) -> Times {
        let before = if self.follows { None } else { self.changed(source) };
        Times { zone: self.zone.clone().unwrap_or_default(), before }
    }

    /// What reads the field of this name in records of `source`.
    pub(crate) fn reader(&self, field: &str, source: &Arc<str>) -> Reader<'_> {
        let pattern = self.patterns.iter().find(|(name, _)| name == field).map(|(_, pattern)| pattern);
        Reader { pattern, times: self.times(source), seen: Seen::default(), dating: self }
    }

    /// Counts what was seen.
    pub(crate) fn note(&self, seen: &Seen) {
        self.local.fetch_add(seen.local, Ordering::Relaxed);
        self.has_offsets.fetch_or(seen.has_offsets, Ordering::Relaxed);
        self.unknown_zones.fetch_add(seen.unknown_zones, Ordering::Relaxed);
    }

    /// When the file was changed last; `None` for what is no file.
    fn changed(&self, source: &Arc<str>) -> Option<Time> {
        let mut known = self.changed.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(source.clone()).or_insert_with(|| {
            let path = if **source == *"-" { "/dev/stdin" } else { source };
            let changed = fs::metadata(path).ok().filter(fs::Metadata::is_file)?.modified().ok()?;
            let nanos = changed.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_nanos()).unwrap_or(i64::MAX));
            Some(Time { nanos, offset_s: 0 })
        })
    }

    /// What is to be said at the end: that times without offset were taken in UTC, if it mattered; and that others are null.
    pub(crate) fn remark(&self) -> Option<String> {
        let (local, unknown) = (self.local.load(Ordering::Relaxed), self.unknown_zones.load(Ordering::Relaxed));
        let matters = local > 0 && self.zone.is_none() && self.has_offsets.load(Ordering::Relaxed);
        let local = matters.then(|| {
            let times = if local == 1 { "1 time without offset was" } else { &format!("{local} times without offset were") };
            format!("{times} taken in UTC, beside others that have one; `--zone` says where that is, as in `--zone Europe/Berlin`")
        });
        let unknown = (unknown > 0).then(|| {
            let times = if unknown == 1 { "1 time is" } else { &format!("{unknown} times are") };
            format!("{times} null: the name of the zone is unknown, or that of several; let the log write its offset")
        });
        let said: Vec<String> = [local, unknown].into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join("; "))
    }
}

/// What was seen of the times of a block.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Seen {
    /// How many had no offset.
    pub(crate) local: u64,
    /// Whether one had an offset that is not that of UTC.
    pub(crate) has_offsets: bool,
    /// How many had the name of a zone that is unknown.
    pub(crate) unknown_zones: u64,
}

impl Seen {
    /// A time.
    #[inline]
    pub(crate) fn add(&mut self, time: Time, is_local: bool) {
        self.local += u64::from(is_local);
        self.has_offsets |= !is_local && time.offset_s != 0;
    }

    /// What another has seen, too.
    pub(crate) fn join(&mut self, other: &Seen) {
        self.local += other.local;
        self.has_offsets |= other.has_offsets;
        self.unknown_zones += other.unknown_zones;
    }
}

/// Reads one column.
pub(crate) struct Reader<'d> {
    pattern: Option<&'d TimePattern>,
    times: Times,
    seen: Seen,
    dating: &'d Dating,
}

impl Reader<'_> {
    /// The time that a value is.
    pub(crate) fn read(&mut self, value: Value<'_>) -> Result<Time, NoTime> {
        let read = match (value, self.pattern) {
            (Value::Text(text), Some(pattern)) => pattern.read(text.trim_ascii(), &self.times),
            (Value::Text(text), None) => self.times.read(text),
            (value, Some(pattern)) => pattern.read(value.to_string().as_bytes(), &self.times),
            (Value::Int(number), None) => self.times.of_int(number),
            (Value::Float(number), None) => self.times.of_float(number),
            _ => Err(NoTime::Unreadable),
        };
        let Read { time, is_local } = read?;
        self.seen.add(time, is_local);
        Ok(time)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.dating.note(&self.seen);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    #[test]
    fn a_syslog_time_has_the_year_of_its_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let changed = |nanos: i64| UNIX_EPOCH + Duration::from_nanos(nanos.cast_unsigned());
        file.as_file().set_modified(changed(Time::parse(b"2025-01-02T06:00:00Z").unwrap().nanos)).unwrap();
        let source: Arc<str> = file.path().to_str().unwrap().into();
        let year =
            |dating: &Dating, source: &Arc<str>| dating.reader("f", source).read(Value::Text(b"Dec 31 23:59:50")).unwrap().local().year();
        let dating = Dating::default();
        assert_eq!(year(&dating, &source), 2024);
        // What is written meanwhile dates nothing anew: all threads read the same.
        file.as_file().set_modified(changed(Time::parse(b"2027-01-02T06:00:00Z").unwrap().nanos)).unwrap();
        assert_eq!(year(&dating, &source), 2024);
        assert_eq!(year(&Dating::default(), &source), 2026);
        let grows = Dating::new(Vec::new(), None, true);
        let now = Times::default().read(b"Dec 31 23:59:50").unwrap().time.local().year();
        assert_eq!((year(&grows, &source), year(&dating, &"no/such/file".into())), (now, now));
    }
}
