//! nginx's `log_format`: `$name` and `${name}` between literals.
//!
//! Any name is one: what nginx does not know is set by its configuration. Those of what all web servers log have one name for all.

use super::piece::Slot;
use super::web::{self, CLF, Item, time_by};
use super::{Build, place};

/// Whether a text has a variable.
pub(super) fn is_it(text: &str) -> bool {
    let mut parts = text.split('$');
    parts.next();
    parts.any(|part| part.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{')))
}

pub(super) fn parse(text: &str, build: &mut Build) -> Result<(), String> {
    let mut items = Vec::new();
    let names = variables(text, &mut items)?;
    let has = |name: &str| names.iter().any(|known| known == name);
    let items = items.into_iter().map(|item| match item {
        Item::Field(name, _) => field(&name.concat(), &has),
        item => item,
    });
    web::build(items.collect(), build)
}

/// The names of the variables, in their order, and all items, as yet with nothing but these names.
fn variables(text: &str, items: &mut Vec<Item>) -> Result<Vec<String>, String> {
    let (mut names, mut at) = (Vec::new(), 0);
    while let Some(dollar) = text[at..].find('$') {
        items.push(Item::Literal(text[at..at + dollar].to_owned()));
        at += dollar;
        let rest = &text[at + 1..];
        let (name, len) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').ok_or_else(|| format!("at character {}: `${{` has no `}}`", place(text, at)))?;
                (&inner[..end], end + 3)
            }
            None => {
                let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
                (&rest[..end], end + 1)
            }
        };
        if name.is_empty() {
            return Err(format!("at character {}: `$` is followed by no name of a variable", place(text, at)));
        }
        names.push(name.to_owned());
        items.push(Item::Field(vec![name.to_owned()], Slot::Skip));
        at += len;
    }
    items.push(Item::Literal(text[at..].to_owned()));
    Ok(names)
}

/// What a variable is called, and what it is, beside the others.
fn field(name: &str, has: &dyn Fn(&str) -> bool) -> Item {
    let int = Slot::Int { dash_is_zero: false };
    let (called, slot): (&[&str], Slot) = match name {
        "remote_addr" => (&["host"], Slot::Text),
        "realip_remote_addr" | "binary_remote_addr" => (&[name], Slot::Text),
        "remote_user" => (&["user"], Slot::Text),
        "time_local" => (&["time"], time_by(CLF)),
        "time_iso8601" => (&["time"], time_by("%FT%T%z")),
        "msec" => (&["time", "msec"], Slot::Time),
        "request" => (&["request"], Slot::Request),
        "request_method" if !has("request") => (&["method"], Slot::TextOrDash),
        "request_uri" if !has("request") => (&["request"], Slot::Text),
        "uri" if !has("request") && !has("request_uri") => (&["request"], Slot::Text),
        "server_protocol" if !has("request") => (&["proto"], Slot::TextOrDash),
        "status" => (&["status"], int),
        "body_bytes_sent" => (&["bytes"], Slot::Int { dash_is_zero: true }),
        "bytes_sent" if !has("body_bytes_sent") => (&["bytes"], Slot::Int { dash_is_zero: true }),
        "bytes_sent" => (&["bytes_sent"], Slot::Int { dash_is_zero: true }),
        "http_referer" | "http_user_agent" => (&[name], Slot::Text),
        "http_x_forwarded_for" | "proxy_add_x_forwarded_for" => (&["forwarded_for", name], Slot::TextOrDash),
        // nginx's own `host` is whom the request was for.
        "host" => (&["vhost", "request_host"], Slot::TextOrDash),
        "server_name" if !has("host") => (&["vhost", "server_name"], Slot::TextOrDash),
        "http_host" if !has("host") && !has("server_name") => (&["vhost", "http_host"], Slot::TextOrDash),
        "server_port" => (&["server_port"], int),
        "remote_port" => (&["port", "remote_port"], int),
        "request_time" => (&["request_time"], Slot::Float),
        "connection" | "connection_requests" | "request_length" | "pid" => (&[name], int),
        "gzip_ratio" => (&[name], Slot::Float),
        _ => (&[name], Slot::CellOrDash),
    };
    Item::Field(called.iter().map(|name| (*name).to_owned()).collect(), slot)
}
