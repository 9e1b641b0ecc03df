//! `nats_ping()`: whether the server answers, how fast, and what it is. Two round trips.

use super::connection;
use crate::column::{Buffer, Column, Interval, Type, Values};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::{self, ConnectOptions, Ping};
use crate::value::{Arguments, Parameter};

pub struct NatsPing;

impl TableFunction for NatsPing {
    const NAME: &'static str = "nats_ping";
    type Plan = ConnectOptions;
    type Run = Option<(String, Ping)>;

    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn named() -> Vec<Parameter> {
        connection::PARAMETERS.to_vec()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<ConnectOptions>> {
        let columns = vec![
            Column::new("server", Type::Varchar),
            Column::new("version", Type::Varchar),
            Column::new("url", Type::Varchar),
            Column::new("rtt", Type::Interval),
            Column::new("jetstream", Type::Boolean),
            Column::new("api_level", Type::UBigInt),
            Column::new("cluster", Type::Varchar),
            Column::new("max_payload", Type::UBigInt),
        ];
        Ok(Bound { columns, plan: connection::read(arguments)? })
    }

    fn open(options: &ConnectOptions, _projection: &[usize]) -> Result<Self::Run> {
        let connection = connection::open(options)?;
        let ping = jetstream::ping(&connection)?;
        Ok(Some((connection.label().to_owned(), ping)))
    }

    fn next(run: &mut Self::Run, chunk: &mut Chunk<'_>) -> Result<()> {
        let Some((url, ping)) = run.take() else {
            chunk.set_len(0);
            return Ok(());
        };
        chunk.fill(|column, vector| {
            let value = match column {
                0 => text(Some(&ping.server)),
                1 => text(Some(&ping.version)),
                2 => text(Some(&url)),
                3 => interval(ping.rtt),
                4 => Buffer { valid: vec![true], values: Values::Bool(vec![ping.jetstream]) },
                5 => number(ping.api_level),
                6 => text(ping.cluster.as_deref()),
                _ => number(Some(ping.max_payload)),
            };
            vector.write_buffer(&value, 0..1);
            Ok(())
        })?;
        chunk.set_len(1);
        Ok(())
    }
}

fn text(value: Option<&str>) -> Buffer {
    let mut buffer = Buffer::new(&Type::Varchar);
    match value {
        Some(value) => buffer.push_bytes(value.as_bytes()),
        None => buffer.push_null(),
    }
    buffer
}

fn number(value: Option<u64>) -> Buffer {
    Buffer { valid: vec![value.is_some()], values: Values::U64(vec![value.unwrap_or_default()]) }
}

fn interval(time: std::time::Duration) -> Buffer {
    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    Buffer { valid: vec![true], values: Values::Interval(vec![Interval { months: 0, days: 0, micros }]) }
}
