//! `COPY ... TO` and `COPY ... FROM`: the callbacks that DuckDB makes on them.

use std::marker::PhantomData;
use std::num::NonZeroUsize;
use std::sync::Mutex;

use duckdb_neo as neo;
use neo::column_data_collection::ColumnDataCollection;
use neo::connection::Context;
use neo::copy_function::{
    CopyFromBindInfo, CopyFromCardinality, CopyFromFunctionCallbacks, CopyFunctionBuilder, CopyToBindInfo,
    CopyToFunctionCallbacks,
};
use neo::data_chunk::DataChunkRef;
use neo::extension::Extension;
use neo::vector::{StorageKind, Unknown};

use super::boundary::{contain, fault, interruptible, of_binder, write_log};
use super::input::Input;
use super::run::{Run, check_target};
use super::{logical, settings, value};
use crate::column::Column;
use crate::error::{Error, Result};
use crate::ffi::port::{CopyFunction, TableFunction};
use crate::value::{Arguments, Value};

const USE_INSERT: &str = "name the other columns in COPY table (...), or use INSERT INTO ... SELECT and a cast";
/// How many rows DuckDB gathers before it hands them over: each chunk as it comes. What is left of a larger number at the end of
/// one part of a UNION ALL would be handed over behind the other parts.
const BATCH_ROWS: NonZeroUsize = NonZeroUsize::MIN;

struct Format<F>(PhantomData<fn() -> F>);

/// Registers a format for both directions.
pub(super) fn register<F: CopyFunction>(extension: &Extension) -> neo::Result<()> {
    let format = CopyFunctionBuilder::new(F::NAME, Format::<F>(PhantomData));
    let format = if F::Source::REPORTS_PROGRESS { format.with_progress() } else { format };
    format.register_to_and_from(extension)
}

struct ToPlan<F: CopyFunction> {
    plan: F::Plan,
    target: String,
}

impl<F: CopyFunction> Format<F> {
    fn with_run(run: &Mutex<F::Run>, action: impl FnOnce(&mut F::Run) -> Result<()>) -> neo::Result<()> {
        contain(F::NAME, || {
            let mut run = run.lock().map_err(|_| Error::new("an earlier internal error ended this statement"))?;
            action(&mut run)
        })
    }
}

impl<F: CopyFunction> CopyToFunctionCallbacks for Format<F> {
    type InitData = Mutex<F::Run>;
    type BindData = ToPlan<F>;
    type BatchData = ();

    fn bind(&self, context: &Context, info: &CopyToBindInfo) -> neo::Result<ToPlan<F>> {
        let plan = contain(F::NAME, || {
            let options = options(info.option_count().map_err(fault)?, |index| info.get_option(index))?;
            let count = info.column_count().map_err(fault)?;
            let name = |index| info.get_column(index).map(|(name, _)| name.to_owned()).map_err(fault);
            let names = (0..count).map(name).collect::<Result<Vec<_>>>()?;
            F::bind(&options, &settings::read(context)?, names.len(), &names)
        });
        Ok(ToPlan { plan: plan.map_err(of_binder)?, target: info.file_path()? })
    }

    fn init(&self, _context: &Context, bound: &ToPlan<F>, _path: &str) -> neo::Result<Mutex<F::Run>> {
        // The path of a temporary file, which DuckDB may give here, is no name of a stream.
        contain(F::NAME, || F::open(&bound.plan, &bound.target).map(Mutex::new))
    }

    fn batch(
        &self,
        _context: &Context,
        _bound: &ToPlan<F>,
        _run: &Mutex<F::Run>,
        _rows: &ColumnDataCollection<'_>,
    ) -> neo::Result<()> {
        Ok(())
    }

    fn batch_size(&self, _context: &Context, _bound: &ToPlan<F>) -> neo::Result<Option<NonZeroUsize>> {
        Ok(Some(BATCH_ROWS))
    }

    fn flush(
        &self,
        context: &Context,
        _bound: &ToPlan<F>,
        run: &Mutex<F::Run>,
        rows: &ColumnDataCollection<'_>,
        _batch: &mut (),
    ) -> neo::Result<()> {
        let mut scan = rows.to_scan(context)?;
        while let Some(mut chunk) = scan.next_chunk()? {
            for index in 0..chunk.col_count() {
                if chunk.get_vector_at::<Unknown>(index)?.storage_kind() == StorageKind::Other {
                    chunk.get_vector_at_mut::<Unknown>(index)?.flatten()?;
                }
            }
            let vectors = (0..chunk.col_count()).map(|index| chunk.get_vector_at::<Unknown>(index));
            let input = Input::new(vectors, chunk.row_count()?, &[])?;
            let taken = Self::with_run(run, |run| F::sink(run, &input));
            write_log(context);
            taken?;
        }
        Ok(())
    }

    fn finalize(&self, context: &Context, _bound: &ToPlan<F>, run: &Mutex<F::Run>) -> neo::Result<()> {
        let finished = Self::with_run(run, F::finish);
        write_log(context);
        finished
    }
}

/// The options of a statement, by the names that the user wrote.
fn options<'a>(
    count: usize,
    option: impl Fn(usize) -> neo::Result<(&'a str, neo::value::Value)>,
) -> Result<Vec<(String, Value)>> {
    let read = |index| {
        let (name, found) = option(index).map_err(fault)?;
        Ok((name.to_owned(), value::read(&found)?))
    };
    (0..count).map(read).collect()
}

struct FromPlan<T: TableFunction> {
    plan: T::Plan,
    columns: Vec<Column>,
}

impl<F: CopyFunction> CopyFromFunctionCallbacks for Format<F> {
    type BindData = FromPlan<F::Source>;
    type LocalState = ();
    type GlobalState = Run<F::Source>;

    fn bind(
        &self,
        context: &Context,
        path: &str,
        info: &CopyFromBindInfo,
    ) -> neo::Result<(FromPlan<F::Source>, Option<CopyFromCardinality>)> {
        let name = <F::Source as TableFunction>::NAME;
        let bound = contain(name, || {
            let arguments = arguments::<F::Source>(context, path, info)?;
            let bound = F::Source::bind(&arguments)?;
            Ok((bound, arguments.target))
        });
        let (bound, target) = bound.map_err(of_binder)?;
        check_target::<F::Source>(&target, &bound.columns)?;
        let rows = bound.estimated_rows.map(|rows| usize::try_from(rows).unwrap_or(usize::MAX));
        let cardinality = rows.map(|cardinality| CopyFromCardinality { cardinality, is_exact: false });
        Ok((FromPlan { plan: bound.plan, columns: bound.columns }, cardinality))
    }

    fn init_global_state(
        &self,
        bound: &FromPlan<F::Source>,
        context: &Context,
    ) -> neo::Result<(Option<Run<F::Source>>, Option<NonZeroUsize>)> {
        let all = (0..bound.columns.len()).map(Some).collect();
        let run = interruptible(context, || Run::open(&bound.plan, &bound.columns, all));
        write_log(context);
        // One thread: COPY knows no order of batches.
        Ok((Some(run?), Some(NonZeroUsize::MIN)))
    }

    fn progress(
        &self,
        _bound: &FromPlan<F::Source>,
        run: Option<&Run<F::Source>>,
        _context: &Context,
    ) -> neo::Result<Option<f64>> {
        Ok(run.map(Run::progress))
    }

    fn exec(
        &self,
        _bound: &FromPlan<F::Source>,
        run: Option<&Run<F::Source>>,
        _local: Option<&mut ()>,
        context: &Context,
        mut output: DataChunkRef<'_>,
    ) -> neo::Result<()> {
        let Some(run) = run else { return Err(neo::Error::api_error("the run was not started")) };
        let next = interruptible(context, || run.next(&mut output));
        write_log(context);
        next.map(drop)
    }
}

fn arguments<T: TableFunction>(context: &Context, path: &str, info: &CopyFromBindInfo) -> Result<Arguments> {
    let mut arguments = Arguments { settings: settings::read(context)?, ..Arguments::default() };
    if let Some(parameter) = T::parameters().first() {
        arguments.positional.push((parameter.name, Value::Text(path.to_owned())));
    }
    let known = T::named();
    for (name, value) in options(info.option_count().map_err(fault)?, |index| info.get_option(index))? {
        let Some(parameter) = known.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(&name)) else {
            return Err(unknown_option(&name, known.iter().map(|parameter| parameter.name)));
        };
        arguments.named.push((parameter.name, value));
    }
    for index in 0..info.column_count().map_err(fault)? {
        let (name, ty) = info.get_column(index).map_err(fault)?;
        let ty = logical::read(&ty);
        let ty = ty.map_err(|why| Error::new(format!("column '{name}': {why}")).advice(USE_INSERT))?;
        arguments.target.push(Column { name: name.to_owned(), ty });
    }
    Ok(arguments)
}

fn unknown_option<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let known: Vec<&str> = known.collect();
    Error::new(format!("'{name}' is not a supported option")).advice(format!("the options are {}", known.join(", ")))
}
