//! The query language: from what a person typed to a plan that can run.
//!
//! Three passes, three types, each of which can fail only with a [`QueryError`] that shows the query:
//! [`parse()`] makes a [`Query`] of a [`Source`] without knowing any record; [`check()`] makes a [`Plan`](crate::plan::Plan) of it with the
//! schema of the stream. What words there are, both are told by a [`Catalog`]: the language imports none of them.
//!
//! Reading order: [`diagnose`], [`token`], `ast`, [`catalog`], [`parse`](mod@parse), `parse_expr`, [`check`](mod@check),
//! `check_expr`.

pub(crate) mod ast;
pub mod catalog;
pub mod check;
mod check_aggregate;
mod check_arithmetic;
mod check_call;
mod check_expr;
mod check_file;
mod check_outputs;
mod check_regex;
mod check_times;
mod check_window;
mod cure;
pub mod diagnose;
mod fitting;
mod hints;
mod open;
pub mod parse;
mod parse_aggregate;
mod parse_expr;
mod parse_mistake;
mod parse_window;
mod scope;
pub(crate) mod signature;
pub mod template;
pub mod token;
mod translate;

pub use ast::{Ident, Query};
pub use catalog::{AggregateWord, Catalog, Family, FileSink, FileWord, FoldWord, FunctionWord, StageWord, Syntax, parsed};
pub(crate) use check::NewColumn;
pub use check::{Inputs, KnownInputs, Setting, Upstream, check, check_at};
pub(crate) use check_call::CheckCall;
pub use check_expr::{Checked, Checker, Failed};
pub use diagnose::{Diagnostic, QueryError, Source, Style};
pub(crate) use fitting::{Fields, NamePattern};
pub(crate) use open::Watched;
pub use parse::{Parsed, Parser, parse};
pub(crate) use parse_aggregate::aggregates;
pub(crate) use scope::{Growth, Seen};
pub(crate) use signature::name as kind_name;

#[cfg(test)]
pub(crate) mod tests;
