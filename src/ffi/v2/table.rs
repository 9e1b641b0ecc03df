//! Table functions: the callbacks that DuckDB makes on them.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError};

use duckdb_neo as neo;
use neo::bind_arguments::BindArgument;
use neo::connection::{Context, FFILink};
use neo::data_chunk::DataChunkRef;
use neo::extension::Extension;
use neo::logical_type::LogicalType;
use neo::signature::{FunctionParameter, FunctionParameterKind, SignatureBuilder};
use neo::table_function::{
    BindFunctionHandle, ExecColumnInfo, InitColumnData, OrderPreservation, PartitionData, PushdownData,
    TableFilterPushdownCallbacks, TableFunctionBuilder, TableFunctionCallbacks, TablePartitioningCallbacks,
};
use neo::types::{IntervalValue, List};

use super::boundary::{contain, docs, fault, interruptible, write_log};
use super::run::Run;
use super::{filter, logical, settings, value};
use crate::column::{Column, Interval};
use crate::error::Result;
use crate::ffi::port::{Bound, Documentation, TableFunction};
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// What a named parameter holds that the call did not give: DuckDB demands a default of what may be left out, and NULL
/// is something that a call can give.
const NOT_GIVEN: &str = "<not given>";
const NOT_GIVEN_INTERVAL: IntervalValue = IntervalValue { months: i32::MIN, days: 0, micros: 0 };

struct Table<T>(PhantomData<fn() -> T>);

struct BindData<T: TableFunction> {
    plan: Arc<T::Plan>,
    columns: Vec<Column>,
    /// The plan with what the query's own conditions leave of it. DuckDB keeps applying the conditions above the
    /// function, since none is ever accepted, so what it offers last is what the rows are used for.
    restricted: Mutex<Option<Arc<T::Plan>>>,
}

impl<T: TableFunction> BindData<T> {
    fn plan(&self) -> Arc<T::Plan> {
        let restricted = self.restricted.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(restricted.as_ref().unwrap_or(&self.plan))
    }
}

/// The page whose rows a thread holds.
#[derive(Default)]
struct Local {
    page: usize,
}

/// Registers a table function.
pub(super) fn register<T: TableFunction>(
    extension: &Extension,
    documentation: Option<&Documentation>,
) -> neo::Result<()> {
    let mut signature = SignatureBuilder::new();
    for parameter in T::parameters() {
        let ty = logical::of_parameter(extension, parameter.ty)?;
        let declared = FunctionParameter::with_type(parameter.name, ty).kind(FunctionParameterKind::PositionalOnly);
        let declared = match T::WITHOUT_PARAMETERS {
            true => declared.default_value(NOT_GIVEN.to_owned()),
            false => declared,
        };
        signature = signature.param(declared);
    }
    for parameter in T::named() {
        signature = signature.param(named(extension, parameter)?.kind(FunctionParameterKind::Named));
    }
    if let Some(documentation) = documentation {
        signature = signature.documentation(docs(documentation));
    }
    let function = TableFunctionBuilder::new(T::NAME, signature, Table::<T>(PhantomData))
        .with_projection_pushdown(true)
        .with_partitioning();
    // Where it is asked for conditions, DuckDB plans a prepared statement with parameters at each execution.
    let function = if T::RESTRICTS { function.with_filter_pushdown() } else { function };
    let function = if T::REPORTS_PROGRESS { function.with_progress() } else { function };
    function.register(extension)
}

fn named(extension: &Extension, parameter: Parameter) -> neo::Result<FunctionParameter> {
    let declared = FunctionParameter::with_type(parameter.name, declared_type(extension, parameter.ty)?);
    Ok(match parameter.ty {
        ParameterType::TextList => declared.default_value(List(vec![Some(NOT_GIVEN.to_owned())])),
        ParameterType::Interval => declared.default_value(NOT_GIVEN_INTERVAL),
        _ => declared.default_value(NOT_GIVEN.to_owned()),
    })
}

/// No BOOLEAN can mean that none was given: it is ANY to DuckDB, and cast on bind.
fn declared_type<C: FFILink>(link: &C, ty: ParameterType) -> neo::Result<LogicalType> {
    match ty {
        ParameterType::Boolean => logical::of_parameter(link, ParameterType::Any),
        ty => logical::of_parameter(link, ty),
    }
}

/// The value of a named parameter; None when the call did not give it.
fn given(context: &Context, ty: ParameterType, argument: &neo::value::Value) -> Result<Option<Value>> {
    let found = value::read(argument)?;
    let absent = match &found {
        Value::Text(text) => text == NOT_GIVEN,
        Value::List(items) => matches!(items.as_slice(), [Value::Text(text)] if text == NOT_GIVEN),
        Value::Interval(Interval { months, .. }) => *months == NOT_GIVEN_INTERVAL.months,
        _ => false,
    };
    if absent {
        return Ok(None);
    }
    if ty == ParameterType::Boolean && !matches!(found, Value::Boolean(_) | Value::Null) {
        let target = logical::of_parameter(context, ty).map_err(fault)?;
        return value::read(&argument.cast(context, &target).map_err(fault)?).map(Some);
    }
    Ok(Some(found))
}

fn arguments<T: TableFunction>(context: &Context, given_arguments: &[BindArgument]) -> Result<Arguments> {
    let mut arguments = Arguments { settings: settings::read(context)?, ..Arguments::default() };
    let (positional, named) = (T::parameters(), T::named());
    let mut values = given_arguments.iter().map(|argument| argument.value.as_ref());
    for parameter in positional {
        let value = values.next().flatten().map_or(Ok(Value::Null), value::read)?;
        if !(T::WITHOUT_PARAMETERS && value == Value::Text(NOT_GIVEN.to_owned())) {
            arguments.positional.push((parameter.name, value));
        }
    }
    for parameter in named {
        let Some(value) = values.next().flatten() else { continue };
        if let Some(value) = given(context, parameter.ty, value)? {
            arguments.named.push((parameter.name, value));
        }
    }
    Ok(arguments)
}

/// For each vector of the output, the column of bind that it stands for.
fn projection(columns: &InitColumnData<'_>, declared: usize) -> neo::Result<Vec<Option<usize>>> {
    let column = |index| columns.get_column_index(index).map(|column| Some(column).filter(|c| *c < declared));
    (0..columns.count()?).map(column).collect()
}

impl<T: TableFunction> TableFunctionCallbacks for Table<T> {
    type BindData = BindData<T>;
    type LocalState = Local;
    type GlobalState = Run<T>;

    fn bind(
        &self,
        context: &Context,
        given_arguments: Vec<BindArgument>,
        result: BindFunctionHandle<'_>,
    ) -> neo::Result<BindData<T>> {
        let bind = || contain(T::NAME, || T::bind(&arguments::<T>(context, &given_arguments)?));
        let bound = interruptible(context, bind);
        // Where columns are guessed, binding reads.
        write_log(context);
        let bound: Bound<T::Plan> = bound.map_err(super::boundary::of_binder)?;
        for column in &bound.columns {
            result.add_result_column(&column.name, &logical::of(context, &column.ty)?)?;
        }
        result.set_order(OrderPreservation::Insertion)?;
        if let Some(rows) = bound.estimated_rows {
            result.set_cardinality(usize::try_from(rows).unwrap_or(usize::MAX), false)?;
        }
        Ok(BindData { plan: Arc::new(bound.plan), columns: bound.columns, restricted: Mutex::new(None) })
    }

    fn init_global_state(
        &self,
        bound: &BindData<T>,
        context: &Context,
        columns: InitColumnData<'_>,
    ) -> neo::Result<(Option<Run<T>>, Option<usize>)> {
        let projection = projection(&columns, bound.columns.len())?;
        let run = interruptible(context, || Run::<T>::open(&bound.plan(), &bound.columns, projection));
        write_log(context);
        let run = run?;
        let threads = run.threads();
        Ok((Some(run), Some(threads)))
    }

    fn progress(&self, _bound: &BindData<T>, run: Option<&Run<T>>, _context: &Context) -> neo::Result<Option<f64>> {
        Ok(run.map(Run::progress))
    }

    fn init_local_state(
        &self,
        _bound: &BindData<T>,
        _run: Option<&Run<T>>,
        _context: &Context,
        _columns: InitColumnData<'_>,
    ) -> neo::Result<Option<Local>> {
        Ok(Some(Local::default()))
    }

    fn exec(
        &self,
        _bound: &BindData<T>,
        run: Option<&Run<T>>,
        local: Option<&mut Local>,
        context: &Context,
        mut output: DataChunkRef<'_>,
        _columns: ExecColumnInfo<'_>,
    ) -> neo::Result<()> {
        let (Some(run), Some(local)) = (run, local) else {
            return Err(neo::Error::api_error("the run was not started"));
        };
        let next = interruptible(context, || run.next(&mut output));
        write_log(context);
        if let Some(page) = next? {
            local.page = page;
        }
        Ok(())
    }
}

impl<T: TableFunction> TableFilterPushdownCallbacks for Table<T> {
    fn pushdown_filter(&self, bound: &BindData<T>, context: &Context, offered: PushdownData<'_>) -> neo::Result<()> {
        let conditions = filter::read(context, &offered)?;
        let restricted = contain(T::NAME, || Ok(T::restrict(&bound.plan, &conditions)))?;
        *bound.restricted.lock().unwrap_or_else(PoisonError::into_inner) = restricted.map(Arc::new);
        Ok(())
    }
}

impl<T: TableFunction> TablePartitioningCallbacks for Table<T> {
    /// The number of the page: rows leave in the order of pages, whichever thread has decoded them.
    fn partition_data(
        &self,
        _bound: &BindData<T>,
        _run: Option<&Run<T>>,
        local: Option<&mut Local>,
        _context: &Context,
        _data: PartitionData<'_>,
    ) -> neo::Result<usize> {
        Ok(local.map_or(0, |local| local.page))
    }
}
