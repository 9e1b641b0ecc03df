//! The wanted paths, compiled to numbers of fields: a message is read once off the wire, and a field that nobody asks for is
//! passed over by its length.

use std::marker::PhantomData;

use serde::de::DeserializeSeed;

use super::payload_error::PayloadError;
use super::scalar_view::ScalarViews;
use super::scan::{Found, Pieces, fits};
use super::schema::{Absent, Kind, Known, Message, Schema, Shape};
use super::value::{Content, Value, scalar};
use super::wire::Reader;
use crate::codec::document::{Context, Fill, Node, Slot, Walk};
use crate::column::{Buffer, Type};

/// What is wanted of a value.
pub(super) enum Plan {
    /// The value itself, in this output.
    Value(usize),
    /// Fields of a message.
    Fields(Vec<Wanted>),
    /// Parts of a list, a map, or a message that is more than its fields.
    Parts(Node),
}

/// A field that is wanted, or must be there.
pub(super) struct Wanted {
    /// Its position in [`Message::fields`], by which they are sorted.
    position: usize,
    /// None when it only must be there.
    plan: Option<Plan>,
}

impl Plan {
    /// The plan for a payload.
    pub fn root(schema: &Schema, message: usize, node: Node) -> Self {
        Self::of_message(schema, schema.message(message), node)
    }

    fn of_message(schema: &Schema, message: &Message, node: Node) -> Self {
        let is_document = matches!(message.known, Some(Known::Struct | Known::Value | Known::ListValue));
        if is_document || !node.targets.is_empty() || node.has_elements() {
            return Plan::Parts(node);
        }
        let mut wanted = Vec::new();
        let mut members = node.into_keys();
        for (position, field) in message.fields.iter().enumerate() {
            let member = members.iter().position(|(name, _)| **name == *field.name);
            let plan = member.map(|member| {
                let (_, node) = members.swap_remove(member);
                match (node.targets.as_slice(), field.shape, field.kind) {
                    ([output], ..) if !node.has_children() => Plan::Value(*output),
                    ([], Shape::One, Kind::Message(inner)) => Self::of_message(schema, schema.message(inner), node),
                    _ => Plan::Parts(node),
                }
            });
            if plan.is_some() || matches!(field.absent, Absent::Required) {
                wanted.push(Wanted { position, plan });
            }
        }
        Plan::Fields(wanted)
    }

    /// Reads what is wanted of a value.
    pub fn read(&self, value: Value<'_>, out: &mut [Buffer], context: &Context<'_>) -> Result<(), PayloadError> {
        match self {
            Plan::Value(output) => match (out.get_mut(*output), context.types.get(*output)) {
                (Some(buffer), Some(ty)) => fill(value, ty, buffer, context),
                _ => Ok(()),
            },
            Plan::Parts(node) => Walk::<ScalarViews> { node, out, context, values: PhantomData }.deserialize(value),
            Plan::Fields(wanted) => match &value.content {
                Content::Message(message, pieces) => read_fields(wanted, &value, message, pieces, out, context),
                // What the schema says is a message is one.
                _ => Ok(()),
            },
        }
    }
}

/// Reads a value into a column.
fn fill(value: Value<'_>, ty: &Type, buffer: &mut Buffer, context: &Context<'_>) -> Result<(), PayloadError> {
    match (&value.content, ty) {
        (_, Type::List(_) | Type::Struct(_) | Type::Map(..)) | (Content::Scalar(Kind::Enum(_) | Kind::Float, _), _) => {
        }
        // A scalar whose view is itself.
        (Content::Scalar(kind, wire), _) => {
            let slot = Slot { ty, buffer, context };
            let pushed = scalar(value.schema, (*kind, *wire), |scalar| slot.push(scalar));
            return pushed.map_err(|fault: PayloadError| context.fail_unless_noted(fault.to_string()));
        }
        _ => {}
    }
    Fill::<ScalarViews>::new(ty, buffer, context).deserialize(value)
}

fn read_fields<'a>(
    wanted: &[Wanted],
    value: &Value<'a>,
    message: &'a Message,
    pieces: &Pieces<'a>,
    out: &mut [Buffer],
    context: &Context<'_>,
) -> Result<(), PayloadError> {
    value.check_depth()?;
    for (Wanted { position, plan }, found) in wanted.iter().zip(scan(wanted, message, pieces)?) {
        let Some(field) = message.fields.get(*position) else { continue };
        if let (Some(value), Some(plan)) = (value.field(field, found)?, plan) {
            plan.read(value, out, context).map_err(|fault| {
                context.under_key(&field.name);
                fault.under(&field.name)
            })?;
        }
    }
    Ok(())
}

/// The occurrences of the wanted fields, one entry for each: what [`scan`](super::scan::scan) finds of all.
fn scan<'a>(wanted: &[Wanted], message: &Message, pieces: &Pieces<'a>) -> Result<Vec<Found<'a>>, PayloadError> {
    let mut found = vec![Found::Nothing; wanted.len()];
    for piece in pieces.as_slice() {
        let mut reader = Reader::new(piece);
        // Fields mostly come in the order of the schema: the next wanted one is often the one that comes.
        let mut next = 0;
        while let Some((number, wire)) = reader.field()? {
            let Some(position) = message.position(number) else { continue };
            let place = match wanted.get(next) {
                Some(expected) if expected.position == position => Some(next),
                _ => wanted.binary_search_by_key(&position, |wanted| wanted.position).ok(),
            };
            let Some(field) = message.fields.get(position).filter(|field| fits(field.kind, field.shape, wire)) else {
                continue;
            };
            if field.oneof.is_some() {
                let others = wanted.iter().zip(&mut found).filter(|(other, _)| other.position != position);
                let others = others.filter(|(other, _)| {
                    message.fields.get(other.position).is_some_and(|other| other.oneof == field.oneof)
                });
                others.for_each(|(_, found)| *found = Found::Nothing);
            }
            let Some(found) = place.and_then(|place| found.get_mut(place)) else { continue };
            next = place.map_or(next, |place| place + 1);
            found.take(field, wire);
        }
    }
    Ok(found)
}
