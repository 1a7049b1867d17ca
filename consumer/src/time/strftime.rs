//! Times as text, by a format: `%Y-%m-%d %H:%M`.
//!
//! The directives are those of [`jiff::fmt::strtime`]. The usual ones are written here, without a pass over the format for
//! each time; formats with others, or with flags and widths, are left to jiff, which the tests compare with.

use jiff::civil::DateTime;
use recpipe::{
    Time,
    times::{SAMPLE, explain, write_by_format as slow},
};

const MONTHS: [&str; 12] =
    ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// A format for times that is known to be one.
///
/// # Examples
/// ```
/// use recpipe::Time;
/// use recpipe_consumer::time::TimeFormat;
///
/// let format = TimeFormat::new("%a %d %b, %H:%M").map_err(|error| error.to_string())?;
/// let mut out = Vec::new();
/// format.write(Time::parse(b"2008-02-24T00:08:59-06:00").ok_or("no time")?, &mut out);
/// assert_eq!(out, b"Sun 24 Feb, 00:08");
/// assert!(TimeFormat::new("%J").is_err());
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeFormat {
    text: Box<str>,
    /// What it is made of, where all of that is known here.
    parts: Option<Box<[Part]>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(Box<str>),
    /// The letter after the `%`.
    Directive(u8),
    /// `%:z`
    OffsetWithColon,
}

impl TimeFormat {
    /// Reads a format.
    ///
    /// # Errors
    /// What is wrong with it, to be shown to whoever wrote it.
    pub fn new(text: &str) -> Result<Self, String> {
        slow(text, SAMPLE, &mut Vec::new()).map_err(|error| explain(&error))?;
        Ok(TimeFormat { text: text.into(), parts: parts(text) })
    }

    /// The format as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Appends the time, as it is in its own offset.
    pub fn write(&self, time: Time, out: &mut Vec<u8>) {
        let Some(parts) = &self.parts else {
            // A format that shows one time shows them all; for one that did not, nothing is appended.
            slow(&self.text, time, out).ok();
            return;
        };
        let local = time.local();
        for part in parts {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Directive(letter) => directive(*letter, time, local, out),
                Part::OffsetWithColon => offset(time, b":", out),
            }
        }
    }
}

/// The format taken apart, if nothing but usual directives is in it.
fn parts(format: &str) -> Option<Box<[Part]>> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let rest = chars.as_str();
        let (len, short) = match rest.as_bytes().first()? {
            b'%' => {
                text.push('%');
                chars.next();
                continue;
            }
            b'F' => (1, "Y-m-d"),
            b'T' => (1, "H:M:S"),
            b'R' => (1, "H:M"),
            b'D' => (1, "m/d/y"),
            b':' if rest.starts_with(":z") => (2, ":"),
            b'Y' | b'y' | b'm' | b'd' | b'e' | b'j' | b'H' | b'M' | b'S' | b'b' | b'h' | b'B' | b'a' | b'A' | b'u' | b'z' => {
                (1, &rest[..1])
            }
            _ => return None,
        };
        if !text.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut text).into()));
        }
        chars = rest[len..].chars();
        parts.extend(short.bytes().map(|byte| match byte {
            b':' if len == 2 => Part::OffsetWithColon,
            b'-' | b':' | b'/' => Part::Text(char::from(byte).to_string().into()),
            letter => Part::Directive(letter),
        }));
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.into()));
    }
    Some(parts.into())
}

fn directive(letter: u8, time: Time, local: DateTime, out: &mut Vec<u8>) {
    let name = |names: &[&'static str], number: i8| usize::try_from(number - 1).ok().and_then(|at| names.get(at)).copied().unwrap_or("");
    let mut text = |text: &str| out.extend_from_slice(text.as_bytes());
    match letter {
        b'B' => text(name(&MONTHS, local.month())),
        b'b' | b'h' => text(&name(&MONTHS, local.month())[..3]),
        b'A' => text(name(&DAYS, local.weekday().to_monday_one_offset())),
        b'a' => text(&name(&DAYS, local.weekday().to_monday_one_offset())[..3]),
        b'z' => offset(time, b"", out),
        b'Y' => {
            two_digits(i64::from(local.year()) / 100, out);
            two_digits(i64::from(local.year()) % 100, out);
        }
        b'j' => {
            let day = i64::from(local.day_of_year());
            out.push(b'0' + (day / 100) as u8);
            two_digits(day % 100, out);
        }
        b'e' if local.day() < 10 => out.extend_from_slice(&[b' ', b'0' + local.day() as u8]),
        b'y' => two_digits(i64::from(local.year()) % 100, out),
        b'm' => two_digits(local.month().into(), out),
        b'd' | b'e' => two_digits(local.day().into(), out),
        b'H' => two_digits(local.hour().into(), out),
        b'M' => two_digits(local.minute().into(), out),
        b'S' => two_digits(local.second().into(), out),
        _ => out.push(b'0' + local.weekday().to_monday_one_offset() as u8),
    }
}

/// `number`, which is from 0 to 99.
#[inline]
fn two_digits(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(&[b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
}

fn offset(time: Time, colon: &[u8], out: &mut Vec<u8>) {
    let offset_s = time.clock_offset_s();
    let (hours, minutes, seconds) = (offset_s.abs() / 3600, offset_s.abs() / 60 % 60, offset_s.abs() % 60);
    out.push(if offset_s < 0 { b'-' } else { b'+' });
    two_digits(hours, out);
    out.extend_from_slice(colon);
    two_digits(minutes, out);
    if seconds > 0 {
        out.extend_from_slice(colon);
        two_digits(seconds, out);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use recpipe::Time;

    use super::{TimeFormat, slow};

    fn show(format: &str, time: &str) -> String {
        let mut out = Vec::new();
        TimeFormat::new(format).unwrap().write(Time::parse(time.as_bytes()).unwrap(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn formats() {
        let check = |format, expect: &str| assert_eq!(show(format, "2008-02-04T15:08:09.25-06:00"), expect, "{format}");
        check("%Y-%m-%dT%H:%M:%S%:z", "2008-02-04T15:08:09-06:00");
        check("%d/%b/%Y:%T %z", "04/Feb/2008:15:08:09 -0600");
        check("%A, %e. %B %y, %R", "Monday,  4. February 08, 15:08");
        check("%a %h %j %u %s %D %F", "Mon Feb 035 1 1202159289 02/04/08 2008-02-04");
        check("100%% of %Yé", "100% of 2008é");
        check("%H:%M:%S.%3f %I %p", "15:08:09.250 03 PM");
        check("%c", "Mon Feb  4 15:08:09 2008");
        check("%Z %Q", "-06 -0600");
        check("", "");
    }

    #[test]
    fn what_is_none_is_explained() {
        for (format, expect) in [
            ("%J", "found unrecognized specifier directive `J`"),
            ("%Y-%", "invalid format string, expected byte after `%`, but found end of format string"),
            ("%.", "invalid format string, expected directive after `%.`"),
        ] {
            assert_eq!(TimeFormat::new(format).unwrap_err(), expect, "{format}");
        }
        assert!(TimeFormat::new("%::::z").is_err() && TimeFormat::new("%é").is_err() && TimeFormat::new("%").is_err());
    }

    proptest! {
        #[test]
        fn says_what_jiff_says(
            parts in prop::collection::vec(prop::sample::select(vec![
                "%Y", "%m", "%d", "%e", "%j", "%H", "%M", "%S", "%b", "%h", "%B", "%a", "%A", "%u", "%z", "%y", "%D", "%:z", "%F", "%T", "%R", "%%",
                "-", " ", "é", ":", "/", "z",
            ]), 0..12),
            nanos: i64,
            offset_s in -100_000..100_000,
        ) {
            let (format, time) = (parts.concat(), Time { nanos, offset_s });
            let parsed = TimeFormat::new(&format).unwrap();
            prop_assert!(parsed.parts.is_some());
            let (mut fast, mut by_jiff) = (Vec::new(), Vec::new());
            parsed.write(time, &mut fast);
            slow(&format, time, &mut by_jiff).unwrap();
            prop_assert_eq!(String::from_utf8(fast).unwrap(), String::from_utf8(by_jiff).unwrap());
        }

        #[test]
        fn no_format_does_harm(format in "\\PC{0,12}|[%:.0-9_^#a-zA-Z-]{0,12}", nanos: i64) {
            if let Ok(format) = TimeFormat::new(&format) {
                let time = Time { nanos, offset_s: 0 };
                prop_assert!(slow(&format.text, time, &mut Vec::new()).is_ok());
                format.write(time, &mut Vec::new());
            }
        }
    }
}
