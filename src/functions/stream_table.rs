//! Tables of the messages of a range, of one stream or of several. The functions that are such tables differ in how their arguments are written.

use std::marker::PhantomData;
use std::sync::Arc;

use super::connection;
use super::messages::{Layout, MessageDecoder, Pager, RecordPage};
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::stream_names;
use crate::column::Chunk;
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, Connection, Want};
use crate::plan::{Region, StreamNames};
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter};

/// The number of messages of a range for which a thread of their own pays.
const MESSAGES_A_THREAD: u64 = 100_000;

/// The arguments of such a function, which is registered as `StreamTable<It>`.
pub trait StreamTableArguments: 'static {
    /// The function's name in SQL.
    const NAME: &'static str;

    /// The positional parameters.
    fn parameters() -> Vec<Parameter>;
    /// The named parameters.
    fn named() -> Vec<Parameter>;
    /// Arguments become columns and a plan. No network.
    ///
    /// # Errors
    /// An argument is missing, of the wrong type, out of its range, or contradicts another.
    fn bind(arguments: &Arguments) -> Result<Bound<Plan>>;
}

/// A range of messages as rows of a layout.
#[derive(Clone)]
pub struct Plan {
    pub connect: ConnectOptions,
    /// The streams; None for the one of the range.
    pub streams: Option<StreamNames>,
    pub range: RangeOptions,
    pub layout: Layout,
}

/// A running read of a [`Plan`].
pub struct Reader {
    connection: Arc<Connection>,
    range: RangeOptions,
    want: Want,
    read: RangeRead,
    /// The stream that is read, where there are several.
    stream: Option<Arc<str>>,
    /// The streams that are still to be read, last first.
    left: Vec<String>,
    /// The number of all streams.
    streams: usize,
    pager: Pager,
}

impl Reader {
    fn start(plan: &Plan, connection: Arc<Connection>, want: Want) -> Result<Self> {
        let mut left = match &plan.streams {
            Some(streams) => stream_names::resolve_some(&connection, streams)?,
            None => vec![plan.range.stream.clone()],
        };
        left.reverse();
        let streams = left.len();
        let first = left.pop().unwrap_or_default();
        let range = plan.range.clone();
        let read = RangePlan::resolve(&range.for_stream(&first, range.max_messages), &connection)?.read(want)?;
        let stream = plan.streams.as_ref().map(|_| Arc::from(first));
        Ok(Self { connection, range, want, read, stream, left, streams, pager: plan.layout.pager() })
    }

    /// The next records; None at the end.
    fn next(&mut self, capacity: usize) -> Result<Option<RecordPage>> {
        loop {
            if let Some(page) = self.pager.next(capacity, || self.read.next_page())? {
                return Ok(Some(page.of_stream(self.stream.as_ref())));
            }
            self.range.max_messages = self.range.max_messages.map(|most| most - self.read.messages());
            let Some(stream) = self.left.pop().filter(|_| self.range.max_messages != Some(0)) else { return Ok(None) };
            let range = self.range.for_stream(&stream, self.range.max_messages);
            self.read = RangePlan::resolve(&range, &self.connection)?.read(self.want)?;
            self.stream = Some(stream.into());
        }
    }
}

/// The table function for arguments.
pub struct StreamTable<A>(PhantomData<A>);

impl<A: StreamTableArguments> TableFunction for StreamTable<A> {
    const NAME: &'static str = A::NAME;
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = MessageDecoder;
    type Page = RecordPage;

    fn parameters() -> Vec<Parameter> {
        A::parameters()
    }

    fn named() -> Vec<Parameter> {
        A::named()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        A::bind(arguments)
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let reader = Reader::start(plan, connection, plan.layout.want(projection))?;
        Ok((reader, plan.layout.decoder(projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &Plan, conditions: &[Predicate]) -> Option<Plan> {
        let range = plan.range.within(Region::of(conditions, plan.layout.region_columns()))?;
        Some(Plan { range, ..plan.clone() })
    }

    const REPORTS_PROGRESS: bool = true;

    fn progress(reader: &Reader) -> f64 {
        // Each of several streams is an equal share.
        let done = reader.streams.saturating_sub(reader.left.len() + 1) as f64;
        (done + reader.read.progress()) / reader.streams.max(1) as f64
    }

    /// One thread for a short range, whose rows then keep their order everywhere.
    fn threads(reader: &Reader) -> usize {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        usize::try_from(reader.read.messages_at_most() / MESSAGES_A_THREAD).unwrap_or(most).clamp(1, most)
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        reader.next(capacity)
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode_page(page)
    }
}
