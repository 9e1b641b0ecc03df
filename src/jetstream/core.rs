//! Core NATS: a request and its one reply, and a subscription within bounds. No message is stored, and a message that was not received leaves no
//! evidence.
//!
//! Source: <https://docs.nats.io/nats-concepts/core-nats>.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_nats::{Message, RequestErrorKind};
use futures_util::StreamExt;
use futures_util::stream::{self, FuturesOrdered};
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use super::connection::Connection;
use super::failure::{Failure, no_permission, refusal};
use super::publish::PublishRequest;
use super::reply::all_headers;
use super::runtime::block_on_read;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The most requests that are under way at once.
const IN_FLIGHT: usize = 256;

/// Sends requests and waits for one reply to each, in the order of the requests. The records of the replies have no sequence; their time is that at
/// which they came.
///
/// # Errors
/// [`Kind::NotFound`] when a subject has no responder, [`Kind::TimedOut`] when no reply comes within the connection's timeout; no
/// permission; a request that a server would not take.
pub fn request(connection: &Arc<Connection>, requests: Vec<PublishRequest>) -> Result<Vec<Record>> {
    let max_payload = connection.client.max_payload();
    let checked = requests.into_iter().map(|request| {
        let subject = request.subject.clone();
        request.check_request(max_payload).map_err(|error| error.within(&format!("subject '{subject}'")))
    });
    let checked = checked.collect::<Result<Vec<_>>>()?;
    block_on_read(async {
        let mut waiting = FuturesOrdered::new();
        let mut replies = Vec::with_capacity(checked.len());
        for request in checked {
            if waiting.len() == IN_FLIGHT
                && let Some(reply) = waiting.next().await
            {
                replies.push(reply?);
            }
            waiting.push_back(request_one(connection, request));
        }
        while let Some(reply) = waiting.next().await {
            replies.push(reply?);
        }
        Ok(replies)
    })
    .map_err(|error: Error| error.server(connection.label()))
}

async fn request_one(connection: &Arc<Connection>, request: super::publish::Checked) -> Result<Record> {
    let mut forbidden = connection.forbidden();
    let subject = request.subject.clone();
    let headers = request.headers();
    let mut outgoing = async_nats::Request::new().payload(request.payload);
    if let Some(headers) = headers {
        outgoing = outgoing.headers(headers);
    }
    let answer = connection.client.send_request(request.subject, outgoing);
    tokio::pin!(answer);
    let outcome = loop {
        tokio::select! {
            answer = &mut answer => break answer,
            Ok(words) = forbidden.recv() => match refusal(&words, &subject) {
                Some(Failure::Forbidden) => return Err(no_permission(&format!("publish to {subject}"))),
                Some(Failure::ReplyDenied(inbox)) => return Err(no_permission(&format!("subscribe to {inbox}"))),
                _ => {}
            },
        }
    };
    let message = outcome.map_err(|error| {
        let error = match error.kind() {
            RequestErrorKind::NoResponders => Error::of(Kind::NotFound, "nobody listens there")
                .advice("start the service, or check the subject and the account"),
            RequestErrorKind::TimedOut => {
                Error::of(Kind::TimedOut, format!("no reply within {:.1} s", connection.timeout.as_secs_f64()))
                    .advice("check the service, or give it more time with timeout := INTERVAL '30 seconds'")
            }
            _ => Error::foreign("request failed", &error).kind_or(Kind::Unreachable),
        };
        error.within(&format!("subject '{subject}'"))
    })?;
    Ok(record(message))
}

/// A message that a subscription brought, and its reply subject.
#[derive(Debug, Clone)]
pub struct CoreMessage {
    /// The message; it has no sequence, and its time is that at which it came.
    pub record: Record,
    /// The subject of the reply, if one is waited for.
    pub reply_to: Option<String>,
}

/// Subscribes to subjects, and returns the messages that come until their number, or the bytes of their payloads, reach a bound,
/// or the time is over.
/// One round trip; after it, no published message is missed.
///
/// # Errors
/// No permission to subscribe; the connection was lost meanwhile, and messages with it.
pub fn subscribe(
    connection: &Arc<Connection>,
    subjects: &[String],
    most: usize,
    most_bytes: usize,
    wait: Duration,
) -> Result<Vec<CoreMessage>> {
    block_on_read(async {
        let mut forbidden = connection.forbidden();
        let mut epochs = connection.epochs();
        epochs.mark_unchanged();
        let cannot = |error| Error::foreign("cannot subscribe", &error).kind_or(Kind::Unreachable);
        let mut subscriptions = Vec::with_capacity(subjects.len());
        for subject in subjects {
            subscriptions.push(connection.client.subscribe(subject.clone()).await.map_err(cannot)?);
        }
        let mut messages = stream::select_all(subscriptions);
        let lost = || Error::of(Kind::Unreachable, "the connection was lost while listening, and messages with it");
        let until = Instant::now() + wait;
        let (mut heard, mut bytes) = (Vec::new(), 0);
        while heard.len() < most && bytes < most_bytes {
            tokio::select! {
                biased;
                message = messages.next() => match message {
                    Some(message) => {
                        bytes += message.payload.len();
                        let reply_to = message.reply.as_ref().map(ToString::to_string);
                        heard.push(CoreMessage { record: record(message), reply_to });
                    }
                    // A subscription that the server refuses ends, before or after the text of the refusal comes.
                    None => return Err(match tokio::time::timeout(REFUSAL, denied(&mut forbidden, subjects)).await {
                        Ok(subject) => no_permission(&format!("subscribe to {subject}")),
                        Err(_) => lost(),
                    }),
                },
                () = came_back(&mut epochs) => return Err(lost()),
                subject = denied(&mut forbidden, subjects) => {
                    return Err(no_permission(&format!("subscribe to {subject}")));
                }
                () = tokio::time::sleep_until(until) => break,
            }
        }
        Ok(heard)
    })
    .map_err(|error: Error| error.server(connection.label()))
}

/// Waits until the connection came back after a loss. May be cancelled.
async fn came_back(epochs: &mut watch::Receiver<u64>) {
    if epochs.changed().await.is_err() {
        // The end of the connection is told by the subscription.
        std::future::pending::<()>().await;
    }
}

/// The longest wait for the text of a refusal.
const REFUSAL: Duration = Duration::from_millis(200);

/// Waits until the server refuses a subscription to one of the subjects. May be cancelled.
async fn denied(forbidden: &mut broadcast::Receiver<String>, subjects: &[String]) -> String {
    loop {
        match forbidden.recv().await {
            Ok(words) => {
                if let Some(Failure::ReplyDenied(subject)) = refusal(&words, "")
                    && subjects.contains(&subject)
                {
                    return subject;
                }
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {}
            // The end of the connection is told by the subscription.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

fn record(message: Message) -> Record {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    Record {
        subject: bytes::Bytes::copy_from_slice(message.subject.as_bytes()),
        sequence: 0,
        time_ns: now.and_then(|now| i64::try_from(now.as_nanos()).ok()).unwrap_or_default(),
        headers: message.headers.as_ref().map(all_headers).unwrap_or_default(),
        payload: message.payload,
        part: None,
    }
}
