//! The parameters that say which messages to read, shared by the functions that read a range.

mod checkpoints;

use std::collections::VecDeque;
use std::sync::Arc;

use super::payload::choice;
use crate::error::{Error, Result};
use crate::jetstream::{Connection, Fetch, FetchRequest, Route, Via, Want, search_times, stream_state};
use crate::plan::{Bounds, Region, SequenceRange, StoreTimes, StreamState, Subjects, TimeSearch, check_stream};
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType, Value};
use checkpoints::{Checkpoints, GapWatch};

/// The named parameters.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::new("subject", ParameterType::TextOrList),
    Parameter::new("subject_contains", ParameterType::Text),
    Parameter::new("start_seq", ParameterType::Unsigned),
    Parameter::new("end_seq", ParameterType::Unsigned),
    Parameter::new("start_time", ParameterType::Moment),
    Parameter::new("end_time", ParameterType::Moment),
    Parameter::new("last_n", ParameterType::Unsigned),
    Parameter::new("max_messages", ParameterType::Unsigned),
    checkpoints::PARAMETERS[0],
    checkpoints::PARAMETERS[1],
    checkpoints::PARAMETERS[2],
    Parameter::new(VIA, ParameterType::Text),
    Parameter::new(CONNECTIONS, ParameterType::Unsigned),
];

const VIA: &str = "via";
const CONNECTIONS: &str = "connections";

/// Which messages of a stream a statement reads.
#[derive(Debug, Clone)]
pub struct RangeOptions {
    /// The stream's name.
    pub stream: String,
    /// The subject filters.
    pub subjects: Subjects,
    subject_contains: Option<String>,
    bounds: Bounds,
    checkpoints: Option<Arc<Checkpoints>>,
    last_n: Option<u64>,
    /// How many messages at most.
    pub max_messages: Option<u64>,
    /// What the query's own conditions leave of the range.
    region: Region,
    /// By which way the messages come.
    route: Route,
}

/// How many rows a range is taken for whose arguments name no number: more than any table that it is joined to, as a
/// stream commonly has.
const UNKNOWN_ROWS: u64 = 10_000_000;

impl RangeOptions {
    /// The options that read no more than a region, where that spares something and changes no answer: which messages
    /// are the newest so many, or the first so many, depends on all of them, and so does what retention took from behind a
    /// checkpoint.
    pub fn within(&self, region: Region) -> Option<Self> {
        let counted = self.last_n.is_some() || self.max_messages.is_some();
        if counted || self.checkpoints.is_some() || region == Region::WHOLE {
            return None;
        }
        let narrower = region.subject_filter().filter(|filter| self.subjects.include(filter));
        let subjects = narrower.map_or_else(|| self.subjects.clone(), Subjects::from);
        Some(Self { subjects, region, ..self.clone() })
    }

    /// About how many messages the arguments ask for, without a look at the stream.
    pub fn estimated_rows(&self) -> u64 {
        let by_sequence = match self.bounds {
            Bounds::Sequence { first, last: Some(last) } => {
                Some(SequenceRange { first: first.unwrap_or(1).max(1), last }.len())
            }
            _ => None,
        };
        [by_sequence, self.last_n, self.max_messages].into_iter().flatten().min().unwrap_or(UNKNOWN_ROWS)
    }

    /// The first sequence behind the checkpoint that the read comes after, if it comes after one.
    #[must_use]
    pub fn first_after_checkpoint(&self) -> Option<u64> {
        match self.bounds {
            Bounds::Sequence { first, .. } if self.checkpoints.is_some() => first,
            _ => None,
        }
    }

    /// Proves that the stream is the one of the checkpoint that the read comes after, if it comes after one, and that
    /// what follows was not removed.
    pub fn check_checkpoints(&self, connection: &Arc<Connection>) -> Result<()> {
        self.checkpoints.as_ref().map_or(Ok(()), |given| given.check(connection, &self.stream).map(drop))
    }

    /// The same without a bound on their number.
    #[must_use]
    pub fn unbounded(&self) -> Self {
        Self { max_messages: None, ..self.clone() }
    }

    /// All messages from a sequence on, of the same subject.
    #[must_use]
    pub fn starting_at(&self, first: u64) -> Self {
        let bounds = Bounds::Sequence { first: Some(first), last: None };
        Self { bounds, checkpoints: None, last_n: None, max_messages: None, ..self.clone() }
    }

    /// The newest so many of the same subject.
    #[must_use]
    pub fn newest_messages(&self, n: u64) -> Self {
        Self { bounds: Bounds::All, checkpoints: None, last_n: Some(n), max_messages: None, ..self.clone() }
    }

    /// The same of other subjects.
    #[must_use]
    pub fn of_subjects(&self, subjects: &Subjects) -> Self {
        Self { subjects: subjects.clone(), ..self.clone() }
    }

    /// The same of a stream, of which so many messages are left to read.
    pub fn for_stream(&self, stream: &str, left: Option<u64>) -> Self {
        Self { stream: stream.to_owned(), max_messages: left, ..self.clone() }
    }

    /// The first sequence that the arguments name, by a checkpoint or by its number.
    pub fn first_sequence(&self) -> Option<u64> {
        match self.bounds {
            Bounds::Sequence { first, .. } => first,
            Bounds::All | Bounds::Time { .. } => None,
        }
    }

    /// The same from a sequence on, where the arguments name none.
    pub fn beginning_at(&self, first: u64) -> Self {
        match self.first_sequence() {
            Some(_) => self.clone(),
            None => Self { bounds: Bounds::Sequence { first: Some(first), last: None }, ..self.clone() },
        }
    }

    /// All of a stream.
    fn of_stream(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            subjects: Subjects::ALL,
            subject_contains: None,
            bounds: Bounds::All,
            checkpoints: None,
            last_n: None,
            max_messages: None,
            region: Region::WHOLE,
            route: Route::default(),
        }
    }
}

/// Reads the parameters of a read of one stream.
pub fn read(arguments: &Arguments) -> Result<RangeOptions> {
    let stream = arguments.required_text("stream")?;
    check_stream(stream)?;
    read_of(stream, arguments)
}

/// Reads the parameters of a read of several streams, each by [`RangeOptions::for_stream`].
///
/// # Errors
/// A parameter that says something of one stream.
pub fn read_several(arguments: &Arguments) -> Result<RangeOptions> {
    for name in ["after", "upto", "on_gap", "last_n"] {
        if arguments.find(name).is_some() {
            return Err(Error::new(format!("{name} needs one stream")).advice(
                "a checkpoint is of one stream, and so are the newest messages: read each by itself, with UNION ALL",
            ));
        }
    }
    read_of("", arguments)
}

fn read_of(stream: &str, arguments: &Arguments) -> Result<RangeOptions> {
    let subjects = match arguments.find("subject") {
        None => Subjects::ALL,
        Some(Value::List(_)) => Subjects::new(&arguments.texts("subject")?.unwrap_or_default())?,
        Some(_) => Subjects::new(&[arguments.required_text("subject")?])?,
    };
    let (start_seq, end_seq) = (arguments.unsigned("start_seq")?, arguments.unsigned("end_seq")?);
    let (start_time, end_time) = (arguments.moment("start_time")?, arguments.moment("end_time")?);
    let by_sequence = start_seq.is_some() || end_seq.is_some();
    let by_time = start_time.is_some() || end_time.is_some();
    let checkpoints = Checkpoints::read(arguments, stream)?.map(Arc::new);
    let bounds = match (by_sequence, by_time) {
        _ if let Some(checkpoints) = &checkpoints => checkpoints.bounds(),
        (true, true) => {
            return Err(Error::new(
                "Cannot mix sequence-based (start_seq/end_seq) and time-based (start_time/end_time) parameters",
            ));
        }
        (true, false) => Bounds::Sequence { first: start_seq, last: end_seq },
        (false, true) => Bounds::Time { start: start_time, end: end_time },
        (false, false) => Bounds::All,
    };
    Ok(RangeOptions {
        stream: stream.to_owned(),
        subjects,
        subject_contains: arguments.text("subject_contains")?.map(str::to_owned),
        bounds,
        checkpoints,
        last_n: arguments.unsigned("last_n")?,
        max_messages: arguments.unsigned("max_messages")?,
        region: Region::WHOLE,
        route: read_route(arguments)?,
    })
}

fn read_route(arguments: &Arguments) -> Result<Route> {
    let via = choice(arguments, VIA, &[("direct", Via::Direct), ("consumer", Via::Consumer)])?;
    let most = Route::MOST_CONNECTIONS;
    let connections = match arguments.unsigned(CONNECTIONS)?.map(usize::try_from) {
        None => 1,
        Some(Ok(connections)) if (1..=most).contains(&connections) => connections,
        Some(_) => return Err(Error::new(format!("{CONNECTIONS} must be a number from 1 to {most}"))),
    };
    if via == Some(Via::Consumer) && connections > 1 {
        return Err(Error::new(format!("{CONNECTIONS} and {VIA} := 'consumer' cannot be used together"))
            .advice("a consumer delivers in one order, over one connection; leave one of the two out"));
    }
    Ok(Route { via: via.unwrap_or_default(), connections })
}

/// The first messages of the range, at most so many, with payloads and headers.
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
    pub fn resolve(options: &RangeOptions, connection: &Arc<Connection>) -> Result<Self> {
        let state = match &options.checkpoints {
            Some(checkpoints) => checkpoints.check(connection, &options.stream)?,
            None => stream_state(connection, &options.stream)?,
        };
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
        // All that there are, filtered or not.
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

    /// The parts of a message that the caller wants, and those that the range itself is checked by.
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
            };
            Some(Fetch::start(Arc::clone(&self.connection), request)?)
        };
        let watch = self.options.checkpoints.as_ref().filter(|_| fetch.is_some());
        Ok(RangeRead {
            fetch,
            place: (options.stream.clone(), self.connection.label().to_owned()),
            watch: watch.and_then(|checkpoints| checkpoints.watch(&self.connection)).map(Box::new),
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

/// The last sequence whose message was stored at this time or before, in microseconds since 1970-01-01 UTC; 0 when there
/// is none.
///
/// Times can step back, so the messages that were stored about then are looked at one by one: those of twice
/// [`crate::plan::MAX_STEP_BACK_NS`].
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

/// A running read of a range: its records in pages, in sequence order.
pub struct RangeRead {
    fetch: Option<Fetch>,
    /// The stream and the server, for errors.
    place: (String, String),
    /// Watches what retention removes from behind a checkpoint.
    watch: Option<Box<GapWatch>>,
    /// Watches times that are bounds.
    times: Option<StoreTimes>,
    subject_contains: Option<String>,
    bounds: Bounds,
    range: SequenceRange,
    /// The last sequence that was handed on; 0 before.
    reached: u64,
    limit: u64,
    left: u64,
}

impl RangeRead {
    /// How many messages were handed on.
    pub fn messages(&self) -> u64 {
        self.limit - self.left
    }

    /// How many messages are left, at most.
    pub fn messages_at_most(&self) -> u64 {
        self.left.min(self.range.len())
    }

    /// The share of the range that was handed on, from 0 to 1.
    pub fn progress(&self) -> f64 {
        let by_sequence = (self.reached + 1).saturating_sub(self.range.first) as f64 / self.range.len().max(1) as f64;
        let by_count = (self.limit - self.left) as f64 / self.limit.max(1) as f64;
        by_sequence.max(by_count).clamp(0.0, 1.0)
    }

    /// The next records; None at the end.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        while let Some(fetch) = self.fetch.as_mut().filter(|_| self.left > 0) {
            let Some(mut page) = fetch.next_page()? else { break };
            if let Some(watch) = &mut self.watch {
                watch.take(&page);
            }
            if let Some(times) = &mut self.times {
                let in_order = page.iter().try_for_each(|record| times.take(record.sequence, record.time_ns));
                in_order.map_err(|error| error.stream(&self.place.0).server(&self.place.1))?;
            }
            if let Some(part) = &self.subject_contains {
                page.retain(|record| contains(&record.subject, part.as_bytes()));
            }
            page.retain(|record| self.bounds.admit_time(record.time_ns));
            page.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
            self.left -= page.len() as u64;
            if self.left == 0 {
                self.range.last = page.last().map_or(self.range.last, |record| record.sequence);
            }
            self.reached = page.last().map_or(self.reached, |record| record.sequence);
            if !page.is_empty() {
                return Ok(Some(page));
            }
        }
        self.fetch = None;
        self.watch.take().map_or(Ok(None), |watch| watch.finish(self.range.last).map(|()| None))
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}
