//! Tables of the messages of a range. The functions that are such tables differ in how their arguments are written.

use std::marker::PhantomData;

use super::connection;
use super::messages::{Layout, MessageDecoder, Pager, RecordPage};
use super::range::{RangeOptions, RangePlan, RangeRead};
use crate::column::Chunk;
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::plan::Region;
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter};

/// How many messages of a range are worth a thread of their own to decode.
const MESSAGES_A_THREAD: u64 = 100_000;

/// How such a function is called; it is registered as `StreamTable<It>`.
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
    pub range: RangeOptions,
    pub layout: Layout,
}

/// A running read of a [`Plan`].
pub struct Reader {
    read: RangeRead,
    pager: Pager,
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
        let read = RangePlan::resolve(&plan.range, &connection)?.read(plan.layout.want(projection))?;
        Ok((Reader { read, pager: Pager::default() }, plan.layout.decoder(projection)))
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &Plan, conditions: &[Predicate]) -> Option<Plan> {
        let range = plan.range.within(Region::of(conditions, plan.layout.region_columns()))?;
        Some(Plan { range, ..plan.clone() })
    }

    const REPORTS_PROGRESS: bool = true;

    fn progress(reader: &Reader) -> f64 {
        reader.read.progress()
    }

    /// One thread for a short range, whose rows then keep their order everywhere.
    fn threads(reader: &Reader) -> usize {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        usize::try_from(reader.read.messages_at_most() / MESSAGES_A_THREAD).unwrap_or(most).clamp(1, most)
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        reader.pager.next(capacity, || reader.read.next_page())
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode(page.records())
    }
}
