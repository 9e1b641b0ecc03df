//! The URL of a server, parsed once: `nats://host:4222`. It holds no userinfo, so it can be shown.

use std::fmt;

use async_nats::ServerAddr;

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
    address: ServerAddr,
}

/// Why a text is not the URL of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UrlFault {
    /// NATS does not know the scheme.
    Scheme,
    /// Host, port, path or userinfo are not as a URL has them.
    Malformed,
}

impl ServerUrl {
    /// Parses a URL; one without a scheme is a `nats://` one. The second value is the userinfo, as it stands before the
    /// `@`, still percent-encoded.
    ///
    /// # Errors
    /// The fault shows nothing of the text: a password with an unescaped `@` or `/` makes any part of it a secret.
    pub fn parse(text: &str) -> Result<(Self, Option<&str>), UrlFault> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
        let known = SCHEMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(scheme));
        let (scheme_name, scheme) = *known.ok_or(UrlFault::Scheme)?;
        let (userinfo, host) = match rest.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, rest),
        };
        if userinfo.is_some_and(|userinfo| userinfo.contains(['/', '@'])) {
            return Err(UrlFault::Malformed);
        }
        // A path means nothing to NATS; only a WebSocket may have one.
        let host = host.strip_suffix('/').unwrap_or(host);
        if host.is_empty() || host.contains('/') && !matches!(scheme, Scheme::Ws | Scheme::Wss) {
            return Err(UrlFault::Malformed);
        }
        let text = format!("{scheme_name}://{host}");
        let address = text.parse().map_err(|_| UrlFault::Malformed)?;
        Ok((Self { scheme, text, address }, userinfo))
    }

    /// How the server is reached.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether the server is reached through WebSocket.
    pub fn is_websocket(&self) -> bool {
        matches!(self.scheme, Scheme::Ws | Scheme::Wss)
    }

    /// The host; an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.address.host()
    }

    /// The port; 4222 unless one is given (80 and 443 for WebSocket).
    pub(super) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The URL as async-nats has it.
    pub(super) fn address(&self) -> ServerAddr {
        self.address.clone()
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
            assert_eq!((url.to_string().as_str(), (url.host(), url.port()), userinfo), (shown, address, expected));
            assert!(!format!("{url:?}").contains("secret"), "{text}");
        }
    }

    #[test]
    fn what_is_no_url_of_a_server_is_told_apart() {
        for text in ["http://h", "://h", "NATS:://h"] {
            assert_eq!(ServerUrl::parse(text).err(), Some(UrlFault::Scheme), "{text}");
        }
        let malformed =
            ["", "nats://", "nats://u@", "nats://h:99999", "nats://[::1", "nats://h/S", "u:p/w@h", "u:p@w@h", "h:x"];
        for text in malformed {
            assert_eq!(ServerUrl::parse(text).err(), Some(UrlFault::Malformed), "{text}");
        }
    }
}
