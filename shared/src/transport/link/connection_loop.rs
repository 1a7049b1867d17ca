//! Both directions of one connection, on one thread: what is queued goes out, what comes is cut into frames.

use std::{
    collections::VecDeque,
    io::{self, IoSlice, Write},
    os::fd::{AsFd, BorrowedFd},
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::{
    Settings,
    connections::Connected,
    cut::Cut,
    notify::Notify,
    parser::{Frame, Parser, Stopped},
};
use crate::{
    transport::socket::Socket,
    wire::{Control, frame::MAX_PAYLOAD},
};

/// What was read in one go, at most.
const READ_AT_ONCE: usize = 1 << 20;

pub(super) struct ConnectionLoop {
    socket: Socket,
    parser: Parser,
    settings: Settings,
    out: VecDeque<Bytes>,
    out_bytes: usize,
    /// Nothing more will be queued.
    ends: bool,
    /// Whether what has come is read to its end where the other end takes nothing any more.
    reads_on: bool,
    /// The other end takes nothing any more: what is queued is dropped.
    deaf: bool,
    last_sent: Instant,
    last_heard: Instant,
}

impl ConnectionLoop {
    pub(super) fn new(connected: Connected, settings: Settings) -> io::Result<Self> {
        let Connected { socket, mut parser, say, .. } = connected;
        socket.set_nonblocking(true)?;
        parser.set_limit(MAX_PAYLOAD);
        let now = Instant::now();
        let mut connection = ConnectionLoop {
            socket,
            parser,
            settings,
            out: VecDeque::new(),
            out_bytes: 0,
            ends: false,
            reads_on: false,
            deaf: false,
            last_sent: now,
            last_heard: now,
        };
        connection.bytes(say);
        Ok(connection)
    }

    /// From now on, a write that fails does not end the connection: one that has sent all and gone without reading what it was told has
    /// left what it sent. Its end is seen where that was read.
    pub(super) fn read_on(&mut self) {
        self.reads_on = true;
    }

    /// Bytes that are to be sent.
    pub(super) fn queued(&self) -> usize {
        self.out_bytes
    }

    /// Whether all that was queued has been handed to the system.
    pub(super) fn is_drained(&self) -> bool {
        self.deaf || self.out.is_empty() && !self.socket.wants_write()
    }

    /// Queues a frame as it is.
    pub(super) fn queue(&mut self, frame: &Frame) {
        self.bytes(Bytes::copy_from_slice(&frame.header.to_bytes()));
        self.bytes(frame.payload.clone());
    }

    /// Queues bytes.
    pub(super) fn bytes(&mut self, bytes: Bytes) {
        self.out_bytes += bytes.len();
        if !bytes.is_empty() {
            self.out.push_back(bytes);
        }
    }

    /// Queues a frame about the connection. A frame that is too large for any peer would be dropped; no such frame is ever made.
    pub(super) fn control(&mut self, control: &Control) {
        if let Ok(bytes) = control.to_bytes() {
            self.bytes(bytes);
        }
    }

    /// Waits until something can be done, `notify` wakes, or `timeout` is over, and does it; what came is added to `frames`.
    /// Nothing is read where `read` is false.
    pub(super) fn turn(&mut self, notify: &mut Notify, read: bool, timeout: Option<Duration>, frames: &mut Vec<Frame>) -> Result<(), Cut> {
        self.write()?;
        let now = Instant::now();
        if !read {
            // Whoever does not listen cannot say that nothing is to be heard.
            self.last_heard = now;
        }
        let beat_due = self.settings.beat.map(|beat| self.last_sent + beat);
        let silent_at = self.settings.beat.map(|_| self.last_heard + self.settings.silence);
        // What was decrypted, or read along with what was, is not seen by a poll.
        let at_once = read && self.socket.has_input();
        let due = [timeout.map(|timeout| now + timeout), beat_due, silent_at, at_once.then_some(now)].into_iter().flatten().min();
        let mut events = PollFlags::empty();
        events.set(PollFlags::IN, read);
        events.set(PollFlags::OUT, !self.is_drained());
        let (woken, ready) = wait(notify.as_fd(), self.socket.as_fd(), events, due.map(|due| due.saturating_duration_since(now)))?;
        if woken {
            notify.clear();
        }
        if ready.contains(PollFlags::OUT) {
            self.write()?;
        }
        // An error or a hang-up is told by the read. Where nothing is to be read it waits until something is: what came
        // before it is not lost.
        if at_once || read && !(ready & (PollFlags::IN | PollFlags::HUP | PollFlags::ERR)).is_empty() {
            self.last_heard = Instant::now();
            if self.parser.read(&mut self.socket, READ_AT_ONCE, frames)? == Stopped::Ended {
                return Err(Cut::Closed);
            }
        }
        let now = Instant::now();
        if silent_at.is_some() && now >= self.last_heard + self.settings.silence {
            return Err(Cut::Silent(self.settings.silence));
        }
        if self.settings.beat.is_some_and(|beat| now >= self.last_sent + beat) && self.out.is_empty() {
            self.control(&Control::Beat);
            self.write()?;
        }
        Ok(())
    }

    /// Writes what is queued, as far as there is room for it.
    pub(super) fn write(&mut self) -> Result<(), Cut> {
        if !self.deaf {
            match self.write_out() {
                Err(Cut::Failed(_, io::ErrorKind::BrokenPipe)) if self.reads_on => self.deaf = true,
                written => return written,
            }
        }
        self.out.clear();
        self.out_bytes = 0;
        Ok(())
    }

    fn write_out(&mut self) -> Result<(), Cut> {
        match self.socket.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            flushed => flushed?,
        }
        while !self.out.is_empty() {
            let parts: Vec<IoSlice<'_>> = self.out.iter().take(16).map(|part| IoSlice::new(part)).collect();
            match self.socket.write_vectored(&parts) {
                Ok(0) => return Err(Cut::Closed),
                Ok(written) => self.written(written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        if self.ends && self.out.is_empty() {
            self.socket.shutdown_write();
        }
        Ok(())
    }

    fn written(&mut self, mut written: usize) {
        self.last_sent = Instant::now();
        self.out_bytes -= written;
        while written > 0
            && let Some(first) = self.out.front_mut()
        {
            if first.len() > written {
                let _ = first.split_to(written);
                break;
            }
            written -= first.len();
            self.out.pop_front();
        }
    }

    /// Nothing more will be queued: once what is has been written, the other end sees the end of it.
    pub(super) fn end_of_output(&mut self) {
        self.ends = true;
    }
}

/// Polls `notify` and the socket.
fn wait(notify: BorrowedFd<'_>, socket: BorrowedFd<'_>, events: PollFlags, timeout: Option<Duration>) -> io::Result<(bool, PollFlags)> {
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    let mut fds = [PollFd::from_borrowed_fd(notify, PollFlags::IN), PollFd::from_borrowed_fd(socket, events)];
    // A socket that has hung up is always ready, whatever is asked for.
    let asked = if events.is_empty() { 1 } else { 2 };
    match poll(&mut fds[..asked], timeout.as_ref()) {
        Ok(_) => Ok((!fds[0].revents().is_empty(), fds[1].revents())),
        Err(rustix::io::Errno::INTR) => Ok((false, PollFlags::empty())),
        Err(error) => Err(error.into()),
    }
}
