//! The functions: values of one record in, one value out. One function, or a few that share what they do, in a file: what is said
//! of it, what it takes, what it computes. The list of them is in [`crate::catalog`].

pub(crate) mod bin;
pub(crate) mod calendar;
pub(crate) mod case;
pub(crate) mod cast;
pub(crate) mod choice;
pub(crate) mod concat;
pub(crate) mod duration;
pub(crate) mod ends;
pub(crate) mod extract;
pub(crate) mod extreme;
pub(crate) mod find;
pub(crate) mod hash;
pub(crate) mod json;
pub(crate) mod local;
pub(crate) mod mask;
pub(crate) mod network;
pub(crate) mod now;
pub(crate) mod numeric;
pub(crate) mod pad;
pub(crate) mod replace;
pub(crate) mod round;
pub(crate) mod slice;
pub(crate) mod strftime;
pub(crate) mod time;
pub(crate) mod url;

/// As many arguments as one likes.
const MANY: usize = usize::MAX;
