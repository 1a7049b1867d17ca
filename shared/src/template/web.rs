//! What the log formats of web servers have in common: directives between literals, and one name for one thing.
//!
//! What a directive is called depends on the others: `$bytes_sent` are the bytes where there is no `$body_bytes_sent`.

use super::Build;
use super::piece::Slot;
use crate::times::TimePattern;

/// What a server's format is made of.
#[derive(Debug)]
pub(super) enum Item {
    Literal(String),
    /// A field: the names that it may have, the first that is free; and what it is.
    Field(Vec<String>, Slot),
    /// A part of a time: directives of `strftime`.
    TimePart(String),
}

/// The format of `$time_local` and `%t`.
pub(super) const CLF: &str = "%d/%b/%Y:%H:%M:%S %z";

/// The slot of a time of this format, which is known to be one.
pub(super) fn time_by(format: &str) -> Slot {
    TimePattern::prefix(format).map_or(Slot::Time, Slot::TimeBy)
}

/// Puts the items together. Parts of a time with nothing but literals between them are one time.
pub(super) fn build(items: Vec<Item>, build: &mut Build) -> Result<(), String> {
    let mut items = items.into_iter().peekable();
    while let Some(item) = items.next() {
        match item {
            Item::Literal(text) => build.literal(&text),
            Item::Field(names, slot) => {
                let name = free(names, build);
                let capture = build.field(&name, slot)?;
                // Of two lines that were written into one, no record is made.
                capture.stops = match name.as_str() {
                    "host" => b" \t",
                    "user" => b"[]\"",
                    _ => b"",
                };
            }
            Item::TimePart(mut format) => {
                let mut between = String::new();
                loop {
                    match items.peek() {
                        Some(Item::Literal(text)) if !text.is_empty() && between.is_empty() => {
                            between.clone_from(text);
                            items.next();
                        }
                        Some(Item::TimePart(more)) => {
                            format += &between.replace('%', "%%");
                            format += more;
                            between.clear();
                            items.next();
                        }
                        _ => break,
                    }
                }
                let pattern = TimePattern::prefix(&format).map_err(|what| format!("bad format of a time, `{format}`: {what}"))?;
                let name = free(vec!["time".to_owned()], build);
                build.field(&name, Slot::TimeBy(pattern))?;
                build.literal(&between);
            }
        }
    }
    Ok(())
}

/// The first of the names that no field has; else the last with a number.
fn free(names: Vec<String>, build: &Build) -> String {
    let last = names.last().cloned().unwrap_or_default();
    let numbered = (2..).map(|number| format!("{last}_{number}"));
    let found = names.into_iter().chain(numbered).find(|name| !build.has(name));
    found.unwrap_or(last)
}

/// The name of a header as a field: `User-Agent` is `user_agent`.
pub(super) fn word(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}
