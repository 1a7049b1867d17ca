//! What functions, aggregates and operators take and give: types that fit, and how it is said of one that does not.

use std::sync::Arc;

use recpipe::Type;

use super::Catalog;
use crate::{
    expr::{Constant, Expr, FindOp, Node, ScalarFunction},
    plan::AggregateFunction,
};

/// What a call computes and its type, or what is wrong with it.
pub(crate) type Made = Result<(Node, Type), Mistake>;

/// An argument that does not fit.
#[derive(Debug)]
pub(crate) struct Mistake {
    /// Which argument, from 0.
    pub(crate) arg: usize,
    /// What is wrong with it.
    pub(crate) what: String,
    /// How to mend it; may be empty.
    pub(crate) label: String,
}

/// The type that two have in common: the same, or a float for two numbers; null fits all.
pub(crate) fn common(a: Type, b: Type) -> Option<Type> {
    match (a, b) {
        (Type::Null, other) | (other, Type::Null) => Some(other),
        (Type::Mixed, _) | (_, Type::Mixed) => Some(Type::Mixed),
        (Type::Int, Type::Float) | (Type::Float, Type::Int) => Some(Type::Float),
        _ => (a == b).then_some(a),
    }
}

/// A type as a person says it.
pub(crate) fn name(kind: Type) -> &'static str {
    match kind {
        Type::Null => "null",
        Type::Bool => "true or false",
        Type::Int => "an int",
        Type::Float => "a float",
        Type::Time => "a time",
        Type::Text => "text",
        Type::Mixed => "of several types",
    }
}

/// Numbers.
pub(crate) const NUMBERS: [Type; 2] = [Type::Int, Type::Float];

/// The call of a function of one argument, which has one of these types.
pub(crate) fn unary(catalog: &Catalog, args: Vec<Expr>, takes: &[Type], function: impl ScalarFunction + 'static, kind: Type) -> Made {
    need(catalog, &args, 0, takes)?;
    Ok((call(function, args), kind))
}

/// A call of a function.
pub(crate) fn call(function: impl ScalarFunction + 'static, args: Vec<Expr>) -> Node {
    Node::Call(Arc::new(function), args)
}

/// The type of an argument; null where there is none.
pub(crate) fn kind(args: &[Expr], arg: usize) -> Type {
    args.get(arg).map_or(Type::Null, Expr::kind)
}

/// That an argument is of one of these types, or null.
pub(crate) fn need(catalog: &Catalog, args: &[Expr], arg: usize, wanted: &[Type]) -> Result<(), Mistake> {
    let Some(expr) = args.get(arg) else { return Ok(()) };
    if matches!(expr.kind(), Type::Null | Type::Mixed) || wanted.contains(&expr.kind()) {
        return Ok(());
    }
    let one_of = match wanted {
        [Type::Int, Type::Float] => "a number",
        [Type::Time, Type::Int, Type::Float] => "a number or a time",
        [only] => name(*only),
        _ => "another type",
    };
    let label = match wanted {
        [Type::Int] => catalog.whole(expr),
        _ => wanted.first().map(|&wanted| catalog.cast(expr, wanted)).unwrap_or_default(),
    };
    Err(Mistake { arg, what: format!("`{}` is {}; {one_of} is needed here", expr.text(), name(expr.kind())), label })
}

/// That an argument is not the text `""`.
pub(crate) fn not_empty(args: &[Expr], arg: usize, what: &str) -> Result<(), Mistake> {
    match args.get(arg).map(Expr::node) {
        Some(Node::Constant(Constant::Text(text))) if text.is_empty() => {
            Err(Mistake { arg, what: format!("empty text does not say {what}"), label: "write at least one character".to_owned() })
        }
        _ => Ok(()),
    }
}

/// That these arguments have a type in common, which it returns.
pub(crate) fn alike(catalog: &Catalog, args: &[Expr], which: impl IntoIterator<Item = usize>) -> Result<Type, Mistake> {
    let mut kind = Type::Null;
    for (arg, expr) in which.into_iter().filter_map(|arg| Some((arg, args.get(arg)?))) {
        kind = common(kind, expr.kind()).ok_or_else(|| Mistake {
            arg,
            what: format!("`{}` is {}, what stands before it is {}", expr.text(), name(expr.kind()), name(kind)),
            label: catalog.cast(expr, kind),
        })?;
    }
    Ok(kind)
}

/// `coalesce(a, …)`, and `a ?? b`.
pub(crate) fn coalesce(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let kind = alike(catalog, &args, 0..args.len())?;
    Ok((Node::Coalesce(args), kind))
}

/// `contains` and its like, as functions and as operators.
pub(crate) fn find(catalog: &Catalog, op: FindOp, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    let wrong_number = |_| Mistake { arg: 0, what: "two texts are needed".into(), label: String::new() };
    let [value, needle]: [Expr; 2] = args.try_into().map_err(wrong_number)?;
    Ok((Node::Find { op, value: Box::new(value), needle: Box::new(needle) }, Type::Bool))
}

/// A use of an aggregate that fits.
pub(crate) struct CheckedAggregate {
    /// What it computes.
    pub(crate) function: Arc<dyn AggregateFunction>,
    /// The arguments that have a value in each record.
    pub(crate) args: Vec<Expr>,
    /// The type of the result.
    pub(crate) kind: Type,
}

impl CheckedAggregate {
    pub(crate) fn new(function: impl AggregateFunction + 'static, args: Vec<Expr>, kind: Type) -> Self {
        CheckedAggregate { function: Arc::new(function), args, kind }
    }
}
