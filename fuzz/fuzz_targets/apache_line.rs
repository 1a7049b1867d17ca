//! See `fuzz/laws/src/apache_line.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recpipe_laws::apache_line::check(data));
