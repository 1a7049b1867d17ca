//! What each function takes and what it gives: one check a function, named in the table `words/functions.rs`.

use recpipe::Type;

use super::{
    Catalog,
    ast::{self, FindOp},
    check_expr::{Checked, Checker},
};
use crate::{
    expr::{Constant, Expr, Function, Node},
    span::Span,
};

/// What a call computes and its type, or what is wrong with it.
pub(super) type Made = Result<(Node, Type), Mistake>;

/// Checks a call, the number of whose arguments is already known to fit.
pub(super) enum CheckCall {
    /// By its arguments' values alone.
    Values(fn(&Catalog, Vec<Expr>) -> Made),
    /// By how its arguments are written, or by more than them.
    Syntax(fn(&mut Checker<'_>, &[ast::Expr], Span) -> Checked<Expr>),
}

impl std::fmt::Debug for CheckCall {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            CheckCall::Values(_) => "Values",
            CheckCall::Syntax(_) => "Syntax",
        })
    }
}

/// An argument that does not fit.
#[derive(Debug)]
pub(super) struct Mistake {
    /// Which argument, from 0.
    pub(super) arg: usize,
    /// What is wrong with it.
    pub(super) what: String,
    /// How to mend it; may be empty.
    pub(super) label: String,
}

/// The type that two have in common: the same, or a float for two numbers; null fits all.
pub(super) fn common(a: Type, b: Type) -> Option<Type> {
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

/// That an argument is of one of these types, or null.
pub(super) fn need(catalog: &Catalog, args: &[Expr], arg: usize, wanted: &[Type]) -> Result<(), Mistake> {
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

/// That all arguments have a type in common, which it returns.
fn alike(catalog: &Catalog, args: &[Expr], from: usize) -> Result<Type, Mistake> {
    let mut kind = Type::Null;
    for (arg, expr) in args.iter().enumerate().skip(from) {
        kind = common(kind, expr.kind()).ok_or_else(|| Mistake {
            arg,
            what: format!("`{}` is {}, what stands before it is {}", expr.text(), name(expr.kind()), name(kind)),
            label: catalog.cast(expr, kind),
        })?;
    }
    Ok(kind)
}

const NUMBERS: [Type; 2] = [Type::Int, Type::Float];

/// The first kinds of argument that a function of one argument takes, and what it gives.
macro_rules! unary {
    ($($name:ident: $takes:expr => $gives:expr, $function:ident;)*) => { $(
        pub(super) fn $name(catalog: &Catalog, args: Vec<Expr>) -> Made {
            need(catalog, &args, 0, &$takes)?;
            Ok((Node::Call(Function::$function, args), $gives))
        }
    )* };
}

unary! {
    len: [Type::Text] => Type::Int, Len;
    lower: [Type::Text] => Type::Text, Lower;
    upper: [Type::Text] => Type::Text, Upper;
    trim: [Type::Text] => Type::Text, Trim;
    int: [Type::Int, Type::Float, Type::Text, Type::Bool] => Type::Int, Int;
    float: [Type::Float, Type::Int, Type::Text, Type::Bool] => Type::Float, Float;
    str: [Type::Text, Type::Int, Type::Float, Type::Bool, Type::Time] => Type::Text, Str;
    floor: NUMBERS => Type::Int, Floor;
    ceil: NUMBERS => Type::Int, Ceil;
    path: [Type::Text] => Type::Text, Path;
    ext: [Type::Text] => Type::Text, Ext;
    year: [Type::Time] => Type::Int, Year;
    month: [Type::Time] => Type::Int, Month;
    day: [Type::Time] => Type::Int, Day;
    hour: [Type::Time] => Type::Int, Hour;
    minute: [Type::Time] => Type::Int, Minute;
    weekday: [Type::Time] => Type::Int, Weekday;
    epoch: [Type::Time] => Type::Int, Epoch;
}

pub(super) fn hash(_: &Catalog, args: Vec<Expr>) -> Made {
    Ok((Node::Call(Function::Hash, args), Type::Int))
}

pub(super) fn round(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &NUMBERS)?;
    let Some(digits) = args.get(1) else { return Ok((Node::Call(Function::Round, args), Type::Int)) };
    if !matches!(digits.node(), Node::Constant(Constant::Int(0..=15))) {
        let what = format!("`{}` is no number of digits", digits.text());
        return Err(Mistake { arg: 1, what, label: "write it as a number from 0 to 15".into() });
    }
    let kind = args.first().map_or(Type::Null, Expr::kind);
    Ok((Node::Call(Function::RoundTo, args), kind))
}

pub(super) fn substr(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Int])?;
    need(catalog, &args, 2, &[Type::Int])?;
    Ok((Node::Call(Function::Substr, args), Type::Text))
}

pub(super) fn split(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    not_empty(&args, 1, "where to split")?;
    need(catalog, &args, 2, &[Type::Int])?;
    Ok((Node::Call(Function::Split, args), Type::Text))
}

/// `replace` of text; that of a regex is [`Checker::replace`].
pub(super) fn replace(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    not_empty(&args, 1, "what to replace")?;
    need(catalog, &args, 2, &[Type::Text])?;
    Ok((Node::Call(Function::Replace, args), Type::Text))
}

/// That an argument is not the text `""`.
fn not_empty(args: &[Expr], arg: usize, what: &str) -> Result<(), Mistake> {
    match args.get(arg).map(Expr::node) {
        Some(Node::Constant(Constant::Text(text))) if text.is_empty() => {
            Err(Mistake { arg, what: format!("empty text does not say {what}"), label: "write at least one character".to_owned() })
        }
        _ => Ok(()),
    }
}

pub(super) fn query(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    Ok((Node::Call(Function::Query, args), Type::Text))
}

pub(super) fn bin(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Time, Type::Int, Type::Float])?;
    need(catalog, &args, 1, &NUMBERS)?;
    let is_positive = match args.get(1).map(Expr::node) {
        Some(Node::Constant(Constant::Int(width))) => *width > 0,
        Some(Node::Constant(Constant::Float(width))) => *width > 0.0,
        _ => true,
    };
    if !is_positive {
        return Err(Mistake { arg: 1, what: "a bin is wider than 0".into(), label: "as in `bin(t, 5m)`".into() });
    }
    let kinds = (args.first().map_or(Type::Null, Expr::kind), args.get(1).map_or(Type::Null, Expr::kind));
    let kind = match kinds {
        (Type::Null, _) | (_, Type::Null) => Type::Null,
        (Type::Time, _) => Type::Time,
        (Type::Int, Type::Int) => Type::Int,
        _ => Type::Float,
    };
    Ok((Node::Call(Function::Bin, args), kind))
}

pub(super) fn abs(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &NUMBERS)?;
    let kind = args.first().map_or(Type::Null, Expr::kind);
    Ok((Node::Call(Function::Abs, args), kind))
}

pub(super) fn min(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let kind = alike(catalog, &args, 0)?;
    Ok((Node::Call(Function::Min, args), kind))
}

pub(super) fn max(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let kind = alike(catalog, &args, 0)?;
    Ok((Node::Call(Function::Max, args), kind))
}

pub(super) fn coalesce(catalog: &Catalog, args: Vec<Expr>) -> Made {
    let kind = alike(catalog, &args, 0)?;
    Ok((Node::Coalesce(args), kind))
}

pub(super) fn if_(catalog: &Catalog, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Bool])?;
    let kind = alike(catalog, &args, 1)?;
    let wrong_number = |_| Mistake { arg: 0, what: "`if` takes a condition and two values".into(), label: String::new() };
    Ok((Node::If(Box::new(args.try_into().map_err(wrong_number)?)), kind))
}

pub(super) fn contains(catalog: &Catalog, args: Vec<Expr>) -> Made {
    find(catalog, FindOp::Contains, args)
}

pub(super) fn starts_with(catalog: &Catalog, args: Vec<Expr>) -> Made {
    find(catalog, FindOp::StartsWith, args)
}

pub(super) fn ends_with(catalog: &Catalog, args: Vec<Expr>) -> Made {
    find(catalog, FindOp::EndsWith, args)
}

/// `contains` and its like, as functions and as operators.
pub(super) fn find(catalog: &Catalog, op: FindOp, args: Vec<Expr>) -> Made {
    need(catalog, &args, 0, &[Type::Text])?;
    need(catalog, &args, 1, &[Type::Text])?;
    let wrong_number = |_| Mistake { arg: 0, what: "two texts are needed".into(), label: String::new() };
    let [value, needle]: [Expr; 2] = args.try_into().map_err(wrong_number)?;
    Ok((Node::Find { op, value: Box::new(value), needle: Box::new(needle) }, Type::Bool))
}
