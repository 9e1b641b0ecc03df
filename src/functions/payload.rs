//! The parameters that say how a payload becomes columns, shared by the functions that read messages.

use std::sync::Arc;

use crate::codec::inflate::{Compression, Inflate};
use crate::codec::path::{Path, Wanted};
use crate::codec::rows::OnError;
use crate::codec::{Codec, cbor, json, msgpack};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::ffi::parse_types;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The named parameters.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::new("json_extract", ParameterType::TextList),
    Parameter::new("columns", ParameterType::Any),
    Parameter::new("format", ParameterType::Text),
    Parameter::new("decompress", ParameterType::Text),
    Parameter::new("max_inflated", ParameterType::Unsigned),
    Parameter::new("on_error", ParameterType::Text),
];

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
}

impl Payload {
    /// Reads the parameters. `texts` are paths that are decoded as VARCHAR beside the columns that are asked for.
    pub fn read(arguments: &Arguments, texts: &[Path]) -> Result<Self> {
        let format = choice(arguments, "format", FORMATS)?.unwrap_or(json::columns);
        let extract = arguments.texts("json_extract")?;
        let typed = typed_columns(arguments)?;
        if extract.is_some() && typed.is_some() {
            return Err(Error::new("json_extract and columns cannot be used together")
                .advice("give the paths of json_extract to columns, with the type VARCHAR"));
        }
        let is_text = extract.is_some();
        let shown = extract.as_ref().map_or(0, Vec::len) + typed.as_ref().map_or(0, Vec::len);
        let codec = match (extract, typed) {
            (None, None) if texts.is_empty() => None,
            (Some(paths), _) => {
                let paths = paths.iter().map(|path| Path::parse(path)).collect::<Result<Vec<_>>>()?;
                Some(json::extract(paths, texts.to_vec())?)
            }
            (None, typed) => Some(format(Wanted { columns: typed.unwrap_or_default(), texts: texts.to_vec() })?),
        };
        let limit = arguments.unsigned("max_inflated")?.map_or(Ok(Inflate::DEFAULT_LIMIT), |limit| {
            usize::try_from(limit).map_err(|_| Error::new("max_inflated is too large"))
        })?;
        let compression = choice(arguments, "decompress", Compression::CHOICES)?.unwrap_or(Compression::Header);
        Ok(Self { codec: codec.map(Arc::from), shown, inflate: Inflate { compression, limit }, is_text })
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

    /// What a payload that does not decode does, unless the user says: an error, and NULL for `json_extract`.
    pub fn default_on_error(&self) -> OnError {
        if self.is_text { OnError::Null } else { OnError::Fail }
    }
}

/// A payload format: columns and texts become its codec.
type Format = fn(Wanted) -> Result<Box<dyn Codec>>;

/// The formats; a new one is one line here and its file in `codec`.
const FORMATS: &[(&str, Format)] = &[("json", json::columns), ("msgpack", msgpack::columns), ("cbor", cbor::columns)];

/// `columns := {path: type}`, as a STRUCT or a MAP.
fn typed_columns(arguments: &Arguments) -> Result<Option<Vec<(Path, Type)>>> {
    let entries: Vec<(&str, &Value)> = match arguments.find("columns") {
        None => return Ok(None),
        Some(Value::Struct(members)) => members.iter().map(|(name, ty)| (name.as_str(), ty)).collect(),
        Some(Value::Map(entries)) => {
            let key = |key: &'_ Value| match key {
                Value::Text(_) => Ok(()),
                other => Err(Error::new(format!("columns: a path must be VARCHAR, not {}", other.kind()))),
            };
            entries.iter().try_for_each(|(path, _)| key(path))?;
            entries
                .iter()
                .filter_map(|(path, ty)| if let Value::Text(path) = path { Some((path.as_str(), ty)) } else { None })
                .collect()
        }
        Some(other) => {
            return Err(Error::new(format!(
                "columns must be a STRUCT or a MAP of paths and types, not {}",
                other.kind()
            ))
            .advice("write columns := {'user_id': 'BIGINT', 'location.zone': 'VARCHAR'}"));
        }
    };
    if entries.is_empty() {
        return Err(Error::new("columns names no column"));
    }
    let mut paths = Vec::new();
    let mut texts = Vec::new();
    for (path, ty) in entries {
        let Value::Text(ty) = ty else {
            return Err(Error::new(format!("columns: the type of '{path}' must be VARCHAR, not {}", ty.kind())));
        };
        paths.push(Path::parse(path)?);
        texts.push(ty.as_str());
    }
    let types = parse_types(&texts).map_err(|error| Error::new(format!("columns: {error}")))?;
    Ok(Some(paths.into_iter().zip(types).collect()))
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
