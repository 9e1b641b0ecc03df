//! The formats of payloads, in one table: it has each format's name and parameters.

use super::arguments::{FormatArguments, FormatParameter};
use super::decode::Codec;
use super::path::{Path, Wanted};
use super::registry::Framed;
use super::unnest::{Cut, in_payload};
use super::{avro, cbor, json, msgpack, protobuf, text};
use crate::column::Type;
use crate::error::Result;

/// A format of payloads: a choice of `format :=`.
pub struct PayloadFormat {
    /// The name of the format in SQL.
    pub name: &'static str,
    /// The parameters that this format has and no other.
    pub parameters: &'static [FormatParameter],
    /// The codec of typed columns by path, named by their paths; names may repeat.
    pub columns: fn(&FormatArguments, Wanted) -> Result<Box<dyn Codec>>,
    /// The codec of all fields of the schema, and of texts by path; None where there is no schema.
    pub all: AllFields,
    /// Finds the elements of a list in a payload, for `unnest`; None where they cannot be read by themselves.
    pub elements: Option<Elements>,
    /// Finds the rows of a payload that is a text of several documents.
    pub lines: Option<fn() -> Cut>,
    /// The columns of a sample of payloads, for `columns := 'auto'`; None where a payload cannot be read without a schema.
    pub infer: Option<Infer>,
}

/// The codec of all fields of a schema, and of texts by path.
pub type AllFields = fn(&FormatArguments, &[Path]) -> Result<Option<Box<dyn Codec>>>;

/// Finds the elements of the list at a path.
///
/// # Errors
/// There is no schema, or the path leads to no list in it.
pub type Elements = fn(&FormatArguments, &Path) -> Result<Cut>;

/// Columns by path, inferred from a sample of payloads.
///
/// # Errors
/// No payload of the sample is an object.
pub type Infer = fn(&mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>>;

/// Every format; the first is the default.
pub const FORMATS: &[PayloadFormat] = &[
    PayloadFormat {
        name: "json",
        parameters: &[],
        columns: |arguments, wanted| {
            let codec = json::columns(wanted)?;
            Ok(if arguments.registry.is_some() { Box::new(Framed(codec)) } else { codec })
        },
        all: no_schema,
        elements: Some(|_, _| Ok(in_payload(json::elements))),
        lines: None,
        infer: Some(json::infer),
    },
    PayloadFormat {
        name: "ndjson",
        parameters: &[],
        columns: |_, wanted| json::columns(wanted),
        all: no_schema,
        elements: None,
        lines: Some(|| in_payload(json::lines)),
        infer: Some(json::infer),
    },
    PayloadFormat {
        name: "text",
        parameters: &[],
        columns: |_, wanted| text::columns(wanted),
        all: no_schema,
        elements: None,
        lines: None,
        infer: Some(text::infer),
    },
    PayloadFormat {
        name: "msgpack",
        parameters: &[],
        columns: |_, wanted| msgpack::columns(wanted),
        all: no_schema,
        elements: Some(|_, _| Ok(in_payload(msgpack::elements))),
        lines: None,
        infer: Some(msgpack::infer),
    },
    PayloadFormat {
        name: "cbor",
        parameters: &[],
        columns: |_, wanted| cbor::columns(wanted),
        all: no_schema,
        elements: Some(|_, _| Ok(in_payload(cbor::elements))),
        lines: None,
        infer: Some(cbor::infer),
    },
    PayloadFormat {
        name: "avro",
        parameters: avro::PARAMETERS,
        columns: avro::given,
        all: avro::all,
        elements: Some(avro::elements),
        lines: None,
        infer: Some(avro::infer),
    },
    PayloadFormat {
        name: "protobuf",
        parameters: protobuf::PARAMETERS,
        columns: protobuf::given,
        all: |arguments, texts| match arguments.registry {
            Some(_) => Ok(None),
            None => protobuf::all(&protobuf::SchemaSource::of(arguments), texts.to_vec()).map(Some),
        },
        elements: Some(protobuf::elements),
        lines: None,
        infer: None,
    },
];

fn no_schema(_: &FormatArguments, _: &[Path]) -> Result<Option<Box<dyn Codec>>> {
    Ok(None)
}
