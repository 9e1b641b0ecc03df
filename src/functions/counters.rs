//! `nats_counters(stream [, subject :=])`: the counters of a stream that has `allow_counter` (ADR-49), as numbers.

use serde::Deserialize;

use super::connection;
use super::manage::subjects;
use super::rows::{Cell, Row, RowDecoder, RowPages, columns};
use crate::column::{Chunk, Column, Type};
use crate::error::{Error, Kind, Result};
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, LastPages, LastRequest};
use crate::plan::check_stream;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

/// One row a counter, which is the newest message of a subject.
pub struct NatsCounters;

pub struct Plan {
    connect: ConnectOptions,
    stream: String,
    subjects: Vec<String>,
}

pub struct Reader {
    stream: String,
    pages: LastPages,
    rows: RowPages,
}

/// The payload of a counter's message.
#[derive(Deserialize)]
struct Total {
    val: String,
}

impl TableFunction for NatsCounters {
    const NAME: &'static str = "nats_counters";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("subject", ParameterType::TextOrList)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let stream = arguments.required_text("stream")?.to_owned();
        check_stream(&stream)?;
        let subjects = subjects(arguments, "subject")?.unwrap_or_else(|| vec![">".to_owned()]);
        let plan = Plan { connect: connection::read(arguments)?, stream, subjects };
        Ok(Bound { columns: shown(), plan, estimated_rows: None })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, RowDecoder)> {
        let Plan { connect, stream, subjects } = plan;
        let request = LastRequest { stream: stream.clone(), subjects: subjects.clone(), up_to: None, headers: false };
        let pages = LastPages::new(connection::open(connect)?, request);
        let reader = Reader { stream: stream.clone(), pages, rows: RowPages::default() };
        Ok((reader, RowDecoder::new(shown(), projection)))
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.rows.next(capacity) {
                return Ok(Some(rows));
            }
            let Some(page) = reader.pages.next_page()? else { return Ok(None) };
            let rows: Result<Vec<Row>> = page.iter().map(|record| row(&reader.stream, record)).collect();
            reader.rows = RowPages::new(rows?);
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn shown() -> Vec<Column> {
    columns([
        ("stream", Type::Varchar),
        ("subject", Type::Varchar),
        ("value", Type::HugeInt),
        ("seq", Type::UBigInt),
        ("ts_nats", Type::Timestamp),
    ])
}

fn row(stream: &str, record: &Record) -> Result<Row> {
    Ok(vec![
        Cell::from(stream),
        Cell::from(String::from_utf8_lossy(&record.subject).into_owned()),
        Cell::Huge(value(&record.payload).map_err(|error| error.stream(stream).sequence(record.sequence))?),
        Cell::from(record.sequence),
        Cell::Time(record.time_ns.div_euclid(1_000)),
    ])
}

/// The value in the payload of a counter's message: a whole number of any size, as text.
fn value(payload: &[u8]) -> Result<i128> {
    let total: Total = serde_json::from_slice(payload).map_err(|_| {
        Error::of(Kind::InvalidPayload, "the message is not that of a counter")
            .advice("a stream of counters is made with allow_counter := true; narrow it with subject := '...'")
    })?;
    total.val.parse().map_err(|_| match total.val.trim_start_matches(['-', '+']).bytes().all(|b| b.is_ascii_digit()) {
        true => Error::of(Kind::InvalidPayload, format!("the counter is {}, which HUGEINT does not hold", total.val))
            .advice("read it as text: columns := {'val': 'VARCHAR'} in FROM nats_last(stream, subject)"),
        false => Error::of(Kind::InvalidPayload, format!("the counter is '{}', which is no number", total.val)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_whole_numbers() {
        let cases = [(r#"{"val":"12"}"#, 12), (r#"{"val":"-3","x":1}"#, -3), (r#"{"val":"0"}"#, 0)];
        for (payload, expected) in cases {
            assert_eq!(value(payload.as_bytes()), Ok(expected), "{payload}");
        }
        let long = format!(r#"{{"val":"1{}"}}"#, "0".repeat(39));
        assert!(value(long.as_bytes()).unwrap_err().to_string().contains("HUGEINT does not hold"));
        for bad in ["", "{}", "12", r#"{"val":12}"#, r#"{"val":"1.5"}"#] {
            assert!(value(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
