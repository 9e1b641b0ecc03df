//! What the bytes go through: TCP, or TLS over it.

use std::sync::Arc;

use async_nats::rustls::ClientConfig;
use async_nats::rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Result};

/// Bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

pub(super) type Transport = Box<dyn Duplex>;

/// The port of a URL that has none.
const DEFAULT_PORT: u16 = 4222;

/// A TCP connection to the server of a URL.
pub(super) async fn connect(server: &str) -> Result<Transport> {
    let io = |error: std::io::Error| Error::foreign("cannot connect", &error);
    let (host, port) = address(server);
    let stream = TcpStream::connect((host, port)).await.map_err(io)?;
    stream.set_nodelay(true).map_err(io)?;
    Ok(Box::new(stream))
}

/// TLS with the server of a URL, whose certificate must be for its host.
pub(super) async fn encrypt(transport: Transport, server: &str, config: ClientConfig) -> Result<Transport> {
    let name = ServerName::try_from(address(server).0.to_owned());
    let name = name.map_err(|error| Error::foreign("cannot encrypt", &error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, transport).await;
    Ok(Box::new(stream.map_err(|error| Error::foreign("cannot encrypt", &error))?))
}

/// Host and port of a URL; an IPv6 address without its brackets.
fn address(server: &str) -> (&str, u16) {
    let bare = server.split_once("://").map_or(server, |(_, rest)| rest).trim_end_matches('/');
    let split = bare.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.unwrap_or((bare, DEFAULT_PORT));
    (host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_a_port() {
        let cases = [
            ("nats://h:1", ("h", 1)),
            ("h", ("h", 4222)),
            ("tls://[::1]:5/", ("::1", 5)),
            ("nats://[::1]", ("::1", 4222)),
            ("nats://127.0.0.1", ("127.0.0.1", 4222)),
        ];
        for (url, expected) in cases {
            assert_eq!(address(url), expected, "{url}");
        }
    }
}
