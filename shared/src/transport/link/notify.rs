//! Wakes a thread out of its `poll(2)`.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Wakes; any number of clones.
#[derive(Clone, Debug)]
pub struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pipe: PipeWriter,
    /// A byte is in the pipe: another one would say nothing new.
    rung: AtomicBool,
}

/// What the thread polls.
#[derive(Debug)]
pub struct Bell {
    pipe: PipeReader,
    waker: Waker,
}

impl Bell {
    /// A bell, and what rings it.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Bell { pipe: reader, waker: Waker(Arc::new(Inner { pipe: writer, rung: AtomicBool::new(false) })) })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// To be called when it rang, before the reason is looked for.
    pub(crate) fn silence(&self) {
        if self.waker.0.rung.load(Ordering::SeqCst) {
            // It never waits: one byte was written before `rung` was set, and none is until it is unset.
            let _ = (&self.pipe).read(&mut [0]);
            self.waker.0.rung.store(false, Ordering::SeqCst);
        }
    }
}

impl AsFd for Bell {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.0.rung.load(Ordering::SeqCst) && !self.0.rung.swap(true, Ordering::SeqCst) {
            let _ = (&self.0.pipe).write(&[0]);
        }
    }
}
