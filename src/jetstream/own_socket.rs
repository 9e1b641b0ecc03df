//! A socket of a read's or a publisher's own that connects again when it is lost.

use std::sync::Arc;

use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::wire::{Frames, RETRY_PAUSE, Received, Socket, SocketError};
use crate::log;
use crate::stats;

/// The event that ended a wait.
pub enum Happened {
    /// Messages came, which [`OwnSocket::frames`] has, perhaps none.
    Received(Received),
    /// The connection came back after a loss.
    Reconnected,
}

pub struct OwnSocket {
    connection: Arc<Connection>,
    /// The position of the server that is tried first.
    place: usize,
    /// None while the connection is lost.
    socket: Option<Socket>,
    /// The attempt to connect again. It is a task, because the wait for it may be cancelled.
    attempt: Option<JoinHandle<Result<Socket>>>,
    lost_at: Option<Instant>,
    frames: Frames,
}

impl OwnSocket {
    /// A socket that earlier work left, or a new one.
    pub async fn open(connection: &Arc<Connection>, place: usize) -> Result<Self> {
        let mut socket = match connection.idle_socket(place) {
            Some(socket) => socket,
            None => connection.new_socket(place).await?,
        };
        socket.begin();
        Ok(Self {
            connection: Arc::clone(connection),
            place,
            socket: Some(socket),
            attempt: None,
            lost_at: None,
            frames: Frames::default(),
        })
    }

    /// The same, for work that what is lost would hurt: an earlier socket is asked first whether it is alive. A round trip, where there is one.
    pub async fn open_alive(connection: &Arc<Connection>, place: usize) -> Result<Self> {
        while let Some(mut socket) = connection.idle_socket(place) {
            if matches!(tokio::time::timeout(connection.timeout, socket.check_alive()).await, Ok(Ok(()))) {
                connection.keep_socket(place, socket);
                break;
            }
        }
        Self::open(connection, place).await
    }

    /// The socket; None while the connection is lost.
    pub fn get(&mut self) -> Option<&mut Socket> {
        self.socket.as_mut()
    }

    /// The messages of the last call of [`OwnSocket::receive`].
    pub fn frames(&self) -> &Frames {
        &self.frames
    }

    /// Releases the messages that [`OwnSocket::receive`] brought.
    pub fn clear(&mut self) {
        self.frames.clear();
    }

    /// Sends the requests that were written.
    pub async fn flush(&mut self) {
        if let Some(socket) = &mut self.socket
            && socket.flush().await.is_err()
        {
            self.lose();
        }
    }

    /// Waits until something arrives. May be cancelled while it waits.
    pub async fn receive(&mut self) -> Result<Happened> {
        if let Some(socket) = &mut self.socket {
            match socket.receive(&mut self.frames).await {
                Ok(received) => return Ok(Happened::Received(received)),
                Err(SocketError::Malformed(error)) => return Err(error),
                Err(SocketError::Lost) => self.lose(),
            }
        }
        self.reconnect().await?;
        Ok(Happened::Reconnected)
    }

    fn lose(&mut self) {
        self.socket = None;
        self.frames.clear();
        self.lost_at.get_or_insert_with(Instant::now);
    }

    /// Tries to connect until it works or the timeout is over.
    async fn reconnect(&mut self) -> Result<()> {
        loop {
            let (connection, place) = (&self.connection, self.place);
            let attempt = self.attempt.get_or_insert_with(|| {
                let connection = Arc::clone(connection);
                tokio::spawn(async move { connection.new_socket(place).await })
            });
            let outcome = attempt.await;
            self.attempt = None;
            if let Ok(Ok(mut socket)) = outcome {
                socket.begin();
                self.socket = Some(socket);
                let since = self.lost_at.take().map_or(0.0, |since| since.elapsed().as_secs_f64());
                stats::RECONNECTS.add(1);
                let label = self.connection.label();
                log::warning(format!("{label}: a connection was lost, and came back after {since:.1} s"));
                return Ok(());
            }
            if self.lost_at.is_some_and(|since| since.elapsed() >= self.connection.timeout) {
                let label = self.connection.label();
                log::warning(format!("{label}: a connection was lost and is given up"));
                return Err(Error::of(Kind::Unreachable, "the connection was lost and did not come back in time")
                    .advice("check the server, and run the statement again"));
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Whether the connection is up.
    pub fn is_up(&self) -> bool {
        self.socket.is_some()
    }

    /// The work is over: the socket may serve another.
    pub fn finish(&mut self) {
        if let Some(socket) = self.socket.take() {
            self.connection.keep_socket(self.place, socket);
        }
    }
}
