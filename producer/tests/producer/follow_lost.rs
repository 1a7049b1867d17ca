//! Files that are deleted while they are followed: what is read of them all the same, and what cannot be.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Child;
use std::time::{Duration, Instant};

use recpipe::wire::{Incoming, Reader};
use rustix::process::{Pid, Signal, kill_process};

use crate::following::{Following, append};
use crate::harness::{DEADLINE, command};

/// Waits until `child` has `path` open under that name.
fn wait_until_open(child: &Child, path: &Path) {
    let until = Instant::now() + DEADLINE;
    let has_it = || {
        let fds = fs::read_dir(format!("/proc/{}/fd", child.id())).unwrap();
        fds.flatten().any(|fd| fs::read_link(fd.path()).is_ok_and(|to| to == path))
    };
    while !has_it() {
        assert!(Instant::now() < until, "nobody opens {}", path.display());
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_reader_that_pauses_costs_no_file() {
    let dir = tempfile::tempdir().unwrap();
    // As the system says it in /proc.
    let log = dir.path().canonicalize().unwrap().join("f.log");
    append(&log, "");
    for threads in ["1", "2"] {
        let mut child = command(&["lines", "-F", "-j", threads, log.to_str().unwrap()]).spawn().unwrap();
        let mut reader = Reader::new(child.stdout.take().unwrap()).unwrap();
        // More than the pipe and the blocks on their way can take: it writes, and waits for its reader to go on.
        const MANY: usize = 1 << 18;
        let mut file = fs::OpenOptions::new().append(true).open(&log).unwrap();
        file.write_all("a line that is only there to fill what may be filled until it is\n".repeat(MANY).as_bytes()).unwrap();
        for n in 0..20 {
            fs::remove_file(&log).unwrap();
            append(&log, &format!("{n}\n"));
            wait_until_open(&child, &log);
        }
        let (mut filling, mut numbers) = (0, Vec::new());
        while filling < MANY || numbers.len() < 20 {
            let Some(Incoming::Batch(raw)) = reader.read().unwrap() else { continue };
            for row in raw.decode().unwrap().rows() {
                match row.get("line").unwrap().to_string().parse::<usize>() {
                    Ok(n) => numbers.push(n),
                    Err(_) => filling += 1,
                }
            }
        }
        kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
        while let Some(incoming) = reader.read().unwrap() {
            assert!(!matches!(incoming, Incoming::Batch(_)), "there is more");
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!((filling, numbers), (MANY, (0..20).collect()));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "-j {threads}");
    }
}

#[test]
fn a_file_that_nobody_could_open_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("f.log");
    append(&log, "");
    let mut following = Following::new(&["--stats".as_ref(), log.as_os_str()]);
    append(&log, "before\n");
    following.expect(&["before"]);
    // A process that is stopped opens nothing.
    following.stop();
    for text in ["of a file that was there\n", "lost\n", "lost, too\n", "after\n"] {
        append(&log, text);
        if text != "after\n" {
            fs::remove_file(&log).unwrap();
        }
    }
    following.signal(Signal::CONT);
    following.expect(&["of a file that was there", "after"]);
    let said = format!("{}: a file of this name came and went before it could be read", log.display());
    following.says(&said);
    following.signal(Signal::TERM);
    following.says("lines may have been lost, 2 times");
    assert_eq!(following.said().matches(&said).count(), 2);
}
