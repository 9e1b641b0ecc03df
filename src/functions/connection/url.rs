//! Server lists: `nats://user:password@host:4222,nats://other:4222`.
//!
//! No error here shows a part of the text: a password with an unescaped `,`, `@` or `/` makes any part of it a secret.

use crate::error::{Error, Result};
use crate::jetstream::{ServerUrl, UrlFault};

/// The userinfo of a URL, percent-decoded.
#[derive(Clone, PartialEq, Eq)]
pub enum Userinfo {
    /// `user:password@`
    Password { user: String, password: String },
    /// `token@`
    Token(String),
}

/// Servers, and the userinfo by which a connection to any of them logs in.
pub struct Servers {
    pub urls: Vec<ServerUrl>,
    pub userinfo: Option<Userinfo>,
}

/// Reads a comma-separated list; `origin` is the name by which the user gave it. Servers that name a user must name the same
/// one, because one connection goes to any of them.
///
/// # Errors
/// The list is empty or mixes WebSocket servers with others, or a URL is malformed or has another user than the others. The error
/// shows no part of the text.
pub fn read(text: &str, origin: &str) -> Result<Servers> {
    let mut servers = Servers { urls: Vec::new(), userinfo: None };
    let parts: Vec<&str> = text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    for (position, part) in parts.iter().enumerate() {
        let (url, userinfo) = ServerUrl::parse(part).map_err(|fault| not_a_server(origin, fault))?;
        // `nats://user:a,b@host`: the comma may belong to a password, and its first half must not be taken for a host.
        if userinfo.is_some() && !part.contains("://") && position > 0 && !parts[position - 1].contains('@') {
            return Err(not_a_server(origin, UrlFault::Malformed));
        }
        if let Some(userinfo) = userinfo.map(read_userinfo).transpose()? {
            if servers.userinfo.as_ref().is_some_and(|first| *first != userinfo) {
                return Err(Error::new(format!("the servers in {origin} have different users"))
                    .advice("one connection has one user: name it once, or with the same words for each server"));
            }
            servers.userinfo = Some(userinfo);
        }
        servers.urls.push(url);
    }
    let websockets = servers.urls.iter().filter(|url| url.is_websocket()).count();
    if websockets > 0 && websockets < servers.urls.len() {
        return Err(Error::new(format!("{origin} mixes WebSocket servers with others"))
            .advice("name servers of one kind: ws:// and wss://, or nats:// and tls://"));
    }
    if servers.urls.is_empty() {
        return Err(Error::new(format!("{origin} is empty")).advice("write nats://host:port, or leave it out"));
    }
    Ok(servers)
}

fn not_a_server(origin: &str, fault: UrlFault) -> Error {
    match fault {
        UrlFault::Scheme => Error::new(format!("{origin} has a scheme that NATS does not know"))
            .advice("write nats://, tls://, ws:// or wss:// before the host"),
        UrlFault::Malformed => Error::new(format!("{origin} is malformed")).advice(
            "write nats://user:password@host:port; in user and password write '@' as %40, '/' as %2F, ',' as %2C, ':' as %3A",
        ),
    }
}

/// Reads the text before the `@`.
///
/// # Errors
/// The decoded bytes are not UTF-8.
pub fn read_userinfo(text: &str) -> Result<Userinfo> {
    Ok(match text.split_once(':') {
        Some((user, password)) => Userinfo::Password { user: decode(user)?, password: decode(password)? },
        None => Userinfo::Token(decode(text)?),
    })
}

/// Percent-decodes; `%` without two digits behind it stands for itself.
///
/// # Errors
/// The bytes are not UTF-8.
pub fn decode(text: &str) -> Result<String> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded
        .map(std::borrow::Cow::into_owned)
        .map_err(|_| Error::new("url has percent-encoded bytes that are not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn userinfo_is_taken_out_and_decoded() {
        let urls = |text: &str| {
            let servers = read(text, "url").unwrap();
            servers.urls.iter().map(ServerUrl::to_string).collect::<Vec<_>>()
        };
        let servers = read("nats://us%3Aer:se%40cret@a:1, tls://b", "url").unwrap();
        assert_eq!(urls("nats://us%3Aer:se%40cret@a:1, tls://b"), ["nats://a:1", "tls://b"]);
        let expected = Userinfo::Password { user: "us:er".into(), password: "se@cret".into() };
        assert!(servers.userinfo == Some(expected));
        assert!(read("tok%2Fen@a", "url").unwrap().userinfo == Some(Userinfo::Token("tok/en".into())));
        assert!(read("a:1,b:2", "url").unwrap().userinfo.is_none());
        assert_eq!(urls("ws://a:1/nats,ws://b/"), ["ws://a:1/nats", "ws://b"]);
        assert!(read("nats://a/STREAM", "url").is_err());
    }

    #[test]
    fn what_does_not_parse_is_not_shown() {
        let cases = [
            "nats://u:sec,ret@h:1",
            "nats://u:sec/ret@h:1",
            "nats://u:sec@ret@h:1",
            "http://u:secret@h",
            "nats://u:secret@",
            "nats://u:secret@a,nats://v:secret@b",
            "nats://u:%FFsecret@h",
        ];
        for url in cases {
            let error = read(url, "url").err().unwrap().to_string();
            assert!(!error.contains("sec") && !error.contains("ret@"), "{url}: {error}");
        }
        assert!(read(" , ", "url").is_err());
    }
}
