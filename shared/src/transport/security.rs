//! Certificates and tokens: who may connect to us, to whom we connect, and what may go unencrypted.

use std::{net::IpAddr, path::PathBuf};

use super::{tls::Credentials, token};
use crate::Error;

/// The options about security, as typed; the same for both programs.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// `--cert`: our certificate and those that it is signed by, in PEM, ours first.
    pub cert: Option<PathBuf>,
    /// `--key`: the private key of our certificate, in PEM.
    pub key: Option<PathBuf>,
    /// `--ca`: the certificates that the other end's must be signed by, in PEM.
    pub ca: Option<PathBuf>,
    /// `--token-file`: the file of the shared secret.
    pub token: Option<PathBuf>,
    /// `--insecure`: listen and show the token unencrypted where others can hear it.
    pub insecure: bool,
}

/// [`Options`] with the contents of the files.
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
    /// Names the file that cannot be read or has the wrong contents, and what to do about it.
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

    /// Whether `--insecure` was given.
    pub fn is_insecure(&self) -> bool {
        self.insecure
    }

    /// The certificates.
    pub(super) fn credentials(&self) -> &Credentials {
        &self.credentials
    }
}

/// Whether only this host can reach the address.
pub(super) fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(token: &[u8], insecure: bool) -> Security {
        Security { token: token.into(), insecure, ..Security::default() }
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
