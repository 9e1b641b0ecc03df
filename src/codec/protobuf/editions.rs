//! Files of a descriptor set that are written in an edition (<https://protobuf.dev/editions/features/>), told as proto3 or
//! proto2: what the features of a field say is written into its descriptor.
//!
//! | feature | is told as |
//! |---|---|
//! | field_presence: EXPLICIT, LEGACY_REQUIRED, IMPLICIT | `optional`, `required`, a field of proto3 |
//! | repeated_field_encoding | the option `packed` |
//! | message_encoding: DELIMITED | a group |
//!
//! The others make no difference to a reader here. The features stand in the options of files, messages and fields, each of
//! which has those around it; the library drops them, so they are read off the bytes of the set.

use protox::prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use protox::prost_reflect::prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
};

use super::payload_error::PayloadError;
use super::wire::{Reader, Wire};

/// The values of the features that are used, of the enums in `google.protobuf.FeatureSet`.
const IMPLICIT: u64 = 2;
const LEGACY_REQUIRED: u64 = 3;
const PACKED: u64 = 1;
const DELIMITED: u64 = 2;

/// What holds where nothing else is said, in every edition from 2023 to 2024.
const OF_EDITIONS: Features = Features { presence: 1, repeated: PACKED, encoding: 1 };

#[derive(Clone, Copy)]
struct Features {
    presence: u64,
    repeated: u64,
    encoding: u64,
}

/// Tells the files of a set that are written in an edition as files of a syntax. `bytes` are those of the set.
///
/// # Errors
/// A file holds what neither syntax has.
pub(super) fn lower(set: &mut FileDescriptorSet, bytes: &[u8]) -> Result<(), String> {
    let files = all(bytes, 1).map_err(|fault| fault.to_string())?;
    for (file, bytes) in set.file.iter_mut().zip(files).filter(|(file, _)| file.syntax() == "editions") {
        let name = file.name().to_owned();
        lower_file(file, bytes).map_err(|fault| format!("'{name}': {fault}"))?;
    }
    Ok(())
}

fn lower_file(file: &mut FileDescriptorProto, bytes: &[u8]) -> Result<(), PayloadError> {
    // A closed enum need not begin with zero, as one of proto3 must.
    let is_closed = file.enum_type.iter().any(begins_elsewhere) || file.message_type.iter().any(holds_closed);
    file.syntax = Some(if is_closed { "proto2" } else { "proto3" }.to_owned());
    let features = OF_EDITIONS.with(bytes, 8, 50)?;
    lower_fields(&mut file.extension, &all(bytes, 7)?, features, is_closed)?;
    file.message_type
        .iter_mut()
        .zip(all(bytes, 4)?)
        .try_for_each(|(message, bytes)| lower_message(message, bytes, features, is_closed))
}

fn begins_elsewhere(of: &EnumDescriptorProto) -> bool {
    of.value.first().is_some_and(|value| value.number() != 0)
}

fn holds_closed(message: &DescriptorProto) -> bool {
    message.enum_type.iter().any(begins_elsewhere) || message.nested_type.iter().any(holds_closed)
}

fn lower_message(
    message: &mut DescriptorProto,
    bytes: &[u8],
    above: Features,
    is_closed: bool,
) -> Result<(), PayloadError> {
    let features = above.with(bytes, 7, 12)?;
    // An entry's fields are as the map has them.
    if message.options.as_ref().is_some_and(|options| options.map_entry()) {
        return Ok(());
    }
    lower_fields(&mut message.field, &all(bytes, 2)?, features, is_closed)?;
    lower_fields(&mut message.extension, &all(bytes, 6)?, features, is_closed)?;
    let nested = message.nested_type.iter();
    let entries = nested.filter(|nested| nested.options.as_ref().is_some_and(|options| options.map_entry()));
    let entries: Vec<&str> = entries.map(|entry| entry.name()).collect();
    // A map is never delimited.
    let is_map = |field: &&mut FieldDescriptorProto| {
        let name = field.type_name().rsplit('.').next().unwrap_or_default();
        field.r#type() == Type::Group && entries.contains(&name)
    };
    message.field.iter_mut().filter(is_map).for_each(|map| map.r#type = Some(Type::Message.into()));
    message
        .nested_type
        .iter_mut()
        .zip(all(bytes, 3)?)
        .try_for_each(|(nested, bytes)| lower_message(nested, bytes, features, is_closed))
}

fn lower_fields(
    fields: &mut [FieldDescriptorProto],
    bytes: &[&[u8]],
    above: Features,
    is_closed: bool,
) -> Result<(), PayloadError> {
    for (field, bytes) in fields.iter_mut().zip(bytes) {
        let features = above.with(bytes, 8, 21)?;
        let is_message = matches!(field.r#type(), Type::Message | Type::Group);
        if is_message && features.encoding == DELIMITED {
            field.r#type = Some(Type::Group.into());
        }
        if field.label() == Label::Repeated {
            if !matches!(field.r#type(), Type::Message | Type::Group | Type::String | Type::Bytes) {
                field.options.get_or_insert_default().packed = Some(features.repeated == PACKED);
            }
            continue;
        }
        match features.presence {
            LEGACY_REQUIRED => field.label = Some(Label::Required.into()),
            // A message and a member of a oneof have presence whatever the features say.
            IMPLICIT if is_message || field.oneof_index.is_some() || field.extendee.is_some() => {}
            IMPLICIT if is_closed => {
                return Err(PayloadError::new(format!(
                    "the field '{}' has the presence IMPLICIT beside an enum that does not begin with zero, which is not read",
                    field.name()
                )));
            }
            IMPLICIT => {}
            _ if !is_closed && field.oneof_index.is_none() => field.proto3_optional = Some(true),
            _ => {}
        }
    }
    Ok(())
}

impl Features {
    /// These, or what the options of a descriptor say: `options` is the number of that field of the descriptor, `features` that
    /// of the features in it.
    fn with(self, descriptor: &[u8], options: u32, features: u32) -> Result<Self, PayloadError> {
        let mut result = self;
        for options in all(descriptor, options)? {
            for set in all(options, features)? {
                let mut reader = Reader::new(set);
                while let Some((number, value)) = reader.field()? {
                    match (number, value) {
                        (1, Wire::Varint(value)) => result.presence = value,
                        (3, Wire::Varint(value)) => result.repeated = value,
                        (5, Wire::Varint(value)) => result.encoding = value,
                        _ => {}
                    }
                }
            }
        }
        Ok(result)
    }
}

/// The contents of a field of messages, in order.
fn all(message: &[u8], field: u32) -> Result<Vec<&[u8]>, PayloadError> {
    let mut found = Vec::new();
    let mut reader = Reader::new(message);
    while let Some((number, value)) = reader.field()? {
        if let (true, Wire::Bytes(bytes)) = (number == field, value) {
            found.push(bytes);
        }
    }
    Ok(found)
}
