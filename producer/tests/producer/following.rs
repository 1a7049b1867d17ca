//! A producer that follows files, and what came out of it so far.

use std::ffi::OsStr;
use std::io::Read;
use std::path::Path;
use std::process::{Child, ChildStdout};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use recpipe::wire::{Ending, Incoming, Reader};

use crate::harness::{DEADLINE, command, wait};

/// A running `producer lines --follow`. Dropping it kills it.
pub struct Following {
    child: Child,
    shared: Arc<Shared>,
    /// How many of the lines were looked at.
    seen: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    news: Condvar,
}

#[derive(Default)]
struct State {
    lines: Vec<String>,
    said: String,
    ending: Option<Result<Ending, String>>,
}

impl Following {
    /// Follows, with these arguments after `lines --follow`. What is written from now on is seen.
    pub fn new<S: AsRef<OsStr>>(args: &[S]) -> Self {
        let args: Vec<&OsStr> = ["lines".as_ref(), "--follow".as_ref()].into_iter().chain(args.iter().map(AsRef::as_ref)).collect();
        let mut child = command(&args).spawn().unwrap();
        // The preamble is written when everything is watched.
        let reader = Reader::new(child.stdout.take().unwrap()).unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let shared = Arc::new(Shared::default());
        let (records, said) = (shared.clone(), shared.clone());
        #[allow(clippy::disallowed_methods)]
        thread::spawn(move || records.read(reader));
        #[allow(clippy::disallowed_methods)]
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(n @ 1..) = stderr.read(&mut chunk) {
                said.state.lock().unwrap().said += &String::from_utf8_lossy(&chunk[..n]);
                said.news.notify_all();
            }
        });
        Following { child, shared, seen: 0 }
    }

    /// Waits until `is` holds; otherwise `what` failed.
    fn until<T>(&self, what: &str, mut is: impl FnMut(&State) -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        let mut state = self.shared.state.lock().unwrap();
        loop {
            if let Some(answer) = is(&state) {
                return answer;
            }
            let left = until.saturating_duration_since(Instant::now());
            let last = &state.lines[state.lines.len().saturating_sub(20)..];
            assert!(!left.is_zero(), "{what}\nlast lines: {last:?}\nsaid: {}", state.said);
            state = self.shared.news.wait_timeout(state, left).unwrap().0;
        }
    }

    /// The next line.
    pub fn line(&mut self) -> String {
        self.lines(1).remove(0)
    }

    /// The next `n` lines.
    pub fn lines(&mut self, n: usize) -> Vec<String> {
        let seen = self.seen;
        self.seen += n;
        self.until("a line does not come", |state| state.lines.get(seen..seen + n).map(<[_]>::to_vec))
    }

    /// Asserts that the next lines are these.
    pub fn expect(&mut self, lines: &[&str]) {
        assert_eq!(self.lines(lines.len()), lines);
    }

    /// Waits until this was said.
    pub fn says(&self, part: &str) {
        self.until(&format!("nobody says {part:?}"), |state| state.said.contains(part).then_some(()));
    }

    /// What was said so far.
    pub fn said(&self) -> String {
        self.shared.state.lock().unwrap().said.clone()
    }

    /// How many lines came so far.
    pub fn count(&self) -> usize {
        self.shared.state.lock().unwrap().lines.len()
    }

    /// All lines, when the last of them `is` there.
    pub fn all(&self, mut is: impl FnMut(&[String]) -> bool) -> Vec<String> {
        self.until("the last line does not come", |state| is(&state.lines).then(|| state.lines.clone()))
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Stops the process, and waits until none of its threads does anything any more.
    pub fn stop(&self) {
        self.signal(rustix::process::Signal::STOP);
        let until = Instant::now() + DEADLINE;
        while !e2e::proc::is_stopped(self.child.id()) {
            assert!(Instant::now() < until, "it goes on");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The same for one that may have ended.
    pub fn signal_if_there(&self, signal: rustix::process::Signal) {
        let _ = rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal);
    }

    /// How many open files it has whose path ends so.
    pub fn open_files(&self, end: &str) -> usize {
        let open = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap().flatten();
        open.filter_map(|open| std::fs::read_link(open.path()).ok()).filter(|path| path.to_string_lossy().ends_with(end)).count()
    }

    /// Waits for the end: the lines not looked at yet, the End frame, and the exit code.
    pub fn end(mut self) -> (Vec<String>, Ending, i32) {
        let ending = loop {
            let state = self.shared.state.lock().unwrap();
            if let Some(ending) = &state.ending {
                break ending.clone().unwrap_or_else(|e| panic!("{e}\nsaid: {}", state.said));
            }
            assert!(!self.shared.news.wait_timeout(state, DEADLINE).unwrap().1.timed_out(), "it does not end");
        };
        let code = wait(&mut self.child, DEADLINE).unwrap_or_else(|| panic!("it goes on after its End frame"));
        let rest = self.shared.state.lock().unwrap().lines.split_off(self.seen);
        (rest, ending, code)
    }

    /// Waits for the end: all lines, and what was said.
    pub fn ended(mut self) -> (Vec<String>, String) {
        self.seen = 0;
        let shared = self.shared.clone();
        let (lines, ..) = self.end();
        (lines, std::mem::take(&mut shared.state.lock().unwrap().said))
    }

    /// The processor time it took so far.
    pub fn cpu(&self) -> Duration {
        e2e::proc::processor_time(self.child.id())
    }
}

impl Shared {
    fn read(&self, mut reader: Reader<ChildStdout>) {
        let ending = loop {
            match reader.read() {
                Ok(Some(Incoming::Batch(raw))) => {
                    let batch = raw.decode().unwrap();
                    let lines = batch.rows().map(|row| row.get("line").unwrap().to_string());
                    self.state.lock().unwrap().lines.extend(lines);
                    self.news.notify_all();
                }
                Ok(Some(Incoming::End(ending))) => break Ok(ending),
                Ok(Some(_)) => {}
                Ok(None) => break Err("an end without an End frame".to_owned()),
                Err(e) => break Err(e.to_string()),
            }
        };
        self.state.lock().unwrap().ending = Some(ending);
        self.news.notify_all();
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Appends to a file, which is made if it is not there.
pub fn append(path: &Path, text: &str) {
    use std::io::Write;
    std::fs::OpenOptions::new().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}
