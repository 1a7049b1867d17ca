//! How a template shows a field: `{bytes:>10,}`, `{share:.1%}`, `{time:%H:%M}`.
//!
//! # FormatSpec
//!
//! ```text
//! format := [ [ fill ] align ] [ "+" ] [ "0" ] [ width ] [ "," ] [ "." precision ] [ type ]
//!         | time format
//! align  := "<" | ">" | "^"
//! type   := "d" | "f" | "%" | "x" | "s"
//! ```
//!
//! A subset of Python's format specification, with its meaning, and two differences: the precision of a float counts the
//! digits after the point also without `f`, and what stands between `%` and the end makes it a time format, so that it can
//! be read without knowing the field's type.

use recpipe::Type;

use super::TimeFormat;

/// How a field is shown. The default is as `print` shows it without a template.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct FormatSpec {
    /// Where it stands in its width, and what fills the rest.
    pub align: Option<(char, Align)>,
    /// Whether numbers that are not negative have a `+`.
    pub(crate) plus: bool,
    /// Whether numbers are filled with zeros after their sign.
    pub zeros: bool,
    /// At least this many columns.
    pub width: usize,
    /// Whether there is a `,` before each three digits.
    pub commas: bool,
    /// Digits after the point of a number; at most this many characters of text.
    pub precision: Option<usize>,
    /// What it is to be shown as.
    pub kind: Option<Kind>,
}

/// Where a value stands in its width.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// `<`
    Left,
    /// `^`
    Center,
    /// `>`
    Right,
}

/// What a field is to be shown as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `d`: a whole number.
    Whole,
    /// `f`: a number with digits after the point, 6 unless it says how many.
    Fixed,
    /// `%`: 100 times the number, as for `f`, and a percent sign.
    Percent,
    /// `x`: a whole number in base 16.
    Hex,
    /// `s`: text.
    Text,
    /// A time, in its own offset.
    Time(TimeFormat),
}

/// What is wrong with a format, and how to mend it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// In one line.
    pub what: String,
    /// May be empty.
    pub mend: String,
}

impl Wrong {
    fn new(what: impl Into<String>, mend: impl Into<String>) -> Self {
        Wrong { what: what.into(), mend: mend.into() }
    }
}

impl FormatSpec {
    /// Wider than this is a slip, and would fill memory with blanks.
    pub(crate) const MAX_WIDTH: usize = 4096;

    /// Reads what stands after the `:` of a field.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        if text.find('%').is_some_and(|at| at + 1 < text.len()) {
            let format = TimeFormat::new(text).map_err(|what| Wrong::new(format!("`{text}`: {what}"), "as in `{time:%Y-%m-%d %H:%M}`"))?;
            return Ok(FormatSpec { kind: Some(Kind::Time(format)), ..FormatSpec::default() });
        }
        let unknown =
            || Wrong::new(format!("unknown format `{text}`"), "as in `{host:<20}`, `{bytes:>12,}`, `{share:.1%}` or `{time:%H:%M}`");
        let mut format = FormatSpec::default();
        let mut rest = text;
        let mut chars = text.chars();
        let (first, second) = (chars.next(), chars.next());
        if let (Some(fill), Some(align)) = (first, second.and_then(Align::of)) {
            format.align = Some((fill, align));
            rest = chars.as_str();
        } else if let Some(align) = first.and_then(Align::of) {
            format.align = Some((' ', align));
            rest = &text[1..];
        }
        let mut take = |sign: char| rest.strip_prefix(sign).map(|after| rest = after).is_some();
        format.plus = take('+');
        format.zeros = take('0');
        let number = |digits: &str| match digits.parse() {
            Ok(value) if value <= Self::MAX_WIDTH => Ok(value),
            _ => Err(Wrong::new(format!("a width of at most {} is possible", Self::MAX_WIDTH), "")),
        };
        let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
        let width = digits(rest);
        if width > 0 {
            format.width = number(&rest[..width])?;
            rest = &rest[width..];
        }
        if let Some(after) = rest.strip_prefix(',') {
            (format.commas, rest) = (true, after);
        }
        if let Some(after) = rest.strip_prefix('.') {
            let len = digits(after);
            if len == 0 {
                return Err(unknown());
            }
            format.precision = Some(number(&after[..len])?);
            rest = &after[len..];
        }
        format.kind = match rest {
            "" => None,
            "d" => Some(Kind::Whole),
            "f" => Some(Kind::Fixed),
            "%" => Some(Kind::Percent),
            "x" => Some(Kind::Hex),
            "s" => Some(Kind::Text),
            _ => return Err(unknown()),
        };
        match (&format.kind, format.zeros) {
            (_, true) if format.commas || format.align.is_some() => {
                Err(Wrong::new("zeros on the left go with neither `,` nor an alignment", "leave the `0` out"))
            }
            (Some(Kind::Hex | Kind::Text), _) if format.commas => Err(Wrong::new("`,` groups the digits of decimal numbers", "")),
            _ => Ok(format),
        }
    }

    /// Whether values are written as they are without a format, and then put in their width.
    pub fn is_plain(&self) -> bool {
        !self.plus && !self.zeros && !self.commas && self.precision.is_none() && self.kind.is_none()
    }

    /// Whether values of this type can be shown so.
    ///
    /// # Errors
    /// What does not fit; `name` is that of the field, `field` how a query writes it.
    pub fn fits(&self, kind: Type, name: &str, field: &str) -> Result<(), Wrong> {
        let is_number = matches!(kind, Type::Int | Type::Float);
        let is = match kind {
            Type::Int => "an int",
            Type::Float => "a float",
            Type::Text => "text",
            Type::Time => "a time",
            Type::Bool => "a bool",
            // It is never shown, or one by one.
            Type::Null | Type::Mixed => return Ok(()),
        };
        let wrong = |what: &str, mend: &str| Err(Wrong::new(format!("{what}, and `{name}` is {is}"), mend));
        let number = if kind == Type::Text { format!("make it a number before: `let n = float({field})`") } else { String::new() };
        let whole = if kind == Type::Text { format!("make it an int before: `let n = round(float({field}))`") } else { String::new() };
        let time = format!("make it one before: `let t = time({field})`");
        match &self.kind {
            Some(Kind::Time(_)) if kind == Type::Text => wrong("a time format needs a time", &time),
            Some(Kind::Time(_)) if kind != Type::Time => wrong("a time format needs a time", ""),
            Some(Kind::Time(_)) => Ok(()),
            Some(Kind::Fixed | Kind::Percent) if !is_number => wrong("`f` and `%` need a number", &number),
            Some(Kind::Whole | Kind::Hex) if kind == Type::Float => wrong("`d` and `x` need an int", "`.0f` shows it rounded"),
            Some(Kind::Whole | Kind::Hex) if !is_number => wrong("`d` and `x` need an int", &whole),
            Some(Kind::Text) if kind != Type::Text => wrong("`s` needs text", ""),
            _ if !is_number && (self.plus || self.zeros || self.commas) => wrong("`+`, `0` and `,` need a number", &number),
            None | Some(Kind::Whole | Kind::Hex) if self.precision.is_some() => match kind {
                Type::Float | Type::Text => Ok(()),
                Type::Int => wrong("a precision needs a float or text", "`f` after it shows digits after a point"),
                Type::Time => wrong("a precision needs a float or text", "as in `{time:%Y-%m-%d}`"),
                _ => wrong("a precision needs a float or text", ""),
            },
            _ => Ok(()),
        }
    }
}

impl Align {
    fn of(sign: char) -> Option<Self> {
        match sign {
            '<' => Some(Align::Left),
            '^' => Some(Align::Center),
            '>' => Some(Align::Right),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use recpipe::Type;

    use super::{Align, FormatSpec, Kind};

    #[test]
    fn reads_what_python_reads() {
        let check = |text: &str, expect: FormatSpec| assert_eq!(FormatSpec::parse(text), Ok(expect), "{text}");
        let none = FormatSpec::default;
        check("", none());
        check(">10", FormatSpec { align: Some((' ', Align::Right)), width: 10, ..none() });
        check("*^9.3", FormatSpec { align: Some(('*', Align::Center)), width: 9, precision: Some(3), ..none() });
        check("<<4", FormatSpec { align: Some(('<', Align::Left)), width: 4, ..none() });
        check("é>4s", FormatSpec { align: Some(('é', Align::Right)), width: 4, kind: Some(Kind::Text), ..none() });
        check("+08.2f", FormatSpec { plus: true, zeros: true, width: 8, precision: Some(2), kind: Some(Kind::Fixed), ..none() });
        check("12,d", FormatSpec { width: 12, commas: true, kind: Some(Kind::Whole), ..none() });
        check(",", FormatSpec { commas: true, ..none() });
        check(".1%", FormatSpec { precision: Some(1), kind: Some(Kind::Percent), ..none() });
        check("x", FormatSpec { kind: Some(Kind::Hex), ..none() });
        assert!(matches!(FormatSpec::parse("on %d").unwrap().kind, Some(Kind::Time(_))));
    }

    #[test]
    fn refuses_the_rest() {
        for text in
            ["y", ">+-1", ".", "5.", "1e3", "é", "%%%", "%J", "05,", "<05", ",x", ",s", "4097", "99999999999999999999", ".5000f", "f2"]
        {
            assert!(FormatSpec::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn fits_the_type() {
        let check = |text: &str, fits: &[Type]| {
            let format = FormatSpec::parse(text).unwrap();
            for kind in [Type::Int, Type::Float, Type::Text, Type::Time, Type::Bool] {
                assert_eq!(format.fits(kind, "x", "x").is_ok(), fits.contains(&kind), "{text} of {kind}");
            }
            assert!(format.fits(Type::Null, "x", "x").is_ok());
        };
        check(">5", &[Type::Int, Type::Float, Type::Text, Type::Time, Type::Bool]);
        check("05", &[Type::Int, Type::Float]);
        check("+,", &[Type::Int, Type::Float]);
        check(".3", &[Type::Float, Type::Text]);
        check(".3f", &[Type::Int, Type::Float]);
        check(".3%", &[Type::Int, Type::Float]);
        check("d", &[Type::Int]);
        check("x", &[Type::Int]);
        check(".2d", &[]);
        check(".2s", &[Type::Text]);
        check("%H:%M", &[Type::Time]);
    }
}
