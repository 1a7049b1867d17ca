//! What travels: lines of a log that say whose they are and which, written by threads until they are not wanted any more.

use std::{
    io::{PipeWriter, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use e2e::log::{Entry, Log};

/// What a consumer prints of a record, so that each is known by it.
pub const PRINT: &str = "print \"{user} {request} {bytes}\"";

/// What all records come to; of fields enough that there is much to be sent.
pub const TOTALS: &str = "stats count, sum(bytes), max(host), max(datetime), max(request) | csv";

/// The answer to [`TOTALS`] of a log that was sent so many times.
pub fn totals(log: &Log, times: u64) -> String {
    let max = |field: fn(&Entry) -> &String| log.0.iter().map(field).max().unwrap().clone();
    let most = [max(|entry| &entry.host), max(|entry| &entry.datetime), max(|entry| &entry.request)].join(",");
    let (count, sum) = (log.len() as u64 * times, log.total_bytes() * times);
    format!("count,sum(bytes),max(host),max(datetime),max(request)\n{count},{sum},{most}\n")
}

/// The line of this number.
fn entry(template: &Entry, name: &str, number: u64) -> Entry {
    Entry { user: name.to_owned(), request: format!("/{number}"), bytes: Some(number % 1000), ..template.clone() }
}

/// Threads that feed the producers of a run. They end with [`Feeds::stop`], or when their producers do: a test that fails
/// leaves none behind.
pub struct Feeds {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<u64>>,
}

impl Feeds {
    #[allow(clippy::disallowed_methods, reason = "each ends with its producer at the latest")]
    fn new(pipes: Vec<PipeWriter>, feed: impl Fn(usize, PipeWriter, &AtomicBool) -> u64 + Clone + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |(number, pipe)| {
            let (feed, stop) = (feed.clone(), stop.clone());
            thread::spawn(move || feed(number, pipe, &stop))
        };
        Feeds { threads: pipes.into_iter().enumerate().map(start).collect(), stop }
    }

    /// Each writes a few lines of its name, pauses, and so on. Each few are a frame, or nearly.
    pub fn trickle(pipes: Vec<PipeWriter>, names: &'static [&'static str]) -> Self {
        Feeds::new(pipes, |number, pipe, stop| trickle(pipe, names[number], stop))
    }

    /// Each writes a log again and again, as fast as it is read.
    pub fn flood(pipes: Vec<PipeWriter>, text: Vec<u8>) -> Self {
        let text: Arc<[u8]> = text.into();
        Feeds::new(pipes, move |_, mut pipe, stop| {
            let mut times = 0;
            while !stop.load(Ordering::Relaxed) && pipe.write_all(&text).is_ok() {
                times += 1;
            }
            times
        })
    }

    /// They write the last of it, and end; how many lines, or logs, each has written.
    pub fn stop(self) -> Vec<u64> {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

fn trickle(mut pipe: PipeWriter, name: &str, stop: &AtomicBool) -> u64 {
    let template = Log::common(101, 1).0.remove(0);
    let mut written = 0;
    loop {
        let is_last = stop.load(Ordering::Relaxed);
        for _ in 0..5 {
            let line = entry(&template, name, written).line() + "\n";
            if pipe.write_all(line.as_bytes()).is_err() {
                return written;
            }
            written += 1;
        }
        if is_last {
            return written;
        }
        thread::sleep(Duration::from_millis(50));
    }
}

/// Asserts that of this producer's lines the first have been printed, each once and in order; how many.
#[track_caller]
pub fn printed(stdout: &str, name: &str) -> u64 {
    let mut number = 0;
    for line in stdout.lines().filter(|line| line.split(' ').next() == Some(name)) {
        assert_eq!(line, format!("{name} /{number} {}", number % 1000), "{number} lines of {name} are as they should be, and then:");
        number += 1;
    }
    number
}
