//! The back channel of a plain shell pipe, by which a consumer tells its producer what it needs.
//!
//! A pipe goes one way, but both ends of it are the same object with one number (`/proc/self/fd` shows it as
//! `pipe:[12345]`). So in `producer … | consumer …` the producer listens on an abstract Unix socket that is named after
//! the pipe at its output, before it writes the first byte; a consumer that has read the first bytes of a stream from a
//! pipe knows that whoever wrote them into this very pipe had its chance to listen, and connects, once. With `tee`, `pv`
//! or a file in between the pipes differ and nobody is there, which costs one system call; then all columns travel.
//!
//! The other end must be of the same user, which the kernel vouches for (`SO_PEERCRED`): others can neither learn of the
//! query nor advise. What is sent is a [`Pushdown`], and only advice: an answer never depends on it.
//!
//! Linux only; elsewhere nobody listens and nobody connects.

use std::os::fd::AsFd;

use crate::wire::Pushdown;

#[cfg(target_os = "linux")]
pub use linux::{Listener, advise};

#[cfg(target_os = "linux")]
mod linux {
    use std::{
        io::{self, Read, Write},
        os::{
            fd::AsRawFd,
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixListener, UnixStream},
        },
    };

    use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

    use super::{AsFd, Pushdown};

    /// The abstract name that belongs to a pipe; `None` for what is no anonymous pipe.
    fn name(pipe: impl AsFd) -> Option<String> {
        let link = std::fs::read_link(format!("/proc/self/fd/{}", pipe.as_fd().as_raw_fd())).ok()?;
        let pipe = link.to_str().filter(|name| name.starts_with("pipe:["))?;
        Some(format!("recpipe/{pipe}"))
    }

    /// Connects, or not, at once: a stranger who listens there and accepts nobody must not hold us up.
    fn connect(name: &str) -> Option<UnixStream> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let socket = net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None).ok()?;
        net::connect(&socket, &SocketAddrUnix::new_abstract_name(name.as_bytes()).ok()?).ok()?;
        Some(socket.into())
    }

    fn is_same_user(stream: &UnixStream) -> bool {
        net::sockopt::socket_peercred(stream).is_ok_and(|peer| peer.uid == rustix::process::geteuid())
    }

    /// Tells the producer at the other end of `pipe` what is needed; whether there was one that listens.
    ///
    /// Call it once, after the first bytes of a stream have come out of the pipe.
    pub fn advise(pipe: impl AsFd, pushdown: &Pushdown) -> bool {
        let send = || -> Option<()> {
            let mut stream = connect(&name(pipe)?)?;
            if !is_same_user(&stream) {
                return None;
            }
            let bytes = pushdown.to_bytes().ok()?;
            // The other end reads when it comes to it; a plan fits any socket buffer.
            stream.write_all(&bytes).ok()
        };
        send().is_some()
    }

    /// Where a producer hears what its consumer needs.
    #[derive(Debug)]
    pub struct Listener(State);

    #[derive(Debug)]
    enum State {
        Listening(UnixListener),
        Reading(UnixStream, Vec<u8>),
        Done,
    }

    impl Listener {
        /// Listens for the consumer at the other end of `pipe`; to be called before the first byte is written there.
        /// Hears nothing, ever, where `pipe` is no pipe, or its name is taken.
        pub fn new(pipe: impl AsFd) -> Self {
            let listen = || -> Option<UnixListener> {
                let listener = UnixListener::bind_addr(&SocketAddr::from_abstract_name(name(pipe)?).ok()?).ok()?;
                listener.set_nonblocking(true).ok()?;
                Some(listener)
            };
            Listener(listen().map_or(State::Done, State::Listening))
        }

        /// Whether a pushdown may still come.
        pub fn listens(&self) -> bool {
            !matches!(self.0, State::Done)
        }

        /// The pushdown, if it has come by now; it is given once. This never waits.
        pub fn hear(&mut self) -> Option<Pushdown> {
            if let State::Listening(listener) = &self.0 {
                match listener.accept() {
                    Ok((stream, _)) if is_same_user(&stream) && stream.set_nonblocking(true).is_ok() => {
                        self.0 = State::Reading(stream, Vec::new())
                    }
                    Ok(_) => return None,
                    Err(error) if is_not_yet(&error) => return None,
                    Err(_) => self.0 = State::Done,
                }
            }
            let State::Reading(stream, bytes) = &mut self.0 else { return None };
            let ended = loop {
                let mut chunk = [0; 4096];
                match stream.read(&mut chunk) {
                    Ok(0) => break true,
                    Ok(got) => bytes.extend_from_slice(&chunk[..got]),
                    Err(error) if is_not_yet(&error) => break false,
                    Err(_) => break true,
                }
                if bytes.len() > Pushdown::MAX_BYTES {
                    break true;
                }
            };
            match Pushdown::from_bytes(bytes) {
                Ok(None) if !ended => None,
                // Advice that cannot be understood is none.
                pushdown => {
                    self.0 = State::Done;
                    pushdown.ok().flatten()
                }
            }
        }
    }

    fn is_not_yet(error: &io::Error) -> bool {
        matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
    }
}

#[cfg(not(target_os = "linux"))]
mod elsewhere {
    use super::{AsFd, Pushdown};

    /// Nobody listens here.
    pub fn advise(_: impl AsFd, _: &Pushdown) -> bool {
        false
    }

    /// Hears nothing.
    #[derive(Debug)]
    pub struct Listener;

    impl Listener {
        /// Hears nothing.
        pub fn new(_: impl AsFd) -> Self {
            Listener
        }

        /// No.
        pub fn listens(&self) -> bool {
            false
        }

        /// Nothing.
        pub fn hear(&mut self) -> Option<Pushdown> {
            None
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub use elsewhere::{Listener, advise};

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::{self, Write};

    use super::{Listener, advise};
    use crate::wire::Pushdown;

    #[test]
    fn a_plan_crosses_a_pipe_backwards_once() {
        let (input, output) = io::pipe().unwrap();
        let pushdown = Pushdown { columns: Some(vec!["host".into()]), ..Pushdown::default() };
        assert!(!advise(&input, &pushdown), "nobody listens yet");
        let mut listener = Listener::new(&output);
        assert_eq!(listener.hear(), None);
        assert!(advise(&input, &pushdown));
        assert_eq!(listener.hear(), Some(pushdown.clone()));
        assert_eq!(listener.hear(), None);
        assert!(!advise(&input, &pushdown), "nobody listens any more");
    }

    #[test]
    fn another_pipe_is_another_channel() {
        let (input, _output) = io::pipe().unwrap();
        let (_input, output) = io::pipe().unwrap();
        let mut listener = Listener::new(&output);
        assert!(!advise(&input, &Pushdown::default()));
        assert_eq!(listener.hear(), None);
    }

    #[test]
    fn what_is_no_pipe_has_no_channel() {
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(!advise(&file, &Pushdown::default()));
        let mut listener = Listener::new(&file);
        assert_eq!((listener.listens(), listener.hear()), (false, None));
    }

    #[test]
    fn a_listener_that_accepts_nobody_holds_nobody_up() {
        use rustix::net::{self, AddressFamily, SocketAddrUnix, SocketType};
        use std::os::fd::AsRawFd;
        let (input, output) = io::pipe().unwrap();
        let link = std::fs::read_link(format!("/proc/self/fd/{}", output.as_raw_fd())).unwrap();
        let address = SocketAddrUnix::new_abstract_name(format!("recpipe/{}", link.display()).as_bytes()).unwrap();
        let squatter = net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        net::bind(&squatter, &address).unwrap();
        net::listen(&squatter, 0).unwrap();
        // The first fills its queue; the others would wait for ever if they waited at all.
        let told = (0..4).filter(|_| advise(&input, &Pushdown::default())).count();
        assert!(told < 4);
    }

    #[test]
    fn garbage_and_silence_are_no_advice() {
        use std::os::{
            fd::AsRawFd,
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixStream},
        };
        for garbage in [&b""[..], b"GET / HTTP/1.1\r\n\r\n", &[0; 200_000]] {
            let (_input, output) = io::pipe().unwrap();
            let mut listener = Listener::new(&output);
            let link = std::fs::read_link(format!("/proc/self/fd/{}", output.as_raw_fd())).unwrap();
            let address = SocketAddr::from_abstract_name(format!("recpipe/{}", link.display())).unwrap();
            let mut stream = UnixStream::connect_addr(&address).unwrap();
            stream.set_nonblocking(true).unwrap();
            // As much as fits: the listener need not read it all.
            let _ = stream.write(garbage);
            drop(stream);
            assert_eq!(listener.hear(), None);
            assert_eq!(listener.hear(), None);
        }
    }
}
