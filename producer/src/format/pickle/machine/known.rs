//! Objects of Python's own library whose pickles say what they are worth, so that nothing has to be called to know it.
//!
//! A pickle of an object names a class and gives it arguments. Those of this table are read as values: the arguments are looked
//! at, and text or a number is made of them. Any other class makes an object that is nothing but its name.
//!
//! | class | value |
//! | --- | --- |
//! | `datetime.datetime` | a time; without an offset, of the `--zone` |
//! | `datetime.date`, `time` | text in ISO 8601, with its offset if it has one |
//! | `datetime.timedelta` | its `total_seconds()`, a float |
//! | `decimal.Decimal`, `uuid.UUID` | their text |
//! | `collections.OrderedDict`, `defaultdict` | a dict |
//! | `set`, `frozenset`, `collections.deque` | a list |
//! | numpy's scalars: bools, whole numbers and floats of up to 64 bits, bytes and `str_` | what they hold |

use super::Item;

/// What an object turns out to be.
#[derive(Debug, PartialEq)]
pub(super) enum Known {
    /// A value that is there.
    Item(Item),
    /// A whole number.
    Unsigned(u64),
    /// A text.
    Text(Vec<u8>),
    /// A time in ISO 8601, maybe without an offset.
    Time(String),
    /// An empty dict.
    Dict,
    /// An empty list.
    List,
    /// An object of the class that is the first argument, as `object.__new__` makes it.
    New,
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
        (b"datetime.datetime", [_]) => Known::Time(datetime(bytes?)?),
        (b"datetime.datetime", [_, Item::Zone(offset)]) => Known::Time(datetime(bytes?)? + &zone(*offset)),
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
        (b"collections.deque", []) => Known::List,
        (b"__builtin__.set" | b"builtins.set" | b"__builtin__.frozenset" | b"builtins.frozenset", [list @ Item::List(_)]) => {
            Known::Item(*list)
        }
        // Objects in protocols 0 and 1.
        (b"copyreg._reconstructor" | b"copy_reg._reconstructor", [Item::Class(..), Item::Class(..), Item::None]) => Known::New,
        (b"numpy.dtype", [_, ..]) => Known::Item(dtype(bytes?)?),
        (b"numpy.core.multiarray.scalar" | b"numpy._core.multiarray.scalar", [Item::Dtype(kind, size, is_big), data]) => {
            scalar(*kind, *size, *is_big, text(*data)?)?
        }
        _ => return None,
    })
}

/// What numpy calls `f8`, `i4`, `U7` and so on; the bytes of texts are counted by the texts.
fn dtype(name: &[u8]) -> Option<Item> {
    let (&kind, size) = name.split_first()?;
    let size = std::str::from_utf8(size).ok()?.parse::<u64>().ok()?;
    match (kind, size) {
        (b'b', 1) | (b'i' | b'u', 1 | 2 | 4 | 8) | (b'f', 4 | 8) => Some(Item::Dtype(kind, size as u8, false)),
        (b'U' | b'S', _) => Some(Item::Dtype(kind, 0, false)),
        _ => None,
    }
}

/// What a scalar of numpy holds.
fn scalar(kind: u8, size: u8, is_big: bool, data: &[u8]) -> Option<Known> {
    if !matches!(kind, b'U' | b'S') && data.len() != usize::from(size) {
        return None;
    }
    let number = || {
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        if is_big { data.iter().fold(0, fold) } else { data.iter().rev().fold(0, fold) }
    };
    Some(match kind {
        b'b' => Known::Item(Item::Bool(number() != 0)),
        b'i' => {
            let unused = 64 - 8 * u32::from(size);
            Known::Item(Item::Int((number() << unused).cast_signed() >> unused))
        }
        b'u' => Known::Unsigned(number()),
        b'f' if size == 4 => Known::Item(Item::Float(f32::from_bits(number() as u32).into())),
        b'f' => Known::Item(Item::Float(f64::from_bits(number()))),
        b'S' => Known::Text(data.to_vec()),
        _ => {
            let (letters, rest) = data.as_chunks::<4>();
            let code = |letter: &[u8; 4]| if is_big { u32::from_be_bytes(*letter) } else { u32::from_le_bytes(*letter) };
            let text = letters.iter().map(|letter| char::from_u32(code(letter))).collect::<Option<String>>()?;
            if !rest.is_empty() {
                return None;
            }
            Known::Text(text.into_bytes())
        }
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
            let known = |text: &str| if class.ends_with(".datetime") { Known::Time(text.into()) } else { Known::Text(text.into()) };
            assert_eq!(made, want.map(known), "{class}");
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
        let scalar = |name: &[u8], is_big, data: &[u8]| {
            let Some(Item::Dtype(kind, size, _)) = dtype(name) else { return None };
            scalar(kind, size, is_big, data)
        };
        assert_eq!(scalar(b"i2", false, &[0xfe, 0xff]), Some(Known::Item(Item::Int(-2))));
        assert_eq!(scalar(b"i2", true, &[0xff, 0xfe]), Some(Known::Item(Item::Int(-2))));
        assert_eq!(scalar(b"u8", false, &[0xff; 8]), Some(Known::Unsigned(u64::MAX)));
        assert_eq!(scalar(b"f8", false, &1.5_f64.to_le_bytes()), Some(Known::Item(Item::Float(1.5))));
        assert_eq!(scalar(b"f4", true, &0.5_f32.to_be_bytes()), Some(Known::Item(Item::Float(0.5))));
        assert_eq!(scalar(b"b1", false, &[1]), Some(Known::Item(Item::Bool(true))));
        assert_eq!(scalar(b"U2", false, b"a\0\0\0\xe9\0\0\0"), Some(Known::Text("aé".into())));
        assert_eq!(scalar(b"f8", false, &[0; 7]), None);
        assert_eq!((dtype(b"M8"), dtype(b"f2"), dtype(b"O8")), (None, None, None));
        assert_eq!(uuid(1), "00000000-0000-0000-0000-000000000001");
        assert_eq!(uuid(u128::MAX), "ffffffff-ffff-ffff-ffff-ffffffffffff");
    }
}
