//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order.

use super::messages::Layout;
use super::stream_table::{Plan, StreamTableArguments};
use super::{connection, messages, range};
use crate::error::Result;
use crate::ffi::Bound;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsScan;

impl StreamTableArguments for NatsScan {
    const NAME: &'static str = "nats_scan";

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        [connection::PARAMETERS, range::PARAMETERS, &messages::parameters()].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let (connect, range) = (connection::read(arguments)?, range::read(arguments)?);
        let layout = Layout::read(arguments, &|size| range::sample(&range, &connection::open(&connect)?, size))?;
        let plan = Plan { connect, range, layout };
        Ok(Bound { columns: plan.layout.columns(), estimated_rows: Some(plan.range.estimated_rows()), plan })
    }
}
