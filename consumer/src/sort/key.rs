//! Normalized keys: values as bytes whose order (that of `memcmp`) is the order of the values.
//!
//! What is compared often is compared this way: one comparison for any number of keys of any type, without a look at
//! what they are (the technique is that of System R; Graefe, "Implementing Sorting in Database Systems", ACM Computing
//! Surveys 38(3), 2006, §3). They can be read back.

use std::cmp::Ordering;

use recpipe::{Time, Type, Value};

/// Stands before a value that is there.
const PRESENT: u8 = 1;
/// Stands for NaN, where the order may be turned round: it comes after all numbers in both directions.
const NAN: u8 = 2;
/// Stands for null: it comes last in both directions.
const NULL: u8 = 3;

/// The sign bit turned, most significant byte first.
#[inline]
pub fn int(value: i64) -> [u8; 8] {
    (value as u64 ^ 1 << 63).to_be_bytes()
}

/// What [`int`] was given.
#[inline]
pub(crate) fn to_int(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ 1 << 63) as i64
}

/// All bits of a negative number turned, only the sign of another. One zero, and one NaN after all numbers.
#[inline]
pub fn float(value: f64) -> [u8; 8] {
    let bits = if value.is_nan() { f64::NAN.abs() } else { value + 0.0 }.to_bits();
    let turned = ((bits as i64 >> 63) as u64) | 1 << 63;
    (bits ^ turned).to_be_bytes()
}

/// What [`float`] was given, but for the sign of zero and the bits of NaN.
#[inline]
pub(crate) fn to_float(bytes: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(bytes);
    let turned = if bits >> 63 == 1 { 1 << 63 } else { u64::MAX };
    f64::from_bits(bits ^ turned)
}

/// The bytes and a 0 after them; within them 0 is written 1 1 and 1 is written 1 2, so that no text is the beginning of
/// another.
#[inline]
fn push_text(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = memchr::memchr2(0, 1, rest) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(&[1, rest[at] + 1]);
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(0);
}

/// Kinds of values where there are several, in their order.
const NUMBER: u8 = 0;
const TIME: u8 = 1;
const BOOL: u8 = 2;
const TEXT: u8 = 3;

/// Stand after the float that is nearest to a whole number, where the number is less than it, is the float, or is more.
const LESS: u8 = 0;
const EXACT: u8 = 1;
const MORE: u8 = 2;

/// A number of any type by its exact value, so that 1 and 1.0 have the same bytes: the nearest float, which keeps the order of
/// numbers, then, where several numbers have the same, by how much it is missed.
fn push_number(value: Value<'_>, out: &mut Vec<u8>) {
    let (nearest, missed) = match value {
        Value::Int(int) => (int as f64, missed(int)),
        Value::Float(value) => (value, 0),
        _ => (0.0, 0),
    };
    out.extend_from_slice(&float(nearest));
    out.push(match missed.cmp(&0) {
        Ordering::Less => LESS,
        Ordering::Equal => EXACT,
        Ordering::Greater => MORE,
    });
    if missed != 0 {
        out.extend_from_slice(&(missed as u128 ^ 1 << 127).to_be_bytes());
    }
}

/// By how much the float that is nearest to a whole number is missed.
fn missed(int: i128) -> i128 {
    const TWO_127: f64 = 170_141_183_460_469_231_731_687_303_715_884_105_728.0;
    let nearest = int as f64;
    // One more than the largest integer, which the cast back would give.
    if nearest == TWO_127 { int - i128::MAX - 1 } else { int - nearest as i128 }
}

/// A value of any kind that is there and is not NaN, behind the number of its kind.
fn push_mixed(value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Int(_) | Value::Float(_) => {
            out.push(NUMBER);
            push_number(value, out);
        }
        Value::Time(time) => {
            out.push(TIME);
            out.extend_from_slice(&int(time.nanos));
        }
        Value::Bool(value) => out.extend_from_slice(&[BOOL, u8::from(value)]),
        Value::Text(text) => {
            out.push(TEXT);
            push_text(text, out);
        }
    }
}

/// The value that [`push_mixed`] wrote at the front of `bytes`, and what comes after it. Of a number only its value is known, not
/// its type, and of a time only the moment. Null for bytes that it has not written.
fn read_mixed(bytes: &[u8]) -> (Mixed<'_>, &[u8]) {
    let wrong = (Mixed::Plain(Value::Null), &[][..]);
    let Some((&kind, rest)) = bytes.split_first() else { return wrong };
    match kind {
        NUMBER => {
            let Some((eight, rest)) = rest.split_first_chunk::<8>() else { return wrong };
            let Some((&marker, rest)) = rest.split_first() else { return wrong };
            let nearest = to_float(*eight);
            if marker == EXACT {
                return (Mixed::Plain(Value::Float(nearest)), rest);
            }
            let Some((missed, rest)) = rest.split_first_chunk::<16>() else { return wrong };
            let missed = (u128::from_be_bytes(*missed) ^ 1 << 127) as i128;
            let int = (nearest as i128).wrapping_add(missed).wrapping_add(i128::from(nearest as i128 == i128::MAX));
            (Mixed::Plain(Value::Int(int)), rest)
        }
        TIME => match rest.split_first_chunk::<8>() {
            Some((eight, rest)) => (Mixed::Plain(Value::Time(Time { nanos: to_int(*eight), offset_s: 0 })), rest),
            None => wrong,
        },
        BOOL => (Mixed::Plain(Value::Bool(rest.first() == Some(&1))), rest.get(1..).unwrap_or_default()),
        _ => {
            let (text, rest) = rest.split_at(memchr::memchr(0, rest).unwrap_or(rest.len()));
            let text = if memchr::memchr(1, text).is_some() { Mixed::Text(unescape(text)) } else { Mixed::Plain(Value::Text(text)) };
            (text, rest.get(1..).unwrap_or_default())
        }
    }
}

/// A value that was read.
enum Mixed<'k> {
    Plain(Value<'k>),
    /// Text that stood there in another form.
    Text(Vec<u8>),
}

impl Mixed<'_> {
    fn value(&self) -> Value<'_> {
        match self {
            Mixed::Plain(value) => *value,
            Mixed::Text(text) => Value::Text(text),
        }
    }
}

/// One of the values by which records are sorted; `mixed` where they may be of several kinds. Keys of several values are written
/// one after the other.
#[inline]
pub(crate) fn push_sort_key(value: Value<'_>, mixed: bool, descending: bool, out: &mut Vec<u8>) {
    let from = out.len();
    out.push(PRESENT);
    match value {
        Value::Null => out[from] = NULL,
        Value::Float(value) if value.is_nan() => out[from] = NAN,
        value if mixed => push_mixed(value, out),
        Value::Bool(value) => out.push(u8::from(value)),
        Value::Int(value) => out.extend_from_slice(&int(value as i64)),
        Value::Float(value) => out.extend_from_slice(&float(value)),
        // Two ways to write the same moment are equal.
        Value::Time(time) => out.extend_from_slice(&int(time.nanos)),
        Value::Text(text) => push_text(text, out),
    }
    if descending {
        out[from + 1..].iter_mut().for_each(|byte| *byte = !*byte);
    }
}

/// Bytes that a value of this type takes in a group key, without the mark before it; `None` where they are not always as many.
pub fn width(kind: Type) -> Option<usize> {
    match kind {
        Type::Null => Some(0),
        Type::Bool => Some(1),
        Type::Int | Type::Float | Type::Time => Some(8),
        Type::Text | Type::Mixed => None,
    }
}

/// One of several values that make up the key of a group, ascending. Values that are equal have the same bytes, also where they
/// look different: the same moment in two offsets, and among mixed values 1 and 1.0. What has a fixed width has it when it is null
/// too.
#[inline]
pub(crate) fn push_group_key(kind: Type, value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {
            out.push(NULL);
            out.resize(out.len() + width(kind).unwrap_or(0), 0);
        }
        value if kind == Type::Mixed => push_single(kind, value, out),
        Value::Text(text) => {
            out.push(PRESENT);
            push_text(text, out);
        }
        value => {
            out.push(PRESENT);
            push_single(kind, value, out);
        }
    }
}

/// The value of this type that is the whole key of a group, and not null: without a mark (but of mixed values), and text as it is.
#[inline]
pub(crate) fn push_single(kind: Type, value: Value<'_>, out: &mut Vec<u8>) {
    match value {
        Value::Null => {}
        Value::Float(value) if kind == Type::Mixed && value.is_nan() => out.push(NAN),
        value if kind == Type::Mixed => {
            out.push(PRESENT);
            push_mixed(value, out);
        }
        Value::Bool(value) => out.push(u8::from(value)),
        Value::Int(value) => out.extend_from_slice(&int(value as i64)),
        Value::Float(value) => out.extend_from_slice(&float(value)),
        Value::Time(time) => out.extend_from_slice(&int(time.nanos)),
        Value::Text(text) => out.extend_from_slice(text),
    }
}

/// What [`push_single`] wrote; null for bytes that it has not written, and of mixed values, which [`read_group_key`] reads.
#[inline]
pub(crate) fn read_single(kind: Type, bytes: &[u8]) -> Value<'_> {
    let eight = bytes.first_chunk::<8>();
    match (kind, eight) {
        (Type::Text, _) => Value::Text(bytes),
        (Type::Bool, _) => Value::Bool(bytes.first() == Some(&1)),
        (Type::Int, Some(eight)) => Value::Int(to_int(*eight).into()),
        (Type::Float, Some(eight)) => Value::Float(to_float(*eight)),
        (Type::Time, Some(eight)) => Value::Time(Time { nanos: to_int(*eight), offset_s: 0 }),
        _ => Value::Null,
    }
}

/// Calls `each` with the place and the value of each of the values that [`push_group_key`] wrote one after the other. Of what is
/// equal and looks different, it is one that is equal.
pub(crate) fn read_group_key(kinds: &[Type], mut bytes: &[u8], mut each: impl FnMut(usize, Value<'_>)) {
    for (i, &kind) in kinds.iter().enumerate() {
        let Some((mark, rest)) = bytes.split_first() else { return };
        let is_null = *mark == NULL;
        if kind == Type::Mixed {
            bytes = match *mark {
                NULL => {
                    each(i, Value::Null);
                    rest
                }
                NAN => {
                    each(i, Value::Float(f64::NAN));
                    rest
                }
                _ => {
                    let (value, rest) = read_mixed(rest);
                    each(i, value.value());
                    rest
                }
            };
            continue;
        }
        bytes = match width(kind) {
            Some(width) => {
                let (value, rest) = rest.split_at(width.min(rest.len()));
                each(i, if is_null { Value::Null } else { read_single(kind, value) });
                rest
            }
            None if is_null => {
                each(i, Value::Null);
                rest
            }
            None => {
                let (text, rest) = rest.split_at(memchr::memchr(0, rest).unwrap_or(rest.len()));
                match memchr::memchr(1, text) {
                    None => each(i, Value::Text(text)),
                    Some(_) => each(i, Value::Text(&unescape(text))),
                }
                rest.get(1..).unwrap_or_default()
            }
        };
    }
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.iter();
    while let Some(&byte) = bytes.next() {
        out.push(if byte == 1 { bytes.next().map_or(0, |escaped| escaped.wrapping_sub(1)) } else { byte });
    }
    out
}

/// The first bytes of a key as numbers that compare as they do; what is missing is 0.
pub(crate) type Prefix = [u64; 2];

/// Bytes of a [`Prefix`].
pub(crate) const PREFIX_BYTES: usize = 16;

/// The prefix of a key. Keys that are not each other's beginning and differ here need no other comparison.
#[inline]
pub fn prefix(key: &[u8]) -> Prefix {
    let whole = |bytes: &[u8; PREFIX_BYTES]| {
        let both = u128::from_be_bytes(*bytes);
        [(both >> 64) as u64, both as u64]
    };
    match key.first_chunk() {
        Some(bytes) => whole(bytes),
        None => {
            let mut bytes = [0; PREFIX_BYTES];
            bytes[..key.len()].copy_from_slice(key);
            whole(&bytes)
        }
    }
}

/// Groups of so few keys are compared as they are.
const FEW: usize = 12;
/// Keys that are the same for so many bytes are compared as they are.
const DEEP: usize = 1024;

/// Sorts things by their keys; each has the prefix of its key beside it, and something else there when it is done.
///
/// Comparing two keys that are not in the processor's cache costs far more than comparing two prefixes, and in a log most
/// keys begin alike, or are alike. So all are sorted by prefix, then those of one prefix by the bytes after it: each key
/// is fetched once for sixteen of its bytes (multikey quicksort with caching: Ng and Kakehi, "Cache Efficient Radix Sort
/// for String Sorting", 2007).
pub fn sort_by_key<'k, T: Copy>(things: &mut [(Prefix, T)], key: &impl Fn(T) -> &'k [u8]) {
    sort_from(things, key, 0);
}

fn sort_from<'k, T: Copy>(things: &mut [(Prefix, T)], key: &impl Fn(T) -> &'k [u8], depth: usize) {
    things.sort_unstable_by_key(|thing| thing.0);
    for alike in things.chunk_by_mut(|a, b| a.0 == b.0) {
        if alike.len() == 1 {
            continue;
        }
        let depth = depth + PREFIX_BYTES;
        let mut longest = 0;
        if alike.len() > FEW && depth < DEEP {
            for (prefix_after, thing) in &mut *alike {
                let key = key(*thing);
                longest = longest.max(key.len());
                *prefix_after = prefix(key.get(depth..).unwrap_or_default());
            }
        }
        if longest > depth {
            sort_from(alike, key, depth);
        } else {
            alike.sort_unstable_by(|a, b| key(a.1).cmp(key(b.1)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;
    use recpipe::{Time, Type, Value};

    use super::{prefix, push_group_key, push_single, push_sort_key, read_group_key, read_single, sort_by_key};

    type Cell = (u8, Option<(i64, f64, i32)>, Vec<u8>);

    fn cell() -> impl Strategy<Value = Cell> {
        let number = prop_oneof![any::<i64>(), -2..3_i64];
        let float = prop_oneof![any::<f64>(), Just(0.0), Just(-0.0), Just(f64::NAN), Just(-f64::NAN), Just(f64::INFINITY), -2.0..2.0_f64];
        let text = prop::collection::vec(prop_oneof![0..4_u8, Just(255), Just(b'a')], 0..6);
        (0..6_u8, prop::option::weighted(0.8, (number, float, -2..3_i32)), text)
    }

    const KINDS: [Type; 6] = [Type::Bool, Type::Int, Type::Float, Type::Time, Type::Text, Type::Mixed];

    fn value(kind: Type, cell: &Cell) -> Value<'_> {
        let (choice, cell, text) = cell;
        let kind = if kind == Type::Mixed { KINDS[usize::from(*choice) % 5] } else { kind };
        match (cell, kind) {
            (None, _) => Value::Null,
            (Some((int, ..)), Type::Bool) => Value::Bool(*int > 0),
            (Some((int, ..)), Type::Int) => Value::Int((*int).into()),
            (Some((_, float, _)), Type::Float) => Value::Float(*float),
            (Some((int, _, offset)), Type::Time) => Value::Time(Time { nanos: *int, offset_s: *offset }),
            (Some(_), _) => Value::Text(text),
        }
    }

    /// What the language says of the order.
    fn order(a: &Value<'_>, b: &Value<'_>, descending: bool) -> Ordering {
        let last = |value: &Value<'_>| match value {
            Value::Null => 2,
            Value::Float(value) if value.is_nan() => 1,
            _ => 0,
        };
        let values = a.total_cmp(b);
        last(a).cmp(&last(b)).then(if descending { values.reverse() } else { values })
    }

    proptest! {
        #[test]
        fn keys_that_begin_alike_are_sorted(
            parts in prop::collection::vec((0..3_usize, prop_oneof![0..70_usize, Just(1100)], prop::collection::vec(0..3_u8, 0..40)), 0..200),
        ) {
            let key = |(byte, len, end): &(usize, usize, Vec<u8>)| [vec![*byte as u8; *len], end.clone()].concat();
            let mut keys: Vec<Vec<u8>> = parts.iter().map(key).collect();
            let mut things: Vec<_> = (0..keys.len()).map(|i| (prefix(&keys[i]), i)).collect();
            sort_by_key(&mut things, &|i| &keys[i][..]);
            let sorted: Vec<Vec<u8>> = things.iter().map(|thing| keys[thing.1].clone()).collect();
            keys.sort_unstable();
            prop_assert_eq!(sorted, keys);
        }

        #[test]
        fn bytes_are_ordered_as_values(rows in prop::collection::vec((cell(), cell()), 2), directions: (bool, bool), kinds in (0..6_usize, 0..6_usize)) {
            let kinds = (KINDS[kinds.0], KINDS[kinds.1]);
            let key = |row: &(Cell, Cell)| {
                let mut key = Vec::new();
                push_sort_key(value(kinds.0, &row.0), kinds.0 == Type::Mixed, directions.0, &mut key);
                push_sort_key(value(kinds.1, &row.1), kinds.1 == Type::Mixed, directions.1, &mut key);
                key
            };
            let (a, b) = (&rows[0], &rows[1]);
            let expect = order(&value(kinds.0, &a.0), &value(kinds.0, &b.0), directions.0)
                .then_with(|| order(&value(kinds.1, &a.1), &value(kinds.1, &b.1), directions.1));
            let (a, b) = (key(a), key(b));
            prop_assert_eq!(a.cmp(&b), expect);
            prop_assert!(a == b || !a.starts_with(&b));
            prop_assert_eq!(prefix(&a).cmp(&prefix(&b)).then_with(|| a.cmp(&b)), expect);
        }

        #[test]
        fn group_keys_are_ordered_and_read_back(rows in prop::collection::vec((cell(), cell()), 2), kinds in (0..6_usize, 0..6_usize)) {
            let kinds = [KINDS[kinds.0], KINDS[kinds.1]];
            let mut keys = Vec::new();
            for row in &rows {
                let values = [value(kinds[0], &row.0), value(kinds[1], &row.1)];
                let mut key = Vec::new();
                kinds.iter().zip(&values).for_each(|(&kind, &value)| push_group_key(kind, value, &mut key));
                let mut seen = 0;
                read_group_key(&kinds, &key, |i, value| {
                    assert!(value == values[i], "{value:?} is not {:?}", values[i]);
                    seen += 1;
                });
                prop_assert_eq!(seen, 2);
                keys.push((key, values));
            }
            let ((a, left), (b, right)) = (&keys[0], &keys[1]);
            let one = |i: usize| order(&left[i], &right[i], false);
            prop_assert_eq!(a.cmp(b), one(0).then_with(|| one(1)));
            prop_assert_eq!(a == b, left[0] == right[0] && left[1] == right[1]);
        }

        #[test]
        fn single_keys_are_ordered_and_read_back(a in cell(), b in cell(), kind in 0..6_usize) {
            let kind = KINDS[kind];
            let key = |cell: &Cell| {
                let (mut key, value) = (Vec::new(), value(kind, cell));
                push_single(kind, value, &mut key);
                assert!(kind == Type::Mixed || value == Value::Null || read_single(kind, &key) == value, "{value:?}");
                key
            };
            let (left, right) = (value(kind, &a), value(kind, &b));
            if left != Value::Null && right != Value::Null {
                let expect = order(&left, &right, false);
                prop_assert!(expect == Ordering::Equal || key(&a).cmp(&key(&b)) == expect);
            }
        }
    }
}
