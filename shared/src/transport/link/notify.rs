//! Wakes a thread out of its `poll(2)`.

use std::{
    io::{self, PipeReader, PipeWriter, Read, Write},
    os::fd::{AsFd, BorrowedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// Wakes a thread; any number of clones.
#[derive(Clone, Debug)]
pub(crate) struct Waker(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pipe: PipeWriter,
    /// A byte is in the pipe: another one would say nothing new.
    is_set: AtomicBool,
}

/// What the thread polls: readable once its waker has been used.
#[derive(Debug)]
pub struct Notify {
    pipe: PipeReader,
    waker: Waker,
}

impl Notify {
    /// A notify, and what rings it.
    ///
    /// # Errors
    /// When the system has no file descriptors left.
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Notify { pipe: reader, waker: Waker(Arc::new(Inner { pipe: writer, is_set: AtomicBool::new(false) })) })
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Makes it wait again. Call it before the reason is looked for: what happens after that wakes anew.
    pub(crate) fn clear(&self) {
        if self.waker.0.is_set.load(Ordering::SeqCst) {
            // It never waits: one byte was written before `is_set` was set, and none is until it is unset.
            let _ = (&self.pipe).read(&mut [0]);
            self.waker.0.is_set.store(false, Ordering::SeqCst);
        }
    }
}

impl AsFd for Notify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }
}

impl Waker {
    pub(crate) fn wake(&self) {
        if !self.0.is_set.load(Ordering::SeqCst) && !self.0.is_set.swap(true, Ordering::SeqCst) {
            let _ = (&self.0.pipe).write(&[0]);
        }
    }
}
