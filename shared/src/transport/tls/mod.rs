//! TLS, version 1.3: who is at the other end is checked, and nobody in between can read or change the stream.
//!
//! A caller always checks the listener: against `--ca`, by the name or address in the URL, and by date. The authorities of the
//! system are not asked: which of them to believe is said, not assumed. A listener that has `--ca` checks the caller in the
//! same way, but for the name. Nothing resumes: a handshake is rare, and a ticket is one more secret.

mod credentials;
mod stream;
#[cfg(test)]
mod tests;
mod verify;
mod words;

use std::{fmt, net::TcpStream, sync::Arc};

pub(super) use credentials::Credentials;
use rustls::{
    ClientConfig, ClientConnection, ServerConfig, ServerConnection,
    client::Resumption,
    crypto::{CryptoProvider, ring},
    pki_types::ServerName,
};
pub(super) use stream::TlsStream;

use crate::Error;

/// How we call one host.
#[derive(Clone)]
pub(super) struct Caller {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

/// How we listen.
#[derive(Clone)]
pub(super) struct Host(Arc<ServerConfig>);

impl fmt::Debug for Caller {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Caller({:?})", self.name)
    }
}

impl Caller {
    /// A connection on which nothing has been said.
    ///
    /// # Errors
    /// When the library cannot begin; no known reason is left.
    pub(super) fn begin(&self, tcp: TcpStream) -> Result<TlsStream, String> {
        let tls = ClientConnection::new(self.config.clone(), self.name.clone()).map_err(|error| words::explain(&error))?;
        Ok(TlsStream::new(tcp, tls.into()))
    }
}

impl Host {
    /// A connection on which nothing has been said.
    ///
    /// # Errors
    /// As [`Caller::begin`].
    pub(super) fn begin(&self, tcp: TcpStream) -> Result<TlsStream, String> {
        let tls = ServerConnection::new(self.0.clone()).map_err(|error| words::explain(&error))?;
        Ok(TlsStream::new(tcp, tls.into()))
    }
}

/// How `host` is called.
///
/// # Errors
/// When nothing is there to check it against, or what is there does not fit together.
pub(super) fn caller(credentials: &Credentials, host: &str) -> Result<Caller, Error> {
    let Some(authorities) = &credentials.authorities else {
        return Err(Error::Usage(format!(
            "tls://{host}: --ca FILE is missing: the certificates that the other end is checked against; /etc/ssl/certs/ca-certificates.crt, or the like, for those of the system"
        )));
    };
    let name =
        ServerName::try_from(host.to_owned()).map_err(|_| Error::Usage(format!("tls://{host}: no name that a certificate could have")))?;
    let provider = provider();
    let verifier = verify::listeners(authorities, provider.clone())?;
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match &credentials.identity {
        Some(ours) => builder.with_client_auth_cert(ours.chain.clone(), ours.key.clone_key()).map_err(|error| ours.unfit(&error))?,
        None => builder.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    Ok(Caller { config: Arc::new(config), name })
}

/// How we listen.
///
/// # Errors
/// When we have nothing to show, or what is there does not fit together.
pub(super) fn host(credentials: &Credentials) -> Result<Host, Error> {
    let Some(ours) = &credentials.identity else {
        return Err(Error::Usage("tls://: a listener needs --cert FILE and --key FILE, which say who it is".into()));
    };
    let provider = provider();
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().map_err(|error| failed(&error))?;
    let builder = match &credentials.authorities {
        Some(authorities) => builder.with_client_cert_verifier(verify::callers(authorities, provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(ours.chain.clone(), ours.key.clone_key()).map_err(|error| ours.unfit(&error))?;
    config.send_tls13_tickets = 0;
    Ok(Host(Arc::new(config)))
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

fn failed(error: &dyn fmt::Display) -> Error {
    Error::Refused(format!("cannot set up TLS: {error}"))
}
