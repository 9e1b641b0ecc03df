//! Durable pull consumers: created when absent, read in pages, settled after the caller's commit.
//!
//! Source: <https://docs.nats.io/nats-concepts/jetstream/consumers> and ADR-13 (pull subscriptions).

mod acks;
mod behind;
mod config;
mod delivery;
mod given_up;
mod info;
mod left_out;
mod open_pulls;
mod passed_over;
mod pending_acks;
mod pull;
mod pull_transport;
mod sequences;
mod settle;
mod words;

pub use config::{DurableOptions, DurableStart};
pub use delivery::Delivery;
pub use info::{PullConditions, Standing, standing};
pub use pending_acks::{DurableKey, PendingAcks, pending, subject_filters, unsettled};
pub use pull::{Pull, PullLimits};
pub use sequences::{acknowledge_these, extend_these, return_these, terminate_these};
pub use settle::{Returned, Settled, acknowledge, reject};
