//! The laws, tried with the seeds of the fuzz targets and with everything that fuzzers have found.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use recpipe_laws::{Check, TARGETS};

/// The files of a directory, sorted; none if there is no such directory.
fn files(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join(name)
}

/// Tries what lies in the target's directory; how many files there were.
fn replay(within: &str, target: &str, check: Check) -> usize {
    let paths = files(&directory(within).join(target));
    for path in &paths {
        let data = fs::read(path).unwrap();
        if std::panic::catch_unwind(|| check(&data)).is_err() {
            panic!("{} breaks a law", path.display());
        }
    }
    paths.len()
}

#[test]
fn what_was_found_keeps_the_laws() {
    for (target, check) in TARGETS {
        replay("found", target, *check);
    }
}

#[test]
fn the_seeds_keep_the_laws() {
    for (target, check) in TARGETS {
        assert!(replay("seeds", target, *check) > 1, "`{target}` has no seeds");
    }
}

#[test]
fn every_target_and_every_kept_input_has_its_laws() {
    let known: Vec<&str> = TARGETS.iter().map(|(target, _)| *target).collect();
    let targets: Vec<String> =
        files(&directory("fuzz_targets")).iter().map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(targets, known);
    for kept in ["found", "seeds"] {
        for path in files(&directory(kept)) {
            assert!(known.contains(&path.file_name().unwrap().to_str().unwrap()), "{} is of no target", path.display());
        }
    }
}
