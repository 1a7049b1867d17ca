//! What values mean that everybody knows, by the name of their field: a status of HTTP, the level of a message.

use crate::writer::Tint;

/// The colour of a value, as it is shown.
pub(super) type Meaning = fn(&str) -> Option<Tint>;

/// What the values of a field of this name mean, if that is known.
pub(super) fn of(field: &str) -> Option<Meaning> {
    let is = |names: &[&str]| names.iter().any(|name| field.eq_ignore_ascii_case(name));
    match () {
        () if is(&["status", "status_code", "code"]) => Some(of_status),
        () if is(&["level", "severity", "loglevel", "lvl"]) => Some(of_level),
        () => None,
    }
}

/// Of a status of HTTP (RFC 9110, section 15), by its class.
fn of_status(value: &str) -> Option<Tint> {
    match value.parse() {
        Ok(200..=299) => Some(Tint::Green),
        Ok(100..=199 | 300..=399) => Some(Tint::Cyan),
        Ok(400..=499) => Some(Tint::Yellow),
        Ok(500..=599_u16) => Some(Tint::Red),
        _ => None,
    }
}

/// Of the levels of syslog (RFC 5424, section 6.2.1), as words or letters, and of what other loggers call theirs.
fn of_level(value: &str) -> Option<Tint> {
    match value.to_ascii_lowercase().as_str() {
        "emerg" | "emergency" | "panic" | "alert" | "crit" | "critical" | "fatal" | "severe" | "error" | "err" | "e" | "f" => {
            Some(Tint::Red)
        }
        "warning" | "warn" | "w" => Some(Tint::Yellow),
        "notice" | "info" | "information" | "n" | "i" => Some(Tint::Green),
        "debug" | "trace" | "verbose" | "fine" | "finer" | "finest" | "d" | "t" | "v" => Some(Tint::Grey),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Tint, of};

    #[test]
    fn by_the_name_of_the_field() {
        let check = |field, value, expect| assert_eq!(of(field).and_then(|meaning| meaning(value)), expect, "{field} {value}");
        check("status", "200", Some(Tint::Green));
        check("status", "304", Some(Tint::Cyan));
        check("status", "404", Some(Tint::Yellow));
        check("Status", "503", Some(Tint::Red));
        check("status", "running", None);
        check("status", "70000", None);
        check("bytes", "503", None);
        check("level", "ERROR", Some(Tint::Red));
        check("severity", "warning", Some(Tint::Yellow));
        check("level", "40", None);
    }
}
