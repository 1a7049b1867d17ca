//! A query as it was written: stages and expressions, each with its place in the text.
//!
//! Nothing here knows what fields there are; that begins with [`super::check()`].

use std::sync::Arc;

use recpipe::Time;
pub(crate) use recpipe::record::CompareOp;

pub(crate) use crate::expr::{ArithmeticOp, FindOp};

use super::{AggregateWord, Catalog, StageWord, Syntax};
use crate::{expr::Network, span::Span};

/// A whole query.
#[derive(Clone, Debug)]
pub struct Query {
    /// The stages in the order written.
    pub stages: Vec<Stage>,
    /// The words that it is written in.
    pub(crate) catalog: Arc<Catalog>,
}

/// One stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// Its row in the catalog.
    pub word: &'static StageWord,
    /// What stands after the word.
    pub syntax: Arc<dyn Syntax>,
    /// The whole stage.
    pub span: Span,
}

/// A regex and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The pattern, without its slashes or quotes.
    pub text: String,
    /// Whether the case of letters does not matter.
    pub(crate) ignore_case: bool,
    /// The whole literal.
    pub span: Span,
}

/// A name and where it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name, without backticks.
    pub text: String,
    /// Where it stands.
    pub span: Span,
    /// Of a field: whether it is written `name?`, because it may come later in the stream, or never.
    pub may_come: bool,
}

/// An expression with the name its column gets, if one was given.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The expression.
    pub expr: Expr,
    /// The name given.
    pub name: Option<Ident>,
}

/// One aggregate of a `stats` stage.
#[derive(Clone, Debug)]
pub(crate) struct Aggregate {
    /// Which.
    pub word: &'static AggregateWord,
    /// The word as it was written: one row of the table may have several.
    pub written: String,
    /// What it is given; empty for a bare `count`.
    pub args: Vec<Expr>,
    /// Of which records it is: `if CONDITION`.
    pub condition: Option<Box<Expr>>,
    /// The name given.
    pub name: Option<Ident>,
    /// From the aggregate's name to its closing parenthesis, or the end of its condition.
    pub span: Span,
}

impl Aggregate {
    /// The one that stands here as an expression, as the call of a function or as a field would; `None` where it is none.
    pub(crate) fn of_expr(expr: &Expr, catalog: &Catalog) -> Option<Self> {
        let (name, args) = match &expr.kind {
            ExprKind::Call { name, args } => (name, args.clone()),
            ExprKind::Field(name) => (name, Vec::new()),
            _ => return None,
        };
        let word = catalog.aggregate(&name.text)?;
        Some(Aggregate { word, written: name.text.clone(), args, condition: None, name: None, span: expr.span })
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub(crate) struct Expr {
    /// What it computes.
    pub kind: ExprKind,
    /// Where it stands, with the parentheses around it if there are any.
    pub span: Span,
    /// The longest way down to a literal or a field, counted in nodes. The parser bounds it, so that whoever walks the
    /// tree may recurse.
    pub depth: usize,
}

/// What an expression computes.
#[derive(Clone, Debug)]
pub(crate) enum ExprKind {
    /// A value written in the query.
    Literal(Literal),
    /// A field of the record.
    Field(Ident),
    /// `not x`
    Not(Box<Expr>),
    /// `-x`
    Negate(Box<Expr>),
    /// `a and b and …`: flat, so that a long condition is not a deep tree.
    All(Vec<Expr>),
    /// `a or b or …`
    Any(Vec<Expr>),
    /// `a OP b`
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Where it stands.
        op_span: Span,
        /// What stands before it.
        left: Box<Expr>,
        /// What stands after it.
        right: Box<Expr>,
    },
    /// `x in (…)`, `x in a..b`
    In {
        /// What is looked for.
        value: Box<Expr>,
        /// Where it is looked for.
        choices: Vec<Choice>,
    },
    /// `x in "FILE"`
    InFile {
        /// What is looked for.
        value: Box<Expr>,
        /// The file of values.
        path: String,
        /// Where it is named.
        path_span: Span,
    },
    /// `f(a, …)`
    Call {
        /// The function.
        name: Ident,
        /// What it is given.
        args: Vec<Expr>,
    },
    /// `sum(x)`, where aggregates are calculated with.
    Aggregate(Box<Aggregate>),
    /// `AGGREGATE so far`, `AGGREGATE last N`
    Framed {
        /// What is computed anew for each record.
        aggregate: Box<Aggregate>,
        /// Of how many of the last records; `None` of all so far.
        last: Option<u64>,
    },
}

/// One of the things after `in`.
#[derive(Clone, Debug)]
pub(crate) enum Choice {
    /// A single value.
    One(Expr),
    /// All values from the first to the second, both included.
    Range(Expr, Expr),
}

/// A value written in the query.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Literal {
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// `404`, `10KB`, and `5m`, which is 300 seconds
    Int(i128),
    /// `1.5`, and `250ms`, which is 0.25 seconds
    Float(f64),
    /// `@2026-11-20T10:00Z`
    Time(Time),
    /// `@2026-11-20T10:00`, without an offset: what it is in UTC
    LocalTime(Time),
    /// `1mo`, and `1y`, which is 12
    Months(i64),
    /// `10.0.0.0/8`, only after `in`
    Network(Network),
    /// `"text"`
    Text(String),
    /// `/pattern/i`
    Regex {
        /// The pattern.
        pattern: String,
        /// Whether the case of letters does not matter.
        ignore_case: bool,
    },
}

/// An operator between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BinaryOp {
    /// `==` `!=` `<` `<=` `>` `>=`
    Compare(CompareOp),
    /// `=~`, and `!~` when `negated`.
    Matches {
        /// Whether it is `!~`.
        negated: bool,
    },
    /// `contains` `startswith` `endswith`
    Find(FindOp),
    /// `??`
    Coalesce,
    /// `+` `-` `*` `/` `//` `%`
    Arithmetic(ArithmeticOp),
}

#[cfg(test)]
impl BinaryOp {
    /// How it is written.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Compare(op) => op.symbol(),
            BinaryOp::Matches { negated: false } => "=~",
            BinaryOp::Matches { negated: true } => "!~",
            BinaryOp::Find(FindOp::Contains) => "contains",
            BinaryOp::Find(FindOp::StartsWith) => "startswith",
            BinaryOp::Find(FindOp::EndsWith) => "endswith",
            BinaryOp::Coalesce => "??",
            BinaryOp::Arithmetic(op) => op.symbol(),
        }
    }
}

impl ExprKind {
    /// The depth of the deepest child; 0 without children.
    pub(crate) fn children_depth(&self) -> usize {
        let deepest = |exprs: &[Expr]| exprs.iter().map(|expr| expr.depth).max().unwrap_or(0);
        match self {
            ExprKind::Literal(_) | ExprKind::Field(_) => 0,
            ExprKind::Aggregate(of) => deepest(&of.args).max(of.condition.as_ref().map_or(0, |condition| condition.depth)),
            ExprKind::Not(of) | ExprKind::Negate(of) | ExprKind::InFile { value: of, .. } => of.depth,
            ExprKind::Framed { aggregate, .. } => deepest(&aggregate.args),
            ExprKind::All(of) | ExprKind::Any(of) | ExprKind::Call { args: of, .. } => deepest(of),
            ExprKind::Binary { left, right, .. } => left.depth.max(right.depth),
            ExprKind::In { value, choices } => choices.iter().map(Choice::depth).max().unwrap_or(0).max(value.depth),
        }
    }
}

impl Expr {
    /// Calls `each` with it, and with every expression in it but those that an aggregate is given.
    pub(crate) fn for_each<'a>(&'a self, each: &mut dyn FnMut(&'a Expr)) {
        each(self);
        match &self.kind {
            ExprKind::Literal(_) | ExprKind::Field(_) | ExprKind::Aggregate(_) | ExprKind::Framed { .. } => {}
            ExprKind::Not(of) | ExprKind::Negate(of) | ExprKind::InFile { value: of, .. } => of.for_each(each),
            ExprKind::All(of) | ExprKind::Any(of) | ExprKind::Call { args: of, .. } => of.iter().for_each(|of| of.for_each(each)),
            ExprKind::Binary { left, right, .. } => {
                left.for_each(each);
                right.for_each(each);
            }
            ExprKind::In { value, choices } => {
                value.for_each(each);
                for choice in choices {
                    match choice {
                        Choice::One(one) => one.for_each(each),
                        Choice::Range(low, high) => {
                            low.for_each(each);
                            high.for_each(each);
                        }
                    }
                }
            }
        }
    }
}

impl Choice {
    fn depth(&self) -> usize {
        match self {
            Choice::One(value) => value.depth,
            Choice::Range(low, high) => low.depth.max(high.depth),
        }
    }
}
