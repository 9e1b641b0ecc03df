//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order, or of several, one after the other.

use super::messages::Layout;
use super::range::RangeOptions;
use super::stream_names::{self, STREAM};
use super::stream_table::{Plan, StreamTableArguments};
use super::{connection, messages, range};
use crate::error::Result;
use crate::ffi::Bound;
use crate::jetstream::ConnectOptions;
use crate::plan::StreamNames;
use crate::record::Record;
use crate::value::{Arguments, Parameter, Value};

pub struct NatsScan;

impl StreamTableArguments for NatsScan {
    const NAME: &'static str = "nats_scan";

    fn parameters() -> Vec<Parameter> {
        vec![STREAM]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, range::PARAMETERS, &messages::parameters()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let connect = connection::read(arguments)?;
        let streams = stream_names::read(arguments)?.filter(|streams| streams.single().is_none());
        let (range, layout) = match &streams {
            None => {
                let arguments = with_text(arguments);
                let range = range::read(&arguments)?;
                let layout =
                    Layout::read(&arguments, &|size| range::sample(&range, &connection::open(&connect)?, size))?;
                (range, layout)
            }
            Some(streams) => {
                let range = range::read_several(arguments)?;
                let layout = Layout::read(arguments, &|size| sample(&connect, streams, &range, size))?;
                (range, layout)
            }
        };
        let plan = Plan { connect, streams, range, layout };
        Ok(Bound { columns: plan.layout.columns(), estimated_rows: Some(plan.range.estimated_rows()), plan })
    }
}

/// The first messages of the streams, at most `size`, in the order of the streams.
fn sample(connect: &ConnectOptions, streams: &StreamNames, range: &RangeOptions, size: u64) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    let connection = connection::open(connect)?;
    for stream in stream_names::resolve_some(&connection, streams)? {
        let left = size.saturating_sub(records.len() as u64);
        if left == 0 {
            break;
        }
        records.extend(range::sample(&range.for_stream(&stream, range.max_messages), &connection, left)?);
    }
    Ok(records)
}

/// A list of one stream is that stream.
fn with_text(arguments: &Arguments) -> Arguments {
    let mut arguments = arguments.clone();
    for (name, value) in &mut arguments.positional {
        if *name == STREAM.name
            && let Value::List(items) = value
            && let [one] = items.as_slice()
        {
            *value = one.clone();
        }
    }
    arguments
}
