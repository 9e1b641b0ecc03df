//! Object container files: a header with the schema, then blocks of data. A message holds one object.

use std::borrow::Cow;

use super::datum::Bytes;
use super::fault::Fault;
use crate::codec::inflate::{self, Compression};
use crate::codec::quote;

const MAGIC: &[u8] = b"Obj\x01";

/// The parts of a container.
pub(super) struct Container<'a> {
    /// The text of the schema that the data was written with.
    pub schema: &'a str,
    codec: &'a [u8],
    sync: &'a [u8],
    blocks: Bytes<'a>,
}

/// Whether a payload is a container.
pub(super) fn is_container(payload: &[u8]) -> bool {
    payload.starts_with(MAGIC)
}

impl<'a> Container<'a> {
    /// Reads the header.
    pub fn open(payload: &'a [u8]) -> Result<Self, Fault> {
        let mut bytes = Bytes { rest: payload };
        bytes.take(MAGIC.len())?;
        let (mut schema, mut codec) = (None, &b"null"[..]);
        loop {
            let count = bytes.block()?;
            if count == 0 {
                break;
            }
            for _ in 0..count {
                match (bytes.text()?, bytes.bytes()?) {
                    ("avro.schema", value) => schema = std::str::from_utf8(value).ok(),
                    ("avro.codec", value) => codec = value,
                    _ => {}
                }
            }
        }
        let sync = bytes.take(16)?;
        Ok(Self { schema: schema.ok_or("the container has no schema")?, codec, sync, blocks: bytes })
    }

    /// The bytes of the one object; they inflate to at most `limit`.
    pub fn block(&self, limit: usize) -> Result<Cow<'a, [u8]>, Fault> {
        let mut blocks = self.blocks;
        let mut object = None;
        while !blocks.rest.is_empty() {
            let count = blocks.long()?;
            let data = blocks.bytes()?;
            if blocks.take(16)? != self.sync {
                return Err("a block does not end with the container's sync marker".into());
            }
            if count == 0 {
                continue;
            }
            if count != 1 || object.is_some() {
                return Err("the container holds more than one object; a message must hold one".into());
            }
            object = Some(data);
        }
        inflated(self.codec, object.ok_or("the container holds no object")?, limit)
    }
}

fn inflated<'a>(codec: &[u8], data: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, Fault> {
    Ok(match codec {
        b"null" => data.into(),
        b"deflate" => inflate::inflate(Compression::RawDeflate, data, limit)?,
        b"zstandard" => inflate::inflate(Compression::Zstd, data, limit)?,
        b"snappy" => inflate::snappy_block(data, limit)?.into(),
        other => {
            let name = quote(&String::from_utf8_lossy(other));
            return Err(
                format!("the container's codec is '{name}'; it must be null, deflate, snappy or zstandard").into()
            );
        }
    })
}
