//! Messages to people, on stderr.

use std::{fmt, io::Write};

/// Writes one line to stderr, whole. There is nobody left to tell when stderr itself is closed, so that is ignored.
///
/// Use it through [`say!`](crate::say!).
pub fn say(line: fmt::Arguments<'_>) {
    // Put together first, so that two programs on one terminal do not tear each other's lines.
    let line = format!("{line}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}

/// `say!("producer: {file}: {error}")`: one line on stderr; never panics, unlike `eprintln!`.
#[macro_export]
macro_rules! say {
    ($($arg:tt)*) => { $crate::say::say(format_args!($($arg)*)) };
}
