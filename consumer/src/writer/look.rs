//! How output for people looks: colours, and what characters there are.

use std::{env, io::IsTerminal};

/// When there are colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Color {
    /// On a terminal that is not dumb, unless `NO_COLOR` is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How `table` and `chart` look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Whether the names of a table stand out, and bars, and what has a meaning, have a colour.
    pub colour: bool,
    /// Whether marks and bars are of ASCII: the locale has no more.
    pub(crate) ascii: bool,
}

/// A colour of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tint {
    /// What is wrong.
    Red,
    /// What may be wrong.
    Yellow,
    /// What is well.
    Green,
    /// What is beside the matter.
    Cyan,
    /// One of the others.
    Blue,
    /// One of the others.
    Magenta,
    /// What matters least.
    Grey,
}

impl Tint {
    /// All of them by their names. Each is one of a terminal's own eight, which its owner has made readable, dark or light; grey is faint.
    pub const ALL: [(&str, Tint); 7] = [
        ("red", Tint::Red),
        ("yellow", Tint::Yellow),
        ("green", Tint::Green),
        ("cyan", Tint::Cyan),
        ("blue", Tint::Blue),
        ("magenta", Tint::Magenta),
        ("grey", Tint::Grey),
    ];

    /// The parameter of SGR (ECMA-48, 8.3.117).
    fn parameter(self) -> u8 {
        match self {
            Tint::Red => 31,
            Tint::Green => 32,
            Tint::Yellow => 33,
            Tint::Blue => 34,
            Tint::Magenta => 35,
            Tint::Cyan => 36,
            Tint::Grey => 2,
        }
    }
}

impl Color {
    /// Whether there are colours on this output.
    pub(crate) fn is_on(self, output: &impl IsTerminal) -> bool {
        let set = |name: &str| env::var_os(name).is_some_and(|value| !value.is_empty());
        match self {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => output.is_terminal() && !set("NO_COLOR") && env::var_os("TERM").is_none_or(|term| term != "dumb"),
        }
    }
}

impl Look {
    /// The look of standard output.
    pub(crate) fn of_stdout(color: Color) -> Self {
        // The first of these that is set counts (POSIX); a system that says nothing has the POSIX locale.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().filter_map(env::var_os).find(|value| !value.is_empty());
        let locale = locale.unwrap_or_default().to_string_lossy().to_ascii_lowercase();
        Look { colour: color.is_on(&std::io::stdout()), ascii: !(locale.contains("utf-8") || locale.contains("utf8")) }
    }

    /// The text so that it stands out as the name of a column.
    pub(crate) fn heading(self, text: &str) -> String {
        if self.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// The text as a bar.
    pub(crate) fn bar(self, text: &str) -> String {
        self.tinted(text, Some(Tint::Cyan))
    }

    /// The text in a colour, if it has one.
    pub(crate) fn tinted(self, text: &str, tint: Option<Tint>) -> String {
        match tint.filter(|_| self.colour && !text.is_empty()) {
            Some(tint) => format!("\x1b[{}m{text}\x1b[0m", tint.parameter()),
            None => text.to_owned(),
        }
    }

    /// What stands where text was cut.
    pub(crate) fn cut(self) -> char {
        if self.ascii { '~' } else { '…' }
    }
}
