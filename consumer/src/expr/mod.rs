//! Expressions that fit their records: evaluated over a whole batch at a time.
//!
//! [`Expr`] is made by [`crate::language::check()`], which has resolved names to columns and knows every type. It is
//! evaluated column by column: each operation is one loop over plain arrays, instantiated for its types and for
//! operands that are constants, and gives a [`Vector`]. One value per *selected* row of the batch is computed.
//!
//! # Nulls
//! Comparisons are two-valued: `null == null` is true, `null != 5` is true, `<` and its like are false with a null.
//! `in`, `=~`, `contains` and their like are false for a null, so their negations are true. In `and`, `or`, `not`, `if`
//! and `where` a null counts as false. Arithmetic and functions of a null are null.
//!
//! # Errors
//! An integer operation whose result does not fit in 64 bits is [`Error::Data`] and names the expression, and so is a time
//! beyond the years that one can be; a division by zero is null. The right sides of `and`, `or`, `??` and `if` that might fail are evaluated only for the rows that need
//! them.

pub(crate) mod arithmetic;
mod call;
pub(crate) mod clock;
mod compare;
pub(crate) mod duration;
mod eval;
mod network;
mod ops;
mod own;
pub(crate) mod predicate;
pub(crate) mod rows;
mod set;
mod text;
mod text_builder;

use std::sync::Arc;

use recpipe::{Batch, Column, Error, Field, Type, record::CompareOp, times::Zone};
use regex::bytes::Regex;

pub use network::Network;
pub(crate) use network::address;
pub use ops::{ArithmeticOp, FindOp};
pub use own::OfValues;
pub use predicate::Predicate;
pub use recpipe::record::vector::{self, Operand, Texts, Values, Vector};

pub(crate) use call::{Call, Gives, ScalarFunction, Takes};
pub(crate) use clock::BesideLiteral;
pub(crate) use compare::{is_better, node as compare_node};
pub(crate) use eval::choose;
#[cfg(test)]
pub(crate) use eval::tests::check_values;
pub(crate) use own::Own;
pub(crate) use recpipe::record::Constant;
pub(crate) use rows::Rows;
pub(crate) use set::Set;
pub(crate) use text::only as only_text;
pub(crate) use text_builder::TextBuilder;

use crate::left_out::Counter;

/// A checked expression.
#[derive(Clone, Debug)]
pub struct Expr {
    node: Node,
    kind: Type,
    open: bool,
    text: Arc<str>,
}

/// What an expression computes.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// The same for every row.
    Constant(Constant),
    /// A column of the batch.
    Column(usize),
    Not(Box<Expr>),
    All(Vec<Expr>),
    Any(Vec<Expr>),
    Compare {
        op: CompareOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// Not null, and within these bounds.
    Between {
        value: Box<Expr>,
        low: i128,
        high: i128,
    },
    In {
        value: Box<Expr>,
        /// Shared by all who evaluate it: it may be large.
        set: Arc<Set>,
    },
    Matches {
        value: Box<Expr>,
        regex: Regex,
    },
    /// In any text of the record, whichever fields it has.
    MatchesAny {
        /// What is looked for.
        regex: Regex,
        /// Whether `sender` is who sent the record.
        gives_sender: bool,
    },
    Find {
        op: FindOp,
        value: Box<Expr>,
        needle: Box<Expr>,
    },
    Negate(Box<Expr>),
    Arithmetic {
        op: ArithmeticOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    /// The first that is not null; at least one.
    Coalesce(Vec<Expr>),
    /// Condition, value, and so on in pairs, and the value where none is true.
    Case(Vec<Expr>),
    /// The numbers among the values, and the times with `times`: others are null and noted. Stands around what may have others
    /// wherever numbers are needed.
    Numbers {
        value: Box<Expr>,
        times: bool,
        counter: Counter,
    },
    /// The values as they are; those that are no numbers are noted, and whether there are numbers.
    BesideNumbers {
        value: Box<Expr>,
        counter: Counter,
    },
    /// Times, with the offset of a zone.
    InZone {
        value: Box<Expr>,
        zone: Zone,
    },
    /// Times that are compared with a literal that says no offset.
    BesideLiteral {
        value: Box<Expr>,
        beside: Box<BesideLiteral>,
    },
    /// `f(a, …)`
    Call(Arc<dyn ScalarFunction>, Vec<Expr>),
}

impl Expr {
    /// `text` is how errors and column names call it.
    pub(crate) fn new(node: Node, kind: Type, text: impl Into<Arc<str>>) -> Self {
        let open = kind == Type::Mixed || is_open(&node, kind);
        Expr { node, kind, open, text: text.into() }
    }

    /// The column of a closed field at this place.
    pub fn column(place: usize, kind: Type, name: &str) -> Self {
        Expr::new(Node::Column(place), kind, name)
    }

    /// The column of this field, which is at this place.
    pub fn field(place: usize, field: &Field) -> Self {
        Expr { open: field.open, ..Expr::column(place, field.kind, &field.name) }
    }

    pub(crate) fn constant(value: Constant, text: impl Into<Arc<str>>) -> Self {
        let kind = value.kind();
        Expr::new(Node::Constant(value), kind, text)
    }

    /// The same under another name.
    pub(crate) fn called(self, text: impl Into<Arc<str>>) -> Self {
        Expr { text: text.into(), ..self }
    }

    pub(crate) fn node(&self) -> &Node {
        &self.node
    }

    /// The type of its values: of one that is open, of those that were seen in a sample.
    pub fn kind(&self) -> Type {
        self.kind
    }

    /// Whether it may have values of other types than its kind, or whole numbers that 64 bits do not hold, as an open
    /// [`Field`] may.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether something that it is made of may have values of other types than its kind.
    pub(crate) fn takes_open(&self) -> bool {
        let mut open = false;
        self.for_each_child(&mut |child| open |= child.is_open());
        open
    }

    /// The type that whatever keeps its values has to be made for: [`Type::Mixed`] where it is open.
    pub(crate) fn storage(&self) -> Type {
        if self.open { Type::Mixed } else { self.kind }
    }

    /// How it is written in the query.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of the column that it is, if it is nothing else.
    pub(crate) fn as_column(&self) -> Option<usize> {
        match self.node {
            Node::Column(place) => Some(place),
            _ => None,
        }
    }

    /// Calls `each` with the place of every column that it reads; of a column it reads twice, twice.
    pub(crate) fn for_each_column(&self, each: &mut dyn FnMut(usize)) {
        if let Node::Column(place) = self.node {
            each(place);
        }
        self.for_each_child(&mut |child| child.for_each_column(each));
    }

    /// Whether it looks at all fields that a record has, besides the columns that it reads.
    pub(crate) fn reads_all(&self) -> bool {
        let mut all = matches!(self.node, Node::MatchesAny { .. });
        self.for_each_child(&mut |child| all |= child.reads_all());
        all
    }

    fn for_each_child<'a>(&'a self, each: &mut dyn FnMut(&'a Expr)) {
        match &self.node {
            Node::Constant(_) | Node::Column(_) | Node::MatchesAny { .. } => {}
            Node::Not(of) | Node::Negate(of) => each(of),
            Node::All(of) | Node::Any(of) | Node::Coalesce(of) | Node::Case(of) | Node::Call(_, of) => of.iter().for_each(each),
            Node::Between { value, .. } | Node::In { value, .. } | Node::Matches { value, .. } => each(value),
            Node::Numbers { value, .. } | Node::BesideNumbers { value, .. } => each(value),
            Node::InZone { value, .. } | Node::BesideLiteral { value, .. } => each(value),
            Node::Compare { left, right, .. } | Node::Arithmetic { left, right, .. } | Node::Find { value: left, needle: right, .. } => {
                each(left);
                each(right);
            }
        }
    }

    /// Whether it cannot fail and costs so little that evaluating it for all rows is no more work than choosing rows.
    fn is_cheap(&self) -> bool {
        let mut cheap = match self.node {
            Node::Constant(_) | Node::Column(_) | Node::Not(_) | Node::Compare { .. } | Node::Between { .. } | Node::In { .. } => true,
            Node::All(_) | Node::Any(_) | Node::Coalesce(_) | Node::Case(_) => true,
            Node::Matches { .. } | Node::MatchesAny { .. } | Node::Find { .. } | Node::Negate(_) | Node::Arithmetic { .. } => false,
            Node::InZone { .. } | Node::BesideLiteral { .. } | Node::Numbers { .. } | Node::BesideNumbers { .. } | Node::Call(..) => false,
        };
        self.for_each_child(&mut |child| cheap &= child.is_cheap());
        cheap
    }

    /// Whether there may be records for which evaluating it is an error; true as well where that is not looked into.
    pub(crate) fn may_fail(&self) -> bool {
        let mut may_fail = match self.node {
            Node::Constant(_) | Node::Column(_) | Node::Not(_) | Node::All(_) | Node::Any(_) => false,
            Node::Compare { .. } | Node::Between { .. } | Node::In { .. } | Node::Matches { .. } | Node::MatchesAny { .. } => false,
            Node::Find { .. } => false,
            Node::Negate(_) | Node::Arithmetic { .. } | Node::Coalesce(_) | Node::Case(_) => true,
            Node::Numbers { .. } | Node::Call(..) => true,
            Node::InZone { .. } | Node::BesideLiteral { .. } | Node::BesideNumbers { .. } => false,
        };
        self.for_each_child(&mut |child| may_fail |= child.may_fail());
        may_fail
    }

    /// Its value for each selected row of the batch, in order.
    ///
    /// # Errors
    /// [`Error::Data`] when an integer, or a time in nanoseconds, does not fit in 64 bits.
    pub(crate) fn eval(&self, batch: &Batch) -> Result<Vector, Error> {
        eval::eval(self, batch)
    }

    /// Its values as a column with the physical rows of the batch: what `let` and `select` put beside the other
    /// columns. The value of a row that is not selected is null or unspecified. A plain column is shared, not copied.
    ///
    /// # Errors
    /// As [`Expr::eval`].
    pub(crate) fn eval_column(&self, batch: &Batch) -> Result<Column, Error> {
        match self.as_column() {
            Some(place) => Ok(batch.column(place).clone()),
            None => Ok(self.eval(batch)?.into_column(self.storage(), batch)),
        }
    }
}

/// What a [`Node::Case`] chooses from.
pub(crate) fn case_values(of: &[Expr]) -> impl Iterator<Item = &Expr> {
    of.iter().skip(1).step_by(2).chain(of.last().filter(|_| of.len() % 2 == 1))
}

/// Whether what a node computes may be of other types than `kind`, or a whole number beyond 64 bits.
fn is_open(node: &Node, kind: Type) -> bool {
    let wide = |value: &Constant| matches!(value, Constant::Int(value) if i64::try_from(*value).is_err());
    match node {
        Node::Constant(value) => wide(value),
        // As its field says, which [`Expr::field`] knows.
        Node::Column(_) => false,
        Node::Not(_) | Node::All(_) | Node::Any(_) | Node::Compare { .. } | Node::Between { .. } | Node::In { .. } => false,
        Node::Matches { .. } | Node::MatchesAny { .. } | Node::Find { .. } => false,
        // They give times, and nulls of what is none.
        Node::InZone { .. } | Node::BesideLiteral { .. } => false,
        Node::Negate(of) => kind == Type::Int || of.open,
        // Texts that are joined.
        Node::Arithmetic { .. } if kind == Type::Text => false,
        Node::Arithmetic { op, left, right } => {
            let grows = match op {
                ArithmeticOp::Rem => false,
                // The least number by -1 is beyond 64 bits.
                ArithmeticOp::FloorDiv => !matches!(right.node, Node::Constant(Constant::Int(n)) if n != -1),
                _ => true,
            };
            (kind == Type::Int && grows) || left.open || right.open
        }
        Node::Numbers { .. } | Node::BesideNumbers { .. } => true,
        Node::Coalesce(of) => of.iter().any(Expr::is_open),
        Node::Case(of) => case_values(of).any(Expr::is_open),
        Node::Call(function, of) => function.gives(kind, of) != Gives::Kind,
    }
}
