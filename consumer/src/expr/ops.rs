//! The operators that a query writes between two values, as the evaluation knows them.

/// An operator that looks for text in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindOp {
    /// `contains`
    Contains,
    /// `startswith`
    StartsWith,
    /// `endswith`
    EndsWith,
}

/// An operator that calculates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArithmeticOp {
    /// `+`: of texts, one after the other.
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`: always a float.
    Div,
    /// `//`: rounded down.
    FloorDiv,
    /// `%`: has the sign of the divisor, so that `a == a // b * b + a % b`.
    Rem,
}

impl ArithmeticOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            ArithmeticOp::Add => "+",
            ArithmeticOp::Sub => "-",
            ArithmeticOp::Mul => "*",
            ArithmeticOp::Div => "/",
            ArithmeticOp::FloorDiv => "//",
            ArithmeticOp::Rem => "%",
        }
    }
}
