//! What the programs say of themselves, besides `--help`: [topics](topic) of their help, [man pages](man), and [completions](completion)
//! for shells. What is said comes from the tables of each program; here is how.

#![forbid(unsafe_code)]

pub mod completion;
pub mod man;
mod serve;
pub mod topic;
mod wrap;

pub use clap_complete::engine::CompletionCandidate as Candidate;
pub use completion::Words;
pub use man::Page;
pub use serve::{RESERVED, Said, serve};
pub use wrap::wrapped;
