//! A value of a column.

use std::collections::HashMap;
use std::io::Write;

use arrow_array::types::*;
use arrow_array::{Array, ArrayRef, cast::AsArray};
use arrow_schema::{DataType, TimeUnit};
use recpipe::record::Time;
use recpipe::times::{Times, Zone};

use super::super::Args;
use super::json;

/// A value.
pub(super) enum Cell<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Time(Time),
    /// A time that no time can be.
    Beyond,
    Text(&'a [u8]),
    /// Text that was written to the bytes that were handed in.
    Own,
}

/// The zones of the timestamps of a table, by their names there.
pub(super) struct Zones {
    named: HashMap<String, Zoned>,
    /// Where those without a zone are, if that was said.
    local: Times,
    has_local: bool,
}

enum Zoned {
    Offset(i32),
    Zone(Zone),
}

impl Zones {
    pub(super) fn new(args: &Args) -> Self {
        let local = args.dating.times(&"".into());
        Zones { named: HashMap::new(), local, has_local: args.zone.is_some() }
    }

    /// Learns the zone of the timestamps of a column, if it has such.
    ///
    /// # Errors
    /// There is no such zone.
    pub(super) fn learn(&mut self, kind: &DataType) -> Result<(), String> {
        match kind {
            DataType::Timestamp(_, Some(name)) if !self.named.contains_key(&**name) => {
                let zoned = match offset(name) {
                    Some(offset) => Zoned::Offset(offset),
                    None => Zoned::Zone(Zone::named(name).map_err(|what| format!("its times are in a zone that is not known: {what}"))?),
                };
                self.named.insert(name.to_string(), zoned);
                Ok(())
            }
            DataType::Dictionary(_, of) => self.learn(of),
            DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) | DataType::Map(of, _) => {
                self.learn(of.data_type())
            }
            DataType::Struct(fields) => fields.iter().try_for_each(|field| self.learn(field.data_type())),
            _ => Ok(()),
        }
    }

    fn time(&self, value: i64, unit: TimeUnit, zone: Option<&str>) -> Cell<'static> {
        let Some(nanos) = value.checked_mul(nanos_of(unit)) else { return Cell::Beyond };
        let time = match zone.and_then(|zone| self.named.get(zone)) {
            Some(Zoned::Offset(offset_s)) => Time { nanos, offset_s: *offset_s },
            Some(Zoned::Zone(zone)) => zone.at(nanos),
            None if self.has_local => {
                let utc = Time { nanos, offset_s: 0 }.to_string();
                let local = utc.strip_suffix("+00:00").unwrap_or(&utc);
                match self.local.read(local.as_bytes()) {
                    Ok(read) => read.time,
                    Err(_) => return Cell::Beyond,
                }
            }
            None => Time { nanos, offset_s: 0 },
        };
        Cell::Time(time)
    }
}

/// `+05:30`, in seconds; nothing for a name.
fn offset(name: &str) -> Option<i32> {
    if matches!(name, "Z" | "UTC" | "utc") {
        return Some(0);
    }
    let sign = match name.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let digits: String = name[1..].chars().filter(|c| *c != ':').collect();
    let (hours, minutes) =
        (digits.get(..2)?.parse::<i32>().ok()?, digits.get(2..).filter(|rest| !rest.is_empty()).map_or(Some(0), |rest| rest.parse().ok())?);
    (digits.len() <= 4 && hours < 24 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn nanos_of(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

/// Whether records can have what a column of this type holds.
pub(super) fn is_known(kind: &DataType) -> bool {
    match kind {
        DataType::Interval(_) | DataType::Union(..) | DataType::ListView(_) | DataType::LargeListView(_) | DataType::RunEndEncoded(..) => {
            false
        }
        DataType::Dictionary(_, of) => is_known(of),
        DataType::List(of) | DataType::LargeList(of) | DataType::FixedSizeList(of, _) | DataType::Map(of, _) => is_known(of.data_type()),
        DataType::Struct(fields) => fields.iter().all(|field| is_known(field.data_type())),
        _ => true,
    }
}

/// The value of a row; text of its own is appended to `own`.
///
/// # Errors
/// The column is damaged, or of a type that is [not known](is_known).
pub(super) fn cell<'a>(array: &'a ArrayRef, row: usize, zones: &Zones, own: &mut Vec<u8>) -> Result<Cell<'a>, String> {
    if array.is_null(row) {
        return Ok(Cell::Null);
    }
    macro_rules! value {
        ($kind:ty) => {
            array.as_primitive::<$kind>().value(row)
        };
    }
    // Writing to a vector does not fail.
    Ok(match array.data_type() {
        DataType::Null => Cell::Null,
        DataType::Boolean => Cell::Bool(array.as_boolean().value(row)),
        DataType::Int8 => Cell::Int(value!(Int8Type).into()),
        DataType::Int16 => Cell::Int(value!(Int16Type).into()),
        DataType::Int32 => Cell::Int(value!(Int32Type).into()),
        DataType::Int64 => Cell::Int(value!(Int64Type).into()),
        DataType::UInt8 => Cell::Int(value!(UInt8Type).into()),
        DataType::UInt16 => Cell::Int(value!(UInt16Type).into()),
        DataType::UInt32 => Cell::Int(value!(UInt32Type).into()),
        DataType::UInt64 => Cell::Int(value!(UInt64Type).into()),
        DataType::Float16 => Cell::Float(value!(Float16Type).into()),
        DataType::Float32 => Cell::Float(value!(Float32Type).into()),
        DataType::Float64 => Cell::Float(value!(Float64Type)),
        DataType::Utf8 => Cell::Text(array.as_string::<i32>().value(row).as_bytes()),
        DataType::LargeUtf8 => Cell::Text(array.as_string::<i64>().value(row).as_bytes()),
        DataType::Utf8View => Cell::Text(array.as_string_view().value(row).as_bytes()),
        DataType::Binary => Cell::Text(array.as_binary::<i32>().value(row)),
        DataType::LargeBinary => Cell::Text(array.as_binary::<i64>().value(row)),
        DataType::BinaryView => Cell::Text(array.as_binary_view().value(row)),
        DataType::FixedSizeBinary(_) => Cell::Text(array.as_fixed_size_binary().value(row)),
        DataType::Timestamp(unit, zone) => {
            let value = match unit {
                TimeUnit::Second => value!(TimestampSecondType),
                TimeUnit::Millisecond => value!(TimestampMillisecondType),
                TimeUnit::Microsecond => value!(TimestampMicrosecondType),
                TimeUnit::Nanosecond => value!(TimestampNanosecondType),
            };
            zones.time(value, *unit, zone.as_deref())
        }
        DataType::Duration(unit) => {
            let value = match unit {
                TimeUnit::Second => value!(DurationSecondType),
                TimeUnit::Millisecond => value!(DurationMillisecondType),
                TimeUnit::Microsecond => value!(DurationMicrosecondType),
                TimeUnit::Nanosecond => value!(DurationNanosecondType),
            };
            Cell::Float(value as f64 / (1_000_000_000 / nanos_of(*unit)) as f64)
        }
        DataType::Date32 => date(value!(Date32Type).into(), own),
        DataType::Date64 => date(value!(Date64Type).div_euclid(86_400_000), own),
        DataType::Time32(TimeUnit::Second) => clock(value!(Time32SecondType).into(), TimeUnit::Second, own),
        DataType::Time32(_) => clock(value!(Time32MillisecondType).into(), TimeUnit::Millisecond, own),
        DataType::Time64(TimeUnit::Microsecond) => clock(value!(Time64MicrosecondType), TimeUnit::Microsecond, own),
        DataType::Time64(_) => clock(value!(Time64NanosecondType), TimeUnit::Nanosecond, own),
        DataType::Decimal32(..) => decimal(array.as_primitive::<Decimal32Type>().value_as_string(row), own),
        DataType::Decimal64(..) => decimal(array.as_primitive::<Decimal64Type>().value_as_string(row), own),
        DataType::Decimal128(..) => decimal(array.as_primitive::<Decimal128Type>().value_as_string(row), own),
        DataType::Decimal256(..) => decimal(array.as_primitive::<Decimal256Type>().value_as_string(row), own),
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key = key(dictionary.keys(), row).filter(|key| *key < dictionary.values().len());
            return cell(dictionary.values(), key.ok_or("a key of a dictionary lies outside of it")?, zones, own);
        }
        DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) | DataType::Map(..) | DataType::Struct(_) => {
            json::write(array, row, zones, own)?;
            Cell::Own
        }
        other => return Err(format!("a value of type {other}, which records do not have")),
    })
}

/// The place in a dictionary.
fn key(keys: &dyn Array, row: usize) -> Option<usize> {
    macro_rules! key {
        ($kind:ty) => {
            usize::try_from(keys.as_primitive_opt::<$kind>()?.value(row)).ok()
        };
    }
    match keys.data_type() {
        DataType::Int8 => key!(Int8Type),
        DataType::Int16 => key!(Int16Type),
        DataType::Int32 => key!(Int32Type),
        DataType::Int64 => key!(Int64Type),
        DataType::UInt8 => key!(UInt8Type),
        DataType::UInt16 => key!(UInt16Type),
        DataType::UInt32 => key!(UInt32Type),
        DataType::UInt64 => key!(UInt64Type),
        _ => None,
    }
}

fn decimal(text: String, own: &mut Vec<u8>) -> Cell<'static> {
    own.extend_from_slice(text.as_bytes());
    Cell::Own
}

/// A day, counted from 1970, as a date; its number where no calendar has it.
fn date(days: i64, own: &mut Vec<u8>) -> Cell<'static> {
    // Howard Hinnant's `civil_from_days`.
    let shifted = days.saturating_add(719_468);
    let era = shifted.div_euclid(146_097);
    let day = shifted.rem_euclid(146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let _ = write!(own, "{year:04}-{month:02}-{day:02}");
    Cell::Own
}

/// A time of day.
fn clock(value: i64, unit: TimeUnit, own: &mut Vec<u8>) -> Cell<'static> {
    let per_second = 1_000_000_000 / nanos_of(unit);
    let (second, part) = (value.div_euclid(per_second), value.rem_euclid(per_second));
    let _ = write!(own, "{:02}:{:02}:{:02}", second.div_euclid(3600), second.div_euclid(60).rem_euclid(60), second.rem_euclid(60));
    if part > 0 {
        let fraction = format!("{:09}", part * nanos_of(unit));
        let _ = write!(own, ".{}", fraction.trim_end_matches('0'));
    }
    Cell::Own
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_times_of_day_are_text() {
        let text = |write: &dyn Fn(&mut Vec<u8>) -> Cell<'static>| {
            let mut own = Vec::new();
            assert!(matches!(write(&mut own), Cell::Own));
            String::from_utf8(own).unwrap()
        };
        for (days, want) in
            [(0, "1970-01-01"), (-1, "1969-12-31"), (20_524, "2026-03-12"), (11_016, "2000-02-29"), (-719_162, "0001-01-01")]
        {
            assert_eq!(text(&|own| date(days, own)), want);
        }
        assert_eq!(text(&|own| clock(7811, TimeUnit::Second, own)), "02:10:11");
        assert_eq!(text(&|own| clock(86_399_999_500, TimeUnit::Microsecond, own)), "23:59:59.9995");
    }

    #[test]
    fn zones_are_offsets_or_names() {
        for (name, want) in
            [("UTC", Some(0)), ("+05:30", Some(19_800)), ("-0800", Some(-28_800)), ("Europe/Berlin", None), ("+99:00", None)]
        {
            assert_eq!(offset(name), want, "{name}");
        }
    }
}
