//! What `mask` gives, by regexes that are tried one after the other at each place.

use std::{net::Ipv6Addr, sync::LazyLock};

use regex::bytes::Regex;

/// Something that is masked.
struct Kind {
    mask: &'static str,
    /// The first of which the last regex matches decides: then the longest of its regexes behind which no word goes on.
    forms: Vec<Vec<Regex>>,
    /// Whether it is a word, or begins with one.
    is_word: bool,
    /// Whether a word may go on behind it.
    may_go_on: bool,
    /// Behind which other bytes it does not begin.
    not_after: &'static [u8],
}

fn is_word(byte: Option<&u8>) -> bool {
    byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte >= 0x80)
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let (hours, minutes, seconds) = ("(?:[01][0-9]|2[0-4])", "[0-5][0-9]", "(?:[0-5][0-9]|60)");
    let (month, day, fraction) = ("(?:0[1-9]|1[0-2])", "(?:0[1-9]|[12][0-9]|3[01])", "(?:[.,][0-9]+)?");
    let name = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)";
    let date = format!("[12][0-9]{{3}}(?:-{month}-{day}|/{month}/{day})");
    let clock = format!("{hours}:{minutes}:{seconds}{fraction}");
    let octet = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9][0-9]|[0-9])";
    let address = format!("{octet}(?:\\.{octet}){{3}}");
    // With an offset behind it, or without.
    let zoned = |time: String| vec![format!("{time}(?:Z| ?[+-](?:[01][0-9]|2[0-6])(?::?[0-5][0-9])?)"), time];
    let times = vec![
        zoned(format!("{date}[T ]{clock}")),
        zoned(format!("{date}[T ]{hours}:{minutes}")),
        vec![date],
        zoned(format!("[12][0-9]{{3}}{month}{day}T{hours}{minutes}{seconds}{fraction}")),
        zoned(format!("{day}/{name}/[0-9]{{4}}[: ]{clock}")),
        vec![format!("{name} (?:{day}| ?[1-9]) {clock}")],
    ];
    let kind = |mask, forms: Vec<Vec<String>>, is_word, may_go_on, not_after| {
        let compiled = |form: &Vec<String>| form.iter().map(|regex| Regex::new(&format!("(?s-u)^(?:{regex})")).unwrap()).collect();
        Kind { mask, forms: forms.iter().map(compiled).collect(), is_word, may_go_on, not_after }
    };
    let one = |regex: &str| vec![vec![regex.to_owned()]];
    vec![
        kind("<uuid>", one("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"), true, false, b""),
        kind("<time>", times, true, false, b""),
        kind("<time>", one(&clock), true, false, b":."),
        kind("<ip>", vec![vec![format!("{address}:[0-9]{{1,5}}"), address]], true, false, b":."),
        kind("<hex>", vec![vec!["0[xX][0-9a-fA-F]+".into()], vec!["[0-9a-fA-F]{8,}".into()]], true, false, b""),
        kind("<path>", one("(?:/+[A-Za-z0-9\\x80-\\xff._~%+@$-]+){2,}/*"), false, true, b"/"),
        kind("<n>", one("[+-][0-9]+(?:[.,_'][0-9]+)*"), true, true, b"+-_./)]}"),
        kind("<n>", one("[0-9]+(?:[.,_'][0-9]+)*"), false, true, b""),
    ]
});

static EXPONENT: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?s-u)^[eE][+-]?[0-9]+").unwrap());

static V6: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?s-u)^[0-9a-fA-F:.]+").unwrap());

static ZONE: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?s-u)^%[A-Za-z0-9\\x80-\\xff]+").unwrap());

static PORT: LazyLock<Regex> = LazyLock::new(|| Regex::new("(?s-u)^\\]:([0-9]+)").unwrap());

/// The end of the address of IPv6 that begins here, or of one in brackets with its port.
fn v6(text: &[u8], at: usize) -> Option<usize> {
    let in_brackets = text[at] == b'[';
    let before = at.checked_sub(1).map(|before| &text[before]);
    if !in_brackets && (is_word(before) || before == Some(&b':')) {
        return None;
    }
    let from = at + usize::from(in_brackets);
    let run = std::str::from_utf8(V6.find(&text[from..])?.as_bytes()).unwrap();
    let is_address = |text: &&str| text.len() <= 45 && text.contains(|c: char| c.is_ascii_digit()) && text.parse::<Ipv6Addr>().is_ok();
    let address = [run, run.strip_suffix([':', '.']).unwrap_or("")].into_iter().find(is_address)?;
    let mut end = from + address.len();
    end += ZONE.find(&text[end..]).map_or(0, |zone| zone.len());
    if in_brackets {
        let port = PORT.captures(&text[end..])?;
        let digits = std::str::from_utf8(&port[1]).unwrap();
        if digits.parse::<u16>().ok()?.to_string() != digits {
            return None;
        }
        end += port[0].len();
    }
    (!is_word(text.get(end))).then_some(end)
}

/// The text, masked.
pub(crate) fn masked(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end_of = |kind: &Kind| if kind.mask == "<ip>" { v6(text, at).or_else(|| end(kind, text, at)) } else { end(kind, text, at) };
        match KINDS.iter().find_map(|kind| Some((kind.mask, end_of(kind)?))) {
            Some((mask, end)) => {
                out.extend_from_slice(mask.as_bytes());
                at = end;
            }
            None => {
                out.push(text[at]);
                at += 1;
            }
        }
    }
    out
}

fn end(kind: &Kind, text: &[u8], at: usize) -> Option<usize> {
    let before = at.checked_sub(1).map(|before| &text[before]);
    if kind.is_word && is_word(before) || before.is_some_and(|before| kind.not_after.contains(before)) {
        return None;
    }
    let form = kind.forms.iter().find(|form| form.last().unwrap().is_match(&text[at..]))?;
    form.iter().find_map(|regex| {
        let found = regex.find(&text[at..])?.as_bytes();
        let end = at + length(kind, found, &text[at..])?;
        (kind.may_go_on || !is_word(text.get(end))).then_some(end)
    })
}

/// How much of what a regex found counts, if it does.
fn length(kind: &Kind, found: &[u8], rest: &[u8]) -> Option<usize> {
    let behind = |length: usize| rest.get(length).copied();
    let counts = match kind.mask {
        "<time>" => kind.not_after.is_empty() || behind(found.len()) != Some(b':'),
        "<ip>" => {
            let text = std::str::from_utf8(found).unwrap();
            let (address, port) = text.split_once(':').unwrap_or((text, "80"));
            let goes_on = behind(address.len()) == Some(b'.') && behind(address.len() + 1).is_some_and(|byte| byte.is_ascii_digit());
            !goes_on && port.parse::<u32>().unwrap() <= 65_535 && (port == "0" || !port.starts_with('0'))
        }
        "<hex>" if !found[..2].eq_ignore_ascii_case(b"0x") => {
            let digits = found.iter().filter(|byte| byte.is_ascii_digit()).count();
            digits > 0 && digits < found.len()
        }
        "<path>" => {
            let end = found.iter().rposition(|byte| *byte != b'.').map_or(0, |last| last + 1);
            let parts = found[..end].split(|byte| *byte == b'/').filter(|part| !part.is_empty()).count();
            return (!found.starts_with(b"//") && parts >= 2).then_some(end);
        }
        "<n>" => {
            let exponent = EXPONENT.find(&rest[found.len()..]).map_or(0, |found| found.end());
            let with_exponent = found.len() + exponent;
            return Some(if is_word(rest.get(with_exponent)) { found.len() } else { with_exponent });
        }
        _ => true,
    };
    counts.then_some(found.len())
}
