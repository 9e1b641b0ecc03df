//! A link that is far away: what arrives leaves later, in both directions, at full throughput.

use std::io::Write;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use crate::Result;

const READ_BYTES: usize = 1 << 18;
/// Pieces under way in one direction: more than the delay times the rate of the loopback.
const PIECES: usize = 4096;

/// Listens until its input ends. `milliseconds` is added in each direction.
pub fn run(address: &str, milliseconds: u64) -> Result<()> {
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!(r#"{{"address":"{}"}}"#, listener.local_addr()?);
        std::io::stdout().flush()?;
        let delay = Duration::from_millis(milliseconds);
        let mut input = tokio::task::spawn_blocking(|| std::io::copy(&mut std::io::stdin(), &mut std::io::sink()));
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let client = accepted?.0;
                    let server = TcpStream::connect(address).await?;
                    client.set_nodelay(true)?;
                    server.set_nodelay(true)?;
                    let (from_client, to_client) = client.into_split();
                    let (from_server, to_server) = server.into_split();
                    tokio::spawn(forward(from_client, to_server, delay));
                    tokio::spawn(forward(from_server, to_client, delay));
                }
                _ = &mut input => return Ok(()),
            }
        }
    })
}

async fn forward<R, W>(mut from: R, mut to: W, delay: Duration)
where
    R: AsyncReadExt + Unpin + Send + 'static,
    W: AsyncWriteExt + Unpin,
{
    let (sender, mut receiver) = mpsc::channel::<(Instant, Bytes)>(PIECES);
    let reading = tokio::spawn(async move {
        let mut buffer = BytesMut::with_capacity(READ_BYTES);
        while let Ok(1..) = from.read_buf(&mut buffer).await {
            if sender.send((Instant::now() + delay, buffer.split().freeze())).await.is_err() {
                break;
            }
            if buffer.capacity() < READ_BYTES / 4 {
                buffer = BytesMut::with_capacity(READ_BYTES);
            }
        }
    });
    while let Some((due, piece)) = receiver.recv().await {
        sleep_until(due).await;
        if to.write_all(&piece).await.is_err() {
            break;
        }
    }
    reading.abort();
    // A closed direction tells the other end by itself.
    drop(to.shutdown().await);
}
