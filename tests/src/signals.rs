//! What programs that are started inherit of signals: nothing of what whoever runs the tests has said of them.
//!
//! A signal that is ignored stays so in every program that is started: `nohup` does that with SIGHUP, a shell script with SIGINT
//! and SIGQUIT for what it runs in the background. One that is caught is by default again in a program that is started. So
//! here those that are ignored are caught, by a handler that does nothing: for the tests they are what they were.

use std::sync::{Arc, Once, atomic::AtomicBool};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2},
    flag,
};

use crate::proc::is_ignored;

static DONE: Once = Once::new();

/// All programs that are started from now on have signals as they are by default.
///
/// # Panics
/// When a signal that is ignored cannot be caught.
pub fn as_by_default() {
    DONE.call_once(|| {
        let all = [SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGUSR1, SIGUSR2];
        for signal in all.into_iter().filter(|&signal| is_ignored("self", signal)) {
            flag::register(signal, Arc::new(AtomicBool::new(false))).expect("a signal can be caught");
        }
    });
}
