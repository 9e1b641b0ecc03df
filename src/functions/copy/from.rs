//! `COPY table FROM 'STREAM' (FORMAT nats_js, ...)`: messages become rows of a table; its columns define what to read.

use super::options;
use crate::codec::Whole;
use crate::codec::path::Path;
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::ffi::Bound;
use crate::functions::messages::{Layout, Part, Shown};
use crate::functions::payload::{self, Payload};
use crate::functions::stream_table::{Plan, StreamTableArguments};
use crate::functions::{connection, range};
use crate::value::{Arguments, Parameter, ParameterType};

/// The definition of a COPY FROM. A column is the member of the payload's document with its name, unless an option makes it a part of the message.
pub struct CopyFromStream;

/// The options that name the column of a part. A payload that goes into a VARCHAR is text, which is checked.
const PARTS: [(&str, &[Part]); 7] = [
    ("stream_column", &[Part::Stream]),
    ("subject_column", &[Part::Subject]),
    ("seq_column", &[Part::Sequence]),
    ("ts_nats_column", &[Part::Time]),
    ("payload_column", &[Part::Payload, Part::PayloadText]),
    ("headers_column", &[Part::Headers]),
    ("msg_id_column", &[Part::MessageId]),
];

/// The format of payloads. Other functions call this parameter `format`, which is a word of COPY itself.
const PAYLOAD_FORMAT: &str = "payload_format";
const FORMAT: &str = "format";

/// Parameters of the payload that define the columns; here the table defines them.
const SAID_BY_TABLE: [&str; 7] =
    ["json_extract", "proto_extract", "columns", "sample_size", "unnest", "payload_type", FORMAT];

impl StreamTableArguments for CopyFromStream {
    const NAME: &'static str = "nats_js";

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        let payload = payload::PARAMETERS.iter().filter(|parameter| !SAID_BY_TABLE.contains(&parameter.name));
        let mut named = [connection::PARAMETERS, range::PARAMETERS].concat();
        named.extend(payload);
        named.push(Parameter::new(PAYLOAD_FORMAT, ParameterType::Text));
        named.extend(PARTS.map(|(name, _)| Parameter::new(name, ParameterType::Text)));
        named
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let arguments = read_options(arguments)?;
        let (connect, range) = (connection::read(&arguments)?, range::read(&arguments)?);
        let mut members = Vec::new();
        let mut shown = Vec::new();
        let parts = read_parts(&arguments)?;
        let is_text = parts.iter().any(|(part, _)| *part == Part::PayloadText);
        let whole = is_text.then_some(Whole::Text);
        for (position, column) in arguments.target.iter().enumerate() {
            match parts.iter().find(|(_, place)| *place == position) {
                // It is decoded, as the first of the fields.
                Some((Part::PayloadText, _)) => shown.push(Shown::Field(0)),
                Some((part, _)) => shown.push(Shown::Part(*part)),
                None => {
                    shown.push(Shown::Field(usize::from(is_text) + members.len()));
                    members.push((Path::member(&column.name), column.ty.clone()));
                }
            }
        }
        let layout = Layout::of(&arguments, shown, Payload::of_members(&arguments, whole, members)?)?;
        let estimated_rows = Some(range.estimated_rows());
        Ok(Bound { columns: arguments.target, plan: Plan { connect, streams: None, range, layout }, estimated_rows })
    }
}

/// The options as the arguments of a function that reads.
fn read_options(arguments: &Arguments) -> Result<Arguments> {
    payload::check_format(arguments, PAYLOAD_FORMAT)?;
    let parameters = CopyFromStream::named();
    let mut read = Arguments { named: Vec::new(), ..arguments.clone() };
    for (name, value) in &arguments.named {
        let Some(parameter) = parameters.iter().find(|parameter| parameter.name == *name) else { continue };
        let name = if *name == PAYLOAD_FORMAT { FORMAT } else { name };
        read.named.push((name, options::of_parameter(parameter, value)?));
    }
    Ok(read)
}

/// The parts that go into columns, with the positions of the columns.
fn read_parts(arguments: &Arguments) -> Result<Vec<(Part, usize)>> {
    let mut found: Vec<(Part, usize)> = Vec::new();
    for (option, parts) in PARTS {
        let Some(name) = arguments.text(option)? else { continue };
        let named = |column: &Column| column.name.eq_ignore_ascii_case(name);
        let Some(position) = arguments.target.iter().position(named) else {
            return Err(Error::new(format!("{option}: no column '{name}' is copied")));
        };
        if found.iter().any(|(_, known)| *known == position) {
            return Err(Error::new(format!("{option}: another option says what column '{name}' is")));
        }
        let ty = &arguments.target[position].ty;
        let Some(part) = parts.iter().find(|part| fits(**part, ty)) else {
            let types: Vec<_> = parts.iter().map(|part| part.column().ty.to_string()).collect();
            return Err(Error::new(format!("{option}: column '{name}' is {ty}; it must be {}", types.join(" or "))));
        };
        found.push((*part, position));
    }
    Ok(found)
}

fn fits(part: Part, ty: &Type) -> bool {
    part.column().ty == *ty || matches!((part, ty), (Part::Sequence, Type::BigInt) | (Part::Time, Type::TimestampTz))
}
