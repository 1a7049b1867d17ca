//! What a line is: the specification, as a regular expression, and the way for every line that is out of the ordinary.
//!
//! - Fields are parted by one space each; a field that is not quoted holds anything else, but at least one byte.
//! - A quoted field ends at the next quote that no backslash stands before. Escapes stay as they were written.
//! - The user may be quoted; the quotes are not part of it.
//! - The date ends at the first `] "`, as in the seeds' pattern.
//! - A request line of three words is method, request and proto; any other is kept whole in `request`.
//! - The status is a number; so are the bytes, or `-`, which is 0.
//! - What follows is either two quoted strings, and then the end or a space and anything; or it is a space and anything,
//!   and the two fields are null. So formats that append a field of their own to the combined one keep it.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::columns::{Line, Spot};

const PATTERN: &str = r#"(?xs-u)
    ^ (?<host> [^\ ]+ )
    \ (?<referrer> [^\ ]+ )
    \ (?: "(?<quoted_user> (?: [^"\\] | \\. )* )" | (?<user> [^\ ]+ ) )
    \ \[ (?<datetime> .*? ) \]
    \ " (?: (?<method> [^\ "\\]+ ) \ (?<path> (?: [^\ "\\] | \\[^\ ] )+ ) \ (?<proto> [^\ "\\]+ ) | (?<request> (?: [^"\\] | \\. )* ) ) "
    \ (?<status> [0-9]{1,9} )
    \ (?: (?<bytes> [0-9]{1,18} ) | - )
    (?: \ "(?<http_referer> (?: [^"\\] | \\. )* )" \ "(?<http_user_agent> (?: [^"\\] | \\. )* )" (?: \ .* )? | \ .* )? $"#;

/// The groups of [`PATTERN`] by number: they are in this order.
enum Group {
    Host = 1,
    Referrer,
    QuotedUser,
    User,
    Datetime,
    Method,
    Path,
    Proto,
    Request,
    Status,
    Bytes,
    Referer,
    UserAgent,
}

#[allow(clippy::expect_used)]
static LINE: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).expect("the pattern is a constant, and tested"));

/// Takes one line apart, given without its line end. `None` when it is no record.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    use Group::{Bytes, Datetime, Host, Method, Path, Proto, QuotedUser, Referer, Referrer, Request, Status, User, UserAgent};
    let mut at = LINE.capture_locations();
    LINE.captures_read(&mut at, line)?;
    let spot = |group: Group| at.get(group as usize).map(|(start, end)| Spot { start: start as u32, len: (end - start) as u32 });
    let number =
        |group: Group| at.get(group as usize).map(|(start, end)| line[start..end].iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')));
    let none = Spot::default();
    Some(Line {
        texts: [
            spot(Host)?,
            spot(Referrer)?,
            spot(QuotedUser).or_else(|| spot(User))?,
            spot(Datetime)?,
            spot(Method).unwrap_or(none),
            spot(Path).or_else(|| spot(Request))?,
            spot(Proto).unwrap_or(none),
            spot(Referer).unwrap_or(none),
            spot(UserAgent).unwrap_or(none),
        ],
        status: number(Status)? as u32,
        bytes: number(Bytes).unwrap_or(0),
        whole_request: at.get(Request as usize).is_some(),
        combined: at.get(Referer as usize).is_some(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a line in their order, null ones as `~`; `None` when it is no record.
    fn fields(line: &str) -> Option<Vec<String>> {
        let parts = parse(line.as_bytes())?;
        let text = |i: usize| {
            let null = if i < 7 { parts.whole_request && (i == 4 || i == 6) } else { !parts.combined };
            let Spot { start, len } = parts.texts[i];
            if null { "~".to_owned() } else { line[start as usize..][..len as usize].to_owned() }
        };
        let mut fields: Vec<String> = (0..7).map(text).collect();
        fields.extend([parts.status.to_string(), parts.bytes.to_string(), text(7), text(8)]);
        Some(fields)
    }

    #[test]
    fn records() {
        let check = |line: &str, want: &str| assert_eq!(fields(line).map(|f| f.join("|")).as_deref(), Some(want), "{line}");
        check(
            r#"140.180.132.213 - - [24/Feb/2008:00:08:59 -0600] "GET /ply/ply.html HTTP/1.1" 200 97238"#,
            "140.180.132.213|-|-|24/Feb/2008:00:08:59 -0600|GET|/ply/ply.html|HTTP/1.1|200|97238|~|~",
        );
        check(r#"h i u [d] "GET / HTTP/1.0" 304 - "r r" "a""#, "h|i|u|d|GET|/|HTTP/1.0|304|0|r r|a");
        check(r#"h i "a user" [d] "GET / HTTP/1.0" 200 1"#, "h|i|a user|d|GET|/|HTTP/1.0|200|1|~|~");
        check(r#"h i "" [d] "GET / HTTP/1.0" 401 1"#, "h|i||d|GET|/|HTTP/1.0|401|1|~|~");
        check(r#"h i "a \"b\"" [d] "-" 408 -"#, r#"h|i|a \"b\"|d|~|-|~|408|0|~|~"#);
        check(r#"h i u [] "" 400 0"#, "h|i|u||~||~|400|0|~|~");
        check(r#"h i u [d] "GET /a b HTTP/1.1" 200 1"#, "h|i|u|d|~|GET /a b HTTP/1.1|~|200|1|~|~");
        check(r#"h i u [d] "GET /" 200 1"#, "h|i|u|d|~|GET /|~|200|1|~|~");
        check(r#"h i u [d] "GET  HTTP/1.1" 200 1"#, "h|i|u|d|~|GET  HTTP/1.1|~|200|1|~|~");
        check(r#"h i u [d] "GET /\"x\\ HTTP/1.1" 200 1"#, r#"h|i|u|d|GET|/\"x\\|HTTP/1.1|200|1|~|~"#);
        check(r#"h i u [d] "\x16\x03 \x01 \x02" 400 1"#, r#"h|i|u|d|~|\x16\x03 \x01 \x02|~|400|1|~|~"#);
        check(r#"h i u [d] "G / P" 200 1 rest of it"#, "h|i|u|d|G|/|P|200|1|~|~");
        check(r#"h i u [d] "G / P" 200 1 "one""#, "h|i|u|d|G|/|P|200|1|~|~");
        check(r#"h i u [d] "G / P" 200 1 "one" two"#, "h|i|u|d|G|/|P|200|1|~|~");
        check(r#"h i u [d] "G / P" 200 1 "r" "a\"" 0.003"#, r#"h|i|u|d|G|/|P|200|1|r|a\""#);
        check(r#"h i u [d] "G / P" 200 1 "r" "a"x"#, "h|i|u|d|G|/|P|200|1|~|~");
        check(r#"h i u [a] b] "G / P" 200 1"#, "h|i|u|a] b|G|/|P|200|1|~|~");
    }

    #[test]
    fn no_records() {
        for line in [
            "",
            "garbage",
            r#"h i [d] "G / P" 200 1"#,
            r#"h i u d "G / P" 200 1"#,
            r#"h i u [d] "G / P" 200"#,
            r#"h i u [d] "G / P" - 1"#,
            r#"h i u [d] "G / P" 200 1x"#,
            r#"h i u [d] "G / P" 200 -1"#,
            r#"h i u [d] "G / P" 200 1234567890123456789"#,
            r#"h i u [d] "G / P 200 1"#,
            r#"h i u [d] "G / P\" 200 1"#,
            r#" h i u [d] "G / P" 200 1"#,
        ] {
            assert_eq!(fields(line), None, "{line}");
        }
    }
}
