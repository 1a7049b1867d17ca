//! Times as text: by a format ([`TimeFormat`]), and what a template asks of a field (`format_spec`). Steps that they are cut into: `step`.

pub(crate) mod format_spec;
pub(crate) mod step;
mod strftime;

pub use strftime::TimeFormat;
