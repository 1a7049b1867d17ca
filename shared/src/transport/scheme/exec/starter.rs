//! The consumer that has started us, perhaps from another host, and speaks with us through our standard input and output.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::Shutdown,
    os::{
        fd::{AsFd, OwnedFd},
        unix::net::UnixStream,
    },
    thread::JoinHandle,
};

use rustix::fs::FileType;

use super::{ANNOUNCEMENT, descriptor_name};
use crate::{
    Error,
    transport::{
        link::{Connected, Once, Parser},
        watch::{Stopper, Watched},
    },
    wire::frame::{self, MAX_PAYLOAD},
};

/// The way to whoever has announced itself at our standard input and output. Dropped after the connection, it has handed on all that was
/// sent.
#[derive(Debug)]
pub struct Starter {
    /// Where the two are pipes: what carries their bytes to the socket that a link needs, and back.
    #[expect(dead_code, reason = "held, not used")]
    relay: Option<Relay>,
}

#[derive(Debug)]
struct Relay {
    stopper: Stopper,
    to_us: Option<JoinHandle<()>>,
    from_us: Option<JoinHandle<()>>,
}

impl Starter {
    /// The connection, if one is announced: it is sent the stream as a file would be, and says Hello if it can. `None` where our
    /// standard input and output are others than those that were announced, as in the middle of a pipe.
    ///
    /// # Errors
    /// Those of the system.
    pub fn find() -> Option<Result<(Once, Starter), Error>> {
        let announced = std::env::var_os(ANNOUNCEMENT)?;
        let ((input, input_kind), (output, output_kind)) = (descriptor_name(io::stdin())?, descriptor_name(io::stdout())?);
        if announced != *format!("{input} {output}") {
            return None;
        }
        let is_one_socket = input == output && (input_kind, output_kind) == (FileType::Socket, FileType::Socket);
        Some(Starter::connect(is_one_socket).map_err(|error| Error::io("cannot speak through standard input and output", error)))
    }

    fn connect(is_one_socket: bool) -> io::Result<(Once, Starter)> {
        let input = io::stdin().as_fd().try_clone_to_owned()?;
        let (socket, relay) = match is_one_socket {
            true => (input.into(), None),
            false => {
                let (ours, theirs) = UnixStream::pair()?;
                (ours, Some(Relay::new(input, io::stdout().as_fd().try_clone_to_owned()?, theirs)?))
            }
        };
        let say = frame::preamble().to_vec().into();
        let connected = Connected { socket: socket.into(), parser: Parser::new(MAX_PAYLOAD), hello: None, say };
        Ok((Once { connected: Some(connected), peer: "the consumer".into() }, Starter { relay }))
    }
}

impl Relay {
    fn new(input: OwnedFd, output: OwnedFd, socket: UnixStream) -> io::Result<Self> {
        let (input, stopper) = Watched::new(File::from(input), None)?;
        let (mut to, mut from) = (socket.try_clone()?, socket);
        let to_us = move || {
            let mut input = input;
            // However it ends, no more comes: the link sees the end.
            let _ = copy(&mut input, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        };
        let from_us = move || {
            if copy(&mut from, &mut File::from(output)).is_err() {
                // Nobody takes more: the link sees that, too.
                let _ = from.shutdown(Shutdown::Both);
            }
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let to_us = thread("from starter").spawn(to_us)?;
        // Where this fails, the socket is closed and the other thread ends with its next bytes, or the process.
        let from_us = thread("to starter").spawn(from_us)?;
        Ok(Relay { stopper, to_us: Some(to_us), from_us: Some(from_us) })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // The link is gone, so what it sent ends; what comes does not end by itself.
        let _ = self.from_us.take().map(JoinHandle::join);
        self.stopper.stop();
        let _ = self.to_us.take().map(JoinHandle::join);
    }
}

fn copy(from: &mut impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut bytes = vec![0; 64 << 10];
    loop {
        match from.read(&mut bytes) {
            Ok(0) => return Ok(()),
            Ok(read) => to.write_all(&bytes[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
