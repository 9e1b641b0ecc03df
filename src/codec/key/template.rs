//! A template, and the key that it makes of one event.

use super::bucket::Bucket;
use super::percent;
use crate::codec::path::Path;
use crate::codec::quote::quote;
use crate::record::Headers;

/// A checked template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    pub(super) text: String,
    pub(super) segments: Vec<Segment>,
    pub(super) paths: Vec<Path>,
    /// The characters that are percent-encoded in values, beside `:` and `%`.
    pub(super) encoded: Vec<char>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Segment {
    Literal(String),
    /// Alternatives, in order.
    Part(Vec<Alternative>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Alternative {
    pub(super) source: PartSource,
    pub(super) bucket: Option<Bucket>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PartSource {
    /// A field of the payload, by its position in [`Template::paths`].
    Field(usize),
    Header(String),
    Subject,
    Sequence,
    /// The place of a row among those of its message, from 1.
    Index,
    Text(String),
}

/// A field of the payload that a key is made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyText {
    /// Where it stands.
    pub path: Path,
    /// Whether it may lead through a value without parts, because the key has alternatives to it.
    pub may_miss: bool,
}

/// The values that a key is made from.
pub trait PartValues {
    /// The text of a payload field, by its position in [`Template::paths`]; None when missing or null.
    fn field(&self, index: usize) -> Option<&str>;
    /// The subject of the message, if there is a message.
    fn subject(&self) -> Option<&str>;
    /// The sequence of the message, if there is a message.
    fn sequence(&self) -> Option<u64>;
    /// The place of the row among those of its message, from 1, where a message becomes several.
    fn index(&self) -> Option<u64>;
    /// The headers of the message, if there is a message.
    fn headers(&self) -> Option<&Headers>;
}

/// The reasons why a key cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// No alternative of this part is present; the part as the template writes it.
    Missing(String),
    /// A part that has a bucket is not a time.
    NotATime {
        /// The part as the template writes it.
        part: String,
        /// Its value.
        value: String,
        /// The form that it needs.
        wants: String,
        /// Whether the value would be a time if the template named the unit of an epoch.
        lacks_unit: bool,
    },
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyError::Missing(part) => {
                write!(f, "the key's part {{{part}}} is missing or empty, and it has no alternative")
            }
            KeyError::NotATime { part, value, wants, lacks_unit } => {
                let value = quote(value);
                write!(f, "the key's part {{{part}}} needs {wants}, not '{value}'")?;
                if *lacks_unit { f.write_str("; of a Unix epoch say the unit, as in {t@5m:s}") } else { Ok(()) }
            }
        }
    }
}

impl Template {
    /// The template as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The payload fields that the key needs.
    #[must_use]
    pub fn paths(&self) -> &[Path] {
        &self.paths
    }

    /// The payload fields that the key needs, each with whether the key has an alternative where the field is missing.
    #[must_use]
    pub fn texts(&self) -> Vec<KeyText> {
        let alone = |field: usize| {
            self.segments.iter().any(|segment| match segment {
                Segment::Part(alternatives) => {
                    alternatives.len() == 1 && alternatives.iter().any(|one| one.source == PartSource::Field(field))
                }
                Segment::Literal(_) => false,
            })
        };
        let text = |(field, path): (usize, &Path)| KeyText { path: path.clone(), may_miss: !alone(field) };
        self.paths.iter().enumerate().map(text).collect()
    }

    /// Whether the key needs the message's headers.
    #[must_use]
    pub fn needs_headers(&self) -> bool {
        self.alternatives().any(|alternative| matches!(alternative.source, PartSource::Header(_)))
    }

    /// Whether the key needs the message's subject.
    #[must_use]
    pub fn needs_subject(&self) -> bool {
        self.alternatives().any(|alternative| alternative.source == PartSource::Subject)
    }

    /// Whether the key needs the message, not its payload alone.
    #[must_use]
    pub fn needs_message(&self) -> bool {
        self.alternatives().any(|alternative| !matches!(alternative.source, PartSource::Field(_) | PartSource::Text(_)))
    }

    /// Whether the key needs the place of a row among those of its message.
    #[must_use]
    pub fn needs_index(&self) -> bool {
        self.alternatives().any(|alternative| alternative.source == PartSource::Index)
    }

    fn alternatives(&self) -> impl Iterator<Item = &Alternative> {
        self.segments.iter().flat_map(|segment| match segment {
            Segment::Literal(_) => &[][..],
            Segment::Part(alternatives) => alternatives,
        })
    }

    /// Writes the key of one event at the end of `out`.
    ///
    /// # Errors
    /// A part without an alternative is missing or empty, or a part with a bucket is not a time.
    pub fn render(&self, parts: &impl PartValues, out: &mut String) -> std::result::Result<(), KeyError> {
        for segment in &self.segments {
            match segment {
                Segment::Literal(text) => out.push_str(text),
                Segment::Part(alternatives) => self.render_part(alternatives, parts, out)?,
            }
        }
        Ok(())
    }

    fn render_part(
        &self,
        alternatives: &[Alternative],
        parts: &impl PartValues,
        out: &mut String,
    ) -> std::result::Result<(), KeyError> {
        for alternative in alternatives {
            let number;
            let value = match &alternative.source {
                PartSource::Field(index) => parts.field(*index),
                PartSource::Header(name) => parts.headers().and_then(|headers| headers.get(name)),
                PartSource::Subject => parts.subject(),
                PartSource::Sequence | PartSource::Index => {
                    let is_index = alternative.source == PartSource::Index;
                    let value = if is_index { parts.index() } else { parts.sequence() };
                    number = value.map(|value| value.to_string());
                    number.as_deref()
                }
                PartSource::Text(text) => Some(text.as_str()),
            };
            // An empty text of the template is empty on purpose; any other empty value counts as missing.
            let stated = matches!(alternative.source, PartSource::Text(_));
            let Some(value) = value.filter(|value| stated || !value.is_empty()) else { continue };
            match &alternative.bucket {
                None => percent::push(value, &self.encoded, out),
                Some(bucket) => {
                    if bucket.truncate(value, out).is_none() {
                        return Err(KeyError::NotATime {
                            part: self.shown(alternatives),
                            value: value.to_owned(),
                            wants: bucket.wants(),
                            lacks_unit: bucket.lacks_unit(value),
                        });
                    }
                }
            }
            return Ok(());
        }
        Err(KeyError::Missing(self.shown(alternatives)))
    }

    /// A part as a user would write it.
    fn shown(&self, alternatives: &[Alternative]) -> String {
        let shown: Vec<String> = alternatives
            .iter()
            .map(|alternative| {
                let source = match &alternative.source {
                    PartSource::Field(index) => self.paths[*index].to_string(),
                    PartSource::Header(name) => format!("header:{name}"),
                    PartSource::Subject => "subject".to_owned(),
                    PartSource::Index => "unnest_index".to_owned(),
                    PartSource::Sequence => "seq".to_owned(),
                    PartSource::Text(text) => format!("'{}'", text.replace('\'', "''")),
                };
                match &alternative.bucket {
                    None => source,
                    Some(bucket) => format!("{source}@{bucket}"),
                }
            })
            .collect();
        shown.join("|")
    }
}
