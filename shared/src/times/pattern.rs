//! Times by a format: `%Y-%m-%d %H:%M`, read and written.

use std::io::Write;

use jiff::{
    Timestamp,
    fmt::strtime::{BrokenDownTime, Config, PosixCustom},
    tz::{Offset, TimeZone},
};

use super::{NoTime, Read, Times, shape::Shape};
use crate::record::Time;

/// A moment that every format must be able to show.
pub const SAMPLE: Time = Time { nanos: 1_203_833_339_250_000_000, offset_s: -6 * 3600 };

/// A format that times are read by; it is known to say a moment.
///
/// The directives are those of [`jiff::fmt::strtime`]. The offset is the text's own (`%z`, `%:z`); a text that says none is
/// in the zone of [`Times`], one that says no time of day is midnight. A second of 60 is that of 59.
///
/// # Examples
/// ```
/// use recpipe::times::{NoTime, TimePattern, Times};
///
/// let pattern = TimePattern::new("%d.%m.%Y %H:%M")?;
/// let read = |text: &[u8]| pattern.read(text, &Times::default()).map(|read| read.time.to_string());
/// assert_eq!(read(b"24.02.2008 00:08").as_deref(), Ok("2008-02-24T00:08:00+00:00"));
/// assert_eq!(read(b"yesterday"), Err(NoTime::Unreadable));
/// assert!(TimePattern::new("%H:%M").is_err(), "of which day?");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimePattern {
    text: Box<str>,
    /// Where it is one of the usual formats.
    shape: Option<Shape>,
}

impl TimePattern {
    /// Reads a format.
    ///
    /// # Errors
    /// What is wrong with it, to be shown to whoever wrote it: an unknown directive, one that can only be written, or a
    /// format that leaves the day open.
    pub fn new(text: &str) -> Result<Self, String> {
        // What a format writes it must be able to read.
        let mut sample = Vec::new();
        write(text, SAMPLE, &mut sample).map_err(|error| explain(&error))?;
        let broken = BrokenDownTime::parse(text, &sample).map_err(|error| explain(&error))?;
        if directives(text).any(|letter| letter == 'Q') {
            return Err("%Q is for writing; an offset is read by `%z`, and `--zone` names a zone".to_owned());
        }
        if broken.timestamp().is_none() {
            broken.to_datetime().map_err(|error| format!("it says no moment: {error}"))?;
        }
        Ok(TimePattern { text: text.into(), shape: Shape::new(text) })
    }

    /// Reads a format whose times stand in a text with something after them. It may have the name of a zone (`%Z`), and need not say the year: that is the one that puts the time
    /// nearest before [`Times::before`].
    ///
    /// # Errors
    /// As for [`TimePattern::new`].
    pub fn prefix(text: &str) -> Result<Self, String> {
        match Shape::new(text) {
            Some(shape) => Ok(TimePattern { text: text.into(), shape: Some(shape) }),
            None => TimePattern::new(text),
        }
    }

    /// How long the time is that `text` begins with, and the moment that it is; `None` where it begins with none. The moment is unknown
    /// where the name of its zone is, or could be that of several.
    pub fn read_prefix(&self, text: &[u8], times: &Times) -> Option<(usize, Result<Read, NoTime>)> {
        if let Some(shape) = &self.shape {
            return shape.read(text, times);
        }
        let (_, len) = BrokenDownTime::parse_prefix(&*self.text, text).ok()?;
        self.read(&text[..len], times).ok().map(|read| (len, Ok(read)))
    }

    /// The bytes that stand between its directives, in their order; a run of blanks is one space. `None` where the format is none of the usual
    /// ones.
    pub(super) fn separators(&self) -> Option<Vec<u8>> {
        self.shape.as_ref().map(|shape| shape.separators().collect())
    }

    /// Where in `text`, which is a time, hour, minute and second stand, two digits each, if what is before them has its full width and what
    /// is after them is an offset.
    pub(super) fn clock_of(&self, text: &[u8]) -> Option<[usize; 3]> {
        self.shape.as_ref()?.clock_of(text)
    }

    /// The format as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The time that `text` is.
    ///
    /// # Errors
    /// When it is none.
    pub fn read(&self, text: &[u8], times: &Times) -> Result<Read, NoTime> {
        let broken = BrokenDownTime::parse(&*self.text, text).map_err(|_| NoTime::Unreadable)?;
        let nanos = |timestamp: Timestamp| i64::try_from(timestamp.as_nanosecond()).map_err(|_| NoTime::Beyond);
        let offset = broken.offset();
        if let Some(timestamp) = broken.timestamp() {
            let nanos = nanos(timestamp)?;
            let time = offset.map_or_else(|| times.zone.at(nanos), |offset| Time { nanos, offset_s: offset.seconds() });
            return Ok(Read { time, is_local: false });
        }
        let local = broken.to_datetime().map_err(|_| NoTime::Unreadable)?;
        let time = match offset {
            Some(offset) => {
                let timestamp = offset.to_timestamp(local).map_err(|_| NoTime::Beyond)?;
                Time { nanos: nanos(timestamp)?, offset_s: offset.seconds() }
            }
            None => times.zone.time_of(local)?,
        };
        Ok(Read { time, is_local: offset.is_none() })
    }
}

/// The letters of the directives.
fn directives(format: &str) -> impl Iterator<Item = char> + '_ {
    let mut chars = format.chars();
    std::iter::from_fn(move || {
        chars.find(|c| *c == '%')?;
        chars.find(|c| c.is_ascii_alphabetic() || *c == '%')
    })
}

/// Appends the time in any format, as it is in its own offset, with the words of the POSIX locale.
///
/// # Errors
/// When it is no format.
pub fn write(format: &str, time: Time, out: &mut Vec<u8>) -> Result<(), jiff::Error> {
    let offset = i32::try_from(time.clock_offset_s()).map_or(Offset::UTC, |offset_s| Offset::from_seconds(offset_s).unwrap_or(Offset::UTC));
    let zoned = Timestamp::from_nanosecond(i128::from(time.nanos))?.to_zoned(TimeZone::fixed(offset));
    let text = BrokenDownTime::from(&zoned).to_string_with_config(&Config::new().custom(PosixCustom::new()), format)?;
    // Writing to a vector does not fail.
    out.write_all(text.as_bytes()).ok();
    Ok(())
}

/// What jiff says of a format, without its own words before it.
pub fn explain(error: &jiff::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("strftime formatting failed: ").or(text.strip_prefix("strptime parsing failed: ")).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{TimePattern, Times, write};
    use crate::record::Time;

    #[test]
    fn reads() {
        let check = |format: &str, text: &str, expect: &str| {
            let got = TimePattern::new(format).unwrap().read(text.as_bytes(), &Times::default());
            assert_eq!(got.map(|read| read.time.to_string()).unwrap_or_default(), expect, "{format} of {text}");
        };
        check("%d/%b/%Y:%H:%M:%S %z", "24/Feb/2008:00:08:59 -0600", "2008-02-24T00:08:59-06:00");
        check("%Y-%m-%d %H:%M:%S%.f", "2008-02-24 00:08:59.25", "2008-02-24T00:08:59.25+00:00");
        check("%Y-%m-%d", "2008-02-24", "2008-02-24T00:00:00+00:00");
        check("%Y%j", "2008055", "2008-02-24T00:00:00+00:00");
        check("%s", "1203833339", "2008-02-24T06:08:59+00:00");
        check("%G-W%V-%u", "2008-W08-7", "2008-02-24T00:00:00+00:00");
        check("%I:%M %p on %m/%d/%y", "3:04 PM on 02/24/08", "2008-02-24T15:04:00+00:00");
        for text in ["", "2008-02-30", "2008-02-24x", "x", "1500-01-01", "9999-01-01"] {
            check("%Y-%m-%d", text, "");
        }
    }

    #[test]
    fn what_says_no_moment_is_explained() {
        for (format, expect) in [
            ("%H:%M", "it says no moment: date required to parse datetime: year required to parse date"),
            ("%c", "parsing locale date and time is not allowed"),
            ("%F %Q", "%Q is for writing; an offset is read by `%z`, and `--zone` names a zone"),
            ("%Y-%J", "found unrecognized specifier directive `J`"),
        ] {
            assert_eq!(TimePattern::new(format).unwrap_err(), expect, "{format}");
        }
        for format in ["%d/%b", "%Y-%m", "", "%F %Z", "%F %M"] {
            assert!(TimePattern::new(format).is_err(), "{format}");
        }
    }

    proptest! {
        #[test]
        fn reads_what_was_written(nanos: i64, quarters in -56..=56_i32) {
            let (format, time) = ("%F %H:%M:%S.%f %:z", Time { nanos, offset_s: quarters * 900 });
            let mut text = Vec::new();
            write(format, time, &mut text).unwrap();
            let back = TimePattern::new(format).unwrap().read(&text, &Times::default()).unwrap().time;
            prop_assert_eq!((back.nanos, back.offset_s), (time.nanos, time.offset_s));
        }

        #[test]
        fn no_text_does_harm(format in "[%:.0-9YmdHMSzsbf -]{0,12}", text: Vec<u8>) {
            if let Ok(pattern) = TimePattern::new(&format) {
                pattern.read(&text, &Times::default()).ok();
            }
        }
    }
}
