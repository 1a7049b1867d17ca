//! The query language: from what a person typed to a plan that can run.
//!
//! Three passes, three types, each of which can fail only with a [`QueryError`] that shows the query:
//! [`parse()`] makes a [`Query`] of a [`Source`] without knowing any record; [`check()`] makes a [`Plan`] of it with the
//! schema of the stream. What words there are stands in the tables of [`words`] alone.
//!
//! Reading order: [`diagnose`], [`token`], [`ast`], [`words`], [`parse`](mod@parse), `parse_expr`, [`check`](mod@check),
//! `check_expr`, [`plan`].

mod aggregates;
pub mod ast;
pub mod check;
mod check_call;
mod check_columns;
mod check_expr;
mod check_outputs;
mod check_times;
pub mod conditions;
pub(crate) mod cure;
pub mod diagnose;
mod functions;
pub mod needs;
pub mod parse;
mod parse_expr;
pub mod plan;
mod stages;
pub mod template;
pub mod token;
pub mod words;

pub use ast::Query;
pub use check::{Setting, check, check_at};
pub use diagnose::{Diagnostic, QueryError, Source, Span, Style};
pub use needs::{advice, fields_read};
pub use parse::parse;
pub use plan::Plan;

#[cfg(test)]
mod tests;
