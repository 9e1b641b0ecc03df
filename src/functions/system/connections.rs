//! `nats_connections()`: who is connected to which server.

use std::sync::Arc;

use super::super::rows::{Cell, Row, SmallTable, columns};
use super::between;
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::system::{Answer, connections, go_duration};
use crate::value::Arguments;

/// One row a connection, by server and number. What the client or the server does not tell is NULL.
pub struct NatsConnections;

impl SmallTable for NatsConnections {
    const NAME: &'static str = "nats_connections";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("server", Type::Varchar),
            ("cid", Type::UBigInt),
            ("kind", Type::Varchar),
            ("type", Type::Varchar),
            ("account", Type::Varchar),
            ("user", Type::Varchar),
            ("name", Type::Varchar),
            ("lang", Type::Varchar),
            ("version", Type::Varchar),
            ("ip", Type::Varchar),
            ("port", Type::UBigInt),
            ("started", Type::Timestamp),
            ("last_activity", Type::Timestamp),
            ("idle", Type::Interval),
            ("rtt", Type::Interval),
            ("subscriptions", Type::UBigInt),
            ("pending_bytes", Type::UBigInt),
            ("in_msgs", Type::UBigInt),
            ("in_bytes", Type::UBigInt),
            ("out_msgs", Type::UBigInt),
            ("out_bytes", Type::UBigInt),
            ("tls_version", Type::Varchar),
        ])
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        Ok(connections(connection)?.iter().map(row).collect())
    }
}

fn row(answer: &Answer) -> Row {
    let Answer { server, data } = answer;
    vec![
        Cell::from(server.text("name")),
        Cell::from(data.number("cid")),
        Cell::from(data.text("kind")),
        Cell::from(data.text("type")),
        Cell::from(data.text("account")),
        Cell::from(data.text("authorized_user")),
        Cell::from(data.text("name")),
        Cell::from(data.text("lang")),
        Cell::from(data.text("version")),
        Cell::from(data.text("ip")),
        Cell::from(data.number("port")),
        Cell::time(data.time("start")),
        Cell::time(data.time("last_activity")),
        between(data.time("last_activity"), server.time("time")),
        Cell::from(data.text("rtt").and_then(|text| go_duration(&text))),
        Cell::from(data.number("subscriptions")),
        Cell::from(data.number("pending_bytes")),
        Cell::from(data.number("in_msgs")),
        Cell::from(data.number("in_bytes")),
        Cell::from(data.number("out_msgs")),
        Cell::from(data.number("out_bytes")),
        Cell::from(data.text("tls_version")),
    ]
}
