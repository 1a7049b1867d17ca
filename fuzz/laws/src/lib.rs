//! Laws that hold for any bytes, one module for each fuzz target.
//!
//! A target hands its input to `check`, which panics where a law is broken. The first bytes of an input choose the options,
//! the others are the data. `tests/found.rs` tries the same laws with what fuzzers have found and with the seeds, on every
//! `cargo test`.

#![forbid(unsafe_code)]
#![allow(clippy::panic, reason = "a law that is broken is told by panicking")]

pub mod apache_line;
pub mod archive;
pub mod blocks;
pub mod bytes;
pub mod columnar;
pub mod control;
pub mod csv;
pub mod encoding;
pub mod frame_reader;
pub mod journal;
pub mod json;
pub mod lines;
pub mod partial;
pub mod pickle;
pub mod query;
pub mod struct_;
pub mod template;
pub mod xml;

/// Panics where a law is broken.
pub type Check = fn(&[u8]);

/// Every target by its name, with what it checks.
pub const TARGETS: &[(&str, Check)] = &[
    ("apache_line", apache_line::check),
    ("archive", archive::check),
    ("columnar", columnar::check),
    ("control", control::check),
    ("csv", csv::check),
    ("encoding", encoding::check),
    ("frame_reader", frame_reader::check),
    ("journal", journal::check),
    ("json", json::check),
    ("partial", partial::check),
    ("pickle", pickle::check),
    ("query", query::check),
    ("struct", struct_::check),
    ("template", template::check),
    ("xml", xml::check),
];
