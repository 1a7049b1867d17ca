//! Two ends that meet over TLS, and two that do not.

use std::{
    fs::{self, Permissions},
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, date_time_ymd};
use tempfile::TempDir;

use super::Credentials;
use crate::{
    BatchBuilder, Exit, Field, Schema, Type, Value,
    session::Progress,
    transport::{
        handshake::{self, Identity},
        link::{Connected, Once, Readiness, RecvLink, SendLink, Settings, Wait},
        socket::Socket,
    },
    wire::{Ending, Incoming, Reader, Role, Writer},
};

const PATIENCE: Duration = Duration::from_secs(5);

/// An authority, and the files of those that it signs for.
struct Office {
    directory: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
}

impl Office {
    fn new(name: &str) -> Self {
        let (directory, key, params) = (tempfile::tempdir().unwrap(), KeyPair::generate().unwrap(), authority(name));
        let office = Office { issuer: Issuer::new(params.clone(), key), directory };
        office.file("ca.pem", &params.self_signed(office.issuer.key()).unwrap().pem(), 0o644);
        office
    }

    fn file(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        path
    }

    fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// The files of a certificate for these names.
    fn signs(&self, names: &[&str], change: impl Fn(&mut CertificateParams)) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (self.file("cert.pem", &certificate.pem(), 0o644), self.file("key.pem", &key.serialize_pem(), 0o600))
    }
}

fn credentials(identity: Option<&(PathBuf, PathBuf)>, ca: Option<PathBuf>) -> Credentials {
    Credentials::read(identity.map(|files| &*files.0), identity.map(|files| &*files.1), ca.as_deref()).unwrap()
}

/// What a caller and a listener have become, or what each says of the other.
type Met = (Result<Connected, String>, Result<Connected, String>);

/// Has a caller greet a listener; each encrypts if it has credentials.
fn meet(caller: Option<(&Credentials, &str)>, host: Option<&Credentials>) -> Met {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    let (sender, receiver) =
        (Identity::new(Role::Sender, Vec::new(), "producer 1"), Identity::new(Role::Receiver, Vec::new(), "consumer 1"));
    let calls: Socket = match caller {
        Some((credentials, name)) => super::caller(credentials, name).unwrap().begin(stream).unwrap().into(),
        None => stream.into(),
    };
    let hears: Socket = match host {
        Some(credentials) => super::host(credentials).unwrap().begin(accepted).unwrap().into(),
        None => accepted.into(),
    };
    std::thread::scope(|scope| {
        let called = scope
            .spawn(|| handshake::call(calls, &sender, Progress::default(), PATIENCE, Wait::default()).map_err(|error| error.to_string()));
        let heard = handshake::hear_guest(hears, PATIENCE).and_then(|guest| guest.welcome(&receiver, Progress::default(), PATIENCE));
        (called.join().unwrap(), heard.map_err(|error| error.to_string()))
    })
}

#[track_caller]
fn both_say(met: Met, caller: &str, listener: &str) {
    let said = (met.0.err().unwrap_or_default(), met.1.err().unwrap_or_default());
    assert!(said.0.contains(caller), "expected of the caller: {caller}\n{said:?}");
    assert!(said.1.contains(listener), "expected of the listener: {listener}\n{said:?}");
}

#[test]
fn names_dates_and_signatures_are_checked() {
    let (ours, others) = (Office::new("ours"), Office::new("others"));
    let asks = credentials(None, Some(ours.ca()));
    let shows = |names: &[&str], change: fn(&mut CertificateParams)| credentials(Some(&ours.signs(names, change)), None);
    let good = shows(&["localhost", "127.0.0.1"], |_| ());
    for name in ["localhost", "127.0.0.1"] {
        let met = meet(Some((&asks, name)), Some(&good));
        assert!(met.0.is_ok() && met.1.is_ok(), "{:?} {:?}", met.0.err(), met.1.err());
    }
    both_say(meet(Some((&asks, "example.org")), Some(&good)), "not for example.org, but for", "wrong name");
    both_say(meet(Some((&asks, "127.0.0.2")), Some(&good)), "not for 127.0.0.2, but for", "wrong name");
    let stranger = credentials(None, Some(others.ca()));
    both_say(meet(Some((&stranger, "localhost")), Some(&good)), "not signed by any in --ca", "not signed by any in its --ca");
    let old = shows(&["localhost"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    both_say(meet(Some((&asks, "localhost")), Some(&old)), "has expired", "it has expired");
    let young = shows(&["localhost"], |params| params.not_before = date_time_ymd(4000, 1, 1));
    both_say(meet(Some((&asks, "localhost")), Some(&young)), "not valid yet", "not accept our certificate");
}

#[test]
fn a_certificate_that_is_its_own_authority_is_believed_where_it_is_named() {
    let office = Office::new("nobody");
    let key = KeyPair::generate().unwrap();
    let own = |number: u8, change: fn(&mut CertificateParams)| {
        let mut params = authority("myself");
        params.subject_alt_names = CertificateParams::new(vec!["localhost".into()]).unwrap().subject_alt_names;
        change(&mut params);
        let cert = office.file(&format!("own{number}.pem"), &params.self_signed(&key).unwrap().pem(), 0o644);
        (cert.clone(), office.file("own-key.pem", &key.serialize_pem(), 0o600))
    };
    let (good, old, another) = (
        own(1, |_| ()),
        own(2, |params| params.not_after = date_time_ymd(2020, 1, 1)),
        own(3, |params| params.serial_number = Some(7.into())),
    );
    let asks = |files: &(PathBuf, PathBuf)| credentials(None, Some(files.0.clone()));
    let met = meet(Some((&asks(&good), "localhost")), Some(&credentials(Some(&good), None)));
    assert!(met.0.is_ok() && met.1.is_ok(), "{:?} {:?}", met.0.err(), met.1.err());
    both_say(meet(Some((&asks(&good), "example.org")), Some(&credentials(Some(&good), None))), "not for example.org", "");
    both_say(meet(Some((&asks(&old), "localhost")), Some(&credentials(Some(&old), None))), "has expired", "");
    // The same name and key make it no other: it has to be that very certificate.
    both_say(meet(Some((&asks(&good), "localhost")), Some(&credentials(Some(&another), None))), "no good", "");
    // Of a caller too.
    let met =
        meet(Some((&credentials(Some(&good), Some(good.0.clone())), "localhost")), Some(&credentials(Some(&good), Some(good.0.clone()))));
    assert!(met.0.is_ok() && met.1.is_ok(), "{:?} {:?}", met.0.err(), met.1.err());
}

#[test]
fn a_listener_with_authorities_asks_who_calls() {
    let (ours, callers, others) = (Office::new("ours"), Office::new("callers"), Office::new("others"));
    let asks = credentials(Some(&ours.signs(&["localhost"], |_| ())), Some(callers.ca()));
    let call = |identity: Option<&(PathBuf, PathBuf)>| meet(Some((&credentials(identity, Some(ours.ca())), "localhost")), Some(&asks));
    let met = call(Some(&callers.signs(&["anybody"], |_| ())));
    assert!(met.0.is_ok() && met.1.is_ok(), "{:?} {:?}", met.0.err(), met.1.err());
    both_say(call(None), "--cert and --key are needed", "shows no certificate");
    both_say(call(Some(&others.signs(&["anybody"], |_| ()))), "not accept our certificate", "not signed by any in --ca");
    let old = callers.signs(&["anybody"], |params| params.not_after = date_time_ymd(2020, 1, 1));
    both_say(call(Some(&old)), "has expired", "has expired");
}

#[test]
fn one_end_that_encrypts_and_one_that_does_not() {
    let office = Office::new("ours");
    let shows = credentials(Some(&office.signs(&["localhost"], |_| ())), None);
    both_say(meet(None, Some(&shows)), "it speaks TLS", "does not speak TLS");
    let asks = credentials(None, Some(office.ca()));
    both_say(meet(Some((&asks, "localhost")), None), "does not speak TLS", "it speaks TLS");
}

#[test]
fn files_that_will_not_do_are_named() {
    let office = Office::new("ours");
    let (cert, key) = office.signs(&["localhost"], |_| ());
    let read = |cert: &PathBuf, key: &PathBuf| Credentials::read(Some(cert), Some(key), None).unwrap_err().to_string();
    for mode in [0o644, 0o604, 0o606, 0o660, 0o666] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).unwrap();
        let said = read(&cert, &key);
        assert!(said.contains("key.pem") && said.contains("chmod 600"), "{mode:o}: {said}");
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert!(read(&key, &key).contains("no certificate"));
    let cert_as_key = office.file("cert-as-key.pem", &fs::read_to_string(&cert).unwrap(), 0o600);
    assert!(read(&cert, &cert_as_key).contains("no private key"));
    let sealed = office.file("sealed.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n", 0o600);
    assert!(read(&cert, &sealed).contains("passphrase"));
    assert!(read(&office.directory.path().join("none"), &key).contains("none"));
    let junk = office.file("junk.pem", "-----BEGIN CERTIFICATE-----\n?\n-----END CERTIFICATE-----\n", 0o600);
    assert!(read(&junk, &key).contains("no good PEM"));
    let other_key = office.file("other-key.pem", &KeyPair::generate().unwrap().serialize_pem(), 0o600);
    let said = super::host(&credentials(Some(&(cert, other_key)), None)).err().unwrap().to_string();
    assert!(said.contains("is not the key of"), "{said}");
}

#[test]
fn what_is_missing_is_a_usage_error() {
    let none = Credentials::default();
    for error in [super::host(&none).err().unwrap(), super::caller(&none, "localhost").err().unwrap()] {
        assert_eq!(error.exit(), Exit::Usage);
        assert!(error.to_string().contains("--c"), "{error}");
    }
}

/// A receiver that is slower than its sender stops reading in the middle of what was decrypted, and has to find it again.
#[test]
fn a_stream_crosses_with_little_room() {
    const BATCHES: i64 = 40;
    let office = Office::new("ours");
    let shows = credentials(Some(&office.signs(&["localhost"], |_| ())), None);
    let (called, heard) = meet(Some((&credentials(None, Some(office.ca())), "localhost")), Some(&shows));
    let settings = Settings { window: 50_000, ..Settings::default() };
    let once = |connected: Result<Connected, String>| Once { connected: Some(connected.unwrap()), peer: "the other end".into() };
    let send_link = SendLink::open(once(called), settings, Readiness::new(), |_| {}).unwrap();
    let recv_link = RecvLink::open(once(heard), settings).unwrap();
    let send = || {
        let schema = Arc::new(Schema::new(vec![Field::new("n", Type::Int), Field::new("text", Type::Text)]).unwrap());
        let mut writer = Writer::new(send_link).unwrap();
        for batch in 0..BATCHES {
            let mut builder = BatchBuilder::new(schema.clone());
            for n in 0..1000 {
                builder.push(&[Value::Int((batch * 1000 + n).into()), Value::Text(format!("{n:0100}").as_bytes())]).unwrap();
            }
            writer.batch(&builder.finish().unwrap()).unwrap();
        }
        writer.finish(&Ending::default()).unwrap().close().unwrap()
    };
    let sum = std::thread::scope(|scope| {
        let sent = scope.spawn(send);
        let steering = recv_link.steering();
        let mut reader = Reader::new(recv_link).unwrap();
        let mut sum = 0;
        while let Some(incoming) = reader.read().unwrap() {
            match incoming {
                Incoming::Batch(raw) => {
                    let batch = raw.decode().unwrap();
                    for row in 0..batch.len() {
                        let Some(Value::Int(n)) = batch.row(row).get("n") else { panic!("no number") };
                        sum += n;
                    }
                    steering.done(reader.totals().frames);
                }
                Incoming::End(_) => break,
                _ => {}
            }
        }
        reader.into_input().close(Ending { exit: Exit::Done, cause: "well".into(), rejected: 0 }).unwrap();
        assert_eq!(sent.join().unwrap().unwrap().cause, "well");
        sum
    });
    let count = BATCHES * 1000;
    assert_eq!(sum, i128::from(count * (count - 1) / 2));
}
