//! Whom an encrypted connection trusts.

use crate::trouble::Trouble;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::Path;
use std::sync::Arc;

/// The certificates of `ca_file`, or without one those of the system's authorities.
///
/// # Errors
/// There are none.
pub fn authorities(ca_file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let found: Vec<_> = match ca_file {
        Some(path) => {
            let pem = read_file(path, "ca_file")?;
            let found = CertificateDer::pem_slice_iter(pem.as_bytes());
            found.flatten().collect()
        }
        None => rustls_native_certs::load_native_certs().certs,
    };
    match ca_file {
        Some(path) if found.is_empty() => Err(Trouble::new(
            format!("{}: holds no certificate", path.display()),
            "name a PEM file with BEGIN CERTIFICATE in it as `ca_file`",
        )),
        None if found.is_empty() => Err(Trouble::new(
            "this system trusts no certificate authority",
            "`sudo apt install ca-certificates`, or name the other side's own as `ca_file`",
        )),
        _ => Ok(found),
    }
}

/// What encrypts.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Trusts the certificates of `ca_file`, or without one the system's authorities.
///
/// # Errors
/// There are none.
pub fn config(ca_file: Option<&Path>) -> Result<rustls::ClientConfig, Trouble> {
    let mut roots = rustls::RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(authorities(ca_file)?);
    if added == 0 {
        return Err(Trouble::new(
            "there is no certificate that can be understood",
            "name a PEM file with BEGIN CERTIFICATE in it as `ca_file`",
        ));
    }
    let versions = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|e| Trouble::new(format!("no TLS: {e}"), "write an url without encryption"))?;
    Ok(versions.with_root_certificates(roots).with_no_client_auth())
}

/// The text of a file that `key` of the configuration names.
///
/// # Errors
/// It cannot be read.
pub fn read_file(path: &Path, key: &str) -> Result<String, Trouble> {
    std::fs::read_to_string(path).map_err(|e| {
        Trouble::new(
            format!("{}: cannot be read: {e}", path.display()),
            format!("let this user read it (group posed), or correct `{key}`"),
        )
    })
}
