//! Whom we trust: the system's authorities, and one file of the deployment's own.

use std::path::Path;
use std::sync::Arc;

use futures_rustls::TlsConnector;
use futures_rustls::pki_types::CertificateDer;
use futures_rustls::pki_types::pem::PemObject;
use futures_rustls::rustls::crypto::ring;
use futures_rustls::rustls::{ClientConfig, RootCertStore};

use crate::error::{Error, Result};

/// How TLS connections are made. Fails when the file cannot be used, or when there is nobody to trust.
pub(super) fn connector(ca_file: Option<&Path>) -> Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    // Single certificates of a system may be unreadable; what is readable is used.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        add_file(&mut roots, path)?;
    }
    if roots.is_empty() {
        let reason = "this system has no certificates of authorities: install them, or name a file with your own";
        return Err(Error::Setting { what: "TLS".to_owned(), reason: reason.to_owned() });
    }
    let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Setting { what: "TLS".to_owned(), reason: error.to_string() })?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let wrong = |reason: String| Error::Setting { what: format!("the CA file {}", path.display()), reason };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?;
    let mut added = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| wrong(format!("is no PEM file: {error}")))?;
        roots.add(certificate).map_err(|error| wrong(format!("has a certificate that cannot be used: {error}")))?;
        added += 1;
    }
    if added == 0 { Err(wrong("has no certificate; it must be in PEM form".to_owned())) } else { Ok(()) }
}
