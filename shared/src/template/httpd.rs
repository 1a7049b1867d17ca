//! Apache's `LogFormat`: directives of `mod_log_config`, `mod_logio` and `mod_ssl`, such as `%h`, `%>s` and `%{Referer}i`.
//!
//! `%400,501{User-Agent}i` is logged for some statuses, else a dash stands there. `\"`, `\t` and `\n` are what the configuration means.

use super::piece::Slot;
use super::web::{self, CLF, Item, time_by, word};
use super::{Build, place};

/// A directive, taken apart.
#[derive(Debug)]
struct Directive {
    /// Where it begins.
    at: usize,
    /// `<` or `>`.
    which: Option<char>,
    argument: Option<String>,
    /// `i`, `^ti`.
    letters: String,
    text: String,
}

pub(super) fn parse(text: &str, build: &mut Build) -> Result<(), String> {
    let parts = parts(text)?;
    let has = |letters: &str| parts.iter().any(|part| matches!(part, Part::Directive(directive) if directive.letters == letters));
    let mut items = Vec::new();
    for part in &parts {
        match part {
            Part::Literal(text) => items.push(Item::Literal(text.clone())),
            Part::Directive(directive) => {
                let what = directive_items(directive, &has, &mut items);
                what.ok_or_else(|| {
                    let Directive { at, text: typed, .. } = directive;
                    format!(
                        "at character {}: there is no directive `{typed}` in Apache's LogFormat that a field could be made of",
                        place(text, *at)
                    )
                })?;
            }
        }
    }
    web::build(items, build)
}

enum Part {
    Literal(String),
    Directive(Directive),
}

fn parts(text: &str) -> Result<Vec<Part>, String> {
    let (mut parts, mut literal) = (Vec::new(), String::new());
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some((_, 'n')) => literal.push('\n'),
                Some((_, 't')) => literal.push('\t'),
                Some((_, other)) => literal.push(other),
                None => literal.push('\\'),
            },
            '%' if chars.next_if(|(_, c)| *c == '%').is_some() => literal.push('%'),
            '%' => {
                let (mut which, mut argument, mut letters) = (None, None, String::new());
                while chars.next_if(|(_, c)| c.is_ascii_digit() || matches!(c, '!' | ',')).is_some() {}
                // The brace may stand before or after it.
                for _ in 0..2 {
                    which = which.or(chars.next_if(|(_, c)| matches!(c, '<' | '>')).map(|(_, c)| c));
                    if chars.next_if(|(_, c)| *c == '{').is_some() {
                        let mut inner = String::new();
                        loop {
                            match chars.next() {
                                Some((_, '}')) => break,
                                Some((_, c)) => inner.push(c),
                                None => return Err(format!("at character {}: `%{{` has no `}}`", place(text, at))),
                            }
                        }
                        argument = Some(inner);
                    }
                }
                letters.extend(chars.next_if(|(_, c)| *c == '^').map(|(_, c)| c));
                if !letters.is_empty() {
                    letters.extend(chars.next().map(|(_, c)| c));
                }
                letters.extend(chars.next().map(|(_, c)| c));
                let end = chars.peek().map_or(text.len(), |(end, _)| *end);
                parts.push(Part::Literal(std::mem::take(&mut literal)));
                parts.push(Part::Directive(Directive { at, which, argument, letters, text: text[at..end].to_owned() }));
            }
            other => literal.push(other),
        }
    }
    parts.push(Part::Literal(literal));
    Ok(parts)
}

/// What stands in a log for a directive; `None` if there is none such.
fn directive_items(directive: &Directive, has: &dyn Fn(&str) -> bool, items: &mut Vec<Item>) -> Option<()> {
    let Directive { which, argument, letters, .. } = directive;
    let argument = argument.as_deref();
    let int = Slot::Int { dash_is_zero: false };
    let bytes = Slot::Int { dash_is_zero: true };
    let mut field = |names: &[&str], slot: Slot| items.push(Item::Field(names.iter().map(|name| (*name).to_owned()).collect(), slot));
    let named = |before: &str| argument.map(|name| format!("{before}{}", word(name)));
    match (letters.as_str(), argument) {
        ("h", None) => field(&["host"], Slot::Text),
        ("a", None) if !has("h") => field(&["host", "client_ip"], Slot::Text),
        ("a", None) => field(&["client_ip"], Slot::TextOrDash),
        ("a", Some("c")) => field(&["peer_ip"], Slot::TextOrDash),
        ("A", None) => field(&["local_ip"], Slot::TextOrDash),
        ("b" | "B", None) => field(&["bytes"], bytes),
        ("O", None) if !has("b") && !has("B") => field(&["bytes", "bytes_sent"], bytes),
        ("O", None) => field(&["bytes_sent"], bytes),
        ("I", None) => field(&["bytes_received"], bytes),
        ("S", None) => field(&["bytes_transferred"], bytes),
        ("D", None) => field(&["duration_us"], int),
        ("T", None | Some("s")) => field(&["duration", "duration_s"], Slot::Float),
        ("T", Some("ms")) => field(&["duration_ms"], int),
        ("T", Some("us")) => field(&["duration_us"], int),
        ("f", None) => field(&["filename"], Slot::TextOrDash),
        ("H", None) => field(&[if has("r") { "protocol" } else { "proto" }], Slot::TextOrDash),
        ("k", None) => field(&["keepalive_requests"], int),
        ("l", None) => field(&["ident"], Slot::Text),
        ("L", None) => field(&["log_id"], Slot::TextOrDash),
        ("m", None) => field(&[if has("r") { "request_method" } else { "method" }], Slot::TextOrDash),
        ("p", None | Some("canonical")) => field(&["port"], int),
        ("p", Some("local")) => field(&["local_port"], int),
        ("p", Some("remote")) => field(&["remote_port"], int),
        ("P", None | Some("pid")) => field(&["pid"], int),
        ("P", Some("tid" | "hextid")) => field(&["tid"], Slot::TextOrDash),
        // It is nothing, or begins with a question mark.
        ("q", None) => field(&["query"], Slot::Text),
        ("r", None) => field(&["request"], Slot::Request),
        ("R", None) => field(&["handler"], Slot::TextOrDash),
        ("s", None) if *which == Some('<') => field(&["original_status"], int),
        ("s", None) => field(&["status", "original_status"], int),
        ("u", None) => field(&["user"], Slot::Text),
        ("U", None) => field(&[if has("r") { "path" } else { "request" }], Slot::Text),
        ("v", None) => field(&["vhost"], Slot::TextOrDash),
        ("V", None) => field(&["vhost", "server_name"], Slot::TextOrDash),
        ("X", None) => field(&["connection_status"], Slot::Text),
        ("i", Some(name)) => match word(name).as_str() {
            "referer" => field(&["http_referer"], Slot::Text),
            "user_agent" => field(&["http_user_agent"], Slot::Text),
            "x_forwarded_for" => field(&["forwarded_for"], Slot::TextOrDash),
            name => field(&[&format!("http_{name}")], Slot::CellOrDash),
        },
        ("o", Some(_)) => field(&[&named("sent_http_")?], Slot::CellOrDash),
        ("C", Some(_)) => field(&[&named("cookie_")?], Slot::CellOrDash),
        ("e", Some(_)) => field(&[&named("env_")?], Slot::CellOrDash),
        ("n", Some(_)) => field(&[&named("note_")?], Slot::CellOrDash),
        ("x" | "c", Some(_)) => field(&[&named("")?], Slot::CellOrDash),
        ("^ti", Some(_)) => field(&[&named("trailer_in_")?], Slot::CellOrDash),
        ("^to", Some(_)) => field(&[&named("trailer_out_")?], Slot::CellOrDash),
        ("t", format) => {
            let format = format.map(|format| format.strip_prefix("begin:").or(format.strip_prefix("end:")).unwrap_or(format));
            match format {
                None | Some("") => {
                    items.push(Item::Literal("[".to_owned()));
                    items.push(Item::Field(vec!["time".to_owned()], time_by(CLF)));
                    items.push(Item::Literal("]".to_owned()));
                }
                Some("sec" | "msec" | "usec") => field(&["time"], Slot::Time),
                Some("msec_frac") => items.push(Item::TimePart("%3f".to_owned())),
                Some("usec_frac") => items.push(Item::TimePart("%6f".to_owned())),
                Some(format) => items.push(Item::TimePart(format.to_owned())),
            }
        }
        _ => return None,
    }
    Some(())
}
