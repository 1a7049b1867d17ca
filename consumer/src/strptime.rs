//! Text as times, by a format: `%Y-%m-%d %H:%M`.

use jiff::{fmt::strtime::BrokenDownTime, tz::Offset};
use recpipe::Time;

use crate::strftime::{SAMPLE, TimeFormat, explain};

/// A format that times are read by; it is known to say a moment.
///
/// The directives are those of [`jiff::fmt::strtime`]. The offset is the text's own (`%z`, `%:z`); a text that says none is
/// in UTC, one that says no time of day is midnight. A second of 60 is that of 59.
///
/// # Examples
/// ```
/// use recpipe_consumer::strptime::TimePattern;
///
/// let pattern = TimePattern::new("%d.%m.%Y %H:%M")?;
/// let time = pattern.read(b"24.02.2008 00:08").ok_or("no time")?;
/// assert_eq!(time.to_string(), "2008-02-24T00:08:00+00:00");
/// assert!(pattern.read(b"yesterday").is_none());
/// assert!(TimePattern::new("%H:%M").is_err(), "of which day?");
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimePattern {
    text: Box<str>,
}

impl TimePattern {
    /// Reads a format.
    ///
    /// # Errors
    /// What is wrong with it, to be shown to whoever wrote it: an unknown directive, one that can only be written, or a
    /// format that leaves the day open.
    pub fn new(text: &str) -> Result<Self, String> {
        // What a format writes it must be able to read.
        let format = TimeFormat::new(text)?;
        let mut sample = Vec::new();
        format.write(SAMPLE, &mut sample);
        let broken = BrokenDownTime::parse(text, &sample).map_err(|error| explain(&error))?;
        moment(&broken).map_err(|error| format!("it says no moment: {error}"))?;
        match directives(text).find(|letter| *letter == 'Q') {
            Some(_) => Err("%Q needs a database of time zones; an offset is `%z`".to_owned()),
            None => Ok(TimePattern { text: text.into() }),
        }
    }

    /// The time that `text` is; `None` if it is none, or in no year that a time can be.
    pub fn read(&self, text: &[u8]) -> Option<Time> {
        moment(&BrokenDownTime::parse(&*self.text, text).ok()?).ok()?
    }
}

/// The moment that was parsed; `None` for one that nanoseconds in an `i64` do not reach.
fn moment(broken: &BrokenDownTime) -> Result<Option<Time>, jiff::Error> {
    let offset = broken.offset().unwrap_or(Offset::UTC);
    let timestamp = match broken.timestamp() {
        Some(timestamp) => timestamp,
        None => offset.to_timestamp(broken.to_datetime()?)?,
    };
    Ok(i64::try_from(timestamp.as_nanosecond()).ok().map(|nanos| Time { nanos, offset_s: offset.seconds() }))
}

/// The letters of the directives.
fn directives(format: &str) -> impl Iterator<Item = char> + '_ {
    let mut chars = format.chars();
    std::iter::from_fn(move || {
        chars.find(|c| *c == '%')?;
        chars.find(|c| c.is_ascii_alphabetic() || *c == '%')
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::Time;

    use super::TimePattern;
    use crate::strftime::TimeFormat;

    #[test]
    fn reads() {
        let check = |format: &str, text: &str, expect: &str| {
            let got = TimePattern::new(format).unwrap().read(text.as_bytes());
            assert_eq!(got.map(|time| time.to_string()).unwrap_or_default(), expect, "{format} of {text}");
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
            ("%F %Q", "%Q needs a database of time zones; an offset is `%z`"),
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
            TimeFormat::new(format).unwrap().write(time, &mut text);
            let back = TimePattern::new(format).unwrap().read(&text).unwrap();
            prop_assert_eq!((back.nanos, back.offset_s), (time.nanos, time.offset_s));
        }

        #[test]
        fn no_text_does_harm(format in "[%:.0-9YmdHMSzsbf -]{0,12}", text: Vec<u8>) {
            if let Ok(pattern) = TimePattern::new(&format) {
                pattern.read(&text);
            }
        }
    }
}
