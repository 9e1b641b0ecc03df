//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order.

use super::messages::{Layout, MessageDecoder, Pager, RecordPage};
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::{connection, messages, range};
use crate::column::Chunk;
use crate::error::Result;
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::plan::Region;
use crate::predicate::Predicate;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsScan;

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

impl Plan {
    /// The plan that reads no more than what can fulfil the conditions.
    pub fn restrict(&self, conditions: &[Predicate]) -> Option<Self> {
        let range = self.range.within(Region::of(conditions, self.layout.region_columns()))?;
        Some(Self { range, ..self.clone() })
    }

    /// Starts to read what the projected columns need.
    pub fn open(&self, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        let connection = connection::open(&self.connect)?;
        let read = RangePlan::resolve(&self.range, &connection)?.read(self.layout.want(projection))?;
        Ok((Reader { read, pager: Pager::default() }, self.layout.decoder(projection)))
    }
}

/// How many messages of a range are worth a thread of their own to decode.
const MESSAGES_A_THREAD: u64 = 100_000;

impl Reader {
    /// How many threads may decode at once: one for a short range, whose rows then keep their order everywhere.
    pub fn threads(&self) -> usize {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        usize::try_from(self.read.messages_at_most() / MESSAGES_A_THREAD).unwrap_or(most).clamp(1, most)
    }

    /// The share of the range that was handed on, from 0 to 1.
    pub fn progress(&self) -> f64 {
        self.read.progress()
    }

    /// The next records; None at the end.
    pub fn next(&mut self, capacity: usize) -> Result<Option<RecordPage>> {
        self.pager.next(capacity, || self.read.next_page())
    }
}

impl TableFunction for NatsScan {
    const NAME: &'static str = "nats_scan";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = MessageDecoder;
    type Page = RecordPage;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, range::PARAMETERS, &messages::parameters()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let (connect, range) = (connection::read(arguments)?, range::read(arguments)?);
        let layout = Layout::read(arguments, &|size| range::sample(&range, &connect, size))?;
        let plan = Plan { connect, range, layout };
        Ok(Bound { columns: plan.layout.columns(), estimated_rows: Some(plan.range.estimated_rows()), plan })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        plan.open(projection)
    }

    const RESTRICTS: bool = true;

    fn restrict(plan: &Plan, conditions: &[Predicate]) -> Option<Plan> {
        plan.restrict(conditions)
    }

    const REPORTS_PROGRESS: bool = true;

    fn progress(reader: &Reader) -> f64 {
        reader.progress()
    }

    fn threads(reader: &Reader) -> usize {
        reader.threads()
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        reader.next(capacity)
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode(page.records())
    }
}
