//! Usual lines held against what the templates say, on generated lines.

use std::sync::Arc;

use proptest::prelude::*;
use recpipe::template::{Form, Part, Template};
use recpipe::times::Times;

use super::super::LogFormat;
use super::super::member::{Member, Members};
use super::super::object::Object;
use super::super::parser::RecordParser;
use super::super::template::TemplateMember;
use super::*;
use crate::dating::{Dating, Seen};
use crate::format::open_table::OpenTable;
use crate::format::testing::block;
use crate::format::usual::{Walk, read};
use crate::format::{Args, Nulls, Parser};

const COMBINED: &str =
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent""#;

/// Templates as servers write them, and others.
const TEMPLATES: [&str; 17] = [
    COMBINED,
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent"#,
    r#"%v:%p %h %l %u %t "%r" %>s %O "%{Referer}i" "%{User-Agent}i""#,
    r#"%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i" %D"#,
    r#"$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_length $request_time [$proxy_upstream_name] [$alternative] $upstream_addr $upstream_status $req_id"#,
    r#"$remote_addr - [$time_iso8601] "$request" $status rt=$request_time uct="$upstream_connect_time" gz=$gzip_ratio"#,
    "$remote_addr|$time_iso8601|$request|$status|$request_time|$http_user_agent|$remote_user",
    "$remote_addr;$time_local;$status;$upstream_response_time;$server_name",
    r#""$time_local" "$remote_addr" "$request" "$status" "$upstream""#,
    r#"{a} {b:int} {c:float} [{d}] "{e}" {}"#,
    r#""{a} {b}" "{c}" {d:%Y-%m-%d %H:%M:%S} {e}"#,
    "{a}:{b:int}/{c} x{d}y",
    "<{a}> ({b}) {{c}",
    "{a:int},{b:text},{c}",
    r#"{a} "{r:request}" [{s}]"#,
    r#"[{r:request}] {n:int}ms {x}%"#,
    r#"{t:%d %b %H:%M:%S} {host} {what}: {n}"#,
];

/// Numbers that are drawn one after the other.
struct Draw(u64);

impl Draw {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % n
    }

    fn of<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len())]
    }

    /// A value that fits this form, or one that does not quite.
    fn value(&mut self, form: Form<'_>) -> String {
        let (usual, odd): (&[&str], &[&str]) = match form {
            Form::Int { .. } => (
                &["0", "7", "200", "404", "123456789012345678"],
                &["-", "", "-5", "007", "1234567890123456789", "99999999999999999999", "2x"],
            ),
            Form::Float => (&["0.123", "5", "12.5", "0.000"], &["-", "", "-1.5", "1e5", ".5", "5.", "123456789.123456789", "x"]),
            Form::Request => (
                &["GET / HTTP/1.1", "POST /a[1]?q=x HTTP/2.0", "HEAD /b HTTP/1.0"],
                &["-", "", "GET /a b HTTP/1.1", "GET /", " ", "a  b", "\\x16\\x03", "GET /\\\" HTTP/1.1", "a \" b"],
            ),
            Form::Time(pattern) => {
                let (hour, minute, second) = (self.below(24), self.below(60), self.below(60));
                let year = if self.below(50) == 0 { 1677 } else { 2026 };
                let time = match pattern.as_str() {
                    format if format.contains("%b/") => {
                        format!("{:02}/Mar/{year}:{hour:02}:{minute:02}:{second:02} +0100", 1 + self.below(2))
                    }
                    format if format.contains("%d %b") => format!("12 Mar {hour:02}:{minute:02}:{second:02}"),
                    format if format.contains("%z") => format!("{year}-03-12T{hour:02}:{minute:02}:{second:02}+01:00"),
                    _ => format!("{year}-03-12 {hour:02}:{minute:02}:{second:02}"),
                };
                return match self.below(30) {
                    0 => "-".to_owned(),
                    1 => String::new(),
                    2 => time.replacen('2', "9", 2),
                    3 => time.replace(":0", ":"),
                    4 => time.replace(' ', "  "),
                    5 => time.replace("01", "CET"),
                    _ => time,
                };
            }
            _ => (
                &["-", "a", "192.0.2.7", "2001:db8::1", "ann", "17", "0.25", "007", "https://x.example/a?b=c,d"],
                &[
                    "",
                    "a b",
                    "x[y",
                    "[]",
                    "a\"b",
                    "a\\b",
                    "a,b",
                    "\t",
                    "a\tb",
                    ":",
                    "12:80",
                    "x/y z",
                    "|",
                    "\u{fc}",
                    "\r",
                    "NA",
                    "123456789012345678901",
                    "-5",
                    "y xay",
                    " ",
                ],
            ),
        };
        let is_odd = self.below(25) == 0;
        self.of(if is_odd { odd } else { usual }).to_owned()
    }

    /// A line of a template, or nearly.
    fn line(&mut self, template: &Template) -> Vec<u8> {
        let mut line = Vec::new();
        for part in template.parts() {
            match part {
                Part::Bytes(bytes) => line.extend_from_slice(bytes),
                Part::Blanks => {
                    line.extend_from_slice(if self.below(200) == 0 { self.of(&["  ", "\t", "", " \t "]) } else { " " }.as_bytes())
                }
                Part::Taken(taken) => line.extend_from_slice(self.value(taken.form).as_bytes()),
            }
        }
        if self.below(30) == 0 {
            let at = self.below(line.len() + 1);
            line.insert(at, *self.of(&[b"\"", b" ", b"[", b"]", b"\\", b"\xff", b"0", b"|", b":", b"\t", b"\r", b"\n"]).first().unwrap());
        }
        if self.below(30) == 0 && !line.is_empty() {
            let at = self.below(line.len());
            line.remove(at);
        }
        line.extend_from_slice(match self.below(40) {
            0 => b" \n",
            1 => b"x\n",
            2..7 => b"\r\n",
            _ => b"\n",
        });
        line
    }
}

/// The members of these templates, a JSON object behind them where that is wanted.
fn members(templates: &[Template], with_json: bool, is_named: bool) -> Members {
    let mut all: Vec<Arc<dyn Member>> = templates.iter().map(|template| TemplateMember::shared(template.clone())).collect();
    if with_json {
        all.push(Arc::new(Object::any()));
    }
    let members = Members::new(all, false);
    if is_named { members.named() } else { members }
}

/// A stream's members, names and arguments.
struct Stream {
    format: LogFormat,
    args: Args,
}

impl Stream {
    fn new(members: Members, args: &Args) -> Self {
        Stream { format: LogFormat::new(args, members), args: args.clone() }
    }

    fn names(&mut self) -> Names {
        Names::new(self.args.clone(), self.format.learned.growing(&self.args).unwrap())
    }

    /// What becomes of a block, of usual lines or without them.
    fn read(&mut self, text: &[u8], wanted: &Wanted, with_usual: bool) -> Vec<String> {
        let args = Args { dating: Arc::new(Dating::default()), ..self.args.clone() };
        let mut parser = RecordParser::new(self.format.members.clone(), self.names(), &args).with_usual(with_usual);
        // Not new, so that what an earlier block left shows.
        parser.parse(&block(&text[text.len() / 3..]), wanted);
        let parsed = parser.parse(&block(text), wanted);
        let mut shown: Vec<String> = (0..parsed.batch.len())
            .map(|row| {
                let values = parsed.batch.row(row).values().map(|value| format!("{value:?}")).collect::<Vec<_>>().join(" ");
                format!("{} {values}", parser.row_start(row))
            })
            .collect();
        let torn = u32::from(text.last().is_some_and(|last| *last != b'\n'));
        assert!(parser.stopped_at().is_some() || parsed.lines == text.iter().filter(|byte| **byte == b'\n').count() as u32 + torn);
        let rejects = parsed.rejects.iter();
        shown.extend(rejects.map(|r| format!("!{} {} {} {}", r.line, r.records_before, r.why, String::from_utf8_lossy(r.text(text)))));
        shown.push(format!("{} {} {:?} {:?} {:?}", parsed.lines, parsed.blank, parser.stopped_at(), args.dating.remark(), parsed.batch));
        shown
    }
}

/// Asserts that a text is read alike in both ways, whoever reads which fields.
fn check(members: impl Fn() -> Members, args: &Args, text: &[u8], draw: &mut Draw) {
    let names: Vec<String> = members().fields().into_iter().map(|(name, _)| name).collect();
    let few = names.iter().filter(|_| draw.below(3) == 0).cloned().collect();
    for wanted in [Wanted::all(), Wanted::only(few), Wanted::only(Vec::new())] {
        let mut stream = Stream::new(members(), args);
        let (fast, slow) = (stream.read(text, &wanted, true), stream.read(text, &wanted, false));
        assert_eq!(fast, slow, "{:?} of {:?}", wanted.names(), String::from_utf8_lossy(text));
    }
}

fn templates(texts: &[&str]) -> Vec<Template> {
    texts.iter().map(|text| Template::parse(text).unwrap()).collect()
}

/// How many of these lines are usual, with all fields read.
fn usual_of(members: Members, text: &[u8]) -> usize {
    struct Counting<'a> {
        lines: Lines<'a>,
        room: &'a mut ValueRoom,
        start: usize,
        usual: usize,
    }
    impl Walk<Kind> for Counting<'_> {
        fn start(&self) -> usize {
            self.start
        }
        fn read_usual(&mut self, kind: &Kind, places: &[u32]) -> usize {
            let rows = self.lines.add(kind, places, self.room);
            self.start = places[rows * kind.pattern().wanted()].wrapping_add(1) as usize;
            self.usual += rows;
            rows
        }
        fn read_slowly(&mut self, end: usize) -> bool {
            self.start = end;
            true
        }
    }
    let mut stream = Stream::new(members, &Args::default());
    let (mut open, mut usual) = (OpenTable::new(stream.names()), UsualLines::default());
    open.begin();
    if usual.begin(&stream.format.members, &mut open.names, &Wanted::all()).is_none() {
        return 0;
    }
    let (kinds, room, values) = usual.parts();
    let (nulls, times, seen) = (&Nulls::default(), &Times::default(), &mut Seen::default());
    let lines = Lines { block: text, open: &mut open, nulls, times, seen };
    let mut counting = Counting { lines, room: values, start: 0, usual: 0 };
    read(text, kinds, room, &mut counting);
    counting.usual
}

#[test]
fn usual_lines_are_taken_fast() {
    let check = |texts: &[&str], line: &str| {
        for end in ["\n", "\r\n"] {
            let text = format!("{line}{end}").repeat(60);
            let usual = usual_of(members(&templates(texts), false, false), text.as_bytes());
            assert!(usual >= 59, "{usual} of {line}");
        }
    };
    let [time, iso, request] = ["12/Mar/2026:03:10:11 +0100", "2026-03-12T03:10:11+01:00", "GET /cart?id=5 HTTP/1.1"];
    let common = format!(r#"203.0.113.7 - ann [{time}] "{request}" 200 -"#);
    let combined = format!(r#"{common} "" "curl, 8.5 [x]""#);
    check(&TEMPLATES[..1], &combined);
    check(&TEMPLATES[1..2], &common);
    check(&TEMPLATES[2..3], &format!(r#"x.example:443 2001:db8::1 - - [{time}] "{request}" 404 5 "-" "a b""#));
    check(&TEMPLATES[3..4], &format!("{combined} 1234"));
    check(&TEMPLATES[4..5], &format!("{combined} 417 0.004 [shop-web-80] [] 10.0.0.7:8080 200 9f86"));
    check(&TEMPLATES[5..6], &format!(r#"h - [{iso}] "{request}" 200 rt=0.12 uct="0.004" gz=-"#));
    check(&TEMPLATES[6..7], &format!("h|{iso}|{request}|200|0.1|Mozilla/5.0 (X11)|"));
    check(&TEMPLATES[7..8], &format!("h;{time};200;-;x.example"));
    check(&TEMPLATES[8..9], &format!(r#""{time}" "h" "{request}" "200" "-""#));
    check(&TEMPLATES[9..10], r#"x 5 0.25 [a] "b c" d"#);
    check(&TEMPLATES[10..11], r#""x y" "c d" 2026-03-12 03:10:11 z"#);
    check(&TEMPLATES[11..12], "a:12/c xdy");
    check(&TEMPLATES[13..14], "5,a b c,x");
    check(&TEMPLATES[14..15], &format!(r#"a "{request}" [s]"#));
    // As `nginx` has them.
    let all = [COMBINED, &format!("{COMBINED} $extra"), TEMPLATES[1]];
    check(&all, &combined);
    check(&all, &format!("{combined} 0.25"));
    check(&all, &common);
}

#[test]
fn blank_lines_are_passed_over_where_a_member_does_so() {
    for template in ["{a}", "{a} {b}", "{a} {b} x", "{a:int} {b}"] {
        let template = templates(&[template]);
        for text in ["", "\n", "a\n   \n", "\u{c} \u{c}\nx y\n \n", "x y x\n \r\n\r\n1 2\n"] {
            check(|| members(&template, true, false), &Args::default(), text.as_bytes(), &mut Draw(1));
        }
    }
}

#[test]
fn usual_lines_behind_an_object_with_columns_of_its_own() {
    let template = templates(&["{a} {b}"]);
    let keys: Vec<String> = (0..65_535).map(|key| format!("\"{key:x}\":1")).collect();
    let text = format!("{{{}}}\n{}", keys.join(","), "left right\n".repeat(20));
    let mut stream = Stream::new(members(&template, true, true), &Args::default());
    let (fast, slow) = (stream.read(text.as_bytes(), &Wanted::all(), true), stream.read(text.as_bytes(), &Wanted::all(), false));
    // What differs would take long to print.
    assert!(fast == slow, "{} bytes are read in two ways", text.len());
}

#[test]
fn templates_without_usual_lines() {
    for text in [
        "{time:%Y-%m-%d %H:%M:%S,%3f} {level} {message*}",
        "{a:int}5 {b}",
        "{t:%F %T}:30 {b}",
        "{a} {t:time}",
        "{a:address} {b}",
        "{a} \"b {c}",
        "{a:int}{b}",
        "{r:request} {n:int}",
        "\"{a} {b}\" \"{c} {d}\" \"{e}\"",
        "a\\\\{b}",
    ] {
        let layout = Layout::new(&Template::parse(text).unwrap(), 0, &|_| true);
        assert!(layout.is_none(), "{text}");
    }
}

#[test]
fn a_line_that_an_earlier_template_takes_is_its_own() {
    // Lines of the second are also ones of the first.
    let text = b"a b c\nx y\na b\n".repeat(20);
    check(|| members(&templates(&["{x} {y}", "{x} {y} {z}"]), false, true), &Args::default(), &text, &mut Draw(1));
    let kinds = |texts: &[&str], with_json| kinds(&members(&templates(texts), with_json, false), &|_| true).len();
    assert_eq!(kinds(&["{x} {y}", "{x} {y} {z}"], false), 1);
    assert_eq!(kinds(&["{x} \"{y}\"", "{x} \"{y}\" {z}", "{x} {y}"], false), 3);
    // A line of the last may be blank, and an object's member passes it over.
    assert_eq!(kinds(&["{x} \"{y}\"", "{x} \"{y}\" {z}", "{x} {y}"], true), 2);
}

#[test]
fn records_stop_where_there_is_no_room_for_more() {
    let names: Vec<String> = (0..40).map(|at| format!("{{f{at}}}")).collect();
    let template = Template::parse(&names.join(",")).unwrap();
    let text = [",".repeat(39), "\n".to_owned()].concat().repeat(40_000).into_bytes();
    let mut stream = Stream::new(members(&[template], false, false), &Args::default());
    let few = Wanted::only(vec!["f3".to_owned()]);
    assert_eq!(stream.read(&text, &few, true), stream.read(&text, &few, false));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn usual_lines_say_what_the_template_says(which in 0..TEMPLATES.len(), seed: u64, lines in 1..60_usize, torn in 0..40_usize, nulls: bool) {
        let (template, mut draw) = (templates(&[TEMPLATES[which]]), Draw(seed));
        let mut text: Vec<u8> = (0..lines).flat_map(|_| draw.line(&template[0])).collect();
        text.truncate(text.len() - torn.min(text.len()) * usize::from(torn < 10));
        let args = Args { nulls: if nulls { Nulls::new(vec!["NA".to_owned(), String::new()]) } else { Nulls::default() }, ..Args::default() };
        check(|| members(&template, false, false), &args, &text, &mut draw);
    }

    #[test]
    fn several_templates(seed: u64, lines in 1..60_usize, picked in proptest::collection::vec(0..TEMPLATES.len(), 1..4), with_json: bool, is_named: bool, some: bool) {
        let mut picked: Vec<&str> = picked.iter().map(|at| TEMPLATES[*at]).collect();
        let extra = format!("{COMBINED} $extra");
        if seed % 3 == 0 {
            picked = vec![COMBINED, &extra, TEMPLATES[1]];
        }
        let (all, mut draw) = (templates(&picked), Draw(seed));
        let text: Vec<u8> = (0..lines).flat_map(|_| { let at = draw.below(all.len()); draw.line(&all[at]) }).collect();
        let fields = some.then(|| ["status", "host", "_format", "a"].map(str::to_owned).into());
        let args = Args { fields, ..Args::default() };
        check(|| members(&all, with_json, is_named), &args, &text, &mut draw);
    }

    #[test]
    fn any_template(
        parts in proptest::collection::vec((0..9_usize, 0..12_usize), 1..7), seed: u64, lines in 1..30_usize,
    ) {
        let literals = [" ", ",", " - ", "ab", "\"", " \"", "\" ", "[", "] ", "|", ":", "x y"];
        let fields = ["{N}", "{N}", "{N:int}", "{N:float}", "{}", "\"{N}\"", "{N:text}", "\"{N:request}\"", "{N:%d/%b/%Y:%H:%M:%S %z}"];
        let text: String = parts.iter().enumerate().map(|(at, (field, literal))| {
            format!("{}{}", fields[*field].replace('N', &format!("f{at}")), literals[*literal])
        }).collect();
        let (Ok(template), mut draw) = (Template::parse(&text), Draw(seed)) else { return Ok(()) };
        let text: Vec<u8> = (0..lines).flat_map(|_| draw.line(&template)).collect();
        let template = vec![template];
        check(|| members(&template, false, false), &Args::default(), &text, &mut draw);
    }

    #[test]
    fn any_bytes(which in 0..TEMPLATES.len(), text in proptest::collection::vec(proptest::sample::select(b"a1 \"[]:|-\\\n\r\t\xff".to_vec()), 0..200)) {
        let template = templates(&[TEMPLATES[which]]);
        check(|| members(&template, false, false), &Args::default(), &text, &mut Draw(7));
    }
}
