//! What travels: lines of a log that say whose they are and which, written until they are not wanted any more.

use std::{
    io::{PipeWriter, Write},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use e2e::log::{Entry, Log};

/// What a consumer prints of a record, so that each is known by it.
pub const PRINT: &str = "print \"{user} {request} {bytes}\"";

/// The line of this number.
fn entry(template: &Entry, name: &str, number: u64) -> Entry {
    Entry { user: name.to_owned(), request: format!("/{number}"), bytes: Some(number % 1000), ..template.clone() }
}

/// Writes a few lines, pauses, and so on, until `stop`, or nobody reads them; how many. Each few are a frame, or nearly.
pub fn trickle(mut pipe: PipeWriter, name: &str, stop: &AtomicBool) -> u64 {
    let template = Log::common(101, 1).0.remove(0);
    let mut written = 0;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        for _ in 0..5 {
            let line = entry(&template, name, written).line() + "\n";
            if pipe.write_all(line.as_bytes()).is_err() {
                return written;
            }
            written += 1;
        }
        if is_last {
            return written;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Writes a log again and again, as fast as it is read, until `stop`, or nobody reads it; how many times.
pub fn flood(mut pipe: PipeWriter, text: &[u8], stop: &AtomicBool) -> u64 {
    let mut times = 0;
    while !stop.load(Ordering::Relaxed) && pipe.write_all(text).is_ok() {
        times += 1;
    }
    times
}

/// Asserts that of this producer's lines the first have been printed, each once and in order; how many.
#[track_caller]
pub fn printed(stdout: &str, name: &str) -> u64 {
    let mut number = 0;
    for line in stdout.lines().filter(|line| line.split(' ').next() == Some(name)) {
        assert_eq!(line, format!("{name} /{number} {}", number % 1000), "{number} lines of {name} are as they should be, and then:");
        number += 1;
    }
    number
}
