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

    /// Reads what is written until all is over and nothing more is there.
    pub fn read_until(&self, over: &AtomicBool, into: &Mutex<Vec<u8>>) {
        let mut master = File::from(self.master.try_clone().expect("a descriptor is left"));
        let (mut bytes, mut part) = (Vec::new(), [0; 1 << 12]);
        loop {
            let was_over = over.load(Ordering::Relaxed);
            let wait = Timespec { tv_sec: 0, tv_nsec: 5_000_000 };
            match poll(&mut [PollFd::new(&self.master.as_fd(), PollFlags::IN)], Some(&wait)) {
                Ok(0) if was_over => break,
                Ok(0) => {}
                _ => match master.read(&mut part) {
                    Ok(got @ 1..) => bytes.extend_from_slice(&part[..got]),
                    _ => break,
                },
            }
        }
        *into.lock().expect("nobody panics with it") = bytes;
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal::new()
    }
}
