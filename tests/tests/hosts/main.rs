//! The two programs on hosts of their own, with cables that are cut while records travel.
//!
//! Much of it is waiting, so the runs of a test go on side by side. What it takes from the environment:
//!
//! - `HOSTS_SECONDS`: how long cables are cut, as in `1,10,40`, the whole; without it, `1,3,8`;
//! - `HOSTS_LOG`: an access log to be sent at full speed, instead of lines that are made until the cable is whole again;
//! - `HOSTS_RUNS`: how many connections are left half open.
//!
//! Where one of them is set, the machine is expected to do nothing else: figures are written to stderr, and things must have
//! happened in time, not only at all. To measure: `cargo test --release -p e2e --test hosts`.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

// A cable that is cut while a consumer cannot read.
mod busy;
// A cable that is cut for a while, or for good.
mod cables;
// How long it takes until each end knows that the other one cannot be heard.
mod half_open;
// What travels: lines that know whose they are and which.
mod lines;
// Who sends to whom.
mod topology;

use std::{
    env,
    fmt::Display,
    io::{self, Write},
    thread,
};

/// Runs all of these side by side; those that fail say which they are.
fn side_by_side<T: Display + Sync>(cases: &[T], run: impl Fn(&T) + Sync) {
    let failed: Vec<String> = thread::scope(|scope| {
        let started: Vec<_> = cases.iter().map(|case| (case, scope.spawn(|| run(case)))).collect();
        started.into_iter().filter_map(|(case, thread)| thread.join().err().map(|_| case.to_string())).collect()
    });
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}

/// Whether somebody measures.
fn measures() -> bool {
    ["HOSTS_SECONDS", "HOSTS_LOG", "HOSTS_RUNS"].iter().any(|name| env::var_os(name).is_some())
}

/// A figure for whoever measures.
fn figure(what: &str) {
    if measures() {
        // Whether anybody reads it is no matter.
        let _ = writeln!(io::stderr(), "{what}");
    }
}
