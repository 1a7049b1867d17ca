//! See `fuzz/laws/src/archive.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recpipe_laws::archive::check(data));
