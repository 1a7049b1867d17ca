//! What each function gives for one row.

use std::{cmp::Ordering, net::IpAddr};

use jiff::{
    Timestamp, Zoned,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use recpipe::{
    Time,
    times::{TimePattern, Times},
};
use regex::bytes::{Regex, RegexBuilder};
use twox_hash::XxHash3_64;

use super::{Cell, Overflow, eval, order};
use crate::{
    expr::ArithmeticOp,
    language::ast::{self, BinaryOp, ExprKind, Literal},
};
use recpipe::Row;

const SECOND: i128 = 1_000_000_000;

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

fn zoned(time: Time) -> Zoned {
    let offset = Offset::from_seconds(time.offset_s).unwrap_or(Offset::UTC);
    Timestamp::from_nanosecond(i128::from(time.nanos)).unwrap().to_zoned(TimeZone::fixed(offset))
}

/// The nanoseconds of a number of seconds, by its decimal digits.
fn nanos(seconds: &Cell) -> Option<i128> {
    match seconds {
        Cell::Int(value) => Some(value.saturating_mul(SECOND).clamp(i128::MIN / 4, i128::MAX / 4)),
        Cell::Float(value) if value.is_nan() => None,
        Cell::Float(value) if value.abs() > 1e25 => Some(if *value > 0.0 { i128::MAX / 4 } else { i128::MIN / 4 }),
        Cell::Float(value) => format!("{value:.9}").replace('.', "").parse().ok(),
        _ => None,
    }
}

/// `time + sign * seconds`
pub(super) fn moved(time: Time, sign: i128, seconds: &Cell) -> Result<Cell, Overflow> {
    let Some(by) = nanos(seconds) else { return Ok(Cell::Null) };
    let nanos = i64::try_from(i128::from(time.nanos) + sign * by).map_err(|_| Overflow)?;
    Ok(Cell::Time(Time { nanos, ..time }))
}

/// `a - b` in seconds.
pub(super) fn between(a: Time, b: Time) -> Cell {
    let nanos = i128::from(a.nanos) - i128::from(b.nanos);
    let sign = if nanos < 0 { "-" } else { "" };
    let seconds: f64 = format!("{sign}{}.{:09}", nanos.abs() / SECOND, nanos.abs() % SECOND).parse().unwrap();
    Cell::Float(seconds + 0.0)
}

fn bin(value: &Cell, width: &Cell) -> Result<Cell, Overflow> {
    Ok(match (value, width) {
        (Cell::Time(time), _) => {
            let monday: DateTime = "1970-01-05T00:00:00".parse().unwrap();
            let Some(width) = nanos(width).filter(|width| *width > 0) else { return Ok(Cell::Null) };
            let local = zoned(*time).datetime().duration_since(monday).as_nanos();
            if width % (86_400 * SECOND) == 0 {
                // Dates, which stand as midnight in UTC.
                let nanos = local - local.rem_euclid(width) + 4 * 86_400 * SECOND;
                return i64::try_from(nanos).map(|nanos| Cell::Time(Time { nanos, offset_s: 0 })).map_err(|_| Overflow);
            }
            let nanos = i64::try_from(i128::from(time.nanos) - local.rem_euclid(width)).map_err(|_| Overflow)?;
            Cell::Time(Time { nanos, ..*time })
        }
        (Cell::Int(value), Cell::Int(width)) if *width > 0 => Cell::Int(value.checked_sub(value.rem_euclid(*width)).ok_or(Overflow)?),
        (Cell::Int(_), Cell::Int(_)) => Cell::Null,
        (value, width) if !value.is_number() || !width.is_number() => Cell::Null,
        (value, width) if width.float() > 0.0 && width.float().is_finite() => {
            Cell::Float((value.float() / width.float()).floor() * width.float())
        }
        _ => Cell::Null,
    })
}

/// Whether an expression may be a whole number beyond 64 bits: fields that hold anything may, and what is calculated may grow.
/// What is 64 bits wide stays so in a bin, which begins within them or is an overflow.
fn may_be_wide(expr: &ast::Expr) -> bool {
    match &expr.kind {
        ExprKind::Literal(Literal::Int(value)) => i64::try_from(*value).is_err(),
        ExprKind::Field(name) => matches!(name.text.as_str(), "x" | "y" | "z"),
        ExprKind::Negate(_) => true,
        ExprKind::Binary { op: BinaryOp::Coalesce | BinaryOp::Arithmetic(ArithmeticOp::Rem), left, right, .. } => {
            may_be_wide(left) || may_be_wide(right)
        }
        // By -1, the least number of 64 bits is beyond them.
        ExprKind::Binary { op: BinaryOp::Arithmetic(ArithmeticOp::FloorDiv), left, right, .. } => {
            may_be_wide(left) || !matches!(right.kind, ExprKind::Literal(Literal::Int(value)) if value != -1)
        }
        ExprKind::Binary { op: BinaryOp::Arithmetic(_), .. } => true,
        ExprKind::Call { name, args } => match (&*name.text, args.len()) {
            ("if" | "case", _) => args[1..].iter().any(may_be_wide),
            ("int" | "floor" | "ceil" | "abs", _) | ("round", 1) => true,
            ("min" | "max" | "coalesce" | "bin" | "round", _) => args.iter().any(may_be_wide),
            _ => false,
        },
        _ => false,
    }
}

/// The characters, and bytes that are in none.
fn characters(text: &[u8]) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    for chunk in text.utf8_chunks() {
        all.extend(chunk.valid().chars().map(|c| c.to_string().into_bytes()));
        all.extend(chunk.invalid().iter().map(|byte| vec![*byte]));
    }
    all
}

fn substr(text: &[u8], from: i128, len: Option<i128>) -> Vec<u8> {
    let all = characters(text);
    let count = all.len() as i128;
    let start = if from < 0 { count.saturating_add(from).max(0) } else { from };
    let end = len.map_or(count, |len| start.saturating_add(len.max(0)));
    (0_i128..).zip(all).filter(|(at, _)| (start..end).contains(at)).flat_map(|(_, c)| c).collect()
}

fn pieces(text: &[u8], separator: &[u8]) -> Vec<Vec<u8>> {
    let mut all = vec![Vec::new()];
    let mut at = 0;
    while at < text.len() {
        if !separator.is_empty() && text[at..].starts_with(separator) {
            all.push(Vec::new());
            at += separator.len();
        } else {
            all.last_mut().unwrap().push(text[at]);
            at += 1;
        }
    }
    all
}

fn split(text: &[u8], separator: &[u8], n: i128) -> Cell {
    let all = pieces(text, separator);
    let n = if n < 0 { n + all.len() as i128 } else { n };
    usize::try_from(n).ok().and_then(|n| all.get(n)).map_or(Cell::Null, |piece| Cell::Text(piece.clone()))
}

fn replace(text: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    pieces(text, old).join(new)
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let text: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let escape = regex(r"(?s-u)%([0-9A-Fa-f]{2})");
    let byte = |found: &regex::bytes::Captures<'_>| vec![u8::from_str_radix(std::str::from_utf8(&found[1]).unwrap(), 16).unwrap()];
    escape.replace_all(&text, byte).into_owned()
}

fn query(url: &[u8], key: &[u8]) -> Cell {
    let Some(found) = regex(r"(?s-u)^[^?#]*\?([^#]*)").captures(url) else { return Cell::Null };
    for pair in pieces(&found[1], b"&") {
        let parts = regex("(?s-u)^([^=]*)=?(.*)$").captures(&pair).unwrap();
        if !pair.is_empty() && decoded(&parts[1]) == key {
            return Cell::Text(decoded(&parts[2]));
        }
    }
    Cell::Null
}

fn group(pattern: &str, text: &[u8]) -> Cell {
    Cell::Text(regex(pattern).captures(text).map_or(Vec::new(), |found| found[1].to_vec()))
}

fn hash(value: &Cell) -> Cell {
    let text = match value {
        Cell::Float(float) if *float == float.trunc() && (-(2_f64.powi(127))..2_f64.powi(127)).contains(float) => {
            format!("{float:.0}").replace("-0", "0")
        }
        Cell::Float(float) => recpipe::record::ShownFloat(*float).to_string(),
        Cell::Time(time) => Time { offset_s: 0, ..*time }.to_string(),
        other => return Cell::Int((XxHash3_64::oneshot(&text(other)) as i64).into()),
    };
    Cell::Int((XxHash3_64::oneshot(text.as_bytes()) as i64).into())
}

/// Whether an expression is text, so that `+` after it joins; of those that the writer writes.
pub(super) fn is_text(expr: &ast::Expr) -> bool {
    const OF_TEXT: [&str; 21] = [
        "lower",
        "upper",
        "trim",
        "str",
        "substr",
        "split",
        "replace",
        "path",
        "ext",
        "query",
        "strftime",
        "mask",
        "left",
        "right",
        "padleft",
        "padright",
        "pad",
        "concat",
        "extract",
        "urldecode",
        "network",
    ];
    match &expr.kind {
        ExprKind::Literal(Literal::Text(_)) => true,
        ExprKind::Field(name) => matches!(name.text.as_str(), "t" | "u" | "z"),
        ExprKind::Binary { op: BinaryOp::Arithmetic(ArithmeticOp::Add) | BinaryOp::Coalesce, left, right, .. } => {
            is_text(left) || is_text(right)
        }
        ExprKind::Call { name, args } => match &*name.text {
            "if" | "case" | "coalesce" | "min" | "max" => args.last().is_some_and(is_text),
            function => OF_TEXT.contains(&function),
        },
        _ => false,
    }
}

pub(super) fn text(value: &Cell) -> Vec<u8> {
    match value {
        Cell::Bool(value) => value.to_string().into(),
        Cell::Int(value) => value.to_string().into(),
        Cell::Float(value) => recpipe::record::ShownFloat(*value).to_string().into(),
        Cell::Time(time) => time.to_string().into(),
        Cell::Text(text) => text.clone(),
        Cell::Null => panic!("null has no text"),
    }
}

/// Each character changed, other bytes kept.
fn each_character<I: Iterator<Item = char>>(text: &[u8], change: fn(char) -> I) -> Cell {
    let change = |c: Vec<u8>| match std::str::from_utf8(&c) {
        Ok(valid) => valid.chars().flat_map(change).collect::<String>().into_bytes(),
        Err(_) => c,
    };
    Cell::Text(characters(text).into_iter().flat_map(change).collect())
}

/// Whether a text is in a network, by the bits of its address as text.
pub(super) fn in_network(text: &[u8], network: &str) -> bool {
    fn bits(address: IpAddr) -> String {
        match address.to_canonical() {
            IpAddr::V4(address) => format!("4{:032b}", address.to_bits()),
            IpAddr::V6(address) => format!("6{:0128b}", address.to_bits()),
        }
    }
    let Some(address) = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()) else { return false };
    let (first, len) = network.split_once('/').unwrap();
    bits(address).starts_with(&bits(first.parse().unwrap())[..1 + len.parse::<usize>().unwrap()])
}

/// A float, unless it is no number and may not be.
fn some(value: f64, may_be_nan: bool) -> Cell {
    if value.is_nan() && !may_be_nan { Cell::Null } else { Cell::Float(value) }
}

/// By the bits of the address as text.
fn network(text: &[u8], bits: &[Cell]) -> Cell {
    let Some(address) = std::str::from_utf8(text).ok().and_then(|text| text.parse::<IpAddr>().ok()) else { return Cell::Null };
    let address = address.to_canonical();
    let (all, bits, usual) = match address {
        IpAddr::V4(address) => (format!("{:032b}", address.to_bits()), bits.first(), 24),
        IpAddr::V6(address) => (format!("{:0128b}", address.to_bits()), bits.get(1), 64),
    };
    let bits = bits.map_or(usual, |bits| if let Cell::Int(bits) = bits { *bits } else { -1 });
    let Some(kept) = usize::try_from(bits).ok().and_then(|bits| all.get(..bits)) else { return Cell::Null };
    let first = format!("{kept:0<width$}", width = all.len());
    let first = match address {
        IpAddr::V4(_) => IpAddr::V4(u32::from_str_radix(&first, 2).unwrap().into()),
        IpAddr::V6(_) => IpAddr::V6(u128::from_str_radix(&first, 2).unwrap().into()),
    };
    Cell::Text(format!("{first}/{bits}").into())
}

/// Numbers with units, of those that the writer writes.
fn duration(text: &[u8]) -> Cell {
    let Ok(text) = std::str::from_utf8(text) else { return Cell::Null };
    let all = regex::Regex::new(r"^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$").unwrap();
    let Some(found) = all.captures(text.trim()).filter(|found| !found[0].is_empty()) else { return Cell::Null };
    let of = |i: usize, unit: i128| found.get(i).map_or(0, |n| n.as_str().parse::<i128>().unwrap() * unit);
    between(
        Time {
            nanos: i64::try_from(of(1, 3600 * SECOND) + of(2, 60 * SECOND) + of(3, SECOND) + of(4, SECOND / 1000)).unwrap(),
            offset_s: 0,
        },
        Time { nanos: 0, offset_s: 0 },
    )
}

/// Through a tree of all that is there.
fn json(text: &[u8], path: &[u8]) -> Cell {
    let Ok(mut value) = serde_json::from_slice::<serde_json::Value>(text) else { return Cell::Null };
    for part in std::str::from_utf8(path).unwrap().split('.') {
        let next = match &mut value {
            serde_json::Value::Object(map) => map.get_mut(part).map(serde_json::Value::take),
            serde_json::Value::Array(list) => part.parse::<usize>().ok().and_then(|at| list.get_mut(at).map(serde_json::Value::take)),
            _ => None,
        };
        let Some(next) = next else { return Cell::Null };
        value = next;
    }
    match value {
        serde_json::Value::Null => Cell::Null,
        serde_json::Value::Bool(value) => Cell::Bool(value),
        serde_json::Value::Number(number) => {
            number.as_i64().map_or_else(|| Cell::Float(number.as_f64().unwrap()), |int| Cell::Int(int.into()))
        }
        serde_json::Value::String(text) => Cell::Text(text.into()),
        other => Cell::Text(other.to_string().into()),
    }
}

/// A call, the values of whose arguments are known unless they are no values.
pub(super) fn call(name: &str, asts: &[ast::Expr], row: Row<'_>) -> Result<Cell, Overflow> {
    if let ("extract", ExprKind::Literal(Literal::Regex { pattern, ignore_case })) = (name, &asts[asts.len() - 1].kind) {
        let regex = RegexBuilder::new(pattern).case_insensitive(*ignore_case).build().unwrap();
        let Cell::Text(text) = eval(&asts[0], row)? else { return Ok(Cell::Null) };
        let group = regex.captures_len().min(2) - 1;
        let found = regex.captures(&text).and_then(|found| found.get(group).map(|found| found.as_bytes().to_vec()));
        return Ok(found.map_or(Cell::Null, Cell::Text));
    }
    if let ("replace", ExprKind::Literal(Literal::Regex { pattern, ignore_case })) =
        (name, asts.get(1).map_or(&asts[0].kind, |arg| &arg.kind))
    {
        let regex = RegexBuilder::new(pattern).case_insensitive(*ignore_case).build().unwrap();
        let (Cell::Text(text), Cell::Text(with)) = (eval(&asts[0], row)?, eval(&asts[2], row)?) else { return Ok(Cell::Null) };
        let is_literal = matches!(asts[2].kind, ExprKind::Literal(_));
        let (mut out, mut from) = (Vec::new(), 0);
        for found in regex.captures_iter(&text) {
            let all = found.get(0).unwrap();
            out.extend_from_slice(&text[from..all.start()]);
            if is_literal {
                found.expand(&with, &mut out)
            } else {
                out.extend_from_slice(&with)
            }
            from = all.end();
        }
        out.extend_from_slice(&text[from..]);
        return Ok(Cell::Text(out));
    }
    let args = asts.iter().map(|arg| eval(arg, row)).collect::<Result<Vec<_>, _>>()?;
    if args.iter().any(|arg| matches!(arg, Cell::Null)) {
        return Ok(Cell::Null);
    }
    match of_values(name, &args)? {
        Cell::Int(bin) if name == "bin" && i64::try_from(bin).is_err() && !asts.iter().any(may_be_wide) => Err(Overflow),
        value => Ok(value),
    }
}

fn of_values(name: &str, args: &[Cell]) -> Result<Cell, Overflow> {
    let number = |value: f64| Cell::Int(value as i128);
    Ok(match (name, args) {
        ("min" | "max", [first, others @ ..]) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            // NaN after all other numbers; a number before what is none, and a bool before a text.
            let better = |next: &Cell, best: &Cell| match order(next, best) {
                Some(order) => order == wanted,
                None if next.is_number() && best.is_number() => next.float().is_nan().cmp(&best.float().is_nan()) == wanted,
                None => next.is_number() || matches!((next, best), (Cell::Bool(_), Cell::Text(_))),
            };
            others.iter().fold(first.clone(), |best, next| if better(next, &best) { next.clone() } else { best })
        }
        ("len", [Cell::Text(text)]) => Cell::Int(characters(text).len() as i128),
        ("lower", [Cell::Text(text)]) => each_character(text, char::to_lowercase),
        ("upper", [Cell::Text(text)]) => each_character(text, char::to_uppercase),
        ("trim", [Cell::Text(text)]) => group(r"(?s-u)^[ \t\n\r\x0c]*(.*?)[ \t\n\r\x0c]*$", text),
        ("substr", [Cell::Text(text), Cell::Int(from)]) => Cell::Text(substr(text, *from, None)),
        ("substr", [Cell::Text(text), Cell::Int(from), Cell::Int(len)]) => Cell::Text(substr(text, *from, Some(*len))),
        ("split", [Cell::Text(text), Cell::Text(separator), Cell::Int(n)]) => split(text, separator, *n),
        ("replace", [Cell::Text(text), Cell::Text(old), Cell::Text(new)]) => Cell::Text(replace(text, old, new)),
        ("path", [Cell::Text(url)]) => group(r"(?s-u)^(?:[A-Za-z][A-Za-z0-9+.-]*://[^/?#]*)?([^?#]*)", url),
        ("ext", [Cell::Text(path)]) => group(r"(?s-u)(?:^|/)\.*[^./][^/]*\.([^./]*)$|(?:^|/)\.*[^./]\.([^./]*)$", path),
        ("query", [Cell::Text(url), Cell::Text(key)]) => query(url, key),
        ("left", [Cell::Text(text), Cell::Int(n)]) => Cell::Text(substr(text, 0, Some(*n))),
        ("right", [Cell::Text(_), Cell::Int(..=0)]) => Cell::Text(Vec::new()),
        ("right", [Cell::Text(text), Cell::Int(n)]) => Cell::Text(substr(text, n.checked_neg().unwrap(), None)),
        ("padleft" | "padright" | "pad", [Cell::Text(text), Cell::Int(n), fill @ ..]) => {
            let fill = fill.first().map_or(b" ".to_vec(), self::text);
            let more: Vec<u8> = (characters(text).len() as i128..*n).flat_map(|_| fill.clone()).collect();
            Cell::Text(if name == "padleft" { [more, text.clone()].concat() } else { [text.clone(), more].concat() })
        }
        ("urldecode", [Cell::Text(text)]) => Cell::Text(decoded(&pieces(text, b"+").join(&b"%2B"[..]))),
        ("network", [Cell::Text(text), bits @ ..]) => network(text, bits),
        ("local", [Cell::Time(time), Cell::Text(zone)]) => {
            let zoned = Timestamp::from_nanosecond(time.nanos.into()).unwrap().in_tz(std::str::from_utf8(zone).unwrap()).unwrap();
            // Times have offsets of whole minutes.
            Cell::Time(Time { offset_s: zoned.offset().seconds().div_euclid(60) * 60, ..*time })
        }
        ("duration", [Cell::Text(text)]) => duration(text),
        ("json", [Cell::Text(text), Cell::Text(path)]) => json(text, path),
        ("sqrt", [value]) if value.is_number() => some(value.float().sqrt(), value.float().is_nan()),
        ("log" | "log2" | "log10", [value]) if value.is_number() && value.float() <= 0.0 => Cell::Null,
        ("log", [value]) if value.is_number() => Cell::Float(libm::log(value.float())),
        ("log2", [value]) if value.is_number() => Cell::Float(libm::log2(value.float())),
        ("log10", [value]) if value.is_number() => Cell::Float(libm::log10(value.float())),
        ("exp", [value]) if value.is_number() => Cell::Float(libm::exp(value.float())),
        ("pow", [base, power]) if base.is_number() && power.is_number() => match (base.float(), power.float()) {
            (0.0, ..0.0) => Cell::Null,
            (base, power) => some(libm::pow(base, power), base.is_nan() || power.is_nan()),
        },
        ("hash", [value]) => hash(value),
        ("mask", [Cell::Text(text)]) => Cell::Text(super::mask::masked(text)),
        ("time", [Cell::Time(time)]) => Cell::Time(*time),
        ("time", [Cell::Text(text)]) => Time::parse(text).map_or(Cell::Null, Cell::Time),
        ("time", [Cell::Int(value)]) => Times::default().of_int(*value).map_or(Cell::Null, |read| Cell::Time(read.time)),
        ("time", [Cell::Float(value)]) => Times::default().of_float(*value).map_or(Cell::Null, |read| Cell::Time(read.time)),
        ("time", [value, Cell::Text(format)]) if !matches!(value, Cell::Time(_)) => {
            let pattern = TimePattern::new(std::str::from_utf8(format).unwrap()).unwrap();
            pattern.read(&text(value), &Times::default()).map_or(Cell::Null, |read| Cell::Time(read.time))
        }
        ("strftime", [Cell::Time(time), Cell::Text(format)]) => {
            Cell::Text(zoned(*time).strftime(std::str::from_utf8(format).unwrap()).to_string().into())
        }
        ("bin", [value, width]) => bin(value, width)?,
        ("year", [Cell::Time(time)]) => Cell::Int(zoned(*time).year().into()),
        ("month", [Cell::Time(time)]) => Cell::Int(zoned(*time).month().into()),
        ("day", [Cell::Time(time)]) => Cell::Int(zoned(*time).day().into()),
        ("hour", [Cell::Time(time)]) => Cell::Int(zoned(*time).hour().into()),
        ("minute", [Cell::Time(time)]) => Cell::Int(zoned(*time).minute().into()),
        ("weekday", [Cell::Time(time)]) => Cell::Int(zoned(*time).weekday().to_monday_one_offset().into()),
        ("epoch", [Cell::Time(time)]) => Cell::Int(i128::from(time.nanos).div_euclid(SECOND)),
        ("int", [Cell::Text(text)]) => String::from_utf8_lossy(text).trim().parse().map_or(Cell::Null, Cell::Int),
        ("int", [Cell::Bool(value)]) => Cell::Int((*value).into()),
        ("float", [Cell::Bool(value)]) => Cell::Float(f64::from(u8::from(*value))),
        ("float", [Cell::Int(value)]) => Cell::Float(*value as f64),
        ("float", [Cell::Float(value)]) => Cell::Float(*value),
        ("float", [Cell::Text(text)]) => String::from_utf8_lossy(text).trim().parse().map_or(Cell::Null, Cell::Float),
        ("str", [value]) => Cell::Text(text(value)),
        ("abs", [Cell::Int(value)]) => Cell::Int(value.checked_abs().ok_or(Overflow)?),
        ("abs", [Cell::Float(value)]) => Cell::Float(value.abs()),
        ("int" | "floor" | "ceil" | "round", [Cell::Int(value)]) => Cell::Int(*value),
        ("round", [Cell::Int(value), _]) => Cell::Int(*value),
        ("round", [Cell::Float(value), Cell::Int(digits)]) => {
            Cell::Float(if value.is_finite() { rounded(*value, usize::try_from(*digits).unwrap()) } else { *value })
        }
        (_, [Cell::Float(value)]) if value.is_nan() || !(-(2_f64.powi(127))..2_f64.powi(127)).contains(value) => Cell::Null,
        ("int", [Cell::Float(value)]) => number(value.trunc()),
        ("floor", [Cell::Float(value)]) => number(value.floor()),
        ("ceil", [Cell::Float(value)]) => number(value.ceil()),
        ("round", [Cell::Float(value)]) => number(rounded(*value, 0)),
        // A value of another type.
        _ => Cell::Null,
    })
}

/// By the digits of all that the float is; of two as near, the even one.
fn rounded(value: f64, digits: usize) -> f64 {
    // No float has more after the point.
    let all = format!("{:.1074}", value.abs());
    let end = all.find('.').unwrap() + 1 + digits;
    let (kept, rest) = all.split_at(end);
    let half = format!("5{}", "0".repeat(rest.len() - 1));
    let is_odd = kept.trim_end_matches('.').ends_with(['1', '3', '5', '7', '9']);
    let mut kept: Vec<u8> = format!("0{kept}").into_bytes();
    if *rest > *half || *rest == *half && is_odd {
        for digit in kept.iter_mut().rev().filter(|digit| digit.is_ascii_digit()) {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
    }
    String::from_utf8(kept).unwrap().parse::<f64>().unwrap().copysign(value)
}
