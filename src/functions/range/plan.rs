//! The range of sequences that one run reads.

use std::collections::VecDeque;
use std::sync::Arc;

use super::options::RangeOptions;
use super::read::RangeRead;
use crate::error::Result;
use crate::jetstream::{
    Connection, Fetch, FetchRequest, Route, Want, check_subjects, search_times, stream_state, stream_state_and_captures,
};
use crate::plan::{Bounds, Region, SequenceRange, StoreTimes, StreamState, TimeSearch};
use crate::record::Record;

/// The messages that one run reads: a range of sequences that is fixed when the run starts, so that reading a busy
/// stream ends.
pub struct RangePlan {
    options: RangeOptions,
    connection: Arc<Connection>,
    state: StreamState,
    range: SequenceRange,
}

impl RangePlan {
    /// Plans against the stream as it is now.
    ///
    /// # Errors
    /// There is no such stream, no subject can match, or a checkpoint does not hold; those of any request.
    pub fn resolve(options: &RangeOptions, connection: &Arc<Connection>) -> Result<Self> {
        let (state, captures) = match &options.checkpoints {
            Some(checkpoints) => {
                let now = checkpoints.check(connection, &options.stream)?;
                (now.state, now.captures)
            }
            None => stream_state_and_captures(connection, &options.stream)?,
        };
        check_subjects(connection, &options.stream, &options.named, captures.as_deref())?;
        let range = SequenceRange { first: 1, last: 0 };
        let mut plan = Self { options: options.clone(), connection: Arc::clone(connection), state, range };
        plan.range = plan.resolve_region(plan.resolve_bounds()?)?;
        if let Some(n) = options.last_n {
            plan.range = plan.newest(plan.range, n)?;
        }
        Ok(plan)
    }

    /// The options that it was planned from.
    pub fn into_options(self) -> RangeOptions {
        self.options
    }

    /// Starts reading the planned messages.
    ///
    /// # Errors
    /// The read cannot be started: those of any request.
    pub fn read(&self, want: Want) -> Result<RangeRead> {
        self.read_range(self.range, self.options.max_messages, want, self.options.route)
    }

    /// The part of a range that lies in the region.
    fn resolve_region(&self, range: SequenceRange) -> Result<SequenceRange> {
        let region = &self.options.region;
        if region.is_empty() || range.is_empty() {
            return Ok(SequenceRange { first: 1, last: 0 });
        }
        let (first, last) = (range.first.max(region.sequences.first), range.last.min(region.sequences.last));
        if first > last || region.times == Region::WHOLE.times {
            return Ok(SequenceRange { first, last });
        }
        let times = self.resolve_times(region.times.first_bound(), region.times.last_bound())?;
        Ok(SequenceRange { first: first.max(times.first), last: last.min(times.last) })
    }

    fn resolve_bounds(&self) -> Result<SequenceRange> {
        match self.options.bounds {
            Bounds::All => Ok(self.state.range()),
            Bounds::Sequence { first, last } => Ok(self.state.clamp(first, last)),
            Bounds::Time { start: Some(start), end: Some(end) } if start > end => {
                Ok(SequenceRange { first: 1, last: 0 })
            }
            Bounds::Time { start, end } => self.resolve_times(start, end),
        }
    }

    /// The part of the stream that holds all messages of these times, both inclusive, and a few of others.
    fn resolve_times(&self, start: Option<i64>, end: Option<i64>) -> Result<SequenceRange> {
        let whole = self.state.range();
        let mut start = start.map(|start| TimeSearch::start(whole, start));
        let mut end = end.map(|end| TimeSearch::end(whole, end));
        let mut searches: Vec<&mut TimeSearch> = start.iter_mut().chain(&mut end).collect();
        search_times(&self.connection, &self.options.stream, &self.state, &mut searches)?;
        let after = end.map(|end| end.found().saturating_sub(1));
        Ok(self.state.clamp(start.map(|start| start.found()), after))
    }

    /// The end of the range that holds the newest `n` messages that match.
    ///
    /// Without holes or filters that is arithmetic. Otherwise the range is read backwards in growing windows, keeping
    /// only sequences, until `n` are known.
    fn newest(&self, range: SequenceRange, n: u64) -> Result<SequenceRange> {
        let empty = SequenceRange { first: 1, last: 0 };
        if n == 0 || range.is_empty() {
            return Ok(empty);
        }
        // A range by time holds messages of other times as well.
        let by_time = matches!(self.options.bounds, Bounds::Time { .. });
        let filtered = by_time || !self.options.subjects.is_all() || self.options.subject_contains.is_some();
        // The stream has no more messages than are asked for.
        if n >= self.state.messages {
            return Ok(range);
        }
        if self.state.is_dense() && !filtered {
            return Ok(SequenceRange { first: range.first.max((range.last + 1).saturating_sub(n)), last: range.last });
        }
        let mut width = n.max(1_000);
        let mut newest: VecDeque<u64> = VecDeque::new();
        let mut end = range.last;
        loop {
            let window = SequenceRange { first: range.first.max((end + 1).saturating_sub(width)), last: end };
            let mut older: VecDeque<u64> = VecDeque::new();
            // A part of the range: batches end where it does.
            let mut read = self.read_range(window, None, Want::default(), Route::default())?;
            while let Some(page) = read.next_page()? {
                older.extend(page.iter().map(|record| record.sequence));
                let surplus = (older.len() + newest.len()).saturating_sub(usize::try_from(n).unwrap_or(usize::MAX));
                older.drain(..surplus.min(older.len()));
            }
            older.append(&mut newest);
            newest = older;
            if newest.len() as u64 >= n || window.first <= range.first {
                let first = newest.front().copied();
                return Ok(first.map_or(empty, |first| SequenceRange { first, last: range.last }));
            }
            end = window.first - 1;
            width = width.saturating_mul(4);
        }
    }

    /// Whether times say where the range begins or ends.
    fn is_by_time(&self) -> bool {
        matches!(self.options.bounds, Bounds::Time { .. }) || self.options.region.times != Region::WHOLE.times
    }

    /// The parts of a message that the caller wants, and those by which messages outside of the range are sorted out.
    fn needed(&self, want: Want) -> Want {
        let by_subject = !self.options.subjects.is_all() || self.options.subject_contains.is_some();
        let by_time = self.is_by_time();
        Want { subject: want.subject || by_subject, time: want.time || by_time, ..want }
    }

    fn read_range(&self, range: SequenceRange, limit: Option<u64>, want: Want, route: Route) -> Result<RangeRead> {
        let options = &self.options;
        let by_time = self.is_by_time();
        // A filter on our side would make the server's count too small.
        let limit_on_server = limit.filter(|_| options.subject_contains.is_none() && !by_time);
        let fetch = if range.is_empty() || limit == Some(0) {
            None
        } else {
            let request = FetchRequest {
                stream: options.stream.clone(),
                range,
                subjects: options.subjects.clone(),
                limit: limit_on_server,
                state: self.state,
                want: self.needed(want),
                route,
                narrowed: options.region != Region::WHOLE,
            };
            Some(Fetch::start(Arc::clone(&self.connection), request)?)
        };
        // Messages that were removed while times were looked for cannot be read, so an empty range proves nothing.
        let region = &options.region;
        let watched = fetch.is_some() || (region.times != Region::WHOLE.times && !region.is_empty());
        let watch = options.checkpoints.as_ref().filter(|_| watched);
        Ok(RangeRead {
            fetch,
            place: (options.stream.clone(), self.connection.label().to_owned()),
            watch: watch.and_then(|given| given.watch(&self.connection, region, &self.state)).map(Box::new),
            times: by_time.then(StoreTimes::default),
            subject_contains: options.subject_contains.clone(),
            bounds: options.bounds,
            range,
            reached: 0,
            limit: limit.unwrap_or(u64::MAX),
            left: limit.unwrap_or(u64::MAX),
        })
    }
}

/// The first messages of the range, at most `size`, with payloads and headers.
///
/// # Errors
/// Those of [`RangePlan::resolve`] and of reading.
pub fn sample(options: &RangeOptions, connection: &Arc<Connection>, size: u64) -> Result<Vec<Record>> {
    let most = options.max_messages.map_or(size, |most| most.min(size));
    let options = RangeOptions { max_messages: Some(most), route: Route::default(), ..options.clone() };
    let plan = RangePlan::resolve(&options, connection)?;
    let mut read = plan.read(Want { headers: true, payload: true, ..Want::default() })?;
    let mut records = Vec::new();
    while let Some(page) = read.next_page()? {
        records.extend(page);
    }
    Ok(records)
}

/// The last sequence whose message was stored at this time or before, in microseconds since 1970-01-01 UTC; 0 when there
/// is none.
///
/// Times can step back, so the messages that were stored about then are looked at one by one: those of twice
/// [`crate::plan::MAX_STEP_BACK_NS`].
///
/// # Errors
/// There is no such stream; those of reading.
pub fn last_sequence_at(connection: &Arc<Connection>, stream: &str, micros: i64) -> Result<u64> {
    let state = stream_state(connection, stream)?;
    let whole = state.range();
    let (mut start, mut end) = (TimeSearch::start(whole, micros), TimeSearch::end(whole, micros));
    search_times(connection, stream, &state, &mut [&mut start, &mut end])?;
    let options =
        RangeOptions { bounds: Bounds::Time { start: None, end: Some(micros) }, ..RangeOptions::of_stream(stream) };
    let range = SequenceRange { first: start.found(), last: end.found().saturating_sub(1) };
    let plan = RangePlan { options, connection: Arc::clone(connection), state, range };
    let mut read = plan.read(Want::default())?;
    let mut last = start.found().saturating_sub(1);
    while let Some(page) = read.next_page()? {
        last = page.last().map_or(last, |record| record.sequence);
    }
    Ok(last)
}
