//! What is in `--cert`, `--key` and `--ca`.

use std::{
    fmt,
    fs::{self, File},
    io::Read,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem, pem::PemObject};

use crate::Error;

/// Larger files are something else.
const MAX_BYTES: u64 = 16 << 20;

/// Who we are, and whom we believe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    pub(super) identity: Option<Arc<Identity>>,
    pub(super) authorities: Option<Arc<Authorities>>,
}

/// Who we are.
pub(super) struct Identity {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
    cert_path: PathBuf,
    key_path: PathBuf,
}

/// Whom we believe.
#[derive(Debug)]
pub(super) struct Authorities {
    pub(super) certificates: Vec<CertificateDer<'static>>,
    pub(super) path: PathBuf,
}

impl fmt::Debug for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Identity({:?})", self.cert_path)
    }
}

impl Identity {
    pub(super) fn unfit(&self, error: &rustls::Error) -> Error {
        let (cert, key) = (self.cert_path.display(), self.key_path.display());
        match error {
            rustls::Error::InconsistentKeys(_) => {
                Error::Unsupported(format!("--key {key} is not the key of the first certificate in --cert {cert}"))
            }
            _ => Error::Unsupported(format!("--cert {cert} with --key {key} cannot be used: {error}")),
        }
    }
}

impl Credentials {
    /// Reads what there is. A key without a certificate, or a certificate without a key, is for the command line to refuse.
    ///
    /// # Errors
    /// Which file, and what is wrong with it.
    pub(crate) fn read(cert: Option<&Path>, key: Option<&Path>, ca: Option<&Path>) -> Result<Self, Error> {
        let identity = cert.zip(key).map(|(cert, key)| {
            let chain = certificates("--cert", cert)?;
            Ok::<_, Error>(Arc::new(Identity { chain, key: private_key(key)?, cert_path: cert.into(), key_path: key.into() }))
        });
        let authorities =
            ca.map(|path| Ok::<_, Error>(Arc::new(Authorities { certificates: certificates("--ca", path)?, path: path.into() })));
        Ok(Credentials { identity: identity.transpose()?, authorities: authorities.transpose()? })
    }

    /// An option that was given.
    pub(crate) fn option(&self) -> Option<&'static str> {
        match self {
            Credentials { identity: Some(_), .. } => Some("--cert"),
            Credentials { authorities: Some(_), .. } => Some("--ca"),
            _ => None,
        }
    }
}

fn certificates(option: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let text = read(option, path, |_| Ok(()))?;
    let wrong = |what: String| Error::Unsupported(format!("{option} {}: {what}", path.display()));
    let all = CertificateDer::pem_slice_iter(&text).collect::<Result<Vec<_>, _>>().map_err(|error| wrong(not_pem(&error)))?;
    if all.is_empty() {
        return Err(wrong("no certificate is in it: PEM is expected, `-----BEGIN CERTIFICATE-----` and so on".into()));
    }
    Ok(all)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    let text = read("--key", path, |meta| {
        // Root may have a group of its choice read it, as Debian's ssl-cert.
        let others = if meta.uid() == 0 { 0o037 } else { 0o077 };
        if meta.is_file() && meta.mode() & others != 0 { Err("others may read it: chmod 600") } else { Ok(()) }
    })?;
    let wrong = |what: String| Error::Unsupported(format!("--key {}: {what}", path.display()));
    PrivateKeyDer::from_pem_slice(&text).map_err(|error| match error {
        pem::Error::NoItemsFound if text.windows(9).any(|part| part == b"ENCRYPTED") => {
            wrong("the key is encrypted, and nobody is there to ask for its passphrase: openssl pkey -in FILE -out PLAIN".into())
        }
        pem::Error::NoItemsFound => wrong("no private key is in it: PEM is expected, `-----BEGIN PRIVATE KEY-----` and so on".into()),
        error => wrong(not_pem(&error)),
    })
}

fn not_pem(error: &pem::Error) -> String {
    format!("it is no good PEM: {error}")
}

/// The whole of a small file, if it may be used.
fn read(option: &str, path: &Path, check: impl Fn(&fs::Metadata) -> Result<(), &'static str>) -> Result<Vec<u8>, Error> {
    let failed = |error| Error::io(format!("cannot read {option} {}", path.display()), error);
    let wrong = |what: &str| Error::Unsupported(format!("{option} {}: {what}", path.display()));
    let file = File::open(path).map_err(failed)?;
    check(&file.metadata().map_err(failed)?).map_err(wrong)?;
    let mut text = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(wrong("too large for certificates and keys"));
    }
    Ok(text)
}
