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
