//! The parameters that say how a payload becomes columns, shared by the functions that read messages.

mod alternatives;
mod choice;
mod choose;
mod names;
mod registry;
mod typed;
mod unnest;

use std::sync::Arc;

use crate::codec::inflate::{Compression, Inflate};
use crate::codec::key::KeyText;
use crate::codec::path::Path;
use crate::codec::rows::OnError;
use crate::codec::{Codec, FORMATS, Rest, SchemaRegistry, Unnest, Unnester, Whole, WithPayload};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::value::{Arguments, Parameter, ParameterType};
pub use choice::choice;
use choose::Chosen;
pub use choose::{Sample, check_format, format_arguments, names_a_part};
use typed::{Asked, TypedColumn};

/// The named parameters: those of all formats, and those of one format.
pub const PARAMETERS: &[Parameter] = &parameters();

const SHARED: [Parameter; 11] = [
    Parameter::new("json_extract", ParameterType::TextList),
    Parameter::new("proto_extract", ParameterType::TextList),
    Parameter::new("columns", ParameterType::Any),
    Parameter::new("sample_size", ParameterType::Any),
    Parameter::new("format", ParameterType::Text),
    Parameter::new("unnest", ParameterType::Text),
    Parameter::new("schema_registry", ParameterType::Text),
    Parameter::new("payload_type", ParameterType::Text),
    Parameter::new("decompress", ParameterType::Text),
    Parameter::new("max_inflated", ParameterType::Any),
    Parameter::new("on_error", ParameterType::Text),
];

const fn count() -> usize {
    let (mut count, mut i) = (SHARED.len(), 0);
    while i < FORMATS.len() {
        count += FORMATS[i].parameters.len();
        i += 1;
    }
    count
}

const fn parameters() -> [Parameter; count()] {
    let mut all = [SHARED[0]; count()];
    let mut next = 0;
    while next < SHARED.len() {
        all[next] = SHARED[next];
        next += 1;
    }
    let mut i = 0;
    while i < FORMATS.len() {
        let mut j = 0;
        while j < FORMATS[i].parameters.len() {
            let parameter = FORMATS[i].parameters[j];
            let ty = if parameter.is_list { ParameterType::TextList } else { ParameterType::Text };
            all[next] = Parameter::new(parameter.name, ty);
            next += 1;
            j += 1;
        }
        i += 1;
    }
    all
}

/// The choices of `payload_type`.
const TYPES: [(&str, Whole); 3] = [("blob", Whole::Bytes), ("text", Whole::Text), ("json", Whole::Json)];

/// The form of the payload itself that a call asks for; None when it does not say.
///
/// # Errors
/// `payload_type` is none of its words.
pub fn payload_type(arguments: &Arguments) -> Result<Option<Whole>> {
    choice(arguments, "payload_type", &TYPES)
}

/// Whether a statement shows the payload itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShowsPayload {
    /// It does.
    Yes,
    /// It does when no columns are asked for.
    WithoutColumns,
}

/// How payloads become columns.
#[derive(Clone)]
pub struct Payload {
    codec: Option<Arc<dyn Codec>>,
    /// Whether the first of the codec's columns is the payload itself.
    decodes_whole: bool,
    /// The paths of the columns that the statement shows, where it names paths.
    paths: Option<Vec<Path>>,
    /// Whether columns are asked for, beside that of the payload itself.
    has_columns: bool,
    /// The columns that the statement shows, by their names; the rest of the codec's are texts that its keys are made from.
    columns: Vec<Column>,
    /// How payloads are inflated.
    pub inflate: Inflate,
    /// The way in which a message is divided into rows, when these are parts of its payload.
    unnest: Option<Unnest>,
    /// The registry of the schemas.
    registry: Option<Arc<dyn SchemaRegistry>>,
    /// Whether the `payload` column is text that is not checked: `json_extract` makes it so, unless `payload_type` is given.
    pub is_text: bool,
    /// The effect of a payload that does not decode, unless `on_error` is given: an error for `columns`, NULL for the two
    /// `_extract` lists. `nats_ingest` has choices of its own and always fails by default: NULLs would be taken for the
    /// values of an event, and never be looked at again.
    pub default_on_error: OnError,
}

impl Payload {
    /// Reads the parameters. `reserved` are the names of the statement's other columns; `texts` are paths that are decoded
    /// as VARCHAR beside the columns that are asked for.
    ///
    /// # Errors
    /// A parameter is of the wrong type, unknown, or contradicts another; a schema or a sample cannot be read.
    pub fn read(
        arguments: &Arguments,
        shows: ShowsPayload,
        reserved: &[&str],
        texts: &[KeyText],
        sample: Sample<'_>,
    ) -> Result<Self> {
        let is_text = choose::format(arguments, "format")?.is_some_and(|format| format.name == "text");
        let asked = payload_type(arguments)?.or(is_text.then_some(Whole::Text));
        let inflates = arguments.text("decompress")?.is_some_and(|word| !word.eq_ignore_ascii_case("none"));
        let whole = |has_columns: bool| match (shows, asked) {
            (ShowsPayload::WithoutColumns, _) if has_columns => None,
            (_, Some(Whole::Text | Whole::Json)) => asked,
            // Beside columns the bytes stay as they were stored.
            _ => (inflates && !has_columns).then_some(Whole::Bytes),
        };
        Self::of(arguments, typed::read(arguments)?, whole, reserved, texts, sample)
    }

    /// Reads the parameters where the columns are known: the payload itself as this, if it is not stored bytes; and these
    /// members of the document, with these types, or none.
    ///
    /// # Errors
    /// As [`Payload::read`].
    pub fn of_members(arguments: &Arguments, whole: Option<Whole>, members: Vec<(Path, Type)>) -> Result<Self> {
        let no_sample = |_| Ok(Vec::new());
        let whole = |_| whole;
        if members.is_empty() {
            // Parameters of a schema would give all of its fields; lines are rows all the same.
            let shared = SHARED.map(|parameter| parameter.name);
            let has_lines = choose::format(arguments, "format")?.is_some_and(|format| format.lines.is_some());
            let keeps = |name: &&str| shared.contains(name) && (*name != "format" || has_lines);
            let named = arguments.named.iter().filter(|(name, _)| keeps(name));
            let arguments = Arguments { named: named.cloned().collect(), ..Arguments::default() };
            return Self::of(&arguments, None, whole, &[], &[], &no_sample);
        }
        let columns = members.into_iter().map(|(path, ty)| TypedColumn::new(path, ty)).collect();
        Self::of(arguments, Some(Asked::Typed(columns)), whole, &[], &[], &no_sample)
    }

    /// `whole` gives the form of the column of the payload itself, if that is decoded; its argument is whether there are other columns.
    fn of(
        arguments: &Arguments,
        columns: Option<Asked>,
        whole: impl Fn(bool) -> Option<Whole>,
        reserved: &[&str],
        texts: &[KeyText],
        sample: Sample<'_>,
    ) -> Result<Self> {
        let limit = choose::max_inflated(arguments)?;
        let compression = choice(arguments, "decompress", Compression::CHOICES)?.unwrap_or(Compression::Header);
        let inflate = Inflate { compression, limit };
        let json_extract = arguments.find("json_extract").is_some();
        let is_text = json_extract && arguments.find("payload_type").is_none();
        let extracts = json_extract || arguments.find("proto_extract").is_some();
        let Chosen { codec, paths, names, unnest, registry } =
            choose::codec(arguments, columns, reserved, texts, inflate, sample)?;
        // A sample without messages gives no columns, though columns are asked for.
        let has_columns = paths.is_some() || !names.is_empty();
        let whole = whole(has_columns);
        let codec: Option<Arc<dyn Codec>> = match whole {
            Some(whole) => Some(Arc::new(WithPayload::new(whole, codec))),
            None => codec.map(Arc::from),
        };
        let names = whole.iter().map(|_| "payload".to_owned()).chain(names);
        let decoded = codec.as_ref().map_or(&[][..], |codec| codec.columns());
        let columns = names.zip(decoded).map(|(name, column)| Column::new(name, column.ty.clone())).collect();
        let default_on_error = if extracts { OnError::Null } else { OnError::Fail };
        Ok(Self {
            codec,
            decodes_whole: whole.is_some(),
            paths,
            has_columns,
            columns,
            inflate,
            unnest,
            registry,
            is_text,
            default_on_error,
        })
    }

    /// Whether the first of the columns is the payload itself.
    pub fn decodes_whole(&self) -> bool {
        self.decodes_whole
    }

    /// Whether the statement asks for columns beside that of the payload itself.
    pub fn has_columns(&self) -> bool {
        self.has_columns
    }

    /// The columns that the statement shows.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The members of a document that the columns leave, for the column `rest`.
    ///
    /// # Errors
    /// No columns are named by their paths, or a schema names the fields.
    pub fn rest(&self) -> Result<Rest> {
        let Some(paths) = &self.paths else {
            return Err(Error::new("rest needs columns, which it completes")
                .advice("name columns, or take the whole payload with payload := true"));
        };
        Ok(Rest::new(paths))
    }

    /// Whether a message becomes a row for each part of its payload.
    pub fn unnests(&self) -> bool {
        self.unnest.is_some()
    }

    /// Takes messages apart; None where a message is one row.
    pub fn unnester(&self) -> Option<Unnester> {
        Some(Unnester::new(self.unnest.clone()?, self.inflate))
    }

    /// The codec, if anything is decoded.
    pub fn codec(&self) -> Option<&dyn Codec> {
        self.codec.as_deref()
    }

    /// Fails when payloads could not be decoded because the registry of their schemas could not be asked. To be called before anything is done about
    /// payloads that do not decode: they may be good.
    ///
    /// # Errors
    /// That of the registry.
    pub fn check_registry(&self) -> Result<()> {
        self.registry.as_ref().and_then(|registry| registry.take_outage()).map_or(Ok(()), Err)
    }

    /// Whether headers are needed to read payloads.
    pub fn needs_headers(&self) -> bool {
        (self.codec.is_some() || self.unnests()) && self.inflate.compression == Compression::Header
    }
}
