//! Copies the `producer` beside this program to a host that has none, or another one.

use std::{
    io::{self, Read, Write},
    net::Shutdown,
    os::{fd::AsFd, unix::net::UnixStream},
    thread,
};

use recpipe::{say, transport::exec, transport::watch::Guard};

use super::command::{DIRECTORY, quoted};
use crate::{config::Hosts, hosts::Host};

/// Exits of the script, and what they mean.
const FAILURES: [(i32, &str); 5] = [
    (40, "it is another kind of machine than this one: install a `producer` for it there"),
    (41, "no file can be made in ~/.cache of it"),
    (42, "it has no `sha256sum` to check a copy with: install `producer` there"),
    (43, "the copy is not what was sent: its digest differs"),
    (44, "the copy does not run there: install a `producer` that is linked statically"),
];

/// Copies it, checks the digest of the copy over there, and has it say its version, before it gets its name.
///
/// # Errors
/// Why it could not be installed.
pub(super) fn install(hosts: &Hosts, host: &Host, guard: &Guard) -> Result<(), String> {
    let cannot = |what: String| format!("none could be installed: {what}");
    let own = std::env::current_exe().map_err(|error| cannot(error.to_string()))?.with_file_name("producer");
    let bytes = std::fs::read(&own).map_err(|error| cannot(format!("{}: {error}", own.display())))?;
    let system = rustix::system::uname();
    let machine = format!("{} {}", system.sysname().to_string_lossy(), system.machine().to_string_lossy());
    let digest: String = ring::digest::digest(&ring::digest::SHA256, &bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let argv = hosts.argv(host, &script(&machine, &digest));
    say!("consumer: {host}: copies `producer` to ~/{DIRECTORY} ({} MiB)", bytes.len() >> 20);
    let (child, mut socket) = exec::spawn_two_way(&argv).map_err(|error| cannot(error.to_string()))?;
    hand_over(&bytes, &mut socket, guard).map_err(|error| cannot(error.to_string()))?;
    match child.wait_status().map_err(|error| cannot(error.to_string()))? {
        Some(0) => Ok(()),
        status => {
            let known = FAILURES.iter().find(|(code, _)| Some(*code) == status).map(|(_, what)| (*what).to_owned());
            Err(cannot(known.unwrap_or_else(|| {
                format!("copying it ended with {}", status.map_or("a signal".to_owned(), |code| format!("exit status {code}")))
            })))
        }
    }
}

/// Sends it all, and reads what is said to that, to its end. One that ends before it has read all says why by its exit.
///
/// # Errors
/// When the waiting is stopped, which ends the sending, too.
fn hand_over(bytes: &[u8], socket: &mut UnixStream, guard: &Guard) -> io::Result<()> {
    let mut to = socket.try_clone()?;
    thread::scope(|scope| {
        scope.spawn(move || {
            let _ = to.write_all(bytes).and_then(|()| to.shutdown(Shutdown::Write));
        });
        let mut said = [0; 4096];
        let heard = loop {
            match guard.wait(&[socket.as_fd()], None).and_then(|_| socket.read(&mut said)) {
                Ok(0) => break Ok(()),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        // A writer that is left waits for nobody.
        let _ = socket.shutdown(Shutdown::Both);
        heard
    })
}

/// What the shell of the host does with the bytes that it is sent.
fn script(machine: &str, digest: &str) -> String {
    let script = format!(
        "[ \"$(uname -sm)\" = {machine} ] || exit 40; command -v sha256sum >/dev/null 2>&1 || exit 42; \
         d=\"$HOME/{DIRECTORY}\"; umask 077; mkdir -p \"$d\" || exit 41; f=\"$d/producer.$$.part\"; \
         trap 'rm -f \"$f\"' EXIT; cat >\"$f\" || exit 41; s=\"$(sha256sum <\"$f\")\"; \
         [ \"${{s%% *}}\" = {digest} ] || exit 43; chmod 700 \"$f\" && \"$f\" --version >/dev/null 2>&1 || exit 44; \
         mv \"$f\" \"$d/producer\" || exit 41",
        machine = quoted(machine),
        digest = quoted(digest),
    );
    format!("exec sh -c {}", quoted(&script))
}
