//! Recovers a read that has no answer, is refused, or loses its connection: it asks again, asks in another way, or fails.

use std::sync::Arc;

use tokio::time::Instant;

use super::Driver;
use crate::error::{Error, Kind, Result};
use crate::jetstream::access::Access;
use crate::jetstream::failure::{Failure, refusal};
use crate::jetstream::pool;
use crate::jetstream::read_transport::{Lost, ReadTransport};

impl Driver<'_> {
    /// Handles a refusal of the server. Returns whether it concerned this read. A user who may not ask the leader can still read.
    pub(super) async fn take_refusals(&mut self, words: &[String]) -> Result<bool> {
        let mut ours = false;
        for words in words {
            if let Some(failure) = refusal(words, &self.subject()) {
                if failure == Failure::Forbidden && self.access == Access::Direct {
                    // A user who may not use Direct Get may perhaps ask the leader.
                    self.direct_is_denied = true;
                    self.use_msg_get().await?;
                    return Ok(true);
                }
                let access = if self.direct_is_denied { Access::Direct } else { self.access };
                return Err(self.failure(access, failure).await);
            }
            if let Some(error) = self.transport.refused(words) {
                return Err(error);
            }
            if refusal(words, &self.leader_subject()).is_some() {
                self.window.leader_is_denied();
                ours = true;
            }
        }
        Ok(ours)
    }

    /// The connection came back: the requests that were under way are lost. When it breaks at one message again and again, the message itself may be
    /// the cause: async-nats closes the connection on headers that are not UTF-8. `MSG.GET` has them in its body.
    pub(super) async fn ask_again(&mut self, lost: &Lost) -> Result<()> {
        let goes_on = match lost {
            Lost::All => self.window.forget_requests(),
            Lost::These(tokens) => self.window.forget_these(tokens),
        };
        if goes_on {
            return Ok(());
        }
        if self.access == Access::MsgGet {
            return Err(Error::of(Kind::Damaged, "the connection is lost whenever this message is read")
                .sequence(self.window.next_sequence())
                .advice("read around it with start_seq and end_seq"));
        }
        self.use_msg_get().await
    }

    /// Direct Get has no responder: the stream does not allow it, or does not exist; the answer to `MSG.GET` will show it.
    pub(super) async fn fall_back(&mut self, access: Access) -> Result<()> {
        if access == Access::MsgGet {
            return Err(self.failure(access, Failure::NoResponders).await);
        }
        self.use_msg_get().await
    }

    /// Direct Get has no responder, but the stream allows it: the server has just come up, or the stream has no leader. The request is sent again
    /// until the timeout is over.
    pub(super) fn nobody_answers(&mut self, token: u64) -> Result<()> {
        if self.unanswered_since.is_none() {
            self.warn(&format!("nobody answers {}; it is asked for again until the timeout is over", self.asked()));
        }
        let since = *self.unanswered_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= self.connection.timeout {
            return Err(Error::of(Kind::Unavailable, format!("the stream's servers do not answer {}", self.asked()))
                .advice("check that the stream has a leader and that its servers are up"));
        }
        self.window.postpone(token);
        Ok(())
    }

    /// The name of the requests, for an error.
    pub(super) fn asked(&self) -> &'static str {
        match self.access {
            Access::Direct => "Direct Get",
            Access::MsgGet => "MSG.GET",
            Access::Consumer => "requests for a consumer",
        }
    }

    /// Whether a responder for requests of this kind is known to exist, and only does not answer at the moment.
    pub(super) fn may_come_back(&self, access: Access) -> bool {
        match access {
            Access::Direct => self.request.state.direct == Some(true),
            Access::Consumer => true,
            Access::MsgGet => false,
        }
    }

    pub(super) async fn use_msg_get(&mut self) -> Result<()> {
        self.warn("Direct Get does not give the messages: the stream's leader is asked, and each costs a request");
        self.access = Access::MsgGet;
        self.window.restart_with_leader();
        let client = ReadTransport::client(self.connection).await?;
        std::mem::replace(&mut self.transport, client).remove().await;
        Ok(())
    }

    /// No reply within the timeout.
    pub(super) async fn silence(&self) -> Error {
        if self.transport.is_up() {
            self.failure(self.access, Failure::TimedOut).await
        } else {
            pool::discard(&Arc::downgrade(self.connection));
            Error::of(Kind::Unreachable, "the connection was lost while reading and did not come back in time")
                .advice("check the server, and run the statement again")
        }
    }
}
