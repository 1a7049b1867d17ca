//! Addresses of the internet, with their ports.

use std::net::Ipv6Addr;

use super::{in_word, is_word, run, whole};

/// The length of the address that begins here: `10.0.0.1`, `10.0.0.1:80`, `fe80::1%eth0`, `[::1]:80`. A word of hex digits and
/// colons without any digit is no address: `::`, `a::b`.
pub(super) fn length(before: Option<u8>, rest: &[u8]) -> Option<usize> {
    match rest.first()? {
        b'[' => {
            let end = 1 + v6(&rest[1..])?;
            if rest.get(end) != Some(&b']') { None } else { port(rest, end + 1) }
        }
        _ if in_word(before) || before == Some(b':') => None,
        _ => v6(rest).or_else(|| if before == Some(b'.') { None } else { v4(rest) }),
    }
}

fn v4(rest: &[u8]) -> Option<usize> {
    let mut end = 0;
    for octet in 0..4 {
        if octet > 0 {
            if rest.get(end) != Some(&b'.') {
                return None;
            }
            end += 1;
        }
        end += digits(&rest[end..], 255)?;
    }
    match rest[end..] {
        // Five numbers are a version.
        [b'.', b'0'..=b'9', ..] => None,
        _ => Some(port(rest, end).unwrap_or(whole(rest, end)?)),
    }
}

/// The end of the address and its port; `None` without a port.
fn port(rest: &[u8], end: usize) -> Option<usize> {
    if rest.get(end) != Some(&b':') {
        return None;
    }
    whole(rest, end + 1 + digits(&rest[end + 1..], 65_535)?)
}

/// The length of a number up to `most`, which begins with a zero only where it is one.
fn digits(rest: &[u8], most: u32) -> Option<usize> {
    let length = run(rest, |byte| byte.is_ascii_digit());
    let digits =
        std::str::from_utf8(&rest[..length]).ok().filter(|digits| digits.len() < 6 && (*digits == "0" || !digits.starts_with('0')))?;
    (digits.parse::<u32>().ok()? <= most).then_some(length)
}

fn v6(rest: &[u8]) -> Option<usize> {
    // The longest that there is in text.
    const MOST: usize = 45;
    let length = run(rest, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    let text = std::str::from_utf8(&rest[..length]).ok()?;
    if text.bytes().filter(|byte| *byte == b':').take(2).count() < 2 {
        return None;
    }
    // A sentence may go on with a colon or end with a point.
    let ends = [text, text.strip_suffix([':', '.']).unwrap_or_default()];
    let is_address = |text: &&str| text.len() <= MOST && text.bytes().any(|byte| byte.is_ascii_digit()) && text.parse::<Ipv6Addr>().is_ok();
    let end = ends.iter().find(|text| is_address(text))?.len();
    match rest[end..] {
        [b'%', zone, ..] if is_word(zone) => Some(end + 1 + run(&rest[end + 1..], is_word)),
        _ => whole(rest, end),
    }
}
