//! Literals with a grammar of their own: numbers with their units, times, networks.

use recpipe::Time;

use super::{Kind, Lexer};
use crate::{
    expr::Network,
    size::{UNITS, scaled},
};

/// Units of time in nanoseconds, the longest first.
const DURATIONS: [(&str, u64); 8] = [
    ("w", 604_800_000_000_000),
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// Units of the calendar, in months.
const MONTHS: [(&str, i64); 2] = [("y", 12), ("mo", 1)];

/// All the years that a time can be, and more.
const MAX_MONTHS: i64 = 12_000;

const NO_TIME: &str = "a time is written `@2026-11-20`, `@2026-11-20T10:00Z` or `@2026-11-20T10:00:00.5-06:00`";

/// Whether this is a unit of a size or a duration.
pub fn is_unit(word: &str) -> bool {
    UNITS.iter().chain(&DURATIONS).any(|(unit, _)| *unit == word) || MONTHS.iter().any(|(unit, _)| *unit == word)
}

impl Lexer<'_> {
    /// What begins with a digit, or with a point and a digit.
    pub(super) fn number(&mut self) -> Kind {
        let start = self.at;
        for (prefix, radix) in [("0x", 16), ("0X", 16), ("0o", 8), ("0b", 2)] {
            if self.rest().starts_with(prefix) {
                self.at += prefix.len();
                let digits = self.take_while(|c| c.is_alphanumeric() || c == '_').replace('_', "");
                return match u128::from_str_radix(&digits, radix) {
                    Ok(value) => Kind::Int(value),
                    Err(error) => self.bad(start, format!("not a number: {error}"), ""),
                };
            }
        }
        let mut is_float = self.digits();
        let exponent = self.rest().strip_prefix(['e', 'E']).map(|rest| rest.strip_prefix(['+', '-']).unwrap_or(rest));
        if let Some(power) = exponent.filter(|power| power.starts_with(|c: char| c.is_ascii_digit())) {
            self.at += self.rest().len() - power.len();
            self.take_while(|c| c.is_ascii_digit() || c == '_');
            is_float = true;
        }
        let number = self.text[start..self.at].replace('_', "");
        let unit = self.take_while(char::is_alphabetic);
        if is_float && unit.is_empty() && self.rest().starts_with('.') && !self.rest().starts_with("..") {
            self.take_while(|c| c.is_ascii_digit() || c == '.' || c == '/');
            let help = format!("write `in {}`; as text it stands in quotes", &self.text[start..self.at]);
            return self.bad(start, "an address or a network stands only after `in`", &help);
        }
        if let Some(&(_, months)) = MONTHS.iter().find(|(name, _)| *name == unit) {
            return self.months(start, &number, months);
        }
        if let Some(&(_, factor)) = DURATIONS.iter().find(|(name, _)| *name == unit) {
            return self.duration(start, &number, factor);
        }
        // After a unit, more of it belongs to what this is not: `5abc1`.
        let tail_at = self.at;
        let tail = self.take_while(|c| c.is_alphanumeric() || c == '_');
        if unit.is_empty() && tail.is_empty() {
            return self.plain(start, &number, is_float);
        }
        match UNITS.iter().find(|(name, _)| *name == unit && tail.is_empty()) {
            Some(&(_, factor)) => self.size(start, &number, factor),
            None => self.unknown_unit(tail_at - unit.len()),
        }
    }

    /// Digits, maybe with a point among them; whether there was one.
    fn digits(&mut self) -> bool {
        let digits = |c: char| c.is_ascii_digit() || c == '_';
        self.take_while(digits);
        let has_point = self.rest().starts_with('.') && self.rest()[1..].starts_with(|c: char| c.is_ascii_digit());
        if has_point {
            self.at += 1;
            self.take_while(digits);
        }
        has_point
    }

    /// That there is no unit like the one from `start` to here.
    fn unknown_unit(&self, start: usize) -> Kind {
        let unit = &self.text[start..self.at];
        // `5M` is megabytes without their `B`, not minutes.
        let size = |(name, _): &&(&str, u64)| {
            name.eq_ignore_ascii_case(unit) || name.strip_suffix('B').is_some_and(|short| short.eq_ignore_ascii_case(unit))
        };
        let duration = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit);
        let near = UNITS.iter().find(size).or_else(|| DURATIONS.iter().find(duration));
        let help = match near {
            Some((name, _)) => format!("did you mean `{name}`?"),
            None => "sizes are written `10KB`, `4MiB`; durations `90s`, `1h30m`".to_owned(),
        };
        self.bad(start, format!("unknown unit `{unit}`"), &help)
    }

    fn plain(&self, start: usize, number: &str, is_float: bool) -> Kind {
        if is_float {
            return match number.parse::<f64>() {
                Ok(value) if value.is_finite() => Kind::Float(value),
                _ => self.bad(start, "this number is too large", ""),
            };
        }
        match number.parse() {
            Ok(value) => Kind::Int(value),
            Err(_) => self.bad(start, "this number does not fit in 128 bits", "with a `.0` it is a float"),
        }
    }

    fn size(&self, start: usize, number: &str, factor: u64) -> Kind {
        match scaled(number, factor) {
            Some(Ok(bytes)) => match u64::try_from(bytes) {
                Ok(bytes) => Kind::Int(bytes.into()),
                Err(_) => self.bad(start, "this size does not fit in 64 bits", ""),
            },
            Some(Err(())) => self.bad(start, "this size is not a whole number of bytes", "write the bytes themselves, as in `1500`"),
            None => self.bad(start, "this size is no number", ""),
        }
    }

    /// Months or years, after their number and unit.
    fn months(&mut self, start: usize, number: &str, months: i64) -> Kind {
        let tail = self.take_while(|c| c.is_alphanumeric() || c == '_');
        let months = number.parse::<i64>().ok().and_then(|number| number.checked_mul(months)).filter(|months| *months <= MAX_MONTHS);
        match months {
            Some(months) if tail.is_empty() => Kind::Months(months),
            _ => self.bad(start, "months and years are whole, and stand alone", "a year and a half is `18mo`"),
        }
    }

    /// A duration, after its first number and unit: `1h` of `1h30m`.
    fn duration(&mut self, start: usize, number: &str, factor: u64) -> Kind {
        let mut pieces = vec![(number.to_owned(), factor)];
        while self.rest().starts_with(|c: char| c.is_ascii_digit()) {
            let at = self.at;
            self.digits();
            let number = self.text[at..self.at].replace('_', "");
            let unit_at = self.at;
            let unit = self.take_while(char::is_alphabetic);
            let Some(&(_, factor)) = DURATIONS.iter().find(|(name, _)| *name == unit) else {
                let what = format!("`{number}` needs a unit in this duration");
                return if unit.is_empty() { self.bad(at, what, "units are `w d h m s ms us ns`") } else { self.unknown_unit(unit_at) };
            };
            if pieces.last().is_some_and(|(_, last)| *last <= factor) {
                return self.bad(start, "the units of a duration go from long to short, each once", "as in `1h30m`");
            }
            pieces.push((number, factor));
        }
        if self.rest().starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            self.take_while(|c| c.is_alphanumeric() || c == '_');
            return self.bad(start, "this duration is none", "durations are written `90s`, `1h30m`");
        }
        let mut nanos = 0_i64;
        for (number, factor) in pieces {
            match scaled(&number, factor) {
                Some(Ok(piece)) => match i64::try_from(piece).ok().and_then(|piece| nanos.checked_add(piece)) {
                    Some(sum) => nanos = sum,
                    None => return self.bad(start, "this duration is too long", "nanoseconds in 64 bits reach 292 years far"),
                },
                Some(Err(())) => return self.bad(start, "this duration is not a whole number of nanoseconds", ""),
                None => return self.bad(start, "this duration is no number", ""),
            }
        }
        Kind::Duration { nanos }
    }

    /// The time that begins with the `@` here.
    pub(super) fn time(&mut self) -> Kind {
        let start = self.at;
        let shape = time_shape(&self.rest()[1..]);
        if let Some((len, text, is_local)) = &shape {
            self.at += 1 + len;
            if let Some(time) = Time::parse(text.as_bytes()) {
                return if *is_local { Kind::LocalTime(time) } else { Kind::Time(time) };
            }
            return self.bad(start, "there is no such time", "a month has its days, a day 24 hours; years are 1678 to 2261");
        }
        self.at += 1;
        self.take_while(|c| c.is_alphanumeric() || "-+:_".contains(c));
        self.bad(start, format!("`{}` is no time", &self.text[start..self.at]), NO_TIME)
    }

    /// The network or address that begins at `start`, if there is one; the tokens go on after it.
    pub(crate) fn network(&mut self, start: usize) -> Option<super::Token> {
        let rest = self.text.get(start..self.end)?;
        let run = &rest[..rest.find(|c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '.')).unwrap_or(rest.len())];
        let is_v4 = run.split('.').count() == 4 && run.split('.').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
        if !is_v4 && run.bytes().filter(|byte| *byte == b':').count() < 2 {
            return None;
        }
        self.at = start + run.len();
        if self.rest().starts_with('/') {
            self.at += 1;
            self.take_while(|c| c.is_alphanumeric());
        }
        let kind = match Network::parse(&self.text[start..self.at]) {
            Ok(network) => Kind::Network(network),
            Err((what, help)) => self.bad(start, what, &help),
        };
        Some(super::Token { kind, span: super::Span::new(start, self.at) })
    }
}

/// The time that `text` begins with, and how long it is: as RFC 3339 has it, with what was left out put in, and whether that
/// was the offset. It may be none on the calendar.
fn time_shape(text: &str) -> Option<(usize, String, bool)> {
    /// The length of what has this shape: `0` is a digit, another byte itself.
    fn shaped(text: &str, shape: &str) -> usize {
        let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte.eq_ignore_ascii_case(&wanted) };
        let is_it = text.len() >= shape.len() && text.bytes().zip(shape.bytes()).all(fits);
        if is_it { shape.len() } else { 0 }
    }
    let date = shaped(text, "0000-00-00");
    if date == 0 {
        return None;
    }
    let minutes = date + shaped(&text[date..], "T00:00");
    let mut seconds = minutes;
    if minutes > date {
        seconds += shaped(&text[minutes..], ":00");
    }
    let mut fraction = seconds;
    if seconds > minutes && shaped(&text[seconds..], ".0") > 0 {
        fraction += 1 + text[seconds + 1..].bytes().take_while(u8::is_ascii_digit).count();
    }
    let rest = &text[fraction..];
    let offset = fraction + shaped(rest, "Z").max(shaped(rest, "+00:00")).max(shaped(rest, "-00:00"));
    // `+0600` is meant for an offset, though it is none, and `+06`; not for so many seconds. `-5m` is a duration.
    let number = text[offset..].strip_prefix(['+', '-']).filter(|_| offset == fraction).unwrap_or_default();
    let after_number = number.trim_start_matches(|c: char| c.is_ascii_digit());
    let is_bare_number = after_number.len() < number.len() && !after_number.starts_with(char::is_alphabetic);
    if is_bare_number || text[offset..].starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
        return None;
    }
    let or = |part: &str, default: &str| if part.is_empty() { default.to_owned() } else { part.to_owned() };
    let parts = [
        text[..date].to_owned(),
        or(&text[date..minutes], "T00:00"),
        or(&text[minutes..seconds], ":00"),
        text[seconds..fraction].to_owned(),
        or(&text[fraction..offset], "Z"),
    ];
    Some((offset, parts.concat(), offset == fraction))
}
