//! `unix:PATH`: a socket of this host.

use std::{
    fmt, io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::{
            fs::{FileTypeExt, PermissionsExt},
            net::{UnixListener, UnixStream},
        },
    },
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Accept, AcceptPlain, CallFailed, Dial, Endpoint, Medium, PeerAddress, Plain, Scheme};
use crate::{
    Error,
    transport::{Security, link::Wait, socket::Socket},
};

/// The row.
pub(super) static SCHEME: Scheme = Scheme {
    prefix: "unix:",
    syntax: "unix:PATH",
    medium: Medium::Socket,
    resumes: false,
    is_plain: true,
    parse: |text| {
        let path = text.strip_prefix(SCHEME.prefix)?;
        let path = path.strip_prefix("//").unwrap_or(path);
        Some(if path.is_empty() { Err("a path is missing after `unix:`".into()) } else { Ok(Arc::new(Unix(path.into()))) })
    },
};

/// A socket of this host.
#[derive(Clone, Debug)]
struct Unix(PathBuf);

impl fmt::Display for Unix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}{}", SCHEME.prefix, self.0.display())
    }
}

impl Unix {
    fn bind(&self) -> Result<Listening, Error> {
        let listener = bind(&self.0).map_err(|error| Error::io(format!("cannot listen at {self}"), error))?;
        Ok(Listening { listener, at: self.clone() })
    }
}

impl Endpoint for Unix {
    fn scheme(&self) -> &'static Scheme {
        &SCHEME
    }

    fn dial(&self, _: &Security) -> Result<Box<dyn Dial>, Error> {
        Ok(Box::new(self.clone()))
    }

    /// Only its owner may connect to it. One that is left over, with nobody behind it, is replaced.
    fn listen(&self, _: &Security, _: &str, _: bool) -> Result<Box<dyn Accept>, Error> {
        let listening = self.bind()?;
        listening.listener.set_nonblocking(true).map_err(|error| Error::io(format!("cannot listen at {self}"), error))?;
        Ok(Box::new(listening))
    }

    fn plain(&self) -> Option<&dyn Plain> {
        Some(self)
    }
}

impl Dial for Unix {
    fn dial(&self, _: Instant, _: Wait<'_>) -> Result<Socket, CallFailed> {
        Ok(UnixStream::connect(&self.0)?.into())
    }
}

impl Plain for Unix {
    fn connect(&self, _: Duration) -> io::Result<OwnedFd> {
        UnixStream::connect(&self.0).map(OwnedFd::from)
    }

    fn listen(&self) -> Result<Box<dyn AcceptPlain>, Error> {
        Ok(Box::new(self.bind()?))
    }
}

/// A socket that is removed when nobody listens at it any more.
#[derive(Debug)]
struct Listening {
    listener: UnixListener,
    at: Unix,
}

impl Accept for Listening {
    fn accept(&self) -> io::Result<(Socket, PeerAddress)> {
        let (stream, _) = self.listener.accept()?;
        Ok((stream.into(), PeerAddress { name: self.at.to_string(), address: None }))
    }
}

impl AcceptPlain for Listening {
    fn accept(&self) -> io::Result<(OwnedFd, String)> {
        let (stream, _) = self.listener.accept()?;
        Ok((stream.into(), self.at.to_string()))
    }
}

impl AsFd for Listening {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        // Whoever has removed it already did what was to be done.
        let _ = std::fs::remove_file(&self.at.0);
    }
}

/// A socket that only its owner may connect to, in place of one that is left over.
fn bind(path: &Path) -> io::Result<UnixListener> {
    let listener = match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            let is_socket = std::fs::symlink_metadata(path).is_ok_and(|meta| meta.file_type().is_socket());
            let is_dead = UnixStream::connect(path).is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused);
            if !is_socket || !is_dead {
                return Err(error);
            }
            std::fs::remove_file(path)?;
            UnixListener::bind(path)?
        }
        bound => bound?,
    };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}
