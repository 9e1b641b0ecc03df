//! `nats_accounts()`: the accounts of the servers, with what each uses.

use std::sync::Arc;

use super::super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::system::{Account, JetStreamUse, accounts};
use crate::value::Arguments;

/// One row an account, by name; counts are sums over the servers.
pub struct NatsAccounts;

impl SmallTable for NatsAccounts {
    const NAME: &'static str = "nats_accounts";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("account", Type::Varchar),
            ("connections", Type::UBigInt),
            ("total_connections", Type::UBigInt),
            ("leafnodes", Type::UBigInt),
            ("subscriptions", Type::UBigInt),
            ("slow_consumers", Type::UBigInt),
            ("in_msgs", Type::UBigInt),
            ("in_bytes", Type::UBigInt),
            ("out_msgs", Type::UBigInt),
            ("out_bytes", Type::UBigInt),
            ("jetstream", Type::Boolean),
            ("memory", Type::UBigInt),
            ("max_memory", Type::UBigInt),
            ("storage", Type::UBigInt),
            ("max_storage", Type::UBigInt),
            ("streams", Type::UBigInt),
            ("consumers", Type::UBigInt),
            ("api_requests", Type::UBigInt),
            ("api_errors", Type::UBigInt),
        ])
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        Ok(accounts(connection)?.iter().map(row).collect())
    }
}

fn row(account: &Account) -> Row {
    let jetstream = account.jetstream.as_ref();
    let used = |count: fn(&JetStreamUse) -> u64| Cell::from(jetstream.map(count));
    vec![
        Cell::from(&account.name[..]),
        Cell::from(account.count("conns")),
        Cell::from(account.count("total_conns")),
        Cell::from(account.count("leafnodes")),
        Cell::from(account.count("num_subscriptions")),
        Cell::from(account.count("slow_consumers")),
        Cell::from(account.count("received.msgs")),
        Cell::from(account.count("received.bytes")),
        Cell::from(account.count("sent.msgs")),
        Cell::from(account.count("sent.bytes")),
        Cell::from(jetstream.is_some()),
        used(JetStreamUse::memory),
        Cell::from(jetstream.and_then(|jetstream| jetstream.max_memory)),
        used(JetStreamUse::storage),
        Cell::from(jetstream.and_then(|jetstream| jetstream.max_storage)),
        used(JetStreamUse::streams),
        used(JetStreamUse::consumers),
        used(|jetstream| jetstream.api_requests),
        used(|jetstream| jetstream.api_errors),
    ]
}
