//! Certificates for tests of TLS.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::Scratch;

/// Writes `ca`, and for each name `NAME.pem` with `NAME.key`, signed by it for these hosts.
pub fn write(scratch: &Scratch, ca: &str, names: &[&str], hosts: &[&str]) {
    let mut params = CertificateParams::new(Vec::new()).expect("no name is a name");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = || KeyPair::generate().expect("keys can be made");
    let issuer = Issuer::new(params.clone(), key());
    scratch.write(ca, params.self_signed(issuer.key()).expect("it can be signed").pem());
    for name in names {
        let key = key();
        let hosts: Vec<String> = hosts.iter().map(|&host| host.to_owned()).collect();
        let certificate = CertificateParams::new(hosts).expect("they are names").signed_by(&key, &issuer).expect("it can be signed");
        scratch.write(&format!("{name}.pem"), certificate.pem());
        let path = scratch.write(&format!("{name}.key"), key.serialize_pem());
        fs::set_permissions(path, Permissions::from_mode(0o600)).expect("it is ours");
    }
}
