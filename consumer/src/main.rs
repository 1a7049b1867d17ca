//! The binary `consumer`; all it does is in the library.

use std::process::ExitCode;

use recpipe_consumer::{language::Catalog, program};

/// The allocator of musl has one lock for all threads.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    program::run(Catalog::builtin())
}
