//! A consumer that is behind its stream: the server that leads it lacks messages that the stream's leader has, or cannot read its own copy of the
//! last ones.
//!
//! A server that lost its copy of a stream can lead a consumer before it has the messages again (nats-server 2.15.1, 24 consumers made
//! at that time: 6 led by that server, for two seconds and more). It answers a pull with "No Messages", and counts no message as pending.

use std::time::{Duration, Instant};

use super::info::{Info, look_up};
use super::pending_acks::PendingAcks;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::failure::Failure;
use crate::jetstream::single::next_of_each;

/// The time between two looks at a consumer that is behind.
const PAUSE: Duration = Duration::from_millis(50);

impl PendingAcks {
    /// Waits until a drained consumer knows the messages of the stream up to a sequence, the end by the stream's leader. Whether it was
    /// behind, and has more to give now. No round trip where the consumer reached the end, one where it counts more as pending.
    ///
    /// # Errors
    /// [`Kind::Unavailable`] when it is still behind after the timeout.
    pub(super) async fn catches_up(&self, drained: &Info, end: u64) -> Result<bool> {
        let knows_more = |info: &Info, next: u64| info.num_pending > 0 || info.delivered.stream_seq >= next;
        if !drained.config.delivers_in_order() || knows_more(drained, end) {
            return Ok(false);
        }
        let (connection, stream, durable) = self.place();
        // A message that was stored meanwhile is one for the next call.
        match look_up(connection, stream, durable).await? {
            Some(info) if !knows_more(&info, end) => {}
            _ => return Ok(false),
        }
        let reached = drained.delivered.stream_seq;
        let next = self.first_matching(reached.saturating_add(1)).await?;
        let Some(next) = next.filter(|next| *next <= end) else { return Ok(false) };
        let until = Instant::now() + connection.timeout;
        while Instant::now() < until {
            tokio::time::sleep(PAUSE).await;
            if look_up(connection, stream, durable).await?.is_none_or(|info| knows_more(&info, next)) {
                return Ok(true);
            }
        }
        Err(Error::of(
            Kind::Unavailable,
            format!("the consumer '{durable}' says that nothing follows sequence {reached}, and message {next} exists"),
        )
        .advice(
            "the server that leads the consumer is behind the stream, or its copy is damaged: run it again when that server has \
             caught up, or let another one lead (nats consumer cluster step-down); FROM nats_verify(stream) finds damage",
        ))
    }

    /// The sequence of the first message from a sequence on that the consumer delivers, by the stream's leader; by any replica, where
    /// the user may not ask the leader. None when there is none, or the user may ask neither.
    async fn first_matching(&self, from: u64) -> Result<Option<u64>> {
        let (connection, stream, _) = self.place();
        let subjects = self.subjects();
        for access in [Access::MsgGet, Access::Direct] {
            let answers = next_of_each(connection, access, stream, &subjects, from).await?;
            let mut first: Option<u64> = None;
            let mut denied = false;
            for answer in answers {
                match answer {
                    Ok(record) => first = first.into_iter().chain(record.map(|record| record.sequence)).min(),
                    Err(Failure::Forbidden | Failure::NoResponders) => denied = true,
                    Err(failure) => return Err(connection.explain(failure, &access.call(stream), stream).await),
                }
            }
            if first.is_some() || !denied {
                return Ok(first);
            }
        }
        Ok(None)
    }
}
