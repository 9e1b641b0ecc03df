//! `nats_correlation_key(template, json)`: the key that `nats_ingest` would give an event, for tables filled by other
//! means. NULL for a NULL template or document.

use crate::codec::key::{PartValues, Template};
use crate::codec::path::{Path, Wanted};
use crate::codec::{Codec, json};
use crate::column::{Buffer, Type};
use crate::error::{Error, Result};
use crate::ffi::{Input, ScalarFunction, ScalarSignature};
use crate::record::Headers;
use crate::value::ParameterType;

pub struct NatsCorrelationKey;

impl ScalarFunction for NatsCorrelationKey {
    const NAME: &'static str = "nats_correlation_key";
    const VOLATILE: bool = false;
    // ANY takes VARCHAR, JSON and the BLOB of a payload column.
    const SIGNATURES: &'static [ScalarSignature] = &[&[ParameterType::Text, ParameterType::Any]];

    fn returns() -> Type {
        Type::Varchar
    }

    fn call(input: &dyn Input) -> Result<Buffer> {
        let mut keys = Buffer::new(&Type::Varchar);
        let mut known: Option<Keyer> = None;
        for row in 0..input.len() {
            let (Some(template), Some(document)) = (input.bytes(0, row), document(input, row)?) else {
                keys.push_null();
                continue;
            };
            let template = std::str::from_utf8(template).map_err(|_| Error::new("the template is not UTF-8"))?;
            // The template is nearly always a constant: it is read once for a run of equal ones.
            let keyer = match known.take().filter(|keyer| keyer.template.text() == template) {
                Some(keyer) => keyer,
                None => Keyer::new(template)?,
            };
            keys.push_bytes(keyer.key(document)?.as_bytes());
            known = Some(keyer);
        }
        Ok(keys)
    }
}

fn document(input: &dyn Input, row: usize) -> Result<Option<&[u8]>> {
    match input.bytes(1, row) {
        Some(bytes) => Ok(Some(bytes)),
        None => match input.value(1, row)? {
            crate::value::Value::Null => Ok(None),
            other => Err(Error::new(format!("the document must be VARCHAR, JSON or BLOB, not {}", other.kind()))),
        },
    }
}

struct Keyer {
    template: Template,
    codec: Box<dyn Codec>,
}

impl Keyer {
    fn new(text: &str) -> Result<Self> {
        let template = Template::parse(text)?;
        if template.needs_message() {
            return Err(Error::new(
                "the template names a part of a message ({subject}, {seq}, {unnest_index} or {header:...})",
            )
            .advice("a document alone has none of them; give the value to the document, or use nats_ingest"));
        }
        if let Some((list, _)) = template.paths().iter().find_map(Path::of_element) {
            return Err(Error::new(format!(
                "the template names an element, '{list}[]', of a list that is not unnested"
            ))
            .advice("give the element as the document, and name its fields"));
        }
        let texts = template.texts();
        let lenient = (0..).zip(&texts).filter(|(_, text)| text.may_miss).map(|(at, _)| at).collect();
        let texts = texts.into_iter().map(|text| text.path).collect();
        let codec = json::columns(Wanted { columns: Vec::new(), texts, lenient })?;
        Ok(Self { template, codec })
    }

    fn key(&self, document: &[u8]) -> Result<String> {
        let columns = self.codec.columns();
        let all: Vec<usize> = (0..columns.len()).collect();
        let mut texts: Vec<Buffer> = columns.iter().map(|column| Buffer::new(&column.ty)).collect();
        let decoded = self.codec.decoder(&all).decode(document, &mut texts);
        decoded.map_err(|error| Error::new(error.to_string()))?;
        let mut key = String::new();
        self.template.render(&Fields(&texts), &mut key).map_err(|error| Error::new(error.to_string()))?;
        Ok(key)
    }
}

/// A document without a message around it.
struct Fields<'a>(&'a [Buffer]);

impl PartValues for Fields<'_> {
    fn field(&self, index: usize) -> Option<&str> {
        self.0.get(index)?.text(0)
    }

    fn subject(&self) -> Option<&str> {
        None
    }

    fn sequence(&self) -> Option<u64> {
        None
    }

    fn index(&self) -> Option<u64> {
        None
    }

    fn headers(&self) -> Option<&Headers> {
        None
    }
}
