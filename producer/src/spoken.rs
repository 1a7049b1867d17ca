//! Moments as people say them on a command line: `-15m`, `yesterday`, `14:00`, `2026-11-29 02:10`.

use recpipe::record::Time;
use recpipe::times::{Times, Zone};

const HALF_A_DAY_NS: i64 = 43_200 * 1_000_000_000;

/// The moment that is meant, when it is `now`: a time span before it, a day that begins, a time of today, or any time that
/// [`Times`] reads. What says no offset is in the zone.
///
/// # Errors
/// It is none, and how one is written.
pub(crate) fn moment(text: &str, now: Time, zone: &Zone) -> Result<Time, String> {
    let times = Times { zone: zone.clone(), before: Some(now) };
    let read = |text: &str| times.read(text.as_bytes()).map(|read| read.time);
    let text = text.trim();
    let unknown =
        || format!("`{text}` is no time; write -15m, yesterday, 14:00, 2026-11-29 02:10, or any other that a query reads with time(x)");
    if let Some(span) = text.strip_prefix('-') {
        let span = humantime::parse_duration(span).map_err(|_| unknown())?;
        let nanos = i64::try_from(span.as_nanos()).map_err(|_| unknown())?;
        return now.nanos.checked_sub(nanos).map(|nanos| zone.at(nanos)).ok_or_else(unknown);
    }
    let date = |time: Time| time.to_string().get(..10).unwrap_or_default().to_owned();
    let today = date(zone.at(now.nanos));
    let midnight = || read(&today).map_err(|_| unknown());
    match text {
        "now" => return Ok(zone.at(now.nanos)),
        "today" => return midnight(),
        // Half a day before midnight it is yesterday, however long that was.
        "yesterday" => return read(&date(zone.at(midnight()?.nanos - HALF_A_DAY_NS))).map_err(|_| unknown()),
        _ => {}
    }
    let is_clock = text.contains(':') && text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.'));
    if is_clock && text.len() <= "hh:mm:ss.nnnnnnnnn".len() && text.find(':').is_some_and(|at| at <= 2) {
        let clock = if text.find(':') == Some(1) { format!("0{text}") } else { text.to_owned() };
        return read(&format!("{today} {clock}")).map_err(|_| unknown());
    }
    read(text).map_err(|_| unknown())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_say_when() {
        let now = Time::parse(b"2026-03-30T01:30:15Z").unwrap();
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let check = |zone: &Zone, text: &str, want: &str| {
            assert_eq!(moment(text, now, zone).map(|time| time.to_string()), Ok(want.to_owned()), "{text}")
        };
        let utc = Zone::default();
        check(&utc, "-15m", "2026-03-30T01:15:15+00:00");
        check(&utc, "-1h 30m", "2026-03-30T00:00:15+00:00");
        check(&utc, "-2days", "2026-03-28T01:30:15+00:00");
        check(&utc, "now", "2026-03-30T01:30:15+00:00");
        check(&utc, "today", "2026-03-30T00:00:00+00:00");
        check(&utc, "yesterday", "2026-03-29T00:00:00+00:00");
        check(&utc, "14:00", "2026-03-30T14:00:00+00:00");
        check(&utc, "9:05:07.5", "2026-03-30T09:05:07.5+00:00");
        check(&utc, "2026-11-29 02:10", "2026-11-29T02:10:00+00:00");
        check(&utc, "2026-03-12T03:10:01+01:00", "2026-03-12T03:10:01+01:00");
        check(&utc, "12/Mar/2026:02:10:11 +0000", "2026-03-12T02:10:11+00:00");
        // Yesterday had 23 hours there.
        check(&berlin, "yesterday", "2026-03-29T00:00:00+01:00");
        check(&berlin, "today", "2026-03-30T00:00:00+02:00");
        check(&berlin, "00:30", "2026-03-30T00:30:00+02:00");
        for text in ["noon-ish", "", "-", "-soon", "25:00", "14:", "tomorrow", "1:2:3:4"] {
            assert!(moment(text, now, &utc).unwrap_err().contains("is no time"), "{text}");
        }
    }
}
