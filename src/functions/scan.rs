//! `nats_scan(stream, ...)`: the messages of a stream, in sequence order.

use super::messages::{Layout, Pager};
use super::range::{RangeOptions, RangePlan, RangeRead};
use super::{connection, messages, range};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::jetstream::ConnectOptions;
use crate::value::{Arguments, Parameter, ParameterType};

pub struct NatsScan;

/// A range of messages as rows of a layout.
pub struct Plan {
    pub connect: ConnectOptions,
    pub range: RangeOptions,
    pub layout: Layout,
}

/// A running read of a [`Plan`].
pub struct Run {
    read: RangeRead,
    pager: Pager,
}

impl Plan {
    /// Starts to read what the projected columns need.
    pub fn open(&self, projection: &[usize]) -> Result<Run> {
        let connection = connection::open(&self.connect)?;
        let read = RangePlan::resolve(&self.range, &connection)?.read(self.layout.want(projection))?;
        Ok(Run { read, pager: Pager::new(&self.layout, projection) })
    }
}

impl Run {
    /// Writes the next rows; none is the end.
    pub fn write(&mut self, chunk: &mut Chunk<'_>) -> Result<()> {
        self.pager.write(chunk, || self.read.next_page())
    }
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
        plan.open(projection)
    }

    fn next(run: &mut Run, chunk: &mut Chunk<'_>) -> Result<()> {
        run.write(chunk)
    }
}
