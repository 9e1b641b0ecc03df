//! Why a payload is not read.

use std::borrow::Cow;

use super::schema::READER_SCHEMA;
use crate::codec::cut_off;

/// Why a payload is not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its bytes end before its value does.
    CutOff,
    /// What was written does not become a value of the reader's schema.
    Unresolved(String),
    /// Any other fault in its bytes, or in finding the schema that they are read by.
    Malformed(Cow<'static, str>),
}

impl Fault {
    /// The fault as users read it.
    pub fn told(&self, payload: &[u8]) -> String {
        match self {
            Fault::CutOff => format!("malformed Avro: {}", cut_off(payload)),
            Fault::Unresolved(why) => format!("{READER_SCHEMA}: {why}"),
            Fault::Malformed(why) => format!("malformed Avro: {why}"),
        }
    }
}

impl From<&'static str> for Fault {
    fn from(why: &'static str) -> Self {
        Fault::Malformed(why.into())
    }
}

impl From<String> for Fault {
    fn from(why: String) -> Self {
        Fault::Malformed(why.into())
    }
}
