//! A writer at full speed takes three files through fifty rotations of each kind: no line is lost, none comes twice, and each
//! file keeps its order. Where a rotation can lose lines by its nature, each gap must have been reported.
//!
//! `FOLLOW_SECONDS` says how long each kind takes (default 2).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::following::Following;

const FILES: usize = 3;
const ROTATIONS: usize = 50;

/// A file that is written to, and rotated.
struct Log {
    number: usize,
    path: PathBuf,
    file: File,
    lines: usize,
    rotations: usize,
}

fn open(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

impl Log {
    fn write(&mut self) {
        self.file.write_all(format!("{} {:09}\n", self.number, self.lines).as_bytes()).unwrap();
        self.lines += 1;
    }

    fn rotated(&mut self) -> PathBuf {
        self.rotations += 1;
        PathBuf::from(format!("{}.{}", self.path.display(), self.rotations))
    }
}

/// Writes until `seconds` are over, with `rotate` in between. Answers how many lines each file had, and the lines that came.
fn stress(name: &str, rotate: fn(&mut Log)) -> (Vec<usize>, Vec<String>, String) {
    let seconds: f64 = std::env::var("FOLLOW_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = (0..FILES).map(|n| dir.path().join(format!("{n}.log"))).collect();
    let logs = paths.iter().enumerate();
    let mut logs: Vec<Log> =
        logs.map(|(number, path)| Log { number, path: path.clone(), file: open(path), lines: 0, rotations: 0 }).collect();
    let following = Following::new(&paths);
    let began = Instant::now();
    let every = Duration::from_secs_f64(seconds / (ROTATIONS * FILES + 1) as f64);
    for turn in 1..=ROTATIONS * FILES {
        while began.elapsed() < every * turn as u32 {
            for _ in 0..20 {
                logs.iter_mut().for_each(Log::write);
            }
        }
        rotate(&mut logs[turn % FILES]);
    }
    logs.iter_mut().for_each(Log::write);
    let wrote = began.elapsed();
    let lasts: Vec<String> = logs.iter().map(|log| format!("{} {:09}", log.number, log.lines - 1)).collect();
    let mut missing: Vec<&String> = lasts.iter().collect();
    let mut at = 0;
    let lines = following.all(|lines| {
        missing.retain(|last| !lines[at..].contains(last));
        at = lines.len();
        missing.is_empty()
    });
    let (total, behind) = (logs.iter().map(|log| log.lines).sum::<usize>(), began.elapsed() - wrote);
    recpipe::say!(
        "{name}: {total} lines, {} rotations in {wrote:.1?} ({:.0} lines/s), {} came, the last after {behind:.1?}",
        ROTATIONS * FILES,
        total as f64 / wrote.as_secs_f64(),
        lines.len()
    );
    (logs.iter().map(|log| log.lines).collect(), lines, following.said())
}

/// Asserts that each file's lines came in order and once; answers how many gaps there are in each.
fn gaps(counts: &[usize], lines: &[String]) -> Vec<usize> {
    let mut next = vec![0; counts.len()];
    let mut gaps = vec![0; counts.len()];
    for line in lines {
        let (file, number) = line.split_once(' ').unwrap_or_else(|| panic!("torn: {line:?}"));
        assert_eq!(number.len(), 9, "torn: {line:?}");
        let (file, number): (usize, usize) = (file.parse().unwrap(), number.parse().unwrap());
        assert!(number >= next[file], "file {file}: {number} after {}", next[file]);
        gaps[file] += usize::from(number > next[file]);
        next[file] = number + 1;
    }
    assert_eq!(next, counts, "the last line of each file came");
    gaps
}

/// Asserts that no file has more gaps than were reported of it.
fn only_reported(name: &str, gaps: &[usize], said: &str, what: &str) {
    for (file, gaps) in gaps.iter().enumerate() {
        let reported = said.lines().filter(|line| line.contains(&format!("{file}.log: {what}"))).count();
        recpipe::say!("{name}: file {file}: {gaps} gaps, {reported} reported");
        assert!(*gaps <= reported, "{gaps} gaps, {reported} reported:\n{said}");
    }
}

#[test]
fn renaming_loses_nothing() {
    let (counts, lines, said) = stress("rename", |log| {
        let old = log.rotated();
        fs::rename(&log.path, old).unwrap();
        log.write();
        log.file = open(&log.path);
    });
    assert_eq!(gaps(&counts, &lines), [0; FILES]);
    assert_eq!(said, "");
}

#[test]
fn copying_and_truncating_loses_only_what_is_reported() {
    let (counts, lines, said) = stress("copytruncate", |log| {
        let old = log.rotated();
        fs::copy(&log.path, old).unwrap();
        log.file.set_len(0).unwrap();
    });
    only_reported("copytruncate", &gaps(&counts, &lines), &said, "was truncated");
}

#[test]
fn deleting_loses_only_what_is_reported() {
    let (counts, lines, said) = stress("delete", |log| {
        log.rotations += 1;
        fs::remove_file(&log.path).unwrap();
        log.write();
        log.file = open(&log.path);
    });
    only_reported("delete", &gaps(&counts, &lines), &said, "a file of this name came and went");
}
