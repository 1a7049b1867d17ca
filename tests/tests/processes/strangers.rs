//! Who is let in and who is not: tokens, certificates, peers that speak something else, and peers that mean harm.

use std::{
    fs::{self, Permissions},
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use e2e::{
    Group, Outcome, Pipeline, Port, Program, SOON, Scratch, certificates,
    log::{Log, Random},
    stream::{HEADER_BYTES, PREAMBLE_BYTES},
};

use crate::endurance::{bound, show, sized};

const LINES: usize = 500;

/// `ca.pem`, and `NAME.pem` with `NAME.key` signed by it for `localhost`.
pub(super) fn certificates(scratch: &Scratch, ca: &str, names: &[&str]) {
    certificates::write(scratch, ca, names, &["localhost"]);
}

/// `producer ARGS` with a log, in a directory.
fn producer(directory: &Path, args: &[&str]) -> Pipeline {
    Pipeline::producer(&[&["apache"], args].concat()).dir(directory).input(Log::common(7, LINES).text())
}

/// A consumer that counts what it gets at `url` until somebody has sent it all; meanwhile `others` knock. The outcomes of the
/// consumer, and what `others` gave.
fn listening<T: Send>(directory: &Path, url: &str, options: &[&str], others: impl FnOnce() -> T + Send) -> (Outcome, T) {
    let consumer = Pipeline::consumer(&[&["--listen", url, "count | print"], options].concat()).dir(directory);
    thread::scope(|scope| {
        let consumer = scope.spawn(|| consumer.run());
        let others = others();
        (consumer.join().unwrap(), others)
    })
}

#[test]
fn a_token_opens_and_nothing_else_does() {
    let scratch = Scratch::new();
    certificates(&scratch, "ca.pem", &["host"]);
    scratch.write("token", "s3cret\n");
    scratch.write("guess", "s3cres\n");
    let port = Port::new();
    let url = port.tls();
    let options = ["--cert", "host.pem", "--key", "host.key", "--token-file", "token"];
    let (consumer, ()) = listening(scratch.path(), &url, &options, || {
        let call = |more: &[&str]| producer(scratch.path(), &[&["--to", &url, "--ca", "ca.pem"], more].concat()).run();
        call(&["--token-file", "guess"]).exits(&[1]).says(Program::Producer, "wrong token");
        call(&[]).exits(&[1]).says(Program::Producer, "a token is needed (--token-file)");
        call(&["--token-file", "token"]).succeeds();
    });
    let consumer = consumer.exits(&[0]).prints(format!("{LINES}\n")).says(Program::Consumer, "was turned away: wrong token");
    assert!(!consumer.consumer_says().contains("s3cre"), "{consumer}");
}

#[test]
fn a_listener_is_who_it_says_or_is_sent_nothing() {
    let scratch = Scratch::new();
    certificates(&scratch, "ca.pem", &["host"]);
    certificates(&scratch, "other-ca.pem", &[]);
    let port = Port::new();
    let url = port.tls();
    let (consumer, ()) = listening(scratch.path(), &url, &["--cert", "host.pem", "--key", "host.key"], || {
        let call = |url: &str, ca: &str| producer(scratch.path(), &["--to", url, "--ca", ca]).run();
        call(&url, "other-ca.pem").exits(&[1]).says(Program::Producer, "not signed by any in --ca");
        call(&port.tcp().replace("tcp:", "tls:"), "ca.pem").exits(&[1]).says(Program::Producer, "not for 127.0.0.1, but for");
        producer(scratch.path(), &["--to", &url]).run().exits(&[2]).says(Program::Producer, "--ca FILE is missing");
        producer(scratch.path(), &["--to", &port.tcp()]).run().exits(&[1]).says(Program::Producer, "it speaks TLS");
        call(&url, "ca.pem").succeeds();
    });
    consumer.exits(&[0]).prints(format!("{LINES}\n")).says(Program::Consumer, "not signed by any in its --ca");
}

#[test]
fn tls_to_a_listener_without_is_told_apart() {
    let scratch = Scratch::new();
    certificates(&scratch, "ca.pem", &[]);
    let port = Port::new();
    let url = port.tcp();
    let (consumer, ()) = listening(scratch.path(), &url, &[], || {
        let tls = url.replace("tcp:", "tls:");
        producer(scratch.path(), &["--to", &tls, "--ca", "ca.pem"]).run().exits(&[1]).says(Program::Producer, "does not speak TLS");
        producer(scratch.path(), &["--to", &url]).run().succeeds();
    });
    consumer.exits(&[0]).prints(format!("{LINES}\n")).says(Program::Consumer, "it speaks TLS: is tls:// meant at both ends?");
}

#[test]
fn both_ends_may_have_to_show_who_they_are() {
    let scratch = Scratch::new();
    certificates(&scratch, "ca.pem", &["host", "caller"]);
    certificates(&scratch, "other-ca.pem", &["stranger"]);
    let port = Port::new();
    let url = port.tls();
    let options = ["--listen", &url, "--cert", "host.pem", "--key", "host.key", "--ca", "ca.pem"];
    thread::scope(|scope| {
        // Here it is the producer that listens.
        let producer = scope.spawn(|| producer(scratch.path(), &options).run());
        let call = |more: &[&str]| {
            Pipeline::consumer(&[&["--from", &url, "--ca", "ca.pem", "count | print"], more].concat()).dir(scratch.path()).run()
        };
        call(&[]).exits(&[1]).says(Program::Consumer, "--cert and --key are needed");
        call(&["--cert", "stranger.pem", "--key", "stranger.key"]).exits(&[1]).says(Program::Consumer, "not accept our certificate");
        call(&["--cert", "caller.pem", "--key", "caller.key"]).exits(&[0]).prints(format!("{LINES}\n"));
        producer.join().unwrap().exits(&[0]).says(Program::Producer, "it shows no certificate");
    });
}

#[test]
fn what_is_not_safe_is_refused_before_anything_is_sent() {
    let scratch = Scratch::new();
    certificates(&scratch, "ca.pem", &["host"]);
    scratch.write("token", "s3cret\n");
    let (dir, port) = (scratch.path(), Port::new());
    let everywhere = format!("tcp://0.0.0.0:{}", port.number());
    producer(dir, &["--listen", &everywhere]).run().exits(&[2]).says(Program::Producer, "--insecure");
    Pipeline::consumer(&["--listen", &everywhere, "count"]).run().exits(&[2]).says(Program::Consumer, "tls://");
    // An address that is kept for documentation: nobody could be reached there.
    let far = ["--to", "tcp://192.0.2.1:7000", "--token-file", "token"];
    producer(dir, &far).run().exits(&[1]).says(Program::Producer, "the token would cross the network to 192.0.2.1 in the clear");
    let clear = ["--to", "tcp://127.0.0.1:7000", "--ca", "ca.pem"];
    producer(dir, &clear).run().exits(&[2]).says(Program::Producer, "is tls://127.0.0.1:7000 meant?");
    fs::set_permissions(dir.join("host.key"), Permissions::from_mode(0o644)).unwrap();
    let open = ["--listen", &port.tls(), "--cert", "host.pem", "--key", "host.key"];
    producer(dir, &open).run().exits(&[1]).says(Program::Producer, "host.key: others may read it: chmod 600");
    // Meant and said, it is done.
    let (consumer, ()) = listening(dir, &everywhere, &["--insecure"], || {
        producer(dir, &["--to", &port.tcp()]).run().succeeds();
    });
    consumer.exits(&[0]).says(Program::Consumer, "is open to other hosts, and not encrypted");
}

/// A preamble of a version that does not exist.
fn another_version() -> Vec<u8> {
    let mut preamble = Pipeline::producer(&["apache"]).input("").run().succeeds().stdout[..PREAMBLE_BYTES].to_vec();
    preamble[8..10].copy_from_slice(&999_u16.to_le_bytes());
    let checksum = crc32c::crc32c(&preamble[..12]);
    preamble[12..16].copy_from_slice(&checksum.to_le_bytes());
    preamble
}

#[test]
fn versions_that_differ_are_named_at_both_ends() {
    // We are the listener of another version.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("tcp://{}", listener.local_addr().unwrap());
    thread::scope(|scope| {
        let other = scope.spawn(|| {
            let (mut stream, _) = listener.accept().unwrap();
            stream.write_all(&another_version()).unwrap();
            let mut heard = [0; PREAMBLE_BYTES];
            stream.read_exact(&mut heard).unwrap();
            heard
        });
        let directory = Scratch::new();
        producer(directory.path(), &["--to", &url]).run().exits(&[1]).says(Program::Producer, "version 999");
        assert_ne!(other.join().unwrap()[8..10], 999_u16.to_le_bytes(), "it says its own version");
    });
    // We are the caller of another version.
    let directory = Scratch::new();
    let port = Port::new();
    let url = port.tcp();
    let (consumer, heard) = listening(directory.path(), &url, &[], || {
        let mut stream = connected(port.number(), Ipv4Addr::LOCALHOST);
        stream.write_all(&another_version()).unwrap();
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).unwrap();
        producer(directory.path(), &["--to", &url]).run().succeeds();
        heard
    });
    assert_eq!(heard[..PREAMBLE_BYTES - 8], another_version()[..PREAMBLE_BYTES - 8], "our magic first");
    assert_ne!(heard[8..10], 999_u16.to_le_bytes());
    consumer.exits(&[0]).says(Program::Consumer, "version 999");
}

/// A connection from this address, as soon as somebody listens.
fn connected(port: u16, from: Ipv4Addr) -> TcpStream {
    let deadline = Instant::now() + SOON;
    loop {
        match connect(port, from) {
            Some(stream) => return stream,
            None => assert!(Instant::now() < deadline, "nobody listens at {port}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

pub fn connect(port: u16, from: Ipv4Addr) -> Option<TcpStream> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddrV4::new(from, 0).into()).unwrap();
    socket.connect(&SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into()).ok()?;
    Some(socket.into())
}

/// What a hostile peer is up to.
#[derive(Clone, Copy, Debug)]
enum Harm {
    Noise,
    WrongVersion,
    HugeFrame,
    Silence,
    ByteByByte,
}

const HARMS: [Harm; 5] = [Harm::Noise, Harm::WrongVersion, Harm::HugeFrame, Harm::Silence, Harm::ByteByByte];
const MARK: &[u8] = b"what-strangers-say";

/// Does it, until it is hung up on; how long that took.
fn harm(harm: Harm, mut stream: TcpStream, seed: u64, preamble: &[u8], version: &[u8]) -> Duration {
    let began = Instant::now();
    stream.set_read_timeout(Some(SOON * 2)).unwrap();
    let mut random = Random::new(seed);
    // Whoever is hung up on may find that out by writing: that is what is waited for.
    let _ = match harm {
        Harm::Noise => stream.write_all(&[MARK, &(0..5000).map(|_| random.below(256) as u8).collect::<Vec<_>>()].concat()),
        Harm::WrongVersion => stream.write_all(version),
        Harm::HugeFrame => {
            // A Hello of 4 GiB, its header as good as any.
            let mut header = [0; HEADER_BYTES];
            header[0] = 16;
            header[12..16].copy_from_slice(&u32::MAX.to_le_bytes());
            stream.write_all(&[preamble, &header].concat())
        }
        Harm::Silence => Ok(()),
        Harm::ByteByByte => {
            stream.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            for byte in preamble.iter().chain(&[16; 100]) {
                let sent = stream.write_all(&[*byte]);
                match stream.read(&mut [0; 64]) {
                    Err(error) if sent.is_ok() && matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {
                    }
                    _ => break,
                }
            }
            return began.elapsed();
        }
    };
    let mut heard = Vec::new();
    let _ = stream.read_to_end(&mut heard);
    began.elapsed()
}

#[cfg(target_os = "linux")]
#[test]
fn a_hundred_hostile_connections_do_not_disturb_a_stream() {
    const HOSTILE: usize = 100;
    // Copies of the log: some seconds of work, of which the last comes when all of the hostile ones have been met.
    let times = sized(120, 5000);
    let scratch = Scratch::new();
    let log = Log::common(11, 5000).text();
    let preamble = Pipeline::producer(&["apache"]).input("").run().succeeds().stdout[..PREAMBLE_BYTES].to_vec();
    let version = another_version();
    let stream = |url: &str, is_over: &dyn Fn() -> bool| {
        let began = Instant::now();
        let mut group = Group::new();
        let (reader, mut writer) = std::io::pipe().unwrap();
        let producer = group.start(Program::Producer, &["apache", "--to", url], reader);
        for _ in 1..times {
            writer.write_all(&log).unwrap();
        }
        let took = began.elapsed();
        group.until("all have been met", SOON, |_| is_over());
        writer.write_all(&log).unwrap();
        drop(writer);
        group.wait(producer, SOON).exits(0).quietly();
        took
    };
    let want = format!("{}\n", 5000 * times);
    let port = Port::new();
    let (consumer, alone) = listening(scratch.path(), &port.tcp(), &[], || stream(&port.tcp(), &|| true));
    consumer.succeeds().prints(&want);

    let (next, met) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let (consumer, disturbed) = listening(scratch.path(), &port.tcp(), &[], || {
        let number = port.number();
        thread::scope(|scope| {
            // The first has been there before the stream.
            let first = connected(number, Ipv4Addr::new(127, 0, 0, 2));
            let sends = scope.spawn(|| stream(&port.tcp(), &|| met.load(Ordering::Relaxed) >= HOSTILE));
            drop(first);
            for _ in 0..20 {
                scope.spawn(|| {
                    loop {
                        let nth = next.fetch_add(1, Ordering::Relaxed);
                        if nth >= HOSTILE {
                            break;
                        }
                        let kind = HARMS[nth % HARMS.len()];
                        let stream = connect(number, Ipv4Addr::new(127, 0, 0, 2)).expect("the listener is there until all are met");
                        let took = harm(kind, stream, nth as u64, &preamble, &version);
                        assert!(took < bound(Duration::from_secs(10)), "{kind:?} was borne for {took:?}");
                        met.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            sends.join().unwrap()
        })
    });
    let consumer = consumer.exits(&[0]).prints(&want);
    let told = consumer.consumer_says().lines().filter(|line| line.contains("turned away")).count();
    assert!((1..=1 + consumer.took.as_secs() as usize / 60).contains(&told), "a line a minute for one address\n{consumer}");
    assert!(!consumer.consumer_says().contains("what-strangers-say"), "{consumer}");
    show(format!("{HOSTILE} hostile connections: the stream takes {disturbed:?}, and {alone:?} when left alone"));
    // On a quiet machine it is a few parts in a hundred.
    assert!(disturbed < bound(alone * 13 / 10), "{disturbed:?}, and {alone:?} when left alone");
}
