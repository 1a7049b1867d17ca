//! What programs are given to read, and what becomes of what they write.

use std::{
    fs,
    io::{Read, Write},
    path::PathBuf,
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use crate::terminal::Terminal;

/// How often a run that is going on is looked at.
pub(crate) const LOOK: Duration = Duration::from_millis(2);

/// What the first program of a run finds on its standard input.
#[derive(Debug, Default)]
pub enum Feed {
    /// `/dev/null`.
    #[default]
    Nothing,
    /// These bytes through a pipe, and then the end.
    Bytes(Vec<u8>),
    /// These bytes again and again through a pipe: so many times, or for ever.
    Repeat(Vec<u8>, Option<u64>),
    /// These bytes through a pipe, which then stays open and silent until the run is over.
    Silent(Vec<u8>),
    /// These bytes through a pipe, which then stays open and silent until what was to be taken has been taken.
    UntilTaken(Vec<u8>),
    /// A file.
    File(PathBuf),
    /// A terminal at which nobody types.
    Terminal(Terminal),
}

impl Feed {
    /// The standard input of the program.
    pub(crate) fn stdio(&self) -> Stdio {
        match self {
            Feed::Nothing => Stdio::null(),
            Feed::Bytes(_) | Feed::Repeat(..) | Feed::Silent(_) | Feed::UntilTaken(_) => Stdio::piped(),
            Feed::File(path) => fs::File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into(),
            Feed::Terminal(terminal) => terminal.stdio(),
        }
    }

    /// Feeds a pipe. A program that has had enough closes it: that is its right.
    pub(crate) fn feed(&self, mut pipe: impl Write, over: &AtomicBool, is_taken: &AtomicBool) {
        match self {
            Feed::Nothing | Feed::File(_) | Feed::Terminal(_) => {}
            Feed::Bytes(bytes) => drop(pipe.write_all(bytes)),
            Feed::Repeat(bytes, times) => {
                for _ in 0..times.unwrap_or(u64::MAX) {
                    if pipe.write_all(bytes).is_err() {
                        break;
                    }
                }
            }
            Feed::Silent(bytes) | Feed::UntilTaken(bytes) => {
                let wakes = matches!(self, Feed::UntilTaken(_));
                if pipe.write_all(bytes).is_ok() {
                    while !(over.load(Ordering::Relaxed) || wakes && is_taken.load(Ordering::Relaxed)) {
                        thread::sleep(LOOK);
                    }
                }
            }
        }
    }
}

/// What becomes of the standard output of the last program of a run.
#[derive(Clone, Copy, Debug, Default)]
pub enum Take {
    /// All of it is read.
    #[default]
    All,
    /// So many lines are read, then it is closed: `| head -N`.
    Lines(usize),
    /// Nothing is read for so long, then it is closed.
    Stall(Duration),
    /// Nothing is read for so long, then all of it.
    Pause(Duration),
    /// It is a terminal, all of whose output is read.
    Terminal,
    /// It is a terminal, on which this is waited for; all of its output is read.
    TerminalUntil(&'static str),
}

/// All that is still to come.
pub(crate) fn read_all(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).expect("a pipe can be read");
    bytes
}

/// Takes what a program writes.
pub(crate) fn take(mut pipe: impl Read, how: Take, into: &Mutex<Vec<u8>>) {
    let mut bytes = Vec::new();
    match how {
        Take::All | Take::Terminal | Take::TerminalUntil(_) => bytes = read_all(&mut pipe),
        Take::Stall(duration) => thread::sleep(duration),
        Take::Pause(duration) => {
            thread::sleep(duration);
            bytes = read_all(&mut pipe);
        }
        Take::Lines(lines) => {
            let mut part = [0; 1 << 12];
            while bytes.iter().filter(|&&byte| byte == b'\n').count() < lines {
                match pipe.read(&mut part).expect("a pipe can be read") {
                    0 => break,
                    got => bytes.extend_from_slice(&part[..got]),
                }
            }
            drop(pipe);
            let end = bytes
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte == b'\n')
                .nth(lines.saturating_sub(1))
                .map_or(bytes.len(), |(at, _)| at + 1);
            bytes.truncate(end);
        }
    }
    *into.lock().expect("nobody panics with it") = bytes;
}
