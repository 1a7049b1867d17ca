//! The binary `consumer`; all it does is in the library.

use std::process::ExitCode;

use recpipe_consumer::{language::Catalog, program};

fn main() -> ExitCode {
    program::run(Catalog::builtin())
}
