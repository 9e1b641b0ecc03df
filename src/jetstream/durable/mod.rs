//! Durable pull consumers: created when absent, read in pages, settled after the caller's commit.
//!
//! Source: <https://docs.nats.io/nats-concepts/jetstream/consumers> and ADR-13 (pull subscriptions).

mod config;
mod given_up;
mod ledger;
mod pull;
mod settle;

pub use config::DurableOptions;
pub use ledger::{Ledger, LedgerKey, pending, subject_filters, unsettled};
pub use pull::{Delivery, Pull, PullLimits};
pub use settle::{Returned, Settled, acknowledge, acknowledge_these, reject};
