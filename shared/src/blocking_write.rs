//! Writing to what may be non-blocking.
//!
//! Whether a pipe or terminal is non-blocking is a property of the open file, not of a program: whoever shares it (an `ssh`, an
//! editor's terminal, a program in Node) may have set it, and a write that finds no room then fails instead of waiting.

use std::{
    io::{self, IoSlice, Write},
    os::fd::AsFd,
};

use rustix::event::{PollFd, PollFlags, poll};

/// An output whose writes wait for room, whatever mode it is in.
///
/// # Examples
/// ```
/// use std::io::Write;
/// use recpipe::transport::BlockingWriter;
///
/// BlockingWriter::new(std::io::stdout()).write_all(b"all of it\n")?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct BlockingWriter<W>(W);

impl<W: Write + AsFd> BlockingWriter<W> {
    /// Writes to `out`.
    pub fn new(out: W) -> Self {
        BlockingWriter(out)
    }

    fn retry<T>(&mut self, mut write: impl FnMut(&mut W) -> io::Result<T>) -> io::Result<T> {
        loop {
            match write(&mut self.0) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.wait()?,
                done => return done,
            }
        }
    }

    /// Waits for room, or for an error that the next write will tell: a reader that has gone.
    fn wait(&self) -> io::Result<()> {
        match poll(&mut [PollFd::new(&self.0, PollFlags::OUT)], None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl<W: Write + AsFd> Write for BlockingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.retry(|out| out.write(bytes))
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.retry(|out| out.write_vectored(parts))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.retry(Write::flush)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, IoSlice, Read, Write};

    use rustix::{
        event::{PollFd, PollFlags, Timespec, poll},
        io::ioctl_fionbio,
    };

    use super::BlockingWriter;

    #[test]
    fn a_full_pipe_is_waited_for() {
        let (mut reader, writer) = io::pipe().unwrap();
        ioctl_fionbio(&writer, true).unwrap();
        let text: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
        let is_full = || poll(&mut [PollFd::new(&writer, PollFlags::OUT)], Some(&Timespec::default())).unwrap() == 0;
        let read = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut out = BlockingWriter::new(&writer);
                let (first, second) = text.split_at(text.len() / 2);
                out.write_all(first).unwrap();
                let mut at = 0;
                while at < second.len() {
                    at += out.write_vectored(&[IoSlice::new(&second[at..])]).unwrap();
                }
                out.flush().unwrap();
            });
            while !is_full() {
                std::thread::yield_now();
            }
            let mut read = vec![0; text.len()];
            reader.read_exact(&mut read).unwrap();
            read
        });
        assert!(read == text);
        drop(reader);
        assert_eq!(BlockingWriter::new(&writer).write(b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
