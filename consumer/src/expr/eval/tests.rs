//! What expressions give for a few rows.

use std::sync::Arc;

use recpipe::{Batch, BatchBuilder, Field, Schema, Time, Type, Value};

use crate::{
    catalog::parse,
    expr::Expr,
    language::{Source, check},
    stage::select::SelectOp,
};

fn batch() -> Batch {
    let fields = [("n", Type::Int), ("f", Type::Float), ("t", Type::Text), ("b", Type::Bool), ("big", Type::Int), ("m", Type::Time)];
    let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
    let mut builder = BatchBuilder::new(Arc::new(schema));
    let (text, max) = (|text: &'static str| Value::Text(text.as_bytes()), Value::Int(i64::MAX.into()));
    let moment = Time::parse(b"2008-02-24T00:08:59.25-06:00").map_or(Value::Null, Value::Time);
    builder.push(&[Value::Int(1), Value::Float(1.5), text("Abc"), Value::Bool(true), max, moment]).unwrap();
    builder
        .push(&[
            Value::Int(-7),
            Value::Float(-0.5),
            text(" 42 "),
            Value::Bool(false),
            Value::Int(2),
            Value::Time(Time { nanos: -1, offset_s: 0 }),
        ])
        .unwrap();
    builder.push(&[Value::Null, Value::Null, Value::Null, Value::Null, max, Value::Null]).unwrap();
    builder.push(&[Value::Int(0), Value::Float(0.0), text("ÀÉ\u{130}x"), Value::Bool(true), max, moment]).unwrap();
    builder.finish().unwrap()
}

fn expr(text: &str) -> Expr {
    let source = Source::from_args(&[format!("select {text} as x")]);
    let query = parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let plan = check(&source, &query, batch().schema()).unwrap_or_else(|error| panic!("{error}"));
    let SelectOp(exprs) = plan.stages[0].operator.is().unwrap();
    exprs[0].clone()
}

/// The values, with text in quotes; over the batch, over a part of it, and as a column of that part.
pub(crate) fn check_values(text: &str, expect: &str) {
    let (expr, batch) = (expr(text), batch());
    let show = |value: Value<'_>| match value {
        Value::Null => "null".to_owned(),
        Value::Text(text) => format!("'{}'", String::from_utf8_lossy(text)),
        value => value.to_string(),
    };
    let all = expr.eval(&batch).unwrap_or_else(|error| panic!("{text}: {error}"));
    let got: Vec<_> = (0..all.len).map(|row| show(all.value(row))).collect();
    assert_eq!(got.join(" "), expect, "{text}");
    let rows = vec![3, 1, 2];
    let part = batch.select(rows.clone());
    let some = expr.eval(&part).unwrap();
    let column = expr.eval_column(&part).unwrap();
    assert!(column.kind() == expr.kind() || column.kind() == Type::Null, "{text}");
    for (at, &row) in rows.iter().enumerate() {
        assert_eq!(show(some.value(at)), got[row as usize], "{text}, row {row} of a part");
        assert_eq!(show(column.value(row as usize)), got[row as usize], "{text}, row {row} of a column");
    }
}

fn check_error(text: &str, expect: &str) {
    assert_eq!(expr(text).eval(&batch()).unwrap_err().to_string(), expect, "{text}");
}

#[test]
fn comparisons_and_nulls() {
    for (text, expect) in [
        ("n == 1", "true false false false"),
        ("n != 1", "false true true true"),
        ("n == null", "false false true false"),
        ("n != null", "true true false true"),
        ("null == null", "true true true true"),
        ("n < 1", "false true false true"),
        ("n >= -7", "true true false true"),
        ("n < 1.5", "true true false true"),
        ("n == 1.5", "false false false false"),
        ("n != 1.5", "true true true true"),
        ("f > n", "true true false false"),
        ("f == 0", "false false false true"),
        ("big == 9223372036854775807.0", "false false false false"),
        ("big < 9223372036854775808.0", "true true true true"),
        ("1 < n + 1", "true false false false"),
        ("t == 'Abc'", "true false false false"),
        ("t != 'Abc'", "false true true true"),
        ("t < 'B'", "true true false false"),
        ("'B' > t", "true true false false"),
        ("b == true", "true false false true"),
        ("not b", "false true true false"),
        ("b and n == 1", "true false false false"),
        ("b or n == -7", "true true false true"),
        ("not (n < 1)", "true false true false"),
        ("n == n", "true true true true"),
    ] {
        check_values(text, expect);
    }
}

#[test]
fn sets_ranges_and_text() {
    for (text, expect) in [
        ("n in (1, 0)", "true false false true"),
        ("n not in (1, 0)", "false true true false"),
        ("n in (1, null)", "true false true false"),
        ("n in ()", "false false false false"),
        ("n in (1.0, 2.5, -8..-6)", "true true false false"),
        ("n in (n, 5)", "true true true true"),
        ("n in -7..0", "false true false true"),
        ("n not in -7..0", "true false true false"),
        ("n in -7.5..0.5", "false true false true"),
        ("f in (1, -0.5)", "false true false false"),
        ("f in 0..2", "true false false true"),
        ("t in ('Abc', 'x')", "true false false false"),
        ("t in 'A'..'B'", "true false false false"),
        ("b in (true)", "true false false true"),
        ("t =~ /^[a-z]/i", "true false false false"),
        ("t !~ /b/", "false true true true"),
        ("t =~ 'b'", "true false false false"),
        ("t contains 'b'", "true false false false"),
        ("t not contains 'b'", "false true true true"),
        ("t startswith ' '", "false true false false"),
        ("endswith(t, 'x')", "false false false true"),
        ("t contains t", "true true false true"),
    ] {
        check_values(text, expect);
    }
    let many: Vec<_> = (0..50).map(|n| n.to_string()).collect();
    check_values(&format!("n in ({})", many.join(", ")), "true false false true");
}

#[test]
fn arithmetic() {
    for (text, expect) in [
        ("n + 1", "2 -6 null 1"),
        ("1 - n", "0 8 null 1"),
        ("n * 2.0", "2.0 -14.0 null 0.0"),
        ("n / 2", "0.5 -3.5 null 0.0"),
        ("1 / n", "1.0 -0.14285714285714285 null null"),
        ("n // 2", "0 -4 null 0"),
        ("n % 2", "1 1 null 0"),
        ("1 // n", "1 -1 null null"),
        ("1 % n", "0 -6 null null"),
        ("n // 0", "null null null null"),
        ("f // 1", "1.0 -1.0 null 0.0"),
        ("f % 1", "0.5 0.5 null 0.0"),
        ("1 / f", "0.6666666666666666 -2.0 null null"),
        ("-n", "-1 7 null 0"),
        ("-f", "-1.5 0.5 null -0.0"),
        ("n + null", "null null null null"),
        ("1 + 2 * 3", "7 7 7 7"),
        ("-9223372036854775808 + 0", "-9223372036854775808 -9223372036854775808 -9223372036854775808 -9223372036854775808"),
    ] {
        check_values(text, expect);
    }
}

#[test]
fn the_first_that_is_not_null() {
    check_values("n ?? f ?? 2", "1.0 -7.0 2.0 0.0");
    check_values("int(t) ?? n", "1 42 null 0");
}

#[test]
fn overflow_is_an_error_that_names_the_expression() {
    let tail = "does not fit in 128 bits; with `float(…)` it would";
    // Of 64 bits by itself, of 128 with its square.
    check_error(
        "big * big * big",
        &format!(
            "integer overflow: the result of `big * big * big` (of 85070591730234615847396907784232501249 and 9223372036854775807) {tail}"
        ),
    );
    let least = "-170141183460469231731687303715884105728";
    check_error(&format!("abs({least})"), &format!("integer overflow: the result of `abs({least})` {tail}"));
    check_error(&format!("{least} // -1"), &format!("integer overflow: the result of `{least} // -1` {tail}"));
}

#[test]
fn beyond_64_bits_integers_stay_exact() {
    for (text, expect) in [
        ("max(big, 0) + 1", "9223372036854775808 3 9223372036854775808 9223372036854775808"),
        ("18446744073709551615 - 18446744073709551614", "1 1 1 1"),
        ("abs(-9223372036854775808)", "9223372036854775808 9223372036854775808 9223372036854775808 9223372036854775808"),
        ("int(1e20)", "100000000000000000000 100000000000000000000 100000000000000000000 100000000000000000000"),
        ("int('18446744073709551615') // 2", "9223372036854775807 9223372036854775807 9223372036854775807 9223372036854775807"),
        (
            "-18446744073709551617 % 18446744073709551616",
            "18446744073709551615 18446744073709551615 18446744073709551615 18446744073709551615",
        ),
        ("18446744073709551616 == 18446744073709551616.0", "true true true true"),
        ("18446744073709551617 in (1, 18446744073709551617)", "true true true true"),
    ] {
        check_values(text, expect);
    }
}

#[test]
fn what_is_not_needed_does_not_fail() {
    check_values("b == false and big + 1 > 0", "false true false false");
    check_values("big > 2 or big + 1 > 0", "true true true true");
    check_values("if(big > 2, 0, big + 1)", "0 3 0 0");
    check_values("if(n == null, 0, n) ?? big + 1", "1 -7 0 0");
}

#[test]
fn times() {
    for (text, expect) in [
        ("m", "2008-02-24T00:08:59.25-06:00 1969-12-31T23:59:59.999999999+00:00 null 2008-02-24T00:08:59.25-06:00"),
        ("m == @2008-02-24T06:08:59.25Z", "true false false true"),
        ("m < @1970-01-01", "false true false false"),
        ("m in @2008-02-24..@2008-02-25", "true false false true"),
        ("m in (@2008-02-24T06:08:59.25Z, null)", "true false true true"),
        ("m + 5m", "2008-02-24T00:13:59.25-06:00 1970-01-01T00:04:59.999999999+00:00 null 2008-02-24T00:13:59.25-06:00"),
        ("250ms + m", "2008-02-24T00:08:59.5-06:00 1970-01-01T00:00:00.249999999+00:00 null 2008-02-24T00:08:59.5-06:00"),
        ("m - n", "2008-02-24T00:08:58.25-06:00 1970-01-01T00:00:06.999999999+00:00 null 2008-02-24T00:08:59.25-06:00"),
        ("m + f * 0 / 0", "null null null null"),
        ("m - @2008-02-24T06:08:00Z", "59.25 -1203833280.0 null 59.25"),
        ("@2200-01-01 - @1700-01-01", "15778454400.0 15778454400.0 15778454400.0 15778454400.0"),
        ("@2008-02-24 - @2008-02-24T00:00:00.1Z", "-0.1 -0.1 -0.1 -0.1"),
        ("m - null", "null null null null"),
    ] {
        check_values(text, expect);
    }
}

#[test]
fn networks() {
    let batch_of = |text: &str| format!("if(n == 1, '{text}', t)");
    let check = |text: &str, networks: &str, expect: bool| {
        let expect = format!("{expect} false false false");
        check_values(&format!("{} in {networks}", batch_of(text)), &expect);
    };
    check("10.1.2.3", "10.0.0.0/8", true);
    check("11.1.2.3", "10.0.0.0/8", false);
    check("::1", "(10.0.0.0/8, ::1/128, \"x\")", true);
    check("::ffff:10.0.0.1", "10.0.0.0/8", true);
    check("x", "(10.0.0.0/8, ::1/128, \"x\")", true);
    check("host.example", "0.0.0.0/0", false);
    check_values("t not in 10.0.0.0/8", "true true true true");
    check_values("null in 10.0.0.0/8", "false false false false");
}

#[test]
fn a_time_beyond_its_years_is_an_error_that_names_the_expression() {
    let expect = |text| format!("the result of `{text}` is in no year that a time can be (1678 to 2261)");
    for text in ["m + 1e300", "m - big", "@1678-01-01 - 10000d", "bin(m + 254 * 365d, 200 * 365d) - 1e12"] {
        check_error(text, &expect(text));
    }
}
