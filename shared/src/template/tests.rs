//! What it has to hold, case by case.

use proptest::prelude::*;
use regex::bytes::Regex;

use super::piece::{Atom, Slot};
use super::*;
use crate::record::Time;

/// The regular expression that a template stands for, of the slots whose types are simple; and the places of the groups' fields.
fn equivalent(template: &Template) -> (Regex, Vec<usize>) {
    let (mut pattern, mut places) = ("^".to_owned(), Vec::new());
    for piece in &template.pieces {
        match piece {
            Piece::Literal(literal) => {
                for atom in &literal.atoms {
                    match atom {
                        Atom::Blanks => pattern += r"[ \t]+",
                        Atom::Bytes(bytes) => pattern += &regex::escape(std::str::from_utf8(bytes).unwrap()),
                    }
                }
            }
            Piece::Capture(capture) => {
                pattern += match (&capture.slot, capture.takes_lines, capture.is_quoted) {
                    (Slot::Int { .. }, ..) => "(-?[0-9]+|-|)",
                    (_, true, false) => r"((?s:.)*?)",
                    (_, false, false) => r"([^\n]*?)",
                    (_, true, true) => r"((?s:\\.|[^\\])*?)",
                    (_, false, true) => r"((?:\\[^\n]|[^\\\n])*?)",
                };
                places.push(capture.first.unwrap_or(usize::MAX));
            }
        }
    }
    (Regex::new(&(pattern + "$")).unwrap(), places)
}

fn by_regex(template: &Template, text: &[u8]) -> Option<Vec<Found>> {
    let (regex, places) = equivalent(template);
    let captures = regex.captures(text)?;
    let mut found = vec![Found::Null; template.fields().len()];
    for (group, place) in captures.iter().skip(1).zip(places).filter(|(_, place)| *place != usize::MAX) {
        let group = group.unwrap();
        found[place] = match template.fields()[place].kind {
            Some(Type::Int) => std::str::from_utf8(group.as_bytes()).unwrap().parse().map_or(Found::Null, Found::Int),
            _ => Found::Span { start: group.start(), len: group.len() },
        };
    }
    Some(found)
}

fn by_template(template: &Template, text: &[u8]) -> Option<Vec<Found>> {
    let mut found = Vec::new();
    template.read(text, &Times::default(), &mut found).then_some(found)
}

/// Templates of a few letters, so that they often fit.
fn templates() -> impl Strategy<Value = String> {
    let field = prop_oneof![3 => Just("{N}"), 2 => Just("{N:int}"), 1 => Just("{}"), 2 => Just("\"{N}\""), 1 => Just("{N:text}")];
    let literal = prop_oneof![Just(" "), Just(","), Just(" a "), Just("ab"), Just(" \""), Just(", "), Just("[")];
    let end = prop_oneof![2 => Just(""), 1 => Just("{rest*}"), 1 => Just("{message}"), 1 => Just("{message} a")];
    (proptest::collection::vec((field, literal), 1..5), end).prop_map(|(parts, end)| {
        let mut text = String::new();
        for (n, (field, literal)) in parts.iter().enumerate() {
            text += &field.replace('N', &format!("f{n}"));
            text += literal;
        }
        text + end
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    /// A run of blanks is one blank to the expression, which may give some of it back: a template does not.
    #[test]
    fn says_what_the_regular_expression_says(text in templates(), line in r#"[ab,\[" \\\n0-9-]{0,24}"#) {
        // One that throws all of it away is none.
        let Ok(template) = Template::parse(&text) else { return Ok(()) };
        let line = line.replace("  ", " ").replace("  ", " ");
        prop_assume!(!line.contains("  "));
        prop_assert_eq!(by_template(&template, line.as_bytes()), by_regex(&template, line.as_bytes()), "{} of {:?}", text, line);
    }

    #[test]
    fn nothing_does_harm(text in r#"[{}:*a-c%$HhtY>" \\]{0,16}"#, line: Vec<u8>) {
        if let Ok(template) = Template::parse(&text) {
            by_template(&template, &line);
            template.begins(&line, &Times::default());
        }
    }
}

/// What is found, as text.
fn shown(template: &str, line: &str) -> String {
    let template = Template::parse(template).unwrap();
    let Some(found) = by_template(&template, line.as_bytes()) else { return "-".to_owned() };
    let values = found.iter().zip(template.fields()).map(|(found, field)| {
        let value = match found {
            Found::Null => "null".to_owned(),
            Found::UnknownZone => "?".to_owned(),
            Found::Span { start, len } => line[*start..start + len].to_owned(),
            Found::Int(n) => format!("int {n}"),
            Found::Float(f) => format!("float {f}"),
            Found::Time(time, _) => time.to_string(),
        };
        format!("{}={value}", field.name)
    });
    values.collect::<Vec<_>>().join("; ")
}

#[test]
fn fields_are_what_stands_between_literals() {
    let check = |template: &str, line: &str, want: &str| assert_eq!(shown(template, line), want, "{template} of {line}");
    check("a={a:int} b={b} c={c:float}", "a=-1 b=x y c c=0.5", "a=int -1; b=x y c; c=float 0.5");
    check("a={a:int} b={b}", "a=- b=", "a=null; b=");
    check("a={a:int} b={b}", "a=x b=", "-");
    check("a={a:int}", "a=9223372036854775808", "-");
    check("set{{a={a} {}] {z*}", "set{a=1   left] out  ] z", "a=1; z=out  ] z");
    check("{c:clock} [{t}] {m}", "02:10:11,123  [a] x", "c=02:10:11,123; t=a; m=x");
    check("{c:clock}|{m}", "02:10:11|02:10:112", "c=02:10:11; m=02:10:112");
    check("{level} [{t}] {l} - {message*}", "WARN\t  [m] a.B - [x] - y\n z", "level=WARN; t=m; l=a.B; message=[x] - y\n z");
    check("{a} {b}", "x\ny z", "-");
    check("{t:time} {x}", "2026-03-12 02:10:11 UTC x y", "t=2026-03-12T02:10:11+00:00; x=x y");
    check("<{t:time}>", "<1773281411.5>", "t=2026-03-12T02:10:11.5+00:00");
    check("{t:time} {x}", "soon x", "-");
    check("{t:%F %T %Z} {x}", "2026-03-12 02:10:11 IST x", "t=?; x=x");
    check("\"{a}\" {n:int}", r#""say \"hi\" now" 5"#, r#"a=say \"hi\" now; n=int 5"#);
    check("{c:address} {d:address}", "[2001:db8::5]:443 10.0.0.1:80", "c=2001:db8::5; c_port=int 443; d=10.0.0.1; d_port=int 80");
}

#[test]
fn a_line_begins_with_the_first_thing_that_can_be_told() {
    let begins = |template: &str, line: &str| Template::parse(template).unwrap().begins(line.as_bytes(), &Times::default());
    assert!(begins("{t:%F %T} {message*}", "2026-03-12 02:10:11 x") && !begins("{t:%F %T} {message*}", "Caused by: 2026-03-12 02:10:11"));
    assert!(begins("[{n:int}] {message}", "[7") && !begins("[{n:int}] {message}", "[main] x") && !begins("[{n:int}] {message}", "[] x"));
    assert!(
        begins("order={n:int} {message}", "order=x") && begins("{a} [{b}] {message*}", "x  [") && !begins("{a} [{b}] {message*}", "x[ ")
    );
    assert!(begins("{t:time}: {message*}", "2026-03-12: x") && !begins("{t:time}: {message*}", ": x"));
}

#[test]
fn servers_strings_have_the_names_of_all_web_logs() {
    let line = r#"203.0.113.7 - ann [12/Mar/2026:03:10:11 +0100] "GET /cart?id=5 HTTP/1.1" 200 512 0.250"#;
    let want = "host=203.0.113.7; user=ann; time=2026-03-12T03:10:11+01:00; method=GET; request=/cart?id=5; proto=HTTP/1.1; status=int 200; bytes=int 512";
    let nginx = r#"$remote_addr - $remote_user [$time_local] "$request" $status $bytes_sent $request_time"#;
    assert_eq!(shown(nginx, line), format!("{want}; request_time=float 0.25"));
    assert_eq!(shown(r#"%h - %u %t \"%r\" %>s %O %{ratio}n"#, line), format!("{want}; note_ratio=0.250"));
    assert_eq!(
        shown("%v:%p %a \"%r\" %s %<s %b %D", r#"a.b:443 ::1 "\x16\x03" - 200 - 98"#),
        r"vhost=a.b; port=int 443; host=::1; method=null; request=\x16\x03; proto=null; status=null; original_status=int 200; bytes=int 0; duration_us=int 98"
    );
    assert_eq!(
        shown("%{%d/%b/%Y %T}t.%{msec_frac}t %{%z}t %m", "12/Mar/2026 03:10:11.250 +0100 GET"),
        "time=2026-03-12T03:10:11.25+01:00; method=GET"
    );
    assert_eq!(
        shown("$msec|$upstream_response_time|${x}y", "1773281411.250|0.1, 0.2|zy"),
        "time=2026-03-12T02:10:11.25+00:00; upstream_response_time=0.1, 0.2; x=z"
    );
    assert_eq!(shown("$bytes_sent $body_bytes_sent", "7 5"), "bytes_sent=int 7; bytes=int 5");
    assert_eq!(shown("%400,501{User-agent}i %!200{X-A}i", "- x"), "http_user_agent=-; http_x_a=x");
}

#[test]
fn mistakes_have_their_place() {
    for (template, part) in [
        ("plain", "it has no field"),
        ("{}", "it has no field"),
        ("{a} {b", "at character 5: `{` has no `}`"),
        ("{a}{b}", "nothing stands between `a` and `b`"),
        ("{a}{}", "nothing stands between `a` and {}"),
        ("{a} {a}", "at character 5: the field `a` stands twice"),
        ("{a*} x", "takes the rest, so nothing can stand after it"),
        ("{a:itn}", "there is no type `itn`"),
        ("{a:%H:%M}", "it says no moment"),
        ("{a} {x y}", "is no name of a field"),
        ("%h %Z %t", "at character 4: there is no directive `%Z`"),
        ("%h %{a", "at character 4: `%{` has no `}`"),
        ("$a $", "at character 4: `$` is followed by no name"),
    ] {
        let mistake = Template::parse(template).unwrap_err();
        assert!(mistake.contains(part), "{template}: {mistake}");
    }
}

#[test]
fn types_may_be_given_beside_the_template() {
    let typed = |types: &[(&str, &str)]| Template::parse("{id} {n:int} {t}").unwrap().with_types(types.iter().copied());
    let template = typed(&[("id", "float"), ("zzz", "int"), ("t", "%F")]).unwrap();
    assert_eq!(by_template(&template, b"5 6 2026-03-12").unwrap()[0], Found::Float(5.0));
    assert_eq!(by_template(&template, b"5 6 2026-03-12").unwrap()[2], Found::Time(Time::parse(b"2026-03-12").unwrap(), true));
    assert!(typed(&[("n", "float")]).unwrap_err().contains("has a type in the template"));
    assert!(typed(&[("id", "flaot")]).unwrap_err().contains("there is no type `flaot`"));
}
