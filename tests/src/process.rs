//! Starts the programs, and is the only file of the tests that does.
//!
//! Nothing here waits for ever: a run that is not over at its deadline is killed, and the test fails with all that is
//! known of it. Both ends of every pipe are served by threads of their own, so that no order of reading and writing can
//! block the programs or the test.

use std::{
    env,
    ffi::{OsStr, OsString},
    io::Write,
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    feed::{Feed, LOOK, Take, read_all, take},
    outcome::{End, Outcome},
    proc::{Moved, peak_bytes},
    signals,
    terminal::{self, Terminal},
};

/// How long whatever has to happen may take: so long that a machine with far too much to do is done by then. It says nothing
/// of how fast the programs are: what they must not wait for lasts longer than this, or for ever.
pub const SOON: Duration = Duration::from_secs(120);

/// The two programs, and those of the system that tests use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// From bytes to records.
    Producer,
    /// From records to answers.
    Consumer,
    /// Both in one.
    Front,
    /// A shell that finds them in its `PATH`.
    Shell,
    /// Python, where it is installed.
    Python,
}

impl Program {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Program::Producer => "producer",
            Program::Consumer => "consumer",
            Program::Front => "recpipe",
            Program::Shell => "sh",
            Program::Python => "python3",
        }
    }

    /// Where the two programs lie: beside the test, whose own place is `target/PROFILE/deps`.
    pub fn directory() -> PathBuf {
        let test = env::current_exe().expect("a test knows where it lies");
        test.parent().and_then(Path::parent).expect("a test lies in target/PROFILE/deps").to_owned()
    }

    /// Where it is; the name of a program of the system.
    pub fn path(self) -> PathBuf {
        if matches!(self, Program::Shell | Program::Python) {
            return self.name().into();
        }
        let path = Program::directory().join(format!("{}{}", self.name(), env::consts::EXE_SUFFIX));
        assert!(path.is_file(), "there is no {}: run `cargo build --workspace` first", path.display());
        path
    }
}

/// A run of `producer`, of `consumer`, or of both with a pipe between them.
///
/// # Examples
/// ```no_run
/// use e2e::Pipeline;
///
/// Pipeline::both(&["apache"], &["count | csv"]).input("…").run().succeeds().prints("count\n1\n");
/// ```
#[derive(Debug)]
pub struct Pipeline {
    programs: Vec<(Program, Vec<OsString>)>,
    feed: Feed,
    take: Take,
    dir: Option<PathBuf>,
    rows: u16,
    is_shared: bool,
    deadline: Duration,
    to_kill: Option<(Program, Moved)>,
    file_size_kib: Option<u32>,
    env: Vec<(&'static str, OsString)>,
}

impl Pipeline {
    fn new(programs: Vec<(Program, Vec<OsString>)>) -> Self {
        Pipeline {
            programs,
            feed: Feed::Nothing,
            take: Take::All,
            dir: None,
            rows: terminal::ROWS,
            is_shared: false,
            deadline: SOON,
            to_kill: None,
            file_size_kib: None,
            env: Vec::new(),
        }
    }

    /// `producer ARGS | consumer ARGS`
    pub fn both<P: AsRef<OsStr>, C: AsRef<OsStr>>(producer: &[P], consumer: &[C]) -> Self {
        Pipeline::new(vec![(Program::Producer, owned(producer)), (Program::Consumer, owned(consumer))])
    }

    /// `producer ARGS`
    pub fn producer<S: AsRef<OsStr>>(args: &[S]) -> Self {
        Pipeline::new(vec![(Program::Producer, owned(args))])
    }

    /// `consumer ARGS`
    pub fn consumer<S: AsRef<OsStr>>(args: &[S]) -> Self {
        Pipeline::new(vec![(Program::Consumer, owned(args))])
    }

    /// `recpipe ARGS`
    pub fn front<S: AsRef<OsStr>>(args: &[S]) -> Self {
        Pipeline::new(vec![(Program::Front, owned(args))])
    }

    /// `sh -c SCRIPT`, with the two programs in its `PATH`.
    pub fn shell(script: &str) -> Self {
        Pipeline::new(vec![(Program::Shell, owned(&["-c", script]))])
    }

    /// `python3 ARGS`
    pub fn python<S: AsRef<OsStr>>(args: &[S]) -> Self {
        Pipeline::new(vec![(Program::Python, owned(args))])
    }

    /// `… | consumer ARGS`
    #[must_use]
    pub fn then<S: AsRef<OsStr>>(mut self, args: &[S]) -> Self {
        self.programs.push((Program::Consumer, owned(args)));
        self
    }

    /// What is on standard input.
    #[must_use]
    pub fn feed(mut self, feed: Feed) -> Self {
        self.feed = feed;
        self
    }

    /// These bytes are on standard input, which is a pipe.
    #[must_use]
    pub fn input(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.feed(Feed::Bytes(bytes.into()))
    }

    /// What becomes of standard output.
    #[must_use]
    pub fn take(mut self, take: Take) -> Self {
        self.take = take;
        self
    }

    /// The working directory.
    #[must_use]
    pub fn dir(mut self, dir: &Path) -> Self {
        self.dir = Some(dir.to_owned());
        self
    }

    /// A variable of the environment of both programs.
    #[must_use]
    pub fn env(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.env.push((name, value.into()));
        self
    }

    /// How long it may take, instead of [`SOON`].
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Kills (with SIGKILL) one of the programs when so much has happened.
    #[must_use]
    pub fn kill_when(mut self, program: Program, moved: Moved) -> Self {
        self.to_kill = Some((program, moved));
        self
    }

    /// The rows of the terminal that the output is.
    #[must_use]
    pub fn rows(mut self, rows: u16) -> Self {
        self.rows = rows;
        self
    }

    /// The terminal that the output is, is also where all programs say what they have to say.
    #[must_use]
    pub fn saying_it_there(mut self) -> Self {
        self.is_shared = true;
        self
    }

    /// Lets the programs write no more than so many KiB to a file, as if the disk were full then.
    #[must_use]
    pub fn limit_file_size(mut self, kib: u32) -> Self {
        self.file_size_kib = Some(kib);
        self
    }

    /// Runs it to its end.
    ///
    /// # Panics
    /// When it is not over at the deadline.
    pub fn run(self) -> Outcome {
        let terminal = matches!(self.take, Take::Terminal | Take::TerminalUntil(_)).then(|| Terminal::with_rows(self.rows));
        let began = Instant::now();
        let mut children = self.start(terminal.as_ref());
        let (feed, stdout) =
            (children.first_mut().and_then(|child| child.stdin.take()), children.last_mut().and_then(|child| child.stdout.take()));
        let errors: Vec<_> = children.iter_mut().map(|child| child.stderr.take()).collect();
        let (over, is_taken, taken) = (AtomicBool::new(false), AtomicBool::new(false), Mutex::new(Vec::new()));
        let (ends, errors, in_time) = thread::scope(|scope| {
            scope.spawn(|| feed.map(|pipe| self.feed.feed(pipe, &over, &is_taken)));
            match (stdout, &terminal) {
                (Some(pipe), _) => drop(scope.spawn(|| {
                    take(pipe, self.take, &taken);
                    is_taken.store(true, Ordering::Relaxed);
                })),
                (None, Some(terminal)) => drop(scope.spawn(|| {
                    let wanted = if let Take::TerminalUntil(wanted) = self.take { wanted } else { "" };
                    terminal.read_until(&over, &taken, wanted, &is_taken);
                })),
                (None, None) => {}
            }
            let read = |pipe: Option<ChildStderr>| pipe.map_or_else(Vec::new, |mut pipe| read_all(&mut pipe));
            let errors: Vec<_> = errors.into_iter().map(|pipe| scope.spawn(move || read(pipe))).collect();
            let (ends, in_time) = self.wait(&mut children, began);
            over.store(true, Ordering::Relaxed);
            (ends, errors.into_iter().map(|error| error.join().expect("a reader does not panic")).collect::<Vec<_>>(), in_time)
        });
        let ends = self.programs.iter().zip(ends).zip(errors);
        let outcome = Outcome {
            command: self.shown(),
            ends: ends
                .map(|(((program, _), end), stderr)| End {
                    program: *program,
                    stderr: String::from_utf8_lossy(&stderr).into_owned(),
                    ..end
                })
                .collect(),
            stdout: taken.into_inner().expect("a reader does not panic"),
            took: began.elapsed(),
        };
        assert!(in_time, "not over after {:?}, killed\n{outcome}", self.deadline);
        outcome
    }

    fn start(&self, terminal: Option<&Terminal>) -> Vec<Child> {
        let last = self.programs.len() - 1;
        let mut stdin = Some(self.feed.stdio());
        let mut children = Vec::new();
        for (i, (program, args)) in self.programs.iter().enumerate() {
            let mut command = match self.file_size_kib {
                None => command(*program),
                // The signal that comes with the error is ignored, as its descendants inherit. Units of 512 bytes.
                Some(kib) => limited(*program, &format!("trap '' XFSZ; ulimit -f {}", kib * 2)),
            };
            command.args(args).stdin(stdin.take().expect("each program has a standard input"));
            command.stderr(match terminal {
                Some(terminal) if self.is_shared => terminal.stdio(),
                _ => Stdio::piped(),
            });
            command
                .env_remove("NO_COLOR")
                .env("TERM", "xterm")
                .env("LC_ALL", "C.UTF-8")
                .envs(self.env.iter().map(|(name, value)| (name, value)));
            command.stdout(match terminal {
                Some(terminal) if i == last => terminal.stdio(),
                _ => Stdio::piped(),
            });
            if *program == Program::Shell {
                let path = env::var_os("PATH").unwrap_or_default();
                let places = std::iter::once(Program::directory()).chain(env::split_paths(&path));
                command.env("PATH", env::join_paths(places).expect("no place has a `:` in its name"));
            }
            if let Some(dir) = &self.dir {
                command.current_dir(dir);
            }
            let mut child = command.spawn().unwrap_or_else(|error| panic!("{}: {error}", program.name()));
            if i < last {
                stdin = child.stdout.take().map(Stdio::from);
            }
            children.push(child);
        }
        children
    }

    /// Waits until all are over; false when the time was up before.
    fn wait(&self, children: &mut [Child], began: Instant) -> (Vec<End>, bool) {
        let blank = || End { program: Program::Producer, status: None, stderr: String::new(), peak_bytes: None, took: Duration::ZERO };
        let mut ends: Vec<End> = children.iter().map(|_| blank()).collect();
        let mut to_kill = self.to_kill;
        loop {
            for (child, end) in children.iter_mut().zip(&mut ends) {
                if end.status.is_some() {
                    continue;
                }
                end.peak_bytes = peak_bytes(child.id()).or(end.peak_bytes);
                end.status = child.try_wait().expect("a child can be waited for");
                end.took = began.elapsed();
            }
            if let Some((victim, moved)) = to_kill {
                let child = |wanted| self.programs.iter().position(|(program, _)| *program == wanted).expect("it is run");
                if moved.has_happened(children[child(moved.program())].id()) {
                    to_kill = None;
                    // It may be over already.
                    let _ = children[child(victim)].kill();
                }
            }
            if ends.iter().all(|end| end.status.is_some()) {
                return (ends, true);
            }
            if began.elapsed() > self.deadline {
                for (child, end) in children.iter_mut().zip(&mut ends).filter(|(_, end)| end.status.is_none()) {
                    let _ = child.kill();
                    end.status = child.wait().ok();
                }
                return (ends, false);
            }
            thread::sleep(LOOK);
        }
    }

    fn shown(&self) -> String {
        let quoted = |arg: &OsString| {
            let arg = arg.to_string_lossy();
            if arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c)) && !arg.is_empty() {
                arg.into_owned()
            } else {
                format!("'{}'", arg.replace('\'', "'\\''"))
            }
        };
        let one = |(program, args): &(Program, Vec<OsString>)| {
            std::iter::once(program.name().to_owned()).chain(args.iter().map(quoted)).collect::<Vec<_>>().join(" ")
        };
        self.programs.iter().map(one).collect::<Vec<_>>().join(" | ")
    }
}

/// One of the programs, still to be started.
pub(crate) fn command(program: Program) -> Command {
    fresh(program.path())
}

/// One of the programs, still to be started by a shell that sets its limits.
pub(crate) fn limited(program: Program, limits: &str) -> Command {
    let mut shell = fresh("sh");
    shell.args(["-c", &format!("{limits}; exec \"$@\""), "sh"]).arg(program.path());
    shell
}

/// One of the programs, still to be started in a network namespace; `ip` becomes the program, and the process stays the same.
pub(crate) fn command_in(namespace: &str, program: Program) -> Command {
    let mut command = fresh("ip");
    command.args(["netns", "exec", namespace]).arg(program.path());
    command
}

/// A program that has nothing of what whoever runs the tests has said of signals, colours, terminals and languages.
#[allow(clippy::disallowed_methods, reason = "this is the one file of the tests that starts programs")]
pub fn fresh(path: impl AsRef<OsStr>) -> Command {
    signals::as_by_default();
    let mut command = Command::new(path);
    command.env_remove("NO_COLOR").env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    command
}

/// Has `ip` do these things, one a line: in a network namespace, or in the test's own.
///
/// # Errors
/// What it says, if it does not do all of them.
///
/// # Panics
/// Where there is no `ip`.
#[allow(clippy::disallowed_methods, reason = "this is the one file of the tests that starts programs")]
pub(crate) fn ip(namespace: Option<&str>, lines: &str) -> Result<(), String> {
    let mut command = Command::new("ip");
    command.args(namespace.iter().flat_map(|namespace| ["-n", namespace])).args(["-batch", "-"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("ip: {error}; install it, on Debian with: apt-get install iproute2"));
    // What it does not read any more, it says why.
    let _ = child.stdin.take().expect("stdin is a pipe").write_all(lines.as_bytes());
    let output = child.wait_with_output().expect("a child can be waited for");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

fn owned<S: AsRef<OsStr>>(args: &[S]) -> Vec<OsString> {
    args.iter().map(|arg| arg.as_ref().to_owned()).collect()
}
