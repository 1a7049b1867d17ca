//! What the bytes of an input mean. One format is one file here, and one row of [`FORMATS`], which the command line,
//! its help and its did-you-mean are made of.
//!
//! Most formats take blocks of whole records apart, on all workers at once:
//!
//! ```text
//! Format   one for a stream      says where records end, sees samples of all inputs, then the first block of each, and makes of it
//! Plan     one for an input      what all its blocks need (csv: the header), shared by the workers
//! Parser   one for a worker      takes blocks apart, one at a time, in any order
//! ```
//!
//! A format whose records do not lie in bytes that can be cut (`find`, `records`) is a [`Source`](source::Source) of its own instead.

mod apache;
mod args;
pub(crate) mod auto;
pub(crate) mod columnar;
pub mod continuity;
mod copied;
mod csv;
mod find;
mod formats;
mod growing;
pub(crate) mod journal;
mod json;
mod json_string;
mod lines;
mod log;
mod names;
mod near;
mod number_form;
mod open_table;
mod pickle;
mod plan;
mod range;
mod records;
mod regex;
pub mod source;
mod spec;
pub mod store;
mod struct_;
mod table;
#[cfg(test)]
pub(crate) mod testing;
mod type_set;
mod untyped;
mod usual;
mod wanted;
mod xml;

pub use args::{Args, FormatOption, check_fields};
pub use formats::Formats;
pub use log::{OwnFormat, formats_of};
pub use near::near;
pub use number_form::NumberForm;
pub use plan::{Format, Parsed, Parser, Plan, Reject, Unit};
pub use spec::{FormatSpec, Start, StartBlocks, StartMade, StartSource};
pub use untyped::Nulls;
pub use wanted::Wanted;

/// All formats, in the order of the help.
pub const FORMATS: &[FormatSpec] = &[
    apache::SPEC,
    lines::SPEC,
    regex::SPEC,
    csv::CSV,
    csv::TSV,
    json::SPEC,
    struct_::SPEC,
    xml::SPEC,
    pickle::SPEC,
    columnar::ARROW,
    columnar::PARQUET,
    records::SPEC,
    find::SPEC,
    range::RANGE,
    range::COUNT,
    log::LOG,
    log::NGINX,
    log::NGINX_ERROR,
    log::APACHE_ERROR,
    log::SYSLOG,
    journal::SPEC,
    log::LOGFMT,
    log::LTSV,
    log::W3C,
    log::ELB,
    log::S3,
    log::HAPROXY,
    log::CRI,
    log::DOCKER,
    log::LOG4J,
    log::PYTHON,
    log::KLOG,
    log::POSTGRES,
    log::MYSQL_SLOW,
    log::REDIS,
    log::CADDY,
    log::TRAEFIK,
    auto::SPEC,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_described() {
        for (i, spec) in FORMATS.iter().enumerate() {
            assert!(!spec.about.is_empty());
            assert!(spec.name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
            assert!(FORMATS[..i].iter().all(|other| other.name != spec.name));
        }
    }
}
