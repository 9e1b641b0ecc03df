//! Calls of the JetStream API that may be made again: those that change nothing, and those that make what is there already.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use super::connection::Connection;
use super::failure::{ErrorNumber, Failure};
use crate::log;

/// The most breaks of the connection during one call.
const MAX_LOSSES: u32 = 3;

/// How long to wait before what has no leader is asked for again; each pause is half as long again as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Calls the JetStream API for something that may be asked twice; again when the connection broke meanwhile, and, for as long as
/// one request may take, while the stream or the cluster has no leader: a cluster elects one within seconds.
pub(super) async fn look_up<T: DeserializeOwned>(
    connection: &Arc<Connection>,
    call: &str,
    request: Bytes,
) -> Result<T, Failure> {
    let until = Instant::now() + connection.timeout;
    let mut pause = FIRST_PAUSE;
    let mut answer = look_up_once(connection, call, &request).await;
    while let Err(failure) = &answer
        && failure.is(ErrorNumber::UNAVAILABLE)
        && Instant::now() < until
    {
        if pause == FIRST_PAUSE {
            let label = connection.label();
            log::warning(format!("{label}: {call} has no leader to answer; it is asked until the timeout is over"));
        }
        tokio::time::sleep_until(until.min(Instant::now() + pause)).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
        // No answer in what is left of the time says less than the answer that there is.
        match tokio::time::timeout_at(until, look_up_once(connection, call, &request)).await {
            Ok(again) => answer = again,
            Err(_) => break,
        }
    }
    answer
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
