//! `nats_ping()`: whether the server answers, how fast, and what it is. One round trip.

use std::sync::Arc;

use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::{self, Connection};
use crate::value::Arguments;

pub struct NatsPing;

impl SmallTable for NatsPing {
    const NAME: &'static str = "nats_ping";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("server", Type::Varchar),
            ("version", Type::Varchar),
            ("url", Type::Varchar),
            ("rtt", Type::Interval),
            ("jetstream", Type::Boolean),
            ("api_level", Type::UBigInt),
            ("cluster", Type::Varchar),
            ("max_payload", Type::UBigInt),
        ])
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        let ping = jetstream::ping(connection)?;
        Ok(vec![vec![
            Cell::from(ping.server),
            Cell::from(ping.version),
            Cell::from(connection.label()),
            Cell::from(ping.rtt),
            Cell::from(ping.jetstream),
            Cell::from(ping.api_level),
            Cell::from(ping.cluster),
            Cell::from(ping.max_payload),
        ]])
    }
}
