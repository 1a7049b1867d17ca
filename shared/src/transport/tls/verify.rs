//! Whether the other end's certificate is good.
//!
//! WebPKI decides, with one addition. A certificate that a user made with one command is its own authority and says so; the
//! rules of the web refuse an authority's certificate where a host's is expected. Where that very certificate is in `--ca`,
//! it is believed, if its date and its name are right too.

use std::sync::Arc;

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error as TlsError, OtherError, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_name,
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

use super::{credentials::Authorities, failed};
use crate::Error;

/// Asks WebPKI, and knows whose word is taken.
#[derive(Debug)]
struct Verifier<V: ?Sized> {
    authorities: Arc<Authorities>,
    rules: Arc<V>,
}

/// What a caller checks of a listener.
pub(super) fn listeners(authorities: &Arc<Authorities>, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let rules = WebPkiServerVerifier::builder_with_provider(roots(authorities)?, provider).build().map_err(|error| failed(&error))?;
    Ok(Arc::new(Verifier { authorities: authorities.clone(), rules }))
}

/// What a listener checks of a caller.
pub(super) fn callers(authorities: &Arc<Authorities>, provider: Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>, Error> {
    let rules = WebPkiClientVerifier::builder_with_provider(roots(authorities)?, provider).build().map_err(|error| failed(&error))?;
    Ok(Arc::new(Verifier { authorities: authorities.clone(), rules }))
}

fn roots(authorities: &Authorities) -> Result<Arc<RootCertStore>, Error> {
    let mut roots = RootCertStore::empty();
    for (number, certificate) in authorities.certificates.iter().enumerate() {
        roots.add(certificate.clone()).map_err(|error| {
            Error::Unsupported(format!("--ca {}: certificate {} cannot be used: {error}", authorities.path.display(), number + 1))
        })?;
    }
    Ok(Arc::new(roots))
}

impl<V: ?Sized> Verifier<V> {
    /// Whether the only objection is that this is an authority's, and it is one that we believe. WebPKI looks at the dates
    /// before it makes that objection.
    fn is_believed(&self, certificate: &CertificateDer<'_>, error: &TlsError) -> bool {
        let TlsError::InvalidCertificate(CertificateError::Other(OtherError(error))) = error else { return false };
        let is_authority = error.downcast_ref::<webpki::Error>() == Some(&webpki::Error::CaUsedAsEndEntity);
        is_authority && self.authorities.certificates.iter().any(|ours| ours == certificate)
    }
}

impl ServerCertVerifier for Verifier<WebPkiServerVerifier> {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        match self.rules.verify_server_cert(certificate, between, name, ocsp, now) {
            Err(error) if self.is_believed(certificate, &error) => {
                verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
                Ok(ServerCertVerified::assertion())
            }
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls12_signature(m, c, s)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls13_signature(m, c, s)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}

impl ClientCertVerifier for Verifier<dyn ClientCertVerifier> {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.rules.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, TlsError> {
        match self.rules.verify_client_cert(certificate, between, now) {
            Err(error) if self.is_believed(certificate, &error) => Ok(ClientCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls12_signature(m, c, s)
    }

    fn verify_tls13_signature(
        &self,
        m: &[u8],
        c: &CertificateDer<'_>,
        s: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        self.rules.verify_tls13_signature(m, c, s)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.rules.supported_verify_schemes()
    }
}
