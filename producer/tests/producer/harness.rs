//! Runs the program under a deadline, and reads what it wrote as the consumer would.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use recpipe::wire::{Ending, Incoming, Reader};
use recpipe::{Batch, Exit};
use rustix::fs::OFlags;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// A run that takes longer has failed.
pub const DEADLINE: Duration = e2e::SOON;

/// The program, with these arguments, not started yet.
pub fn command<S: AsRef<OsStr>>(args: &[S]) -> Command {
    let mut command = e2e::process::fresh(env!("CARGO_BIN_EXE_producer"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Has a script of this directory write data and what Python reads in it to `dir`; the seed, or `None` (said aloud) where
/// there is no Python to compare with.
#[allow(clippy::disallowed_macros)]
pub fn python(script: &str, dir: &Path) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/producer").join(script);
    let seed = std::env::var("ORACLE_SEED").unwrap_or_else(|_| "1".to_owned());
    match e2e::process::fresh("python3").arg(script).arg(dir).arg(&seed).status() {
        Err(e) => {
            eprintln!("SKIPPED: python3 cannot be run ({e}); nothing was compared with it");
            None
        }
        Ok(status) => {
            assert!(status.success(), "{status}");
            Some(seed)
        }
    }
}

/// A terminal of 80 columns: the end that a person would be at, and the one for a program.
pub fn terminal() -> (File, File) {
    let main_end = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&main_end).unwrap();
    unlockpt(&main_end).unwrap();
    let name = ptsname(&main_end, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).custom_flags(OFlags::NOCTTY.bits() as i32).open(name).unwrap();
    tcsetwinsize(&terminal, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    (main_end.into(), terminal)
}

/// Runs it without any standard input.
pub fn run<S: AsRef<OsStr>>(args: &[S]) -> Outcome {
    finish(command(args), b"")
}

/// Runs it with this text coming through a pipe.
pub fn run_on<S: AsRef<OsStr>>(args: &[S], text: &[u8]) -> Outcome {
    let mut command = command(args);
    command.stdin(Stdio::piped());
    finish(command, text)
}

/// Runs it with this file as its standard input.
pub fn run_from<S: AsRef<OsStr>>(args: &[S], path: &Path) -> Outcome {
    let mut command = command(args);
    command.stdin(File::open(path).unwrap());
    finish(command, b"")
}

/// Has a shell run this line in this directory, where `producer` is the program.
#[allow(clippy::disallowed_methods)]
pub fn run_line(line: &str, dir: &Path) -> Outcome {
    let mut command = Command::new("sh");
    command.arg("-c").arg(format!("producer() {{ {} \"$@\"; }}; {line}", env!("CARGO_BIN_EXE_producer")));
    command.current_dir(dir).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(command, b"")
}

fn finish(command: Command, text: &[u8]) -> Outcome {
    // A program that has had enough closes its input: that is its right.
    finish_with(command, |pipe| drop(pipe.write_all(text)))
}

/// Runs it, while `write` writes what comes through its pipe, if it has one.
pub fn finish_with(mut command: Command, write: impl FnOnce(&mut ChildStdin) + Send) -> Outcome {
    let shown = format!("{command:?}");
    let mut child = command.spawn().unwrap();
    let (stdin, mut stdout, mut stderr) = (child.stdin.take(), child.stdout.take().unwrap(), child.stderr.take().unwrap());
    thread::scope(|scope| {
        scope.spawn(move || {
            if let Some(mut pipe) = stdin {
                write(&mut pipe);
            }
        });
        let stdout = scope.spawn(move || all(&mut stdout));
        let stderr = scope.spawn(move || String::from_utf8(all(&mut stderr)).unwrap());
        let code = wait(&mut child, DEADLINE);
        let outcome = Outcome { code: code.unwrap_or(-1), stdout: stdout.join().unwrap(), stderr: stderr.join().unwrap() };
        assert!(code.is_some(), "over its deadline: {shown}\n{}", outcome.stderr);
        outcome
    })
}

fn all(from: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).unwrap();
    bytes
}

/// Waits for the child's exit code. One that is not over in time is killed, and there is none.
pub fn wait(child: &mut Child, deadline: Duration) -> Option<i32> {
    let until = Instant::now() + deadline;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status.code().unwrap_or(-1));
        }
        if Instant::now() > until {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// How a run ended.
pub struct Outcome {
    pub code: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Outcome {
    /// Asserts the exit code.
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stderr: {}", self.stderr);
        self
    }

    /// Asserts that nothing was said.
    pub fn quietly(self) -> Self {
        assert_eq!(self.stderr, "");
        self
    }

    /// Asserts that a message has this part.
    pub fn says(self, part: &str) -> Self {
        assert!(self.stderr.contains(part), "no {part:?} in: {}", self.stderr);
        self
    }

    /// What was written to stdout, read as a stream with a proven end.
    pub fn stream(&self) -> Stream {
        let stream = Stream::read(&self.stdout);
        assert_eq!(stream.ending.exit.code(), self.code as u8, "the End frame has the program's exit code");
        stream
    }
}

/// A stream that was read to its end.
pub struct Stream {
    pub schemas: Vec<Vec<String>>,
    pub batches: Vec<Batch>,
    pub reports: Vec<String>,
    pub ending: Ending,
}

impl Stream {
    /// Reads all of it.
    pub fn read(bytes: &[u8]) -> Self {
        let mut reader = Reader::new(bytes).unwrap();
        let mut stream =
            Stream { schemas: vec![], batches: vec![], reports: vec![], ending: Ending { exit: Exit::Signal(0), ..Ending::default() } };
        while let Some(incoming) = reader.read().unwrap() {
            match incoming {
                Incoming::Schema(schema) => stream.schemas.push(schema.names().map(str::to_owned).collect()),
                Incoming::Batch(batch) => stream.batches.push(batch.decode().unwrap()),
                Incoming::Warning(warning) => stream.reports.push(warning.message),
                Incoming::End(ending) => stream.ending = ending,
            }
        }
        stream
    }

    /// All values of one field, in order.
    pub fn field(&self, name: &str) -> Vec<String> {
        self.batches
            .iter()
            .flat_map(|batch| batch.rows().map(|row| row.get(name).map_or("(none)".to_owned(), |v| v.to_string())).collect::<Vec<_>>())
            .collect()
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.batches.iter().map(Batch::len).sum()
    }
}

/// A common log line; its host tells its number.
pub fn common(n: usize) -> String {
    let path = ["/ply/ply.html", "/", "/a%20b?x=1", "/robots.txt"][n % 4];
    let bytes = if n.is_multiple_of(7) { "-".to_owned() } else { (n * 37 % 100_000).to_string() };
    format!(
        "host{n} - - [24/Feb/2008:00:{:02}:{:02} -0600] \"GET {path} HTTP/1.1\" {} {bytes}\n",
        n / 60 % 60,
        n % 60,
        [200, 404, 304][n % 3]
    )
}

/// A combined one.
pub fn combined(n: usize) -> String {
    format!("{} \"http://ref/{n}\" \"agent {n} (X11; Linux)\"\n", common(n).trim_end())
}

/// A log of `n` common lines.
pub fn log(n: usize) -> String {
    (0..n).map(common).collect()
}

/// The names of the hosts of these lines.
pub fn hosts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("host{n}")).collect()
}
