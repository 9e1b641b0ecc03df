//! Decisions on deliveries (`+ACK`, `-NAK`, `+WPI`, `+TERM`; ADR-15), sent together, and the server's answers to them.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;

use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::failure::{Failure, refusal};
use crate::plan::Given;

/// The most decisions that wait for their answer at once.
const IN_FLIGHT: usize = 4_096;

/// Acknowledged: the message is done.
pub(super) const ACKNOWLEDGE: &str = "+ACK";
/// Deliver it again.
pub(super) const RETURN: &str = "-NAK";
/// In progress: the server waits for `ack_wait` once more.
pub(super) const IN_PROGRESS: &str = "+WPI";
/// Never deliver it again.
pub(super) const TERMINATE: &str = "+TERM";

/// The server's answers, in the order of the decisions.
#[derive(Debug, Default)]
pub(super) struct Answers {
    /// The decisions that it confirmed.
    pub(super) confirmed: Vec<bool>,
    /// The first decision that it did not confirm, and the reason.
    pub(super) failure: Option<(usize, Failure)>,
}

/// Sends a decision on each message, and waits for the server's answer to each. Ends when the server is silent for the connection's timeout, or
/// refuses one.
pub(super) async fn ask_each(
    connection: &Arc<Connection>,
    messages: &[&Given],
    word: impl Fn(&Given) -> String,
) -> Result<Answers> {
    let mut answers = Answers { confirmed: vec![false; messages.len()], failure: None };
    if let Some(inbox) = connection.reply_denied() {
        answers.failure = Some((0, Failure::ReplyDenied(inbox)));
        return Ok(answers);
    }
    let (client, inbox) = (&connection.client, connection.client.new_inbox());
    let mut forbidden = connection.forbidden();
    let mut replies = client
        .subscribe(format!("{inbox}.*"))
        .await
        .map_err(|error| Error::foreign("cannot subscribe for answers", &error).kind_or(Kind::Unreachable))?;
    let (mut sent, mut answered) = (0, 0);
    while answered < messages.len() {
        while let Some(message) = messages.get(sent).filter(|_| sent - answered < IN_FLIGHT) {
            let (subject, reply) = (message.ack_subject().to_string(), format!("{inbox}.{sent}"));
            let published = client.publish_with_reply(subject, reply, Bytes::from(word(message))).await;
            published.map_err(|error| Error::foreign("cannot send", &error).kind_or(Kind::Unreachable))?;
            sent += 1;
        }
        let failure = tokio::select! {
            biased;
            reply = replies.next() => {
                let Some(reply) = reply else { break };
                let index = reply.subject.rsplit('.').next().and_then(|token| token.parse::<usize>().ok());
                let Some(index) = index.filter(|index| *index < sent) else { continue };
                if reply.status.is_none_or(|status| status.as_u16() != 503) {
                    answered += usize::from(!std::mem::replace(&mut answers.confirmed[index], true));
                    continue;
                }
                (index, Failure::NoResponders)
            }
            text = forbidden.recv() => {
                let Ok(text) = text else { continue };
                let refused = |message: &Given| refusal(&text, &message.ack_subject().to_string());
                let mut waiting = messages.iter().take(sent).enumerate();
                let found = waiting.find_map(|(index, message)| Some((index, refused(message)?)));
                let Some(found) = found else { continue };
                found
            }
            () = tokio::time::sleep(connection.timeout) => break,
        };
        answers.failure = Some(failure);
        return Ok(answers);
    }
    let silent = answers.confirmed.iter().position(|confirmed| !confirmed);
    answers.failure = silent.map(|index| (index, Failure::TimedOut));
    Ok(answers)
}
