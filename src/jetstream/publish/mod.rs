//! Publishing to JetStream: every message gets its acknowledgement, or the call is an error.

mod ack;
mod atomic;
mod driver;
mod message;

pub use ack::Published;
pub use atomic::{MAX_BATCH, PublishedBatch, publish_atomic};
pub use driver::{publish, publish_each};
pub use message::PublishRequest;
