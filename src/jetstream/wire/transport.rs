//! The transport of a socket: TCP, or TLS over it.

use std::sync::Arc;

use async_nats::rustls::ClientConfig;
use async_nats::rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::error::{Error, Result};
use crate::jetstream::server_url::ServerUrl;

/// Bytes in both directions.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Sync + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Sync + Unpin> Duplex for T {}

pub(super) type Transport = Box<dyn Duplex>;

/// A TCP connection to a server.
pub(super) async fn connect(server: &ServerUrl) -> Result<Transport> {
    let io = |error: std::io::Error| Error::foreign("cannot connect", &error);
    let address = server.address()?;
    let stream = TcpStream::connect((address.host(), address.port())).await.map_err(io)?;
    stream.set_nodelay(true).map_err(io)?;
    Ok(Box::new(stream))
}

/// TLS with a server, whose certificate must be for its host.
pub(super) async fn encrypt(transport: Transport, server: &ServerUrl, config: ClientConfig) -> Result<Transport> {
    let name = ServerName::try_from(server.address()?.host().to_owned());
    let name = name.map_err(|error| Error::foreign("cannot encrypt", &error))?;
    let stream = TlsConnector::from(Arc::new(config)).connect(name, transport).await;
    Ok(Box::new(stream.map_err(|error| Error::foreign("cannot encrypt", &error))?))
}
