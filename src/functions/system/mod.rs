//! What a user of the system account sees: servers, connections, accounts.

mod accounts;
mod connections;
mod servers;

pub use accounts::NatsAccounts;
pub use connections::NatsConnections;
pub use servers::NatsServers;

use std::time::Duration;

use super::rows::Cell;

/// The time from one moment to another, both in microseconds since 1970 UTC; NULL when one is not known, zero when it is negative.
fn between(from: Option<i64>, to: Option<i64>) -> Cell {
    let span = from.zip(to).map(|(from, to)| u64::try_from(to.saturating_sub(from)).unwrap_or(0));
    Cell::from(span.map(Duration::from_micros))
}
