//! `year(t)`, `month(t)`, `day(t)`, `hour(t)`, `minute(t)`, `weekday(t)`, `epoch(t)`: numbers that are read off a time, on its own
//! clock.

use recpipe::{Error, Time, Type};

use crate::{
    expr::{Call, Expr, ScalarFunction, Values, Vector, rows::keep},
    language::{
        Catalog,
        CheckCall::Values as OfValues,
        FunctionWord,
        signature::{Made, unary},
    },
};

/// `year`
pub(crate) static YEAR: FunctionWord = FunctionWord {
    name: "year",
    syntax: "year(TIME)",
    doc: "the year",
    example: "year(time(datetime)) == 2008",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local().year().into())),
};

/// `month`
pub(crate) static MONTH: FunctionWord = FunctionWord {
    name: "month",
    syntax: "month(TIME)",
    doc: "the month, 1 to 12",
    example: "month(time(datetime)) == 2",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local().month().into())),
};

/// `day`
pub(crate) static DAY: FunctionWord = FunctionWord {
    name: "day",
    syntax: "day(TIME)",
    doc: "the day of the month, 1 to 31",
    example: "day(time(datetime)) == 24",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local().day().into())),
};

// Hours and minutes are read without the calendar, which costs more than the clock.

/// `hour`
pub(crate) static HOUR: FunctionWord = FunctionWord {
    name: "hour",
    syntax: "hour(TIME)",
    doc: "the hour, 0 to 23",
    example: "hour(time(datetime)) in 9..17",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local_day_and_second().1 / 3600)),
};

/// `minute`
pub(crate) static MINUTE: FunctionWord = FunctionWord {
    name: "minute",
    syntax: "minute(TIME)",
    doc: "the minute, 0 to 59",
    example: "minute(time(datetime)) == 0",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local_day_and_second().1 / 60 % 60)),
};

/// `weekday`
pub(crate) static WEEKDAY: FunctionWord = FunctionWord {
    name: "weekday",
    syntax: "weekday(TIME)",
    doc: "the day of the week, 1 for Monday to 7 for Sunday",
    example: "weekday(time(datetime)) in 6..7",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.local().weekday().to_monday_one_offset().into())),
};

/// `epoch`
pub(crate) static EPOCH: FunctionWord = FunctionWord {
    name: "epoch",
    syntax: "epoch(TIME)",
    doc: "the whole seconds since 1970-01-01T00:00Z",
    example: "epoch(time(datetime)) > 1203833339",
    args: 1..=1,
    check: OfValues(|catalog, args| check(catalog, args, |time| time.nanos.div_euclid(1_000_000_000))),
};

fn check(catalog: &Catalog, args: Vec<Expr>, read: impl Fn(Time) -> i64 + Send + Sync + 'static) -> Made {
    unary(catalog, args, &[Type::Time], OfTime(read), Type::Int)
}

/// The number that this reads off each time.
struct OfTime<F>(F);

impl<F: Fn(Time) -> i64 + Send + Sync> ScalarFunction for OfTime<F> {
    fn eval(&self, call: &Call<'_>, args: Vec<Vector>) -> Result<Vector, Error> {
        let [arg] = call.args(args)?;
        match &arg.values {
            Values::Time(times) => keep(&arg, Values::Int(times.map(&self.0))),
            _ => call.no_value(&arg),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::check_values;

    #[test]
    fn on_the_clock_of_each_time() {
        for (text, expect) in [
            ("year(m) * 10000 + month(m) * 100 + day(m)", "20080224 19691231 null 20080224"),
            ("hour(m) * 100 + minute(m)", "8 2359 null 8"),
            ("weekday(m)", "7 3 null 7"),
            ("epoch(m)", "1203833339 -1 null 1203833339"),
        ] {
            check_values(text, expect);
        }
    }
}
