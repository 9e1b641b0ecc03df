//! Which codec a statement asks for.

use super::typed::Asked;
use super::{Sample, choice};
use crate::codec::inflate::Inflate;
use crate::codec::path::{Path, Wanted};
use crate::codec::protobuf::SchemaSource;
use crate::codec::{Codec, DOCUMENT_FORMATS, DocumentFormat, avro, json, protobuf};
use crate::error::{Error, Result};
use crate::value::Arguments;

/// How many messages `columns := 'auto'` looks at, unless `sample_size` says.
const SAMPLE_SIZE: u64 = 1_000;

/// How payloads are read.
#[derive(Clone, Copy)]
enum Format {
    /// They say by themselves what they hold.
    Document(&'static DocumentFormat),
    /// By a schema.
    Protobuf,
}

/// The parameters that only protobuf has.
pub const PROTOBUF: [&str; 4] = ["proto_file", "proto_descriptor_set", "proto_path", "proto_message"];

/// The codec, if the statement asks for decoded columns or its keys need texts.
pub(super) fn codec(
    arguments: &Arguments,
    columns: Option<Asked>,
    texts: &[Path],
    inflate: Inflate,
    sample: Sample<'_>,
) -> Result<Option<Box<dyn Codec>>> {
    let format = format(arguments)?;
    let json_extract = arguments.texts("json_extract")?;
    let proto_extract = arguments.texts("proto_extract")?;
    if json_extract.is_some() && proto_extract.is_some() {
        return Err(Error::new("Cannot use both json_extract and proto_extract parameters"));
    }
    for (name, list) in [("json_extract", &json_extract), ("proto_extract", &proto_extract)] {
        if list.is_some() && columns.is_some() {
            return Err(Error::new(format!("{name} and columns cannot be used together"))
                .advice("give the paths to columns, with their types"));
        }
    }
    if arguments.find("sample_size").is_some() && !matches!(columns, Some(Asked::Auto)) {
        return Err(Error::new("sample_size needs columns := 'auto'"));
    }
    let paths = |list: Vec<&str>| list.into_iter().map(Path::parse).collect::<Result<Vec<_>>>();
    let texts = texts.to_vec();
    if let Some(list) = json_extract {
        return json::extract(paths(list)?, texts).map(Some);
    }
    if let Some(list) = proto_extract {
        return protobuf::extract(&schema_source(arguments)?, paths(list)?, texts).map(Some);
    }
    if !matches!(format, Some(Format::Protobuf)) {
        for name in PROTOBUF {
            if arguments.find(name).is_some() {
                return Err(Error::new(format!("{name} needs format := 'protobuf' or proto_extract")));
            }
        }
    }
    match (format, columns) {
        (Some(Format::Protobuf), None) => protobuf::all(&schema_source(arguments)?, texts).map(Some),
        (Some(Format::Protobuf), Some(Asked::Auto)) => {
            Err(Error::new("columns := 'auto' and protobuf do not go together")
                .advice("leave columns out: the schema says what the columns are"))
        }
        (Some(Format::Protobuf), Some(Asked::Typed(columns))) => {
            protobuf::columns(&schema_source(arguments)?, Wanted { columns, texts }).map(Some)
        }
        (document, asked) => {
            let document = match document {
                Some(Format::Document(format)) => format,
                _ => &DOCUMENT_FORMATS[0],
            };
            of_document(arguments, document, asked, texts, inflate, sample)
        }
    }
}

fn of_document(
    arguments: &Arguments,
    format: &DocumentFormat,
    asked: Option<Asked>,
    texts: Vec<Path>,
    inflate: Inflate,
    sample: Sample<'_>,
) -> Result<Option<Box<dyn Codec>>> {
    let schema = avro_schema(arguments, format)?;
    let columns = match asked {
        Some(Asked::Typed(columns)) => columns,
        Some(Asked::Auto) => infer(arguments, format, inflate, sample)?,
        // A schema says what all the fields are.
        None => match &schema {
            Some(schema) => schema.fields()?,
            None if texts.is_empty() => return Ok(None),
            None => Vec::new(),
        },
    };
    let wanted = Wanted { columns, texts };
    match schema {
        Some(schema) => avro::columns(Some(schema), wanted).map(Some),
        None => (format.columns)(wanted).map(Some),
    }
}

fn infer(
    arguments: &Arguments,
    format: &DocumentFormat,
    inflate: Inflate,
    sample: Sample<'_>,
) -> Result<Vec<(Path, crate::column::Type)>> {
    let size = arguments.unsigned("sample_size")?.unwrap_or(SAMPLE_SIZE);
    if size == 0 {
        return Err(Error::new("sample_size is 0; it must be at least 1"));
    }
    let records = sample(size)?;
    // A payload that does not inflate says nothing about columns; reading it is what fails.
    let payloads: Vec<_> = records.iter().filter_map(|record| inflate.payload(record).ok()).collect();
    (format.infer)(&mut payloads.iter().map(|payload| &payload[..]))
        .map_err(|error| Error::new(format!("columns := 'auto': {error}")))
}

fn format(arguments: &Arguments) -> Result<Option<Format>> {
    read_format(arguments, "format")
}

/// Checks that an argument names a format of payloads.
pub fn check_format(arguments: &Arguments, name: &str) -> Result<()> {
    read_format(arguments, name).map(drop)
}

fn read_format(arguments: &Arguments, name: &str) -> Result<Option<Format>> {
    let mut formats: Vec<(&str, Format)> =
        DOCUMENT_FORMATS.iter().map(|format| (format.name, Format::Document(format))).collect();
    formats.push(("protobuf", Format::Protobuf));
    choice(arguments, name, &formats)
}

/// The parameters that name a message of protobuf and its schema.
pub fn schema_source(arguments: &Arguments) -> Result<SchemaSource> {
    let text = |name: &str| arguments.text(name).map(|text| text.map(str::to_owned));
    Ok(SchemaSource {
        proto_file: text("proto_file")?,
        proto_descriptor_set: text("proto_descriptor_set")?,
        proto_path: arguments.texts("proto_path")?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        proto_message: text("proto_message")?,
    })
}

/// `avro_schema`: the JSON of a schema, or the path of a file that holds it.
fn avro_schema(arguments: &Arguments, format: &DocumentFormat) -> Result<Option<avro::Schema>> {
    let Some(text) = arguments.text("avro_schema")? else { return Ok(None) };
    if format.name != "avro" {
        return Err(Error::new("avro_schema needs format := 'avro'"));
    }
    let inline = text.trim_start().starts_with(['{', '[', '"']);
    if inline {
        return avro::Schema::parse(text).map(Some).map_err(|error| Error::new(format!("avro_schema: {error}")));
    }
    let read = std::fs::read_to_string(text);
    let file = read.map_err(|error| Error::foreign(&format!("avro_schema: cannot read '{text}'"), &error))?;
    avro::Schema::parse(&file).map(Some).map_err(|error| Error::new(format!("avro_schema: '{text}': {error}")))
}
