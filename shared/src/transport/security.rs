//! Who may talk to us, to whom we talk, and what may go in the clear.

use std::{
    net::{IpAddr, ToSocketAddrs},
    path::PathBuf,
};

use super::{
    Url, tls,
    tls::{Caller, Credentials, Host},
    token,
};
use crate::{Error, say};

/// What was typed about it; the same for both programs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--cert`: the certificates that say who we are, ours first, in PEM.
    pub cert: Option<PathBuf>,
    /// `--key`: the private key of the first of them, in PEM.
    pub key: Option<PathBuf>,
    /// `--ca`: whose signature the other end's certificate must bear, in PEM.
    pub ca: Option<PathBuf>,
    /// `--token-file`.
    pub token: Option<PathBuf>,
    /// `--insecure`: to listen, and to show the token, in the clear where others can hear it.
    pub insecure: bool,
}

/// The same, with what is in the files.
#[derive(Clone, Debug, Default)]
pub struct Security {
    credentials: Credentials,
    token: Vec<u8>,
    insecure: bool,
}

impl Security {
    /// Reads the files.
    ///
    /// # Errors
    /// The one that cannot be read or is not what it should be, and what to do about it.
    pub fn read(options: &Options) -> Result<Self, Error> {
        let credentials = Credentials::read(options.cert.as_deref(), options.key.as_deref(), options.ca.as_deref())?;
        let token = options.token.as_deref().map_or(Ok(Vec::new()), token::read)?;
        Ok(Security { credentials, token, insecure: options.insecure })
    }

    /// The shared secret; empty without one.
    pub fn token(&self) -> &[u8] {
        &self.token
    }

    /// Whether the token may be shown, in the clear, at this address.
    pub(super) fn may_be_told(&self, address: IpAddr) -> Result<(), String> {
        if self.token.is_empty() || self.insecure || is_loopback(address) {
            return Ok(());
        }
        Err(format!("the token would cross the network to {address} in the clear: use tls://, or --insecure if that is meant"))
    }

    /// How a caller of this host encrypts; `None` where the URL says `tcp://`.
    pub(super) fn caller(&self, url: &Url) -> Result<Option<Caller>, Error> {
        match url {
            Url::Tcp { host, tls: true, .. } => tls::caller(&self.credentials, host).map(Some),
            _ => self.in_the_clear(url).map(|()| None),
        }
    }

    /// How a listener encrypts; `None` where the URL says `tcp://`, which is for this host alone unless `--insecure` is said.
    pub(super) fn host(&self, url: &Url, program: &str, quiet: bool) -> Result<Option<Host>, Error> {
        let Url::Tcp { host, port, tls } = url else { return Ok(None) };
        if *tls {
            return tls::host(&self.credentials).map(Some);
        }
        self.in_the_clear(url)?;
        let failed = |error| Error::io(format!("cannot listen at {url}"), error);
        let beyond = (host.as_str(), *port).to_socket_addrs().map_err(failed)?.any(|address| !is_loopback(address.ip()));
        match (beyond, self.insecure) {
            (true, false) => {
                return Err(Error::Usage(format!(
                    "--listen {url} is open to other hosts, and not encrypted: use tls:// with --cert and --key, or --insecure if that is meant"
                )));
            }
            (true, true) if !quiet => {
                let who = if self.token.is_empty() { "whoever reaches it is served" } else { "whoever listens in learns the token" };
                say!("{program}: --insecure: {url} is open to other hosts, and not encrypted; {who}");
            }
            _ => {}
        }
        Ok(None)
    }

    /// Certificates with a URL that has no use for them: somebody believes that it is encrypted.
    fn in_the_clear(&self, url: &Url) -> Result<(), Error> {
        match (url, self.credentials.option()) {
            (Url::Tcp { host, port, .. }, Some(option)) => {
                Err(Error::Usage(format!("{url} is not encrypted, but there is {option}; is tls://{host}:{port} meant?")))
            }
            _ => Ok(()),
        }
    }
}

/// Whether this address is seen by this host alone.
fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    fn with(token: &[u8], insecure: bool) -> Security {
        Security { token: token.into(), insecure, ..Security::default() }
    }

    #[test]
    fn what_others_can_hear_has_to_be_meant() {
        let host = |url: &str, insecure| with(b"", insecure).host(&url.parse().unwrap(), "consumer", true).map(|host| host.is_none());
        for url in ["tcp://127.0.0.1:1", "tcp://localhost:1", "tcp://:1", "tcp://[::1]:1", "tcp://[::ffff:127.0.0.1]:1", "unix:socket"] {
            assert!(host(url, false).unwrap(), "{url}");
        }
        for url in ["tcp://0.0.0.0:1", "tcp://[::]:1", "tcp://192.0.2.1:1", "tcp://[::ffff:192.0.2.1]:1"] {
            let error = host(url, false).unwrap_err();
            assert_eq!(error.exit(), Exit::Usage);
            assert!(error.to_string().contains("--insecure") && error.to_string().contains("tls://"), "{error}");
            assert!(host(url, true).unwrap(), "{url}");
        }
    }

    #[test]
    fn a_token_is_not_shown_to_the_network() {
        let far = "192.0.2.1".parse().unwrap();
        assert!(with(b"secret", false).may_be_told(far).unwrap_err().contains("tls://"));
        for security in [with(b"secret", true), with(b"", false)] {
            assert_eq!(security.may_be_told(far), Ok(()));
        }
        for near in ["127.0.0.1", "127.9.9.9", "::1"] {
            assert_eq!(with(b"secret", false).may_be_told(near.parse().unwrap()), Ok(()));
        }
    }
}
