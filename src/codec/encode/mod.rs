//! Values become payload bytes, for `COPY ... TO`. Pure.

mod binary;
mod json;
mod parse;
mod protobuf;

use crate::document::Document;
pub use protobuf::Encoder as ProtobufEncoder;

/// A format that a document can be written in.
pub struct EncodingFormat {
    /// The name of the format in SQL.
    pub name: &'static str,
    /// Appends the bytes of a document.
    pub encode: fn(&Document, &mut Vec<u8>),
}

/// Every format that needs no schema; the first is the default. Protobuf has [`ProtobufEncoder`].
pub const ENCODING_FORMATS: &[EncodingFormat] = &[
    EncodingFormat { name: "json", encode: json::encode },
    EncodingFormat { name: "msgpack", encode: binary::msgpack },
    EncodingFormat { name: "cbor", encode: binary::cbor },
];
