//! The wanted paths, compiled to numbers of fields: a message is read once off the wire, and a field that nobody asks for is
//! passed over by its length.

use std::marker::PhantomData;

use serde::de::DeserializeSeed;
use smallvec::SmallVec;

use super::payload_error::PayloadError;
use super::scalar_view::ScalarViews;
use super::scan::{Found, Pieces, fits};
use super::schema::{Absent, Field, Kind, Known, Message, Schema, Shape};
use super::value::{Content, Value, scalar};
use super::wire::{Reader, Wire};
use crate::codec::document::{Context, Fill, Node, Slot, Walk};
use crate::column::{Buffer, Type};

/// What is wanted of a value.
pub(super) enum Plan {
    /// The value itself, in this output.
    Value(usize),
    /// Fields of a message.
    Fields(Fields),
    /// Parts of a list, a map, or a message that is more than its fields.
    Parts(Node),
}

/// The occurrences of the wanted fields of a message.
type Occurrences<'a> = SmallVec<[Found<'a>; 16]>;

/// The fields that are wanted of a message.
pub(super) struct Fields {
    wanted: Vec<Wanted>,
    /// What is done with each of [`Message::fields`] when it comes.
    steps: Vec<Step>,
}

/// What is done with a field that comes.
#[derive(Clone, Copy)]
enum Step {
    PassOver,
    /// It is the wanted field at this place.
    Take(usize),
    /// It is not wanted, and takes away the members of its oneof.
    TakeAway,
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
        Plan::Fields(Fields::new(wanted, message))
    }

    /// Reads what is wanted of a value.
    pub fn read(&self, value: Value<'_>, out: &mut [Buffer], context: &Context<'_>) -> Result<(), PayloadError> {
        match self {
            Plan::Value(output) => match (out.get_mut(*output), context.types.get(*output)) {
                (Some(buffer), Some(ty)) => Fill::<ScalarViews>::new(ty, buffer, context).deserialize(value),
                _ => Ok(()),
            },
            Plan::Parts(node) => Walk::<ScalarViews> { node, out, context, values: PhantomData }.deserialize(value),
            Plan::Fields(fields) => match &value.content {
                Content::Message(message, pieces) => fields.read(&value, message, pieces, out, context),
                // What the schema says is a message is one.
                _ => Ok(()),
            },
        }
    }
}

/// Whether the scalar view of a scalar, in a column of a type, is the scalar itself.
fn is_its_view(kind: Kind, ty: Option<&Type>) -> bool {
    !matches!(ty, Some(Type::List(_) | Type::Struct(_) | Type::Map(..))) && !matches!(kind, Kind::Enum(_) | Kind::Float)
}

/// Reads a scalar that is its own view into a column.
fn fill_scalar(
    schema: &Schema,
    value: (Kind, Wire<'_>),
    output: usize,
    out: &mut [Buffer],
    context: &Context<'_>,
) -> Result<(), PayloadError> {
    let (Some(buffer), Some(ty)) = (out.get_mut(output), context.types.get(output)) else { return Ok(()) };
    let slot = Slot { ty, buffer, context };
    let pushed = scalar(schema, value, |scalar| slot.push(scalar));
    pushed.map_err(|fault: PayloadError| context.fail_unless_noted(fault.to_string()))
}

impl Fields {
    fn new(wanted: Vec<Wanted>, message: &Message) -> Self {
        let is_of = |oneof: Option<usize>| {
            let of = |wanted: &Wanted| message.fields.get(wanted.position).and_then(|field| field.oneof);
            oneof.is_some() && wanted.iter().any(|wanted| of(wanted) == oneof)
        };
        let step = |(position, field): (usize, &Field)| match wanted.iter().position(|one| one.position == position) {
            Some(place) => Step::Take(place),
            None if is_of(field.oneof) => Step::TakeAway,
            None => Step::PassOver,
        };
        let steps = message.fields.iter().enumerate().map(step).collect();
        Self { wanted, steps }
    }

    fn read<'a>(
        &self,
        value: &Value<'a>,
        message: &'a Message,
        pieces: &Pieces<'a>,
        out: &mut [Buffer],
        context: &Context<'_>,
    ) -> Result<(), PayloadError> {
        value.check_depth()?;
        for (Wanted { position, plan }, found) in self.wanted.iter().zip(self.scan(message, pieces)?) {
            let Some(field) = message.fields.get(*position) else { continue };
            let read = match (plan, found.scalar(field)) {
                (Some(Plan::Value(output)), Some(wire))
                    if is_its_view(field.kind, context.types.get(*output).copied()) =>
                {
                    fill_scalar(value.schema, (field.kind, wire), *output, out, context)
                }
                _ => match (value.field(field, found)?, plan) {
                    (Some(value), Some(plan)) => plan.read(value, out, context),
                    _ => Ok(()),
                },
            };
            read.map_err(|fault| {
                context.under_key(&field.name);
                fault.under(&field.name)
            })?;
        }
        Ok(())
    }

    /// The occurrences of the wanted fields, one entry for each: what [`scan`](super::scan::scan) finds of all.
    fn scan<'a>(&self, message: &Message, pieces: &Pieces<'a>) -> Result<Occurrences<'a>, PayloadError> {
        let mut found = Occurrences::new();
        found.resize_with(self.wanted.len(), Found::default);
        for piece in pieces.as_slice() {
            let mut reader = Reader::new(piece);
            while let Some((number, wire)) = reader.field()? {
                let Some(position) = message.position(number) else { continue };
                let step = self.steps.get(position).copied().unwrap_or(Step::PassOver);
                if matches!(step, Step::PassOver) {
                    continue;
                }
                let Some(field) = message.fields.get(position).filter(|field| fits(field.kind, field.shape, wire))
                else {
                    continue;
                };
                if field.oneof.is_some() {
                    self.take_away_others(position, field, message, &mut found);
                }
                if let Step::Take(place) = step
                    && let Some(found) = found.get_mut(place)
                {
                    found.take(field, wire);
                }
            }
        }
        Ok(found)
    }

    /// A member of a oneof takes away the members before it.
    fn take_away_others(&self, position: usize, field: &Field, message: &Message, found: &mut [Found<'_>]) {
        for (other, found) in self.wanted.iter().zip(found).filter(|(other, _)| other.position != position) {
            if message.fields.get(other.position).is_some_and(|other| other.oneof == field.oneof) {
                *found = Found::Nothing;
            }
        }
    }
}
