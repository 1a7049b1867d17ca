//! The same expressions evaluated the simplest way, one row at a time over the tree as it was parsed: what the
//! vectorised evaluation must agree with.

use std::{cmp::Ordering, sync::Arc};

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Row, Schema, Type, Value, record::value::cmp_int_float};
use regex::bytes::RegexBuilder;

use super::Expr;
use crate::query::{
    Source,
    ast::{self, ArithmeticOp, BinaryOp, Choice, CompareOp, ExprKind, FindOp, Literal, StageKind},
    check, parse,
    plan::Step,
};

#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Vec<u8>),
}

/// An integer did not fit.
#[derive(Debug, PartialEq)]
struct Overflow;

impl Cell {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Cell::Bool(value),
            Value::Int(value) => Cell::Int(value),
            Value::Float(value) => Cell::Float(value),
            Value::Text(text) => Cell::Text(text.to_vec()),
            Value::Null | Value::Time(_) => Cell::Null,
        }
    }

    fn is_true(&self) -> bool {
        matches!(self, Cell::Bool(true))
    }

    fn is_same(&self, other: &Cell) -> bool {
        match (self, other) {
            (Cell::Null, Cell::Null) => true,
            (Cell::Bool(a), Cell::Bool(b)) => a == b,
            (Cell::Int(a), Cell::Int(b)) => a == b,
            (Cell::Float(a), Cell::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
            (Cell::Text(a), Cell::Text(b)) => a == b,
            _ => false,
        }
    }

    fn float(&self) -> f64 {
        match self {
            Cell::Int(value) => *value as f64,
            Cell::Float(value) => *value,
            other => panic!("{other:?} is no number"),
        }
    }
}

fn order(a: &Cell, b: &Cell) -> Option<Ordering> {
    match (a, b) {
        (Cell::Bool(a), Cell::Bool(b)) => Some(a.cmp(b)),
        (Cell::Int(a), Cell::Int(b)) => Some(a.cmp(b)),
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(b),
        (Cell::Int(a), Cell::Float(b)) => cmp_int_float(*a, *b),
        (Cell::Float(a), Cell::Int(b)) => cmp_int_float(*b, *a).map(Ordering::reverse),
        (Cell::Text(a), Cell::Text(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

fn compare(op: CompareOp, a: &Cell, b: &Cell) -> bool {
    let order = order(a, b);
    let both_null = matches!((a, b), (Cell::Null, Cell::Null));
    match op {
        CompareOp::Eq => both_null || order == Some(Ordering::Equal),
        CompareOp::Ne => !both_null && order != Some(Ordering::Equal),
        CompareOp::Lt => order == Some(Ordering::Less),
        CompareOp::Le => order.is_some_and(Ordering::is_le),
        CompareOp::Gt => order == Some(Ordering::Greater),
        CompareOp::Ge => order.is_some_and(Ordering::is_ge),
    }
}

fn arithmetic(op: ArithmeticOp, a: &Cell, b: &Cell) -> Result<Cell, Overflow> {
    if matches!((a, b), (Cell::Null, _) | (_, Cell::Null)) {
        return Ok(Cell::Null);
    }
    if let (Cell::Int(a), Cell::Int(b), true) = (a, b, op != ArithmeticOp::Div) {
        let (a, b) = (i128::from(*a), i128::from(*b));
        let exact = match op {
            ArithmeticOp::Add => a + b,
            ArithmeticOp::Sub => a - b,
            ArithmeticOp::Mul => a * b,
            _ if b == 0 => return Ok(Cell::Null),
            ArithmeticOp::FloorDiv => (a - a.rem_euclid(b.abs())) / b - i128::from(b < 0 && a.rem_euclid(-b) != 0),
            _ => a - b * ((a - a.rem_euclid(b.abs())) / b - i128::from(b < 0 && a.rem_euclid(-b) != 0)),
        };
        return i64::try_from(exact).map(Cell::Int).map_err(|_| Overflow);
    }
    let (a, b) = (a.float(), b.float());
    Ok(match op {
        ArithmeticOp::Add => Cell::Float(a + b),
        ArithmeticOp::Sub => Cell::Float(a - b),
        ArithmeticOp::Mul => Cell::Float(a * b),
        _ if b == 0.0 => Cell::Null,
        ArithmeticOp::Div => Cell::Float(a / b),
        ArithmeticOp::FloorDiv => Cell::Float((a / b).floor()),
        ArithmeticOp::Rem => {
            let rem = a % b;
            Cell::Float(if rem != 0.0 && rem.signum() != b.signum() { rem + b } else { rem })
        }
    })
}

fn find(op: FindOp, a: &Cell, b: &Cell) -> bool {
    let (Cell::Text(a), Cell::Text(b)) = (a, b) else { return false };
    match op {
        FindOp::Contains => (0..=a.len()).any(|at| a[at..].starts_with(b)),
        FindOp::StartsWith => a.starts_with(b),
        FindOp::EndsWith => a.ends_with(b),
    }
}

fn eval(expr: &ast::Expr, row: Row<'_>) -> Result<Cell, Overflow> {
    let all = |of: &[ast::Expr], wanted: bool| -> Result<bool, Overflow> {
        for one in of {
            if eval(one, row)?.is_true() != wanted {
                return Ok(!wanted);
            }
        }
        Ok(wanted)
    };
    Ok(match &expr.kind {
        ExprKind::Literal(Literal::Null) => Cell::Null,
        ExprKind::Literal(Literal::Bool(value)) => Cell::Bool(*value),
        ExprKind::Literal(Literal::Int(value)) => Cell::Int(*value),
        ExprKind::Literal(Literal::Float(value)) => Cell::Float(*value),
        ExprKind::Literal(Literal::Text(text)) => Cell::Text(text.clone().into_bytes()),
        ExprKind::Literal(Literal::Regex { .. }) => panic!("a regex by itself"),
        ExprKind::Field(name) => Cell::of(row.get(name).unwrap()),
        ExprKind::Not(of) => Cell::Bool(!eval(of, row)?.is_true()),
        ExprKind::All(of) => Cell::Bool(all(of, true)?),
        ExprKind::Any(of) => Cell::Bool(all(of, false)?),
        ExprKind::Negate(of) => match eval(of, row)? {
            Cell::Int(value) => Cell::Int(value.checked_neg().ok_or(Overflow)?),
            Cell::Float(value) => Cell::Float(-value),
            other => other,
        },
        ExprKind::Binary { op: BinaryOp::Coalesce, left, right, .. } => match eval(left, row)? {
            Cell::Null => eval(right, row)?,
            found => found,
        },
        ExprKind::Binary { op: BinaryOp::Matches { negated }, left, right, .. } => {
            let ExprKind::Literal(Literal::Regex { pattern, ignore_case }) = &right.kind else { panic!("no regex") };
            let regex = RegexBuilder::new(pattern).case_insensitive(*ignore_case).build().unwrap();
            Cell::Bool(matches!(eval(left, row)?, Cell::Text(text) if regex.is_match(&text)) != *negated)
        }
        ExprKind::Binary { op, left, right, .. } => {
            let (left, right) = (eval(left, row)?, eval(right, row)?);
            match op {
                BinaryOp::Compare(op) => Cell::Bool(compare(*op, &left, &right)),
                BinaryOp::Find(op) => Cell::Bool(find(*op, &left, &right)),
                BinaryOp::Arithmetic(op) => arithmetic(*op, &left, &right)?,
                BinaryOp::Coalesce | BinaryOp::Matches { .. } => panic!("handled above"),
            }
        }
        ExprKind::In { value, choices } => {
            let value = eval(value, row)?;
            // Constants are looked up first.
            let is_constant = |choice: &&Choice| matches!(choice, Choice::One(ast::Expr { kind: ExprKind::Literal(_), .. }));
            let (constants, others): (Vec<_>, Vec<_>) = choices.iter().partition(is_constant);
            for choice in constants.into_iter().chain(others) {
                let found = match choice {
                    Choice::One(one) => compare(CompareOp::Eq, &value, &eval(one, row)?),
                    Choice::Range(low, high) => {
                        compare(CompareOp::Ge, &value, &eval(low, row)?) && compare(CompareOp::Le, &value, &eval(high, row)?)
                    }
                };
                if found {
                    return Ok(Cell::Bool(true));
                }
            }
            Cell::Bool(false)
        }
        ExprKind::Call { name, args } => {
            if name.text == "if" {
                return eval(&args[if eval(&args[0], row)?.is_true() { 1 } else { 2 }], row);
            }
            if name.text == "coalesce" {
                let present = args.iter().map(|arg| eval(arg, row)).find(|value| !matches!(value, Ok(Cell::Null)));
                return present.unwrap_or(Ok(Cell::Null));
            }
            let args = args.iter().map(|arg| eval(arg, row)).collect::<Result<Vec<_>, _>>()?;
            call(&name.text, &args)?
        }
    })
}

fn call(name: &str, args: &[Cell]) -> Result<Cell, Overflow> {
    if args.iter().any(|arg| matches!(arg, Cell::Null)) {
        return Ok(Cell::Null);
    }
    let number = |value: f64| Cell::Int(value as i64);
    Ok(match (name, &args[0]) {
        ("min" | "max", first) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            // NaN after all other numbers.
            let total = |a: &Cell, b: &Cell| order(a, b).unwrap_or_else(|| a.float().is_nan().cmp(&b.float().is_nan()));
            args[1..].iter().fold(first.clone(), |best, next| if total(next, &best) == wanted { next.clone() } else { best })
        }
        ("len", Cell::Text(text)) => Cell::Int(String::from_utf8_lossy(text).chars().count() as i64),
        ("lower", Cell::Text(text)) => {
            Cell::Text(String::from_utf8_lossy(text).chars().flat_map(char::to_lowercase).collect::<String>().into())
        }
        ("upper", Cell::Text(text)) => {
            Cell::Text(String::from_utf8_lossy(text).chars().flat_map(char::to_uppercase).collect::<String>().into())
        }
        ("trim", Cell::Text(text)) => Cell::Text(String::from_utf8_lossy(text).trim_matches([' ', '\t']).into()),
        ("int", Cell::Text(text)) => String::from_utf8_lossy(text).trim().parse().map_or(Cell::Null, Cell::Int),
        ("float", Cell::Text(text)) => String::from_utf8_lossy(text).trim().parse().map_or(Cell::Null, Cell::Float),
        ("str", value) => Cell::Text(match value {
            Cell::Bool(value) => value.to_string().into(),
            Cell::Int(value) => value.to_string().into(),
            Cell::Float(value) => format!("{value:?}").into(),
            Cell::Text(text) => text.clone(),
            Cell::Null => panic!("handled above"),
        }),
        ("abs", Cell::Int(value)) => Cell::Int(value.checked_abs().ok_or(Overflow)?),
        ("abs", Cell::Float(value)) => Cell::Float(value.abs()),
        ("int" | "floor" | "ceil" | "round", Cell::Int(value)) => Cell::Int(*value),
        (_, Cell::Float(value)) if value.is_nan() || i64::try_from(*value as i128).is_err() => Cell::Null,
        ("int", Cell::Float(value)) => number(value.trunc()),
        ("floor", Cell::Float(value)) => number(value.floor()),
        ("ceil", Cell::Float(value)) => number(value.ceil()),
        ("round", Cell::Float(value)) => number(value.round()),
        other => panic!("{other:?}"),
    })
}

/// Writes a valid expression of a type, choosing by the bytes it was given.
struct Writer<'a>(std::slice::Iter<'a, u8>);

impl Writer<'_> {
    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[usize::from(self.0.next().copied().unwrap_or(0)) % from.len()]
    }

    fn write(&mut self, kind: Type, depth: usize) -> String {
        if depth == 0 {
            return match kind {
                Type::Int => self.pick(&["i", "j", "3", "0", "-7", "404", "9223372036854775807", "-9223372036854775808", "null"]),
                Type::Float => self.pick(&["f", "g", "1.5", "0.0", "-2.5", "1e300", "404.0", "9.3e18"]),
                Type::Text => self.pick(&["t", "u", "'a'", "'ab'", "''", "' 42 '", "'é'"]),
                _ => self.pick(&["b", "c", "true", "false"]),
            }
            .to_owned();
        }
        let shape = match kind {
            Type::Int => self.pick(&[
                "i0 + i0",
                "i0 - i0",
                "i0 * i0",
                "i0 // i0",
                "i0 % i0",
                "-i0",
                "len(t0)",
                "int(t0)",
                "int(f0)",
                "floor(f0)",
                "ceil(f0)",
                "round(f0)",
                "abs(i0)",
                "if(b0, i0, i0)",
                "i0 ?? i0",
                "min(i0, i0)",
                "max(i0, i0, i0)",
                "coalesce(i0, i0, i0)",
                "i0",
            ]),
            Type::Float => self.pick(&[
                "f0 + i0",
                "i0 - f0",
                "f0 * f0",
                "i0 / i0",
                "f0 / f0",
                "f0 // f0",
                "f0 % f0",
                "-f0",
                "float(t0)",
                "abs(f0)",
                "if(b0, f0, f0)",
                "f0 ?? f0",
                "min(f0, f0)",
                "max(f0, f0)",
                "f0",
            ]),
            Type::Text => self.pick(&[
                "lower(t0)",
                "upper(t0)",
                "trim(t0)",
                "str(i0)",
                "str(b0)",
                "if(b0, t0, t0)",
                "t0 ?? t0",
                "min(t0, t0)",
                "max(t0, t0)",
                "t0",
            ]),
            _ => self.pick(&[
                "i0 == i0",
                "i0 != f0",
                "f0 < i0",
                "i0 >= i0",
                "i0 > 1.5",
                "i0 <= 9.3e18",
                "i0 == 404.0",
                "1.5 >= i0",
                "f0 == 404",
                "f0 > f0",
                "t0 == t0",
                "t0 != 'ab'",
                "t0 < t0",
                "t0 >= 'a'",
                "b0 == b0",
                "b0 and b0",
                "b0 or b0",
                "b0 and b0 and b0",
                "not b0",
                "i0 in (1, 404, null)",
                "i0 in (i0, 3..404, 2.5)",
                "f0 in (404, 1.5)",
                "i0 in 0..500",
                "i0 not in -7..3",
                "f0 in 0..1.5",
                "t0 in ('a', t0)",
                "t0 in ('a', '')",
                "t0 =~ /^a/i",
                "t0 !~ /4/",
                "t0 contains t0",
                "t0 contains 'a'",
                "t0 startswith t0",
                "t0 not endswith 'b'",
                "if(b0, b0, b0)",
                "b0 ?? b0",
                "i0 == null",
                "null != t0",
                "i0 == 404",
                "i0 < 404",
            ]),
        };
        let mut out = String::new();
        let mut chars = shape.chars().peekable();
        while let Some(c) = chars.next() {
            let kind = match c {
                'i' => Type::Int,
                'f' => Type::Float,
                't' => Type::Text,
                _ => Type::Bool,
            };
            if "iftb".contains(c) && chars.peek() == Some(&'0') && !out.ends_with(|last: char| last.is_alphanumeric()) {
                chars.next();
                out.push_str(&format!("({})", self.write(kind, depth - 1)));
            } else {
                out.push(c);
            }
        }
        out
    }
}

fn schema() -> Schema {
    let fields = [
        ("i", Type::Int),
        ("j", Type::Int),
        ("f", Type::Float),
        ("g", Type::Float),
        ("t", Type::Text),
        ("u", Type::Text),
        ("b", Type::Bool),
        ("c", Type::Bool),
    ];
    Schema::new(fields.map(|(name, kind)| Field::new(name, kind)).to_vec()).unwrap()
}

/// Rows of a few values that tend to meet: small numbers pack narrow, the ends of the range do not.
fn batch(rows: &[[u8; 8]], nulls: bool) -> Batch {
    let ints = [0, 1, 3, 404, 404, 500, -7, i64::MAX, i64::MIN];
    let floats = [0.0, -0.5, 1.5, 404.0, 1e300, f64::NAN, -2.5];
    let texts: [&[u8]; 7] = [b"", b"a", b"ab", b" 42 ", b"Ab4", "\u{c9}\u{e9}".as_bytes(), b"1.5"];
    let mut builder = BatchBuilder::new(Arc::new(schema()));
    for row in rows {
        let value = |at: usize| {
            let n = usize::from(row[at]);
            match at {
                _ if nulls && n % 5 == 4 => Value::Null,
                // The first column stays narrow, so that the packed way is taken too.
                0 => Value::Int(ints[n % 7]),
                1 => Value::Int(ints[n % ints.len()]),
                2 | 3 => Value::Float(floats[n % floats.len()]),
                4 | 5 => Value::Text(texts[n % texts.len()]),
                _ => Value::Bool(n % 2 == 0),
            }
        };
        builder.push(&std::array::from_fn::<_, 8, _>(value)).unwrap();
    }
    builder.finish().unwrap()
}

fn compile(text: &str) -> (ast::Expr, Expr) {
    let source = Source::from_args(&[format!("select {text} as x")]);
    let query = parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let plan = check(&source, &query, &schema()).unwrap_or_else(|error| panic!("{error}"));
    match (query.stages.into_iter().next().map(|stage| stage.kind), plan.stages.into_iter().next().map(|stage| stage.step)) {
        (Some(StageKind::Select(mut items)), Some(Step::Select(mut exprs))) => (items.remove(0).expr, exprs.remove(0)),
        other => panic!("{other:?}"),
    }
}

proptest! {
    #[test]
    fn rows_and_vectors_agree(
        choices in prop::collection::vec(any::<u8>(), 0..60),
        kind in prop::sample::select(vec![Type::Bool, Type::Int, Type::Float, Type::Text]),
        depth in 1..4_usize,
        rows in prop::collection::vec(any::<[u8; 8]>(), 0..12),
        nulls: bool,
        selection in prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..12)),
    ) {
        let text = Writer(choices.iter()).write(kind, depth);
        let (ast, expr) = compile(&text);
        let mut batch = batch(&rows, nulls);
        if let (Some(selection), false) = (selection, rows.is_empty()) {
            batch = batch.select(selection.iter().map(|index| index.index(rows.len()) as u32).collect());
        }
        let expect: Result<Vec<Cell>, Overflow> = batch.rows().map(|row| eval(&ast, row)).collect();
        match (expr.eval(&batch), expect) {
            (Err(_), Err(Overflow)) => {}
            (Ok(got), Ok(expect)) => {
                prop_assert_eq!(got.len, expect.len());
                for (row, expect) in expect.into_iter().enumerate() {
                    let expect = if expr.kind() == Type::Float && !matches!(expect, Cell::Null) { Cell::Float(expect.float()) } else { expect };
                    let got = Cell::of(got.value(row));
                    prop_assert!(got.is_same(&expect), "{}: row {} is {:?}, not {:?}, in {:?}", text, row, got, expect, batch);
                }
                let column = expr.eval_column(&batch).unwrap();
                prop_assert_eq!(column.len(), batch.physical_rows());
                for row in 0..batch.len() {
                    prop_assert!(Cell::of(column.value(batch.physical(row))).is_same(&Cell::of(got.value(row))), "{}: row {} of the column", text, row);
                }
            }
            (got, expect) => prop_assert!(false, "{}: {:?}, not {:?}, in {:?}", text, got, expect, batch),
        }
    }
}
