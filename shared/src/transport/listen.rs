//! Connections that others make to us.
//!
//! A thread accepts connections for as long as the listener lives: while a stream runs, it turns strangers away and takes lost
//! peers back. A new peer is handed to the caller of [`Listener::accept`]; a peer that comes back is handed to its link.

mod accepted;

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

pub use self::accepted::Accepted;
use super::{
    Security, Url,
    admission::{Admission, MOST as STRANGERS, RefusalLog},
    closed_links::{ClosedLinks, Farewell},
    dial::Patience,
    handshake::{self, Guest, Identity},
    link::{Notify, Waker},
    scheme::{Accept, PeerAddress},
    socket::Socket,
};
use crate::{Error, say, wire::Role};

/// Who is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// So many new peers, and no more.
    Exactly(usize),
    /// Any number, but no more than so many at once; others are told to come again.
    AtOnce(usize),
}
/// How long the handshake of a peer may take.
const HELLO_WITHIN: Duration = Duration::from_secs(2);
/// How long a peer whose connection was closed is waited for: if its process lives, it comes back at once.
const GRACE: Duration = Duration::from_secs(3);
/// How long an unexpected peer may wait to take the place of a lost one: a little longer than [`GRACE`], for which that is kept.
const NEWCOMER: Duration = Duration::from_secs(4);

/// A listening socket, and the thread that accepts its connections.
pub struct Listener {
    guests: Receiver<Accepted>,
    shared: Arc<Shared>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
    name: String,
}

struct Shared {
    identity: Identity,
    patience: Patience,
    quiet: bool,
    /// Whether a connection that breaks can be made again.
    resumes: bool,
    desk: Mutex<Desk>,
    /// Told when a link has lost its peer, and when the listener closes.
    vacancy: Condvar,
}

struct Desk {
    /// The links by their keys, each with where its next connection goes.
    links: HashMap<[u8; 16], Line>,
    /// The links that are over.
    departed: ClosedLinks,
    /// The link that has lost its peer and takes a newly started one in its place.
    vacant: Option<[u8; 16]>,
    expected: Expected,
    new: Option<Sender<Accepted>>,
    closing: bool,
    strangers: Admission,
    complaints: RefusalLog,
}

/// Hands the next connection of a peer to its link.
#[derive(Clone)]
struct Line {
    to: Sender<Guest>,
    /// Wakes the link, which then gives up its old connection.
    waker: Waker,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Listens at `url`; nothing is logged if `quiet`.
    ///
    /// # Errors
    /// Those of the system, as when another program listens there; [`Error::Usage`] if `url` is nothing to listen at, or open to
    /// others without protection.
    pub fn open(
        url: &Url,
        security: &Security,
        identity: Identity,
        patience: Patience,
        expected: Expected,
        quiet: bool,
    ) -> Result<Self, Error> {
        let door = url.endpoint().listen(security, identity.program_name(), quiet)?;
        let notify = Notify::new().map_err(|error| Error::io("cannot make a pipe", error))?;
        let waker = notify.waker();
        let (new, guests) = bounded(STRANGERS);
        let desk = Desk {
            links: HashMap::new(),
            departed: ClosedLinks::default(),
            vacant: None,
            expected,
            new: Some(new),
            closing: false,
            strangers: Admission::default(),
            complaints: RefusalLog::default(),
        };
        let resumes = url.scheme().resumes;
        let shared = Arc::new(Shared { identity, patience, quiet, resumes, desk: Mutex::new(desk), vacancy: Condvar::new() });
        let porter = Porter { door, notify, shared: shared.clone() };
        let thread = std::thread::Builder::new().name("listen".into()).spawn(move || porter.run());
        let thread = Some(thread.map_err(|error| Error::io("cannot start a thread", error))?);
        Ok(Listener { guests, shared, waker, thread, name: url.to_string() })
    }

    /// The URL at which it listens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits for the next new peer; `None` when no more are expected, or after [`Listener::close`].
    pub fn accept(&self) -> Option<Accepted> {
        self.guests.recv().ok()
    }
}

impl Listener {
    /// Accepts no new peers from now on. Known peers are still taken back.
    pub fn expect_nobody(&self) {
        let mut desk = self.shared.desk();
        desk.expected = Expected::Exactly(0);
        desk.new = None;
    }

    /// Accepts no connections from now on. A waiting [`Listener::accept`] returns `None`.
    pub fn close(&self) {
        let mut desk = self.shared.desk();
        desk.closing = true;
        desk.new = None;
        drop(desk);
        self.shared.vacancy.notify_all();
        self.waker.wake();
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread that accepts.
struct Porter {
    door: Box<dyn Accept>,
    notify: Notify,
    shared: Arc<Shared>,
}

impl Porter {
    fn run(self) {
        let mut greeters: Vec<JoinHandle<()>> = Vec::new();
        let mut complaints = RefusalLog::default();
        while !self.shared.desk().closing {
            let mut fds = [PollFd::new(&self.notify, PollFlags::IN), PollFd::from_borrowed_fd(self.door.as_fd(), PollFlags::IN)];
            if poll(&mut fds, None).is_err_and(|error| error != Errno::INTR) {
                break;
            }
            self.notify.clear();
            greeters.retain(|greeter| !greeter.is_finished());
            match self.accept() {
                Ok((socket, notify, from)) => self.greet(socket, notify, from, &mut greeters),
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(error) => {
                    // No file descriptors left, most likely: the connection waits, and so do we.
                    if complaints.may_say(None, Instant::now()).is_some() {
                        let code = error.raw_os_error().map(Errno::from_raw_os_error);
                        let mend = if code == Some(Errno::MFILE) { "; `ulimit -n` says how many there may be, and sets it" } else { "" };
                        self.shared.say(&format!("cannot accept a connection, and tries again: {error}{mend}"));
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
            }
        }
        for greeter in greeters {
            let _ = greeter.join();
        }
    }

    /// The next connection and the pipe that its link needs. The pipe is made first: without descriptors for both, the connection
    /// stays in the system's queue.
    fn accept(&self) -> io::Result<(Socket, Notify, PeerAddress)> {
        let notify = Notify::new()?;
        let (socket, from) = self.door.accept()?;
        Ok((socket, notify, from))
    }

    /// Shakes hands on a thread of its own, so that a slow peer holds up no other.
    fn greet(&self, socket: Socket, notify: Notify, from: PeerAddress, greeters: &mut Vec<JoinHandle<()>>) {
        let address = from.address;
        let entered = self.shared.desk().strangers.enter(address);
        if let Err(why) = entered {
            return self.shared.complain(&from, why);
        }
        let place = Place { shared: self.shared.clone(), address };
        let greet = move || match handshake::hear_guest(socket, HELLO_WITHIN) {
            Ok(guest) => admit(&place.shared, guest, notify, from),
            Err(error) => place.shared.complain(&from, &error.to_string()),
        };
        // Where there is no thread for it, it is hung up on.
        greeters.extend(std::thread::Builder::new().name("greet".into()).spawn(greet));
    }
}

/// A place among those in the handshake; dropping it frees the place, also after a panic.
struct Place {
    shared: Arc<Shared>,
    address: Option<IpAddr>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.desk().strangers.leave(self.address);
    }
}

impl Shared {
    /// The key of the link that a guest belongs to.
    fn key(&self, guest: &Guest) -> [u8; 16] {
        match self.identity.role {
            Role::Receiver => guest.hello.stream,
            Role::Sender => guest.hello.instance,
        }
    }

    fn set_vacant(&self, link: Option<[u8; 16]>) {
        self.desk().vacant = link;
        self.vacancy.notify_all();
    }

    /// The identity with which a guest is greeted; a receiver's names the guest's stream.
    fn identity(&self, guest: &Guest) -> Identity {
        let mut identity = self.identity.clone();
        if identity.role == Role::Receiver {
            identity.stream = guest.hello.stream;
        }
        identity
    }

    /// Sends the last words to a guest whose link is over.
    fn dismiss(&self, guest: Guest, farewell: Option<Farewell>) {
        match farewell {
            Some((progress, ending)) => {
                let identity = self.identity(&guest);
                guest.dismiss(&identity, progress, &ending);
            }
            None => guest.refuse("that stream is over"),
        }
    }

    fn say(&self, what: &str) {
        if !self.quiet {
            say!("{}: {what}", self.identity.program_name());
        }
    }

    /// Logs why a peer was turned away, within the limits of [`RefusalLog`].
    fn complain(&self, from: &PeerAddress, why: &str) {
        let held_back = self.desk().complaints.may_say(from.address, Instant::now());
        match held_back {
            None => {}
            Some(0) => self.say(&format!("{} was turned away: {why}", from.name)),
            Some(more) => self.say(&format!("{} was turned away: {why} ({more} more were, without a word, since the last one)", from.name)),
        }
    }
}

/// Hands a guest to its link, to [`Listener::accept`], or turns it away.
fn admit(shared: &Arc<Shared>, guest: Guest, notify: Notify, from: PeerAddress) {
    if let Some(why) = handshake::objection(&guest.hello, &shared.identity) {
        shared.complain(&from, &why);
        return guest.refuse(&why);
    }
    let key = shared.key(&guest);
    let mut desk = shared.desk();
    if !desk.links.contains_key(&key) && desk.expected == Expected::Exactly(0) && shared.patience.restarts {
        // In place of one that has died, which that one's link is about to find out.
        let vacated = shared.vacancy.wait_timeout_while(desk, NEWCOMER, |desk| desk.vacant.is_none() && !desk.closing);
        desk = vacated.unwrap_or_else(PoisonError::into_inner).0;
        if let Some(link) = desk.vacant.take().and_then(|before| desk.links.remove(&before)) {
            desk.links.insert(key, link);
        }
    }
    if let Some(link) = desk.links.get(&key).cloned() {
        drop(desk);
        match link.to.try_send(guest) {
            Err(TrySendError::Disconnected(guest)) => {
                let farewell = shared.desk().departed.get(&key).flatten();
                shared.dismiss(guest, farewell);
            }
            // One connection waits there at most; whoever comes too often is hung up on without a word, and comes again.
            Ok(()) | Err(TrySendError::Full(_)) => link.waker.wake(),
        }
        return;
    }
    if let Some(farewell) = desk.departed.get(&key) {
        drop(desk);
        return shared.dismiss(guest, farewell);
    }
    if let Expected::AtOnce(most) = desk.expected
        && desk.links.len() >= most
    {
        drop(desk);
        shared.complain(&from, &format!("too many are connected: {most}, as --max-senders has it, or by `ulimit -n`"));
        return guest.refuse_for_now("too many are connected here");
    }
    if desk.expected == Expected::Exactly(0) || desk.new.is_none() {
        let may_yet = shared.patience.restarts && !desk.closing;
        drop(desk);
        if may_yet {
            // The one in whose place it comes may hang, which shows later: it is hung up on without a word, and calls again.
            return;
        }
        return guest.refuse("nobody else is expected here");
    }
    let (comes_back, comes) = bounded(1);
    desk.links.insert(key, Line { to: comes_back, waker: notify.waker() });
    let accepted = Accepted {
        first: Some(guest),
        notify: Some(notify),
        comes,
        shared: shared.clone(),
        key,
        peer: from.name,
        begun: false,
        farewell: None,
    };
    let new = desk.new.clone();
    if let Expected::Exactly(expected) = &mut desk.expected {
        *expected -= 1;
        if *expected == 0 {
            desk.new = None;
        }
    }
    drop(desk);
    if let Some(new) = new {
        // Who accepts is gone: so is the program.
        let _ = new.send(accepted);
    }
}
