//! Evaluates an expression over a batch: walks the tree once, and each node runs one loop.

use recpipe::{Batch, Error, Type};

use super::{
    Constant, Expr, Node, arithmetic, compare, functions,
    text::{self, TextBuilder},
    vector::{Operand, Texts, Values, Vector},
};

/// The value of `expr` for each selected row of `batch`.
pub(super) fn eval(expr: &Expr, batch: &Batch) -> Result<Vector, Error> {
    let len = batch.len();
    Ok(match expr.node() {
        Node::Constant(value) => constant(value, len),
        Node::Column(place) => Vector::from_column(batch.column(*place), batch),
        Node::Not(of) => Vector::bools(len, eval(of, batch)?.truth().map(|value| !value)),
        Node::All(of) => Vector::bools(len, connect(of, batch, true)?),
        Node::Any(of) => Vector::bools(len, connect(of, batch, false)?),
        Node::Compare { op, left, right } => match compare::packed(*op, left, right, batch) {
            Some(found) => found,
            None => compare::compare(*op, &eval(left, batch)?, &eval(right, batch)?),
        },
        Node::Between { value, low, high } => between(eval(value, batch)?, *low, *high),
        Node::In { value, set } => set.lookup(&eval(value, batch)?),
        Node::Matches { value, regex } => text::matches(regex, &eval(value, batch)?),
        Node::Find { op, value, needle } => text::find(*op, &eval(value, batch)?, &eval(needle, batch)?),
        Node::Negate(of) => arithmetic::negate(expr, eval(of, batch)?)?,
        Node::Arithmetic { op, left, right } => arithmetic::arithmetic(*op, expr, eval(left, batch)?, eval(right, batch)?)?,
        Node::Coalesce(of) => coalesce(of, expr.kind(), batch)?,
        Node::If(of) => {
            let [condition, then, otherwise] = &**of;
            choose_lazily(&eval(condition, batch)?.truth(), then, otherwise, expr.kind(), batch)?
        }
        Node::Call(function, args) => {
            let args = args.iter().map(|arg| eval(arg, batch)).collect::<Result<Vec<_>, _>>()?;
            functions::call(*function, expr, args, len)?
        }
    })
}

fn constant(value: &Constant, len: usize) -> Vector {
    let values = match value {
        Constant::Null => Values::Null,
        Constant::Bool(value) => Values::Bool(Operand::One(*value)),
        Constant::Int(value) => Values::Int(Operand::One(*value)),
        Constant::Float(value) => Values::Float(Operand::One(*value)),
        Constant::Text(value) => Values::Text(Texts::constant(value)),
    };
    Vector { len, values, nulls: None }
}

fn between(vector: Vector, low: i64, high: i64) -> Vector {
    let found = match &vector.values {
        Values::Int(values) => values.map(|value| (low <= value) & (value <= high)),
        _ => Operand::One(false),
    };
    Vector { values: Values::Bool(found), ..vector }.truth_vector()
}

/// `and` when `all`, else `or`: a later operand that is not cheap is asked only about the rows that are still open.
fn connect(of: &[Expr], batch: &Batch, all: bool) -> Result<Operand<bool>, Error> {
    let mut sofar = Operand::One(all);
    for expr in of {
        let next = match &sofar {
            Operand::One(value) if *value != all => return Ok(sofar),
            Operand::Each(values) if !expr.is_cheap() => {
                let open: Vec<bool> = values.iter().map(|&value| value == all).collect();
                eval_where(expr, batch, &open)?
            }
            _ => eval(expr, batch)?,
        };
        let next = next.truth();
        sofar = if all { sofar.zip(&next, |a, b| a & b) } else { sofar.zip(&next, |a, b| a | b) };
    }
    Ok(sofar)
}

/// The value of `expr` for the rows with `wanted`; for the others it is unspecified.
fn eval_where(expr: &Expr, batch: &Batch, wanted: &[bool]) -> Result<Vector, Error> {
    if wanted.iter().all(|&wanted| wanted) {
        return eval(expr, batch);
    }
    let part = batch.filter(wanted);
    if part.is_empty() {
        return Ok(Vector::null(batch.len()));
    }
    Ok(eval(expr, &part)?.spread(wanted))
}

fn coalesce(of: &[Expr], kind: Type, batch: &Batch) -> Result<Vector, Error> {
    let mut sofar = Vector::null(batch.len());
    for expr in of {
        let nulls = sofar.null_operand();
        let next = match &nulls {
            Operand::One(false) => break,
            Operand::One(true) => eval(expr, batch)?,
            Operand::Each(_) if expr.is_cheap() => eval(expr, batch)?,
            Operand::Each(nulls) => eval_where(expr, batch, nulls)?,
        };
        sofar = choose(&nulls, next, sofar, kind)?;
    }
    Ok(if kind == Type::Float { sofar.into_float() } else { sofar })
}

fn choose_lazily(condition: &Operand<bool>, then: &Expr, otherwise: &Expr, kind: Type, batch: &Batch) -> Result<Vector, Error> {
    let (then, otherwise) = match condition {
        Operand::One(true) => (eval(then, batch)?, Vector::null(batch.len())),
        Operand::One(false) => (Vector::null(batch.len()), eval(otherwise, batch)?),
        Operand::Each(yes) => {
            let no: Vec<bool> = yes.iter().map(|&yes| !yes).collect();
            let part = |expr: &Expr, wanted| if expr.is_cheap() { eval(expr, batch) } else { eval_where(expr, batch, wanted) };
            (part(then, yes)?, part(otherwise, &no)?)
        }
    };
    choose(condition, then, otherwise, kind)
}

/// `then` where the condition holds, `otherwise` elsewhere.
pub(super) fn choose(condition: &Operand<bool>, then: Vector, otherwise: Vector, kind: Type) -> Result<Vector, Error> {
    let (then, otherwise) = if kind == Type::Float { (then.into_float(), otherwise.into_float()) } else { (then, otherwise) };
    let yes = match condition {
        Operand::One(true) => return Ok(then),
        Operand::One(false) => return Ok(otherwise),
        Operand::Each(yes) => yes,
    };
    let nulls = match (then.null_operand(), otherwise.null_operand()) {
        (Operand::One(false), Operand::One(false)) => None,
        (then, otherwise) => Some(pick(yes, &then, &otherwise)).filter(|nulls| nulls.contains(&true)),
    };
    let values = match (then.values, otherwise.values) {
        // Where the one with nothing but nulls is taken, the row is null, whatever stands there.
        (Values::Null, values) | (values, Values::Null) => values,
        (Values::Bool(a), Values::Bool(b)) => Values::Bool(Operand::Each(pick(yes, &a, &b))),
        (Values::Int(a), Values::Int(b)) => Values::Int(Operand::Each(pick(yes, &a, &b))),
        (Values::Float(a), Values::Float(b)) => Values::Float(Operand::Each(pick(yes, &a, &b))),
        (Values::Time(a), Values::Time(b)) => Values::Time(Operand::Each(pick(yes, &a, &b))),
        (Values::Text(a), Values::Text(b)) => Values::Text(pick_texts(yes, &a, &b)?),
        _ => return Err(Error::Data("values of different types in one column".into())),
    };
    Ok(Vector { len: then.len, values, nulls })
}

fn pick<T: Copy>(yes: &[bool], a: &Operand<T>, b: &Operand<T>) -> Vec<T> {
    yes.iter().enumerate().map(|(row, &yes)| if yes { a.get(row) } else { b.get(row) }).collect()
}

fn pick_texts(yes: &[bool], a: &Texts, b: &Texts) -> Result<Texts, Error> {
    if a.bytes.as_ptr() == b.bytes.as_ptr() && a.bytes.len() == b.bytes.len() {
        return Ok(Texts { bytes: a.bytes.clone(), views: Operand::Each(pick(yes, &a.views, &b.views)) });
    }
    let mut builder = TextBuilder::with_capacity(yes.len());
    for (row, &yes) in yes.iter().enumerate() {
        builder.row().extend_from_slice(if yes { a.get(row) } else { b.get(row) });
        builder.end_row()?;
    }
    Ok(builder.finish())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use recpipe::{Batch, BatchBuilder, Field, Schema, Type, Value};

    use crate::{
        expr::Expr,
        query::{Source, check, parse, plan::Step},
    };

    fn batch() -> Batch {
        let fields = [("n", Type::Int), ("f", Type::Float), ("t", Type::Text), ("b", Type::Bool), ("big", Type::Int)];
        let schema = Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap();
        let mut builder = BatchBuilder::new(Arc::new(schema));
        let (text, max) = (|text: &'static str| Value::Text(text.as_bytes()), Value::Int(i64::MAX));
        builder.push(&[Value::Int(1), Value::Float(1.5), text("Abc"), Value::Bool(true), max]).unwrap();
        builder.push(&[Value::Int(-7), Value::Float(-0.5), text(" 42 "), Value::Bool(false), Value::Int(2)]).unwrap();
        builder.push(&[Value::Null, Value::Null, Value::Null, Value::Null, max]).unwrap();
        builder.push(&[Value::Int(0), Value::Float(0.0), text("ÀÉ\u{130}x"), Value::Bool(true), max]).unwrap();
        builder.finish().unwrap()
    }

    fn expr(text: &str) -> Expr {
        let source = Source::from_args(&[format!("select {text} as x")]);
        let query = parse(&source).unwrap_or_else(|error| panic!("{error}"));
        let plan = check(&source, &query, batch().schema()).unwrap_or_else(|error| panic!("{error}"));
        match plan.stages.into_iter().next().map(|stage| stage.step) {
            Some(Step::Select(mut exprs)) => exprs.remove(0),
            other => panic!("{other:?}"),
        }
    }

    /// The values, with text in quotes; over the batch, over a part of it, and as a column of that part.
    fn check_values(text: &str, expect: &str) {
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
    fn functions() {
        for (text, expect) in [
            ("len(t)", "3 4 null 4"),
            ("lower(t)", "'abc' ' 42 ' null 'àéi\u{307}x'"),
            ("upper(t)", "'ABC' ' 42 ' null 'ÀÉ\u{130}X'"),
            ("upper('a')", "'A' 'A' 'A' 'A'"),
            ("trim(t)", "'Abc' '42' null 'ÀÉ\u{130}x'"),
            ("int(t)", "null 42 null null"),
            ("int('x')", "null null null null"),
            ("int('+7')", "7 7 7 7"),
            ("int(f)", "1 0 null 0"),
            ("int(f * 1e300)", "null null null 0"),
            ("int(b)", "1 0 null 1"),
            ("float(t)", "null 42.0 null null"),
            ("float(n)", "1.0 -7.0 null 0.0"),
            ("str(n)", "'1' '-7' null '0'"),
            ("str(f)", "'1.5' '-0.5' null '0.0'"),
            ("str(b)", "'true' 'false' null 'true'"),
            ("str(t)", "'Abc' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("abs(n)", "1 7 null 0"),
            ("abs(f)", "1.5 0.5 null 0.0"),
            ("floor(f)", "1 -1 null 0"),
            ("ceil(f)", "2 0 null 0"),
            ("round(f)", "2 -1 null 0"),
            ("round(n)", "1 -7 null 0"),
            ("min(n, 0)", "0 -7 null 0"),
            ("max(n, f, 0)", "1.5 0.0 null 0.0"),
            ("max(t, 'B')", "'B' 'B' null 'ÀÉ\u{130}x'"),
            ("if(b, n, 0)", "1 0 0 0"),
            ("if(n > 0, 'plus', t)", "'plus' ' 42 ' null 'ÀÉ\u{130}x'"),
            ("if(b, 1, 2.5)", "1.0 2.5 2.5 1.0"),
            ("if(true, n, null)", "1 -7 null 0"),
            ("if(b, null, n)", "null -7 null null"),
            ("if(b, t, trim(t))", "'Abc' '42' null 'ÀÉ\u{130}x'"),
            ("coalesce(n, 5)", "1 -7 5 0"),
            ("n ?? f ?? 2", "1.0 -7.0 2.0 0.0"),
            ("coalesce(null, t, 'x')", "'Abc' ' 42 ' 'x' 'ÀÉ\u{130}x'"),
            ("int(t) ?? n", "1 42 null 0"),
        ] {
            check_values(text, expect);
        }
    }

    #[test]
    fn overflow_is_an_error_that_names_the_expression() {
        let tail = "does not fit in 64 bits; with `float(…)` it would";
        check_error("big + 1", &format!("integer overflow: the result of `big + 1` (of 9223372036854775807) {tail}"));
        check_error("big * n * 2", &format!("integer overflow: the result of `big * n * 2` (of 9223372036854775807) {tail}"));
        check_error(
            "big - -big",
            &format!("integer overflow: the result of `big - -big` (of 9223372036854775807 and -9223372036854775807) {tail}"),
        );
        check_error("abs(-9223372036854775808)", &format!("integer overflow: the result of `abs(-9223372036854775808)` {tail}"));
    }

    #[test]
    fn what_is_not_needed_does_not_fail() {
        check_values("b == false and big + 1 > 0", "false true false false");
        check_values("big > 2 or big + 1 > 0", "true true true true");
        check_values("if(big > 2, 0, big + 1)", "0 3 0 0");
        check_values("if(n == null, 0, n) ?? big + 1", "1 -7 0 0");
    }
}
