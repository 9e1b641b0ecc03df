//! The types that the transports of reads share: requests, replies, and other events of a wait.

use crate::jetstream::access::Access;
use crate::jetstream::failure::Failure;
use crate::jetstream::reply::{Answer, msg_get};
use crate::jetstream::wire::{Want, number};

/// The event that ended a wait.
pub(in crate::jetstream) enum TransportEvent {
    /// Replies, perhaps none of interest.
    Replies,
    /// A connection came back after a loss: what it had under way will not be answered.
    Reconnected(Lost),
    /// Besides, the server refused something, in these words.
    Refused(Vec<String>),
}

/// The requests that were under way on a connection that was lost.
pub(in crate::jetstream) enum Lost {
    /// All of the read's.
    All,
    /// Those with these tokens.
    These(Vec<u64>),
}

/// How replies are read.
#[derive(Debug, Clone, Copy)]
pub(in crate::jetstream) struct ReplyFormat {
    pub access: Access,
    /// Whether batches were asked for from a server that knows them.
    pub batch: bool,
    pub want: Want,
}

/// A request on its way out.
pub(in crate::jetstream) struct WireRequest {
    pub token: u64,
    /// Whether it goes to the stream's leader, as `MSG.GET`; that is so as well when [`ReplyFormat::access`] says so.
    pub leader: bool,
    pub subject: String,
    pub body: String,
}

impl WireRequest {
    /// The last token of the reply's subject.
    pub fn reply_token(&self) -> String {
        let leader = if self.leader { LEADER } else { "" };
        format!("{leader}{}", self.token)
    }
}

/// The prefix of the token in the reply subject of a request to the stream's leader.
const LEADER: &str = "leader-";

/// The token in a reply's subject, and how the request was made.
pub(in crate::jetstream) fn parse_reply_token(reply_token: &[u8], access: Access) -> Option<(u64, Access)> {
    match reply_token.strip_prefix(LEADER.as_bytes()) {
        Some(token) => Some((number(token)?, Access::MsgGet)),
        None => Some((number(reply_token)?, access)),
    }
}

/// A reply.
pub(in crate::jetstream) struct Replied {
    pub token: u64,
    /// How the request was made.
    pub access: Access,
    /// Its content, or the reason why it has none.
    pub answer: std::result::Result<Answer, Failure>,
}

/// Reads the body of a reply to `STREAM.MSG.GET`.
pub(in crate::jetstream) fn read_msg_get(body: &[u8], want: Want) -> std::result::Result<Answer, Failure> {
    msg_get(body, want.headers).map(Answer::Reply)
}
