//! The bytes that the socket brought and that are not read yet: whole frames are taken out, in whatever parts the bytes come.

use bytes::BytesMut;

use super::frame::{self, Frame, FrameError, Message};
use super::reply::{Frames, Place, SubscriptionKind};
use crate::error::{Error, Kind, Result};

/// The bytes that are read at once.
const READ_SIZE: usize = 256 * 1024;
/// With less room than this in the buffer, another is taken: payloads keep the buffers alive from which they were read.
const LEAST_ROOM: usize = READ_SIZE / 4;
/// The most bytes for which room is made at once, on the word of the server that a message is so large; for more only as much
/// again as has come of it.
const MOST_AT_ONCE: usize = 8 * 1024 * 1024;

/// The number of the subscription to replies, as the server writes it.
const REPLIES: &[u8] = b"1";

/// Bytes that came in, from the beginning of a frame on.
#[derive(Debug, Default)]
pub(super) struct Intake {
    /// The bytes; whoever reads the socket appends to them.
    pub bytes: BytesMut,
    /// The bytes that the frame that has begun to come in needs, as far as is known.
    needed: usize,
}

/// The frames beside messages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Taken {
    /// The number of the server's PINGs.
    pub pings: usize,
    /// The number of its answers to ours.
    pub pongs: u64,
    /// The texts of the server's refusals.
    pub refused: Vec<String>,
}

impl Intake {
    /// Makes room for what comes next.
    pub fn make_room(&mut self) {
        let length = self.bytes.len();
        if self.bytes.capacity() - length < LEAST_ROOM {
            let missing = self.needed.saturating_sub(length).min(MOST_AT_ONCE.max(length));
            self.bytes.reserve(READ_SIZE.max(missing + LEAST_ROOM));
        }
    }

    /// Hands on every whole message, and leaves the frame that has only begun. Replies whose subjects do not begin with
    /// `prefix` belong to an earlier read and are dropped.
    ///
    /// # Errors
    /// `Kind::Protocol` when the bytes are not those of the NATS protocol.
    pub fn take(&mut self, prefix: &str, out: &mut Frames) -> Result<Taken> {
        let mut taken = Taken::default();
        let mut consumed = 0;
        self.needed = loop {
            if let Some(reply) = frame::parse_reply(&self.bytes, consumed, prefix.as_bytes(), REPLIES) {
                let source = SubscriptionKind::Reply { reply_token: reply.token };
                out.push(Place { source, headers: reply.headers, payload: reply.payload });
                consumed = reply.end;
                continue;
            }
            if let Some((message, end)) = frame::parse_delivery(&self.bytes, consumed) {
                if let Some(place) = place(&self.bytes, prefix, message) {
                    out.push(place);
                }
                consumed = end;
                continue;
            }
            match frame::parse(&self.bytes, consumed) {
                Ok((frame, end)) => {
                    match frame {
                        Frame::Message(message) => {
                            if let Some(place) = place(&self.bytes, prefix, message) {
                                out.push(place);
                            }
                        }
                        Frame::Ping => taken.pings += 1,
                        Frame::Error(words) => taken.refused.push(String::from_utf8_lossy(words).into_owned()),
                        Frame::Pong => taken.pongs += 1,
                        Frame::Info(_) | Frame::Ok => {}
                    }
                    consumed = end;
                }
                Err(FrameError::Incomplete(needed)) => break needed - consumed,
                Err(FrameError::Malformed) => {
                    return Err(Error::of(Kind::Protocol, "the server does not speak the NATS protocol"));
                }
            }
        };
        out.freeze(self.bytes.split_to(consumed).freeze());
        Ok(taken)
    }
}

/// Where a message lies; None when it belongs to an earlier read.
fn place(buffer: &[u8], prefix: &str, message: Message<'_>) -> Option<Place> {
    // Parts of a frame's first line lie in the buffer.
    let range = |part: &[u8]| {
        let start = (part.as_ptr() as usize).saturating_sub(buffer.as_ptr() as usize);
        start..start + part.len()
    };
    let source = if message.subscription == REPLIES {
        SubscriptionKind::Reply { reply_token: range(message.subject.strip_prefix(prefix.as_bytes())?) }
    } else {
        let reply = if message.reply.is_empty() { 0..0 } else { range(message.reply) };
        let subscription = frame::number(message.subscription)?;
        SubscriptionKind::Delivery { subscription, subject: range(message.subject), reply }
    };
    Some(Place { source, headers: message.headers, payload: message.payload })
}
