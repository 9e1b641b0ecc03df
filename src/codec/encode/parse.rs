//! A JSON text inside a value is read as a document. Members keep their order.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::document::Document;

/// The value of a JSON text; the text itself where it is not JSON.
pub(super) fn parsed(text: &str) -> Document {
    serde_json::from_str(text).map_or_else(|_| Document::Text(text.to_owned()), |Parsed(document)| document)
}

struct Parsed(Document);

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Documents).map(Parsed)
    }
}

struct Documents;

impl<'de> Visitor<'de> for Documents {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Document, E> {
        Ok(Document::Boolean(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Integer(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Integer(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Document, E> {
        Ok(Document::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Document, E> {
        Ok(Document::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Document, A::Error> {
        let mut array = Vec::new();
        while let Some(Parsed(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Document::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Document, A::Error> {
        let mut members = Vec::new();
        while let Some((name, Parsed(member))) = entries.next_entry::<String, Parsed>()? {
            members.push((name, member));
        }
        Ok(Document::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::parsed;
    use crate::document::Document;

    #[test]
    fn members_keep_their_order() {
        let object = |members: &[(&str, Document)]| {
            Document::Object(members.iter().map(|(name, member)| ((*name).to_owned(), member.clone())).collect())
        };
        let items = Document::Array(vec![Document::Null, Document::Float(1.5), Document::Integer(u64::MAX.into())]);
        let expected = object(&[("b", items), ("a", object(&[])), ("c", Document::Boolean(false))]);
        assert_eq!(parsed(r#"{"b": [null, 1.5, 18446744073709551615], "a": {}, "c": false}"#), expected);
        assert_eq!(parsed("no json"), Document::Text("no json".into()));
        assert_eq!(parsed("-1"), Document::Integer(-1));
    }
}
