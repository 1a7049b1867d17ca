//! Pipes that stay open, readers that go away, terminals.

use std::io::{Read, Write};
use std::process::Stdio;
use std::time::Duration;

use recpipe::wire::{Incoming, Reader};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::{DEADLINE, command, common, log, run, terminal, wait};

#[test]
fn a_line_goes_out_while_the_input_stays_open() {
    let mut child = command(&["apache"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(common(0).as_bytes()).unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
    let mut batch = || loop {
        match reader.read().unwrap() {
            Some(Incoming::Batch(raw)) => return raw.decode().unwrap(),
            Some(Incoming::Schema(_)) => {}
            other => panic!("{}", if other.is_some() { "an unexpected frame" } else { "an early end" }),
        }
    };
    assert_eq!(batch().len(), 1);
    for n in 1..20 {
        let line = common(n);
        // Half a line is not a record yet.
        stdin.write_all(&line.as_bytes()[..20]).unwrap();
        std::thread::sleep(Duration::from_millis(5));
        stdin.write_all(&line.as_bytes()[20..]).unwrap();
        assert_eq!(batch().row(0).get("host").unwrap().to_string(), format!("host{n}"));
    }
    drop(stdin);
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
}

/// Sends these pieces with a pause after each, and gives the records as JSON.
fn in_pieces(args: &[&str], pieces: &[&str], pause: Duration) -> String {
    let mut child = command(args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for piece in pieces {
        stdin.write_all(piece.as_bytes()).unwrap();
        std::thread::sleep(pause);
    }
    drop(stdin);
    let mut shown = String::new();
    child.stdout.take().unwrap().read_to_string(&mut shown).unwrap();
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
    shown
}

#[test]
fn a_pause_after_the_header_decides_nothing() {
    let csv = ["csv", "--as", "json"];
    // Longer than a sample is waited for once there is a record.
    assert_eq!(
        in_pieces(&csv, &["id,price\n", "1,9\n2,\n"], Duration::from_millis(1200)),
        "{\"id\":1,\"price\":9}\n{\"id\":2,\"price\":null}\n"
    );
    let pause = Duration::from_millis(50);
    assert_eq!(in_pieces(&csv, &["\n", "a,b\n1", ",x\n", "02", ",\n"], pause), "{\"a\":\"1\",\"b\":\"x\"}\n{\"a\":\"02\",\"b\":\"\"}\n");
    let json = ["json", "--as", "json"];
    assert_eq!(in_pieces(&json, &["{\"a\":1}\n", "{\"late\":null}\n"], pause), "{\"a\":1}\n{\"late\":null}\n");
}

#[test]
fn a_sample_ends_while_the_input_stays_open() {
    let mut child = command(&["json"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"{\"a\":1}\n{\"a\":").unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
    assert!(matches!(reader.read().unwrap(), Some(Incoming::Schema(_))));
    let Some(Incoming::Batch(batch)) = reader.read().unwrap() else { panic!("no batch") };
    assert_eq!(batch.decode().unwrap().len(), 1);
    drop(stdin);
    assert_eq!(wait(&mut child, DEADLINE), Some(0));
}

#[test]
fn it_ends_when_its_reader_goes_though_its_input_is_silent() {
    for threads in ["1", "2", "4"] {
        let mut child = command(&["apache", "-j", threads]).stdin(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(common(0).as_bytes()).unwrap();
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 100]).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        drop(stdout);
        assert_eq!(wait(&mut child, DEADLINE), Some(0));
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!(said, "");
        drop(stdin);
    }
}

#[test]
fn a_reader_that_has_enough_ends_an_endless_input() {
    for threads in ["1", "4"] {
        let mut child = command(&["apache", "-j", threads, "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        std::thread::scope(|scope| {
            let feeding = scope.spawn(move || while stdin.write_all(log(1000).as_bytes()).is_ok() {});
            stdout.read_exact(&mut vec![0; 5 << 20]).unwrap();
            drop(stdout);
            assert_eq!(wait(&mut child, DEADLINE), Some(0));
            feeding.join().unwrap();
        });
    }
}

#[test]
fn killed_in_the_middle_it_leaves_a_stream_without_an_end() {
    let mut child = command(&["apache"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(common(0).as_bytes()).unwrap();
    let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
    while !matches!(reader.read().unwrap(), Some(Incoming::Batch(_))) {}
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(reader.read().is_err_and(|e| e.to_string().contains("truncated")));
}

#[test]
fn records_are_not_written_to_a_terminal() {
    let (_main_end, terminal) = terminal();
    let mut child = command(&["apache"]).stdout(terminal).spawn().unwrap();
    assert_eq!(wait(&mut child, DEADLINE), Some(2));
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert!(said.contains("terminal") && said.contains("| consumer"), "{said}");
}

/// A named pipe in a directory of its own.
fn fifo() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("fifo");
    mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let shown = path.to_str().unwrap().to_owned();
    (dir, shown)
}

#[test]
fn a_named_pipe_without_a_writer_keeps_nobody() {
    let (_dir, fifo) = fifo();
    for threads in ["1", "4"] {
        for (signal, code) in [(Some(Signal::TERM), 143), (Some(Signal::INT), 130), (None, 0)] {
            let mut child = command(&["apache", "-j", threads, "--stats", &fifo]).spawn().unwrap();
            let mut stdout = child.stdout.take().unwrap();
            // It has begun, so signals are caught by now.
            stdout.read_exact(&mut [0; 8]).unwrap();
            match signal {
                Some(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
                None => drop(stdout),
            }
            assert_eq!(wait(&mut child, DEADLINE), Some(code));
        }
    }
}

#[test]
fn a_named_pipe_is_read_to_the_end_of_its_writer() {
    let (_dir, fifo) = fifo();
    for text in [String::new(), log(30_000)] {
        let run = std::thread::scope(|scope| {
            scope.spawn(|| std::fs::write(&fifo, &text).unwrap());
            run(&["apache", &fifo]).exits(0).quietly()
        });
        assert_eq!(run.stream().len(), text.lines().count());
    }
}
