//! What a TCP connection is set to.

use std::{io, net::TcpStream, time::Duration};

use rustix::net::sockopt;

/// Bytes that wait for an answer for longer make the connection fail, instead of after the quarter of an hour that is
/// usual.
const USER_TIMEOUT: Duration = Duration::from_secs(20);

/// Small frames are not held back, and a peer that has vanished is found out.
///
/// # Errors
/// Those of the system.
pub fn set_up(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    #[cfg(target_os = "linux")]
    {
        sockopt::set_tcp_keepidle(stream, Duration::from_secs(10))?;
        sockopt::set_tcp_keepintvl(stream, Duration::from_secs(5))?;
        sockopt::set_tcp_keepcnt(stream, 3)?;
        sockopt::set_tcp_user_timeout(stream, USER_TIMEOUT.as_millis() as u32)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_peer_that_has_vanished_is_found_out_in_twenty_five_seconds() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        set_up(&stream).unwrap();
        assert!(stream.nodelay().unwrap() && sockopt::socket_keepalive(&stream).unwrap());
        #[cfg(target_os = "linux")]
        {
            let (idle, every) = (sockopt::tcp_keepidle(&stream).unwrap(), sockopt::tcp_keepintvl(&stream).unwrap());
            assert_eq!(idle + every * sockopt::tcp_keepcnt(&stream).unwrap(), Duration::from_secs(25));
            assert_eq!(sockopt::tcp_user_timeout(&stream).unwrap(), 20_000);
        }
    }
}
