//! Links over connections that break where it hurts.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Connected, Connections, Cut, Inlet, Once, Outlet, Readiness, Settings, Wait, parser::Parser};
use crate::{
    BatchBuilder, Error, Exit, Field, Schema, Type, Value,
    record::{CompareOp, Condition, Constant},
    session::Progress,
    transport::{
        Security,
        dial::Patience,
        greet::{self, Identity},
        listen::Listener,
    },
    wire::{Ending, Hello, Incoming, Plan, Reader, Report, Role, Writer, frame::MAX_PAYLOAD},
};

const BATCHES: i64 = 60;

/// However busy the machine is.
const SOON: Duration = Duration::from_secs(120);

fn hello(role: Role, progress: Progress) -> Hello {
    Hello { role, instance: [role as u8; 16], stream: [9; 16], progress, token: Vec::new(), can: 0, program: String::new() }
}

fn past_preamble() -> Parser {
    let mut parser = Parser::new(MAX_PAYLOAD);
    parser.read(&mut &crate::wire::frame::preamble()[..], usize::MAX, &mut Vec::new()).unwrap();
    parser
}

/// Makes connections for the sender, and hands the other end of each to the receiver; cuts each after some bytes.
struct Dial {
    cuts: Vec<usize>,
    to: crossbeam_channel::Sender<(UnixStream, crossbeam_channel::Sender<Progress>)>,
}

struct Answer(crossbeam_channel::Receiver<(UnixStream, crossbeam_channel::Sender<Progress>)>);

impl Connections for Dial {
    fn next(&mut self, after: Option<&Cut>, _: Progress, _: Wait<'_>) -> Result<Connected, Error> {
        let (ours, theirs) = match self.cuts.pop() {
            None if after.is_some() => return Err(Error::Lost("it stays away".into())),
            None => UnixStream::pair().unwrap(),
            Some(bytes) => broken_pair(bytes),
        };
        let (tell, told) = crossbeam_channel::bounded(1);
        let gone = |_| Error::Lost("the other end has gone".into());
        self.to.send((theirs, tell)).map_err(|_| Error::Lost("the other end has gone".into()))?;
        let progress = told.recv_timeout(SOON).map_err(gone)?;
        Ok(Connected { socket: ours.into(), parser: past_preamble(), hello: Some(hello(Role::Receiver, progress)), say: Bytes::new() })
    }

    fn peer(&self) -> String {
        "the receiver".into()
    }
}

impl Connections for Answer {
    fn next(&mut self, _: Option<&Cut>, progress: Progress, _: Wait<'_>) -> Result<Connected, Error> {
        // One that knows of the end is gone, and that is seen at once.
        let (socket, tell) = self.0.recv_timeout(SOON).map_err(|_| Error::Lost("the sender stays away".into()))?;
        tell.send(progress).unwrap();
        Ok(Connected {
            socket: socket.into(),
            parser: past_preamble(),
            hello: Some(hello(Role::Sender, Progress::default())),
            say: Bytes::new(),
        })
    }

    fn peer(&self) -> String {
        "the sender".into()
    }
}

/// Two sockets with a wire between them that is cut after so many bytes one way or the other.
fn broken_pair(bytes: usize) -> (UnixStream, UnixStream) {
    let (left, left_inner) = UnixStream::pair().unwrap();
    let (right, right_inner) = UnixStream::pair().unwrap();
    let carry = move |mut from: UnixStream, mut to: UnixStream, bytes: usize| {
        let mut left = bytes;
        let mut buffer = [0; 700];
        while left > 0 {
            let part = left.min(buffer.len());
            match from.read(&mut buffer[..part]) {
                Ok(0) | Err(_) => break,
                Ok(got) => {
                    left -= got;
                    if to.write_all(&buffer[..got]).is_err() {
                        break;
                    }
                }
            }
        }
        let _ = from.shutdown(std::net::Shutdown::Both);
        let _ = to.shutdown(std::net::Shutdown::Both);
    };
    let (a, b) = (left_inner.try_clone().unwrap(), right_inner.try_clone().unwrap());
    std::thread::Builder::new().spawn(move || carry(left_inner, right_inner, bytes)).unwrap();
    std::thread::Builder::new().spawn(move || carry(b, a, bytes / 16 + 1)).unwrap();
    (left, right)
}

fn link(cuts: Vec<usize>, window: usize) -> (Outlet, Inlet) {
    let settings = Settings { window, ..Settings::default() };
    let (to, from) = crossbeam_channel::bounded(1);
    std::thread::scope(|scope| {
        let inlet = scope.spawn(|| Inlet::open(Answer(from), settings).unwrap());
        let outlet = Outlet::open(Dial { cuts, to }, settings, Readiness::new(), |_| {}).unwrap();
        (outlet, inlet.join().unwrap())
    })
}

fn send(outlet: Outlet) -> Result<Option<Ending>, Error> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int), Field::new("text", Type::Text)]).unwrap());
    let mut writer = Writer::new(outlet)?;
    for batch in 0..BATCHES {
        let mut builder = BatchBuilder::new(schema.clone());
        for n in 0..20 {
            builder.push(&[Value::Int((batch * 20 + n).into()), Value::Text(b"some text to make it longer")]).unwrap();
        }
        writer.batch(&builder.finish()?)?;
    }
    writer.finish(&Ending::default())?.close()
}

/// Reads all and confirms it; the numbers that came.
fn receive(inlet: Inlet) -> Result<Vec<i64>, Error> {
    let steering = inlet.steering();
    let mut reader = Reader::new(inlet)?;
    let mut came = Vec::new();
    while let Some(incoming) = reader.read()? {
        match incoming {
            Incoming::Batch(raw) => {
                let batch = raw.decode()?;
                came.extend((0..batch.len()).map(|row| match batch.row(row).get("n") {
                    Some(Value::Int(n)) => n as i64,
                    other => panic!("{other:?}"),
                }));
                steering.done(reader.totals().frames);
            }
            Incoming::End(_) => break,
            _ => {}
        }
    }
    reader.into_input().close(Ending { exit: Exit::Done, cause: "well".into(), rejected: 0 })?;
    Ok(came)
}

fn both(cuts: Vec<usize>, window: usize) -> (Result<Option<Ending>, Error>, Result<Vec<i64>, Error>) {
    let (outlet, inlet) = link(cuts, window);
    std::thread::scope(|scope| {
        let came = scope.spawn(|| receive(inlet));
        (send(outlet), came.join().unwrap())
    })
}

#[test]
fn a_stream_crosses_and_each_end_knows_how_the_other_ended() {
    let (sent, came) = both(Vec::new(), 1 << 20);
    assert_eq!(sent.unwrap().unwrap().cause, "well");
    assert_eq!(came.unwrap(), (0..BATCHES * 20).collect::<Vec<_>>());
}

#[test]
fn cut_anywhere_it_goes_on_where_it_was() {
    proptest::proptest!(proptest::prelude::ProptestConfig::with_cases(60), |(cuts in proptest::collection::vec(1_usize..20_000, 0..6), window in 4000_usize..40_000)| {
        // The last connection holds: there is one more than there are cuts.
        let mut all = vec![usize::MAX];
        all.extend(&cuts);
        let (sent, came) = both(all, window);
        proptest::prop_assert_eq!(sent.unwrap().unwrap().cause, "well");
        proptest::prop_assert_eq!(came.unwrap(), (0..BATCHES * 20).collect::<Vec<_>>());
    });
}

#[test]
fn a_receiver_that_has_had_enough_is_no_failure() {
    let (outlet, inlet) = link(Vec::new(), 1000);
    let steering = inlet.steering();
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(outlet));
        let mut reader = Reader::new(inlet).unwrap();
        while !matches!(reader.read().unwrap(), Some(Incoming::Batch(_))) {}
        steering.stop();
        let Err(stopped) = reader.read() else { panic!("it reads on") };
        assert!(stopped.is_broken_pipe());
        reader.into_input().close(Ending::default()).unwrap();
        sending.join().unwrap()
    });
    assert!(sent.unwrap_err().is_broken_pipe());
}

#[test]
fn a_sender_that_dies_is_seen() {
    let (outlet, inlet) = link(Vec::new(), 1 << 20);
    let mut writer = Writer::new(outlet).unwrap();
    writer.schema(&Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap())).unwrap();
    drop(writer);
    let error = receive(inlet).unwrap_err();
    assert_eq!(error.exit(), Exit::Incomplete, "{error}");
}

#[test]
fn a_receiver_that_dies_is_seen() {
    let (outlet, inlet) = link(Vec::new(), 1000);
    drop(inlet);
    let error = send(outlet).unwrap_err();
    assert_eq!(error.exit(), Exit::Incomplete, "{error}");
    assert!(error.to_string().contains("has confirmed 0"), "{error}");
}

/// One end of a socket pair between a parent and its child: nobody greets before the stream begins.
fn kin(socket: UnixStream, say: Vec<u8>) -> Once {
    let connected = Connected { socket: socket.into(), parser: Parser::new(MAX_PAYLOAD), hello: None, say: say.into() };
    Once { connected: Some(connected), peer: "its kin".into() }
}

#[test]
fn a_child_that_speaks_after_all_was_sent_is_not_kept_waiting() {
    let settings = Settings { beat: None, linger: SOON * 3, ..Settings::default() };
    let (ours, theirs) = UnixStream::pair().unwrap();
    let preamble = crate::wire::frame::preamble();
    let outlet = Outlet::open(kin(ours, preamble.to_vec()), settings, Readiness::new(), |_| {}).unwrap();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| send(outlet));
        // The parent takes it for a program that says nothing, and shows it the end of its input.
        poll(&mut [PollFd::new(&theirs, PollFlags::RDHUP)], None).unwrap();
        let greeting = crate::wire::Control::Hello(hello(Role::Receiver, Progress::default())).to_bytes().unwrap();
        let inlet = Inlet::open(kin(theirs, [&preamble[..], &greeting].concat()), settings).unwrap();
        let began = Instant::now();
        assert_eq!(receive(inlet).unwrap().len(), BATCHES as usize * 20);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(sent.join().unwrap().unwrap().unwrap().cause, "well");
    });
}

#[test]
fn conditions_are_said_to_those_who_act_on_them() {
    let condition = Condition { field: "n".into(), op: CompareOp::Gt, constant: Constant::Int(7) };
    let plan = Plan { columns: Some(vec!["n".into()]), holds_state: true, conditions: vec![condition], shows: false };
    let came = |can: u32| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let once = |socket: UnixStream, hello| {
            let connected = Connected { socket: socket.into(), parser: past_preamble(), hello: Some(hello), say: Bytes::new() };
            Once { connected: Some(connected), peer: "the other end".into() }
        };
        let receiver = once(ours, hello(Role::Receiver, Progress::default()));
        let outlet = Outlet::open(receiver, Settings::default(), Readiness::new(), |_| {}).unwrap();
        let sender = once(theirs, Hello { can, ..hello(Role::Sender, Progress::default()) });
        let inlet = Inlet::open(sender, Settings::default()).unwrap();
        inlet.steering().plan(plan.clone());
        let plans = outlet.plans();
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| send(outlet));
            assert_eq!(receive(inlet).unwrap().len(), BATCHES as usize * 20);
            assert_eq!(sent.join().unwrap().unwrap().unwrap().cause, "well");
        });
        plans.take().unwrap()
    };
    assert_eq!(came(Hello::CONDITIONS | 1 << 31), plan);
    assert_eq!(came(1 << 31), plan.clone().without_conditions());
}

#[test]
fn a_loss_stays_one_whoever_leaves_after_it() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let hello = Some(hello(Role::Sender, Progress::default()));
    let connected = Connected { socket: ours.into(), parser: past_preamble(), hello, say: Bytes::new() };
    let inlet = Inlet::open(Once { connected: Some(connected), peer: "the sender".into() }, Settings::default()).unwrap();
    let steering = inlet.steering();
    drop(theirs);
    // There is nothing to be settled once it is lost.
    let until = Instant::now() + SOON;
    while inlet.settle(0) {
        assert!(Instant::now() < until, "it is not lost");
        std::thread::yield_now();
    }
    steering.leave(Report { exit: Exit::Signal(15), message: "ended by SIGTERM".into() });
    let error = receive(inlet).unwrap_err();
    assert!(matches!(error, Error::Lost(_)), "{error}");
}

/// Has a mistake in it that shows when the first connection is cut.
struct Mistaken(Option<UnixStream>, Role);

impl Connections for Mistaken {
    fn next(&mut self, _: Option<&Cut>, _: Progress, _: Wait<'_>) -> Result<Connected, Error> {
        let socket = self.0.take().expect("a mistake").into();
        Ok(Connected { socket, parser: past_preamble(), hello: Some(hello(self.1, Progress::default())), say: Bytes::new() })
    }

    fn peer(&self) -> String {
        "the other end".into()
    }
}

#[test]
fn a_link_whose_thread_panics_is_lost_and_waited_for_by_nobody() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let inlet = Inlet::open(Mistaken(Some(ours), Role::Sender), Settings::default()).unwrap();
    drop(theirs);
    let error = receive(inlet).unwrap_err();
    assert!(error.exit() == Exit::Incomplete && error.to_string().contains("the thread of the link has failed"), "{error}");

    let (ours, theirs) = UnixStream::pair().unwrap();
    let (over, is_over) = crossbeam_channel::bounded(2);
    let settings = Settings { window: 1000, ..Settings::default() };
    let outlet =
        Outlet::open(Mistaken(Some(ours), Role::Receiver), settings, Readiness::new(), move |why| over.send(why).unwrap()).unwrap();
    drop(theirs);
    let error = send(outlet).unwrap_err();
    assert!(error.exit() == Exit::Incomplete && error.to_string().contains("the thread of the link has failed"), "{error}");
    is_over.recv_timeout(SOON).unwrap();
}

#[test]
fn many_links_have_no_more_memory_than_a_few() {
    let window = |links| Settings::default().among(links).window >> 20;
    assert_eq!([0, 1, 2, 4, 16, 64, 1000].map(window), [32, 32, 32, 16, 4, 1, 1]);
}

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
    (Listener::open(&url, &Security::default(), us, patience, expected, true).unwrap(), port)
}

fn call(port: &Port, caller: &Identity) -> Result<Connected, greet::Ungreeted> {
    let socket = TcpStream::connect(port.address()).unwrap();
    greet::call(socket.into(), caller, Progress::default(), SOON, Wait::default())
}

#[test]
fn whoever_calls_again_is_taken_at_its_word() {
    for retry in [Patience::default().retry, Duration::ZERO] {
        let (listener, port) = listens(Role::Receiver, Patience { retry, ..Patience::default() }, Some(1));
        let them = Identity::new(Role::Sender, Vec::new(), "sender");
        // It would be silent for long before anything is said, or it is given up.
        let long = Duration::from_secs(300);
        let settings = Settings { beat: Some(long), silence: long, ..Settings::default() };
        let inlet = std::thread::scope(|scope| {
            let inlet = scope.spawn(|| Inlet::open(listener.accept().unwrap(), settings).unwrap());
            let first = call(&port, &them).unwrap();
            let again = call(&port, &them).unwrap();
            drop((first, again));
            inlet.join().unwrap()
        });
        drop(inlet);
    }
}

#[test]
fn a_receiver_in_place_of_one_that_hangs_is_not_sent_away_for_good() {
    let (listener, port) = listens(Role::Sender, Patience { restarts: true, ..Patience::default() }, Some(1));
    let hangs = Identity::new(Role::Receiver, Vec::new(), "receiver");
    let (mut accepted, bell) = std::thread::scope(|scope| {
        let connected = scope.spawn(|| call(&port, &hangs).unwrap());
        let mut accepted = listener.accept().unwrap();
        let bell = accepted.bell().unwrap();
        drop(accepted.next(None, Progress::default(), Wait::until(&bell, &|| false)).unwrap());
        drop(connected.join().unwrap());
        (accepted, bell)
    });
    let other = Identity::new(Role::Receiver, Vec::new(), "receiver");
    assert!(matches!(call(&port, &other), Err(greet::Ungreeted::Failed(_))), "it may try again");
    // Now it has been found out that the first one hangs.
    std::thread::scope(|scope| {
        let connected = scope.spawn(|| call(&port, &other).unwrap());
        accepted.next(Some(&Cut::Silent(Duration::from_secs(15))), Progress::default(), Wait::until(&bell, &|| false)).unwrap();
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
        let bell = accepted.bell().unwrap();
        drop(accepted.next(None, Progress::default(), Wait::until(&bell, &|| false)).unwrap());
        drop(connected.join().unwrap());
        let next = scope.spawn(move || {
            let cut = Cut::Silent(Duration::from_secs(15));
            accepted.next(Some(&cut), Progress::default(), Wait::until(&bell, &|| false)).map(|next| (next, accepted))
        });
        let socket = TcpStream::connect(port.address()).unwrap();
        let called = greet::call(socket.into(), &other, Progress::default(), Duration::from_millis(300), Wait::default());
        assert!(matches!(called, Err(greet::Ungreeted::Failed(_))), "it has taken the place");
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
            self.may_return.recv_timeout(SOON).map_err(|_| Error::Lost("it may not come back".into()))?;
        }
        let socket = TcpStream::connect(self.at).unwrap();
        let _ = self.cut.try_send(socket.try_clone().unwrap());
        greet::call(socket.into(), &self.identity, progress, SOON, Wait::default()).map_err(|error| Error::Lost(error.to_string()))
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
        let inlet = scope.spawn(|| Inlet::open(listener.accept().unwrap(), Settings::default()).unwrap());
        let outlet = Outlet::open(dial, Settings::default(), Readiness::new(), |_| {}).unwrap();
        let sent = scope.spawn(|| send(outlet));
        let mut reader = Reader::new(inlet.join().unwrap()).unwrap();
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

/// Tells when the link is over, which has no other connection than its first.
struct Single(Once, crossbeam_channel::Sender<()>);

impl Connections for Single {
    fn next(&mut self, after: Option<&Cut>, progress: Progress, wait: Wait<'_>) -> Result<Connected, Error> {
        self.0.next(after, progress, wait)
    }

    fn peer(&self) -> String {
        self.0.peer()
    }
}

impl Drop for Single {
    fn drop(&mut self) {
        let _ = self.1.send(());
    }
}

/// However long its receiver takes to give its answer: all that was to come has come.
#[test]
fn a_sender_that_dies_when_it_has_sent_all_is_not_missed() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let (over, is_over) = crossbeam_channel::bounded(1);
    let inlet = Inlet::open(Single(kin(ours, Vec::new()), over), Settings::default()).unwrap();
    let mut writer = Writer::new(theirs).unwrap();
    writer.schema(&Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap())).unwrap();
    drop(writer.finish(&Ending::default()).unwrap());
    is_over.recv_timeout(SOON).unwrap();
    assert_eq!(receive(inlet).unwrap(), [0; 0]);
}

#[test]
fn one_that_has_enough_says_how_it_ended_or_is_lost() {
    for says in [true, false] {
        let (outlet, inlet) = link(vec![], 1 << 20);
        inlet.steering().stop();
        let until = Instant::now() + SOON;
        while !outlet.has_enough() {
            assert!(Instant::now() < until, "it is not told");
            std::thread::yield_now();
        }
        let ending = Ending { exit: Exit::Failed, cause: "the disk is full".into(), rejected: 0 };
        let closed = std::thread::scope(|scope| {
            let of_it = ending.clone();
            let told = scope.spawn(move || {
                if says {
                    return inlet.close(of_it);
                }
                drop(inlet);
                Ok(())
            });
            let closed = outlet.close();
            told.join().unwrap().unwrap();
            closed
        });
        match says {
            true => assert_eq!(closed.unwrap(), Some(ending)),
            false => assert!(closed.unwrap_err().to_string().contains("before it has said how it ended")),
        }
    }
}
