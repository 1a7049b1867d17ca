//! See `fuzz/laws/src/frame_reader.rs`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| recpipe_laws::frame_reader::check(data));
