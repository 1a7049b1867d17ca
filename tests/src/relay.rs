//! A relay between a caller and whoever listens, which can hang up on the one or on both: connections that break within one host.

use std::{
    io,
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use crate::Port;

/// Passes on what comes to its port, one way and the other. Dropped, it hangs up on both ends.
#[derive(Debug)]
pub struct Relay {
    port: u16,
    /// For whoever listens.
    to: Port,
    lines: Arc<Mutex<Lines>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Lines {
    /// Whoever calls is hung up on.
    cut: bool,
    over: bool,
    open: Vec<Line>,
}

/// A connection that is passed on.
#[derive(Debug)]
struct Line {
    /// The caller and the listener.
    ends: [TcpStream; 2],
    threads: Vec<JoinHandle<()>>,
}

impl Lines {
    fn hang_up(&mut self, on: &[usize]) {
        for line in &self.open {
            // One that has gone already is not missed.
            on.iter().for_each(|&end| drop(line.ends[end].shutdown(Shutdown::Both)));
        }
    }
}

impl Relay {
    /// To whoever listens at [`Relay::listener_url`].
    pub fn new() -> Self {
        let to = Port::new();
        let port = to.number();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let at = listener.local_addr().expect("it listens").port();
        let lines = Arc::new(Mutex::new(Lines::default()));
        let mine = lines.clone();
        let pass_on = move || {
            for caller in listener.incoming() {
                let mut lines = locked(&mine);
                if lines.over {
                    return;
                }
                if !lines.cut
                    && let Ok(caller) = caller
                {
                    // Where nobody listens the caller is hung up on.
                    lines.open.extend(connect(caller, port).ok());
                }
            }
        };
        Relay { port: at, to, lines, thread: Some(start(pass_on)) }
    }

    /// Where whoever calls is passed on.
    pub fn url(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    /// Where the listener has to listen.
    pub fn listener_url(&self) -> String {
        self.to.tcp()
    }

    /// Hangs up on callers, once: those that call again are connected.
    pub fn blink(&self) {
        locked(&self.lines).hang_up(&[0]);
    }

    /// Hangs up on callers, now and whenever they call, until [`Relay::join`]. The listener hears nothing, not that either.
    pub fn cut(&self) {
        let mut lines = locked(&self.lines);
        lines.cut = true;
        lines.hang_up(&[0]);
    }

    /// Hangs up on both ends, and on callers whenever they call.
    pub fn sever(&self) {
        let mut lines = locked(&self.lines);
        lines.cut = true;
        lines.hang_up(&[0, 1]);
    }

    /// Callers are connected again.
    pub fn join(&self) {
        locked(&self.lines).cut = false;
    }
}

impl Default for Relay {
    fn default() -> Self {
        Relay::new()
    }
}

fn locked(lines: &Mutex<Lines>) -> MutexGuard<'_, Lines> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(run: impl FnOnce() + Send + 'static) -> JoinHandle<()> {
    thread::Builder::new().name("relay".into()).spawn(run).expect("a thread can be started")
}

fn connect(caller: TcpStream, port: u16) -> io::Result<Line> {
    let ends = [caller, TcpStream::connect(("127.0.0.1", port))?];
    let mut threads = Vec::new();
    for [from, to] in [[0, 1], [1, 0]] {
        let (mut from, mut to) = (ends[from].try_clone()?, ends[to].try_clone()?);
        // It ends with the first of the two ends that does.
        threads.push(start(move || drop(io::copy(&mut from, &mut to))));
    }
    Ok(Line { ends, threads })
}

impl Drop for Relay {
    fn drop(&mut self) {
        let mut lines = locked(&self.lines);
        lines.over = true;
        lines.hang_up(&[0, 1]);
        let threads: Vec<_> = lines.open.drain(..).flat_map(|line| line.threads).collect();
        drop(lines);
        // It looks up at the next caller.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        for thread in self.thread.take().into_iter().chain(threads) {
            let _ = thread.join();
        }
    }
}
