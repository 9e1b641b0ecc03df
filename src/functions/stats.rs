//! `nats_stats()`: counters of this process since it loaded the extension, one row each.

use crate::column::{Column, Type};
use crate::error::Result;
use crate::ffi::{Bound, Chunk, TableFunction};
use crate::stats;
use crate::value::{Arguments, Parameter};

pub struct NatsStats;

impl TableFunction for NatsStats {
    const NAME: &'static str = "nats_stats";
    type Plan = ();
    type Run = Vec<(&'static str, u64)>;

    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn named() -> Vec<Parameter> {
        Vec::new()
    }

    fn bind(_arguments: &Arguments) -> Result<Bound<()>> {
        Ok(Bound { columns: vec![Column::new("name", Type::Varchar), Column::new("value", Type::UBigInt)], plan: () })
    }

    fn open(_plan: &(), _projection: &[usize]) -> Result<Self::Run> {
        Ok(stats::snapshot())
    }

    fn next(run: &mut Self::Run, chunk: &mut Chunk<'_>) -> Result<()> {
        let rows = std::mem::take(run);
        chunk.fill(|column, vector| {
            match column {
                0 => vector.write_bytes(rows.iter().map(|(name, _)| name.as_bytes())),
                _ => vector.write_u64(rows.iter().map(|(_, value)| *value)),
            }
            Ok(())
        })?;
        chunk.set_len(rows.len());
        Ok(())
    }
}
