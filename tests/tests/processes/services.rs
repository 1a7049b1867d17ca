//! Services of systemd: what they tell who has started them, and the units that are installed with them.

use std::{
    fs,
    io::{self, Write},
    os::unix::net::UnixDatagram,
    path::Path,
};

use e2e::{Group, Pipeline, Program, SOON};
use rustix::process::Signal;

/// The programs with a socket to tell, from a shell.
fn run(group: &mut Group, command: &str) -> usize {
    let programs = Program::directory();
    let script = format!("export NOTIFY_SOCKET=$PWD/notify PATH={}:/usr/bin:/bin; exec {command}", programs.display());
    group.run(Program::Shell, &["-c", &script])
}

#[test]
fn they_say_when_they_are_ready() {
    let mut group = Group::new();
    let heard = UnixDatagram::bind(group.dir().join("notify")).unwrap();
    heard.set_read_timeout(Some(SOON)).unwrap();
    let next = || {
        let mut bytes = [0; 256];
        let len = heard.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..len]).into_owned()
    };
    group.scratch().write("log", "1\n");
    let producer = run(&mut group, "producer lines -F log --from-start --connect-timeout forever --to unix:s");
    assert_eq!(next(), "STATUS=waits for its consumer");
    let consumer = run(&mut group, "consumer --listen unix:s --senders 0 'count | csv'");
    let both = [next(), next()];
    assert!(both.contains(&"READY=1\nSTATUS=listens at unix:s".to_owned()), "{both:?}");
    assert!(both.contains(&"READY=1\nSTATUS=follows its files".to_owned()), "{both:?}");
    for number in [producer, consumer] {
        group.signal(number, Signal::TERM);
        group.wait(number, SOON).exits(143);
    }
    // Nobody who hears it is no failure.
    fs::remove_file(group.dir().join("notify")).unwrap();
    let producer = run(&mut group, "producer count 3");
    group.wait(producer, SOON).exits(0).quietly();
}

/// Its exit code, and what it said; of what is on this machine as if it were where the units have it.
#[test]
fn the_units_are_verified() {
    let group = Group::new();
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd");
    let mut names = Vec::new();
    for entry in fs::read_dir(&units).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        // Manuals are installed with the programs.
        let text = text.replace("/usr/bin/producer", &Program::Producer.path().display().to_string());
        let text = text.replace("/usr/bin/consumer", &Program::Consumer.path().display().to_string());
        let text: String = text.lines().filter(|line| !line.starts_with("Documentation=")).map(|line| format!("{line}\n")).collect();
        let instance = name.replace('@', "@test");
        group.scratch().write(&instance, text);
        names.push(instance);
    }
    assert!(names.len() >= 2, "{names:?}");
    let script = format!(
        "command -v systemd-analyze >/dev/null || {{ echo none; exit 0; }}; systemd-analyze verify --man=no {} 2>&1",
        names.iter().map(|name| format!("./{name}")).collect::<Vec<_>>().join(" ")
    );
    let outcome = Pipeline::shell(&script).dir(group.dir()).run();
    if outcome.text() == "none\n" {
        let _ = writeln!(io::stderr(), "skipped: there is no systemd-analyze");
        return;
    }
    let said = outcome.succeeds().text();
    // Of other units of this machine it may say what it likes.
    assert!(!said.lines().any(|line| line.contains("recpipe")), "{said}");
}

/// What the units run is what the programs take.
#[test]
fn the_commands_of_the_units_are_right() {
    let mut group = Group::new();
    let units = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging/systemd");
    let command = |name: &str| {
        let text = fs::read_to_string(units.join(name)).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("ExecStart=/usr/bin/")).unwrap().to_owned();
        line.replace("${STATE_DIRECTORY}", ".").replace("/etc/recpipe/consumer-%i.query", "query")
    };
    group.scratch().write("log", "1\n");
    group.scratch().write("query", "print \"{line}\"\n");
    UnixDatagram::bind(group.dir().join("notify")).unwrap();
    let consumer = run(&mut group, &command("recpipe-consumer@.service").replace("$ARGS", "--listen unix:s --senders 0"));
    let producer = run(&mut group, &command("recpipe-producer@.service").replace("$ARGS", "lines log --from-start --to unix:s"));
    group.until("the line has come", SOON, |group| group.ended(consumer).stdout == "1\n");
    for number in [producer, consumer] {
        group.signal(number, Signal::TERM);
        group.wait(number, SOON).exits(143);
    }
    assert!(group.dir().join("state").exists());
}
