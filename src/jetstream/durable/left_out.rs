//! The messages that a consumer passed over. The server leaves out messages that it cannot read and sends no status about them;
//! a consumer that another client moved forward leaves out others.
//!
//! Deliveries are numbered, so that a gap in the sequences of a durable without a filter shows ([`crate::plan::DeliveryOrder`]). The stream's state
//! lists the deleted sequences of the gap; any other sequence is an error, once, because the consumer goes on behind it.

use std::sync::Arc;

use bytes::Bytes;

use super::delivery::Delivery;
use super::info::{Info, info_call, look_up};
use super::pending_acks::PendingAcks;
use super::pull::Pull;
use crate::error::{Error, Kind, Result};
use crate::jetstream::connection::Connection;
use crate::jetstream::inspect::{Gaps, check_continuity, inspect};
use crate::jetstream::runtime::{block_on, block_on_read};
use crate::jetstream::state::state_or_error;
use crate::jetstream::wire::Want;
use crate::plan::{SequenceRange, StreamState};

/// The most sequences behind the last message of a drained consumer that are checked. A longer rest consists of holes.
const REST: u64 = 4_096;

impl PendingAcks {
    /// Checks that the consumer passed over no existing message before each of these deliveries. No round trip unless it
    /// passed over something; two then.
    ///
    /// # Errors
    /// [`Kind::Damaged`] for a message that the stream counts and the consumer left out.
    pub fn check_passed_over(&self, deliveries: &[Delivery]) -> Result<()> {
        let gaps: Vec<SequenceRange> = self.passed_over(|passed| {
            let gaps = deliveries.iter().filter_map(|Delivery { record, delivered, place }| {
                passed.order.take(place.consumer_sequence, record.sequence, *delivered == 1)
            });
            gaps.filter(|gap| !passed.absent.covers(*gap)).collect()
        });
        if gaps.is_empty() || self.is_filtered() {
            return Ok(());
        }
        let (connection, stream, durable) = self.place();
        let looked = block_on(async {
            if gaps.iter().any(|gap| gap.first == 1) && !starts_at_the_first(connection, stream, durable).await {
                return Ok(None);
            }
            let state = state_or_error(connection, stream).await?;
            Ok(Some(inspect(connection, stream, &state, Gaps::Runs(&gaps), Want::default()).await?))
        })
        .map_err(|error: Error| error.stream(stream).server(connection.label()))?;
        let Some(looked) = looked else { return Ok(()) };
        if let Some(record) = looked.found.first() {
            let left_out = match looked.found.len() {
                1 => "a message that exists".to_owned(),
                count => format!("{count} messages that exist"),
            };
            return Err(Error::of(Kind::Damaged, format!("the consumer '{durable}' left out {left_out}"))
                .stream(stream)
                .server(connection.label())
                .sequence(record.sequence)
                .advice("read them with nats_get or nats_scan; the consumer was set to another place, or a replica is damaged"));
        }
        self.passed_over(|passed| passed.absent = looked.absent);
        Ok(())
    }

    /// Checks, when a statement ends, that the consumer and the stream are those with which it began. When the consumer has no more messages, it also
    /// checks that its server is not behind the stream's leader, and that no unreadable message is behind its last one. Whether the consumer has more
    /// after all. One round trip, one more where the stream has grown, and two more where there is something behind.
    ///
    /// A consumer that gave no message and counts some as pending is asked once more. nats-server 2.12.8 answers "No Messages" to the pull during which it finds a damaged block and cuts it.
    ///
    /// # Errors
    /// [`Kind::Replaced`] when the consumer or the stream was deleted, or made anew, and when the stream ends before it did;
    /// [`Kind::Unavailable`] when the consumer's server is behind; [`Kind::Damaged`] as above.
    pub fn check_end(&self, pull: &Pull) -> Result<bool> {
        let drained = pull.is_drained();
        let (connection, stream, _) = self.place();
        block_on_read(async {
            let (info, state) = self.consumer_and_stream(drained || self.began.is_some()).await?;
            if let (Some(began), Some(state)) = (&self.began, &state) {
                check_continuity(connection, stream, began, state).await?;
            }
            if !drained {
                return Ok(false);
            }
            if pull.is_empty_handed() && info.num_pending > 0 {
                return Ok(true);
            }
            let Some(state) = state else { return Ok(false) };
            if self.catches_up(&info, state.last).await? {
                return Ok(true);
            }
            if !self.is_filtered() {
                self.check_rest(&info, &state).await?;
            }
            Ok(false)
        })
        .map_err(|error: Error| error.stream(stream).server(connection.label()))
    }

    /// The consumer, which is the one with which the statement began, and the state of the stream, where it is wanted. One round trip.
    async fn consumer_and_stream(&self, with_stream: bool) -> Result<(Info, Option<StreamState>)> {
        let (connection, stream, durable) = self.place();
        let state = async {
            match with_stream {
                true => state_or_error(connection, stream).await.map(Some),
                false => Ok(None),
            }
        };
        let (info, state) = tokio::join!(look_up(connection, stream, durable), state);
        let Some(info) = info?.filter(|info| self.created().is_none_or(|created| created == info.created)) else {
            self.forget_consumer();
            return Err(Error::of(
                Kind::Replaced,
                format!("the consumer '{durable}' was deleted, or deleted and made anew, while it was read"),
            )
            .advice("run it again: a consumer that is new delivers all messages of the stream once more"));
        };
        match state {
            // Who reads by a filter needs no right beside those of the consumer, which is believed then.
            Err(error) if error.kind() == Kind::Denied && self.is_filtered() => Ok((info, None)),
            state => Ok((info, state?)),
        }
    }

    /// Checks that no unreadable message is behind the last one that a drained consumer without a filter gave.
    async fn check_rest(&self, info: &Info, state: &StreamState) -> Result<()> {
        let (connection, stream, _) = self.place();
        let rest = self.passed_over(|passed| passed.order.rest(info.delivered.consumer_seq, state.last));
        let Some(rest) = rest.filter(|rest| rest.last - rest.first < REST) else { return Ok(()) };
        // Messages that are found were stored meanwhile, or the consumer holds them back: the next call gives them.
        let looked = inspect(connection, stream, state, Gaps::Runs(&[rest]), Want::default()).await;
        if looked.as_ref().is_err_and(|error| error.kind() == Kind::Damaged) {
            // The error is given once, as for messages that are passed over between two others.
            self.passed_over(|passed| passed.order.pass(rest.last));
        }
        looked.map(|_| ())
    }
}

/// Whether the consumer began with the first message of its stream.
async fn starts_at_the_first(connection: &Arc<Connection>, stream: &str, durable: &str) -> bool {
    let info = connection.api::<Info>(&info_call(stream, durable), Bytes::new()).await;
    info.is_ok_and(|info| info.config.deliver_policy == "all")
}
