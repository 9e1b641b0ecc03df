//! Values become payload bytes: the way out, for `COPY ... TO`. Pure.

mod binary;
mod json;

/// One value of a row, ready to be written in any format.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Document {
    Null,
    Boolean(bool),
    Integer(i128),
    Float(f64),
    /// A number by its text, where no other variant holds it exactly.
    Number(String),
    Text(String),
    Bytes(Vec<u8>),
    /// A JSON document by its text.
    Json(String),
    Array(Vec<Document>),
    Object(Vec<(String, Document)>),
}

/// A format that a document can be written in.
pub struct EncodingFormat {
    /// The word that SQL has for it.
    pub name: &'static str,
    /// Appends the bytes of a document.
    pub encode: fn(&Document, &mut Vec<u8>),
}

/// Every format; the first is the default.
pub const ENCODING_FORMATS: &[EncodingFormat] = &[
    EncodingFormat { name: "json", encode: json::encode },
    EncodingFormat { name: "msgpack", encode: binary::msgpack },
    EncodingFormat { name: "cbor", encode: binary::cbor },
];
