//! SIGINT, SIGTERM, and SIGHUP of a terminal that has gone: the first one ends the reading, so that what was read goes out, or
//! is answered, with a proper end; the second one ends the program on the spot. What comes within half a second of the first is
//! no second one: `timeout` sends two at once, to the program and to its group.
//!
//! A signal that was ignored when the program began stays so: that is how a shell script keeps Ctrl-C from what it runs in
//! the background, and `nohup` SIGHUP from what is to stay. A signal that was caught once is never again what it was by
//! default, so this is for the last thing that a program does.

use std::{
    io, thread,
    time::{Duration, Instant},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    iterator::{Handle, Signals},
};

use crate::Exit;

/// Signals that come so soon after the first are the same order once more; a person who means it waits longer.
const AT_ONCE: Duration = Duration::from_millis(500);

/// Runs `run`; at the first signal meanwhile, `stop` is called with its number, on another thread, to end the reading. Where
/// it answers false there is nothing to be ended gently, and the program ends at once.
///
/// # Errors
/// The signals cannot be caught; nothing has been run.
pub fn ending<T>(stop: impl Fn(u8) -> bool + Send, run: impl FnOnce() -> T) -> io::Result<T> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !is_ignored(*signal)))?;
    let close = Close(signals.handle());
    Ok(thread::scope(|scope| {
        scope.spawn(move || {
            let mut first = None;
            for signal in signals.forever() {
                let number = u8::try_from(signal).unwrap_or(0);
                let goes_on = match first {
                    None => {
                        first = Some(Instant::now());
                        stop(number)
                    }
                    Some(first) => Instant::elapsed(&first) < AT_ONCE,
                };
                if !goes_on {
                    signal_hook::low_level::exit(i32::from(Exit::Signal(number).code()));
                }
            }
        });
        // Also when `run` panics: the thread above must not be waited for in vain.
        let _close = close;
        run()
    }))
}

struct Close(Handle);

impl Drop for Close {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// What a signal is called.
pub fn name(signal: u8) -> String {
    signal_hook::low_level::signal_name(i32::from(signal)).map_or_else(|| format!("signal {signal}"), str::to_owned)
}

/// Whether the program was started with this signal ignored. Where the system does not say, it was not.
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_have_names() {
        assert_eq!((name(15), name(2), name(200)), ("SIGTERM".to_owned(), "SIGINT".to_owned(), "signal 200".to_owned()));
    }
}
