//! How far a run is, as a person at a terminal sees it.

use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use recpipe::transport::pipe_backchannel::advise;
use recpipe::wire::Pushdown;

use crate::harness::{DEADLINE, command, log, terminal, wait};

/// A run that is over sooner draws nothing.
const SHOWN_AFTER: Duration = Duration::from_secs(1);
/// One of so long draws something.
const LONG: Duration = Duration::from_millis(1200);

/// What a terminal clears a line with.
const CLEAR: &str = "\x1b[2K";

/// Runs with standard error at a terminal; whoever reads the records says whether it shows something, takes a part of them, and
/// the rest after so long: by then the run, which has begun by the first record, has lasted longer than that. What the terminal
/// got.
fn said(args: &[&str], path: &Path, shows: bool, pause: Duration) -> String {
    let (mut main_end, terminal) = terminal();
    let mut command = command(&[args, &[path.to_str().unwrap()]].concat());
    command.stdout(Stdio::piped()).stderr(terminal);
    let mut child = command.spawn().unwrap();
    // It holds an end of the terminal, whose reading would never end.
    drop(command);
    let mut stdout = child.stdout.take().unwrap();
    thread::scope(|scope| {
        let said = scope.spawn(move || {
            let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
            loop {
                match main_end.read(&mut part) {
                    Ok(n @ 1..) => bytes.extend_from_slice(&part[..n]),
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    // On Linux the end is an error.
                    _ => return String::from_utf8(bytes).unwrap(),
                }
            }
        });
        stdout.read_exact(&mut [0; 10_000]).unwrap();
        advise(&stdout, &Pushdown { shows, ..Pushdown::default() });
        thread::sleep(pause);
        std::io::copy(&mut stdout, &mut std::io::sink()).unwrap();
        assert_eq!(wait(&mut child, DEADLINE), Some(0));
        said.join().unwrap()
    })
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
        let said = said(&["apache"], path, false, LONG);
        // Of the bytes as they lie on the disk.
        let total = format!(" of {:.2} MiB (", bytes as f64 / 1048576.0);
        for part in [&*total, "%), ", " records/s, ", " left, ", ", 7 rejected"] {
            assert!(said.contains(part), "no {part:?} in {said:?}");
        }
        // The summary stands on a line that was cleared, and no bar comes after it.
        let (before, summary) = said.rsplit_once("producer: 7 lines rejected").unwrap();
        assert!(before.ends_with(CLEAR) || before.trim_end_matches(['\r', '\n']).ends_with(CLEAR), "{said:?}");
        assert!(!summary.contains("records/s"), "{said:?}");
    }
    let shared = said(&["apache", "--progress"], &plain, true, LONG);
    assert!(shared.lines().any(|line| line.starts_with("producer: ") && line.contains(" records/s")), "a whole line: {shared:?}");
    assert!(!shared.contains('\x1b') && shared.contains("producer: 7 lines rejected"), "{shared:?}");
    let shared = said(&["apache"], &plain, true, LONG);
    assert!(!shared.contains("records/s") && !shared.contains('\x1b'), "a bar between the lines of another: {shared:?}");
    for quiet in ["--no-progress", "-q"] {
        let said = said(&["apache", quiet], &plain, false, LONG);
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
        let said = said(&["apache"], &path, false, Duration::ZERO);
        (began.elapsed() < SHOWN_AFTER).then_some(said)
    });
    assert_eq!(short.as_deref(), Some(""));
}
