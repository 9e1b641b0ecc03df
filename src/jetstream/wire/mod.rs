//! A connection that speaks the few verbs that reading needs (INFO, CONNECT, SUB, PUB, PING, PONG, MSG, HMSG, -ERR) and
//! reads replies in place.
//!
//! A scan receives about a million replies a second, and the general client builds a map of headers for each. Here the
//! bytes that the socket delivered become records without a copy: subject and payload are slices of the read buffer.
//! Everything else goes through async-nats, and both are behind the same contract (`read_transport`).
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

mod delivery;
mod frame;
mod intake;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod property_tests;
mod reply;
mod reply_headers;
mod socket;
mod transport;
mod want;

pub(super) use delivery::{Delivered, DeliveryFrame};
pub(super) use frame::{number, some_digits};
pub(super) use reply::{Arrival, Frames, ReplyFrame};
pub(super) use socket::{RETRY_PAUSE, Received, Socket, SocketError};
pub use want::Want;
