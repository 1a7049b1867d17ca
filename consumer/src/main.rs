//! The binary `consumer`; all it does is in the library.

use std::process::ExitCode;

use recpipe_consumer::{cli::Cli, program};

fn main() -> ExitCode {
    program::main(&Cli::from_args()).into()
}
