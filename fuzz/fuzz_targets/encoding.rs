//! See `fuzz/laws/src/encoding.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recpipe_laws::encoding::check(data));
