//! Every kind of token, and what is said of what is none.

use proptest::prelude::*;

use super::{Kind, Lexer, Token, offset_in_literal};

fn tokens(text: &str) -> Vec<Kind> {
    let mut lexer = Lexer::new(text, 0, text.len());
    std::iter::from_fn(|| Some(lexer.token().kind).filter(|kind| *kind != Kind::End)).collect()
}

fn check(text: &str, expect: Kind) {
    assert_eq!(tokens(text), [expect], "{text}");
}

#[test]
fn numbers() {
    for (text, value) in [
        ("404", 404),
        ("1_000_000", 1_000_000),
        ("0xff", 255),
        ("0b101", 5),
        ("0", 0),
        ("9223372036854775808", 1 << 63),
        ("10KB", 10_000),
        ("1KiB", 1024),
        ("4MiB", 4 << 20),
        ("2TB", 2_000_000_000_000),
        ("1TiB", 1 << 40),
        ("1.5KB", 1500),
        ("0.5KiB", 512),
        ("7B", 7),
    ] {
        check(text, Kind::Int(value));
    }
    for (text, value) in [("1.5", 1.5), ("1e6", 1e6), ("1E-3", 1e-3), ("2.5e+2", 250.0), (".5", 0.5), ("1_0.5", 10.5)] {
        check(text, Kind::Float(value));
    }
}

#[test]
fn durations() {
    for (text, nanos) in [
        ("250ms", 250_000_000),
        ("5m", 300_000_000_000),
        ("1h30m", 5_400_000_000_000),
        ("2d", 172_800_000_000_000),
        ("1w2d3h4m5s6ms7us8ns", 788_645_006_007_008),
        ("1.5s", 1_500_000_000),
        ("1_000s0.5ms", 1_000_000_500_000),
        ("0s", 0),
    ] {
        check(text, Kind::Duration { nanos });
    }
    check("3mo", Kind::Months(3));
    check("2y", Kind::Months(24));
}

#[test]
fn times() {
    let check = |text: &str, expect: &str| match &tokens(text)[..] {
        [Kind::Time(time) | Kind::LocalTime(time)] => assert_eq!(time.to_string(), expect, "{text}"),
        other => panic!("{text}: {other:?}"),
    };
    check("@2026-11-20T10:00Z", "2026-11-20T10:00:00+00:00");
    check("@2026-11-20", "2026-11-20T00:00:00+00:00");
    check("@2026-11-20-06:00", "2026-11-20T00:00:00-06:00");
    check("@2026-11-20T10:00", "2026-11-20T10:00:00+00:00");
    check("@2026-11-20t10:00:30.25+05:30", "2026-11-20T10:00:30.25+05:30");
    let minus = tokens("@2026-11-20-5m");
    assert!(matches!(minus[..], [Kind::LocalTime(_), Kind::Sign("-"), Kind::Duration { .. }]), "{minus:?}");
    let range = tokens("@2026-11-20..@2026-11-21");
    assert!(matches!(range[..], [Kind::LocalTime(_), Kind::Sign(".."), Kind::LocalTime(_)]), "{range:?}");
}

#[test]
fn networks_are_made_on_demand() {
    let check = |text: &str, then: &str| {
        let mut lexer = Lexer::new(text, 0, text.len());
        assert!(matches!(lexer.network(0), Some(Token { kind: Kind::Network(_), .. })), "{text}");
        assert_eq!(lexer.rest(), then);
    };
    check("10.0.0.0/8) x", ") x");
    check("::1, 2", ", 2");
    check("2001:db8::/32 and", " and");
    check("1d:2::", "");
    check("::ffff:1.2.3.4/128", "");
    for text in ["a", "1.5..2.5", "10.0/8", "1..5", "x", "", "a:b", "10.0.0.0..10.0.0.9"] {
        assert_eq!(Lexer::new(text, 0, text.len()).network(0), None, "{text}");
    }
    assert!(matches!(Lexer::new("10.0.0.1/8", 0, 10).network(0), Some(Token { kind: Kind::Bad(_), .. })));
}

#[test]
fn texts_and_names() {
    check(r#""a\"b\\\n\t\x41\u{e9}""#, Kind::Text("a\"b\\\n\tAé".into()));
    check(r#"'it"s'"#, Kind::Text("it\"s".into()));
    check("a.b_c1", Kind::Name("a.b_c1".into()));
    check("@id", Kind::Name("@id".into()));
    check("größe", Kind::Name("größe".into()));
    check("`odd name`", Kind::Quoted("odd name".into()));
    check("`a``b`", Kind::Quoted("a`b".into()));
    check("````", Kind::Quoted("`".into()));
}

#[test]
fn signs_ranges_and_comments() {
    let signs = |text: &str| tokens(text);
    assert_eq!(signs("500..599"), [Kind::Int(500), Kind::Sign(".."), Kind::Int(599)]);
    assert_eq!(
        signs("a//b/c"),
        ["a", "//", "b", "/", "c"].map(|t| if t.contains('/') {
            Kind::Sign(if t == "/" { "/" } else { "//" })
        } else {
            Kind::Name(t.into())
        })
    );
    assert_eq!(signs("a # b | c\n|"), [Kind::Name("a".into()), Kind::Sign("|")]);
    assert_eq!(signs("=~!~<=="), ["=~", "!~", "<=", "="].map(Kind::Sign));
}

#[test]
fn regexes_are_made_on_demand() {
    let check = |text: &str, expect_pattern: &str, expect_case: bool, then: &str| {
        let mut lexer = Lexer::new(text, 0, text.len());
        let kind = lexer.regex(0).kind;
        assert_eq!(kind, Kind::Regex { pattern: expect_pattern.into(), ignore_case: expect_case }, "{text}");
        assert_eq!(lexer.rest(), then);
    };
    check("/a|b/ x", "a|b", false, " x");
    check(r"/\/x\.\\/i)", r"/x\.\\", true, ")");
    check("//", "", false, "");
}

#[test]
fn what_is_wrong_is_said() {
    for (text, expect) in [
        ("\"abc", "this text has no end"),
        ("'a\\", "this text has no end"),
        ("`abc", "this name has no end"),
        ("``", "an empty field name"),
        (r#""\d""#, r"unknown escape `\d` in text"),
        (r#""\u{110000}""#, r"unknown escape `\u{110000}` in text"),
        (r#""\xé""#, r"unknown escape `\x` in text"),
        ("1h30", "`30` needs a unit in this duration"),
        ("1h30x", "unknown unit `x`"),
        ("30m1h", "the units of a duration go from long to short, each once"),
        ("1m1m", "the units of a duration go from long to short, each once"),
        ("5m_", "this duration is none"),
        ("16000w", "this duration is too long"),
        ("0.5ns", "this duration is not a whole number of nanoseconds"),
        ("1e3s", "this duration is no number"),
        ("5M", "unknown unit `M`"),
        ("@2026-11", "`@2026-11` is no time"),
        ("@", "`@` is no time"),
        ("@2026-11-20T10", "`@2026-11-20T10` is no time"),
        ("@2026-11-20T10:00+0600", "`@2026-11-20T10:00+0600` is no time"),
        ("@2026-02-30", "there is no such time"),
        ("@2026-11-20T24:00Z", "there is no such time"),
        ("@2300-01-01", "there is no such time"),
        ("10.0.0.0/8", "an address or a network stands only after `in`"),
        ("5kb", "unknown unit `kb`"),
        ("404x", "unknown unit `x`"),
        ("1.0001KB", "this size is not a whole number of bytes"),
        ("340282366920938463463374607431768211456", "this number does not fit in 128 bits"),
        ("99999999999TiB", "this size does not fit in 64 bits"),
        ("1e999", "this number is too large"),
        ("0xzz", "not a number: invalid digit found in string"),
        ("~", "unexpected character `~`"),
        ("&", "unexpected character `&`"),
    ] {
        match &tokens(text)[..] {
            [Kind::Bad(found)] => assert_eq!(found.what, expect, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn places_in_a_literal() {
    let check = |raw: &str, decoded, expect: &str| assert_eq!(&raw[offset_in_literal(raw, decoded)..], expect, "{raw}");
    check(r#""abc""#, 0, "abc\"");
    check(r#""a\tc""#, 2, "c\"");
    check(r#""é\u{e9}c""#, 4, "c\"");
    check(r#""abc""#, 9, "");
}

proptest! {
    #[test]
    fn never_panics_and_always_ends(text in "\\PC*|[-\"'`/\\\\.0-9a-zA-Z_@# \n|=<>!&?*%(){}\\[\\]]{0,40}") {
        let mut lexer = Lexer::new(&text, 0, text.len());
        let mut at = 0;
        loop {
            let token = lexer.token();
            prop_assert!(token.span.start >= at && text.get(token.span.start..token.span.end).is_some());
            if token.kind == Kind::End {
                break;
            }
            prop_assert!(token.span.end > token.span.start);
            at = token.span.end;
            let _ = lexer.clone().regex(token.span.start);
            if let Some(network) = lexer.clone().network(token.span.start) {
                prop_assert!(network.span.end > token.span.start);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_size_is_the_number_that_a_query_would_have(text in "[ ]?(0[xob])?[0-9._]{0,6}(B|KB|MiB|GB|TiB|kb|m|e3|K|x)?[ ]?") {
        let mut lexer = Lexer::new(&text, 0, text.len());
        let expect = match (lexer.token().kind, lexer.token().kind) {
            (Kind::Int(bytes), Kind::End) => u64::try_from(bytes).ok(),
            _ => None,
        };
        prop_assert_eq!(crate::size::size(&text), expect, "{}", text);
    }
}
