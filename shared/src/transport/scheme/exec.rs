//! `exec:COMMAND`: child processes. This is the only file that starts any.
//!
//! A child that is to read records gets one end of a socket pair as its standard input, so that a `consumer` can answer
//! through the same descriptor. It learns of that from the environment: [`ANNOUNCEMENT`] names the socket, so that a
//! grandchild with another standard input is not misled. A child that knows nothing of it reads the stream as from a pipe.
//!
//! A child that is to write records, as `ssh HOST producer …`, has one socket as its standard input and output, and may be asked and told
//! things through it. What it starts on another host has other descriptors, so that is announced over there, by both their names
//! ([`Starter`]).

mod starter;

use std::{
    ffi::{OsStr, OsString},
    fmt,
    fs::File,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    fs::FileType,
    process::{Pid, Signal, kill_process_group},
};

use super::{Endpoint, Medium, Scheme, stdio};
use crate::{
    Error, Exit,
    session::Progress,
    transport::{
        handshake::Identity,
        link::{Connected, Once, Parser},
    },
    wire::frame::{self, MAX_PAYLOAD},
};
pub use starter::Starter;

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "exec:",
    syntax: "exec:COMMAND",
    medium: Medium::Child,
    resumes: false,
    is_plain: false,
    parse: |text| {
        let command = text.strip_prefix(SCHEME.prefix)?;
        Some(match shlex::split(command) {
            None => Err("a quote in the command is not closed".into()),
            Some(words) if words.is_empty() => Err("a command is missing after `exec:`".into()),
            Some(words) => Ok(Arc::new(Exec(words))),
        })
    },
};

/// A command, its words split as a shell splits them; no shell runs.
#[derive(Debug)]
struct Exec(Vec<String>);

impl fmt::Display for Exec {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", SCHEME.prefix, self.0.join(" "))
    }
}

impl Endpoint for Exec {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }

    fn command(&self) -> Option<&[String]> {
        Some(&self.0)
    }
}

/// The environment variable that tells a child of the socket at its standard input; or, by two names with a blank between, of the
/// connection that its standard input and output are. The names are those of `/proc/self/fd`.
pub const ANNOUNCEMENT: &str = "RECPIPE_LINK";

/// A child process. Dropped before it was waited for, it is killed.
#[derive(Debug)]
pub struct Child {
    process: std::process::Child,
    name: String,
    waited: bool,
    /// Whether it leads a process group, which is killed with it.
    has_group: bool,
}

/// What a child is given to read.
#[derive(Debug)]
pub enum Feed {
    /// Records, and it may answer.
    Link(UnixStream),
    /// Bytes of another kind.
    Pipe(File),
}

/// Starts `argv`: with a socket at its standard input, or with a plain pipe.
///
/// # Errors
/// [`Error::Io`] naming the program.
pub fn spawn(argv: &[String], linked: bool) -> Result<(Child, Feed), Error> {
    let name = argv.first().cloned().unwrap_or_default();
    let failed = |error| Error::io(format!("cannot start `{name}`"), error);
    let (program, args) = argv.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let (theirs, feed, announcement) = if linked {
        let (ours, theirs) = UnixStream::pair().map_err(failed)?;
        let announcement = socket_name(&theirs);
        (OwnedFd::from(theirs), Feed::Link(ours), announcement)
    } else {
        let (reader, writer) = io::pipe().map_err(failed)?;
        stdio::enlarge(&writer);
        (OwnedFd::from(reader), Feed::Pipe(OwnedFd::from(writer).into()), None)
    };
    let process = start(program, args, theirs.into(), None, announcement).map_err(failed)?;
    Ok((Child::new(process, argv.join(" ")), feed))
}

/// Starts `argv`, which is spoken with through a socket that is both its standard input and its standard output. It is in a process
/// group of its own: a signal of the terminal is ours, and it hears of that through the socket.
///
/// # Errors
/// [`Error::Io`] naming the program.
pub fn spawn_two_way(argv: &[String]) -> Result<(Child, UnixStream), Error> {
    let name = argv.first().cloned().unwrap_or_default();
    let failed = |error| Error::io(format!("cannot start `{name}`"), error);
    let (program, args) = argv.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let output = theirs.try_clone().map_err(failed)?;
    let mut command = command(program, args, OwnedFd::from(theirs).into(), Some(OwnedFd::from(output).into()), None);
    let process = run(command.process_group(0)).map_err(failed)?;
    let mut child = Child::new(process, argv.join(" "));
    child.has_group = true;
    Ok((child, ours))
}

/// Starts a program that answers: what it reads, and what it writes, are pipes to us.
///
/// # Errors
/// [`Error::Io`] naming the program.
pub fn converse(program: &Path, args: &[&str]) -> Result<(Child, File, File), Error> {
    let name = program.display().to_string();
    let failed = |error| Error::io(format!("cannot start `{name}`"), error);
    let (their_input, to) = io::pipe().map_err(failed)?;
    let (from, their_output) = io::pipe().map_err(failed)?;
    let (to, from) = (File::from(OwnedFd::from(to)), File::from(OwnedFd::from(from)));
    stdio::enlarge(&to);
    stdio::enlarge(&from);
    let output = Some(OwnedFd::from(their_output).into());
    let process = start(program, args, OwnedFd::from(their_input).into(), output, None).map_err(failed)?;
    Ok((Child::new(process, [&[&*name], args].concat().join(" ")), to, from))
}

/// Starts `argv`, which writes what is to be read from the file; it reads `stdin`.
///
/// # Errors
/// [`Error::Io`] naming the program.
///
/// # Examples
/// ```
/// use std::{io::Read, process::Stdio};
/// use recpipe::{Exit, transport::exec::spawn_writing};
///
/// let argv = ["echo", "tea"].map(str::to_owned);
/// let (child, mut written) = spawn_writing(&argv, Stdio::null())?;
/// let mut text = String::new();
/// written.read_to_string(&mut text)?;
/// child.wait_read(Exit::Done)?;
/// assert_eq!(text, "tea\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn spawn_writing(argv: &[String], stdin: impl Into<Stdio>) -> Result<(Child, File), Error> {
    let name = argv.join(" ");
    let failed = |error| Error::io(format!("cannot start `{name}`"), error);
    let (program, args) = argv.split_first().ok_or_else(|| failed(io::ErrorKind::InvalidInput.into()))?;
    let (ours, theirs) = io::pipe().map_err(failed)?;
    stdio::enlarge(&ours);
    let process = start(program, args, stdin.into(), Some(OwnedFd::from(theirs).into()), None).map_err(failed)?;
    Ok((Child::new(process, name), OwnedFd::from(ours).into()))
}

/// Starts the program of this name that is installed beside ours, or else the one that is found as a shell finds it. It
/// reads `input`; what it writes is to be read from the file.
///
/// # Errors
/// [`Error::Io`] naming the program.
pub fn spawn_beside(program: &str, args: &[&str], input: OwnedFd) -> Result<(Child, File), Error> {
    let name = [&[program], args].concat().join(" ");
    let failed = |error| Error::io(format!("cannot start `{name}`"), error);
    let (ours, theirs) = io::pipe().map_err(failed)?;
    stdio::enlarge(&ours);
    let process = start(beside(program), args, input.into(), Some(OwnedFd::from(theirs).into()), None).map_err(failed)?;
    Ok((Child::new(process, name), OwnedFd::from(ours).into()))
}

/// Puts a program that lies beside this one in the place of this process, which it does not return to.
///
/// # Errors
/// Why it could not be.
#[allow(clippy::disallowed_methods, reason = "this is the one file that spawns processes")]
pub fn become_beside(program: &str, args: &[String]) -> Error {
    let error = Command::new(beside(program)).args(args).env_remove(ANNOUNCEMENT).exec();
    Error::io(format!("cannot start `{program}`"), error)
}

/// The program of this name that lies beside this one; its name where there is none.
fn beside(program: &str) -> PathBuf {
    let beside = std::env::current_exe().ok().map(|path| path.with_file_name(program)).filter(|path| path.is_file());
    beside.unwrap_or_else(|| program.into())
}

fn start(
    program: impl AsRef<OsStr>,
    args: &[impl AsRef<OsStr>],
    stdin: Stdio,
    stdout: Option<Stdio>,
    announcement: Option<OsString>,
) -> io::Result<std::process::Child> {
    // The command is dropped here, and with it our copy of the child's end: it would keep the child from seeing the end.
    run(&mut command(program, args, stdin, stdout, announcement))
}

#[allow(clippy::disallowed_methods, reason = "this is the one file that spawns processes")]
fn run(command: &mut Command) -> io::Result<std::process::Child> {
    command.spawn()
}

#[allow(clippy::disallowed_methods, reason = "this is the one file that spawns processes")]
fn command(
    program: impl AsRef<OsStr>,
    args: &[impl AsRef<OsStr>],
    stdin: Stdio,
    stdout: Option<Stdio>,
    announcement: Option<OsString>,
) -> Command {
    let mut command = Command::new(program);
    command.args(args).stdin(stdin).env_remove(ANNOUNCEMENT);
    if let Some(stdout) = stdout {
        command.stdout(stdout);
    }
    if let Some(announcement) = announcement {
        command.env(ANNOUNCEMENT, announcement);
    }
    command
}

impl Child {
    fn new(process: std::process::Child, name: String) -> Self {
        Child { process, name, waited: false, has_group: false }
    }

    /// The command, for messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// [`Error::Child`] when it did not exit with 0.
    pub fn wait(self) -> Result<(), Error> {
        self.wait_told(Exit::Done)
    }

    /// Waits for its end, after it was told that its stream ended with this exit: that it takes it for its own is no failure.
    ///
    /// # Errors
    /// [`Error::Child`] when it exited with neither that nor 0.
    #[doc(hidden)]
    pub fn wait_told(self, told: Exit) -> Result<(), Error> {
        self.wait_as(told, |_| Exit::Failed)
    }

    /// Waits for its end, after all that it wrote was read, and that ended with this exit.
    ///
    /// # Errors
    /// [`Error::Child`] when it exited with neither that nor 0; its exit is that of the error.
    pub fn wait_read(self, told: Exit) -> Result<(), Error> {
        self.wait_as(told, Exit::from_code)
    }

    /// Waits for its end, after nobody reads any more what it writes: that it died of that is no failure.
    ///
    /// # Errors
    /// As for [`Child::wait`].
    #[doc(hidden)]
    pub fn wait_unread(mut self) -> Result<(), Error> {
        let status = self.process.wait().map_err(|error| Error::io(format!("cannot wait for `{}`", self.name), error))?;
        self.waited = status.signal() == Some(rustix::process::Signal::PIPE.as_raw());
        if self.waited { Ok(()) } else { self.wait() }
    }

    /// Waits for its end, which is near: where it has not come in time, it is killed.
    ///
    /// # Errors
    /// Those of the system.
    #[doc(hidden)]
    pub fn end_by(mut self, until: Instant) -> Result<(), Error> {
        let mut pause = Duration::from_millis(1);
        loop {
            let ended = self.process.try_wait().map_err(|error| Error::io(format!("cannot wait for `{}`", self.name), error))?;
            self.waited = ended.is_some();
            if self.waited || Instant::now() >= until {
                return Ok(());
            }
            thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_millis(50));
        }
    }

    /// Waits for its end: its exit status, or `None` where a signal has ended it.
    ///
    /// # Errors
    /// Those of the system.
    #[doc(hidden)]
    pub fn wait_status(mut self) -> Result<Option<i32>, Error> {
        let status = self.process.wait().map_err(|error| Error::io(format!("cannot wait for `{}`", self.name), error))?;
        self.waited = true;
        Ok(status.code())
    }

    fn wait_as(mut self, told: Exit, of_code: impl Fn(u8) -> Exit) -> Result<(), Error> {
        let status = self.process.wait().map_err(|error| Error::io(format!("cannot wait for `{}`", self.name), error))?;
        self.waited = true;
        let (exit, how) = match (status.code(), status.signal()) {
            (Some(code), _) if code == 0 || code == i32::from(told.code()) => return Ok(()),
            (Some(code), _) => (u8::try_from(code).map_or(Exit::Failed, of_code), format!("ended with exit status {code}")),
            (None, Some(signal)) => (Exit::Incomplete, format!("was ended by signal {signal}")),
            (None, None) => (Exit::Failed, "ended in no known way".to_owned()),
        };
        Err(Error::Child { exit, what: format!("the child `{}` {how}", self.name) })
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.waited {
            if self.has_group
                && let Some(group) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw)
            {
                let _ = kill_process_group(group, Signal::KILL);
            }
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

/// The one connection to a child: it is sent the stream as a file would be, and says Hello if it can.
pub fn connection(socket: UnixStream, child: &Child) -> Once {
    let say = frame::preamble().to_vec().into();
    let connected = Connected { socket: socket.into(), parser: Parser::new(MAX_PAYLOAD), hello: None, say };
    Once { connected: Some(connected), peer: format!("the child `{}`", child.name) }
}

/// The connection to the process that started us, if it has announced one at our standard input: whoever reads from it
/// says Hello first.
pub fn parent(identity: &Identity) -> Option<Once> {
    let stdin = io::stdin();
    let announced = std::env::var_os(ANNOUNCEMENT)?;
    if socket_name(&stdin)? != announced {
        return None;
    }
    receiving(stdin.as_fd().try_clone_to_owned().ok()?.into(), identity, "the parent process")
}

/// The one connection to whoever sends us a stream through this socket: we say Hello first. `None` where there is too much to say.
pub fn receiving(socket: UnixStream, identity: &Identity, peer: &str) -> Option<Once> {
    let hello = identity.hello(Progress::default(), &[]).to_bytes().ok()?;
    let say = [&frame::preamble()[..], &hello].concat().into();
    let connected = Connected { socket: socket.into(), parser: Parser::new(MAX_PAYLOAD), hello: None, say };
    Some(Once { connected: Some(connected), peer: peer.into() })
}

/// What names a socket on this host.
fn socket_name(fd: impl AsFd) -> Option<OsString> {
    let (name, kind) = descriptor_name(fd)?;
    (kind == FileType::Socket).then(|| name.into())
}

/// What names a socket or a pipe on this host, as `/proc/self/fd` shows it.
fn descriptor_name(fd: impl AsFd) -> Option<(String, FileType)> {
    let stat = rustix::fs::fstat(fd).ok()?;
    let kind = FileType::from_raw_mode(stat.st_mode);
    let word = match kind {
        FileType::Socket => "socket",
        FileType::Fifo => "pipe",
        _ => return None,
    };
    Some((format!("{word}:[{}]", stat.st_ino), kind))
}
