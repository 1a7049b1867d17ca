//! A page for browsers that goes on: the newest picture of an answer, told to whoever looks by server-sent events.
//!
//! The run hands over what there is ([`Hub::publish`]) and goes on at once: it waits for no browser. Each browser has a thread, which
//! takes the newest when it has sent the last; what came between is not sent. There are no cookies; whoever shows no token gets 403.
//!
//! Source: <https://html.spec.whatwg.org/multipage/server-sent-events.html>

mod http;

use std::{
    collections::HashMap,
    io::{Read as _, Write as _},
    net::{IpAddr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use constant_time_eq::constant_time_eq;
use recpipe::Error;
use rustix::event::{PollFd, PollFlags, poll};

/// Connections at a time; further ones are told to come later.
const MOST: usize = 256;

/// From one event to the next at least.
const EVERY: Duration = Duration::from_millis(500);

/// A browser that takes nothing for so long is let go; it calls again by itself.
const SLOW: Duration = Duration::from_secs(10);

/// Something is said at least so often, so that a browser that has gone is noticed.
const QUIET: Duration = Duration::from_secs(15);

/// The stack of a thread: what it does is small.
const STACK: usize = 256 << 10;

const SCRIPT: &str = include_str!("live.js");

/// What browsers are shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// The whole page, for who comes.
    pub page: Arc<str>,
    /// What changes, for who is there: on one line.
    pub event: Arc<str>,
}

#[derive(Default)]
struct State {
    newest: Snapshot,
    /// How many there were.
    count: u64,
    is_over: bool,
    /// The connections that are open, to be ended.
    open: HashMap<u64, TcpStream>,
}

/// What there is to be shown, and who looks. Clones are the same.
#[derive(Clone, Default)]
struct Hub(Arc<(Mutex<State>, Condvar)>);

impl Hub {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The newest beyond this number; `None` when time is up.
    fn next(&self, seen: u64, until: Instant) -> Option<(Snapshot, u64)> {
        let mut state = self.lock();
        loop {
            if state.is_over {
                return None;
            }
            if state.count > seen {
                return Some((state.newest.clone(), state.count));
            }
            let left = until.checked_duration_since(Instant::now())?;
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits so long, or until it is over: whether it goes on.
    fn goes_on_after(&self, pause: Duration) -> bool {
        let until = Instant::now() + pause;
        let mut state = self.lock();
        while !state.is_over {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else { return true };
            state = self.0.1.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        false
    }
}

/// A server of one page. It ends with its owner.
pub(crate) struct Server {
    hub: Hub,
    address: SocketAddr,
    /// What wakes the thread that accepts.
    wake: UnixStream,
    accepting: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens there; whoever shows the token is answered, first with `first`.
    ///
    /// # Errors
    /// [`Error::Io`] when the address cannot be listened at.
    pub(crate) fn listen(address: SocketAddr, token: &[u8], first: Snapshot) -> Result<Self, Error> {
        let failed = |error| Error::io(format!("serve: cannot listen at {address}"), error);
        let listener = TcpListener::bind(address).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (wake, woken) = UnixStream::pair().map_err(failed)?;
        let hub = Hub::default();
        let mut server = Server { hub: hub.clone(), address, wake, accepting: None };
        server.publish(first);
        let token: Arc<[u8]> = token.into();
        let accept = move || accept(&listener, &woken, &hub, &token);
        let accepting = thread::Builder::new().name("serve".into()).stack_size(STACK).spawn(accept).map_err(failed)?;
        server.accepting = Some(accepting);
        Ok(server)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this is the newest.
    pub(crate) fn publish(&self, snapshot: Snapshot) {
        let mut state = self.hub.lock();
        state.newest = snapshot;
        state.count += 1;
        drop(state);
        self.hub.0.1.notify_all();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = self.hub.lock();
            state.is_over = true;
            // Whoever is written to has what it has.
            state.open.values().for_each(|connection| drop(connection.shutdown(Shutdown::Both)));
        }
        self.hub.0.1.notify_all();
        // A thread that cannot be woken has ended already.
        let _ = self.wake.write_all(b"x");
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

/// Whether it is for this host alone.
pub(crate) fn is_near(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

fn accept(listener: &TcpListener, woken: &UnixStream, hub: &Hub, token: &Arc<[u8]>) {
    let mut threads: Vec<JoinHandle<()>> = Vec::new();
    let mut number = 0;
    loop {
        let mut both = [PollFd::new(listener, PollFlags::IN), PollFd::new(woken, PollFlags::IN)];
        // An interrupted wait is looked at as any other.
        let _ = poll(&mut both, None);
        if hub.lock().is_over {
            break;
        }
        threads.retain(|thread| !thread.is_finished());
        let Ok((mut connection, _)) = listener.accept() else {
            // Out of descriptors, say: the next try may be better.
            if !hub.goes_on_after(Duration::from_millis(20)) {
                break;
            }
            continue;
        };
        let is_set = connection.set_nonblocking(false).is_ok()
            && connection.set_read_timeout(Some(http::PATIENCE)).is_ok()
            && connection.set_write_timeout(Some(SLOW)).is_ok();
        if !is_set {
            continue;
        }
        if threads.len() >= MOST {
            let _ = connection.set_write_timeout(Some(Duration::from_millis(100)));
            let _ = http::answer(&mut connection, "503 Service Unavailable", "text/plain", "", true);
            continue;
        }
        number += 1;
        let Ok(other) = connection.try_clone() else { continue };
        hub.lock().open.insert(number, other);
        let (of_hub, token) = (hub.clone(), token.clone());
        let talk = move || {
            // Whoever has gone has gone.
            let _ = talk(&mut connection, &of_hub, &token);
            // What was not read would make the system reset the connection before the answer is taken.
            let _ = connection.shutdown(Shutdown::Write);
            let _ = connection.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = connection.read(&mut [0; 1024]);
            of_hub.lock().open.remove(&number);
        };
        match thread::Builder::new().name("serve".into()).stack_size(STACK).spawn(talk) {
            Ok(thread) => threads.push(thread),
            Err(_) => drop(hub.lock().open.remove(&number)),
        }
    }
    threads.into_iter().for_each(|thread| drop(thread.join()));
}

/// Answers one request.
fn talk(connection: &mut TcpStream, hub: &Hub, token: &[u8]) -> std::io::Result<()> {
    const TEXT: &str = "text/plain; charset=utf-8";
    let Some(request) = http::read(connection) else {
        return http::answer(connection, "400 Bad Request", TEXT, "", true);
    };
    let has_body = request.method != "HEAD";
    if !constant_time_eq(&request.token, token) {
        return http::answer(connection, "403 Forbidden", TEXT, "", has_body);
    }
    if !matches!(&*request.method, "GET" | "HEAD") {
        return http::answer(connection, "405 Method Not Allowed", TEXT, "", true);
    }
    match (&*request.path, has_body) {
        ("/", _) => {
            let page = hub.lock().newest.page.clone();
            http::answer(connection, "200 OK", "text/html; charset=utf-8", &page, has_body)
        }
        ("/live.js", _) => http::answer(connection, "200 OK", "text/javascript; charset=utf-8", SCRIPT, has_body),
        ("/events", true) => events(connection, hub),
        _ => http::answer(connection, "404 Not Found", TEXT, "", has_body),
    }
}

/// Tells what is new, until the browser has gone.
fn events(connection: &mut TcpStream, hub: &Hub) -> std::io::Result<()> {
    http::begin_events(connection)?;
    let mut seen = 0;
    loop {
        match hub.next(seen, Instant::now() + QUIET) {
            Some((snapshot, count)) => {
                http::event(connection, &snapshot.event)?;
                seen = count;
            }
            None if hub.lock().is_over => return Ok(()),
            // A comment, which a browser does not tell the page.
            None => connection.write_all(b":\n\n")?,
        }
        if !hub.goes_on_after(EVERY) {
            return Ok(());
        }
    }
}
