//! `bin(value, width)`: of numbers, and of times.
//!
//! Bins of times are cut on the clock that shows them: that of `--zone`, else each time's own. Whole days, weeks, months and
//! years are those of the calendar, however many hours a day has when the clocks change. Without a zone it is not known which
//! offset a day began with, so a day is the date alone, and stands as its midnight in UTC: times of one date are in one bin,
//! whatever their offsets.

use recpipe::{Error, Time, Type, times::Zone};

use crate::{
    expr::{
        Call, Constant, Expr, Gives, Node, Rows, ScalarFunction, Values, Vector,
        arithmetic::{Ints, flags, narrowed, overflow, overflowing},
        clock::widened,
        duration::{beyond, nanos},
        vector::merge_nulls,
    },
    language::{
        Catalog, CheckCall, Checked, Checker, Diagnostic, Failed, FunctionWord,
        ast::{self, ExprKind, Literal},
        signature::{self, Mistake, NUMBERS, kind, need},
    },
    left_out::{Counter, Why},
    span::Span,
    time::step::{Width, of_days, within_days},
};

/// `bin`
pub(crate) static BIN: FunctionWord = FunctionWord {
    name: "bin",
    syntax: "bin(TIME | NUMBER, WIDTH)",
    doc: "cut down to a multiple of WIDTH, as `5m`, `1d`, `1mo`; a time on its own clock, or `--zone`'s",
    example: "bin(time(datetime), 1h) == @2008-02-24T00:00-06:00",
    args: 2..=2,
    check: CheckCall::Syntax(check),
};

fn check(checker: &mut Checker<'_>, args: &[ast::Expr], span: Span) -> Checked<Expr> {
    let [value, width] = args else { return Err(Failed) };
    if let ExprKind::Literal(Literal::Months(months)) = width.kind {
        let value = checker.value_of(value, &[Type::Time])?;
        if months == 0 {
            return Err(checker.fail(Diagnostic::new(width.span, "a bin is wider than 0").label("as in `bin(t, 1mo)`")));
        }
        return Ok(time_bins_of(checker, Width::Months(months), value, span));
    }
    let checked = checker.each(args, Checker::expr)?;
    let kind = match type_of(checker.catalog, &checked) {
        Ok(kind) => kind,
        Err(wrong) => return checker.finish_call(Err(wrong), &[value.span, width.span], span),
    };
    let node = match (kind, &checked[..]) {
        (Type::Time, [value, _]) => signature::call(time_bins(checker, None, value, span), checked),
        _ => signature::call(NumberBins, checked),
    };
    Ok(checker.made(node, kind, span))
}

/// The type of the bins of values of one type by widths of another.
fn type_of(catalog: &Catalog, args: &[Expr]) -> Result<Type, Mistake> {
    need(catalog, args, 0, &[Type::Time, Type::Int, Type::Float])?;
    need(catalog, args, 1, &NUMBERS)?;
    let is_positive = match args.get(1).map(Expr::node) {
        Some(Node::Constant(Constant::Int(width))) => *width > 0,
        Some(Node::Constant(Constant::Float(width))) => *width > 0.0,
        _ => true,
    };
    if !is_positive {
        return Err(Mistake { arg: 1, what: "a bin is wider than 0".into(), label: "as in `bin(t, 5m)`".into() });
    }
    Ok(match (kind(args, 0), kind(args, 1)) {
        (Type::Null, _) | (_, Type::Null) => Type::Null,
        (Type::Time, _) => Type::Time,
        (Type::Int, Type::Int) => Type::Int,
        _ => Type::Float,
    })
}

/// The bins of times that have all this width.
pub(crate) fn time_bins_of(checker: &Checker<'_>, width: Width, value: Expr, span: Span) -> Expr {
    let bins = time_bins(checker, Some(width), &value, span);
    checker.made(signature::call(bins, vec![value]), Type::Time, span)
}

fn time_bins(checker: &Checker<'_>, fixed: Option<Width>, value: &Expr, span: Span) -> TimeBins {
    let cure = "`--zone` gives all of them one clock, as in `--zone Europe/Berlin`";
    let offsets = checker.setting.left_out.counter(span.start, value.text(), Why::FarOffsets, cure);
    TimeBins { fixed, zone: checker.setting.zone.clone(), offsets }
}

/// How times are cut into bins.
struct TimeBins {
    /// The width of all; without, the second argument is a number of seconds, maybe of each row its own.
    fixed: Option<Width>,
    /// The clock; without one, each time's own.
    zone: Option<Zone>,
    /// Looks how far apart the offsets are of times whose dates are taken as one day.
    offsets: Counter,
}

impl ScalarFunction for TimeBins {
    /// The beginning of each time's bin; null for a width that is not above 0.
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let Some((times, width)) = args.split_first() else { return Ok(Vector::null(call.batch.len())) };
        let Values::Time(values) = &times.values else { return call.no_value(times) };
        let widths = width.first();
        let rows = Rows::of(&args.iter().collect::<Vec<_>>());
        let mut offsets = None;
        // Times of one day follow each other.
        let mut last: Option<(i64, Width, Time)> = None;
        let results = rows.try_map(|row| {
            let time = values.get(row);
            let of_row = || widths.and_then(|widths| nanos(widths, row)).filter(|width| *width > 0).map(Width::Nanos);
            let Some(width) = self.fixed.or_else(of_row) else { return Ok(None) };
            if let Width::Nanos(nanos) = width
                && !width.is_of_days()
            {
                return within_days(self.zone.as_ref(), time, nanos).map(Some).ok_or_else(|| beyond(call.expr));
            }
            if self.zone.is_none() {
                offsets = widened(offsets, time.clock_offset_s());
            }
            let (day, _) = time.local_day_and_second();
            if let Some((_, _, begin)) = last.filter(|(of, wide, _)| (*of, *wide) == (day, width)) {
                return Ok(Some(begin));
            }
            let begin = of_days(self.zone.as_ref(), time, day, width).ok_or_else(|| beyond(call.expr))?;
            last = Some((day, width, begin));
            Ok(Some(begin))
        })?;
        self.offsets.note_range(call.batch, 0, 0, offsets, String::new);
        Ok(rows.optional(results, Values::Time))
    }
}

/// Bins of numbers.
struct NumberBins;

impl ScalarFunction for NumberBins {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [value, width] = call.args(args)?;
        of_numbers(call.expr, value, width)
    }

    // A bin of 64 bits that begins below them is an overflow: it is what records are grouped by, and that is to be fast.
    fn gives(&self, _: Type, args: &[Expr]) -> Gives {
        Gives::Any.as_args(args)
    }
}

/// The greatest multiple of the width that is not above the value; null for a width that is not above 0.
fn of_numbers(expr: &Expr, value: Vector, width: Vector) -> Result<Vector, Error> {
    let len = value.len;
    if let (Some(a), Some(b)) = (Ints::of(&value.values), Ints::of(&width.values)) {
        let (a, b) = (a.widened(), b.widened());
        let nulls = merge_nulls(merge_nulls(value.nulls.clone(), width.nulls.clone()), flags(len, &b, |width| width <= 0));
        let floor = |a: i128, width: i128| {
            if width <= 0 {
                return (0, false);
            }
            let (bin, overflows) = a.overflowing_sub(a.rem_euclid(width));
            (bin, overflows || !expr.is_open() && i64::try_from(bin).is_err())
        };
        let values = overflowing(len, nulls.as_deref(), &a, &b, floor).map_err(|row| overflow(expr, &a, &b, row))?;
        return Ok(Vector { len, values: narrowed(values), nulls });
    }
    let (value, width) = (value.into_float(), width.into_float());
    let rows = Rows::of(&[&value, &width]);
    let (Values::Float(a), Values::Float(b)) = (&value.values, &width.values) else {
        return if expr.is_open() {
            Ok(Vector::null(len))
        } else {
            Err(Error::Data(format!("`{}` calculates with what is no number", expr.text())))
        };
    };
    let results = a.zip(b, |a, width| (width > 0.0 && width.is_finite()).then(|| (a / width).floor() * width));
    Ok(rows.optional(results, Values::Float))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value, times::Zone};

    use crate::{
        catalog::parse,
        expr::check_values,
        language::{Setting, Source, check_at},
        stage::select::SelectOp,
    };

    fn times(texts: &[&str]) -> Batch {
        let schema = Schema::new(vec![Field::new("t", Type::Time)]).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        texts.iter().for_each(|text| builder.push(&[Time::parse(text.as_bytes()).map_or(Value::Null, Value::Time)]).unwrap());
        builder.finish().unwrap()
    }

    /// What `text` is for each of the times in this zone, and what is to be said then.
    fn of(text: &str, zone: Option<&str>, texts: &[&str]) -> (Vec<String>, Vec<String>) {
        let setting = Setting { zone: zone.map(|zone| Zone::named(zone).unwrap()), ..Setting::default() };
        let source = Source::from_args(&[format!("select {text} as x")]);
        let batch = times(texts);
        let plan = check_at(&source, &parse(&source).unwrap(), batch.schema(), &setting).unwrap();
        let SelectOp(exprs) = plan.stages[0].operator.is().unwrap();
        let column = setting.zone.as_ref().map_or(batch.column(0).clone(), |zone| zone.column(batch.column(0)));
        let batch = batch.with_columns(batch.schema().clone(), vec![column]).unwrap();
        let values = exprs[0].eval(&batch).unwrap();
        setting.left_out.settle_all();
        let said = setting.left_out.summaries().iter().map(ToString::to_string).collect();
        ((0..values.len).map(|row| values.value(row).to_string()).collect(), said)
    }

    fn check(text: &str, zone: &str, of_what: &[&str], expect: &[&str]) {
        assert_eq!(of(text, Some(zone), of_what), (expect.iter().map(ToString::to_string).collect(), Vec::new()), "{text}");
    }

    #[test]
    fn days_are_those_of_the_zone() {
        let berlin = "Europe/Berlin";
        check(
            "bin(t, 1d)",
            berlin,
            &["2024-03-30T23:30:00Z", "2024-03-31T21:59:59Z", "2024-03-31T22:00:00Z"],
            &["2024-03-31T00:00:00+01:00", "2024-03-31T00:00:00+01:00", "2024-04-01T00:00:00+02:00"],
        );
        check(
            "bin(t, 1w)",
            berlin,
            &["2024-10-27T22:30:00Z", "2024-10-27T23:30:00Z"],
            &["2024-10-21T00:00:00+02:00", "2024-10-28T00:00:00+01:00"],
        );
        check("bin(t, 1mo)", berlin, &["2024-10-31T22:30:00Z"], &["2024-10-01T00:00:00+02:00"]);
        check("bin(t, 1y)", berlin, &["2024-12-31T23:30:00Z"], &["2025-01-01T00:00:00+01:00"]);
        // Six hours that are seven, an hour that there is twice, and a day without midnight.
        check(
            "bin(t, 6h)",
            berlin,
            &["2024-10-27T04:30:00Z", "2024-10-27T05:00:00Z"],
            &["2024-10-27T00:00:00+02:00", "2024-10-27T06:00:00+01:00"],
        );
        check(
            "bin(t, 1h)",
            berlin,
            &["2024-10-27T00:30:00Z", "2024-10-27T01:30:00Z"],
            &["2024-10-27T02:00:00+02:00", "2024-10-27T02:00:00+01:00"],
        );
        check("bin(t, 1d)", "America/Sao_Paulo", &["2018-11-04T12:00:00Z"], &["2018-11-04T01:00:00-02:00"]);
    }

    #[test]
    fn without_a_zone_a_day_is_a_date() {
        let (days, said) = of("bin(t, 1d)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00+02:00"]);
        assert_eq!((days, said), (vec!["2024-03-31T00:00:00+00:00".to_owned(); 2], Vec::new()));
        let (days, said) = of("bin(t, 1d)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00-06:00"]);
        assert_eq!(days, vec!["2024-03-31T00:00:00+00:00".to_owned(); 2]);
        assert!(
            said[0].starts_with("values of `t` are put together by date, though their clocks are more than two hours apart; "),
            "{said:?}"
        );
        assert!(of("bin(t, 1h)", None, &["2024-03-31T01:30:00+01:00", "2024-03-31T23:30:00-06:00"]).1.is_empty());
    }

    #[test]
    fn what_is_calculated_is_shown_in_the_zone() {
        check("t + 1h", "Europe/Berlin", &["2024-03-31T00:30:00Z"], &["2024-03-31T03:30:00+02:00"]);
        check("@2024-07-01", "Europe/Berlin", &["2024-03-31T00:30:00Z"], &["2024-07-01T00:00:00+02:00"]);
    }

    #[test]
    fn literals_without_offset_are_said_beside_times_with_one() {
        let (found, said) = of("t >= @2026-03-12T02:10", None, &["2026-03-12T02:15:00+01:00", "2026-03-12T02:15:00Z", ""]);
        assert_eq!(found, ["false", "true", "false"]);
        assert_eq!(
            said,
            ["1 value of `t` has an offset of its own: 2026-03-12T02:15:00+01:00, on whose clock `@2026-03-12T02:10` is \
            2026-03-12T02:10:00+01:00; `@2026-03-12T02:10` is taken in UTC, as 2026-03-12T02:10:00+00:00: write its offset, or name a \
            zone for all with `--zone`"]
        );
        for text in ["t >= @2026-03-12T02:10Z", "@2026-03-12 == null"] {
            assert!(of(text, None, &["2026-03-12T02:15:00+01:00"]).1.is_empty(), "{text}");
        }
        assert!(of("t in @2026-03-12..@2026-03-13", None, &["2026-03-12T02:15:00+01:00"]).1.len() == 1);
    }

    #[test]
    fn of_times_and_numbers() {
        for (text, expect) in [
            ("bin(m, 1h)", "2008-02-24T00:00:00-06:00 1969-12-31T23:00:00+00:00 null 2008-02-24T00:00:00-06:00"),
            ("bin(m, 1d)", "2008-02-24T00:00:00+00:00 1969-12-31T00:00:00+00:00 null 2008-02-24T00:00:00+00:00"),
            ("bin(m, 1w)", "2008-02-18T00:00:00+00:00 1969-12-29T00:00:00+00:00 null 2008-02-18T00:00:00+00:00"),
            ("bin(m, 1mo)", "2008-02-01T00:00:00+00:00 1969-12-01T00:00:00+00:00 null 2008-02-01T00:00:00+00:00"),
            ("bin(m, 3mo)", "2008-01-01T00:00:00+00:00 1969-10-01T00:00:00+00:00 null 2008-01-01T00:00:00+00:00"),
            ("bin(m, 1y)", "2008-01-01T00:00:00+00:00 1969-01-01T00:00:00+00:00 null 2008-01-01T00:00:00+00:00"),
            ("bin(m, 36h)", "2008-02-24T00:00:00-06:00 1969-12-31T12:00:00+00:00 null 2008-02-24T00:00:00-06:00"),
            ("bin(m, 0.5)", "2008-02-24T00:08:59-06:00 1969-12-31T23:59:59.5+00:00 null 2008-02-24T00:08:59-06:00"),
            ("bin(@2008-02-24T05:44:00+05:45, 1h)", &["2008-02-24T05:00:00+05:45"; 4].join(" ")),
            ("bin(m, n)", "2008-02-24T00:08:59-06:00 null null null"),
            ("bin(n, 5)", "0 -10 null 0"),
            ("bin(n, 0.5)", "1.0 -7.0 null 0.0"),
            ("bin(7, n)", "7 null null null"),
        ] {
            check_values(text, expect);
        }
    }
}
