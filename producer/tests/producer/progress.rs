//! How far a run is, as a person at a terminal sees it.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use crate::harness::{DEADLINE, command, log, terminal, wait};

/// What a terminal clears a line with.
const CLEAR: &str = "\x1b[2K";

/// Runs with standard error at a terminal. Whoever reads the records takes a part of them, and the rest when this is so of what
/// the terminal has got, and of the time that has passed. What it got in all.
fn said(args: &[&str], path: &Path, goes_on: impl Fn(&str, Duration) -> bool) -> String {
    let (mut main_end, terminal) = terminal();
    let mut command = command(&[args, &[path.to_str().unwrap()]].concat());
    command.stdout(Stdio::piped()).stderr(terminal);
    let began = Instant::now();
    let mut child = command.spawn().unwrap();
    // It holds an end of the terminal, whose reading would never end.
    drop(command);
    let mut stdout = child.stdout.take().unwrap();
    let got = Mutex::new(Vec::new());
    let text = || String::from_utf8_lossy(&got.lock().unwrap()).into_owned();
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut part = [0; 4096];
            loop {
                match main_end.read(&mut part) {
                    Ok(n @ 1..) => got.lock().unwrap().extend_from_slice(&part[..n]),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    // On Linux the end is an error.
                    _ => return,
                }
            }
        });
        stdout.read_exact(&mut [0; 10_000]).unwrap();
        while !goes_on(&text(), began.elapsed()) {
            assert!(began.elapsed() < DEADLINE, "the terminal has got {:?}", text());
            thread::sleep(Duration::from_millis(5));
        }
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert_eq!(wait(&mut child, DEADLINE), Some(0));
        reading.join().unwrap();
    });
    text()
}

#[test]
fn a_bar_is_drawn_after_a_second_and_taken_away() {
    let dir = tempfile::tempdir().unwrap();
    // More than fits between the programs, so that it lasts as long as its reader likes.
    let text = "bad\n".repeat(7) + &log(100_000);
    let (plain, packed) = (dir.path().join("log"), dir.path().join("log.gz"));
    std::fs::write(&plain, &text).unwrap();
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    std::fs::write(&packed, gz.finish().unwrap()).unwrap();
    for path in [&plain, &packed] {
        let bytes = std::fs::metadata(path).unwrap().len();
        // Of the bytes as they lie on the disk.
        let total = format!(" of {:.2} MiB (", bytes as f64 / 1048576.0);
        let parts = [&*total, "%), ", " records/s, ", " left, ", ", 7 rejected"];
        let said = said(&["apache"], path, |got, passed| {
            assert!(got.is_empty() || passed >= Duration::from_secs(1), "after {passed:?}: {got:?}");
            parts.iter().all(|part| got.contains(part))
        });
        // The summary stands on a line that was cleared, and no bar comes after it.
        let (before, summary) = said.rsplit_once("producer: 7 lines rejected").unwrap();
        assert!(before.ends_with(CLEAR) || before.trim_end_matches(['\r', '\n']).ends_with(CLEAR), "{said:?}");
        assert!(!summary.contains("records/s"), "{said:?}");
    }
    for quiet in ["--no-progress", "-q"] {
        let said = said(&["apache", quiet], &plain, |_, passed| passed > Duration::from_millis(1500));
        assert!(!said.contains("records/s") && !said.contains('\x1b'), "{quiet}: {said:?}");
    }
}

#[test]
fn a_short_run_draws_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    std::fs::write(&path, log(1000)).unwrap();
    // Where the machine has too much to do, a run may not be short.
    let short = (0..50).find_map(|_| {
        let began = Instant::now();
        let said = said(&["apache"], &path, |_, _| true);
        (began.elapsed() < Duration::from_secs(1)).then_some(said)
    });
    assert_eq!(short.as_deref(), Some(""));
}
