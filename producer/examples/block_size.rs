//! `producer` with blocks of another size, to measure what the size is worth: `scripts/block-size` does.
//!
//! ```text
//! block_size BYTES FORMAT [OPTION…] [PATH…]
//! ```
//!
//! No option of the program, because nobody who uses it has to choose: `docs/performance.md` shows why.

use std::process::ExitCode;

use recpipe::{Exit, say};
use recpipe_producer::{cli::Cli, config::Config, produce};

fn main() -> ExitCode {
    let mut args = std::env::args_os();
    let program = args.next();
    let bytes = args.next().and_then(|bytes| bytes.to_str()?.parse::<usize>().ok());
    let Some(block_bytes) = bytes.filter(|bytes| *bytes > 0) else {
        say!("usage: block_size BYTES FORMAT [OPTION…] [PATH…]");
        return Exit::Usage.into();
    };
    let config = Cli::read(program.into_iter().chain(args)).map_err(|e| e.to_string()).and_then(Config::new);
    match config {
        Ok(config) => produce(Config { block_bytes, ..config }).into(),
        Err(mistake) => {
            say!("block_size: {mistake}");
            Exit::Usage.into()
        }
    }
}
