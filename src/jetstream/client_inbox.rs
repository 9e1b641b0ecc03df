//! Answers through the shared client of async-nats: an inbox for one task, and the events of the connection meanwhile.

use std::fmt::Display;
use std::sync::Arc;

use async_nats::{Message, Subscriber};
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{broadcast, watch};

use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;

/// The events while answers are awaited.
pub enum Arrived {
    Answer(Message),
    /// The connection was lost and is back: answers to earlier messages may never come.
    Reconnected,
    /// The server refused something, with this text; None where there were more refusals than are kept.
    Refused(Option<String>),
    Closed,
}

pub struct ClientInbox {
    subject: String,
    answers: Subscriber,
    epochs: watch::Receiver<u64>,
    forbidden: broadcast::Receiver<String>,
}

impl ClientInbox {
    /// `what` names the answers in the error.
    ///
    /// # Errors
    /// The connection does not take a subscription.
    pub async fn open(connection: &Arc<Connection>, what: &str) -> Result<Self> {
        let subject = connection.client.new_inbox();
        let forbidden = connection.forbidden();
        let mut epochs = connection.epochs();
        epochs.mark_unchanged();
        let answers = connection.client.subscribe(format!("{subject}.*")).await.map_err(|error| {
            Error::foreign(&format!("cannot subscribe for {what}"), &error).kind_or(Kind::Unreachable)
        })?;
        Ok(Self { subject, answers, epochs, forbidden })
    }

    /// The reply subject of a message; [`token`] reads its token.
    pub fn reply_to(&self, token: impl Display) -> String {
        format!("{}.{token}", self.subject)
    }

    /// Waits until something arrives. May be cancelled while it waits.
    pub async fn receive(&mut self) -> Arrived {
        tokio::select! {
            biased;
            answer = self.answers.next() => answer.map_or(Arrived::Closed, Arrived::Answer),
            changed = self.epochs.changed() => match changed {
                Ok(()) => Arrived::Reconnected,
                Err(_) => Arrived::Closed,
            },
            words = self.forbidden.recv() => Arrived::Refused(words.ok()),
        }
    }

    /// An answer that has already arrived.
    pub fn at_hand(&mut self) -> Option<Message> {
        // Unconstrained: the task yields elsewhere, not between answers that have already arrived.
        tokio::task::unconstrained(self.answers.next()).now_or_never().flatten()
    }
}

/// The end of the subject of an answer.
pub fn token(answer: &Message) -> Option<&str> {
    answer.subject.rsplit('.').next()
}

/// Whether an answer reports that the subject has no responder.
pub fn is_no_responders(answer: &Message) -> bool {
    answer.status.is_some_and(|status| status.as_u16() == 503)
}
