//! A writer at full speed takes three files through fifty rotations of each kind: no line is lost, none comes twice, and each
//! file keeps its order. Where a rotation can lose lines by its nature, each gap must have been reported.
//!
//! Of a copy, what was not read of the original before it was emptied comes when the copy is known to be one, which may be
//! after what is in the original by then: there the order is that of each file.
//!
//! `FOLLOW_SECONDS` says how long each kind takes (default 2).

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::following::Following;

const FILES: usize = 3;
const ROTATIONS: usize = 50;

/// So many lines a daemon writes to its old file before it opens the new one.
const LATE: usize = 30;

/// A file that is written to, and rotated.
struct Log {
    number: usize,
    path: PathBuf,
    file: File,
    lines: usize,
    rotations: usize,
    /// So many lines are written yet before the new file is opened.
    late: usize,
}

fn open(path: &Path) -> File {
    OpenOptions::new().append(true).create(true).open(path).unwrap()
}

impl Log {
    fn write(&mut self) {
        self.file.write_all(format!("{} {:09}\n", self.number, self.lines).as_bytes()).unwrap();
        self.lines += 1;
        if self.late > 0 {
            self.late -= 1;
            if self.late == 0 {
                self.file = open(&self.path);
            }
        }
    }

    /// What it is rotated to, with this before and after its number.
    fn rotated(&mut self, before: &str, after: &str) -> PathBuf {
        self.rotations += 1;
        self.path.with_file_name(format!("{before}{}{after}", self.rotations).replace('N', &self.number.to_string()))
    }
}

/// What is followed, and how it is written.
#[derive(Clone, Copy, PartialEq)]
enum Way {
    Files,
    Directory,
    /// The writer does not append.
    Placed,
    /// What is written goes somewhere else, and comes by the rotation alone.
    Mirrored,
}

/// Writes until the time is over, with `rotate` in between. Answers how many lines each file had, the lines that came, and
/// what was said.
fn stress(name: &str, way: Way, rotate: fn(&mut Log)) -> (Vec<usize>, Vec<String>, String) {
    let seconds: f64 = std::env::var("FOLLOW_SECONDS").map_or(2.0, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("old")).unwrap();
    let paths: Vec<_> = (0..FILES).map(|n| dir.path().join(format!("{n}.log"))).collect();
    let log = |(number, path): (usize, &PathBuf)| {
        drop(open(path));
        let file = match way {
            Way::Files | Way::Directory => open(path),
            Way::Placed => OpenOptions::new().write(true).open(path).unwrap(),
            Way::Mirrored => open(&elsewhere.path().join(path.file_name().unwrap())),
        };
        Log { number, path: path.clone(), file, lines: 0, rotations: 0, late: 0 }
    };
    let mut logs: Vec<Log> = paths.iter().enumerate().map(log).collect();
    let following = if way == Way::Directory { Following::new(&[dir.path()]) } else { Following::new(&paths) };
    // What a file held that is emptied, or replaced by a longer version, before anything was read of it can be known to nobody.
    for log in &mut logs {
        log.write();
        if way == Way::Mirrored {
            rotate(log);
        }
    }
    following.all(|lines| lines.len() == FILES);
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
    for log in &mut logs {
        (0..=LATE).for_each(|_| log.write());
        if way == Way::Mirrored {
            rotate(log);
        }
    }
    let wrote = began.elapsed();
    let lasts: Vec<String> = logs.iter().map(|log| format!("{} {:09}", log.number, log.lines - 1)).collect();
    let mut missing: Vec<&String> = lasts.iter().collect();
    let mut at = 0;
    following.all(|lines| {
        missing.retain(|last| !lines[at..].contains(last));
        at = lines.len();
        missing.is_empty()
    });
    let behind = began.elapsed() - wrote;
    // At the end all doubts are over.
    following.signal(rustix::process::Signal::TERM);
    let (lines, said) = following.ended();
    let total = logs.iter().map(|log| log.lines).sum::<usize>();
    recpipe::say!(
        "{name}: {total} lines, {} rotations in {wrote:.1?} ({:.0} lines/s), {} came, the last after {behind:.1?}",
        ROTATIONS * FILES,
        total as f64 / wrote.as_secs_f64(),
        lines.len()
    );
    (logs.iter().map(|log| log.lines).collect(), lines, said)
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

/// Asserts that each file's lines came once, in whatever order, but for those of copies of which it was said that they may come
/// twice; answers how many gaps there are in each.
fn gaps_in_any_order(name: &str, counts: &[usize], lines: Vec<String>, said: &str) -> Vec<usize> {
    let mut sorted = lines;
    sorted.sort();
    let (mut twice, mut last) = (vec![0; counts.len()], None);
    let repeated: Vec<String> = sorted.windows(2).filter(|two| two[0] == two[1]).map(|two| two[0].clone()).collect();
    for line in &repeated {
        let (file, number) = line.split_once(' ').unwrap();
        let (file, number): (usize, usize) = (file.parse().unwrap(), number.parse().unwrap());
        // Lines that follow each other are of one copy.
        twice[file] += usize::from(last.replace((file, number + 1)) != Some((file, number)));
    }
    for (file, twice) in twice.iter().enumerate() {
        let is_it = |line: &&str| line.contains(&format!("{file}.log")) && line.contains("if it is a copy, what it holds comes twice");
        let reported = said.lines().filter(is_it).count();
        assert!(*twice <= reported, "{name}: {} lines came twice, as {:?}; {reported} reported:\n{said}", repeated.len(), repeated[0]);
    }
    sorted.dedup();
    gaps(counts, &sorted)
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
    let (counts, lines, said) = stress("rename", Way::Files, |log| {
        let old = log.rotated("N.log.", "");
        fs::rename(&log.path, old).unwrap();
        log.write();
        log.file = open(&log.path);
    });
    assert_eq!(gaps(&counts, &lines), [0; FILES]);
    assert_eq!(said, "");
}

#[test]
fn renaming_and_creating_loses_nothing() {
    for (name, way) in [("create, files", Way::Files), ("create, a directory", Way::Directory)] {
        let (counts, lines, said) = stress(name, way, |log| {
            let old = log.rotated("N.log-202401", "");
            fs::rename(&log.path, old).unwrap();
            File::create(&log.path).unwrap();
            log.late = LATE;
        });
        assert_eq!(gaps(&counts, &lines), [0; FILES]);
        assert_eq!(said, "");
    }
}

#[test]
fn packing_what_was_renamed_loses_nothing() {
    let (counts, lines, said) = stress("rename and gzip, a directory", Way::Directory, |log| {
        let before = log.path.with_file_name(format!("{}.log.{}", log.number, log.rotations));
        let old = log.rotated("N.log.", "");
        fs::rename(&log.path, old).unwrap();
        log.write();
        log.file = open(&log.path);
        // The one before it has no writer any more.
        if let Ok(text) = fs::read(&before) {
            let packed = PathBuf::from(format!("{}.gz", before.display()));
            let mut gz = flate2::write::GzEncoder::new(File::create(packed).unwrap(), flate2::Compression::fast());
            gz.write_all(&text).unwrap();
            gz.finish().unwrap();
            fs::remove_file(before).unwrap();
        }
    });
    // A file that nobody has opened before it was packed and deleted.
    only_reported("rename and gzip, a directory", &gaps(&counts, &lines), &said, "a file of this name came and went");
}

#[test]
fn copying_and_truncating_loses_only_what_is_reported() {
    let (counts, lines, said) = stress("copytruncate, files", Way::Files, |log| {
        let old = log.rotated("N.log.", "");
        fs::copy(&log.path, old).unwrap();
        log.file.set_len(0).unwrap();
    });
    only_reported("copytruncate, files", &gaps(&counts, &lines), &said, "was truncated");
}

#[test]
fn copies_in_a_followed_directory_repeat_nothing() {
    let check = |name: &str, rotate: fn(&mut Log)| {
        let (counts, lines, said) = stress(name, Way::Directory, rotate);
        only_reported(name, &gaps_in_any_order(name, &counts, lines, &said), &said, "was truncated");
    };
    check("copytruncate, behind the name", |log| copy_and_truncate(log, "N.log.", ""));
    check("copytruncate, before the extension", |log| copy_and_truncate(log, "N-202401", ".log"));
    check("copytruncate, another directory", |log| copy_and_truncate(log, "old/N.log-202401", ""));
    check("copytruncate, another name", |log| copy_and_truncate(log, "before-N-", ".txt"));
}

fn copy_and_truncate(log: &mut Log, before: &str, after: &str) {
    let old = log.rotated(before, after);
    fs::copy(&log.path, old).unwrap();
    log.file.set_len(0).unwrap();
}

#[test]
fn holes_cost_no_line() {
    let (counts, lines, said) = stress("truncate, a writer that does not append", Way::Placed, |log| log.file.set_len(0).unwrap());
    only_reported("truncate, a writer that does not append", &gaps(&counts, &lines), &said, "was truncated");
    assert!(said.contains("NULs before a record skipped"), "{said}");
}

#[test]
fn longer_versions_repeat_nothing() {
    let (counts, lines, said) = stress("replaced by a longer version", Way::Mirrored, |log| {
        let source = fs::read_link(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&log.file))).unwrap();
        let temporary = log.path.with_file_name(format!(".{}.log.Ab12Cd", log.number));
        fs::copy(source, &temporary).unwrap();
        fs::rename(temporary, &log.path).unwrap();
    });
    assert_eq!(gaps(&counts, &lines), [0; FILES]);
    // A version that the next one replaced before it could be read is no loss, and not told of: all of it has come with the
    // next.
    assert_eq!(said, "");
}

#[test]
fn deleting_loses_only_what_is_reported() {
    let (counts, lines, said) = stress("delete", Way::Files, |log| {
        log.rotations += 1;
        fs::remove_file(&log.path).unwrap();
        log.write();
        log.file = open(&log.path);
    });
    only_reported("delete", &gaps(&counts, &lines), &said, "a file of this name came and went");
}
