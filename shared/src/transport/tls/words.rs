//! What went wrong with TLS, in words that say how to mend it.

use rustls::{AlertDescription as Alert, CertificateError, Error, PeerIncompatible};

/// What it says, seen from the end at which it is found.
pub(super) fn explain(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(error) => certificate(error),
        Error::NoCertificatesPresented => "it shows no certificate: it needs --cert and --key".into(),
        Error::AlertReceived(alert) => told(*alert),
        // What is no TLS record at all.
        Error::InvalidMessage(_) => "it does not speak TLS: is tcp:// meant at one end, or tls:// at both?".into(),
        Error::PeerIncompatible(PeerIncompatible::Tls13RequiredForQuic | PeerIncompatible::SupportedVersionsExtensionRequired) => {
            "it does not speak TLS 1.3".into()
        }
        error => format!("TLS: {error}"),
    }
}

fn certificate(error: &CertificateError) -> String {
    match error {
        // An authority of the same name, and with another key.
        CertificateError::BadSignature => "its certificate is not signed by any in --ca, though one there is called like its signer".into(),
        CertificateError::UnknownIssuer => "its certificate is not signed by any in --ca".into(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired (or this host's clock is wrong)".into()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet (or this host's clock is wrong)".into()
        }
        CertificateError::NotValidForName => "its certificate is for another name".into(),
        CertificateError::NotValidForNameContext { expected, presented } => {
            let presented = if presented.is_empty() { "no name".into() } else { presented.join(", ") };
            format!("its certificate is not for {}, but for {presented}", expected.to_str())
        }
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "its certificate is not made for this end of a connection (extended key usage)".into()
        }
        error => format!("its certificate is no good: {error}"),
    }
}

/// What the other end objects to.
fn told(alert: Alert) -> String {
    match alert {
        Alert::CertificateRequired => "it wants to know who we are: --cert and --key are needed".into(),
        Alert::UnknownCA => "it does not accept our certificate: it is not signed by any in its --ca".into(),
        Alert::DecryptError => {
            "it does not accept our certificate: it is not signed by any in its --ca, though one there is called like its signer".into()
        }
        Alert::CertificateExpired => "it does not accept our certificate: it has expired, or is not valid yet".into(),
        Alert::BadCertificate
        | Alert::CertificateUnknown
        | Alert::UnsupportedCertificate
        | Alert::CertificateRevoked
        | Alert::AccessDenied => {
            format!("it does not accept our certificate: wrong name, or no good otherwise ({alert:?})")
        }
        Alert::ProtocolVersion => "it does not speak TLS 1.3".into(),
        alert => format!("it broke the TLS handshake off ({alert:?})"),
    }
}
