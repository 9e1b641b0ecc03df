//! nats_js: NATS JetStream as relations in DuckDB.
//!
//! Data flows one way, and each stage is a room of this crate:
//!
//! ```text
//! bind    functions/  SQL arguments become options; no network, so PREPARE and DESCRIBE work offline
//! plan    plan/       options and the state of the stream become the range to read; pure
//! fetch   jetstream/  requests in flight, a window, and the check that nothing is missing
//! decode  codec/      payload bytes become typed columns; pure
//! emit    ffi/        columns become DuckDB vectors
//! ```
//!
//! The values that cross rooms are [`record::Record`], [`column::Column`], [`column::Buffer`], [`column::Chunk`] and
//! [`error::Error`].
//! `ffi` is the only room with `unsafe` and the only one that knows DuckDB; `jetstream` is the only one that knows
//! NATS and tokio; `functions` holds one file per SQL function. `tests/rooms/` keeps it so.

pub mod calendar;
pub mod codec;
pub mod column;
pub mod document;
mod entry;
pub mod error;
pub mod ffi;
mod functions;
pub mod interrupt;
pub mod jetstream;
pub mod log;
pub mod plan;
pub mod predicate;
pub mod reads;
pub mod record;
pub mod stats;
#[cfg(test)]
mod testing;
pub mod value;
