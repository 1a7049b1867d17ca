//! See `fuzz/laws/src/struct_.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recpipe_laws::struct_::check(data));
