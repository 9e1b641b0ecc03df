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
        [connection::PARAMETERS, range::PARAMETERS, messages::PARAMETERS].concat()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let layout = Layout::read(arguments)?;
        let plan = Plan { connect: connection::read(arguments)?, range: range::read(arguments)?, layout };
        Ok(Bound { columns: plan.layout.columns(), plan })
    }

    fn open(plan: &Plan, projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&plan.connect)?;
        let headers = plan.layout.wants_headers(projection);
        let read = RangePlan::resolve(&plan.range, &connection)?.read(headers)?;
        Ok(Run { read, layout: plan.layout.clone(), page: Vec::new(), written: 0 })
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        if run.written == run.page.len() {
            run.page = run.read.next_page()?.unwrap_or_default();
            run.written = 0;
        }
        let end = run.page.len().min(run.written + chunk.capacity());
        run.layout.write(&run.page[run.written..end], chunk)?;
        run.written = end;
        Ok(())
    }
}
