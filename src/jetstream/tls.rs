//! The configuration of TLS for connections that do not go through the library, which makes the same of the same options.

use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::{ClientConfig, RootCertStore};

use super::options::{NamedFile, TlsOptions};
use crate::error::{Error, Result};

/// Trusts the given authorities, or the system's without any, and shows the given certificate. Reads files.
pub(super) fn client_config(options: &TlsOptions) -> Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    match &options.ca {
        Some(file) => {
            for certificate in certificates(file)? {
                roots.add(certificate).map_err(|error| Error::foreign(&file.said_by, &error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let builder = ClientConfig::builder().with_root_certificates(roots);
    let (Some(cert), Some(key)) = (&options.cert, &options.key) else { return Ok(builder.with_no_client_auth()) };
    let private = PrivateKeyDer::from_pem_file(&key.path).map_err(|error| Error::foreign(&key.said_by, &error))?;
    builder.with_client_auth_cert(certificates(cert)?, private).map_err(|error| Error::foreign(&cert.said_by, &error))
}

fn certificates(file: &NamedFile) -> Result<Vec<CertificateDer<'static>>> {
    let certificates = CertificateDer::pem_file_iter(&file.path).and_then(Iterator::collect);
    certificates.map_err(|error| Error::foreign(&file.said_by, &error))
}
