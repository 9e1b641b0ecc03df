//! Scalar functions: the callbacks that DuckDB makes on them.

use std::marker::PhantomData;
use std::sync::Arc;

use duckdb_neo as neo;
use neo::bind_arguments::BindArguments;
use neo::connection::Context;
use neo::data_chunk::VectorCollection;
use neo::enums::{FunctionProperty, FunctionPropertyStability};
use neo::extension::Extension;
use neo::scalar::{ScalarBindCallbacks, ScalarCallbacks, ScalarFunctionBuilder};
use neo::signature::{FunctionParameter, FunctionParameterKind, SignatureBuilder};
use neo::vector::{StorageKind, Unknown, Vector};

use super::boundary::{contain, docs, fault, interruptible, write_log};
use super::input::Input;
use super::{emit, logical, settings};
use crate::error::Error;
use crate::ffi::port::{Documentation, ScalarFunction};
use crate::value::Value;

struct Scalar<F>(PhantomData<fn() -> F>);

/// The settings of the session that binds a call.
#[derive(PartialEq)]
struct Settings(Arc<Vec<(&'static str, Value)>>);

/// Registers a scalar function with all its overloads.
pub(super) fn register<F: ScalarFunction>(
    extension: &Extension,
    documentation: Option<&Documentation>,
) -> neo::Result<()> {
    let stability =
        if F::VOLATILE { FunctionPropertyStability::Volatile } else { FunctionPropertyStability::Consistent };
    for types in F::SIGNATURES {
        let mut signature = SignatureBuilder::new().return_type(logical::of(extension, &F::returns())?);
        for (index, ty) in types.iter().enumerate() {
            let ty = logical::of_parameter(extension, *ty)?;
            let name = documentation.and_then(|function| function.arguments.get(index).copied());
            // An argument with a name can be given by it, too.
            signature = signature.param(match name {
                Some(name) => FunctionParameter::with_type(name, ty),
                None => FunctionParameter::with_type(format!("argument{index}"), ty)
                    .kind(FunctionParameterKind::PositionalOnly),
            });
        }
        if let Some(documentation) = documentation {
            signature = signature.documentation(docs(documentation));
        }
        ScalarFunctionBuilder::new(F::NAME, signature, Scalar::<F>(PhantomData))
            .set_property(FunctionProperty::Stability(stability))
            .set_property(FunctionProperty::HasSpecialNullHandling(true))
            .with_bind()
            .register(extension)?;
    }
    Ok(())
}

impl<F: ScalarFunction> ScalarBindCallbacks for Scalar<F> {
    fn bind(&self, context: &Context, _arguments: BindArguments<'_>) -> neo::Result<Settings> {
        contain(F::NAME, || settings::read(context).map(|settings| Settings(Arc::new(settings))))
    }
}

impl<F: ScalarFunction> ScalarCallbacks for Scalar<F> {
    type BindData = Settings;
    type InitData = ();

    fn exec(
        &self,
        settings: Option<&Settings>,
        _init: Option<&mut ()>,
        context: &Context,
        vectors: &mut VectorCollection,
        output: Vector<'_, Unknown>,
    ) -> neo::Result<()> {
        for index in 0..vectors.col_count() {
            if vectors.get_untyped_vector_at(index)?.storage_kind() == StorageKind::Other {
                vectors.get_untyped_vector_at_mut(index)?.flatten()?;
            }
        }
        let (count, rows) = (vectors.col_count(), vectors.row_count()?);
        let vectors = &*vectors;
        let settings = settings.map_or(&[][..], |settings| settings.0.as_slice());
        let call = || {
            let input = Input::new((0..count).map(|index| vectors.get_untyped_vector_at(index)), rows, settings);
            let result = F::call(&input.map_err(fault)?)?;
            if result.len() != rows || !result.fits(&F::returns()) {
                return Err(
                    Error::new("internal error: the answer does not fit the question").advice("please report it")
                );
            }
            Ok(result)
        };
        let result = interruptible(context, || contain(F::NAME, call));
        write_log(context);
        let result = result?;
        // SAFETY: the buffer was checked against the type that was declared, which is the vector's.
        unsafe { emit::write_buffer(output, &result) }
    }
}
