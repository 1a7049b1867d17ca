//! `number()`: records are numbered.

use recpipe::Type;

use crate::{
    language::{CheckCall, FunctionWord, Seen},
    plan::Computes,
};

/// `number`
pub(crate) static NUMBER: FunctionWord = FunctionWord {
    name: "number",
    syntax: "number()",
    doc: "in `let`: the number of the record, from 1, among those with the same key",
    example: "let n = number() per host",
    args: 0..=0,
    check: CheckCall::Syntax(|checker, _, span| checker.window(span, |_| Ok((Computes::Number, Seen::closed(Type::Int))))),
};
