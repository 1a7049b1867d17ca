//! Times as text: by a format ([`TimeFormat`]), and what a template asks of a field ([`format_spec`]).

pub mod format_spec;
mod strftime;

pub use strftime::TimeFormat;
