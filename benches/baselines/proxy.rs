//! A proxy that acts as a far or narrow link: bytes leave later than they arrive, in both directions, at full throughput or at a rate.

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

/// Listens until its input ends. `milliseconds` is added in each direction; each direction of each connection passes `megabytes` a
/// second at most, and any number when that is 0.
pub fn run(address: &str, milliseconds: u64, megabytes: u32) -> Result<()> {
    Runtime::new()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!(r#"{{"address":"{}"}}"#, listener.local_addr()?);
        std::io::stdout().flush()?;
        let delay = Duration::from_millis(milliseconds);
        let a_million = if megabytes == 0 { Duration::ZERO } else { Duration::from_secs(1) / megabytes };
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
                    tokio::spawn(forward(from_client, to_server, delay, a_million));
                    tokio::spawn(forward(from_server, to_client, delay, a_million));
                }
                _ = &mut input => return Ok(()),
            }
        }
    })
}

/// `a_million` is how long a million bytes take.
async fn forward<R, W>(mut from: R, mut to: W, delay: Duration, a_million: Duration)
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
    let mut free = Instant::now();
    while let Some((due, piece)) = receiver.recv().await {
        sleep_until(due.max(free)).await;
        free = free.max(Instant::now()) + a_million.mul_f64(piece.len() as f64 / 1e6);
        if to.write_all(&piece).await.is_err() {
            break;
        }
    }
    reading.abort();
    // A closed direction reaches the other end without more code.
    drop(to.shutdown().await);
}
