//! The handshake of a connection: each end says who it is and which way the stream goes, and one may refuse the other.
//!
//! TLS, if there is any, comes first. Then the caller speaks. Before a peer is known, no more than 64 KiB are read of it, until a
//! deadline, so that a stranger costs little.

use std::{
    fmt,
    io::{self, Read, Write},
    os::fd::AsFd,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::event::PollFlags;

use super::{
    link::{Connected, Parser, Wait, Woken},
    socket::Socket,
};
use crate::{
    Error, Exit,
    session::{Instance, Progress},
    wire::{Control, Ending, Hello, Role, Warning, frame},
};

/// How long a refused peer may take to hear why.
const FAREWELL: Duration = Duration::from_millis(200);

/// The most bytes that are read of a peer before it is known.
const MAX_HELLO: usize = 64 << 10;

/// What this program says of itself in every Hello of a link.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Whether we send or receive.
    pub role: Role,
    /// Drawn at random when the program starts.
    pub instance: Instance,
    /// The stream; all zero from a receiver that does not know it yet.
    pub stream: [u8; 16],
    /// The shared secret, where there is one.
    pub token: Vec<u8>,
    /// Abilities: see [`Hello::can`].
    pub can: u32,
    /// The program and its version.
    pub program: String,
}

impl Identity {
    /// The identity of a program that starts now. A sender's stream is named at random.
    pub fn new(role: Role, token: Vec<u8>, program: &str) -> Self {
        let stream = if role == Role::Sender { random() } else { [0; 16] };
        Identity { role, instance: random(), stream, token, can: 0, program: program.to_owned() }
    }

    /// The same identity with these abilities added.
    #[must_use]
    pub fn that_can(self, can: u32) -> Self {
        Identity { can: self.can | can, ..self }
    }

    /// The same program with a new stream.
    #[must_use]
    pub fn another_stream(&self) -> Self {
        Identity { stream: random(), ..self.clone() }
    }

    /// The program without its version.
    pub(crate) fn program_name(&self) -> &str {
        self.program.split(' ').next().unwrap_or_default()
    }

    /// The Hello that says so.
    pub(crate) fn hello(&self, progress: Progress, token: &[u8]) -> Control {
        let Identity { role, instance, stream, can, program, .. } = self;
        let (role, instance, stream, can, program) = (*role, *instance, *stream, *can, program.clone());
        Control::Hello(Hello { role, instance, stream, progress, token: token.to_vec(), can, program })
    }
}

fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No system that we know of has none; the process and the time are as good as a name, if not as a secret.
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |time| time.as_nanos());
        bytes = (nanos ^ u128::from(std::process::id()) << 96).to_le_bytes();
    }
    bytes
}

/// Why a handshake failed.
#[derive(Debug)]
pub(crate) enum HandshakeError {
    /// The connection failed, or nothing came in time. Another try may succeed.
    Failed(String),
    /// The other end refused, or speaks another protocol. Another try would end the same way.
    Refused(String),
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (HandshakeError::Failed(what) | HandshakeError::Refused(what)) = self;
        out.write_str(what)
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> Self {
        if error.kind() != io::ErrorKind::InvalidData {
            return HandshakeError::Failed(error.to_string());
        }
        // What a stranger says is not repeated, least of all in a log.
        HandshakeError::Refused(match error.get_ref().and_then(|inner| inner.downcast_ref()) {
            Some(Error::NotAStream { begins }) if TLS_RECORDS.iter().any(|record| begins.starts_with(record)) => {
                "it speaks TLS: is tls:// meant at both ends?".into()
            }
            Some(Error::NotAStream { .. }) => "it does not speak this protocol".into(),
            _ => error.to_string(),
        })
    }
}

/// How an alert and a handshake of TLS begin.
const TLS_RECORDS: [&str; 2] = ["\x15\x03", "\x16\x03"];

/// A peer that has said Hello.
pub(crate) struct Guest {
    socket: Socket,
    parser: Parser,
    /// What it said.
    pub(crate) hello: Hello,
}

/// Shakes hands on a connection that we made.
///
/// # Errors
/// If the other end does not answer within `patience` and as long as `wait` allows, or refuses.
pub(crate) fn call(
    mut socket: Socket,
    identity: &Identity,
    progress: Progress,
    patience: Duration,
    wait: Wait<'_>,
) -> Result<Connected, HandshakeError> {
    let until = Until { wait, ..Until::within(patience) };
    socket.set_nonblocking(true)?;
    handshake(&mut socket, until)?;
    let hello = identity.hello(progress, &identity.token).to_bytes().map_err(|error| HandshakeError::Refused(error.to_string()))?;
    let sent = write(&mut socket, &[&frame::preamble()[..], &hello].concat(), until);
    // Whoever refuses before it has read may have said why.
    let (parser, hello) = match (hear(&mut socket, until), sent) {
        (Ok(heard), _) => heard,
        (Err(refused @ HandshakeError::Refused(_)), _) => return Err(refused),
        (Err(_), Err(sent)) => return Err(sent.into()),
        (Err(failed), Ok(())) => return Err(failed),
    };
    if hello.role == identity.role {
        return Err(HandshakeError::Refused(both(identity.role).into()));
    }
    Ok(Connected { socket, parser, hello: Some(hello), say: Bytes::new() })
}

/// Reads the Hello of a peer that called us.
///
/// # Errors
/// If it has not come whole within `patience`, or is not understood; the peer has been told so.
pub(crate) fn hear_guest(mut socket: Socket, patience: Duration) -> Result<Guest, HandshakeError> {
    let until = Until::within(patience);
    socket.set_nonblocking(true)?;
    if let Err(error) = handshake(&mut socket, until) {
        // TLS has told it why, if it can.
        hang_up(socket);
        return Err(error.into());
    }
    match hear(&mut socket, until) {
        Ok((parser, hello)) => Ok(Guest { socket, parser, hello }),
        Err(error) => {
            // Our preamble says which version we speak, and that we speak no TLS here.
            refuse(socket, Exit::Failed, "not understood: the other end does not say more to strangers");
            Err(error)
        }
    }
}

/// Why a guest is refused, as it is to be told; `None` if it is welcome.
pub(crate) fn objection(guest: &Hello, identity: &Identity) -> Option<String> {
    if !same(&guest.token, &identity.token) {
        return Some(if guest.token.is_empty() { "a token is needed (--token-file)" } else { "wrong token" }.into());
    }
    (guest.role == identity.role).then(|| both(identity.role).into())
}

impl Guest {
    /// Completes the handshake.
    ///
    /// # Errors
    /// If our Hello cannot be written within `patience`.
    pub(crate) fn welcome(mut self, identity: &Identity, progress: Progress, patience: Duration) -> Result<Connected, HandshakeError> {
        // The token was the caller's to show.
        let hello = identity.hello(progress, &[]).to_bytes().map_err(|error| HandshakeError::Refused(error.to_string()))?;
        write(&mut self.socket, &[&frame::preamble()[..], &hello].concat(), Until::within(patience))?;
        Ok(Connected { socket: self.socket, parser: self.parser, hello: Some(self.hello), say: Bytes::new() })
    }

    /// Completes the handshake with a sender whose stream is over, tells it how far the stream came and how it ended, and closes.
    /// A failure to tell it is ignored.
    pub(crate) fn dismiss(mut self, identity: &Identity, progress: Progress, ending: &Ending) {
        let said = [identity.hello(progress, &[]), Control::End(ending.clone())].map(|control| control.to_bytes());
        if let [Ok(hello), Ok(end)] = said {
            let until = Until::within(FAREWELL);
            let _ = write(&mut self.socket, &[&frame::preamble()[..], &hello, &end].concat(), until);
        }
        hang_up(self.socket);
    }

    /// Tells the guest why it is refused, and closes. A failure to tell it is ignored.
    pub(crate) fn refuse(self, why: &str) {
        refuse(self.socket, Exit::Failed, why);
    }

    /// The same where another try may succeed: who hears that calls again, for as long as it would call somebody who does not answer.
    pub(crate) fn refuse_for_now(self, why: &str) {
        refuse(self.socket, FOR_NOW, why);
    }
}

/// With this, a refusal is none for ever.
const FOR_NOW: Exit = Exit::Incomplete;

/// Tells a caller why it is refused, and closes.
fn refuse(mut socket: Socket, exit: Exit, why: &str) {
    let refusal = Control::Refusal(Warning { exit, message: why.into() });
    if let Ok(bytes) = refusal.to_bytes() {
        let until = Until::within(FAREWELL);
        let _ = write(&mut socket, &[&frame::preamble()[..], &bytes].concat(), until);
    }
    hang_up(socket);
}

/// Closes a connection so that our last words arrive. Bytes left unread would make the system reset it, so they are read first.
fn hang_up(mut socket: Socket) {
    socket.shutdown_write();
    let until = Until::within(FAREWELL);
    let mut left = MAX_HELLO;
    while left > 0 {
        match socket.discard() {
            Ok(0) => break,
            Ok(got) => left = left.saturating_sub(got),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && wait(&socket, PollFlags::IN, until).is_ok() => {}
            Err(_) => break,
        }
    }
}

fn both(role: Role) -> &'static str {
    match role {
        Role::Sender => "both ends are producers",
        Role::Receiver => "both ends are consumers",
    }
}

/// Whether two secrets are equal, in a time that does not depend on where they differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    constant_time_eq::constant_time_eq(a, b)
}

/// Reads the Hello, or the refusal, of the other end.
fn hear(socket: &mut Socket, until: Until<'_>) -> Result<(Parser, Hello), HandshakeError> {
    let mut parser = Parser::new(MAX_HELLO);
    let mut frames = Vec::new();
    // One frame and no more: what follows is the link's.
    parser.read(&mut OneByOne(socket, until), 1, &mut frames)?;
    let Some(frame) = frames.pop() else { return Err(HandshakeError::Failed("the connection was closed before a greeting".into())) };
    match Control::from_frame(&frame.header, &frame.payload).map_err(HandshakeError::Refused)? {
        Control::Hello(hello) => Ok((parser, hello)),
        Control::Refusal(Warning { exit: FOR_NOW, message }) => Err(HandshakeError::Failed(message)),
        Control::Refusal(warning) => Err(HandshakeError::Refused(format!("refused: {}", warning.message))),
        _ => Err(HandshakeError::Refused("it does not greet".into())),
    }
}

/// The handshake of TLS, on an encrypted connection.
fn handshake(socket: &mut Socket, until: Until<'_>) -> io::Result<()> {
    loop {
        match socket.handshake() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(socket, PollFlags::IN, until)?,
            done => return done,
        }
    }
}

/// A deadline, and what may end the waiting before it.
#[derive(Clone, Copy)]
struct Until<'a> {
    at: Instant,
    wait: Wait<'a>,
}

impl Until<'_> {
    fn within(patience: Duration) -> Self {
        Until { at: Instant::now() + patience, wait: Wait::default() }
    }
}

/// Reads that wait until a deadline.
struct OneByOne<'a>(&'a mut Socket, Until<'a>);

impl Read for OneByOne<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        loop {
            // A peer that sends byte after byte is not waited for longer than one that sends none.
            in_time(self.1)?;
            match self.0.read(into) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(self.0, PollFlags::IN, self.1)?,
                done => return done,
            }
        }
    }
}

fn write(socket: &mut Socket, mut bytes: &[u8], until: Until<'_>) -> io::Result<()> {
    while !bytes.is_empty() {
        match socket.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(socket, PollFlags::OUT, until)?,
            Err(error) => return Err(error),
        }
    }
    loop {
        match socket.flush() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait(socket, PollFlags::OUT, until)?,
            flushed => return flushed,
        }
    }
}

fn late() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "no greeting came in time")
}

/// An error once it is past.
fn in_time(until: Until<'_>) -> io::Result<()> {
    if Instant::now() < until.at { Ok(()) } else { Err(late()) }
}

fn wait(socket: &Socket, mut events: PollFlags, until: Until<'_>) -> io::Result<()> {
    in_time(until)?;
    events.set(PollFlags::OUT, events.contains(PollFlags::OUT) || socket.wants_write());
    match until.wait.turn(Some((socket.as_fd(), events)), until.at)? {
        Woken::Late => Err(late()),
        Woken::Socket | Woken::Notified => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::net::UnixStream, thread};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(300);
    /// For what comes, however busy the machine is.
    const SOON: Duration = Duration::from_secs(120);

    /// What becomes of a peer that does this, and how long that takes.
    fn heard(patience: Duration, peer: impl FnOnce(UnixStream) + Send) -> (Result<Hello, String>, Duration) {
        let (ours, theirs) = UnixStream::pair().unwrap();
        thread::scope(|scope| {
            scope.spawn(|| peer(theirs));
            let began = Instant::now();
            let guest = hear_guest(ours.into(), patience).map(|guest| guest.hello).map_err(|error| error.to_string());
            (guest, began.elapsed())
        })
    }

    fn hello(token: Vec<u8>) -> Vec<u8> {
        let identity = Identity::new(Role::Sender, token, "producer 1");
        [&frame::preamble()[..], &identity.hello(Progress::default(), &identity.token).to_bytes().unwrap()].concat()
    }

    #[test]
    fn a_byte_now_and_then_is_as_late_as_none() {
        let slowly = |mut socket: UnixStream| {
            // Until it is hung up on.
            for byte in hello(vec![1; 1000]) {
                if socket.write_all(&[byte]).is_err() {
                    break;
                }
                thread::sleep(Duration::from_millis(20));
            }
        };
        let (guest, took) = heard(PATIENCE, slowly);
        assert!(guest.unwrap_err().contains("in time"));
        // All of it would take longer than that.
        assert!(took >= PATIENCE && took < PATIENCE * 50, "{took:?}");
        let (guest, took) = heard(PATIENCE, |mut socket| drop(socket.read(&mut [0])));
        assert!(guest.unwrap_err().contains("in time"));
        assert!(took >= PATIENCE, "{took:?}");
    }

    #[test]
    fn a_hello_is_small_and_comes_first() {
        let say = |bytes: Vec<u8>| heard(SOON, move |mut socket| drop(socket.write_all(&bytes))).0;
        assert_eq!(say(hello(vec![7; 1000])).unwrap().token, [7; 1000]);
        assert!(say(hello(vec![7; MAX_HELLO])).unwrap_err().contains("limit"));
        let beat = Control::Beat.to_bytes().unwrap();
        assert!(say([&frame::preamble()[..], &beat].concat()).unwrap_err().contains("does not greet"));
        let said = say(b"GET / HTTP/1.1\r\n\r\n".to_vec()).unwrap_err();
        assert_eq!(said, "it does not speak this protocol", "and what it says is not repeated");
        assert!(say(Vec::new()).unwrap_err().contains("closed before a greeting"));
    }

    #[test]
    fn whoever_is_not_understood_is_told_so() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(hear_guest(ours.into(), SOON).is_err());
        let mut told = Vec::new();
        theirs.read_to_end(&mut told).unwrap();
        assert_eq!(told[..frame::PREAMBLE_LEN], frame::preamble());
    }
}
