//! Parts of URLs and paths, as they stand in a log: nothing is resolved, and what is no URL has parts all the same.

use percent_encoding::percent_decode;

/// Where the path of a URL stands in it: after scheme and host, before `?` and `#`.
///
/// A request line's `/a/b?x=1` has no scheme, and its path begins at once; so does that of `//a/b`, since in a log that is a
/// path with two slashes more often than a host without a scheme.
pub(super) fn path(url: &[u8]) -> (usize, usize) {
    let end = url.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(url.len());
    let start = match scheme(&url[..end]) {
        None => 0,
        Some(host) => url[host..end].iter().position(|byte| *byte == b'/').map_or(end, |slash| host + slash),
    };
    (start, end)
}

/// The length of `http://`, if `url` begins with that of any scheme (RFC 3986, 3.1).
fn scheme(url: &[u8]) -> Option<usize> {
    let len = url.iter().position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')))?;
    (url.first()?.is_ascii_alphabetic() && url[len..].starts_with(b"://")).then_some(len + 3)
}

/// Appends the value of the first parameter `key` of the URL's query, decoded; false if there is none.
///
/// Names and values are those of a form (WHATWG URL, 5.1): `+` is a blank, `%41` an `A`, and a `%` before anything but two
/// hexadecimal digits is itself. A name without `=` has an empty value.
pub(super) fn query(url: &[u8], key: &[u8], out: &mut Vec<u8>) -> bool {
    let url = &url[..url.iter().position(|byte| *byte == b'#').unwrap_or(url.len())];
    let Some(question) = url.iter().position(|byte| *byte == b'?') else { return false };
    for pair in url[question + 1..].split(|byte| *byte == b'&') {
        if pair.is_empty() {
            continue;
        }
        let equals = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
        let start = out.len();
        decode(&pair[..equals], out);
        let is_it = &out[start..] == key;
        out.truncate(start);
        if is_it {
            decode(pair.get(equals + 1..).unwrap_or_default(), out);
            return true;
        }
    }
    false
}

fn decode(text: &[u8], out: &mut Vec<u8>) {
    for (i, part) in text.split(|byte| *byte == b'+').enumerate() {
        if i > 0 {
            out.push(b' ');
        }
        out.extend(percent_decode(part));
    }
}

/// Where the extension of a path's last segment stands, without its point: empty if it has none. A point that begins the
/// segment begins no extension, as in `.profile`.
pub(super) fn ext(path: &[u8]) -> (usize, usize) {
    let none = (path.len(), path.len());
    let segment = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let Some(named) = path[segment..].iter().position(|byte| *byte != b'.') else { return none };
    let point = path[segment + named..].iter().rposition(|byte| *byte == b'.');
    point.map_or(none, |point| (segment + named + point + 1, path.len()))
}
