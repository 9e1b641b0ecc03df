//! `nats_kv_scan(bucket [, keys :=] [, as_of :=])` and `nats_kv_history(bucket [, keys :=] [, after_revision :=] [, up_to_revision :=]
//! [, max_wait :=])`: the entries of a bucket, and its changes.

use std::sync::Arc;
use std::time::Duration;

use super::entries::{entry_columns, entry_row};
use crate::column::Chunk;
use crate::error::{Error, Result};
use crate::ffi::{Bound, TableFunction};
use crate::functions::manage::subjects;
use crate::functions::rows::{Row, RowDecoder, RowPages};
use crate::functions::{connection, range, store};
use crate::jetstream::{
    ConnectOptions, Connection, Fetch, FetchRequest, LastPages, LastRequest, Route, Want, stream_state,
    wait_for_message,
};
use crate::plan::kv::{Operation, bucket_stream, is_entry, key_subject};
use crate::plan::{Region, RegionColumns, Subjects};
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
    keys: Subjects,
    after: Option<u64>,
    up_to: Option<u64>,
    /// The longest wait for an entry behind `after`.
    max_wait: Duration,
    /// Whether conditions of the query narrowed the keys.
    narrowed: bool,
}

pub struct HistoryReader {
    plan: HistoryPlan,
    connection: Arc<Connection>,
    fetch: Option<Fetch>,
    started: bool,
    rows: RowPages,
}

impl HistoryReader {
    /// Starts the read; with `max_wait`, once there is an entry.
    ///
    /// The history of all keys is a read of the whole stream, of which [`rows`] takes the entries: servers before 2.12 do not say how many messages
    /// match a filter, so a filter would hide those that are damaged.
    fn start(&mut self) -> Result<()> {
        let HistoryPlan { bucket, keys, after, up_to, max_wait, narrowed, .. } = &self.plan;
        let stream = bucket_stream(bucket);
        let entries: Vec<String> = match keys.filters() {
            [] => vec![key_subject(bucket, ">")],
            keys => keys.iter().map(|key| key_subject(bucket, key)).collect(),
        };
        let entries = Subjects::new(&entries)?;
        let first = after.map_or(1, |after| after.saturating_add(1));
        let came = max_wait.is_zero() || wait_for_message(&self.connection, &stream, &entries, first, *max_wait)?;
        let subjects = if keys.is_all() { Subjects::ALL } else { entries };
        // The wait sees no damaged entry, the read of the whole stream does.
        if !came && !subjects.is_all() {
            return Ok(());
        }
        let state = stream_state(&self.connection, &stream)?;
        let range = state.clamp(Some(first), *up_to);
        if !range.is_empty() {
            let want = Want { subject: true, time: true, headers: true, payload: true };
            let request = FetchRequest {
                stream,
                range,
                subjects,
                limit: None,
                state,
                want,
                route: Route::default(),
                narrowed: *narrowed,
            };
            self.fetch = Some(Fetch::start(Arc::clone(&self.connection), request)?);
        }
        Ok(())
    }
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
        let own = [
            Parameter::new("keys", ParameterType::Any),
            Parameter::new("after_revision", ParameterType::Unsigned),
            Parameter::new("up_to_revision", ParameterType::Unsigned),
            Parameter::new("max_wait", ParameterType::Interval),
        ];
        [connection::PARAMETERS, &own].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<HistoryPlan>> {
        let (bucket, keys) = bucket_and_keys(arguments)?;
        let after = arguments.unsigned("after_revision")?;
        if arguments.find("max_wait").is_some() && after.is_none() {
            return Err(Error::new("max_wait needs after_revision")
                .advice("it waits for what comes behind that revision; 0 is before the first"));
        }
        let plan = HistoryPlan {
            connect: connection::read(arguments)?,
            bucket,
            keys: Subjects::new(&keys)?,
            after,
            up_to: arguments.unsigned("up_to_revision")?,
            max_wait: arguments.duration("max_wait")?.unwrap_or_default(),
            narrowed: false,
        };
        Ok(Bound { columns: entry_columns(), estimated_rows: None, plan })
    }

    fn open(plan: &HistoryPlan, projection: &[usize]) -> Result<(HistoryReader, RowDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let rows = RowPages::default();
        let reader = HistoryReader { plan: plan.clone(), connection, fetch: None, started: false, rows };
        Ok((reader, RowDecoder::new(entry_columns(), projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &HistoryPlan, conditions: &[Predicate]) -> Option<HistoryPlan> {
        let every = [">".to_owned()];
        let keys = if plan.keys.is_all() { &every } else { plan.keys.filters() };
        // A wait ends with the first entry of the keys that the call names, also when the query's conditions leave that entry out.
        let keys = narrower_keys(keys, conditions).filter(|_| plan.max_wait.is_zero())?;
        Some(HistoryPlan { keys: Subjects::new(&keys).ok()?, narrowed: true, ..plan.clone() })
    }

    fn read(reader: &mut HistoryReader, capacity: usize) -> Result<Option<Vec<Row>>> {
        loop {
            if let Some(rows) = reader.rows.next(capacity) {
                return Ok(Some(rows));
            }
            if !std::mem::replace(&mut reader.started, true) {
                reader.start()?;
            }
            let Some(page) = reader.fetch.as_mut().map(Fetch::next_page).transpose()?.flatten() else {
                return Ok(None);
            };
            reader.rows = rows(&reader.plan.bucket, page.iter())?;
        }
    }

    fn decode<'p>(decoder: &'p RowDecoder, page: &'p Vec<Row>) -> Result<Chunk<'p>> {
        Ok(decoder.decode(page))
    }
}

fn bucket_and_keys(arguments: &Arguments) -> Result<(String, Vec<String>)> {
    let bucket = store::bucket(arguments)?;
    let keys = subjects(arguments, "keys")?.unwrap_or_else(|| vec![">".to_owned()]);
    Ok((bucket, keys))
}

/// The entries among messages of the bucket's stream, which may have messages of other subjects, too.
fn rows<'a>(bucket: &str, records: impl Iterator<Item = &'a Record>) -> Result<RowPages> {
    let entries = records.filter(|record| is_entry(bucket, record));
    entries.map(|record| entry_row(bucket, record)).collect::<Result<Vec<Row>>>().map(RowPages::new)
}
