//! How to reach a server.

use std::fmt;
use std::time::Duration;

/// Everything that makes one connection distinct from another; also the key of the pool.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ConnectOptions {
    /// Server URLs, tried in turn; may hold userinfo.
    pub servers: Vec<String>,
    /// The bound on connecting, and on each request.
    pub timeout: Duration,
}

impl ConnectOptions {
    /// The bound when none is given.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);
    /// The server when none is given.
    pub const DEFAULT_SERVER: &'static str = "nats://localhost:4222";

    /// The servers as errors show them: without userinfo.
    pub fn label(&self) -> String {
        let urls: Vec<String> = self.servers.iter().map(|url| without_userinfo(url)).collect();
        urls.join(",")
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectOptions").field("servers", &self.label()).field("timeout", &self.timeout).finish()
    }
}

/// A URL without its userinfo. Whatever stands before the last `@` of the authority is dropped, also in a URL that does
/// not parse.
pub fn without_userinfo(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, url),
    };
    let bare = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match scheme {
        Some(scheme) => format!("{scheme}://{bare}"),
        None => bare.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let cases = [
            ("nats://h:1", "nats://h:1"),
            ("nats://user:secret@h:1", "nats://h:1"),
            ("user:secret@h", "h"),
            ("nats://user:se@cret@h:1", "nats://h:1"),
            ("nats://user:sec/ret@h:1", "nats://h:1"),
        ];
        for (url, shown) in cases {
            assert_eq!(without_userinfo(url), shown);
        }
        let options = ConnectOptions { servers: vec!["nats://u:secret@h:1".into()], timeout: Duration::from_secs(1) };
        assert!(!format!("{options:?}").contains("secret"));
    }
}
