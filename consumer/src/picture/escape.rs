//! Text of data within XML and HTML.

use std::fmt::Write;

/// Appends text so that it is shown as it is, between tags and in an attribute in quotes. Control characters, which XML cannot have, are
/// shown as `\x1b`; what is no character is U+FFFD.
pub(super) fn put(text: &str, out: &mut String) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' => out.push(' '),
            // Writing to a string cannot fail.
            control if control.is_control() => drop(write!(out, "\\x{:02x}", u32::from(control))),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            other => out.push(other),
        }
    }
}

/// The text, escaped.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::new();
    put(text, &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn text_stays_text() {
        assert_eq!(
            escaped("</script><img src=x onerror='a(\"b\")'>&"),
            "&lt;/script&gt;&lt;img src=x onerror=&#39;a(&quot;b&quot;)&#39;&gt;&amp;"
        );
        assert_eq!(escaped("\x1b[2J\0ü\u{ffff}"), "\\x1b[2J\\x00ü\u{fffd}");
    }
}
