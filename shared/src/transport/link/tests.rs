//! Links over connections that break where it hurts.

mod listening;

use std::{
    io::{Read, Write},
    os::unix::net::UnixStream,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use rustix::event::{PollFd, PollFlags, poll};

use super::{Connected, Connections, Cut, Once, Readiness, RecvLink, SendLink, Settings, Wait, parser::Parser};
use crate::{
    BatchBuilder, Error, Exit, Field, Schema, Type, Value,
    record::{CompareOp, Condition, Constant},
    session::Progress,
    wire::{Ending, Hello, Incoming, Pushdown, Reader, Role, Warning, Writer, frame::MAX_PAYLOAD},
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
            None if after.is_some() => return Err(Error::lost("it stays away")),
            None => UnixStream::pair().unwrap(),
            Some(bytes) => broken_pair(bytes),
        };
        let (tell, told) = crossbeam_channel::bounded(1);
        let gone = |_| Error::lost("the other end has gone");
        self.to.send((theirs, tell)).map_err(|_| Error::lost("the other end has gone"))?;
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
        let (socket, tell) = self.0.recv_timeout(SOON).map_err(|_| Error::lost("the sender stays away"))?;
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

fn link(cuts: Vec<usize>, window: usize) -> (SendLink, RecvLink) {
    let settings = Settings { window, ..Settings::default() };
    let (to, from) = crossbeam_channel::bounded(1);
    std::thread::scope(|scope| {
        let recv_link = scope.spawn(|| RecvLink::open(Answer(from), settings).unwrap());
        let send_link = SendLink::open(Dial { cuts, to }, settings, Readiness::new(), |_| {}).unwrap();
        (send_link, recv_link.join().unwrap())
    })
}

fn send(send_link: SendLink) -> Result<Option<Ending>, Error> {
    let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int), Field::new("text", Type::Text)]).unwrap());
    let mut writer = Writer::new(send_link)?;
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
fn receive(recv_link: RecvLink) -> Result<Vec<i64>, Error> {
    let steering = recv_link.steering();
    let mut reader = Reader::new(recv_link)?;
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
    let (send_link, recv_link) = link(cuts, window);
    std::thread::scope(|scope| {
        let came = scope.spawn(|| receive(recv_link));
        (send(send_link), came.join().unwrap())
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
    let (send_link, recv_link) = link(Vec::new(), 1000);
    let steering = recv_link.steering();
    let sent = std::thread::scope(|scope| {
        let sending = scope.spawn(|| send(send_link));
        let mut reader = Reader::new(recv_link).unwrap();
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
    let (send_link, recv_link) = link(Vec::new(), 1 << 20);
    let mut writer = Writer::new(send_link).unwrap();
    writer.schema(&Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap())).unwrap();
    drop(writer);
    let error = receive(recv_link).unwrap_err();
    assert_eq!(error.exit(), Exit::Incomplete, "{error}");
}

#[test]
fn a_receiver_that_dies_is_seen() {
    let (send_link, recv_link) = link(Vec::new(), 1000);
    drop(recv_link);
    let error = send(send_link).unwrap_err();
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
    let send_link = SendLink::open(kin(ours, preamble.to_vec()), settings, Readiness::new(), |_| {}).unwrap();
    std::thread::scope(|scope| {
        let sent = scope.spawn(|| send(send_link));
        // The parent takes it for a program that says nothing, and shows it the end of its input.
        poll(&mut [PollFd::new(&theirs, PollFlags::RDHUP)], None).unwrap();
        let greeting = crate::wire::Control::Hello(hello(Role::Receiver, Progress::default())).to_bytes().unwrap();
        let recv_link = RecvLink::open(kin(theirs, [&preamble[..], &greeting].concat()), settings).unwrap();
        let began = Instant::now();
        assert_eq!(receive(recv_link).unwrap().len(), BATCHES as usize * 20);
        assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
        assert_eq!(sent.join().unwrap().unwrap().unwrap().cause, "well");
    });
}

#[test]
fn conditions_are_said_to_those_who_act_on_them() {
    let condition = Condition { field: "n".into(), op: CompareOp::Gt, constant: Constant::Int(7) };
    let pushdown = Pushdown { columns: Some(vec!["n".into()]), holds_state: true, conditions: vec![condition], shows: false, places: true };
    let came = |can: u32| {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let once = |socket: UnixStream, hello| {
            let connected = Connected { socket: socket.into(), parser: past_preamble(), hello: Some(hello), say: Bytes::new() };
            Once { connected: Some(connected), peer: "the other end".into() }
        };
        let receiver = once(ours, hello(Role::Receiver, Progress::default()));
        let send_link = SendLink::open(receiver, Settings::default(), Readiness::new(), |_| {}).unwrap();
        let sender = once(theirs, Hello { can, ..hello(Role::Sender, Progress::default()) });
        let recv_link = RecvLink::open(sender, Settings::default()).unwrap();
        recv_link.steering().pushdown(pushdown.clone());
        let pushdowns = send_link.pushdowns();
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| send(send_link));
            assert_eq!(receive(recv_link).unwrap().len(), BATCHES as usize * 20);
            assert_eq!(sent.join().unwrap().unwrap().unwrap().cause, "well");
        });
        pushdowns.take().unwrap()
    };
    assert_eq!(came(Hello::CONDITIONS | 1 << 31), pushdown);
    assert_eq!(came(1 << 31), pushdown.clone().without_conditions());
}

#[test]
fn a_loss_stays_one_whoever_leaves_after_it() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let hello = Some(hello(Role::Sender, Progress::default()));
    let connected = Connected { socket: ours.into(), parser: past_preamble(), hello, say: Bytes::new() };
    let recv_link = RecvLink::open(Once { connected: Some(connected), peer: "the sender".into() }, Settings::default()).unwrap();
    let steering = recv_link.steering();
    drop(theirs);
    // There is nothing to be settled once it is lost.
    let until = Instant::now() + SOON;
    while recv_link.settle(0) {
        assert!(Instant::now() < until, "it is not lost");
        std::thread::yield_now();
    }
    steering.leave(Warning { exit: Exit::Signal(15), message: "ended by SIGTERM".into() });
    let error = receive(recv_link).unwrap_err();
    assert!(matches!(error, Error::Lost { .. }), "{error}");
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
    let recv_link = RecvLink::open(Mistaken(Some(ours), Role::Sender), Settings::default()).unwrap();
    drop(theirs);
    let error = receive(recv_link).unwrap_err();
    assert!(error.exit() == Exit::Incomplete && error.to_string().contains("the thread of the link has failed"), "{error}");

    let (ours, theirs) = UnixStream::pair().unwrap();
    let (over, is_over) = crossbeam_channel::bounded(2);
    let settings = Settings { window: 1000, ..Settings::default() };
    let send_link =
        SendLink::open(Mistaken(Some(ours), Role::Receiver), settings, Readiness::new(), move |why| over.send(why).unwrap()).unwrap();
    drop(theirs);
    let error = send(send_link).unwrap_err();
    assert!(error.exit() == Exit::Incomplete && error.to_string().contains("the thread of the link has failed"), "{error}");
    is_over.recv_timeout(SOON).unwrap();
}

#[test]
fn many_links_have_no_more_memory_than_a_few() {
    let window = |links| Settings::default().among(links).window >> 20;
    assert_eq!([0, 1, 2, 4, 16, 64, 1000].map(window), [32, 32, 32, 16, 4, 1, 1]);
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
    let recv_link = RecvLink::open(Single(kin(ours, Vec::new()), over), Settings::default()).unwrap();
    let mut writer = Writer::new(theirs).unwrap();
    writer.schema(&Arc::new(Schema::new(vec![Field::new("n", Type::Int)]).unwrap())).unwrap();
    drop(writer.finish(&Ending::default()).unwrap());
    is_over.recv_timeout(SOON).unwrap();
    assert_eq!(receive(recv_link).unwrap(), [0; 0]);
}

#[test]
fn one_that_has_enough_says_how_it_ended_or_is_lost() {
    for says in [true, false] {
        let (send_link, recv_link) = link(vec![], 1 << 20);
        recv_link.steering().stop();
        let until = Instant::now() + SOON;
        while !send_link.has_enough() {
            assert!(Instant::now() < until, "it is not told");
            std::thread::yield_now();
        }
        let ending = Ending { exit: Exit::Failed, cause: "the disk is full".into(), rejected: 0 };
        let closed = std::thread::scope(|scope| {
            let of_it = ending.clone();
            let told = scope.spawn(move || {
                if says {
                    return recv_link.close(of_it);
                }
                drop(recv_link);
                Ok(())
            });
            let closed = send_link.close();
            told.join().unwrap().unwrap();
            closed
        });
        match says {
            true => assert_eq!(closed.unwrap(), Some(ending)),
            false => assert!(closed.unwrap_err().to_string().contains("before it has said how it ended")),
        }
    }
}
