//! The program `recpipe`: what is typed goes in, an exit code comes out.

use std::process::ExitCode;

use recpipe_consumer::language::Catalog;
use recpipe_producer::format::Formats;

/// The allocator of musl has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    recpipe_front::program(std::env::args_os().collect(), &Formats::builtin(), Catalog::builtin())
}
