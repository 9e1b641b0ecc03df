//! Object container files: a header with the schema, then blocks of data. A message holds one object.

use super::datum::{self, Bytes};
use super::fault::Fault;
use super::schema::Schema;
use crate::codec::document::Tree;
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

    /// The one object; a block inflates to at most `limit` bytes.
    pub fn object(mut self, schema: &Schema, limit: usize) -> Result<Tree, Fault> {
        let mut object = None;
        while !self.blocks.rest.is_empty() {
            let count = self.blocks.long()?;
            let data = self.blocks.bytes()?;
            if self.blocks.take(16)? != self.sync {
                return Err("a block does not end with the container's sync marker".into());
            }
            if count == 0 {
                continue;
            }
            if count != 1 || object.is_some() {
                return Err("the container holds more than one object; a message must hold one".into());
            }
            object = Some(read_block(self.codec, data, schema, limit)?);
        }
        object.ok_or_else(|| "the container holds no object".into())
    }
}

fn read_block(codec: &[u8], data: &[u8], schema: &Schema, limit: usize) -> Result<Tree, Fault> {
    let data = match codec {
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
    };
    let mut bytes = Bytes { rest: &data };
    let object = datum::read(schema, &mut bytes)
        .map_err(|fault| fault.within(|| "a block ends before its object does".to_owned()))?;
    if bytes.rest.is_empty() { Ok(object) } else { Err(format!("{} bytes follow the object", bytes.rest.len()).into()) }
}
