//! Links whose connections a listener accepts: who calls again, too late, or in the place of another.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpStream},
    time::Duration,
};

use super::{SOON, send};
use crate::{
    Error, Exit,
    session::Progress,
    transport::{
        Security,
        dial::Patience,
        handshake::{self, Identity},
        link::{Connected, Connections, Cut, Readiness, RecvLink, SendLink, Settings, Wait},
        listen::{Expected, Listener},
    },
    wire::{Ending, Incoming, Reader, Role},
};

/// A port that is ours, kept by a socket that is bound to it: one that was free a moment ago may be another's by now.
struct Port(socket2::Socket);

impl Port {
    fn new() -> Self {
        let kept = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        kept.set_reuse_address(true).unwrap();
        kept.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        Port(kept)
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap().as_socket().unwrap()
    }
}

/// Somebody who listens for so many, and at which port.
fn listens(role: Role, patience: Patience, expected: Option<usize>) -> (Listener, Port) {
    let port = Port::new();
    let us = Identity::new(role, Vec::new(), "listener");
    let url = format!("tcp://{}", port.address()).parse().unwrap();
    let expected = expected.map_or(Expected::AtOnce(64), Expected::Exactly);
    (Listener::open(&url, &Security::default(), us, patience, expected, true).unwrap(), port)
}

fn call(port: &Port, caller: &Identity) -> Result<Connected, handshake::HandshakeError> {
    let socket = TcpStream::connect(port.address()).unwrap();
    handshake::call(socket.into(), caller, Progress::default(), SOON, Wait::default())
}

#[test]
fn whoever_calls_again_is_taken_at_its_word() {
    for retry in [Patience::default().retry, Duration::ZERO] {
        let (listener, port) = listens(Role::Receiver, Patience { retry, ..Patience::default() }, Some(1));
        let them = Identity::new(Role::Sender, Vec::new(), "sender");
        // It would be silent for long before anything is said, or it is given up.
        let long = Duration::from_secs(300);
        let settings = Settings { beat: Some(long), silence: long, ..Settings::default() };
        let recv_link = std::thread::scope(|scope| {
            let recv_link = scope.spawn(|| RecvLink::open(listener.accept().unwrap(), settings).unwrap());
            let first = call(&port, &them).unwrap();
            let again = call(&port, &them).unwrap();
            drop((first, again));
            recv_link.join().unwrap()
        });
        drop(recv_link);
    }
}

#[test]
fn a_receiver_in_place_of_one_that_hangs_is_not_sent_away_for_good() {
    let (listener, port) = listens(Role::Sender, Patience { restarts: true, ..Patience::default() }, Some(1));
    let hangs = Identity::new(Role::Receiver, Vec::new(), "receiver");
    let (mut accepted, notify) = std::thread::scope(|scope| {
        let connected = scope.spawn(|| call(&port, &hangs).unwrap());
        let mut accepted = listener.accept().unwrap();
        let notify = accepted.notify().unwrap();
        drop(accepted.next(None, Progress::default(), Wait::until(&notify, &|| false)).unwrap());
        drop(connected.join().unwrap());
        (accepted, notify)
    });
    let other = Identity::new(Role::Receiver, Vec::new(), "receiver");
    assert!(matches!(call(&port, &other), Err(handshake::HandshakeError::Failed(_))), "it may try again");
    // Now it has been found out that the first one hangs.
    std::thread::scope(|scope| {
        let connected = scope.spawn(|| call(&port, &other).unwrap());
        accepted.next(Some(&Cut::Silent(Duration::from_secs(15))), Progress::default(), Wait::until(&notify, &|| false)).unwrap();
        drop(connected.join().unwrap());
    });
}

/// It was only cut off: another one that calls meanwhile does not take its place.
#[test]
fn a_receiver_that_comes_back_soon_keeps_its_place() {
    let (listener, port) = listens(Role::Sender, Patience { restarts: true, ..Patience::default() }, Some(1));
    let [lives, other] = [(); 2].map(|()| Identity::new(Role::Receiver, Vec::new(), "receiver"));
    std::thread::scope(|scope| {
        let connected = scope.spawn(|| call(&port, &lives).unwrap());
        let mut accepted = listener.accept().unwrap();
        let notify = accepted.notify().unwrap();
        drop(accepted.next(None, Progress::default(), Wait::until(&notify, &|| false)).unwrap());
        drop(connected.join().unwrap());
        let next = scope.spawn(move || {
            let cut = Cut::Silent(Duration::from_secs(15));
            accepted.next(Some(&cut), Progress::default(), Wait::until(&notify, &|| false)).map(|next| (next, accepted))
        });
        let socket = TcpStream::connect(port.address()).unwrap();
        let called = handshake::call(socket.into(), &other, Progress::default(), Duration::from_millis(300), Wait::default());
        assert!(matches!(called, Err(handshake::HandshakeError::Failed(_))), "it has taken the place");
        let again = call(&port, &lives).unwrap();
        let (next, _accepted) = next.join().unwrap().unwrap();
        assert_eq!(next.hello.unwrap().instance, lives.instance);
        drop(again);
    });
}

/// Calls a listener; the connection is cut from outside, and the next one made when it may be.
struct Cuttable {
    at: SocketAddr,
    identity: Identity,
    cut: crossbeam_channel::Sender<TcpStream>,
    may_return: crossbeam_channel::Receiver<()>,
}

impl Connections for Cuttable {
    fn next(&mut self, after: Option<&Cut>, progress: Progress, _: Wait<'_>) -> Result<Connected, Error> {
        if after.is_some() {
            self.may_return.recv_timeout(SOON).map_err(|_| Error::lost("it may not come back"))?;
        }
        let socket = TcpStream::connect(self.at).unwrap();
        let _ = self.cut.try_send(socket.try_clone().unwrap());
        handshake::call(socket.into(), &self.identity, progress, SOON, Wait::default()).map_err(|error| Error::lost(error.to_string()))
    }

    fn peer(&self) -> String {
        "the listener".into()
    }
}

/// A sender is cut off when it has sent all, and comes back when its receiver, which has closed or has died, waits no longer.
fn back_too_late(has_closed: bool) -> Result<Option<Ending>, Error> {
    let (listener, port) = listens(Role::Receiver, Patience::default(), None);
    let (cut, socket) = crossbeam_channel::bounded(2);
    let (return_now, may_return) = crossbeam_channel::bounded(1);
    let dial = Cuttable { at: port.address(), identity: Identity::new(Role::Sender, Vec::new(), "sender"), cut, may_return };
    let sent = std::thread::scope(|scope| {
        let recv_link = scope.spawn(|| RecvLink::open(listener.accept().unwrap(), Settings::default()).unwrap());
        let send_link = SendLink::open(dial, Settings::default(), Readiness::new(), |_| {}).unwrap();
        let sent = scope.spawn(|| send(send_link));
        let mut reader = Reader::new(recv_link.join().unwrap()).unwrap();
        while !matches!(reader.read().unwrap(), Some(Incoming::End(_))) {}
        // The sender has not heard of the end when its connection breaks.
        socket.recv().unwrap().shutdown(std::net::Shutdown::Both).unwrap();
        if has_closed {
            reader.into_input().close(Ending { exit: Exit::Done, cause: "well".into(), rejected: 0 }).unwrap();
        } else {
            drop(reader);
        }
        return_now.send(()).unwrap();
        sent.join().unwrap()
    });
    listener.close();
    assert!(listener.accept().is_none(), "it was taken for a new one");
    sent
}

#[test]
fn whoever_comes_back_to_a_stream_that_is_over_is_told_how_it_ended() {
    // On a machine with too much to do, a receiver may close only when it has waited for long enough already.
    assert!((0..5).any(|_| back_too_late(true).is_ok_and(|ending| ending.unwrap().cause == "well")));
    let error = back_too_late(false).unwrap_err();
    assert!(error.exit() == Exit::Incomplete && error.to_string().contains("that stream is over"), "{error}");
}
