//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order.

use super::messages::Layout;
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::{connection, messages, range};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsScan;

pub struct Plan {
    connect: ConnectOptions,
    range: RangeOptions,
    layout: Layout,
}

pub struct Run {
    read: RangeRead,
    layout: Layout,
    projection: Vec<usize>,
    page: Vec<Record>,
    written: usize,
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
        let (layout, projection) = (plan.layout.clone(), projection.to_vec());
        Ok(Run { read, layout, projection, page: Vec::new(), written: 0 })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        loop {
            if run.written == run.page.len() {
                run.page = run.read.next_page()?.unwrap_or_default();
                run.written = 0;
            }
            let start = run.written;
            run.written = run.page.len().min(start + chunk.capacity());
            let rows = run.layout.write(&run.page[start..run.written], &run.projection, chunk)?;
            // No rows end the scan; records that were skipped do not.
            if rows > 0 || run.page.is_empty() {
                return Ok(());
            }
        }
    }
}
