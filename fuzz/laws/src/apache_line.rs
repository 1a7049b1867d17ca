//! The fast way to take a log line apart, against the specification.
//!
//! The law: it declines, or it says exactly what the pattern says; wherever in a block the line lies, whatever stands
//! before it, whether or not it has a line end, and whichever fields are wanted. The pattern stands here once more, so that a change of what a line
//! means has to be made in two places.

use std::sync::LazyLock;

use recpipe::{Batch, Value};
use recpipe_producer::{
    format::{Args, FORMATS, Parsed, Start, Wanted},
    input::block::{Block, Part},
};
use regex::bytes::Regex;

static LINE: LazyLock<Regex> = LazyLock::new(|| {
    let word = r#"(?: [^\ "\[\]-] [^\ "\[\]]* | - [^\ "\[\]]+ )"#;
    let pattern = format!(
        r#"(?xs-u)
        ^ (?: (?<vhost> (?: [^\ :,"\[\]]+ | \[ [0-9A-Fa-f:.]+ \] ) : [0-9]{{1,5}} )
              \ (?<vhost_list> (?<vhost_host> [^\ ,-] [^\ ,]* | - [^\ ,]+ ) (?: , \ ? [^\ ,]+ )* )
            | (?<list> (?<host> [^\ ,]+ ) (?: , \ ? [^\ ,]+ )* ) )
        \ (?<referrer> [^\ ]+ )
        \ (?: "(?<quoted_user> (?: [^"\\] | \\. )* )" | (?<user> [^\ ]+ | {word} (?: \ {word} )+ ) )
        \ \[ (?<datetime> [^"\[\]]* ) \]
        \ " (?: (?<method> [^\ "\\]+ ) \ (?<path> (?: [^\ "\\] | \\[^\ ] )+ ) \ (?<proto> [^\ "\\]+ ) | (?<request> (?: [^"\\] | \\. )* ) ) "
        \ (?: (?<status> [0-9]{{1,9}} ) | - )
        \ (?: (?<bytes> [0-9]{{1,18}} ) | - )
        (?: \ "(?<http_referer> (?: [^"\\] | \\. )* )" \ "(?<http_user_agent> (?: [^"\\] | \\. )* )" (?: \ (?<extra> .* ) )?
          | \ (?<common_extra> .* ) )? $"#
    );
    Regex::new(&pattern).unwrap_or_else(|error| panic!("{error}"))
});

/// What another line has between its user and its request: not to be found in what stands at the end of one.
static MIDDLE: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = r#"(?x-u) \[ [0-9]{1,2} / [A-Za-z]{3} / [0-9]{4} : [^"\[\]]* \] \ ""#;
    Regex::new(pattern).unwrap_or_else(|error| panic!("{error}"))
});

const FIELDS: [&str; 14] = [
    "host",
    "referrer",
    "user",
    "datetime",
    "method",
    "request",
    "proto",
    "status",
    "bytes",
    "http_referer",
    "http_user_agent",
    "vhost",
    "forwarded_for",
    "extra",
];

const USUAL: &[u8] = b"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] \"GET /ply/ply.html HTTP/1.1\" 200 97238\n";
const COMBINED: &[u8] =
    b"10.0.0.1 - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.1\" 200 5 \"http://example.org/\" \"Mozilla/5.0 (X11)\"\n";

fn parse(bytes: &[u8], wanted: &Wanted) -> Parsed {
    let block = Block {
        bytes: bytes.to_vec().into(),
        source: "fuzz".into(),
        start: 0,
        end: bytes.len() as u64,
        part: Part::Whole,
        is_first: true,
        mark_lines: Some(0),
        dialect: 0,
    };
    let Some(apache) = FORMATS.iter().find(|spec| spec.name == "apache") else { panic!("there is no format `apache`") };
    let Start::Blocks(start) = apache.start else { panic!("`apache` reads no blocks") };
    let plan = start(&Args::default()).and_then(|mut format| format.plan(&block));
    plan.unwrap_or_else(|error| panic!("{error}")).parser().parse(&block, wanted)
}

/// The lines of a block, each without its end.
fn lines(block: &[u8]) -> Vec<&[u8]> {
    let whole = block.strip_suffix(b"\n").unwrap_or(block);
    whole.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).collect()
}

/// What the pattern says of a line, in the order of the fields; `None` when it is no record.
fn expected(line: &[u8]) -> Option<[Value<'_>; FIELDS.len()]> {
    let found = LINE.captures(line)?;
    let text = |name: &str| found.name(name).map(|group| Value::Text(group.as_bytes()));
    let number = |name: &str| {
        found.name(name).map(|group| Value::Int(group.as_bytes().iter().fold(0, |n, digit| n * 10 + i128::from(digit - b'0'))))
    };
    let extra = found.name("extra").or_else(|| found.name("common_extra")).map(|group| group.as_bytes()).filter(|extra| !extra.is_empty());
    if extra.is_some_and(|extra| MIDDLE.is_match(extra)) {
        return None;
    }
    let host = text("vhost_host").or_else(|| text("host"));
    let fields = [
        host,
        text("referrer"),
        text("quoted_user").or_else(|| text("user")),
        text("datetime"),
        text("method"),
        text("path").or_else(|| text("request")),
        text("proto"),
        number("status"),
        number("bytes").or(Some(Value::Int(0))),
        text("http_referer"),
        text("http_user_agent"),
        text("vhost"),
        text("vhost_list").or_else(|| text("list")).filter(|list| Some(*list) != host),
        extra.map(Value::Text),
    ];
    Some(fields.map(|value| value.unwrap_or(Value::Null)))
}

/// Checks all lines of a block but the first `known`, which are records of the usual form.
fn check_block(block: &[u8], known: usize, few: &[&str]) {
    let lines = lines(block);
    let parsed = parse(block, &Wanted::all());
    assert_eq!(parsed.lines as usize, lines.len());
    let mut rejects = parsed.rejects.iter();
    let mut row = known;
    for (number, line) in lines.iter().enumerate().skip(known) {
        match expected(line) {
            None => {
                let Some(reject) = rejects.next() else {
                    panic!("a line that is no record was taken for one: {:?}", line.escape_ascii().to_string())
                };
                assert_eq!((reject.line as usize, reject.records_before as usize), (number, row));
                assert_eq!(reject.text(block), *line);
            }
            Some(expected) => {
                assert!(row < parsed.batch.len(), "a record was rejected: {:?}", line.escape_ascii().to_string());
                compare(&parsed.batch, row, &expected, line);
                row += 1;
            }
        }
    }
    assert!(rejects.next().is_none(), "more rejects than lines that are no records");
    assert_eq!(row, parsed.batch.len());
    assert!(parsed.batch.schema().names().eq(FIELDS));

    // What is not wanted is left out, and nothing else changes.
    let less = parse(block, &Wanted::only(few.iter().map(|name| (*name).to_owned()).collect()));
    assert_eq!((less.lines, &less.rejects, less.batch.len()), (parsed.lines, &parsed.rejects, parsed.batch.len()));
    assert!(less.batch.schema().names().all(|name| few.contains(&name)));
    for (row, whole) in less.batch.rows().zip(parsed.batch.rows()) {
        few.iter().for_each(|name| assert_eq!(row.get(name), whole.get(name), "{name}"));
    }
}

fn compare(batch: &Batch, row: usize, expected: &[Value<'_>; FIELDS.len()], line: &[u8]) {
    for (field, (found, expected)) in batch.row(row).values().zip(expected).enumerate() {
        assert_eq!(found, *expected, "field {field} of {:?}", line.escape_ascii().to_string());
    }
}

/// Checks them for these bytes.
pub fn check(data: &[u8]) {
    let Some((&place, text)) = data.split_first() else { return };
    if text.is_empty() || text.len() > 1 << 16 {
        return;
    }
    let few: Vec<_> = FIELDS.into_iter().enumerate().filter(|(i, _)| place >> (i % 8) & 1 == 1).map(|(_, name)| name).collect();
    let check = |known: usize, parts: &[&[u8]]| check_block(&parts.concat(), known, &few);
    // Usual lines before it move the line across the edges of vectors and strips.
    if let Some(times @ 1..) = usize::from(place).checked_sub(128) {
        let usual = [USUAL, COMBINED][times % 2];
        return check(times, &[&usual.repeat(times), text]);
    }
    check(0, &[text]);
    check(0, &[text, b"\n", USUAL]);
    // The same with the parts of a usual line around it: most bytes alone are far from being a line.
    let within = |head: &str, tail: &str| check(0, &[head.as_bytes(), text, tail.as_bytes()]);
    match place % 7 {
        0 => within("h - - [24/Feb/2008:00:08:59 -0600] \"GET ", " HTTP/1.1\" 200 5"),
        1 => within("h - - [24/Feb/2008:00:08:59 -0600] \"", "\" 404 -\n"),
        2 => within("h - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.1\" 200 5 \"", "\" \"agent\"\r\n"),
        3 => within("h - - [", "] \"GET / HTTP/1.1\" 200 5\n"),
        4 => within("h ", " [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.1\" 200 5\n"),
        5 => within("", " h - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.1\" 200 5 \"r\" \"a\"\n"),
        _ => within("h - - [24/Feb/2008:00:08:59 -0600] \"GET / HTTP/1.1\" ", "\n"),
    }
}
