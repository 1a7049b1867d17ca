//! From typed records to answers: the query language, its stages, and what runs them.
//!
//! How a query becomes an answer: [`language`] parses it and checks it against the stream's schema; [`split`] cuts it into a
//! part for each worker and a part that runs once; [`run`] reads frames and drives both; [`stage`]s, [`aggregate`]s and
//! [`expr`]essions do the work; [`gather`] is what must see all records first, within its share of the [`memory`];
//! [`output`] writes it.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod catalog;
pub mod cli;
pub mod config;
pub mod explain;
pub mod expr;
pub mod help;
pub mod input;
pub mod language;
mod late;
pub mod left_out;
mod live;
pub mod memory;
pub mod output;
pub mod plan;
mod preview;
pub mod processes;
pub mod program;
pub mod run;
pub mod size;
pub mod sort;
pub mod span;
pub mod split;
pub mod stage;
pub mod time;
pub mod unite;
pub mod writer;
