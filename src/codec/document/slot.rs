//! The place in a column that one value goes to.

use serde::de;

use super::context::Context;
use crate::codec::scalar::{self, Scalar};
use crate::column::{Buffer, Type};

/// A column's buffer and type, as a format's reader of scalars sees them.
pub(in crate::codec) struct Slot<'a> {
    /// The type, never LIST, STRUCT or MAP.
    pub ty: &'a Type,
    /// Where the value goes.
    pub buffer: &'a mut Buffer,
    pub context: &'a Context<'a>,
}

impl Slot<'_> {
    /// Appends a scalar.
    pub fn push<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        scalar::push(scalar, self.ty, self.buffer).map_err(|cause| self.context.fail(cause))
    }

    /// Ends the walk: the value does not fit.
    pub fn fail<E: de::Error>(self, cause: impl Into<String>) -> E {
        self.context.fail(cause)
    }

    /// Whether an object or a list goes into this place, as compact JSON.
    pub fn takes_json(&self) -> bool {
        matches!(self.ty, Type::Varchar | Type::Json | Type::Blob)
    }
}
