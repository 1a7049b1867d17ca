//! The same expressions evaluated the simplest way, one row at a time over the tree as it was parsed: what the
//! vectorised evaluation must agree with.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod functions;
#[cfg(test)]
pub(crate) mod mask;
#[cfg(test)]
mod writer;

use std::{cmp::Ordering, sync::Arc};

use proptest::prelude::*;
use recpipe::{Batch, BatchBuilder, Field, Row, Schema, Time, Type, Value, record::value::cmp_int_float};
use regex::bytes::RegexBuilder;

use self::writer::Writer;
use crate::{
    catalog::parse,
    expr::Expr,
    language::{
        Source,
        ast::{self, ArithmeticOp, BinaryOp, Choice, CompareOp, ExprKind, FindOp, Literal},
        check,
    },
    stage::select::{SelectOp, SelectSyntax},
};

#[derive(Clone, Debug)]
enum Cell {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Time(Time),
    Text(Vec<u8>),
}

/// An integer, or a time, did not fit.
#[derive(Debug, PartialEq)]
struct Overflow;

impl Cell {
    fn of(value: Value<'_>) -> Self {
        match value {
            Value::Bool(value) => Cell::Bool(value),
            Value::Int(value) => Cell::Int(value),
            Value::Float(value) => Cell::Float(value),
            Value::Text(text) => Cell::Text(text.to_vec()),
            Value::Time(time) => Cell::Time(time),
            Value::Null => Cell::Null,
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
            (Cell::Time(a), Cell::Time(b)) => (a.nanos, a.offset_s) == (b.nanos, b.offset_s),
            (Cell::Text(a), Cell::Text(b)) => a == b,
            _ => false,
        }
    }

    fn is_number(&self) -> bool {
        matches!(self, Cell::Int(_) | Cell::Float(_))
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
        (Cell::Time(a), Cell::Time(b)) => Some(a.nanos.cmp(&b.nanos)),
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
    match (a, b, op) {
        (Cell::Time(a), Cell::Time(b), ArithmeticOp::Sub) => return Ok(functions::between(*a, *b)),
        (Cell::Time(a), b, ArithmeticOp::Add) => return functions::moved(*a, 1, b),
        (Cell::Time(a), b, ArithmeticOp::Sub) => return functions::moved(*a, -1, b),
        (a, Cell::Time(b), ArithmeticOp::Add) => return functions::moved(*b, 1, a),
        _ => {}
    }
    if !a.is_number() || !b.is_number() {
        return Ok(Cell::Null);
    }
    if let (Cell::Int(a), Cell::Int(b), true) = (a, b, op != ArithmeticOp::Div) {
        let (a, b) = (*a, *b);
        let exact = match op {
            ArithmeticOp::Add => a.checked_add(b),
            ArithmeticOp::Sub => a.checked_sub(b),
            ArithmeticOp::Mul => a.checked_mul(b),
            _ if b == 0 => return Ok(Cell::Null),
            // Down, where the division rounds to zero.
            ArithmeticOp::FloorDiv => a.checked_div(b).map(|to_zero| to_zero - i128::from(to_zero * b != a && (a < 0) != (b < 0))),
            _ => Some(if a.wrapping_rem(b) == 0 { 0 } else { a % b + if (a < 0) == (b < 0) { 0 } else { b } }),
        };
        return exact.map(Cell::Int).ok_or(Overflow);
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
        ExprKind::Literal(Literal::Time(value) | Literal::LocalTime(value)) => Cell::Time(*value),
        ExprKind::Literal(Literal::Text(text)) => Cell::Text(text.clone().into_bytes()),
        ExprKind::Literal(literal) => panic!("{literal:?} by itself"),
        ExprKind::Field(name) => Cell::of(row.get(&name.text).unwrap()),
        ExprKind::Not(of) => Cell::Bool(!eval(of, row)?.is_true()),
        ExprKind::All(of) => Cell::Bool(all(of, true)?),
        ExprKind::Any(of) => Cell::Bool(all(of, false)?),
        ExprKind::Negate(of) => match eval(of, row)? {
            Cell::Int(value) => Cell::Int(value.checked_neg().ok_or(Overflow)?),
            Cell::Float(value) => Cell::Float(-value),
            _ => Cell::Null,
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
        ExprKind::Binary { op: BinaryOp::Arithmetic(ArithmeticOp::Add), left, right, .. } if functions::is_text(left) => {
            match (eval(left, row)?, eval(right, row)?) {
                (Cell::Null, _) | (_, Cell::Null) => Cell::Null,
                (left, right) => Cell::Text([functions::text(&left), functions::text(&right)].concat()),
            }
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
                    Choice::One(ast::Expr { kind: ExprKind::Literal(Literal::Network(network)), .. }) => {
                        matches!(&value, Cell::Text(text) if functions::in_network(text, &network.to_string()))
                    }
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
        ExprKind::Aggregate(aggregate) => panic!("{} of one record", aggregate.written),
        ExprKind::Call { name, args } => {
            if name.text == "case" {
                let (last, pairs) = args.split_last().unwrap();
                for pair in pairs.chunks(2) {
                    if eval(&pair[0], row)?.is_true() {
                        return eval(&pair[1], row);
                    }
                }
                return eval(last, row);
            }
            if name.text == "concat" {
                let texts = args.iter().map(|arg| eval(arg, row)).collect::<Result<Vec<_>, _>>()?;
                return Ok(Cell::Text(texts.iter().filter(|text| !matches!(text, Cell::Null)).flat_map(functions::text).collect()));
            }
            if name.text == "if" {
                return eval(&args[if eval(&args[0], row)?.is_true() { 1 } else { 2 }], row);
            }
            if name.text == "coalesce" {
                let present = args.iter().map(|arg| eval(arg, row)).find(|value| !matches!(value, Ok(Cell::Null)));
                return present.unwrap_or(Ok(Cell::Null));
            }
            functions::call(&name.text, args, row)?
        }
        ExprKind::Framed { .. } => panic!("of other records"),
        ExprKind::InFile { path, .. } => panic!("a file, {path}"),
    })
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
        ("m", Type::Time),
        ("n", Type::Time),
    ];
    let open = [("x", Type::Int), ("y", Type::Float), ("z", Type::Text)];
    let closed = fields.map(|(name, kind)| Field::new(name, kind)).to_vec();
    Schema::new([closed, open.map(|(name, kind)| Field::open(name, kind)).to_vec()].concat()).unwrap()
}

/// Rows of a few values that tend to meet: small numbers pack narrow, the ends of the range do not.
fn batch(rows: &[[u8; 13]], nulls: bool) -> Batch {
    let ints = [0, 1, 3, 404, 404, 500, -7, i64::MAX, i64::MIN];
    let floats = [0.0, -0.5, 1.5, 404.0, 1e300, f64::NAN, -2.5];
    let texts: [&[u8]; 22] = [
        b"",
        b"a",
        b"ab",
        b" 42 ",
        b"Ab4",
        "\u{c9}\u{e9}a".as_bytes(),
        b"1.5",
        b"\xffa\x80\xe2\x82b",
        b"24/Feb/2008:00:08:59 -0600",
        b"24/Feb/2008:00:08:59 -0600",
        b"2008-02-24T06:08:59.25Z",
        b"2008-02-24",
        b"10.0.0.1",
        b"::ffff:10.1.2.3",
        b"::1",
        b"/a/b.c/d.Gif?x=1&a=%41+b%zz&ab#?a=2",
        b"http://a.b:80/x/.y.tar.gz?a",
        b"https://host?a=1/2.b",
        b"a,b,,aab",
        b"..a.",
        b"{\"a\":[1,5],\"b\":\"ab\"}",
        b"user42 at 02:10:00 from 10.0.0.1:80",
    ];
    let moments = [0, 1_203_833_339_000_000_000, 1_203_833_339_000_000_000, 1_203_800_000_250_000_001, -1, i64::MAX, i64::MIN];
    let offsets = [0, -6 * 3600, 19_800, 93_599, i32::MAX];
    let mut builder = BatchBuilder::new(Arc::new(schema()));
    for row in rows {
        let value = |at: usize| {
            let n = usize::from(row[at]);
            match at {
                _ if nulls && n % 5 == 4 => Value::Null,
                // The first column stays narrow, so that the packed way is taken too.
                0 => Value::Int(ints[n % 7].into()),
                1 => Value::Int(ints[n % ints.len()].into()),
                2 | 3 => Value::Float(floats[n % floats.len()]),
                4 | 5 => Value::Text(texts[n % texts.len()]),
                10..=12 => match n % 6 {
                    0 => Value::Int(1),
                    1 => Value::Int([1 << 70, i128::MAX, 404, -3][n / 6 % 4]),
                    2 => Value::Float(floats[n / 6 % floats.len()]),
                    3 => Value::Text(texts[n / 6 % texts.len()]),
                    4 => Value::Bool(n / 6 % 2 == 0),
                    _ => Value::Null,
                },
                8 | 9 => Value::Time(Time { nanos: moments[n % moments.len()], offset_s: offsets[n / 7 % offsets.len()] }),
                _ => Value::Bool(n % 2 == 0),
            }
        };
        builder.push(&std::array::from_fn::<_, 13, _>(value)).unwrap();
    }
    builder.finish().unwrap()
}

fn compile(text: &str) -> (ast::Expr, Expr) {
    let source = Source::from_args(&[format!("select {text} as x")]);
    let query = parse(&source).unwrap_or_else(|error| panic!("{error}"));
    let plan = check(&source, &query, &schema()).unwrap_or_else(|error| panic!("{error}"));
    let (SelectSyntax(items), SelectOp(exprs)) = (query.stages[0].syntax.is().unwrap(), plan.stages[0].operator.is().unwrap());
    (items[0].expr.clone(), exprs[0].clone())
}

proptest! {
    #[test]
    fn rows_and_vectors_agree(
        choices in prop::collection::vec(any::<u8>(), 0..80),
        kind in prop::sample::select(vec![Type::Bool, Type::Int, Type::Float, Type::Text, Type::Time]),
        depth in 1..4_usize,
        rows in prop::collection::vec(any::<[u8; 13]>(), 0..12),
        open: bool,
        nulls: bool,
        selection in prop::option::of(prop::collection::vec(any::<prop::sample::Index>(), 0..12)),
    ) {
        let text = Writer { choices: choices.iter(), open }.write(kind, depth);
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
                    let expect = if expr.storage() == Type::Float && !matches!(expect, Cell::Null) { Cell::Float(expect.float()) } else { expect };
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
