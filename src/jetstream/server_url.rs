//! The URL of a server, parsed once: `nats://host:4222`. It holds no userinfo, so it can be shown.

use std::fmt;

use async_nats::ServerAddr;

use crate::error::{Error, Result};

/// How a server is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// NATS over TCP, encrypted when the server or an option asks for it.
    Nats,
    /// NATS over TLS.
    Tls,
    /// NATS over WebSocket, in the clear.
    Ws,
    /// NATS over WebSocket over TLS.
    Wss,
}

const SCHEMES: [(&str, Scheme); 4] =
    [("nats", Scheme::Nats), ("tls", Scheme::Tls), ("ws", Scheme::Ws), ("wss", Scheme::Wss)];

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerUrl {
    scheme: Scheme,
    /// `scheme://host[:port][/path]`, as it was given.
    text: String,
    /// None when host or port are malformed.
    address: Option<ServerAddr>,
}

/// Why a text is not the URL of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// NATS does not know the scheme.
    Scheme,
    /// The path or the userinfo are not as a URL has them, or there is no host.
    Malformed,
}

impl ServerUrl {
    /// Parses a URL; one without a scheme is a `nats://` one. The second value is the userinfo, as it stands before the
    /// `@`, still percent-encoded.
    ///
    /// A malformed host or port is an error of `address` only, when a connection is opened: with an error of
    /// bind, DuckDB prints the statement, and the userinfo in it.
    ///
    /// # Errors
    /// The fault shows nothing of the text: a password with an unescaped `@` or `/` makes any part of it a secret.
    pub fn parse(text: &str) -> std::result::Result<(Self, Option<&str>), UrlFault> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
        let known = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
        let (scheme_name, scheme) = *known.ok_or(UrlFault::Scheme)?;
        let (userinfo, host) = split_userinfo(rest)?;
        // A path means nothing to NATS; only a WebSocket may have one.
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.is_empty() || host.contains('/') && !matches!(scheme, Scheme::Ws | Scheme::Wss) {
            return Err(UrlFault::Malformed);
        }
        let text = format!("{scheme_name}://{host}");
        let address = text.parse().ok();
        Ok((Self { scheme, text, address }, userinfo))
    }

    /// How the server is reached.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the server is reached through WebSocket.
    #[must_use]
    pub fn is_websocket(&self) -> bool {
        matches!(self.scheme, Scheme::Ws | Scheme::Wss)
    }

    /// Host and port, as async-nats has them: the port is 4222 unless one is given (80 and 443 for WebSocket).
    ///
    /// # Errors
    /// Host or port are malformed.
    pub(super) fn address(&self) -> Result<&ServerAddr> {
        self.address.as_ref().ok_or_else(|| Error::new("url is malformed").advice("write the url as nats://host:port"))
    }
}

/// The userinfo of a URL without its scheme, as it stands before the `@`, still percent-encoded, and what follows it.
///
/// # Errors
/// The userinfo is empty, or has an unescaped `@` or `/`.
pub fn split_userinfo(rest: &str) -> std::result::Result<(Option<&str>, &str), UrlFault> {
    match rest.rsplit_once('@') {
        Some((userinfo, _)) if userinfo.is_empty() || userinfo.contains(['/', '@']) => Err(UrlFault::Malformed),
        Some((userinfo, host)) => Ok((Some(userinfo), host)),
        None => Ok((None, rest)),
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_a_host_and_a_port_and_shows_no_userinfo() {
        let cases = [
            ("nats://h:1", "nats://h:1", ("h", 1), None),
            ("h", "nats://h", ("h", 4222), None),
            ("TLS://[::1]:5/", "tls://[::1]:5", ("::1", 5), None),
            ("nats://[::1]", "nats://[::1]", ("::1", 4222), None),
            ("user:secret@127.0.0.1", "nats://127.0.0.1", ("127.0.0.1", 4222), Some("user:secret")),
            ("wss://t%40ken@h/nats", "wss://h/nats", ("h", 443), Some("t%40ken")),
        ];
        for (text, shown, address, expected) in cases {
            let (url, userinfo) = ServerUrl::parse(text).unwrap();
            let found = url.address().unwrap();
            assert_eq!((url.to_string().as_str(), (found.host(), found.port()), userinfo), (shown, address, expected));
            assert!(!format!("{url:?}").contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_told_apart() {
        for text in ["http://h", "://h", "NATS:://h"] {
            assert_eq!(ServerUrl::parse(text).err(), Some(UrlFault::Scheme), "{text}");
        }
        for text in ["", "nats://", "nats://u@", "nats://h/S", "u:p/w@h", "u:p@w@h", "@h"] {
            assert_eq!(ServerUrl::parse(text).err(), Some(UrlFault::Malformed), "{text}");
        }
        for text in ["nats://u:secret@h:99999", "nats://[::1", "h:x"] {
            let (url, _) = ServerUrl::parse(text).unwrap();
            assert!(url.address().is_err() && !url.to_string().contains("secret"), "{text}");
        }
    }
}
