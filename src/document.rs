//! A value of any type of DuckDB's, on its way into a payload: `ffi` reads it, `codec::encode` writes it.

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
