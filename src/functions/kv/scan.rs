//! `nats_kv_scan(bucket [, keys :=] [, as_of :=])` and `nats_kv_history(bucket [, keys :=])`: the entries of a bucket.

use std::sync::Arc;

use super::entries::{entry_columns, entry_row};
use crate::column::Chunk;
use crate::error::{Error, Result};
use crate::ffi::{Bound, TableFunction};
use crate::functions::manage::subjects;
use crate::functions::rows::{Row, RowDecoder, RowPages};
use crate::functions::{connection, range};
use crate::jetstream::{ConnectOptions, Fetch, FetchRequest, LastPages, LastRequest, Route, Want, stream_state};
use crate::plan::kv::{Operation, bucket_stream, check_bucket, key_subject};
use crate::plan::{Region, RegionColumns};
use crate::predicate::Predicate;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

/// The newest entry of each key, now or as it was.
pub struct Scan;

#[derive(Clone)]
pub struct ScanPlan {
    connect: ConnectOptions,
    bucket: String,
    keys: Vec<String>,
    as_of: Option<i64>,
    up_to: Option<u64>,
    deleted: bool,
}

pub struct ScanReader {
    bucket: String,
    deleted: bool,
    pages: LastPages,
    rows: RowPages,
}

impl TableFunction for Scan {
    const NAME: &'static str = "nats_kv_scan";
    type Plan = ScanPlan;
    type Reader = ScanReader;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        let own = [
            Parameter::new("keys", ParameterType::Any),
            Parameter::new("as_of", ParameterType::Any),
            Parameter::new("up_to_revision", ParameterType::Any),
            Parameter::new("deleted", ParameterType::Boolean),
        ];
        [connection::PARAMETERS, &own].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<ScanPlan>> {
        let (bucket, keys) = bucket_and_keys(arguments)?;
        let (as_of, up_to) = (arguments.moment("as_of")?, arguments.unsigned("up_to_revision")?);
        if as_of.is_some() && up_to.is_some() {
            return Err(Error::new("as_of and up_to_revision cannot be used together").advice("give one of them"));
        }
        let plan = ScanPlan {
            connect: connection::read(arguments)?,
            bucket,
            keys,
            as_of,
            up_to,
            deleted: arguments.flag("deleted")?,
        };
        Ok(Bound { columns: entry_columns(), plan, estimated_rows: None })
    }

    fn open(plan: &ScanPlan, projection: &[usize]) -> Result<(ScanReader, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let stream = bucket_stream(&plan.bucket);
        let up_to = match plan.as_of {
            None => plan.up_to,
            Some(micros) => Some(range::last_sequence_at(&connection, &stream, micros)?),
        };
        let subjects = plan.keys.iter().map(|key| key_subject(&plan.bucket, key)).collect();
        // Headers say what is deleted, so they are always read.
        let request = LastRequest { stream, subjects, up_to, headers: true };
        let reader = ScanReader {
            bucket: plan.bucket.clone(),
            deleted: plan.deleted,
            pages: LastPages::new(connection, request),
            rows: RowPages::default(),
        };
        Ok((reader, RowDecoder::new(entry_columns(), projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &ScanPlan, conditions: &[Predicate]) -> Option<ScanPlan> {
        Some(ScanPlan { keys: narrower_keys(&plan.keys, conditions)?, ..plan.clone() })
    }

    fn read(reader: &mut ScanReader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.rows.next(capacity) {
                return Ok(Some(rows));
            }
            let Some(page) = reader.pages.next_page()? else { return Ok(None) };
            let shown = |record: &&Record| reader.deleted || Operation::of(&record.headers) == Operation::Put;
            reader.rows = rows(&reader.bucket, page.iter().filter(shown))?;
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

/// The filters of the keys that can fulfil the conditions, where those are fewer: keys are made of tokens, as subjects are.
fn narrower_keys(keys: &[String], conditions: &[Predicate]) -> Option<Vec<String>> {
    let key = entry_columns().iter().position(|column| column.name == "key");
    Region::of(conditions, RegionColumns { subject: key, ..RegionColumns::default() }).narrower_filters(keys)
}

/// Every entry that the bucket holds, deletions too, in the order of revisions.
pub struct History;

#[derive(Clone)]
pub struct HistoryPlan {
    connect: ConnectOptions,
    bucket: String,
    keys: Vec<String>,
}

pub struct HistoryReader {
    bucket: String,
    /// One read for each filter of keys, the next one last.
    left: Vec<FetchRequest>,
    connection: Arc<crate::jetstream::Connection>,
    fetch: Option<Fetch>,
    rows: RowPages,
}

impl TableFunction for History {
    const NAME: &'static str = "nats_kv_history";
    type Plan = HistoryPlan;
    type Reader = HistoryReader;
    type Decoder = RowDecoder;
    type Page = Vec<Row>;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("bucket", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, &[Parameter::new("keys", ParameterType::Any)]].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<HistoryPlan>> {
        let (bucket, keys) = bucket_and_keys(arguments)?;
        Ok(Bound {
            columns: entry_columns(),
            estimated_rows: None,
            plan: HistoryPlan { connect: connection::read(arguments)?, bucket, keys },
        })
    }

    fn open(plan: &HistoryPlan, projection: &[usize]) -> Result<(HistoryReader, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let stream = bucket_stream(&plan.bucket);
        let state = stream_state(&connection, &stream)?;
        let request = |key: &String| FetchRequest {
            stream: stream.clone(),
            range: state.range(),
            subjects: key_subject(&plan.bucket, key).into(),
            limit: None,
            state,
            want: Want { subject: true, time: true, headers: true, payload: true },
            route: Route::default(),
        };
        let left = if state.range().is_empty() { Vec::new() } else { plan.keys.iter().rev().map(request).collect() };
        let bucket = plan.bucket.clone();
        let reader = HistoryReader { bucket, left, connection, fetch: None, rows: RowPages::default() };
        Ok((reader, RowDecoder::new(entry_columns(), projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &HistoryPlan, conditions: &[Predicate]) -> Option<HistoryPlan> {
        Some(HistoryPlan { keys: narrower_keys(&plan.keys, conditions)?, ..plan.clone() })
    }

    fn read(reader: &mut HistoryReader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.rows.next(capacity) {
                return Ok(Some(rows));
            }
            match &mut reader.fetch {
                Some(fetch) => match fetch.next_page()? {
                    Some(page) => reader.rows = rows(&reader.bucket, page.iter())?,
                    None => reader.fetch = None,
                },
                None => {
                    let Some(request) = reader.left.pop() else { return Ok(None) };
                    reader.fetch = Some(Fetch::start(Arc::clone(&reader.connection), request)?);
                }
            }
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn bucket_and_keys(arguments: &Arguments) -> Result<(String, Vec<String>)> {
    let bucket = arguments.required_text("bucket")?;
    check_bucket(bucket)?;
    let keys = subjects(arguments, "keys")?.unwrap_or_else(|| vec![">".to_owned()]);
    Ok((bucket.to_owned(), keys))
}

fn rows<'a>(bucket: &str, records: impl Iterator<Item = &'a Record>) -> Result<RowPages> {
    records.map(|record| entry_row(bucket, record)).collect::<Result<Vec<Row>>>().map(RowPages::new)
}
