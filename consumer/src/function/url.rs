//! `path(url)`, `query(url, name)`, `ext(path)`, `urldecode(text)`: parts of URLs and paths, as they stand in a log: nothing is resolved, and what is
//! no URL has parts all the same.

use percent_encoding::percent_decode;
use recpipe::{Error, Type};

use crate::{
    expr::{Call, Expr, Rows, ScalarFunction, Values, Vector, rows::views},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{self, Made, need, unary},
    },
};

/// `path`
pub(crate) static PATH: FunctionWord = FunctionWord {
    name: "path",
    syntax: "path(URL)",
    doc: "its path, without scheme, host, query and fragment",
    example: "path(request) == '/ply/ply.html'",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Part(path), Type::Text)),
};

/// `query`
pub(crate) static QUERY: FunctionWord = FunctionWord {
    name: "query",
    syntax: "query(URL, NAME)",
    doc: "the value of a parameter of its query, decoded; null if there is none",
    example: "query(request, 'page') == '2'",
    args: 2..=2,
    check: OfValues(check_query),
};

/// `ext`
pub(crate) static EXT: FunctionWord = FunctionWord {
    name: "ext",
    syntax: "ext(PATH)",
    doc: "the extension of the last part, without its point; empty if there is none",
    example: "lower(ext(path(request))) in ('gif', 'png')",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Part(ext), Type::Text)),
};

/// `urldecode`
pub(crate) static URLDECODE: FunctionWord = FunctionWord {
    name: "urldecode",
    syntax: "urldecode(TEXT)",
    doc: "with `%41` and its like decoded; what is no such code stays, and so does `+`",
    example: "urldecode(request) contains ' '",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], Decode, Type::Text)),
};

fn check_query(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    Ok((signature::call(Query, args), Type::Text))
}

/// The part of each text from where to where this says.
struct Part<F>(F);

impl<F: Fn(&[u8]) -> (usize, usize) + Send + Sync> ScalarFunction for Part<F> {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        views(&text, texts, |view| {
            let (start, end) = (self.0)(texts.slice(view));
            // Both are at most the length of the view.
            (view.0 + start as u32, (end - start) as u32)
        })
    }
}

struct Decode;

impl ScalarFunction for Decode {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        Rows::of(&[&text]).texts(|row, out| {
            out.extend(percent_decode(texts.get(row)));
            true
        })
    }
}

struct Query;

impl ScalarFunction for Query {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [url, name] = call.args(args)?;
        let (Values::Text(urls), Values::Text(names)) = (&url.values, &name.values) else { return call.no_value(&url) };
        Rows::of(&[&url, &name]).texts(|row, out| query(urls.get(row), names.get(row), out))
    }
}

/// Where the path of a URL stands in it: after scheme and host, before `?` and `#`.
///
/// A request line's `/a/b?x=1` has no scheme, and its path begins at once; so does that of `//a/b`, since in a log that is a
/// path with two slashes more often than a host without a scheme.
fn path(url: &[u8]) -> (usize, usize) {
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
fn query(url: &[u8], key: &[u8], out: &mut Vec<u8>) -> bool {
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
fn ext(path: &[u8]) -> (usize, usize) {
    let none = (path.len(), path.len());
    let segment = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    let Some(named) = path[segment..].iter().position(|byte| *byte != b'.') else { return none };
    let point = path[segment + named..].iter().rposition(|byte| *byte == b'.');
    point.map_or(none, |point| (segment + named + point + 1, path.len()))
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn parts_of_urls() {
        for (text, expect) in [
            ("path('/a/b?x=1')", "'/a/b' '/a/b' '/a/b' '/a/b'"),
            ("path('https://h:80/a//b#?')", "'/a//b' '/a//b' '/a//b' '/a//b'"),
            ("path('//a/b')", "'//a/b' '//a/b' '//a/b' '//a/b'"),
            ("path(t)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("len(path('http://host?x=/y'))", "0 0 0 0"),
            ("query('/a?x=1&y=a+b%2fc%zz&x=2', 'y')", "'a b/c%zz' 'a b/c%zz' 'a b/c%zz' 'a b/c%zz'"),
            ("query('/a?x=1&x=2#?z=3', 'x')", "'1' '1' '1' '1'"),
            ("query('/a?x#?z=3', 'z')", "null null null null"),
            ("query('/a?a%62=1', 'ab')", "'1' '1' '1' '1'"),
            ("query('/a?x', 'x')", "'' '' '' ''"),
            ("query(t, 'x')", "null null null null"),
            ("urldecode('a%20b%2Fc%C3%A9+%zz%')", "'a b/cé+%zz%' 'a b/cé+%zz%' 'a b/cé+%zz%' 'a b/cé+%zz%'"),
            ("urldecode(t)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("ext('/a.b/c')", "'' '' '' ''"),
            ("ext('/a/b.tar.GZ')", "'GZ' 'GZ' 'GZ' 'GZ'"),
            ("ext('/a/.profile')", "'' '' '' ''"),
            ("ext('/a/b.')", "'' '' '' ''"),
        ] {
            check_values(text, expect);
        }
    }
}
