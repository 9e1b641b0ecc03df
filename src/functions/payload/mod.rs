//! The parameters that say how a payload becomes columns, shared by the functions that read messages.

mod choose;
mod typed;

use std::sync::Arc;

use crate::codec::Codec;
use crate::codec::inflate::{Compression, Inflate};
use crate::codec::path::Path;
use crate::codec::rows::OnError;
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType};
pub use choose::{PROTOBUF, check_format, schema_source};
use typed::Asked;

/// The named parameters.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::new("json_extract", ParameterType::TextList),
    Parameter::new("proto_extract", ParameterType::TextList),
    Parameter::new("columns", ParameterType::Any),
    Parameter::new("sample_size", ParameterType::Any),
    Parameter::new("format", ParameterType::Text),
    Parameter::new("proto_file", ParameterType::Text),
    Parameter::new("proto_descriptor_set", ParameterType::Text),
    Parameter::new("proto_path", ParameterType::TextList),
    Parameter::new("proto_message", ParameterType::Text),
    Parameter::new("avro_schema", ParameterType::Text),
    Parameter::new("decompress", ParameterType::Text),
    Parameter::new("max_inflated", ParameterType::Any),
    Parameter::new("on_error", ParameterType::Text),
];

/// Reads the first messages that the statement would read, at most so many, for `columns := 'auto'`. It is the one thing
/// that may touch the network at bind.
pub type Sample<'a> = &'a dyn Fn(u64) -> Result<Vec<Record>>;

/// How payloads become columns.
#[derive(Clone)]
pub struct Payload {
    codec: Option<Arc<dyn Codec>>,
    /// How many of the codec's columns the statement shows; the rest are texts that its keys are made from.
    shown: usize,
    /// How payloads are inflated.
    pub inflate: Inflate,
    /// Whether the `payload` column is text: `json_extract` makes it so.
    pub is_text: bool,
    /// What a payload that does not decode does, unless the user says: an error for `columns`, NULL for the two
    /// `_extract` lists. `nats_ingest` has choices of its own and always fails by default: NULLs would be taken for the
    /// values of an event, and never be looked at again.
    pub default_on_error: OnError,
}

impl Payload {
    /// Reads the parameters. `texts` are paths that are decoded as VARCHAR beside the columns that are asked for.
    pub fn read(arguments: &Arguments, texts: &[Path], sample: Sample<'_>) -> Result<Self> {
        Self::of(arguments, typed::read(arguments)?, texts, sample)
    }

    /// Reads the parameters where the columns are known: these members of the document, with these types, or none.
    pub fn of_members(arguments: &Arguments, members: Vec<(Path, Type)>) -> Result<Self> {
        let no_sample = |_| Ok(Vec::new());
        if members.is_empty() {
            return Self::of(&Arguments::default(), None, &[], &no_sample);
        }
        Self::of(arguments, Some(Asked::Typed(members)), &[], &no_sample)
    }

    fn of(arguments: &Arguments, columns: Option<Asked>, texts: &[Path], sample: Sample<'_>) -> Result<Self> {
        let limit = arguments.unsigned("max_inflated")?.map_or(Ok(Inflate::DEFAULT_LIMIT), |limit| {
            usize::try_from(limit).map_err(|_| Error::new("max_inflated is too large"))
        })?;
        let compression = choice(arguments, "decompress", Compression::CHOICES)?.unwrap_or(Compression::Header);
        let inflate = Inflate { compression, limit };
        let is_text = arguments.find("json_extract").is_some();
        let extracts = is_text || arguments.find("proto_extract").is_some();
        let codec: Option<Arc<dyn Codec>> = choose::codec(arguments, columns, texts, inflate, sample)?.map(Arc::from);
        let shown = codec.as_ref().map_or(0, |codec| codec.columns().len() - texts.len());
        let default_on_error = if extracts { OnError::Null } else { OnError::Fail };
        Ok(Self { codec, shown, inflate, is_text, default_on_error })
    }

    /// The columns that the statement shows.
    pub fn columns(&self) -> &[Column] {
        self.codec.as_ref().map_or(&[], |codec| &codec.columns()[..self.shown])
    }

    /// The codec, if anything is decoded.
    pub fn codec(&self) -> Option<&dyn Codec> {
        self.codec.as_deref()
    }

    /// Whether headers are needed to read payloads.
    pub fn needs_headers(&self) -> bool {
        self.codec.is_some() && self.inflate.compression == Compression::Header
    }
}

/// One of some words; an unknown one is an error that lists them.
pub fn choice<T: Copy>(arguments: &Arguments, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(word) = arguments.text(name)? else { return Ok(None) };
    let found = choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(known, _)| format!("'{known}'")).collect();
        Error::new(format!("{name} is '{word}'; it must be one of {}", words.join(", ")))
    })
}
