//! Objects of Python's own library whose pickles say what they are worth, so that nothing has to be called to know it.
//!
//! A pickle of an object names a class and gives it arguments. Those of this table are read as values: the arguments are looked
//! at, and text or a number is made of them. Any other class makes an object that is nothing but its name.
//!
//! | class | value |
//! | --- | --- |
//! | `datetime.datetime`, `date`, `time` | text in ISO 8601, with its offset if it has one |
//! | `datetime.timedelta` | its `total_seconds()`, a float |
//! | `decimal.Decimal`, `uuid.UUID` | their text |
//! | `collections.OrderedDict`, `defaultdict` | a dict |

use super::machine::Item;

/// What an object turns out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Known {
    /// A value that is there.
    Item(Item),
    /// A text.
    Text(Vec<u8>),
    /// An empty dict.
    Dict,
}

/// What is made of a class by these arguments, whose texts are given by `text`; `None` of a class that is not known, or of arguments
/// that it does not take.
pub(super) fn made<'a>(class: &[u8], args: &[Item], text: impl Fn(Item) -> Option<&'a [u8]>) -> Option<Known> {
    let first = args.first().copied();
    let bytes = first.and_then(&text);
    Some(match (class, args) {
        (b"_codecs.encode", [_, encoding]) if matches!(text(*encoding)?, b"latin1" | b"latin-1") => {
            let letters = std::str::from_utf8(bytes?).ok()?.chars();
            Known::Text(letters.map(|letter| u8::try_from(u32::from(letter)).ok()).collect::<Option<_>>()?)
        }
        // An empty `bytes` of protocols before 3.
        (b"__builtin__.bytes" | b"builtins.bytes", []) => Known::Text(Vec::new()),
        (b"datetime.datetime", [_]) => Known::Text(datetime(bytes?)?.into_bytes()),
        (b"datetime.datetime", [_, Item::Zone(offset)]) => Known::Text((datetime(bytes?)? + &zone(*offset)).into_bytes()),
        (b"datetime.date", [_]) => Known::Text(date(bytes?)?.into_bytes()),
        (b"datetime.time", [_]) => Known::Text(time(bytes?)?.into_bytes()),
        (b"datetime.time", [_, Item::Zone(offset)]) => Known::Text((time(bytes?)? + &zone(*offset)).into_bytes()),
        (b"datetime.timedelta", [Item::Int(days), Item::Int(seconds), Item::Int(micros)]) => {
            let micros = i128::from(*days) * 86_400_000_000 + i128::from(*seconds) * 1_000_000 + i128::from(*micros);
            Known::Item(Item::Float(micros as f64 / 1e6))
        }
        (b"datetime.timezone", [Item::Float(seconds), ..]) if seconds.abs() < 86_400.0 => Known::Item(Item::Zone(*seconds as i32)),
        (b"pytz._UTC", []) => Known::Item(Item::Zone(0)),
        (b"decimal.Decimal", [number]) => {
            bytes?;
            Known::Item(*number)
        }
        (b"collections.OrderedDict", []) | (b"collections.defaultdict", _) => Known::Dict,
        _ => return None,
    })
}

/// The text of a UUID from its number.
pub(super) fn uuid(number: u128) -> String {
    let digits = format!("{number:032x}");
    [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]].join("-")
}

fn date(state: &[u8]) -> Option<String> {
    let [high, low, month @ 1..=12, day @ 1..=31] = *state else { return None };
    Some(format!("{:04}-{month:02}-{day:02}", u16::from_be_bytes([high, low])))
}

/// The highest bit of the first byte says which of two equal times on the clock is meant; with an offset, nothing depends on it.
fn time(state: &[u8]) -> Option<String> {
    let [hour, minute @ 0..=59, second @ 0..=59, a, b, c] = *state else { return None };
    let (hour, micros) = (hour & 0x7f, u32::from_be_bytes([0, a, b, c]));
    if hour > 23 || micros > 999_999 {
        return None;
    }
    let fraction = if micros > 0 { format!(".{micros:06}") } else { String::new() };
    Some(format!("{hour:02}:{minute:02}:{second:02}{fraction}"))
}

fn datetime(state: &[u8]) -> Option<String> {
    let (day, clock) = state.split_at_checked(4)?;
    let [high, low, month, day] = *day else { return None };
    Some(format!("{}T{}", date(&[high, low, month & 0x7f, day])?, time(clock)?))
}

fn zone(seconds: i32) -> String {
    let sign = if seconds < 0 { '-' } else { '+' };
    let (minutes, rest) = (seconds.abs() / 60, seconds.abs() % 60);
    let rest = if rest > 0 { format!(":{rest:02}") } else { String::new() };
    format!("{sign}{:02}:{:02}{rest}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_classes() {
        let check = |class: &str, state: &[u8], more: &[Item], want: Option<&str>| {
            let args = [&[Item::Text(0, 0)], more].concat();
            let made = made(class.as_bytes(), &args, |item| (item == Item::Text(0, 0)).then_some(state));
            assert_eq!(made, want.map(|text| Known::Text(text.into())), "{class}");
        };
        check("datetime.datetime", &[7, 232, 3, 1, 12, 0, 0, 0, 0, 0], &[], Some("2024-03-01T12:00:00"));
        check("datetime.datetime", &[7, 232, 0x83, 1, 12, 0, 9, 0, 0, 7], &[Item::Zone(-5400)], Some("2024-03-01T12:00:09.000007-01:30"));
        check("datetime.datetime", &[7, 232, 3, 1, 12, 0, 0, 0, 0, 0], &[Item::Other("object")], None);
        check("datetime.datetime", &[7, 232, 13, 1, 12, 0, 0, 0, 0, 0], &[], None);
        check("datetime.date", &[7, 232, 3, 1], &[], Some("2024-03-01"));
        check("datetime.time", &[23, 59, 58, 0, 0, 0], &[Item::Zone(0)], Some("23:59:58+00:00"));
        check("datetime.time", &[24, 0, 0, 0, 0, 0], &[], None);
        check("os.system", b"touch owned", &[], None);
        let delta = made(b"datetime.timedelta", &[Item::Int(-1), Item::Int(1), Item::Int(500_000)], |_| None);
        assert_eq!(delta, Some(Known::Item(Item::Float(-86_398.5))));
        assert_eq!(uuid(1), "00000000-0000-0000-0000-000000000001");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    }
}
