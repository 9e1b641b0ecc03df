//! The options of a connection to a server.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::server_url::{Scheme, ServerUrl};

/// Everything that makes one connection distinct from another; with the content of the files that it names, the key of
/// the pool.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectOptions {
    /// Servers, of which any will do; at least one.
    pub servers: Vec<ServerUrl>,
    /// How the user is authenticated.
    pub authentication: Authentication,
    /// Certificates and keys of TLS, beside the system's certificate authorities.
    pub tls: TlsOptions,
    /// The prefix of the subjects of the JetStream API, without the dot behind it: `$JS.API`, `$JS.<domain>.API`, or the one by
    /// which an account imports them.
    pub api_prefix: String,
    /// The prefix of the subjects of replies, without the dot behind it.
    pub inbox_prefix: String,
    /// The bound on connecting, and on each request.
    pub timeout: Duration,
}

/// How the user is authenticated.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum Authentication {
    /// No credentials.
    #[default]
    None,
    /// A user with a password.
    Password {
        /// The user's name.
        user: String,
        /// The password.
        password: Secret,
    },
    /// A token.
    Token(Secret),
    /// The owner of an NKey; the file holds its user seed.
    NKey(NamedFile),
    /// The user of a credentials file, which holds a JWT and a seed.
    Creds(NamedFile),
    /// The user of a JWT.
    Jwt {
        /// The name by which the JWT was given, for errors.
        origin: String,
        /// The JWT.
        jwt: Secret,
        /// The user's seed.
        seed: Secret,
    },
}

/// The options of TLS.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TlsOptions {
    /// The certificate authorities to trust, instead of the system's.
    pub ca: Option<NamedFile>,
    /// The client's certificate; comes with its key.
    pub cert: Option<NamedFile>,
    /// The key of the client's certificate.
    pub key: Option<NamedFile>,
    /// TLS begins before the server's greeting.
    pub first: bool,
}

impl TlsOptions {
    /// Whether an option asks for encryption: an authority or a client certificate of the user's own does, as well as
    /// `tls_first`.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.first || self.ca.is_some() || self.cert.is_some()
    }
}

/// A file, and the name by which the user gave it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NamedFile {
    /// The parameter, setting, variable or context field, for errors.
    pub origin: String,
    /// The file.
    pub path: PathBuf,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl ConnectOptions {
    /// The options of a connection to one of these servers, with the defaults of all others.
    #[must_use]
    pub fn new(servers: Vec<ServerUrl>) -> Self {
        Self {
            servers,
            authentication: Authentication::None,
            tls: TlsOptions::default(),
            api_prefix: Self::DEFAULT_API_PREFIX.to_owned(),
            inbox_prefix: Self::DEFAULT_INBOX_PREFIX.to_owned(),
            timeout: Self::DEFAULT_TIMEOUT,
        }
    }

    /// The prefix of the subjects of the API when none is given.
    pub const DEFAULT_API_PREFIX: &'static str = "$JS.API";
    /// The prefix of the subjects of replies when none is given.
    pub const DEFAULT_INBOX_PREFIX: &'static str = "_INBOX";
    /// The bound when none is given.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The server when none is given.
    pub const DEFAULT_SERVER: &'static str = "nats://localhost:4222";

    /// The servers as errors show them.
    pub fn label(&self) -> String {
        self.servers.iter().map(ServerUrl::to_string).collect::<Vec<_>>().join(",")
    }

    /// Whether a connection in the clear is refused, whatever the server offers.
    pub(super) fn demands_tls(&self) -> bool {
        self.tls.is_wanted() || self.servers.iter().any(|server| server.scheme() == Scheme::Tls)
    }

    /// Whether the servers are reached through WebSocket.
    pub(super) fn is_websocket(&self) -> bool {
        self.servers.iter().any(ServerUrl::is_websocket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let password = Secret("secret".into());
        let authentication = Authentication::Password { user: "u".into(), password: password.clone() };
        for authentication in [authentication, Authentication::Token(password)] {
            assert!(!format!("{authentication:?}").contains("secret"));
        }
    }
}
