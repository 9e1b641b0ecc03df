//! One request, answered by every server.

use std::sync::Arc;
use std::time::Duration;

use async_nats::StatusCode;
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
    Ok(collect(connection, "SERVER.PING.STATSZ", "{}", 0).await?.len())
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
    collect(connection, call, body, servers).await
}

/// The answers that came to one request.
struct Round {
    answers: Vec<Answer>,
    /// How many servers are known of, by the caller or by an answer of `STATSZ`.
    servers: usize,
}

impl Round {
    fn take(&mut self, answer: Answer) {
        let known = usize::try_from(answer.data.count("active_servers")).unwrap_or(usize::MAX);
        self.servers = self.servers.max(known);
        self.answers.push(answer);
    }

    /// How long the next answer is waited for.
    fn patience(&self) -> Duration {
        if self.answers.len() < self.servers { QUIET } else { GRACE }
    }
}

async fn collect(connection: &Arc<Connection>, call: &str, body: &str, servers: usize) -> Result<Vec<Answer>> {
    let label = connection.label();
    let round = listen(connection, call, body, Round { answers: Vec::new(), servers });
    let Round { mut answers, servers } = round.await.map_err(|error| error.server(label))?;
    if answers.is_empty() {
        let cause = format!("no answer to {call} within {:.1} s", connection.timeout.as_secs_f64());
        return Err(Error::of(Kind::TimedOut, cause)
            .server(label)
            .advice("check the server, or give it more time with timeout := INTERVAL '30 seconds'"));
    }
    if answers.len() < servers {
        log::warning(format!("{label}: {} of {servers} servers answered {call} in time", answers.len()));
    }
    answers.sort_by_key(|answer| (answer.server.text("name"), answer.server.text("id")));
    Ok(answers)
}

/// Asks, and takes answers until there are enough of them or none comes any more.
async fn listen(connection: &Arc<Connection>, call: &str, body: &str, mut round: Round) -> Result<Round> {
    let failed =
        |error: &(dyn std::error::Error + 'static)| Error::foreign("request failed", error).kind_or(Kind::Unreachable);
    let mut forbidden = connection.forbidden();
    if let Some(inbox) = connection.reply_denied() {
        return Err(no_reply(&inbox));
    }
    let mut epochs = connection.epochs();
    let lost = || Error::of(Kind::Unreachable, "the connection was lost before the servers answered");
    let subject = format!("$SYS.REQ.{call}");
    let inbox = connection.client.new_inbox();
    let mut messages = connection.client.subscribe(inbox.clone()).await.map_err(|error| failed(&error))?;
    let sent = connection.client.publish_with_reply(subject.clone(), inbox, Bytes::copy_from_slice(body.as_bytes()));
    sent.await.map_err(|error| failed(&error))?;
    let end = Instant::now() + connection.timeout;
    let mut until = end;
    loop {
        tokio::select! {
            biased;
            message = messages.next() => match message {
                Some(message) if message.status == Some(StatusCode::NO_RESPONDERS) => return Err(not_of_the_system()),
                Some(message) => {
                    round.take(Answer::read(&message.payload).map_err(|error| error.within(call))?);
                    until = end.min(Instant::now() + round.patience());
                }
                None => return Err(lost()),
            },
            Ok(()) = epochs.changed() => return Err(lost()),
            Ok(words) = forbidden.recv() => match refusal(&words, &subject) {
                Some(Failure::Forbidden) => return Err(no_permission(&format!("publish to {subject}"))),
                Some(Failure::ReplyDenied(inbox)) => return Err(no_reply(&inbox)),
                _ => {}
            },
            () = tokio::time::sleep_until(until) => {
                return if connection.is_up() { Ok(round) } else { Err(lost()) };
            }
        }
    }
}

fn not_of_the_system() -> Error {
    Error::of(Kind::Denied, "the user is not of the system account, which alone hears of servers, connections and accounts")
        .advice("connect as a user of the account that the server's configuration names as system_account, which is $SYS without that")
}
