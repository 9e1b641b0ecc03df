//! A registry that is asked by HTTP, by the API of Confluent's, which Apicurio, Karapace and Redpanda have too:
//! `GET /schemas/ids/{number}`, and `GET /subjects/{subject}/versions/{version}` for the schemas that one refers to
//! (<https://docs.confluent.io/platform/current/schema-registry/develop/api.html#get--schemas-ids-int--id>).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use tokio_rustls::rustls::crypto::ring;
use ureq::tls::{Certificate, TlsConfig};
use ureq::{Agent, Body};

use super::source::{Source, SourceEntry};
use crate::codec::Reference;
use crate::error::{Error, Kind, Result};
use crate::functions::connection::{Userinfo, read_userinfo};
use crate::jetstream::split_userinfo;

/// The prefixes of an address.
const SCHEMES: [&str; 2] = ["http://", "https://"];
/// The most bytes of an answer.
const MOST: u64 = 16 << 20;
/// The types of an answer that are taken.
const ACCEPT: &str = "application/vnd.schemaregistry.v1+json, application/json";
/// The code of the answer that there is no schema of this number.
const SCHEMA_NOT_FOUND: &[u32] = &[40_403];
/// The codes of the answers that there is no such subject, and no such version of it.
const VERSION_NOT_FOUND: &[u32] = &[40_401, 40_402];
/// The most schemas that one refers to, those included that they refer to.
const MOST_REFERENCES: usize = 1_000;

/// The registry at an address.
pub(super) struct Http {
    agent: Agent,
    /// Without userinfo, and without a slash at its end.
    address: String,
    /// The header `Authorization`.
    authorization: Option<String>,
}

impl Http {
    /// Whether a text is an address, and not the name of another place.
    pub(super) fn is_address(text: &str) -> bool {
        SCHEMES.iter().any(|scheme| text.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
    }

    /// The registry at an address, which may hold `user:password@`, or `token@`. Nothing is asked yet.
    ///
    /// # Errors
    /// The address is malformed; the error shows nothing of it.
    pub(super) fn new(text: &str, timeout: Duration) -> Result<Self> {
        let malformed = || {
            Error::new("schema_registry: the address is malformed")
                .advice("write it as https://host:8081, or https://user:password@host:8081 with % codes for other characters than letters and digits")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(malformed)?;
        let (userinfo, place) = split_userinfo(rest).map_err(|_| malformed())?;
        let place = place.trim_end_matches('/');
        if place.is_empty() || place.starts_with('/') || place.contains(['?', '#']) {
            return Err(malformed());
        }
        let authorization = userinfo.map(|userinfo| authorization(userinfo).map_err(|_| malformed())).transpose()?;
        let is_encrypted = scheme.eq_ignore_ascii_case("https");
        let config = Agent::config_builder().timeout_global(Some(timeout)).http_status_as_error(false);
        let config = if is_encrypted { config.tls_config(tls()) } else { config };
        let scheme = if is_encrypted { "https" } else { "http" };
        Ok(Self { agent: config.build().into(), address: format!("{scheme}://{place}"), authorization })
    }
}

/// The header for the userinfo of an address.
fn authorization(userinfo: &str) -> Result<String> {
    Ok(match read_userinfo(userinfo)? {
        Userinfo::Password { user, password } => {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{user}:{password}")))
        }
        Userinfo::Token(token) => format!("Bearer {token}"),
    })
}

/// TLS that trusts the certificates of the system, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
fn tls() -> TlsConfig {
    let trusted = rustls_native_certs::load_native_certs().certs;
    let trusted = trusted.iter().map(|certificate| Certificate::from_der(certificate).to_owned());
    TlsConfig::builder()
        .root_certs(trusted.into())
        .unversioned_rustls_crypto_provider(Arc::new(ring::default_provider()))
        .build()
}

/// An answer with a schema, as far as it matters here.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    schema: String,
    #[serde(default)]
    references: Vec<ReferenceTo>,
}

/// Where a schema is that another one refers to.
#[derive(Deserialize)]
struct ReferenceTo {
    name: String,
    subject: String,
    version: u32,
}

/// An answer that refuses.
#[derive(Deserialize)]
struct Refusal {
    error_code: u32,
}

impl Http {
    /// The body of an answer about a schema; None when the registry has no such schema, which it says by one of these codes.
    fn get(&self, path: &str, not_found: &[u32]) -> Result<Option<Vec<u8>>> {
        let mut request = self.agent.get(format!("{}{path}", self.address)).header("Accept", ACCEPT);
        if let Some(authorization) = &self.authorization {
            request = request.header("Authorization", authorization);
        }
        let mut answer = request.call().map_err(|error| unreachable(&error))?;
        let body = read(answer.body_mut())?;
        match answer.status().as_u16() {
            200 => Ok(Some(body)),
            404 if serde_json::from_slice::<Refusal>(&body)
                .is_ok_and(|refusal| not_found.contains(&refusal.error_code)) =>
            {
                Ok(None)
            }
            status @ (401 | 403) => {
                Err(Error::of(Kind::Denied, format!("it refuses the request, with status {status}"))
                    .advice("give a user and a password, https://user:password@host, or a token, https://token@host"))
            }
            status => Err(Error::of(Kind::Refused, format!("it answers with status {status}"))
                .advice("check the address and the path in it")),
        }
    }

    /// Adds what a schema refers to, each before the ones that refer to it, and each once.
    fn add_references(&self, to: Vec<ReferenceTo>, found: &mut Vec<Reference>) -> Result<()> {
        for ReferenceTo { name, subject, version } in to {
            if found.iter().any(|reference| reference.name == name) {
                continue;
            }
            if found.len() >= MOST_REFERENCES {
                return Err(Error::of(Kind::Unsupported, format!("it refers to more than {MOST_REFERENCES} schemas")));
            }
            let subject_in_path = utf8_percent_encode(&subject, NON_ALPHANUMERIC);
            let body = self.get(&format!("/subjects/{subject_in_path}/versions/{version}"), VERSION_NOT_FOUND)?;
            let body = body.ok_or_else(|| {
                Error::of(Kind::NotFound, format!("it refers to version {version} of '{subject}', which is not there"))
            })?;
            let answer = read_answer(&body)?;
            // It stands in front of what it refers to until these are there, so that schemas which refer to each other end.
            let place = found.len();
            found.push(Reference { name, text: answer.schema });
            self.add_references(answer.references, found)?;
            found[place..].rotate_left(1);
        }
        Ok(())
    }
}

fn read_answer(body: &[u8]) -> Result<Answer> {
    let answer: Option<Answer> = serde_json::from_slice(body).ok();
    answer.ok_or_else(|| Error::of(Kind::Protocol, "the answer is not that of a schema registry"))
}

impl Source for Http {
    fn find(&self, number: u32) -> Result<Option<SourceEntry>> {
        let Some(bytes) = self.get(&format!("/schemas/ids/{number}"), SCHEMA_NOT_FOUND)? else { return Ok(None) };
        let mut references = Vec::new();
        self.add_references(read_answer(&bytes)?.references, &mut references)?;
        Ok(Some(SourceEntry { bytes, references }))
    }

    fn place(&self) -> String {
        format!("the registry {}", self.address)
    }
}

fn read(body: &mut Body) -> Result<Vec<u8>> {
    body.with_config().limit(MOST).read_to_vec().map_err(|error| unreachable(&error))
}

fn unreachable(error: &ureq::Error) -> Error {
    let kind = if matches!(error, ureq::Error::Timeout(_)) { Kind::TimedOut } else { Kind::Unreachable };
    Error::of(kind, format!("it does not answer: {error}"))
        .advice("check the address, or give it more time with timeout := INTERVAL '30 seconds'")
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_userinfo() {
        let http = |text: &str| Http::new(text, Duration::from_secs(1)).unwrap();
        let cases = [
            ("http://h:8081", "http://h:8081", None),
            ("HTTP://h/apis/ccompat/v7/", "http://h/apis/ccompat/v7", None),
            ("http://us%3Aer:se%40cret@h/", "http://h", Some("Basic dXM6ZXI6c2VAY3JldA==")),
            ("http://tok%2Fen@h", "http://h", Some("Bearer tok/en")),
        ];
        for (text, address, authorization) in cases {
            let http = http(text);
            assert_eq!((&*http.address, http.authorization.as_deref()), (address, authorization), "{text}");
            assert_eq!(format!("{http:?}"), format!("the registry {address}"));
        }
    }

    #[test]
    fn a_malformed_address_is_not_shown() {
        for text in [
            "http://",
            "http:///x",
            "http://u:secret/x@h",
            "http://u:se@cret@h",
            "http://@h",
            "http://u:secret@h?x",
            "http://u:%ff@h",
        ] {
            let error = Http::new(text, Duration::from_secs(1)).unwrap_err().to_string();
            assert!(
                error.starts_with("schema_registry: the address is malformed; write it as")
                    && !error.contains("secret"),
                "{error}"
            );
        }
    }
}
