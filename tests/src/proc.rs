//! What the system tells of a process: proc(5).

use std::{fs, time::Duration};

use crate::Program;

/// What one of the programs of a run has read or written by now, in bytes; a few thousand are read to start a program.
#[derive(Clone, Copy, Debug)]
pub enum Moved {
    /// So many were read.
    Read(Program, u64),
    /// So many were written.
    Written(Program, u64),
}

impl Moved {
    pub(crate) fn program(self) -> Program {
        let (Moved::Read(program, _) | Moved::Written(program, _)) = self;
        program
    }

    pub(crate) fn has_happened(self, pid: u32) -> bool {
        let (name, wanted) = match self {
            Moved::Read(_, bytes) => ("rchar: ", bytes),
            Moved::Written(_, bytes) => ("wchar: ", bytes),
        };
        moved(pid, name).is_some_and(|bytes| bytes >= wanted)
    }
}

/// Children of a process that have ended and that it has not waited for.
pub fn zombies_of(parent: u32) -> Vec<u32> {
    let mut zombies = Vec::new();
    for entry in fs::read_dir("/proc").expect("Linux shows its processes").flatten() {
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // The name in parentheses may hold anything.
        let mut fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
        let (state, ppid) = (fields.next(), fields.next());
        if state == Some("Z") && ppid == Some(&parent.to_string()) {
            zombies.extend(entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
    }
    zombies
}

/// Whether no thread of a process does anything: SIGSTOP takes a moment to reach all of them.
pub fn is_stopped(pid: u32) -> bool {
    of_threads(pid, "status").iter().all(|status| status.contains("State:\tT"))
}

/// These files of all threads of a process.
pub fn of_threads(pid: u32, file: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    threads.filter_map(|thread| fs::read_to_string(thread.path().join(file)).ok()).collect()
}

/// Whether a process (`self`, or its number) ignores a signal. Where the system does not say, it does not.
pub fn is_ignored(process: &str, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// The time on a processor that a process has had.
///
/// # Panics
/// When it is gone, and was waited for.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    // Fields 14 and 15, in ticks of a hundredth of a second; the name in parentheses may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().skip(11).take(2);
    Duration::from_millis(fields.map(|ticks| ticks.parse::<u64>().expect("a number") * 10).sum())
}

/// How many of these there are of a process: `fd`, files that are open; `task`, threads.
///
/// # Panics
/// When it is gone, and was waited for.
pub fn count_of(pid: u32, what: &str) -> usize {
    fs::read_dir(format!("/proc/{pid}/{what}")).expect("the process is there").count()
}

/// What a process has read so far.
pub fn bytes_read(pid: u32) -> Option<u64> {
    moved(pid, "rchar: ")
}

/// A line of proc_pid_io(5).
fn moved(pid: u32, name: &str) -> Option<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).ok()?;
    io.lines().find_map(|line| line.strip_prefix(name)?.parse().ok())
}

/// The most memory that a process has had so far; `None` where the system does not say.
///
/// Not `wait4`: what that tells begins with what the test itself had when it forked.
pub fn peak_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
}
