//! `{time:%H:%M} {level} {message*}`: fields in braces.

use super::piece::Slot;
use super::{Build, place};
use crate::times::TimePattern;

/// Types that a field may have, as they are written.
const KINDS: &str =
    "int, float, text, word, letter, level, clock, time, request, address, or the format of a time such as %Y-%m-%d %H:%M:%S";

/// Whether a text has a field with a name in braces. What nginx writes `${name}` and Apache `%{name}i` is none.
pub(super) fn is_it(text: &str) -> bool {
    let mut rest = text;
    let mut before = None;
    while let Some(at) = rest.find('{') {
        before = rest[..at].chars().next_back().or(before);
        let inner = &rest[at + 1..];
        if let Some(after) = inner.strip_prefix('{') {
            (rest, before) = (after, Some('{'));
            continue;
        }
        // Apache has statuses in between: `%400,501{User-agent}i`.
        let is_status = |c: char| c.is_ascii_digit() || matches!(c, '!' | ',' | '<' | '>');
        let is_server = matches!(before, Some('$' | '%' | '^')) && at > 0 || rest[..at].trim_end_matches(is_status).ends_with('%');
        let name = inner.find([':', '*', '}']).map(|end| &inner[..end]);
        if !is_server && name.is_some_and(is_name) {
            return true;
        }
        (rest, before) = (inner, Some('{'));
    }
    false
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|first| first.is_alphabetic() || matches!(first, '_' | '@'))
        && chars.all(|c| c.is_alphanumeric() || "_@.-".contains(c))
}

/// The slot of a type as it is written.
pub(super) fn kind_of(kind: &str) -> Option<Slot> {
    Some(match kind {
        "int" => Slot::Int { dash_is_zero: false },
        "float" => Slot::Float,
        "text" => Slot::Text,
        "word" => Slot::Word,
        "letter" => Slot::Letter,
        "level" => Slot::Level,
        "clock" => Slot::Clock,
        "time" => Slot::Time,
        "request" => Slot::Request,
        "address" => Slot::Address,
        format if format.contains('%') => Slot::TimeBy(TimePattern::prefix(format).ok()?),
        _ => return None,
    })
}

pub(super) fn unknown_kind(kind: &str) -> String {
    if kind.contains('%')
        && let Err(what) = TimePattern::prefix(kind)
    {
        return format!("bad format of a time, `{kind}`: {what}");
    }
    format!("there is no type `{kind}`; the types are {KINDS}")
}

pub(super) fn parse(text: &str, build: &mut Build) -> Result<(), String> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let open = rest.find('{').unwrap_or(rest.len());
        build.literal(&rest[..open].replace("}}", "}"));
        at += open;
        if at == text.len() {
            break;
        }
        if rest[open..].starts_with("{{") {
            build.literal("{");
            at += 2;
            continue;
        }
        let began = at;
        let mistake = |what: String| format!("at character {}: {what}", place(text, began));
        let Some(len) = rest[open..].find('}') else {
            return Err(mistake("`{` has no `}`; a brace that stands there as it is, is written `{{`".to_owned()));
        };
        let inner = &rest[open + 1..open + len];
        at += len + 1;
        field(inner, at == text.len(), build).map_err(mistake)?;
    }
    Ok(())
}

/// What stands between braces.
fn field(inner: &str, is_last: bool, build: &mut Build) -> Result<(), String> {
    if inner.is_empty() {
        build.skip();
        return Ok(());
    }
    let (name, kind) = inner.split_once(':').map_or((inner, None), |(name, kind)| (name, Some(kind)));
    let (name, takes_rest) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
    let (kind, takes_rest) = match kind.and_then(|kind| kind.strip_suffix('*')) {
        Some(kind) => (Some(kind), true),
        None => (kind, takes_rest),
    };
    if !is_name(name) && !name.is_empty() {
        return Err(format!(
            "`{name}` is no name of a field: letters, digits, `_`, `.`, `-` and `@`; a brace that stands there as it is, is written `{{{{`"
        ));
    }
    if takes_rest && !is_last {
        return Err(format!("`{{{name}*}}` takes the rest, so nothing can stand after it"));
    }
    let slot = match kind {
        None if takes_rest => Slot::Text,
        None => Slot::Cell,
        Some(kind) => kind_of(kind).ok_or_else(|| unknown_kind(kind))?,
    };
    if takes_rest && slot != Slot::Text {
        return Err(format!("`{{{name}*}}` is text: it takes the rest"));
    }
    if name.is_empty() {
        build.skip();
        return Ok(());
    }
    let capture = build.field(name, slot)?;
    capture.takes_lines |= takes_rest;
    Ok(())
}
