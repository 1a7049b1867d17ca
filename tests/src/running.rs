//! Programs that run side by side: consumers that listen, producers that call them, and whatever happens to them meanwhile.
//!
//! What a program writes goes to files, so that nobody has to read along. Every process of a [`Group`], and every one that
//! these start, carries a mark in its environment by which it is found again: a test can tell what is left over.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, File},
    os::unix::{ffi::OsStrExt, process::ExitStatusExt},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    hosts::Host,
    process::{self, Program},
    scratch::Scratch,
};

/// How often a process is looked at.
const LOOK: Duration = Duration::from_millis(2);

/// The environment variable that marks the processes of a group.
const MARK: &str = "E2E_GROUP";

static GROUPS: AtomicU64 = AtomicU64::new(0);

/// Processes of a test and the directory that they run in. What still runs when it is dropped is killed.
#[derive(Debug)]
pub struct Group {
    scratch: Scratch,
    mark: String,
    programs: Vec<Running>,
}

#[derive(Debug)]
struct Running {
    command: String,
    child: Child,
    began: Instant,
    status: Option<(ExitStatus, Duration)>,
}

/// How a program of a group ended.
#[derive(Debug)]
pub struct Ended {
    command: String,
    /// Its exit code; `None` when a signal ended it.
    pub code: Option<i32>,
    /// The signal that ended it.
    pub signal: Option<i32>,
    /// What it wrote.
    pub stdout: String,
    /// What it said.
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Group {
    /// Nothing runs yet.
    pub fn new() -> Self {
        let mark = format!("{}.{}", std::process::id(), GROUPS.fetch_add(1, Ordering::Relaxed));
        Group { scratch: Scratch::new(), mark, programs: Vec::new() }
    }

    /// The directory that all run in.
    pub fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// The files in it.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// Starts a program; its number in the group.
    pub fn start<S: AsRef<OsStr>>(&mut self, program: Program, args: &[S], stdin: impl Into<Stdio>) -> usize {
        self.spawn(process::command(program), program.name(), args, stdin, None)
    }

    /// The same on a host of its own.
    pub fn start_at<S: AsRef<OsStr>>(&mut self, host: &Host, program: Program, args: &[S], stdin: impl Into<Stdio>) -> usize {
        self.spawn(process::command_in(host.namespace(), program), &at(host, program), args, stdin, None)
    }

    /// The same with an output of its own, which its end does not tell.
    pub fn run_into<S: AsRef<OsStr>>(&mut self, host: &Host, program: Program, args: &[S], stdout: impl Into<Stdio>) -> usize {
        let command = process::command_in(host.namespace(), program);
        self.spawn(command, &at(host, program), args, Stdio::null(), Some(stdout.into()))
    }

    /// Starts a program with an output of its own, which its end does not tell.
    pub fn run_writing_to<S: AsRef<OsStr>>(&mut self, program: Program, args: &[S], stdout: impl Into<Stdio>) -> usize {
        self.start_writing_to(program, args, Stdio::null(), stdout)
    }

    /// Starts a program with an input and an output of its own.
    pub fn start_writing_to<S: AsRef<OsStr>>(
        &mut self,
        program: Program,
        args: &[S],
        stdin: impl Into<Stdio>,
        stdout: impl Into<Stdio>,
    ) -> usize {
        self.spawn(process::command(program), program.name(), args, stdin, Some(stdout.into()))
    }

    /// Starts a program from a shell that has done this before, and reads nothing from standard input.
    pub fn run_limited<S: AsRef<OsStr>>(&mut self, limits: &str, program: Program, args: &[S]) -> usize {
        let command = process::limited(program, limits);
        self.spawn(command, program.name(), args, Stdio::null(), None)
    }

    fn spawn<S: AsRef<OsStr>>(
        &mut self,
        mut command: Command,
        name: &str,
        args: &[S],
        stdin: impl Into<Stdio>,
        stdout: Option<Stdio>,
    ) -> usize {
        let number = self.programs.len();
        let file = |kind: &str| File::create(self.dir().join(format!(".{number}.{kind}"))).expect("a file can be made");
        let out = file("out");
        command.args(args).stdin(stdin).stdout(stdout.unwrap_or(out.into())).stderr(file("err")).current_dir(self.dir());
        command.env(MARK, &self.mark);
        let args: Vec<OsString> = args.iter().map(|arg| arg.as_ref().to_owned()).collect();
        let child = command.spawn().unwrap_or_else(|error| panic!("{name}: {error}"));
        self.programs.push(Running { command: format!("{name} {args:?}"), child, began: Instant::now(), status: None });
        number
    }

    /// Starts a program that reads nothing from standard input.
    pub fn run<S: AsRef<OsStr>>(&mut self, program: Program, args: &[S]) -> usize {
        self.start(program, args, Stdio::null())
    }

    /// The same on a host of its own.
    pub fn run_at<S: AsRef<OsStr>>(&mut self, host: &Host, program: Program, args: &[S]) -> usize {
        self.start_at(host, program, args, Stdio::null())
    }

    /// The process of a program.
    pub fn pid(&self, number: usize) -> u32 {
        self.programs[number].child.id()
    }

    /// Sends a signal to a program that has not been waited for.
    pub fn signal(&self, number: usize, signal: Signal) {
        if self.programs[number].status.is_none() {
            send(self.pid(number), signal);
        }
    }

    /// Waits for a program.
    ///
    /// # Panics
    /// When it is not over at the deadline.
    #[track_caller]
    pub fn wait(&mut self, number: usize, deadline: Duration) -> Ended {
        let ended = self.wait_until(number, Instant::now() + deadline);
        ended.unwrap_or_else(|| panic!("not over after {deadline:?}\n{}", self.ended(number)))
    }

    /// Waits for a program; `None` when it is not over by then.
    pub fn wait_until(&mut self, number: usize, until: Instant) -> Option<Ended> {
        let running = &mut self.programs[number];
        while running.status.is_none() {
            running.status = running.child.try_wait().expect("a child can be waited for").map(|status| (status, running.began.elapsed()));
            if running.status.is_none() {
                if Instant::now() >= until {
                    return None;
                }
                thread::sleep(LOOK);
            }
        }
        Some(self.ended(number))
    }

    /// How much a program has written by now.
    pub fn written(&self, number: usize) -> u64 {
        fs::metadata(self.dir().join(format!(".{number}.out"))).expect("it was started").len()
    }

    /// What is known of a program by now.
    pub fn ended(&self, number: usize) -> Ended {
        let Running { command, began, status, .. } = &self.programs[number];
        let read = |kind: &str| String::from_utf8_lossy(&self.scratch.read(&format!(".{number}.{kind}"))).into_owned();
        Ended {
            command: command.clone(),
            code: status.and_then(|(status, _)| status.code()),
            signal: status.and_then(|(status, _)| status.signal()),
            stdout: read("out"),
            stderr: read("err"),
            took: status.map_or_else(|| began.elapsed(), |(_, took)| took),
        }
    }

    /// What every process of the group that is still there is called, those included that programs have started.
    pub fn left(&self) -> Vec<(u32, String)> {
        let mark = format!("{MARK}={}", self.mark);
        let mut left = Vec::new();
        for entry in fs::read_dir("/proc").expect("Linux shows its processes").flatten() {
            let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.split(|&byte| byte == 0).any(|variable| variable == mark.as_bytes()) {
                let name = fs::read(entry.path().join("cmdline")).unwrap_or_default();
                let name = name.split(|&byte| byte == 0).map(|part| OsStr::from_bytes(part).to_string_lossy()).collect::<Vec<_>>();
                left.push((pid, name.join(" ")));
            }
        }
        left
    }

    /// Asserts that all has ended within this time.
    #[track_caller]
    pub fn leaves_nothing(&self, within: Duration) {
        let until = Instant::now() + within;
        loop {
            let left = self.left();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < until, "left over: {left:?}");
            thread::sleep(LOOK);
        }
    }

    /// Waits until something is so.
    #[track_caller]
    pub fn until(&self, what: &str, within: Duration, is_so: impl Fn(&Self) -> bool) {
        let until = Instant::now() + within;
        while !is_so(self) {
            let all: Vec<String> = (0..self.programs.len()).map(|number| self.ended(number).to_string()).collect();
            assert!(Instant::now() < until, "not so within {within:?}: {what}\n{}", all.join("\n"));
            thread::sleep(LOOK);
        }
    }

    /// Waits until a program has said this.
    #[track_caller]
    pub fn until_it_says(&self, number: usize, part: &str, within: Duration) {
        self.until(part, within, |group| group.ended(number).stderr.contains(part));
    }

    /// Waits for a socket at which somebody listens.
    #[track_caller]
    pub fn until_socket(&self, name: &str, within: Duration) {
        let path = self.dir().join(name);
        self.until(name, within, |_| path.exists());
    }
}

/// What a program on a host is called.
fn at(host: &Host, program: Program) -> String {
    format!("{}: {}", host.address(), program.name())
}

/// Sends a signal; that the process is gone already is no failure.
pub fn send(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

impl Default for Group {
    fn default() -> Self {
        Group::new()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        for running in self.programs.iter_mut().filter(|running| running.status.is_none()) {
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
        for (pid, _) in self.left() {
            send(pid, Signal::KILL);
        }
    }
}

impl Ended {
    /// Asserts its exit code, and that it did not panic.
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert!(self.code == Some(code) && !self.stderr.contains("panicked"), "exit {code} expected\n{self}");
        self
    }

    /// Asserts what it wrote.
    #[track_caller]
    pub fn prints(self, expected: &str) -> Self {
        assert!(self.stdout == expected, "stdout expected:\n{expected}\n{self}");
        self
    }

    /// Asserts that it said this.
    #[track_caller]
    pub fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "expected: {part}\n{self}");
        self
    }

    /// Asserts that it said nothing.
    #[track_caller]
    pub fn quietly(self) -> Self {
        assert!(self.stderr.is_empty(), "nothing on stderr expected\n{self}");
        self
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ended { command, code, signal, stdout, stderr, took } = self;
        let stdout: String = stdout.chars().take(2000).collect();
        write!(out, "ran: {command}\ntook {took:?}, exit {code:?}, signal {signal:?}, stderr:\n{stderr}\nstdout:\n{stdout}")
    }
}
