//! The `producer` program: what is typed goes in, an exit code comes out.

use std::process::ExitCode;

fn main() -> ExitCode {
    recpipe_producer::program(std::env::args_os())
}
