//! A port of this host that stays the test's own, whether somebody listens at it or not.
//!
//! A port that was free a moment ago may be anybody's by the time a program listens at it: another test's, or the near end of a
//! connection to somewhere else. So the socket that has found it is kept, bound and not listening. Whoever calls is refused;
//! the system gives the port to nobody who asks for any; and a program that names it can listen at it, as servers do
//! (`SO_REUSEADDR`), go, and listen again.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use socket2::{Domain, Socket, Type};

/// A port of `localhost`, kept until it is dropped.
#[derive(Debug)]
pub struct Port {
    number: u16,
    _kept: [Option<Socket>; 2],
}

impl Port {
    /// One that nobody has.
    ///
    /// # Panics
    /// When there is none.
    pub fn new() -> Self {
        for _ in 0..100 {
            let kept = keep(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).expect("a port is free");
            let number = kept.local_addr().ok().and_then(|address| address.as_socket()).expect("it is bound").port();
            match keep(SocketAddr::from((Ipv6Addr::LOCALHOST, number))) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
                // `localhost` may have no such address.
                of_ipv6 => return Port { number, _kept: [Some(kept), of_ipv6.ok()] },
            }
        }
        panic!("no port is free at both addresses of localhost")
    }

    /// Its number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// Its URL, in the clear.
    pub fn tcp(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.number)
    }

    /// Its URL, encrypted.
    pub fn tls(&self) -> String {
        format!("tls://localhost:{}", self.number)
    }
}

impl Default for Port {
    fn default() -> Self {
        Port::new()
    }
}

fn keep(address: SocketAddr) -> io::Result<Socket> {
    let kept = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    kept.set_reuse_address(true)?;
    kept.bind(&address.into())?;
    Ok(kept)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn it_can_be_listened_at_again_and_again_and_is_nobodys_in_between() {
        let port = Port::new();
        let at = (Ipv4Addr::LOCALHOST, port.number());
        for _ in 0..3 {
            assert!(TcpStream::connect(at).is_err(), "nobody listens");
            let listener = TcpListener::bind(at).unwrap();
            assert!(TcpListener::bind(at).is_err(), "somebody listens");
            let _call = TcpStream::connect(at).unwrap();
            drop(listener.accept().unwrap());
        }
        // More than the system has given out at once since the last one was closed.
        let others: Vec<_> = (0..500).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap()).collect();
        assert!(others.iter().all(|other| other.local_addr().unwrap().port() != port.number()));
    }
}
