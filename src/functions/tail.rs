//! `nats_tail(stream, max_wait := ...)`: waits until a stream has new messages, at most for `max_wait`, and gives them.

use std::sync::Arc;
use std::time::Duration;

use super::messages::{Layout, MessageDecoder, Pager, RecordPage};
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::{connection, messages, range};
use crate::column::Chunk;
use crate::error::{Error, Result};
use crate::ffi::{Bound, TableFunction};
use crate::jetstream::{ConnectOptions, Connection, Want, stream_state, wait_for_message};
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The longest wait without `max_wait`.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);

/// The columns of `nats_scan`.
pub struct NatsTail;

pub struct Plan {
    connect: ConnectOptions,
    range: RangeOptions,
    layout: Layout,
    max_wait: Duration,
    /// Whether every message is new, because `after` is NULL.
    from_the_start: bool,
}

pub struct Reader {
    connection: Arc<Connection>,
    range: RangeOptions,
    want: Want,
    max_wait: Duration,
    /// The first sequence that is new.
    from: u64,
    /// The read of the new messages, once there are some; None before, and when none came.
    read: Option<RangeRead>,
    waited: bool,
    pager: Pager,
}

impl TableFunction for NatsTail {
    const NAME: &'static str = "nats_tail";
    type Plan = Plan;
    type Reader = Reader;
    type Decoder = MessageDecoder;
    type Page = RecordPage;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        let own = [
            Parameter::new("max_wait", ParameterType::Interval),
            Parameter::new("after", ParameterType::Text),
            Parameter::new("on_gap", ParameterType::Text),
            Parameter::new("subject", ParameterType::TextOrList),
            Parameter::new("max_messages", ParameterType::Unsigned),
        ];
        [connection::PARAMETERS, &own, &messages::parameters()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let (connect, range) = (connection::read(arguments)?, range::read(arguments)?);
        if range.max_messages == Some(0) {
            return Err(Error::new("max_messages is 0; it must be at least 1"));
        }
        let max_wait = arguments.duration("max_wait")?.unwrap_or(DEFAULT_WAIT);
        let layout = Layout::read(arguments, &|size| range::sample(&range, &connection::open(&connect)?, size))?;
        let columns = layout.columns();
        let from_the_start = arguments.find("after") == Some(&Value::Null);
        Ok(Bound { columns, plan: Plan { connect, range, layout, max_wait, from_the_start }, estimated_rows: None })
    }

    /// New are the messages behind the end of the stream as it is now, not when the first row is asked for.
    fn open(plan: &Plan, projection: &[usize]) -> Result<(Reader, MessageDecoder)> {
        let connection = connection::open(&plan.connect)?;
        let from = match plan.range.first_sequence() {
            Some(first) => first,
            None if plan.from_the_start => 1,
            None => stream_state(&connection, &plan.range.stream)?.last + 1,
        };
        let reader = Reader {
            connection,
            range: plan.range.clone(),
            want: plan.layout.want(projection),
            max_wait: plan.max_wait,
            from,
            read: None,
            waited: false,
            pager: plan.layout.pager(),
        };
        Ok((reader, plan.layout.decoder(projection)))
    }

    fn read(reader: &mut Reader, capacity: usize) -> Result<Option<RecordPage>> {
        if !std::mem::replace(&mut reader.waited, true) {
            // A stream that was made anew has nothing new behind the checkpoint of the old one: it is compared first.
            let mut plan = RangePlan::resolve(&reader.range.beginning_at(reader.from), &reader.connection)?;
            let Reader { connection, range, from, max_wait, .. } = reader;
            if !wait_for_message(connection, &range.stream, &range.subjects, *from, *max_wait)? {
                return Ok(None);
            }
            plan = RangePlan::resolve(&plan.into_options(), connection)?;
            reader.read = Some(plan.read(reader.want)?);
        }
        let Some(read) = &mut reader.read else { return Ok(None) };
        reader.pager.next(capacity, || read.next_page())
    }

    fn decode<'p>(decoder: &'p MessageDecoder, page: &'p RecordPage) -> Result<Chunk<'p>> {
        decoder.decode_page(page)
    }
}
