//! Durable pull consumers: created when absent, read in pages, settled after the caller's commit.
//!
//! Source: <https://docs.nats.io/nats-concepts/jetstream/consumers> and ADR-13 (pull subscriptions).

mod config;
mod pull;
mod settle;

pub use config::{DurableOptions, ensure};
pub use pull::{Delivery, Pull, PullLimits};
pub use settle::{Ledger, LedgerKey, Settled, acknowledge, open_ledger, reject};
