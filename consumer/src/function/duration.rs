//! `duration(text)`: the seconds that `1m30s`, `22ms` and their like are.

use jiff::{Span as Duration, SpanRelativeTo};
use recpipe::{Error, Type};

use crate::{
    expr::{Call, Rows, ScalarFunction, Values, Vector, duration::to_seconds},
    language::{CheckCall::Values as OfValues, FunctionWord, signature::unary},
};

/// `duration`
pub(crate) static DURATION: FunctionWord = FunctionWord {
    name: "duration",
    syntax: "duration(TEXT)",
    doc: "the seconds that `1m30s`, `22ms`, `1.5s` or `300µs` is; null for other text",
    example: "duration('1m30s') == 90",
    args: 1..=1,
    check: OfValues(|catalog, args| unary(catalog, args, &[Type::Text], InSeconds, Type::Float)),
};

struct InSeconds;

impl ScalarFunction for InSeconds {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [text] = call.args(args)?;
        let Values::Text(texts) = &text.values else { return call.no_value(&text) };
        let seconds = texts.views.map(|view| seconds(texts.slice(view)));
        Ok(Rows::of(&[&text]).optional(seconds, Values::Float))
    }
}

/// The seconds of a duration as Go, Rust and people write it, or ISO 8601. Days have 24 hours and weeks 7 days; months and years
/// have no length.
fn seconds(text: &[u8]) -> Option<f64> {
    let duration: Duration = std::str::from_utf8(text.trim_ascii()).ok()?.parse().ok()?;
    if duration.get_years() != 0 || duration.get_months() != 0 {
        return None;
    }
    let duration = duration.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    Some(to_seconds(duration.as_nanos()))
}

#[cfg(test)]
mod tests {
    use super::seconds;
    use crate::expr::check_values;

    #[test]
    fn as_they_are_written() {
        for (text, expect) in [
            ("1m30s", 90.0),
            ("1h 30m", 5400.0),
            ("22ms", 0.022),
            ("1.5s", 1.5),
            ("300µs", 0.0003),
            ("300us", 0.0003),
            ("17ns", 1.7e-8),
            ("2d", 172_800.0),
            ("1w", 604_800.0),
            ("-5m", -300.0),
            ("2 hours 5 minutes", 7500.0),
            ("PT1H0.5S", 3600.5),
            ("1h15m30.918273645s", 4530.918273645),
            (" 0s ", 0.0),
        ] {
            assert_eq!(seconds(text.as_bytes()), Some(expect), "{text}");
        }
        for text in ["", "soon", "90", "1mo", "1y", "1x", "s", "5m tomorrow", "\u{661}s"] {
            assert_eq!(seconds(text.as_bytes()), None, "{text}");
        }
        check_values("duration(trim(t))", "null null null null");
        check_values("duration('1m')", "60.0 60.0 60.0 60.0");
    }
}
