//! Payload bytes become typed columns. Pure: no DuckDB, no NATS, and no I/O except the schema files from which a codec is built.
//!
//! A [`Codec`] is chosen at bind and is immutable; a [`Decoder`] is made from it for each run and owns the scratch
//! space. A new payload format is one file in this folder and one row of [`FORMATS`].

mod alternatives;
mod arguments;
pub mod avro;
pub mod cbor;
#[cfg(test)]
mod damage_tests;
mod decode;
mod document;
pub mod encode;
mod formats;
mod good_columns;
pub mod inflate;
pub mod json;
pub mod key;
pub mod msgpack;
pub mod path;
pub mod protobuf;
mod quote;
mod registry;
#[cfg(test)]
mod round_trip_tests;
mod row_source;
pub mod rows;
pub mod scalar;
#[cfg(test)]
mod testing;
pub mod text;
mod unnest;
#[cfg(test)]
mod unnest_binary_tests;
mod unnest_codec;
mod whole;

pub use alternatives::{Alternatives, Choice, MOST_ALTERNATIVES};
pub use arguments::{FormatArguments, FormatParameter};
pub use decode::{Codec, DecodeError, Decoder};
pub use document::Rest;
pub use formats::{FORMATS, Infer, PayloadFormat};
use quote::{cut_off, quote};
pub use registry::{Entry, Framed, Reference, SchemaRegistry};
use unnest::place_in;
pub use unnest::{Cut, CutParts, Parts, Unnest, Unnester, in_payload};
pub use unnest_codec::{Side, UnnestCodec};
pub use whole::{Whole, WithPayload};
