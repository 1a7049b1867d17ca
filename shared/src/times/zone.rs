//! Time zones: the offsets that clocks of a place have had, and by the rules of today will have.

use std::{str::FromStr, sync::Arc};

use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, Offset, TimeZone},
};

use super::NoTime;
use crate::Error;
use crate::record::{Column, PackedInts, Time, column::Values};

/// A time zone. The default is UTC.
///
/// # Examples
/// ```
/// use recpipe::times::Zone;
///
/// let zone = Zone::named("Europe/Berlin")?;
/// assert_eq!(zone.at(1_709_294_400_000_000_000).to_string(), "2024-03-01T13:00:00+01:00");
/// let error = Zone::named("Berlin").unwrap_err();
/// assert_eq!(error.to_string(), "there is no time zone `Berlin`; did you mean Europe/Berlin?");
/// # Ok::<(), recpipe::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Zone {
    name: Arc<str>,
    rules: TimeZone,
    fixed_s: Option<i32>,
}

impl Default for Zone {
    fn default() -> Self {
        Zone { name: "UTC".into(), rules: TimeZone::UTC, fixed_s: Some(0) }
    }
}

impl FromStr for Zone {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Zone::named(name)
    }
}

impl Zone {
    /// The zone that IANA calls so, in any case: `Europe/Berlin`, `UTC`. Its rules come with this program.
    ///
    /// # Errors
    /// [`Error::Usage`] when there is none, with what may have been meant.
    pub fn named(name: &str) -> Result<Self, Error> {
        let names = jiff::tz::db();
        match names.get(name) {
            Ok(rules) => {
                let fixed_s = rules.to_fixed_offset().ok().map(|offset| minutes(offset.seconds()));
                Ok(Zone { name: rules.iana_name().unwrap_or(name).into(), rules, fixed_s })
            }
            Err(_) => {
                let city = |known: &str| known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&name.replace(' ', "_")));
                let known = names.available().map(|known| known.to_string()).find(|known| city(known));
                let help =
                    known.map_or("names are such as Europe/Berlin or America/New_York".into(), |known| format!("did you mean {known}?"));
                Err(Error::Usage(format!("there is no time zone `{name}`; {help}")))
            }
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The time at this moment, in nanoseconds since 1970.
    pub fn at(&self, nanos: i64) -> Time {
        if let Some(offset_s) = self.fixed_s {
            return Time { nanos, offset_s };
        }
        let timestamp = Timestamp::from_nanosecond(i128::from(nanos)).unwrap_or(Timestamp::UNIX_EPOCH);
        Time { nanos, offset_s: minutes(self.rules.to_offset(timestamp).seconds()) }
    }

    /// The column with the offsets of the zone, if its values are times.
    #[doc(hidden)]
    pub fn column(&self, column: &Column) -> Column {
        let Values::Time { nanos, .. } = column.values() else { return column.clone() };
        let offsets: Vec<i64> = nanos.to_vec().into_iter().map(|nanos| self.at(nanos).offset_s.into()).collect();
        let values = Values::Time { nanos: nanos.clone(), offset_s: PackedInts::pack(&offsets) };
        Column::new(values).with_nulls(column.nulls().cloned())
    }

    /// The moment at which calendar and clock show this: the first of two; where they skip it, as much later as they skip.
    ///
    /// # Errors
    /// [`NoTime::Beyond`] in a year that a time does not reach.
    pub fn time_of(&self, local: DateTime) -> Result<Time, NoTime> {
        // In a gap the clock of before says which moment it is, and that of after shows it.
        let (written, shown) = match self.rules.to_ambiguous_timestamp(local).offset() {
            AmbiguousOffset::Unambiguous { offset } => (offset, offset),
            AmbiguousOffset::Fold { before, .. } => (before, before),
            AmbiguousOffset::Gap { before, after } => (before, after),
        };
        let utc = Offset::UTC.to_timestamp(local).map_err(|_| NoTime::Beyond)?.as_nanosecond();
        let nanos = utc - i128::from(minutes(written.seconds())) * 1_000_000_000;
        Ok(Time { nanos: i64::try_from(nanos).map_err(|_| NoTime::Beyond)?, offset_s: minutes(shown.seconds()) })
    }

    /// The offset, where it is always the same.
    #[inline]
    pub(super) fn fixed(&self) -> Option<i32> {
        self.fixed_s
    }
}

/// An offset in whole minutes, which is all that RFC 3339 can write. Clocks had others before there were zones.
fn minutes(offset_s: i32) -> i32 {
    offset_s.div_euclid(60) * 60
}
