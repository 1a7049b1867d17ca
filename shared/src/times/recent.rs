//! Times of one format, each of which is likely of the day of the one before.

use super::{NoTime, Read, TimePattern, Times};
use crate::record::Time;

/// Longer times are read each anew.
const MOST_BYTES: usize = 32;

const DAY_S: i64 = 86_400;

/// The time that was read last, by which the next ones are read: they differ from it in the digits of the clock at most.
///
/// # Examples
/// ```
/// use recpipe::template::Recent;
/// use recpipe::times::{TimePattern, Times};
///
/// let pattern = TimePattern::prefix("%d/%b/%Y:%H:%M:%S %z")?;
/// let mut recent = Recent::default();
/// for text in ["12/Mar/2026:02:10:11 +0100", "12/Mar/2026:23:59:59 +0100", "13/Mar/2026:00:00:00 +0100"] {
///     let anew = pattern.read_prefix(text.as_bytes(), &Times::default()).and_then(|(_, read)| read.ok());
///     assert_eq!(recent.read(&pattern, text.as_bytes(), text.len(), &Times::default()), anew);
/// }
/// assert_eq!(recent.read(&pattern, b"12/Mar/2026:24:00:00 +0100", 26, &Times::default()), None);
/// # Ok::<(), String>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Recent {
    /// What it was read of, zeros behind it.
    text: [u8; MOST_BYTES],
    /// Ones where another time of the same day has the same bytes.
    same: [u8; MOST_BYTES],
    len: usize,
    /// What it is; `None` before the first.
    read: Option<Read>,
    /// Where its hour, minute and second are, if another time of the same day may have others, and the nanoseconds of its midnight.
    day: Option<([usize; 3], i64)>,
}

impl Recent {
    /// The bytes that stand between the directives of a pattern, in their order; a run of blanks is one space. `None` where the pattern is none of
    /// the usual ones.
    pub fn separators(pattern: &TimePattern) -> Option<Vec<u8>> {
        pattern.separators()
    }

    /// The time that `text[..len]` is: as [`TimePattern::read_prefix`] says, where it takes all of it and knows the moment. Pattern and times
    /// have to be those of the calls before.
    ///
    /// What `text` has beyond it is not looked at; if there is some, the call is faster.
    #[inline]
    pub fn read(&mut self, pattern: &TimePattern, text: &[u8], len: usize, times: &Times) -> Option<Read> {
        match text.first_chunk::<MOST_BYTES>() {
            Some(near) if len == self.len => self.of_day(near),
            _ => None,
        }
        .or_else(|| self.anew(pattern, text.get(..len)?, times))
    }

    /// By the one before.
    #[inline]
    fn of_day(&self, text: &[u8; MOST_BYTES]) -> Option<Read> {
        let mut differs = 0;
        for ((byte, known), same) in text.iter().zip(&self.text).zip(&self.same) {
            differs |= (byte ^ known) & same;
        }
        let read = self.read.filter(|_| differs == 0)?;
        let Some((places, midnight)) = self.day else { return Some(read) };
        let [hour, minute, second] = places.map(|at| two(text, at));
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let since = (u64::from(hour) * 3600 + u64::from(minute) * 60 + u64::from(second)) as i64 * 1_000_000_000;
        let nanos = midnight.checked_add(since)?;
        Some(Read { time: Time { nanos, ..read.time }, ..read })
    }

    #[cold]
    fn anew(&mut self, pattern: &TimePattern, text: &[u8], times: &Times) -> Option<Read> {
        let (len, read): (usize, Result<Read, NoTime>) = pattern.read_prefix(text, times)?;
        let read = read.ok().filter(|_| len == text.len())?;
        if len > MOST_BYTES || len == 0 {
            return Some(read);
        }
        *self = Recent { len, read: Some(read), ..Recent::default() };
        self.text[..len].copy_from_slice(text);
        self.same[..len].fill(0xff);
        if let Some(places) = pattern.clock_of(text) {
            let [hour, minute, second] = places.map(|at| i64::from(two(&self.text, at)));
            let since = (hour * 3600 + minute * 60 + second).min(DAY_S) * 1_000_000_000;
            if let Some(midnight) = read.time.nanos.checked_sub(since) {
                self.day = Some((places, midnight));
                places.iter().for_each(|at| self.same[*at..*at + 2].fill(0));
            }
        }
        Some(read)
    }
}

/// The number that two digits are; more than 99 where they are none.
#[inline]
fn two(text: &[u8; MOST_BYTES], at: usize) -> u32 {
    let digit = |at: usize| u32::from(text.get(at).copied().unwrap_or(0).wrapping_sub(b'0'));
    let (tens, ones) = (digit(at), digit(at + 1));
    if tens > 9 || ones > 9 { 100 } else { tens * 10 + ones }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::times::Zone;

    /// Texts that are nearly the same time.
    fn texts() -> impl Strategy<Value = Vec<String>> {
        let two = prop_oneof![6 => "[0-5][0-9]", 1 => "[0-9]", 1 => "[0-9]{2}", 1 => "[ :a][0-9]", 1 => Just("60".to_owned())];
        let day = prop_oneof![6 => Just("12".to_owned()), 1 => "[0-9]{1,2}"];
        let zone = prop_oneof![6 => Just("+0100".to_owned()), 1 => Just("Z".to_owned()), 1 => "[+-][0-9]{2}:?[0-9]{2}"];
        let year = prop_oneof![9 => Just("2026"), 1 => Just("1677"), 1 => Just("2262")];
        let text = (day, year, two.clone(), two.clone(), two, zone, 0..4);
        let text = text.prop_map(|(day, year, hour, minute, second, zone, form)| match form {
            0 => format!("{year}-09-{day}T{hour}:{minute}:{second}{zone}"),
            1 => format!("{year}-09-{day} {hour}:{minute}:{second}"),
            _ => format!("{day}/Mar/{year}:{hour}:{minute}:{second} {zone}"),
        });
        proptest::collection::vec(text, 1..30)
    }

    proptest! {
        #[test]
        fn says_what_the_pattern_says(texts in texts(), more in 0..40_usize, berlin: bool) {
            let zone = if berlin { Zone::named("Europe/Berlin").unwrap() } else { Zone::default() };
            let times = Times { zone, ..Times::default() };
            for format in ["%d/%b/%Y:%H:%M:%S %z", "%FT%T%z", "%F %T", "%H:%M:%S %z %d/%b/%Y", "%d/%b/%Y:%H:%M:%S %z%S"] {
                let pattern = TimePattern::prefix(format).unwrap();
                let mut recent = Recent::default();
                for text in &texts {
                    let bytes = format!("{text}{}", "7".repeat(more));
                    let anew = pattern.read_prefix(text.as_bytes(), &times).filter(|(len, _)| *len == text.len());
                    let anew = anew.and_then(|(_, read)| read.ok());
                    let read = recent.read(&pattern, bytes.as_bytes(), text.len(), &times);
                    prop_assert_eq!(read, anew, "{} of {}", format, text);
                    prop_assert_eq!(read.map(|read| read.time.offset_s), anew.map(|read| read.time.offset_s));
                }
            }
        }
    }
}
