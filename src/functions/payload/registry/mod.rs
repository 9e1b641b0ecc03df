//! `schema_registry := ...`: schemas by their numbers, in a folder or in a key-value bucket of NATS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::codec::SchemaRegistry;
use crate::error::{Error, Result};
use crate::functions::connection;
use crate::jetstream::ConnectOptions;
use crate::jetstream::kv::get_keys;
use crate::value::Arguments;

/// The prefix of an argument that names a bucket.
const BUCKET: &str = "nats-kv://";

/// The registry that a call names.
pub(super) fn read(arguments: &Arguments) -> Result<Option<Arc<dyn SchemaRegistry>>> {
    let Some(place) = arguments.text("schema_registry")? else { return Ok(None) };
    if let Some(bucket) = place.strip_prefix(BUCKET) {
        if bucket.is_empty() || !bucket.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        {
            return Err(Error::new(format!("schema_registry: '{bucket}' is no name of a bucket")));
        }
        return Ok(Some(Arc::new(Bucket { connect: connection::read(arguments)?, bucket: bucket.to_owned() })));
    }
    if place.contains("://") {
        return Err(Error::new("schema_registry: registries are not asked over the network but for a bucket of NATS").advice(
            "put the schemas by their numbers into a folder, as 7.avsc or 7.proto, or into a bucket, as key 7, and name it nats-kv://BUCKET",
        ));
    }
    let folder = PathBuf::from(place);
    if !folder.is_dir() {
        return Err(Error::new(format!("schema_registry: '{place}' is no folder"))
            .advice(format!("name a folder of files such as 7.avsc or 7.proto, or a bucket as {BUCKET}BUCKET")));
    }
    Ok(Some(Arc::new(Folder(folder))))
}

/// Files such as `7.avsc`, `7.json` or `7.proto`.
#[derive(Debug)]
struct Folder(PathBuf);

impl SchemaRegistry for Folder {
    fn schema(&self, number: u32) -> std::result::Result<String, String> {
        let file = |ending: &str| self.0.join(format!("{number}.{ending}"));
        let path = ["avsc", "json", "proto"].map(file).into_iter().find(|path| path.exists());
        let missing = || {
            format!(
                "schema {number} is not in the folder '{}': it has no {number}.avsc, .json or .proto",
                shown(&self.0)
            )
        };
        let path = path.ok_or_else(missing)?;
        std::fs::read_to_string(&path).map_err(|error| format!("cannot read '{}': {error}", shown(&path)))
    }
}

fn shown(path: &Path) -> std::path::Display<'_> {
    path.display()
}

/// Keys such as `7`.
#[derive(Debug)]
struct Bucket {
    connect: ConnectOptions,
    bucket: String,
}

impl SchemaRegistry for Bucket {
    fn schema(&self, number: u32) -> std::result::Result<String, String> {
        let read = || -> Result<Option<Vec<u8>>> {
            let connection = connection::open(&self.connect)?;
            let found = get_keys(&connection, &[(self.bucket.clone(), number.to_string())])?;
            // The value of a key that was deleted is empty.
            let found = found.into_iter().next().flatten().filter(|record| !record.payload.is_empty());
            Ok(found.map(|record| record.payload.to_vec()))
        };
        let value = read().map_err(|error| format!("schema {number} of the bucket '{}': {error}", self.bucket))?;
        let value = value.ok_or_else(|| format!("schema {number} is not in the bucket '{}'", self.bucket))?;
        String::from_utf8(value).map_err(|_| format!("schema {number} of the bucket '{}' is not UTF-8", self.bucket))
    }
}
