//! The messages that a consumer with `max_deliver` gives up on: the server names each once, in an advisory, and never delivers it
//! again.
//!
//! The server notices when a message would have to be delivered once more, which is at the next pull of any process.
//! All processes that read this durable at that time receive the advisory.

use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_nats::Subscriber;
use futures_util::{FutureExt, StreamExt};
use serde::Deserialize;

use super::info::progress;
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::log;
use crate::stats;

/// The longest time for which the server's refusal of a subscription may be under way inside the client, after the server has answered a later
/// request.
const REFUSAL: Duration = Duration::from_millis(200);

/// A subscription to the advisories about messages on which a consumer gives up.
pub(super) struct Watch {
    /// The connection of the subscription.
    connection: Weak<Connection>,
    advisories: Subscriber,
    /// The messages of which advisories came, and which no statement has reported yet.
    unreported: BTreeSet<u64>,
    /// The messages that a statement has reported: a second advisory on one of them is dropped.
    reported: BTreeSet<u64>,
}

/// The advisory `io.nats.jetstream.advisory.v1.max_deliver`.
#[derive(Deserialize)]
struct Advisory {
    #[serde(default)]
    stream: String,
    #[serde(default)]
    consumer: String,
    stream_seq: u64,
}

impl Watch {
    /// Subscribes to the advisories, or goes on with an earlier listener of the same connection. The new listener takes over
    /// the messages of an earlier one; after an error they stay with that one. The first time takes one round trip and
    /// [`REFUSAL`].
    ///
    /// # Errors
    /// The user may not subscribe to the advisories, so that given up messages would stay unknown.
    pub(super) async fn start(
        connection: &Arc<Connection>,
        stream: &str,
        durable: &str,
        created: &str,
        earlier: &mut Option<Watch>,
    ) -> Result<Self> {
        let listening_by = Arc::downgrade(connection);
        if let Some(earlier) = earlier.take_if(|earlier| earlier.connection.ptr_eq(&listening_by)) {
            return Ok(earlier);
        }
        let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.{durable}");
        let mut words = connection.forbidden();
        let advisories = connection.client.subscribe(subject.clone()).await;
        let advisories = advisories.map_err(|error| Error::foreign("cannot subscribe to advisories", &error))?;
        // The server answers in order: when it refuses the subscription, it has sent the refusal before this answer.
        progress(connection, stream, durable, created).await?;
        let deadline = tokio::time::Instant::now() + REFUSAL;
        while let Ok(Ok(word)) = tokio::time::timeout_at(deadline, words.recv()).await {
            let word = word.to_lowercase();
            if word.contains("permissions violation for subscription") && word.contains(&subject.to_lowercase()) {
                return Err(Error::of(Kind::Denied, format!("no permission to subscribe to {subject}")).advice(
                    "grant the user that subject: it is how the server says which messages it gives up on; \
                     or use a consumer without max_deliver",
                ));
            }
        }
        let (unreported, reported) = match earlier.take() {
            None => Default::default(),
            Some(mut earlier) => {
                earlier.take_in();
                (earlier.unreported, earlier.reported)
            }
        };
        Ok(Self { connection: listening_by, advisories, unreported, reported })
    }

    /// Takes in the advisories that have come, without waiting. A message counts once, however many subscriptions received its advisory.
    fn take_in(&mut self) {
        while let Some(Some(message)) = tokio::task::unconstrained(self.advisories.next()).now_or_never() {
            if let Ok(Advisory { stream, consumer, stream_seq }) = serde_json::from_slice(&message.payload)
                && !self.reported.contains(&stream_seq)
                && self.unreported.insert(stream_seq)
            {
                stats::GIVEN_UP.add(1);
                log::warning(format!(
                    "stream '{stream}': the consumer '{consumer}' gives up message {stream_seq}, which it delivered max_deliver times"
                ));
            }
        }
    }

    /// The messages that were given up since this was last asked, without waiting.
    pub(super) fn take(&mut self) -> BTreeSet<u64> {
        self.take_in();
        let unreported = std::mem::take(&mut self.unreported);
        self.reported.extend(&unreported);
        unreported
    }

    /// Puts back messages that were taken and could not be reported: the next [`Watch::take`] has them again.
    pub(super) fn keep(&mut self, sequences: &BTreeSet<u64>) {
        self.reported.retain(|sequence| !sequences.contains(sequence));
        self.unreported.extend(sequences);
    }
}
