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

/// The rows of terminals of the usual size.
pub const ROWS: u16 = 24;

/// A pseudo-terminal.
#[derive(Debug)]
pub struct Terminal {
    master: OwnedFd,
    slave: OwnedFd,
}

impl Terminal {
    /// A new one of the usual size, which passes what is written unchanged.
    pub fn new() -> Self {
        Terminal::with_rows(ROWS)
    }

    /// One of so many rows, [`COLUMNS`] wide.
    pub fn with_rows(rows: u16) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("the system has pseudo-terminals");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a pseudo-terminal can be opened");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let slave = open(&*name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty()).expect("it can be opened");
        let mut mode = tcgetattr(&slave).expect("a terminal has a mode");
        mode.make_raw();
        tcsetattr(&slave, OptionalActions::Now, &mode).expect("the mode can be set");
        let size = Winsize { ws_row: rows, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
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
    Screen::after(bytes, ROWS).lines()
}

/// What a terminal makes of what is written to it.
#[derive(Debug)]
pub struct Screen {
    rows: usize,
    lines: Vec<Vec<char>>,
    row: usize,
    column: usize,
    /// What was drawn for the time being: the lines below the cursor, whenever it went up to the line before them.
    pub drawings: Vec<Vec<String>>,
}

impl Screen {
    /// A screen of so many rows, on which this was written.
    ///
    /// # Panics
    /// For a control sequence that the programs do not use, and where the cursor would leave the screen.
    pub fn after(bytes: &[u8], rows: u16) -> Self {
        let mut screen = Screen { rows: rows.into(), lines: vec![Vec::new()], row: 0, column: 0, drawings: Vec::new() };
        let text = String::from_utf8_lossy(bytes);
        let mut rest = text.as_ref();
        while let Some(next) = rest.chars().next() {
            rest = &rest[next.len_utf8()..];
            if next == '\x1b' {
                let end = rest.find(|c: char| c.is_ascii_alphabetic()).expect("a control sequence has an end");
                screen.control(&rest[end..=end], rest[1..end].parse().ok());
                rest = &rest[end + 1..];
            } else {
                screen.put(next);
            }
        }
        screen
    }

    /// All lines, each with an end but the last.
    pub fn lines(&self) -> String {
        self.texts(0).join("\n")
    }

    fn texts(&self, from: usize) -> Vec<String> {
        self.lines[from.min(self.lines.len())..].iter().map(|line| line.iter().collect()).collect()
    }

    fn put(&mut self, c: char) {
        match c {
            '\r' => self.column = 0,
            '\n' => self.down(),
            c => {
                if self.column == usize::from(COLUMNS) {
                    self.column = 0;
                    self.down();
                }
                let line = &mut self.lines[self.row];
                line.resize(line.len().max(self.column + 1), ' ');
                line[self.column] = c;
                self.column += 1;
            }
        }
    }

    /// To the next line, in the same column unless a program writes lines: the terminal adds the return.
    fn down(&mut self) {
        self.row += 1;
        self.column = 0;
        self.lines.resize_with(self.lines.len().max(self.row + 1), Vec::new);
    }

    fn control(&mut self, letter: &str, number: Option<usize>) {
        match (letter, number) {
            ("A", Some(up)) => {
                let top = self.lines.len().saturating_sub(self.rows);
                self.row = self.row.checked_sub(up).filter(|row| *row >= top).expect("the cursor does not leave the screen");
                self.drawings.push(self.texts(self.row + 1));
            }
            ("K", Some(2)) => self.lines[self.row].clear(),
            ("J", None) => {
                self.lines.truncate(self.row + 1);
                self.lines[self.row].truncate(self.column);
            }
            ("m", _) => {}
            other => panic!("{other:?}"),
        }
    }
}

impl Default for Terminal {
    fn default() -> Self {
        Terminal::new()
    }
}
