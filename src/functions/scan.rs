//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order.

use super::messages::{Layout, Pager};
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::{connection, messages, range};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsScan;

pub struct Plan {
    connect: ConnectOptions,
    range: RangeOptions,
    layout: Layout,
}

pub struct Run {
    read: RangeRead,
    pager: Pager,
}

impl TableFunction for NatsScan {
    const NAME: &'static str = "nats_scan";
    type Plan = Plan;
    type Run = Run;

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
        Ok(Bound { columns: plan.layout.columns(), plan })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&plan.connect)?;
        let want = plan.layout.want(projection);
        let read = RangePlan::resolve(&plan.range, &connection)?.read(want)?;
        Ok(Run { read, pager: Pager::new(&plan.layout, projection) })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        run.pager.write(chunk, || run.read.next_page())
    }
}
