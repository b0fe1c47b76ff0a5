//! Whom an encrypted connection trusts.

use crate::trouble::Trouble;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;

/// Trusts the certificates of `ca_file`, or without one the system's authorities.
///
/// # Errors
/// There are none.
pub fn config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Trouble> {
    let mut roots = rustls::RootCertStore::empty();
    match ca_file {
        Some(path) => {
            let pem = super::read_file(path, "ca_file")?;
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
            let (added, _) = roots.add_parsable_certificates(certificates.flatten());
            if added == 0 {
                return Err(Trouble::new(
                    format!("{}: holds no certificate", path.display()),
                    "name a PEM file with BEGIN CERTIFICATE in it as `ca_file`",
                ));
            }
        }
        None => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(Trouble::new(
                    "this system trusts no certificate authority",
                    "`sudo apt install ca-certificates`, or name the broker's own as `ca_file`",
                ));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Trouble::new(format!("no TLS: {e}"), "write url with mqtt://"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}
