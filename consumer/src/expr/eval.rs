//! Evaluates an expression over a batch: walks the tree once, and each node runs one loop.

use recpipe::{
    Batch, Column, Error, Type,
    record::compare::{compare, compare_column},
};
use regex::bytes::Regex;

use super::{
    Call, Constant, Expr, Node, TextBuilder, arithmetic, call, clock, text,
    vector::{Operand, Texts, Values, Vector, merge_nulls},
};
use crate::{given::Given, left_out::Counter};

/// The value of `expr` for each selected row of `batch`.
pub(super) fn eval(expr: &Expr, batch: &Batch) -> Result<Vector, Error> {
    let len = batch.len();
    Ok(match expr.node() {
        Node::Constant(value) => value.vector(len),
        Node::Column(place) => Vector::from_column(batch.column(*place), batch),
        Node::Not(of) => Vector::bools(len, eval(of, batch)?.truth().map(|value| !value)),
        Node::All(of) => Vector::bools(len, connect(of, batch, true)?),
        Node::Any(of) => Vector::bools(len, connect(of, batch, false)?),
        Node::Compare { op, left, right } => match (left.as_column(), right.node()) {
            (Some(place), Node::Constant(constant)) => compare_column(*op, batch, place, constant),
            _ => compare(*op, &eval(left, batch)?, &eval(right, batch)?),
        },
        Node::Between { value, low, high } => between(eval(value, batch)?, *low, *high),
        Node::In { value, set } => set.lookup(&eval(value, batch)?),
        Node::Matches { value, regex } => text::matches(regex, &eval(value, batch)?),
        Node::MatchesAny { regex, gives_sender } => Vector::bools(len, matches_any(regex, *gives_sender, batch)),
        Node::Find { op, value, needle } => text::find(*op, &eval(value, batch)?, &eval(needle, batch)?),
        Node::Negate(of) => each_part(eval(of, batch)?, |part| arithmetic::negate(expr, part))?,
        Node::Arithmetic { left, right, .. } if expr.kind() == Type::Text => text::join(&eval(left, batch)?, &eval(right, batch)?)?,
        Node::Arithmetic { op, left, right } => arithmetic::arithmetic(*op, expr, eval(left, batch)?, eval(right, batch)?)?,
        Node::Coalesce(of) => coalesce(of, expr.storage(), batch)?,
        Node::Case(of) => match &of[..] {
            [condition, then, otherwise] => choose_lazily(&eval(condition, batch)?.truth(), then, otherwise, expr.storage(), batch)?,
            of => case(of, expr.storage(), batch)?,
        },
        Node::InZone { value, zone } => each_part(eval(value, batch)?, |part| Ok(clock::in_zone(part, zone)))?,
        Node::BesideLiteral { value, beside } => each_part(eval(value, batch)?, |part| Ok(beside.look(part, batch)))?,
        Node::Numbers { value, times, counter } => numbers(eval(value, batch)?, *times, counter, batch),
        Node::BesideNumbers { value, counter } => beside_numbers(eval(value, batch)?, counter, batch),
        Node::Call(function, args) => {
            let args = args.iter().map(|arg| eval(arg, batch)).collect::<Result<Vec<_>, _>>()?;
            call::eval(&**function, &Call { expr, batch }, args)?
        }
    })
}

/// What a function of one value gives of each part of a vector, together.
fn each_part(vector: Vector, f: impl Fn(Vector) -> Result<Vector, Error>) -> Result<Vector, Error> {
    match vector.values {
        Values::Mixed(parts) => Vector::of_parts(vector.len, parts.into_iter().map(f).collect::<Result<_, _>>()?),
        _ => f(vector),
    }
}

/// Notes the values that are no numbers, and whether there are numbers.
fn beside_numbers(vector: Vector, counter: &Counter, batch: &Batch) -> Vector {
    let (numbers, others): (Vec<&Vector>, Vec<&Vector>) =
        vector.parts().iter().partition(|part| matches!(part.kind(), Type::Int | Type::Float));
    let numbers = numbers.iter().any(|part| (0..vector.len).any(|row| !part.is_null(row)));
    let is_other = |row: &usize| others.iter().any(|part| !part.is_null(*row));
    let first = if others.is_empty() { None } else { (0..vector.len).find(is_other) };
    let count = first.map_or(0, |first| (first..vector.len).filter(is_other).count());
    let shown = || first.map_or_else(String::new, |row| Constant::of(&vector.value(row)).to_string());
    counter.note_range(batch, count as u64, first.unwrap_or(0), numbers.then_some((0, 0)), shown);
    vector
}

/// The numbers of a vector, and the times with `times`: what is neither is null, and noted.
fn numbers(vector: Vector, times: bool, counter: &Counter, batch: &Batch) -> Vector {
    let fits = |part: &Vector| matches!(part.kind(), Type::Null | Type::Int | Type::Float) || times && part.kind() == Type::Time;
    if vector.parts().iter().all(fits) {
        return vector;
    }
    let others: Vec<&Vector> = vector.parts().iter().filter(|part| !fits(part)).collect();
    let is_left_out = |row: &usize| others.iter().any(|part| !part.is_null(*row));
    let count = (0..vector.len).filter(is_left_out).count();
    if let Some(row) = (0..vector.len).find(is_left_out) {
        counter.note(batch, count as u64, row, || Constant::of(&vector.value(row)).to_string());
    }
    let mut parts: Vec<Vector> = vector.parts().iter().filter(|part| fits(part)).cloned().collect();
    match parts.len() {
        0 => Vector::null(vector.len),
        1 => parts.remove(0),
        _ => Vector {
            values: Values::Mixed(parts),
            nulls: merge_nulls(vector.nulls.clone(), Some((0..vector.len).map(|row| is_left_out(&row)).collect())),
            len: vector.len,
        },
    }
}

fn between(vector: Vector, low: i128, high: i128) -> Vector {
    let found = match &vector.values {
        Values::Int(values) => match (i64::try_from(low), i64::try_from(high)) {
            (Ok(low), Ok(high)) => values.map(|value| (low <= value) & (value <= high)),
            _ => values.map(|value| (low <= value.into()) & (i128::from(value) <= high)),
        },
        _ => Operand::One(false),
    };
    Vector { values: Values::Bool(found), ..vector }.truth_vector()
}

/// Whether the regex matches in some text of a row, whichever columns the batch has.
fn matches_any(regex: &Regex, gives_sender: bool, batch: &Batch) -> Operand<bool> {
    let mut found = vec![false; batch.len()];
    let is_text = |column: &Column| column.parts().iter().any(|part| part.kind() == Type::Text);
    let fields = batch.schema().names().zip(batch.columns());
    for (_, column) in fields.filter(|(name, column)| is_text(column) && Given::named(name, gives_sender).is_none()) {
        // Only the rows that are still open.
        let open: Vec<usize> = (0..found.len()).filter(|&row| !found[row]).collect();
        let rows: Vec<u32> = open.iter().map(|&row| batch.physical(row) as u32).collect();
        let matches = text::matches(regex, &Vector::from_rows(column, Some(&rows))).truth();
        open.into_iter().enumerate().for_each(|(i, row)| found[row] = matches.get(i));
    }
    Operand::Each(found)
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

/// The value behind the first condition that is true, else the last; each is asked only about the rows that are still open.
fn case(of: &[Expr], kind: Type, batch: &Batch) -> Result<Vector, Error> {
    let (mut sofar, mut open) = (Vector::null(batch.len()), Operand::One(true));
    let asked = |expr: &Expr, rows: &Operand<bool>| match rows {
        Operand::One(false) => Ok(Vector::null(batch.len())),
        Operand::Each(rows) if !expr.is_cheap() => eval_where(expr, batch, rows),
        _ => eval(expr, batch),
    };
    for pair in of.chunks(2) {
        let (value, rows) = match pair {
            [condition, value] => (value, open.zip(&asked(condition, &open)?.truth(), |open, holds| open & holds)),
            [otherwise, ..] => (otherwise, open.clone()),
            [] => break,
        };
        sofar = choose(&rows, asked(value, &rows)?, sofar, kind)?;
        open = open.zip(&rows, |open, taken| open & !taken);
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

/// `then` where the condition holds, `otherwise` elsewhere; with the kind [`Type::Float`], ints become floats.
pub(crate) fn choose(condition: &Operand<bool>, then: Vector, otherwise: Vector, kind: Type) -> Result<Vector, Error> {
    let (then, otherwise) = if kind == Type::Float { (then.into_float(), otherwise.into_float()) } else { (then, otherwise) };
    let yes = match condition {
        Operand::One(true) => return Ok(then),
        Operand::One(false) => return Ok(otherwise),
        Operand::Each(yes) => yes,
    };
    if !matches!(then.values, Values::Null) && !matches!(otherwise.values, Values::Null) && !alike(&then.values, &otherwise.values) {
        return Vector::collect(yes.iter().enumerate().map(|(row, &yes)| if yes { then.value(row) } else { otherwise.value(row) }));
    }
    let nulls = match (then.null_operand(), otherwise.null_operand()) {
        (Operand::One(false), Operand::One(false)) => None,
        (then, otherwise) => Some(pick(yes, &then, &otherwise)).filter(|nulls| nulls.contains(&true)),
    };
    let values = match (then.values, otherwise.values) {
        // Where the one with nothing but nulls is taken, the row is null, whatever stands there.
        (Values::Null, values) | (values, Values::Null) => masked(values, nulls.as_deref()),
        (Values::Bool(a), Values::Bool(b)) => Values::Bool(Operand::Each(pick(yes, &a, &b))),
        (Values::Int(a), Values::Int(b)) => Values::Int(Operand::Each(pick(yes, &a, &b))),
        (Values::Float(a), Values::Float(b)) => Values::Float(Operand::Each(pick(yes, &a, &b))),
        (Values::Time(a), Values::Time(b)) => Values::Time(Operand::Each(pick(yes, &a, &b))),
        (Values::Text(a), Values::Text(b)) => Values::Text(pick_texts(yes, &a, &b)?),
        (Values::Wide(a), Values::Wide(b)) => Values::Wide(Operand::Each(pick(yes, &a, &b))),
        _ => unreachable!("other pairs are not alike"),
    };
    Ok(Vector { len: then.len, values, nulls })
}

/// Values whose parts, if there are several, are null wherever the whole is.
fn masked(values: Values, nulls: Option<&[bool]>) -> Values {
    match (values, nulls) {
        (Values::Mixed(parts), Some(nulls)) => {
            let masked = |part: Vector| Vector { nulls: merge_nulls(part.nulls, Some(nulls.to_vec())), ..part };
            Values::Mixed(parts.into_iter().map(masked).collect())
        }
        (values, _) => values,
    }
}

/// Whether both are plain values of one form.
fn alike(a: &Values, b: &Values) -> bool {
    std::mem::discriminant(a) == std::mem::discriminant(b) && !matches!(a, Values::Mixed(_))
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
pub(crate) mod tests;
