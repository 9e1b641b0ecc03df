//! Publishing to JetStream: every message gets its acknowledgement, or the call is an error.

mod ack;
mod atomic;
mod calls;
mod driver;
mod fast;
mod in_flight;
mod message;
mod publisher;
mod target;
mod transport;

pub use ack::Published;
pub use atomic::{MAX_BATCH, PublishedBatch, publish_atomic};
pub use calls::{publish, publish_each, try_publish};
pub use fast::FastPublisher;
pub(in crate::jetstream) use message::Checked;
pub use message::{EXPECTED_STREAM, PublishRequest};
pub use publisher::Publisher;
