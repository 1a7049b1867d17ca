//! What a service tells who has started it: systemd's protocol (`sd_notify(3)`), where `$NOTIFY_SOCKET` names a socket.
//!
//! That a service lives (`WATCHDOG=1`) is not told: a program of ours that waits for its other end does nothing, as it should, and a thread
//! that says so whatever the others do would say nothing.

use std::{
    ffi::OsString,
    io,
    os::unix::{ffi::OsStrExt, net::UnixDatagram},
};

/// The environment variable that names the socket.
const SOCKET: &str = "NOTIFY_SOCKET";

/// It has begun its work, and this is what it does. A failure to say so is ignored: it changes nothing about the work.
pub fn ready(status: &str) {
    tell(&format!("READY=1\nSTATUS={}", one_line(status)));
}

/// What it does, or waits for.
pub fn status(status: &str) {
    tell(&format!("STATUS={}", one_line(status)));
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn tell(what: &str) {
    if let Some(name) = std::env::var_os(SOCKET) {
        let _ = send(&name, what.as_bytes());
    }
}

fn send(name: &OsString, what: &[u8]) -> io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    // Whoever does not read is no reason to wait.
    socket.set_nonblocking(true)?;
    match name.as_bytes() {
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
            socket.send_to_addr(what, &SocketAddr::from_abstract_name(name)?)?
        }
        _ => socket.send_to(what, name)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_one_datagram_by_either_kind_of_name() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let heard = UnixDatagram::bind(&path).unwrap();
        send(&path.clone().into_os_string(), b"READY=1\nSTATUS=x").unwrap();
        let mut bytes = [0; 64];
        let len = heard.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..len], b"READY=1\nSTATUS=x");
        assert_eq!(one_line("a\nREADY=1"), "a READY=1");
        assert!(send(&directory.path().join("nobody").into_os_string(), b"x").is_err());
        #[cfg(target_os = "linux")]
        {
            use std::os::{linux::net::SocketAddrExt, unix::net::SocketAddr};
            let name = format!("recpipe-test-{}", std::process::id());
            let heard = UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
            send(&format!("@{name}").into(), b"y").unwrap();
            assert_eq!(heard.recv(&mut bytes).unwrap(), 1);
        }
    }
}
