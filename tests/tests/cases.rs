//! Runs the table cases of `cases/`. What a case is made of is told in the harness, in `src/case.rs`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    env, fs,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use e2e::case::{Case, directory, find};

/// There are as many or more; fewer say that some were lost. To be raised with those that come.
const AT_LEAST: usize = 330;

/// Cases run at the same time.
const AT_ONCE: usize = 4;

#[test]
fn every_case_is_answered_as_it_says() {
    let files = find();
    assert!(files.len() >= AT_LEAST, "only {} cases found in {}", files.len(), directory().display());
    let update = env::var_os("UPDATE_EXPECT").is_some_and(|value| value == "1");
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = Case::read(file).and_then(|case| {
                        if update {
                            fs::write(file, case.updated().to_toml()).map_err(|error| error.to_string())?;
                        }
                        Case::read(file)?.check()
                    });
                    if let Err(wrong) = found {
                        failures.lock().unwrap().push(format!("{}\n{wrong}", file.strip_prefix(directory()).unwrap_or(file).display()));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    assert!(failures.is_empty(), "{} of {} cases:\n\n{}", failures.len(), files.len(), failures.join("\n\n"));
}
