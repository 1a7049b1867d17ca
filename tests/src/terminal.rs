//! A terminal for a program to write to: the slave end of a pseudo-terminal, whose other end the test reads.

use std::{
    fs::File,
    io::Read,
    os::fd::{AsFd, OwnedFd},
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize},
};

/// The columns of every terminal that the tests make.
pub const COLUMNS: u16 = 80;

/// A pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    master: OwnedFd,
    slave: OwnedFd,
}

impl Terminal {
    /// A new one, [`COLUMNS`] wide, which passes what is written unchanged.
    pub fn new() -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("the system has pseudo-terminals");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a pseudo-terminal can be opened");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let slave = open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("it can be opened");
        let mut mode = tcgetattr(&slave).expect("a terminal has a mode");
        mode.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &mode).expect("the mode can be set");
        let size = Winsize { ws_row: 24, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&slave, size).expect("the size can be set");
        Terminal { master, slave }
    }

    /// The end for a program.
    pub fn stdio(&self) -> Stdio {
        self.slave.try_clone().expect("a descriptor is left").into()
    }

    /// Reads what is written until all is over and nothing more is there; `seen` is set when `wanted` has come.
    pub fn read_until(&self, over: &AtomicBool, into: &Mutex<Vec<u8>>, wanted: &str, seen: &AtomicBool) {
        let mut master = File::from(self.master.try_clone().expect("a descriptor is left"));
        let (mut bytes, mut part) = (Vec::new(), [0; 1 << 12]);
        loop {
            let was_over = over.load(Ordering::Relaxed);
            let wait = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
            match poll(&mut [PollFd::new(&self.master.as_fd(), PollFlags::IN)], Some(&wait)) {
                Ok(0) if was_over => break,
                Ok(0) => {}
                _ => match master.read(&mut part) {
                    Ok(got @ 1..) => {
                        bytes.extend_from_slice(&part[..got]);
                        if String::from_utf8_lossy(&bytes).contains(wanted) {
                            seen.store(true, Ordering::Relaxed);
                        }
                    }
                    _ => break,
                },
            }
        }
        *into.lock().expect("nobody panics with it") = bytes;
    }
}

/// What a terminal shows after these bytes: all lines, also those that have left the screen.
///
/// # Panics
/// For a control sequence that the programs do not use.
pub fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let (mut lines, mut row) = (vec![String::new()], 0);
    let mut rest = text.as_ref();
    while let Some(next) = rest.chars().next() {
        rest = &rest[next.len_utf8()..];
        match next {
            '\n' => {
                row += 1;
                lines.resize_with(lines.len().max(row + 1), String::new);
            }
            '\r' => {}
            '\x1b' => {
                let end = rest.find(|c: char| c.is_ascii_alphabetic()).expect("a control sequence has an end");
                let (number, letter) = (rest[1..end].parse::<usize>(), &rest[end..=end]);
                rest = &rest[end + 1..];
                match (letter, number) {
                    ("A", Ok(up)) => row = row.checked_sub(up).expect("the cursor does not leave the screen"),
                    ("K", Ok(2)) => lines[row].clear(),
                    ("J", _) => {
                        lines.truncate(row + 1);
                        lines[row].clear();
                    }
                    ("m", _) => {}
                    other => panic!("{other:?}"),
                }
            }
            other => lines[row].push(other),
        }
    }
    lines.join("\n")
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal::new()
    }
}
