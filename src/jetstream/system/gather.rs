//! One request, answered by every server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::{Message, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::Value;
use tokio::time::Instant;

use super::super::admin::Config;
use super::super::connection::Connection;
use super::super::failure::{Failure, no_permission, no_reply, refusal};
use crate::error::{Error, Kind, Result};
use crate::log;

/// How long the next answer may take while servers are missing that should answer.
const QUIET: Duration = Duration::from_secs(1);
/// How long it listens on once as many servers have answered as there should be: one may have come meanwhile.
const GRACE: Duration = Duration::from_millis(50);

/// What one server tells.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The server: `name`, `id`, `ver`, `cluster`, `domain`, and its clock as `time`.
    pub server: Config,
    /// What was asked for.
    pub data: Config,
}

impl Answer {
    /// Reads the body of an answer.
    pub(super) fn read(body: &[u8]) -> Result<Self> {
        let unreadable =
            |cause: String| Error::of(Kind::Protocol, format!("a server's answer cannot be read: {cause}"));
        let value: Value = serde_json::from_slice(body).map_err(|error| unreadable(error.to_string()))?;
        let error = Config::of(value.get("error"));
        if let Some(words) = error.text("description") {
            return Err(Error::of(Kind::Refused, words));
        }
        let data = value.get("data").or_else(|| value.get("statsz"));
        Ok(Self { server: Config::of(value.get("server")), data: Config::of(data) })
    }
}

/// How many servers there are, as those that answer know. One round trip.
///
/// # Errors
/// The user is not of the system account; those of any request.
pub(super) async fn count_servers(connection: &Arc<Connection>) -> Result<usize> {
    let answers = collect(connection, "SERVER.PING.STATSZ", "{}", |answers| {
        let known = answers.iter().map(|answer| answer.data.count("active_servers")).max();
        usize::try_from(known.unwrap_or(0)).unwrap_or(usize::MAX)
    });
    Ok(answers.await?.len())
}

/// Asks all servers, and brings the answers of this many, or of those that answer in time, by the servers' names. One round trip.
///
/// # Errors
/// As [`count_servers`].
pub(super) async fn gather(
    connection: &Arc<Connection>,
    call: &str,
    body: &str,
    servers: usize,
) -> Result<Vec<Answer>> {
    collect(connection, call, body, |_| servers).await
}

async fn collect(
    connection: &Arc<Connection>,
    call: &str,
    body: &str,
    wanted: impl Fn(&[Answer]) -> usize,
) -> Result<Vec<Answer>> {
    let label = connection.label();
    let subject = format!("$SYS.REQ.{call}");
    let messages = listen(connection, &subject, body, |messages| {
        let answers: Vec<Answer> = messages.iter().filter_map(|message| Answer::read(&message.payload).ok()).collect();
        wanted(&answers)
    });
    let messages = messages.await.map_err(|error| error.server(label))?;
    let answers = messages.iter().map(|message| Answer::read(&message.payload)).collect::<Result<Vec<_>>>();
    let mut answers = answers.map_err(|error| error.within(call).server(label))?;
    if answers.is_empty() {
        let cause = format!("no answer to {call} within {:.1} s", connection.timeout.as_secs_f64());
        return Err(Error::of(Kind::TimedOut, cause)
            .server(label)
            .advice("check the server, or give it more time with timeout := INTERVAL '30 seconds'"));
    }
    let wanted = wanted(&answers);
    if answers.len() < wanted {
        log::warning(format!("{label}: {} of {wanted} servers answered {call} in time", answers.len()));
    }
    answers.sort_by_key(|answer| (answer.server.text("name"), answer.server.text("id")));
    Ok(answers)
}

/// The messages that answer a request, until there are enough of them or none comes any more.
async fn listen(
    connection: &Arc<Connection>,
    subject: &str,
    body: &str,
    wanted: impl Fn(&[Message]) -> usize,
) -> Result<Vec<Message>> {
    let failed =
        |error: &(dyn std::error::Error + 'static)| Error::foreign("request failed", error).kind_or(Kind::Unreachable);
    let mut forbidden = connection.forbidden();
    if let Some(inbox) = connection.reply_denied() {
        return Err(no_reply(&inbox));
    }
    let mut epochs = connection.epochs();
    // That it came up at first may be told late.
    let before = (*epochs.borrow()).max(1);
    let lost = || Error::of(Kind::Unreachable, "the connection was lost before the servers answered");
    let inbox = connection.client.new_inbox();
    let mut answers = connection.client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
    let sent = connection.client.publish_with_reply(subject.to_owned(), inbox, Bytes::copy_from_slice(body.as_bytes()));
    sent.await.map_err(|error| failed(&error))?;
    let mut until = Instant::now() + connection.timeout;
    let end = until;
    let mut found = Vec::new();
    loop {
        tokio::select! {
            biased;
            answer = answers.next() => match answer {
                Some(answer) if answer.status == Some(StatusCode::NO_RESPONDERS) => return Err(not_of_the_system()),
                Some(answer) => {
                    found.push(answer);
                    let wait = if found.len() < wanted(&found) { QUIET } else { GRACE };
                    until = end.min(Instant::now() + wait);
                }
                None => return Err(lost()),
            },
            Ok(_) = epochs.wait_for(|now| *now > before) => return Err(lost()),
            Ok(words) = forbidden.recv() => match refusal(&words, subject) {
                Some(Failure::Forbidden) => return Err(no_permission(&format!("publish to {subject}"))),
                Some(Failure::ReplyDenied(inbox)) => return Err(no_reply(&inbox)),
                _ => {}
            },
            () = tokio::time::sleep_until(until) => {
                return if connection.is_up() { Ok(found) } else { Err(lost()) };
            }
        }
    }
}

fn not_of_the_system() -> Error {
    Error::of(Kind::Denied, "the user is not of the system account, which alone hears of servers, connections and accounts")
        .advice("connect as a user of the account that the server's configuration names as system_account, which is $SYS without that")
}
