//! `nats_servers()`: the servers of the cluster, with what each does.

use std::sync::Arc;

use super::super::rows::{Cell, Row, SmallTable, columns};
use super::between;
use crate::column::{Column, Type};
use crate::error::Result;
use crate::jetstream::Connection;
use crate::jetstream::system::{Answer, servers};
use crate::value::Arguments;

/// One row a server that answers, by name. What a server does not tell is NULL.
pub struct NatsServers;

impl SmallTable for NatsServers {
    const NAME: &'static str = "nats_servers";
    type Call = ();

    fn columns() -> Vec<Column> {
        columns([
            ("server", Type::Varchar),
            ("id", Type::Varchar),
            ("version", Type::Varchar),
            ("cluster", Type::Varchar),
            ("domain", Type::Varchar),
            ("host", Type::Varchar),
            ("port", Type::UBigInt),
            ("started", Type::Timestamp),
            ("uptime", Type::Interval),
            ("cores", Type::UBigInt),
            ("cpu", Type::Double),
            ("mem", Type::UBigInt),
            ("connections", Type::UBigInt),
            ("total_connections", Type::UBigInt),
            ("max_connections", Type::UBigInt),
            ("subscriptions", Type::UBigInt),
            ("routes", Type::UBigInt),
            ("leafnodes", Type::UBigInt),
            ("slow_consumers", Type::UBigInt),
            ("in_msgs", Type::UBigInt),
            ("in_bytes", Type::UBigInt),
            ("out_msgs", Type::UBigInt),
            ("out_bytes", Type::UBigInt),
            ("max_payload", Type::UBigInt),
            ("jetstream", Type::Boolean),
            ("js_memory", Type::UBigInt),
            ("js_max_memory", Type::UBigInt),
            ("js_storage", Type::UBigInt),
            ("js_max_storage", Type::UBigInt),
            ("js_api_requests", Type::UBigInt),
            ("js_api_errors", Type::UBigInt),
            ("meta_leader", Type::Varchar),
            ("info", Type::Json),
        ])
    }

    fn read(_arguments: &Arguments) -> Result<()> {
        Ok(())
    }

    fn rows(connection: &Arc<Connection>, _call: &()) -> Result<Vec<Row>> {
        Ok(servers(connection)?.iter().map(row).collect())
    }
}

fn row(answer: &Answer) -> Row {
    let Answer { server, data } = answer;
    let jetstream = data.object("jetstream");
    let (config, stats) = (jetstream.object("config"), jetstream.object("stats"));
    let api = stats.object("api");
    let cpu = data.0.get("cpu").and_then(serde_json::Value::as_f64);
    vec![
        Cell::from(server.text("name")),
        Cell::from(server.text("id")),
        Cell::from(server.text("ver")),
        Cell::from(server.text("cluster")),
        Cell::from(server.text("domain")),
        Cell::from(data.text("host")),
        Cell::from(data.number("port")),
        Cell::time(data.time("start")),
        between(data.time("start"), data.time("now")),
        Cell::from(data.number("cores")),
        cpu.map_or(Cell::Null, Cell::Float),
        Cell::from(data.number("mem")),
        Cell::from(data.number("connections")),
        Cell::from(data.number("total_connections")),
        Cell::from(data.limit("max_connections")),
        Cell::from(data.number("subscriptions")),
        Cell::from(data.number("routes")),
        Cell::from(data.number("leafnodes")),
        Cell::from(data.number("slow_consumers")),
        Cell::from(data.number("in_msgs")),
        Cell::from(data.number("in_bytes")),
        Cell::from(data.number("out_msgs")),
        Cell::from(data.number("out_bytes")),
        Cell::from(data.number("max_payload")),
        Cell::from(server.flag("jetstream")),
        Cell::from(stats.number("memory")),
        Cell::from(config.limit("max_memory")),
        Cell::from(stats.number("storage")),
        Cell::from(config.limit("max_storage")),
        Cell::from(api.number("total")),
        Cell::from(api.number("errors")),
        Cell::from(jetstream.object("meta").text("leader")),
        Cell::from(data.json()),
    ]
}
