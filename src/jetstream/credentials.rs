//! Credentials and certificates, read from their files when a connection is asked for.
//!
//! Every file is read for every statement that needs a connection, because its content is part of the pool's key: after a
//! credentials file or a certificate was replaced, the next statement connects anew.

use std::fs::File;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Read;

use async_nats::rustls::pki_types::pem::PemObject;
use async_nats::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use async_nats::rustls::{ClientConfig, RootCertStore};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;

use super::options::{Authentication, ConnectOptions, NamedFile};
use crate::error::{Error, Result};

/// The most bytes of a file of credentials or certificates.
const MAX_FILE: u64 = 4 * 1024 * 1024;

/// The content of the files.
pub(super) struct Credentials {
    /// The text of a credentials file.
    pub creds: Option<String>,
    /// The seed of an NKey.
    pub seed: Option<String>,
    /// The authorities to trust, instead of the system's.
    authorities: Option<RootCertStore>,
    /// The client's certificates and their key.
    identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// Changes with the content of any of the files.
    pub fingerprint: u64,
}

impl Credentials {
    /// Reads and checks every file that the options name.
    pub(super) fn read(options: &ConnectOptions) -> Result<Self> {
        let mut hasher = DefaultHasher::new();
        let mut content = |file: &NamedFile| {
            let text = text_of(file)?;
            text.hash(&mut hasher);
            Ok(text)
        };
        let mut credentials = Self { creds: None, seed: None, authorities: None, identity: None, fingerprint: 0 };
        match &options.authentication {
            Authentication::Creds(file) => {
                let text = content(file)?;
                check_creds(file, &text)?;
                credentials.creds = Some(text);
            }
            Authentication::Jwt { origin, jwt, seed } => credentials.creds = Some(creds_of(origin, &jwt.0, &seed.0)?),
            Authentication::NKey(file) => credentials.seed = Some(seed(file, &content(file)?)?),
            Authentication::None | Authentication::Password { .. } | Authentication::Token(_) => {}
        }
        if let Some(file) = &options.tls.ca {
            credentials.authorities = Some(authorities(file, certificates(file, &content(file)?)?)?);
        }
        if let (Some(cert), Some(key)) = (&options.tls.cert, &options.tls.key) {
            let certificates = certificates(cert, &content(cert)?)?;
            credentials.identity = Some(identity(cert, certificates, key, &content(key)?)?);
        }
        credentials.fingerprint = hasher.finish();
        Ok(credentials)
    }
}

impl Credentials {
    /// The configuration of TLS, as the library makes it from the same files. Loads the system's authorities when no others
    /// are given.
    pub(super) fn client_config(&self) -> Result<ClientConfig> {
        let roots = self.authorities.clone().unwrap_or_else(|| {
            let mut system = RootCertStore::empty();
            system.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            system
        });
        let builder = ClientConfig::builder().with_root_certificates(roots);
        match &self.identity {
            None => Ok(builder.with_no_client_auth()),
            Some((chain, key)) => builder
                .with_client_auth_cert(chain.clone(), key.clone_key())
                .map_err(|error| Error::foreign("the client's certificate", &error)),
        }
    }

    /// The fields of the CONNECT line that prove the user, in answer to the server's challenge.
    ///
    /// Source: <https://docs.nats.io/reference/reference-protocols/nats-protocol#connect>.
    pub(super) fn proof(&self, nonce: &str) -> Result<Vec<(&'static str, String)>> {
        let Some(text) = self.creds.as_ref().or(self.seed.as_ref()) else { return Ok(Vec::new()) };
        // The library's words may quote the seed.
        let unusable = || Error::new("the key cannot be used");
        let pair = user_seed(text).and_then(|seed| nkeys::KeyPair::from_seed(seed).ok()).ok_or_else(unusable)?;
        let signature = URL_SAFE_NO_PAD.encode(pair.sign(nonce.as_bytes()).map_err(|_| unusable())?);
        let who = match &self.creds {
            // A JWT begins with `{"` in base64.
            Some(text) => {
                let jwt = text.lines().map(str::trim).find(|line| line.starts_with("eyJ"));
                ("jwt", jwt.ok_or_else(unusable)?.to_owned())
            }
            None => ("nkey", pair.public_key()),
        };
        Ok(vec![who, ("sig", signature)])
    }
}

fn text_of(file: &NamedFile) -> Result<String> {
    let (name, path) = (&file.origin, file.path.display());
    let cannot = |error: std::io::Error| Error::foreign(&format!("{name}: cannot read '{path}'"), &error);
    // Before opening: a pipe would wait for a writer.
    if !std::fs::metadata(&file.path).map_err(cannot)?.is_file() {
        return Err(Error::new(format!("{name}: '{path}' is not a file")));
    }
    let mut bytes = Vec::new();
    File::open(&file.path).map_err(cannot)?.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > MAX_FILE {
        return Err(Error::new(format!("{name}: '{path}' is too large for a file of keys")));
    }
    String::from_utf8(bytes).map_err(|_| Error::new(format!("{name}: '{path}' is not a text file")))
}

fn malformed(file: &NamedFile, what: &str, advice: &str) -> Error {
    Error::new(format!("{}: '{}' is not {what}", file.origin, file.path.display())).advice(advice)
}

/// A JWT and its seed as the text of a credentials file.
fn creds_of(origin: &str, jwt: &str, seed: &str) -> Result<String> {
    let (jwt, seed) = (jwt.trim(), seed.trim());
    let text = format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
    );
    let usable = jwt.starts_with("eyJ") && !jwt.contains(char::is_whitespace) && user_seed(seed).is_some();
    if usable && async_nats::ConnectOptions::with_credentials(&text).is_ok() {
        return Ok(text);
    }
    // The library's words may quote the seed.
    Err(Error::new(format!("{origin} and its seed are not a user JWT and an NKey user seed"))
        .advice("the JWT begins with eyJ, the seed with SU"))
}

fn check_creds(file: &NamedFile, text: &str) -> Result<()> {
    match async_nats::ConnectOptions::with_credentials(text) {
        Ok(_) => Ok(()),
        // The library's words may quote the file.
        Err(_) => Err(malformed(
            file,
            "a credentials file",
            "it must hold a user JWT and an NKey seed, as 'nsc generate creds' writes them",
        )),
    }
}

/// The seed in a file: a line that is one, alone or between dashes. Source: the NATS clients' reading of seed files.
fn seed(file: &NamedFile, text: &str) -> Result<String> {
    user_seed(text).map(str::to_owned).ok_or_else(|| {
        malformed(
            file,
            "a file with an NKey user seed",
            "it must hold a line that begins with SU, as 'nk -gen user' writes it",
        )
    })
}

fn user_seed(text: &str) -> Option<&str> {
    let is_seed = |line: &&str| line.starts_with("SU") && nkeys::KeyPair::from_seed(line).is_ok();
    text.lines().map(str::trim).find(is_seed)
}

fn certificates(file: &NamedFile, text: &str) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: std::result::Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(malformed(file, "a file of PEM certificates", "it must hold a block '-----BEGIN CERTIFICATE-----'")),
    }
}

fn authorities(file: &NamedFile, certificates: Vec<CertificateDer<'static>>) -> Result<RootCertStore> {
    let mut store = RootCertStore::empty();
    for certificate in certificates {
        store.add(certificate).map_err(|_| {
            malformed(file, "a file of X.509 certificates", "it must hold the certificates of the authorities to trust")
        })?;
    }
    Ok(store)
}

fn identity(
    cert: &NamedFile,
    chain: Vec<CertificateDer<'static>>,
    key: &NamedFile,
    text: &str,
) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
    let private = PrivateKeyDer::from_pem_slice(text.as_bytes()).map_err(|_| {
        malformed(key, "a file with a PEM private key", "it must hold a block '-----BEGIN PRIVATE KEY-----'")
    })?;
    let builder = ClientConfig::builder().with_root_certificates(RootCertStore::empty());
    builder.with_client_auth_cert(chain.clone(), private.clone_key()).map_err(|_| {
        let (cert_name, cert_path) = (&cert.origin, cert.path.display());
        let (key_name, key_path) = (&key.origin, key.path.display());
        Error::new(format!("{key_name}: '{key_path}' is not the key of {cert_name} '{cert_path}'"))
    })?;
    Ok((chain, private))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn file() -> NamedFile {
        NamedFile { origin: "nkey".into(), path: PathBuf::from("/f") }
    }

    #[test]
    fn a_seed_is_found_with_and_without_its_frame() {
        let pair = nkeys::KeyPair::new_user();
        let seed_text = pair.seed().unwrap();
        let framed = format!("-----BEGIN USER NKEY SEED-----\n{seed_text}\n------END USER NKEY SEED------\n");
        assert_eq!(seed(&file(), &format!("# mine\n{seed_text}\n")).unwrap(), seed_text);
        assert_eq!(seed(&file(), &framed).unwrap(), seed_text);
        let account = nkeys::KeyPair::new_account().seed().unwrap();
        for wrong in [account.as_str(), "", &seed_text[..40], "SUsecret"] {
            let error = seed(&file(), wrong).unwrap_err().to_string();
            assert!(error.starts_with("nkey: '/f' is not a file with an NKey user seed"), "{error}");
            assert!(!error.contains("secret") && (wrong.is_empty() || !error.contains(wrong)), "{error}");
        }
    }

    #[test]
    fn an_error_names_parameter_and_file() {
        let missing = NamedFile { origin: "creds".into(), path: PathBuf::from("/nowhere/x.creds") };
        let error = text_of(&missing).unwrap_err().to_string();
        assert!(error.starts_with("creds: cannot read '/nowhere/x.creds': "), "{error}");
        let folder = NamedFile { origin: "tls_ca".into(), path: std::env::temp_dir() };
        assert!(text_of(&folder).unwrap_err().to_string().ends_with("is not a file"));
        assert!(certificates(&file(), "nothing").is_err());
    }
}
