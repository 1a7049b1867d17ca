//! A format of times, compiled: what most logs use, read from the front of a text without jiff, at a tenth of the time.

use jiff::civil::Date;

use super::{
    NoTime, Read, Times,
    cursor::Cursor,
    named,
    stamp::{self, Stamp, TimeOfDay},
};

/// One thing that stands in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Byte(u8),
    /// One or more blanks.
    Blanks,
    Year,
    Month,
    MonthName,
    WeekdayName,
    Day,
    Hour,
    Minute,
    Second,
    /// The digits after a separator that the format has.
    Fraction,
    /// A point or a comma and digits, or nothing.
    DotFraction,
    /// `+0100`, `+01:00` or `Z`.
    Offset,
    /// The name of a zone, or an offset.
    ZoneName,
}

/// A format all of whose directives are among the usual ones, and which says month and day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    steps: Box<[Step]>,
}

impl Shape {
    /// `None` for a format that jiff has to read.
    pub(super) fn new(format: &str) -> Option<Self> {
        let mut steps = Vec::new();
        let mut rest = format.as_bytes();
        while let [first, after @ ..] = rest {
            rest = after;
            match first {
                b' ' | b'\t' => {
                    if steps.last() != Some(&Step::Blanks) {
                        steps.push(Step::Blanks);
                    }
                }
                b'%' => {
                    let dotted = rest.first() == Some(&b'.');
                    let flags = rest.iter().take_while(|byte| b"-_0123456789.:".contains(byte)).count();
                    let (letter, after) = rest[flags..].split_first()?;
                    rest = after;
                    steps.extend_from_slice(directive(*letter, dotted)?);
                }
                byte => steps.push(Step::Byte(*byte)),
            }
        }
        let has = |step: Step| steps.contains(&step);
        let has_day = (has(Step::Month) || has(Step::MonthName)) && has(Step::Day);
        has_day.then(|| Shape { steps: steps.into() })
    }

    /// The bytes between the directives; a run of blanks is one space.
    pub(super) fn separators(&self) -> impl Iterator<Item = u8> {
        self.steps.iter().filter_map(|step| match step {
            Step::Byte(byte) => Some(*byte),
            Step::Blanks => Some(b' '),
            _ => None,
        })
    }

    /// Where in `text`, which is a time of this format, hour, minute and second stand. `None` unless each is there once, as two digits, all
    /// before them has its full width, and an offset follows: then any other digits in these places are another time of the same day,
    /// as long as they are one that clocks show.
    pub(super) fn clock_of(&self, text: &[u8]) -> Option<[usize; 3]> {
        let (mut clock, mut at, mut has_offset) = ([None; 3], 0, false);
        for step in &self.steps {
            if clock.iter().all(Option::is_some) {
                has_offset |= *step == Step::Offset;
                (!matches!(step, Step::Hour | Step::Minute | Step::Second)).then_some(())?;
                continue;
            }
            let here = text.get(at..)?;
            let digits = |n: usize| here.len() >= n && here[..n].iter().all(u8::is_ascii_digit);
            let (width, is_right) = match step {
                Step::Byte(byte) => (1, here.first() == Some(byte)),
                Step::Blanks => (1, here.first() == Some(&b' ') && here.get(1).is_some_and(|next| !matches!(next, b' ' | b'\t'))),
                Step::Year => (4, digits(4)),
                Step::MonthName => (3, true),
                Step::Month | Step::Day | Step::Hour | Step::Minute | Step::Second => (2, digits(2)),
                Step::WeekdayName | Step::Fraction | Step::DotFraction | Step::Offset | Step::ZoneName => return None,
            };
            let place = match step {
                Step::Hour => Some(0),
                Step::Minute => Some(1),
                Step::Second => Some(2),
                _ => None,
            };
            if let Some(place) = place {
                clock[place].replace(at).is_none().then_some(())?;
            }
            is_right.then_some(())?;
            at += width;
        }
        let [Some(hour), Some(minute), Some(second)] = clock else { return None };
        has_offset.then_some([hour, minute, second])
    }

    /// How long the time is that the text begins with, and the moment that it is. `None` where it begins with none.
    pub(super) fn read(&self, text: &[u8], times: &Times) -> Option<(usize, Result<Read, NoTime>)> {
        let mut stamp = Stamp { year: None, month: 0, day: 0, clock: TimeOfDay::default(), offset_s: None };
        let (mut left, mut is_known) = (Cursor(text), true);
        for step in &self.steps {
            match step {
                Step::Byte(byte) => left.byte(*byte)?,
                Step::Blanks => (left.blanks() > 0).then_some(())?,
                Step::Year => stamp.year = Some(left.digits(4)?),
                Step::Month => stamp.month = left.upto_two()?,
                Step::MonthName => stamp.month = named::month_begins(&mut left)?,
                Step::WeekdayName => (!left.word().is_empty()).then_some(())?,
                Step::Day => {
                    left.any(b" ");
                    stamp.day = left.upto_two()?;
                }
                Step::Hour => stamp.clock.hour = left.upto_two()?,
                Step::Minute => stamp.clock.minute = left.upto_two()?,
                Step::Second => stamp.clock.second = left.upto_two()?,
                Step::Fraction => stamp.clock.nanos = left.nanos()?,
                Step::DotFraction => stamp.clock.nanos = left.fraction()?,
                Step::Offset => stamp.offset_s = Some(stamp::offset_begins(&mut left)?),
                Step::ZoneName => match stamp::offset_begins(&mut left) {
                    Some(offset_s) => stamp.offset_s = Some(offset_s),
                    None => {
                        let name = left.word();
                        (!name.is_empty()).then_some(())?;
                        stamp.offset_s = named::zone(name);
                        is_known &= stamp.offset_s.is_some();
                    }
                },
            }
        }
        let TimeOfDay { hour, minute, second, nanos } = stamp.clock;
        stamp.clock = TimeOfDay::new(hour, minute, second, nanos)?;
        // 29 February is a day where no year is said.
        Date::new(stamp.year.unwrap_or(2000) as i16, stamp.month as i8, stamp.day as i8).ok()?;
        let len = text.len() - left.0.len();
        Some((len, if is_known { times.moment(&stamp) } else { Err(NoTime::Unreadable) }))
    }
}

/// What a directive means here.
fn directive(letter: u8, dotted: bool) -> Option<&'static [Step]> {
    use Step::{Blanks, Byte, Day, DotFraction, Fraction, Hour, Minute, Month, MonthName, Offset, Second, WeekdayName, Year, ZoneName};
    Some(match letter {
        b'Y' => &[Year],
        b'm' => &[Month],
        b'b' | b'h' => &[MonthName],
        b'a' => &[WeekdayName],
        b'd' | b'e' => &[Day],
        b'H' | b'k' => &[Hour],
        b'M' => &[Minute],
        b'S' => &[Second],
        b'f' if dotted => &[DotFraction],
        b'f' => &[Fraction],
        b'z' => &[Offset],
        b'Z' => &[ZoneName],
        b'F' => &[Year, Byte(b'-'), Month, Byte(b'-'), Day],
        b'T' => &[Hour, Byte(b':'), Minute, Byte(b':'), Second],
        b'R' => &[Hour, Byte(b':'), Minute],
        b'n' | b't' => &[Blanks],
        b'%' => &[Byte(b'%')],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{record::Time, times::write_by_format};

    #[test]
    fn reads_what_a_text_begins_with() {
        let before = Time::parse(b"2026-03-13T00:00:00Z");
        let check = |format: &str, text: &str, expect: &str| {
            let read = Shape::new(format).unwrap().read(text.as_bytes(), &Times { before, ..Times::default() });
            let shown = read.map(|(len, read)| format!("{len} {}", read.map(|read| read.time.to_string()).unwrap_or_default()));
            assert_eq!(shown.unwrap_or_default(), expect, "{format} of {text}");
        };
        check("%Y-%m-%d %H:%M:%S,%3f", "2026-03-12 02:10:11,123 INFO", "23 2026-03-12T02:10:11.123+00:00");
        check("%d/%b/%Y:%H:%M:%S %z", "12/Mar/2026:03:10:11 +0100]", "26 2026-03-12T03:10:11+01:00");
        check("%b %e %T", "Mar  5 02:10:12 web1", "15 2026-03-05T02:10:12+00:00");
        check("%b %d %T", "Dec 31 02:10:12", "15 2025-12-31T02:10:12+00:00");
        check("%m%d %T.%6f", "0312 02:10:11.123456       1", "20 2026-03-12T02:10:11.123456+00:00");
        check("%FT%T%.f%z", "2026-03-12T02:10:11.5Z x", "22 2026-03-12T02:10:11.5+00:00");
        check("%FT%T%.f%z", "2026-03-12T02:10:11+01:00", "25 2026-03-12T02:10:11+01:00");
        check("%F %T%.f %Z", "2026-03-12 02:10:11.5 CET [1]", "25 2026-03-12T02:10:11.5+01:00");
        check("%F %T %Z", "2026-03-12 02:10:11 IST", "23 ");
        check("%a %b %e %T %Y", "Thu Mar 12 02:10:11 2026]", "24 2026-03-12T02:10:11+00:00");
        for text in ["2026-02-30 00:00", "2026-13-01 00:00", "2026-03-12 24:00", "2026-03-12", "", "x"] {
            check("%F %R", text, "");
        }
        assert!(["%H:%M", "%s", "%j %Y", "%Y-%m"].iter().all(|format| Shape::new(format).is_none()));
    }

    proptest! {
        #[test]
        fn says_what_jiff_says(seconds in -9_000_000_000_i64..9_000_000_000, nanos in 0..1_000_000_000_i64, quarters in -56..=56_i32, rest in "([^0-9].{0,5})?") {
            let time = Time { nanos: seconds * 1_000_000_000 + nanos, offset_s: quarters * 900 };
            for format in ["%d/%b/%Y:%H:%M:%S.%f %z", "%F %T.%f%:z", "%a %b %e %H:%M:%S.%f %Y %z"] {
                let mut text = Vec::new();
                write_by_format(format, time, &mut text).unwrap();
                let len = text.len();
                text.extend_from_slice(rest.as_bytes());
                let (read, found) = Shape::new(format).unwrap().read(&text, &Times::default()).unwrap();
                prop_assert_eq!((read, found.unwrap().time), (len, time));
                prop_assert_eq!(found.unwrap().time.offset_s, time.offset_s);
            }
        }
    }
}
