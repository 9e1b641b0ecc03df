//! Calls of the JetStream API that change nothing, which may be made again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::connection::Connection;
use super::failure::{ErrorNumber, Failure};
use crate::log;

/// How often the connection may break while one question is asked.
const MAX_LOSSES: u32 = 3;

/// How long to wait before a stream without a leader is asked for again.
const ELECTION_PAUSE: Duration = Duration::from_millis(100);

/// Calls the JetStream API for something that changes nothing; again when the connection broke meanwhile, and, for as long
/// as one request may take, while the stream has no leader: a cluster elects one within seconds.
pub(super) async fn look_up<T: DeserializeOwned>(
    connection: &Arc<Connection>,
    call: &str,
    request: Bytes,
) -> Result<T, Failure> {
    let until = Instant::now() + connection.timeout;
    let mut waits = false;
    loop {
        match look_up_once(connection, call, &request).await {
            Err(failure) if failure.is(ErrorNumber::UNAVAILABLE) && Instant::now() < until => {
                if !std::mem::replace(&mut waits, true) {
                    let label = connection.label();
                    log::warning(format!(
                        "{label}: {call} has no leader to answer; it is asked until the timeout is over"
                    ));
                }
                tokio::time::sleep(ELECTION_PAUSE).await;
            }
            answer => return answer,
        }
    }
}

async fn look_up_once<T: DeserializeOwned>(
    connection: &Arc<Connection>,
    call: &str,
    request: &Bytes,
) -> Result<T, Failure> {
    let mut epochs = connection.epochs();
    epochs.mark_unchanged();
    for _ in 0..MAX_LOSSES {
        tokio::select! {
            answer = connection.api(call, request.clone()) => return answer,
            Ok(()) = epochs.changed() => {}
        }
    }
    connection.api(call, request.clone()).await
}
