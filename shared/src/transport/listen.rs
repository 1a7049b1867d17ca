//! Connections that others make to us.
//!
//! A thread accepts for as long as the listener lives, so that strangers are turned away, and lost peers taken back, while
//! a stream runs. A peer that is new is handed to whoever calls [`Listener::accept`]; one that comes back goes to the
//! link that it belongs to.

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

/// Peers that are known, where no number of them is expected; more are refused.
pub const LINKS: usize = 64;
/// How long a peer may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(2);
/// A peer whose process has ended does not come back; one that was only cut off does so at once.
const GRACE: Duration = Duration::from_secs(3);
/// How long a peer that nobody expects may wait for the place of another; a little longer than that is kept.
const NEWCOMER: Duration = Duration::from_secs(4);

/// Where others connect to.
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
    /// A connection that breaks can be made again.
    resumes: bool,
    desk: Mutex<Desk>,
    /// A link is vacant, or all is over.
    vacancy: Condvar,
}

struct Desk {
    /// Who is known, and where its next connection goes.
    links: HashMap<[u8; 16], Line>,
    /// Whose links are over.
    departed: ClosedLinks,
    /// The link that has lost its peer, and may be given another: one that was started again.
    vacant: Option<[u8; 16]>,
    /// How many new ones are still expected.
    expected: Option<usize>,
    new: Option<Sender<Accepted>>,
    closing: bool,
    strangers: Admission,
    complaints: RefusalLog,
}

/// Where the next connection of a peer goes.
#[derive(Clone)]
struct Line {
    to: Sender<Guest>,
    /// The link, which gives up its old connection then.
    waker: Waker,
}

impl Shared {
    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listener {
    /// Listens at `url`: at a TCP address, or at a Unix socket, which only its owner may connect to. A Unix socket that is
    /// left over, with nobody behind it, is replaced.
    ///
    /// # Errors
    /// When somebody listens there already, or something else is of that name; [`Error::Usage`] for what cannot be listened
    /// at, or not as safely as one has to.
    pub fn open(
        url: &Url,
        security: &Security,
        identity: Identity,
        patience: Patience,
        expected: Option<usize>,
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

    /// Where it listens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The next peer that is new; `None` when nobody is expected any more, or it was told to stop.
    pub fn accept(&self) -> Option<Accepted> {
        self.guests.recv().ok()
    }
}

impl Listener {
    /// Nobody new is expected any more; those that are known are still taken back.
    pub fn expect_nobody(&self) {
        let mut desk = self.shared.desk();
        desk.expected = Some(0);
        desk.new = None;
    }

    /// Nobody is expected any more: whoever waits in [`Listener::accept`] is told so.
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

    /// A connection, and what its link needs besides: where there is not enough for both, it is not taken.
    fn accept(&self) -> io::Result<(Socket, Notify, PeerAddress)> {
        let notify = Notify::new()?;
        let (socket, from) = self.door.accept()?;
        Ok((socket, notify, from))
    }

    /// Finds out who it is, on a thread of its own: others are not to wait for a peer that takes its time.
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

/// A stranger's place, which is free again when it is dropped: also by a panic.
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
    /// What tells a link from another.
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

    /// Whom a guest is greeted by: a receiver takes the name of its stream.
    fn identity(&self, guest: &Guest) -> Identity {
        let mut identity = self.identity.clone();
        if identity.role == Role::Receiver {
            identity.stream = guest.hello.stream;
        }
        identity
    }

    /// Tells a guest whose link is over what there is to be told.
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

    /// Says why a peer was turned away, but not as often as peers like to be.
    fn complain(&self, from: &PeerAddress, why: &str) {
        let held_back = self.desk().complaints.may_say(from.address, Instant::now());
        match held_back {
            None => {}
            Some(0) => self.say(&format!("{} was turned away: {why}", from.name)),
            Some(more) => self.say(&format!("{} was turned away: {why} ({more} more were, without a word, since the last one)", from.name)),
        }
    }
}

/// Takes a guest to where it belongs.
fn admit(shared: &Arc<Shared>, guest: Guest, notify: Notify, from: PeerAddress) {
    if let Some(why) = handshake::objection(&guest.hello, &shared.identity) {
        shared.complain(&from, &why);
        return guest.refuse(&why);
    }
    let key = shared.key(&guest);
    let mut desk = shared.desk();
    if !desk.links.contains_key(&key) && desk.expected == Some(0) && shared.patience.restarts {
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
    if desk.expected.is_none() && desk.links.len() >= LINKS {
        drop(desk);
        shared.complain(&from, "too many are connected");
        return guest.refuse("too many are connected here");
    }
    if desk.expected == Some(0) || desk.new.is_none() {
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
    desk.expected = desk.expected.map(|expected| expected - 1);
    if desk.expected == Some(0) {
        desk.new = None;
    }
    drop(desk);
    if let Some(new) = new {
        // Who accepts is gone: so is the program.
        let _ = new.send(accepted);
    }
}
