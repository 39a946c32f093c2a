//! What TLS connections trust, and which code they run on.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, Result};

/// Characters of a line of PEM.
const LINE_CHARACTERS: usize = 64;

/// Makes `ring` the one provider of this process. Again is harmless.
pub(crate) fn prepare() {
    // An error says that there is one already, which was set here.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The system's authorities and those of a file, in PEM; `None` means the system's alone.
pub(crate) fn roots(ca_file: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let Some(path) = ca_file else { return Ok(None) };
    let what = || format!("the file of authorities {}", path.display());
    let own = std::fs::read(path).map_err(|error| Error::io(format!("reading {}", what()), &error))?;
    if !String::from_utf8_lossy(&own).contains("-----BEGIN CERTIFICATE-----") {
        return Err(Error::Unfit { what: what(), reason: "it holds no certificate in PEM".to_owned() });
    }
    let mut all = own;
    // Authorities of the system that cannot be read are none of ours: then the file's are trusted alone.
    for certificate in rustls_native_certs::load_native_certs().certs {
        let text = STANDARD.encode(&certificate);
        all.extend_from_slice(b"\n-----BEGIN CERTIFICATE-----\n");
        for line in text.as_bytes().chunks(LINE_CHARACTERS) {
            all.extend_from_slice(line);
            all.push(b'\n');
        }
        all.extend_from_slice(b"-----END CERTIFICATE-----\n");
    }
    Ok(Some(all))
}
