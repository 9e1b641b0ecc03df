//! One whole value into one column, nested types included.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::context::Context;
use super::format::Values;
use super::keys::{FindField, ReadKey, first_duplicate, shown};
use super::seen::Seen;
use super::slot::Slot;
use super::visit::visit_scalars;
use crate::codec::scalar::{Scalar, describe};
use crate::column::{self, Buffer, ListValues, Type};

/// Reads one value as a type and appends it to a buffer.
pub(in crate::codec) struct Fill<'a, V> {
    ty: &'a Type,
    buffer: &'a mut Buffer,
    context: &'a Context<'a>,
    values: PhantomData<V>,
}

impl<'de, V: Values> DeserializeSeed<'de> for Fill<'_, V> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        match self.ty {
            Type::List(_) | Type::Struct(_) | Type::Map(..) => value.deserialize_any(self),
            _ => V::scalar(value, Slot { ty: self.ty, buffer: self.buffer, context: self.context }),
        }
    }
}

impl<'a, V: Values> Fill<'a, V> {
    /// A reader of values of a type.
    pub fn new(ty: &'a Type, buffer: &'a mut Buffer, context: &'a Context<'a>) -> Self {
        Self { ty, buffer, context, values: PhantomData }
    }

    fn scalar<E: de::Error>(self, scalar: Scalar<'_>) -> Result<(), E> {
        if scalar == Scalar::Null {
            self.buffer.push_null();
            return Ok(());
        }
        self.conversion_error(&describe(&scalar))
    }

    fn conversion_error<E: de::Error>(self, found: &str) -> Result<(), E> {
        Err(self.context.fail(format!("{found} is not a valid {}", self.ty)))
    }

    fn entries<'de, A: MapAccess<'de>>(
        out: &mut ListValues,
        types: (&Type, &Type),
        context: &Context<'_>,
        mut map: A,
    ) -> Result<(), A::Error> {
        let start = out.ends.last().copied().unwrap_or(0);
        let column::Values::Struct(pair) = &mut out.child.values else { return Err(layout(context)) };
        let [keys, values] = pair.as_mut_slice() else { return Err(layout(context)) };
        while map.next_key_seed(ReadKey(Slot { ty: types.0, buffer: &mut *keys, context }))?.is_some() {
            let value = Fill::<V> { ty: types.1, buffer: &mut *values, context, values: PhantomData };
            map.next_value_seed(value).inspect_err(|_| context.under_key(&shown(keys, types.0, keys.len() - 1)))?;
            out.child.valid.push(true);
        }
        if let Some(key) = first_duplicate(keys, types.0, start) {
            return Err(context.fail(format!("the object has the key '{key}' twice")));
        }
        out.ends.push(keys.len());
        Ok(())
    }
}

/// A buffer is laid out by its type, so this error does not occur.
fn layout<E: de::Error>(context: &Context<'_>) -> E {
    context.fail("the buffer does not have the layout of its type")
}

impl<'de, V: Values> Visitor<'de> for Fill<'_, V> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.ty)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let (Type::List(ty), column::Values::List(out)) = (self.ty, &mut self.buffer.values) else {
            return self.conversion_error("a list");
        };
        let start = out.child.len();
        loop {
            let element = Fill::<V> { ty, buffer: &mut out.child, context: self.context, values: PhantomData };
            match list.next_element_seed(element) {
                Ok(Some(())) => {}
                Ok(None) => break,
                Err(error) => {
                    self.context.under_index(out.child.len() - start);
                    return Err(error);
                }
            }
        }
        out.ends.push(out.child.len());
        self.buffer.valid.push(true);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match (self.ty, &mut self.buffer.values) {
            (Type::Struct(fields), column::Values::Struct(children)) => {
                let rows = self.buffer.valid.len();
                let mut seen = Seen::new(fields.len());
                while let Some(found) = map.next_key_seed(FindField(fields))? {
                    let Some((at, field, child)) =
                        found.and_then(|at| Some((at, fields.get(at)?, children.get_mut(at)?)))
                    else {
                        map.next_value::<IgnoredAny>()?;
                        continue;
                    };
                    if !seen.insert(at) {
                        return Err(self.context.fail(format!("the object has the key '{}' twice", field.name)));
                    }
                    let member = Fill::<V> { ty: &field.ty, buffer: child, context: self.context, values: PhantomData };
                    map.next_value_seed(member).inspect_err(|_| self.context.under_key(&field.name))?;
                }
                children.iter_mut().filter(|child| child.len() == rows).for_each(Buffer::push_null);
            }
            (Type::Map(key, value), column::Values::List(out)) => Self::entries(out, (key, value), self.context, map)?,
            _ => return self.conversion_error("an object"),
        }
        self.buffer.valid.push(true);
        Ok(())
    }

    visit_scalars!(scalar);
}
