//! Which codec a statement asks for.

use std::sync::Arc;

use super::alternatives;
use super::choice::choice;
use super::names;
use super::registry;
use super::typed::{self, Asked, TypedColumn};
use super::unnest;
use crate::codec::inflate::Inflate;
use crate::codec::key::KeyText;
use crate::codec::path::Path;
use crate::codec::protobuf::SchemaSource;
use crate::codec::{Codec, FORMATS, FormatArguments, PayloadFormat, SchemaRegistry, Unnest, avro, json, protobuf};
use crate::column::Type;
use crate::error::{Error, Result};
use crate::record::Record;
use crate::value::Arguments;

/// The number of messages that `columns := 'auto'` reads, unless `sample_size` is given.
const SAMPLE_SIZE: u64 = 1_000;

/// Reads the first messages of the statement, at most as many as its argument, for `columns := 'auto'`. Nothing else may touch
/// the network at bind.
pub type Sample<'a> = &'a dyn Fn(u64) -> Result<Vec<Record>>;

/// The codec that a statement asks for, and the columns that it makes.
pub(super) struct Chosen {
    /// The codec, if columns are decoded or keys need texts.
    pub(super) codec: Option<Box<dyn Codec>>,
    /// The paths of the columns; None where no columns are asked for, or a schema names them.
    pub(super) paths: Option<Vec<Path>>,
    /// The names of the columns.
    pub(super) names: Vec<String>,
    /// How a message is taken apart, when its rows are parts of its payload.
    pub(super) unnest: Option<Unnest>,
    /// The registry of the payloads' schemas.
    pub(super) registry: Option<Arc<dyn SchemaRegistry>>,
}

/// The codec, if the statement asks for decoded columns or its keys need texts.
pub(super) fn codec(
    arguments: &Arguments,
    columns: Option<Asked>,
    reserved: &[&str],
    texts: &[KeyText],
    inflate: Inflate,
    sample: Sample<'_>,
) -> Result<Chosen> {
    let text_paths: Vec<Path> = texts.iter().map(|text| text.path.clone()).collect();
    // Columns that are named by their paths, those of a schema among them.
    let schema = format_arguments(arguments)?;
    let unnest = unnest::read(arguments, format(arguments, "format")?.unwrap_or(&FORMATS[0]), &schema)?;
    let by_path = |codec: Option<Box<dyn Codec>>, paths: Option<Vec<Path>>| {
        let columns = codec.as_ref().map_or(&[][..], |codec| codec.columns());
        let shown = columns.len().saturating_sub(texts.len());
        let names = columns.iter().take(shown).map(|column| column.name.clone()).collect();
        let (unnest, registry) = (unnest.clone(), schema.registry.clone());
        Chosen { codec, paths, names: names::unique(names, reserved), unnest, registry }
    };
    let format = format(arguments, "format")?;
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
    if (json_extract.is_some() || proto_extract.is_some()) && arguments.find("schema_registry").is_some() {
        return Err(Error::new("schema_registry needs columns").advice("give the paths to columns, with their types"));
    }
    if let Some(list) = json_extract {
        let paths = list.into_iter().map(typed::alternatives).collect::<Result<Vec<_>>>()?;
        let columns: Vec<TypedColumn> =
            paths.into_iter().map(|paths| TypedColumn::of_alternatives(paths, Type::Varchar)).collect();
        let make = |_: Option<&Path>, wanted| json::extract(wanted);
        let (codec, _) = alternatives::codec(unnest.as_ref(), &columns, texts, &make)?;
        let paths = columns.iter().flat_map(TypedColumn::paths).cloned().collect();
        return Ok(by_path(Some(codec), Some(paths)));
    }
    if let Some(list) = proto_extract {
        let source = SchemaSource::of(&schema);
        let paths = list.into_iter().map(Path::parse).collect::<Result<Vec<_>>>()?;
        return Ok(by_path(Some(protobuf::extract(&source, paths, text_paths)?), None));
    }
    let format = format.unwrap_or(&FORMATS[0]);
    check_parameters(arguments, format)?;
    check_registry(arguments, format, unnest.is_some())?;
    let make = |element_of: Option<&Path>, wanted| match element_of {
        None => (format.columns)(&schema, wanted),
        Some(list) => {
            let arguments = FormatArguments { element_of: Some(list.clone()), ..schema.clone() };
            (format.columns)(&arguments, wanted)
        }
    };
    let (columns, is_auto) = match columns {
        Some(Asked::Typed(columns)) => (columns, false),
        Some(Asked::Auto) => (infer(arguments, format, (unnest.as_ref(), &schema), inflate, sample)?, true),
        // All fields of a schema are those of a payload, and not those of an element.
        None => match unnest.is_none().then(|| (format.all)(&schema, &text_paths)).transpose()?.flatten() {
            None if texts.is_empty() && unnest.is_none() => return Ok(by_path(None, None)),
            None => {
                let (codec, _) = alternatives::codec(unnest.as_ref(), &[], texts, &make)?;
                return Ok(by_path(Some(codec), None));
            }
            all => return Ok(by_path(all, None)),
        },
    };
    let (codec, given) = alternatives::codec(unnest.as_ref(), &columns, texts, &make)?;
    let names = if is_auto {
        names::unique(given, reserved)
    } else {
        names::check(&columns, reserved)?;
        given
    };
    let paths = columns.iter().flat_map(TypedColumn::paths).cloned().collect();
    Ok(Chosen { codec: Some(codec), paths: Some(paths), names, unnest, registry: schema.registry })
}

/// Refuses a schema registry with a format whose payloads do not name their schema by a number.
fn check_registry(arguments: &Arguments, format: &PayloadFormat, unnests: bool) -> Result<()> {
    if arguments.find("schema_registry").is_none() {
        return Ok(());
    }
    let refused = |why: &str| Err(Error::new(format!("schema_registry and {why} cannot be used together")));
    match format.name {
        "avro" if arguments.find("avro_schema").is_some() => refused("avro_schema"),
        "protobuf" if arguments.find("proto_file").is_some() => refused("proto_file"),
        "protobuf" if arguments.find("proto_descriptor_set").is_some() => refused("proto_descriptor_set"),
        "json" | "protobuf" if unnests => refused("unnest"),
        "avro" | "json" | "protobuf" => Ok(()),
        name => {
            refused(&format!("format '{name}'")).map_err(|error| error.advice("Avro, protobuf and JSON are read so"))
        }
    }
}

/// Refuses the parameters of other formats.
fn check_parameters(arguments: &Arguments, format: &PayloadFormat) -> Result<()> {
    for other in FORMATS.iter().filter(|other| other.name != format.name) {
        if let Some(parameter) = other.parameters.iter().find(|parameter| arguments.find(parameter.name).is_some()) {
            let extract = if other.name == "protobuf" { " or proto_extract" } else { "" };
            return Err(Error::new(format!("{} needs format := '{}'{extract}", parameter.name, other.name)));
        }
    }
    Ok(())
}

fn infer(
    arguments: &Arguments,
    format: &PayloadFormat,
    (unnest, schema): (Option<&Unnest>, &FormatArguments),
    inflate: Inflate,
    sample: Sample<'_>,
) -> Result<Vec<TypedColumn>> {
    let no_sample = || {
        Error::new(format!("columns := 'auto' and {} do not go together", format.name))
            .advice("leave columns out: the schema says what the columns are")
    };
    let by_reader = arguments.find(avro::READER_SCHEMA).is_some();
    if by_reader || format.infer.is_none() && schema.registry.is_none() {
        return Err(no_sample());
    }
    let size = arguments.unsigned("sample_size")?.unwrap_or(SAMPLE_SIZE);
    if size == 0 {
        return Err(Error::new("sample_size is 0; it must be at least 1"));
    }
    let records = sample(size)?;
    if records.is_empty() {
        return Ok(Vec::new());
    }
    // A payload that does not inflate is left to the read, which fails.
    let payloads: Vec<_> = records.iter().filter_map(|record| inflate.payload(record).ok()).collect();
    let payloads: Vec<&[u8]> = payloads.iter().map(|payload| &payload[..]).collect();
    let inferred = match (unnest, &schema.registry, format.infer) {
        (Some(unnest), _, Some(infer)) => unnest::infer(unnest, infer, &payloads),
        (None, Some(registry), Some(_)) if format.name == "avro" => {
            avro::infer_registered(registry, &mut payloads.iter().copied())
        }
        (None, Some(registry), None) => {
            protobuf::infer_registered(Arc::clone(registry), SchemaSource::of(schema), &mut payloads.iter().copied())
        }
        (None, Some(_), Some(infer)) => infer(&mut payloads.iter().filter_map(|payload| payload.get(5..))),
        (None, None, Some(infer)) => infer(&mut payloads.iter().copied()),
        (_, _, None) => Err(no_sample()),
    };
    let columns = inferred.map_err(|error| Error::new(format!("columns := 'auto': {error}")))?;
    Ok(columns.into_iter().map(|(path, ty)| TypedColumn::new(path, ty)).collect())
}

pub(super) fn format(arguments: &Arguments, name: &str) -> Result<Option<&'static PayloadFormat>> {
    let formats: Vec<(&str, &PayloadFormat)> = FORMATS.iter().map(|format| (format.name, format)).collect();
    choice(arguments, name, &formats)
}

/// Whether the rows of a call are parts of a message, as with `unnest`.
///
/// # Errors
/// `format` is no text, or an unknown format.
pub fn names_a_part(arguments: &Arguments) -> Result<bool> {
    let lines = format(arguments, "format")?.is_some_and(|format| format.lines.is_some());
    Ok(lines || arguments.find("unnest").is_some())
}

/// Checks that an argument names a format of payloads.
///
/// # Errors
/// The argument is no text, or an unknown format.
pub fn check_format(arguments: &Arguments, name: &str) -> Result<()> {
    format(arguments, name).map(drop)
}

/// The most bytes that one payload, or a part of it, may grow to.
pub(super) fn max_inflated(arguments: &Arguments) -> Result<usize> {
    let Some(limit) = arguments.unsigned("max_inflated")? else { return Ok(Inflate::DEFAULT_LIMIT) };
    usize::try_from(limit).map_err(|_| Error::new("max_inflated is too large"))
}

/// The arguments that the call gives to the parameters of formats.
///
/// # Errors
/// A parameter is of the wrong type or out of its range, or the registry cannot be opened.
pub fn format_arguments(arguments: &Arguments) -> Result<FormatArguments> {
    let mut given = FormatArguments {
        texts: Vec::new(),
        registry: registry::read(arguments)?,
        element_of: None,
        max_inflated: max_inflated(arguments)?,
    };
    for parameter in FORMATS.iter().flat_map(|format| format.parameters) {
        let texts = if parameter.is_list {
            arguments.texts(parameter.name)?.unwrap_or_default()
        } else {
            arguments.text(parameter.name)?.into_iter().collect()
        };
        given.texts.push((parameter.name, texts.into_iter().map(str::to_owned).collect()));
    }
    Ok(given)
}
