//! What a line is: the specification, as a regular expression, and the way for every line that is out of the ordinary.
//!
//! - Fields are parted by one space each; a field that is not quoted holds anything else, but at least one byte.
//! - A quoted field ends at the next quote that no backslash stands before. Escapes stay as they were written.
//! - Before the host may be the virtual host with its port, `shop.example.net:443`: that is `vhost`. Where the host is a list,
//!   `203.0.113.7, 198.51.100.3`, its first entry is `host`, and all of it is `forwarded_for`.
//! - The user may be quoted; the quotes are not part of it. It may also be several words, of which none is a dash alone, and none
//!   has a bracket or a quote.
//! - The date has no bracket and no quote.
//! - A request line of three words is method, request and proto; any other is kept whole in `request`.
//! - The status is a number, or `-`, which is null; the bytes are a number, or `-`, which is 0.
//! - What follows is either two quoted strings, and then the end or a space and anything; or it is a space and anything,
//!   and the two fields are null. That anything is `extra`, if there is any.
//!
//! A writer that was stopped, or two that write at once, leave two lines in one, and no record is made of both. So dates and
//! users of several words are strict, and `extra` has nothing in it that looks like the middle of another line.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::columns::{Line, Spot};

const PATTERN: &str = r#"(?xs-u)
    ^ (?: (?<vhost> (?: [^\ :,"\[\]]+ | \[ [0-9A-Fa-f:.]+ \] ) : [0-9]{1,5} )
          \ (?<vhost_list> (?<vhost_host> [^\ ,-] [^\ ,]* | - [^\ ,]+ ) (?: , \ ? [^\ ,]+ )* )
        | (?<list> (?<host> [^\ ,]+ ) (?: , \ ? [^\ ,]+ )* ) )
    \ (?<referrer> [^\ ]+ )
    \ (?: "(?<quoted_user> (?: [^"\\] | \\. )* )" | (?<user> [^\ ]+ | WORD (?: \ WORD )+ ) )
    \ \[ (?<datetime> [^"\[\]]* ) \]
    \ " (?: (?<method> [^\ "\\]+ ) \ (?<path> (?: [^\ "\\] | \\[^\ ] )+ ) \ (?<proto> [^\ "\\]+ ) | (?<request> (?: [^"\\] | \\. )* ) ) "
    \ (?: (?<status> [0-9]{1,9} ) | - )
    \ (?: (?<bytes> [0-9]{1,18} ) | - )
    (?: \ "(?<http_referer> (?: [^"\\] | \\. )* )" \ "(?<http_user_agent> (?: [^"\\] | \\. )* )" (?: \ (?<extra> .* ) )?
      | \ (?<common_extra> .* ) )? $"#;

/// A word of a user of several words.
const WORD: &str = r#"(?: [^\ "\[\]-] [^\ "\[\]]* | - [^\ "\[\]]+ )"#;

/// What a line has between its user and its request.
const MIDDLE: &str = r#"(?x-u) \[ [0-9]{1,2} / [A-Za-z]{3} / [0-9]{4} : [^"\[\]]* \] \ " "#;

/// The groups of [`PATTERN`] by number: they are in this order.
enum Group {
    Vhost = 1,
    VhostList,
    VhostHost,
    List,
    Host,
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
    Extra,
    CommonExtra,
}

static LINE: LazyLock<Regex> = LazyLock::new(|| compiled(&PATTERN.replace("WORD", WORD)));
static OTHER_LINE: LazyLock<Regex> = LazyLock::new(|| compiled(MIDDLE));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("the patterns are constants, and tested"))
}

/// Takes one line apart, given without its line end. `None` when it is no record.
pub(super) fn parse(line: &[u8]) -> Option<Line> {
    use Group::{
        Bytes, CommonExtra, Datetime, Extra, Host, List, Method, Path, Proto, QuotedUser, Referer, Referrer, Request, Status, User,
        UserAgent, Vhost, VhostHost, VhostList,
    };
    let mut at = LINE.capture_locations();
    LINE.captures_read(&mut at, line)?;
    let spot = |group: Group| at.get(group as usize).map(|(start, end)| Spot { start: start as u32, len: (end - start) as u32 });
    let number =
        |group: Group| at.get(group as usize).map(|(start, end)| line[start..end].iter().fold(0, |n, d| n * 10 + i64::from(d - b'0')));
    let extra = spot(Extra).or_else(|| spot(CommonExtra)).filter(|extra| extra.len > 0);
    if extra.is_some_and(|extra| OTHER_LINE.is_match(&line[extra.start as usize..])) {
        return None;
    }
    let host = spot(VhostHost).or_else(|| spot(Host))?;
    let list = spot(VhostList).or_else(|| spot(List)).filter(|list| *list != host);
    let none = Spot::default();
    Some(Line {
        texts: [
            host,
            spot(Referrer)?,
            spot(QuotedUser).or_else(|| spot(User))?,
            spot(Datetime)?,
            spot(Method).unwrap_or(none),
            spot(Path).or_else(|| spot(Request))?,
            spot(Proto).unwrap_or(none),
            spot(Referer).unwrap_or(none),
            spot(UserAgent).unwrap_or(none),
        ],
        status: number(Status).map(|status| status as u32),
        bytes: number(Bytes).unwrap_or(0),
        whole_request: at.get(Request as usize).is_some(),
        combined: at.get(Referer as usize).is_some(),
        asides: [spot(Vhost), list, extra].map(Option::unwrap_or_default),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The fields of a line in their order, null ones as `~`, then those that only some servers write; `None` when it is no record.
    fn fields(line: &str) -> Option<Vec<String>> {
        let parts = parse(line.as_bytes())?;
        let shown = |spot: Spot| line[spot.start as usize..][..spot.len as usize].to_owned();
        let text = |i: usize| {
            let null = if i < 7 { parts.whole_request && (i == 4 || i == 6) } else { !parts.combined };
            if null { "~".to_owned() } else { shown(parts.texts[i]) }
        };
        let mut fields: Vec<String> = (0..7).map(text).collect();
        fields.extend([parts.status.map_or("~".to_owned(), |status| status.to_string()), parts.bytes.to_string(), text(7), text(8)]);
        let asides = ["vhost", "forwarded_for", "extra"].iter().zip(parts.asides).filter(|(_, spot)| spot.len > 0);
        fields.extend(asides.map(|(name, spot)| format!("{name}={}", shown(spot))));
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
        check(r#"h i u [d] "G / P" 200 1 rest of it"#, "h|i|u|d|G|/|P|200|1|~|~|extra=rest of it");
        check(r#"h i u [d] "G / P" 200 1 "one""#, r#"h|i|u|d|G|/|P|200|1|~|~|extra="one""#);
        check(r#"h i u [d] "G / P" 200 1 "one" two"#, r#"h|i|u|d|G|/|P|200|1|~|~|extra="one" two"#);
        check(r#"h i u [d] "G / P" 200 1 "r" "a\"" 0.003 "x y""#, r#"h|i|u|d|G|/|P|200|1|r|a\"|extra=0.003 "x y""#);
        check(r#"h i u [d] "G / P" 200 1 "r" "a"x"#, r#"h|i|u|d|G|/|P|200|1|~|~|extra="r" "a"x"#);
        check(r#"h i u [d] "G / P" 200 1 "r" "a" "#, "h|i|u|d|G|/|P|200|1|r|a");
        check(r#"h i u [d] "G / P" 200 1 "#, "h|i|u|d|G|/|P|200|1|~|~");
        check(r#"h i u [d] "G / P" 200 1 "r" "a" [PORT 80] "x""#, r#"h|i|u|d|G|/|P|200|1|r|a|extra=[PORT 80] "x""#);
        check(r#"h i u [d] "G /a[1]?x=] P" 200 1 "[r]" "x [y] z""#, "h|i|u|d|G|/a[1]?x=]|P|200|1|[r]|x [y] z");
    }

    #[test]
    fn what_servers_write_besides() {
        let check = |head: &str, want: &str| {
            let line = format!(r#"{head} [d] "G / P" 200 1"#);
            let got = fields(&line).map(|f| [&f[..3], &f[11..]].concat().join("|"));
            assert_eq!(got.as_deref(), (!want.is_empty()).then_some(want), "{line}");
        };
        check("h - jo ann", "h|-|jo ann");
        check("h - Jo van der -x", "h|-|Jo van der -x");
        check(r#"h - "jo ann""#, "h|-|jo ann");
        check("shop.example.net:443 h - -", "h|-|-|vhost=shop.example.net:443");
        check("[2001:db8::1]:443 2001:db8::2 - jo ann", "2001:db8::2|-|jo ann|vhost=[2001:db8::1]:443");
        check("a, b - -", "a|-|-|forwarded_for=a, b");
        check("a,b,c - u v", "a|-|u v|forwarded_for=a,b,c");
        check("unknown, 10.0.0.1, b - -", "unknown|-|-|forwarded_for=unknown, 10.0.0.1, b");
        check("v:80 a, b - -", "a|-|-|vhost=v:80|forwarded_for=a, b");
        // A host with its port is one, an address is no virtual host.
        check("10.0.0.1:5123 - -", "10.0.0.1:5123|-|-");
        check("10.0.0.1:5123 - jo ann", "10.0.0.1:5123|-|jo ann");
        check("2001:db8::1 - jo ann", "2001:db8::1|-|jo ann");
        // No server writes these, but two writers at once do.
        for torn in ["h - - h - -", "h h - -", "h - h - -", "h - -h - -", "h - bob h - ann", "h - b[ h", "a, - -", ",a - -", "h - jo \"ann"]
        {
            check(torn, "");
        }
        assert_eq!(fields(r#"h i u [d] "G / P" - 1"#).map(|f| f[7..9].join("|")).as_deref(), Some("~|1"));
        assert_eq!(fields(r#"h i u [d] "G / P" - -"#).map(|f| f[7..9].join("|")).as_deref(), Some("~|0"));
    }

    #[test]
    fn no_record_is_made_of_two_lines() {
        let first = r#"192.0.2.2 - bob [20/Mar/2009:11:00:56 +0000] "GET /a HTTP/1.1" 200 5 "http://r/" "A (B; C)" 0.1 "x""#;
        let second = r#"192.0.2.3 - ann [20/Mar/2009:11:00:57 +0000] "GET /b HTTP/1.1" 404 3217 "-" "D""#;
        // Within the first word a line is not torn, as far as anybody can see.
        for cut in "192.0.2.2 ".len()..=first.len() {
            let torn = format!("{}{second}", &first[..cut]);
            assert_eq!(fields(&torn), None, "{torn}");
        }
        let quiet = second.replace("ann", "-").replace("GET /b HTTP/1.1", "");
        for cut in "192.0.2.2 ".len()..=first.len() {
            let torn = format!("{}{quiet}", &first[..cut]);
            assert_eq!(fields(&torn), None, "{torn}");
        }
    }

    #[test]
    fn no_records() {
        for line in [
            "",
            "garbage",
            r#"h i [d] "G / P" 200 1"#,
            r#"h i u d "G / P" 200 1"#,
            r#"h i u [d] "G / P" 200"#,
            r#"h i u [a] b] "G / P" 200 1"#,
            r#"h i u [a[b] "G / P" 200 1"#,
            r#"h i u [a"b] "G / P" 200 1"#,
            r#"h i u [d] [0.003] "G / P" 200 1"#,
            r#"h i u [d] "G / P" -- 1"#,
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
