//! Lists, makes, changes and removes streams and consumers.
//!
//! Configurations stay the server's JSON: a field that this crate does not know passes through an update unchanged. Source of the calls:
//! <https://docs.nats.io/reference/reference-protocols/nats_api_reference>.

mod config;
mod consumer;
mod control;
mod page;
mod stream;
mod subjects;

pub use config::{Config, Ensured};
pub use consumer::{ConsumerInfo, Delivered, consumers, delete_consumer, ensure_consumer};
pub use control::{PauseUntil, pause_consumer, reset_consumer, unpin_consumer};
pub use stream::{
    StreamInfo, delete_message, delete_stream, ensure_stream, purge_stream, stream_info, stream_names, streams,
};
pub use subjects::SubjectPages;
