//! Text: a payload that is one value, such as the number of a sensor. Its path is `$`.

use serde::de::DeserializeSeed;
use serde::de::value::{BorrowedStrDeserializer, Error as ValueError};

use super::Codec;
use super::document::{DocumentCodec, Strictness, TreeFormat};
use super::path::{Path, Wanted};
use crate::column::Type;
use crate::error::{Error, Result};

/// A codec that reads typed columns of the text as a whole.
///
/// # Errors
/// A path leads below the text.
pub fn columns(wanted: Wanted) -> Result<Box<dyn Codec>> {
    if let Some(path) = wanted.paths().find(|path| !path.steps().is_empty()) {
        return Err(Error::new(format!("format 'text' has no '{path}': a payload is one value"))
            .advice("its path is '$', as in columns := {'value': {'path': '$', 'type': 'DOUBLE'}}"));
    }
    Ok(Box::new(DocumentCodec::new(Text, Strictness::Strict, wanted)))
}

/// A text has no members from which columns could be inferred.
///
/// # Errors
/// Always.
pub fn infer(_: &mut dyn Iterator<Item = &[u8]>) -> Result<Vec<(Path, Type)>> {
    Err(Error::new("format 'text' has no columns to infer")
        .advice("name one: {'value': {'path': '$', 'type': 'DOUBLE'}}"))
}

struct Text;

impl TreeFormat for Text {
    fn read<S: for<'de> DeserializeSeed<'de, Value = ()>>(
        &self,
        payload: &[u8],
        seed: S,
    ) -> std::result::Result<(), String> {
        let text = std::str::from_utf8(payload)
            .map_err(|error| format!("the payload is not UTF-8 at byte {}", error.valid_up_to()))?;
        seed.deserialize(BorrowedStrDeserializer::<ValueError>::new(text)).map_err(|error| error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::testing::decode_one;

    #[test]
    fn a_payload_is_one_value() {
        let read = |payload: &[u8], ty: Type| {
            let codec = columns(vec![(Path::root(), ty)].into()).unwrap();
            decode_one(&*codec, payload).map(|row| row.concat()).map_err(|error| error.to_string())
        };
        assert_eq!(read(b"21.5", Type::Decimal { width: 5, scale: 2 }).as_deref(), Ok("2150"));
        assert_eq!(read(b"", Type::Varchar).as_deref(), Ok(""));
        assert_eq!(read("é\0".as_bytes(), Type::Varchar).as_deref(), Ok("é\0"));
        assert_eq!(read(b"true", Type::Boolean).as_deref(), Ok("true"));
        assert_eq!(read(b"2024-01-15", Type::Date).as_deref(), Ok("19737"));
        assert_eq!(read(b"x", Type::Double), Err("\"x\" is not a valid DOUBLE".to_owned()));
        assert_eq!(read(b"a\xff", Type::Varchar), Err("the payload is not UTF-8 at byte 1".to_owned()));
        assert!(columns(vec![(Path::member("a"), Type::Varchar)].into()).is_err());
    }
}
