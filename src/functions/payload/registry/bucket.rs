//! A key-value bucket.

use super::source::{Source, SourceEntry};
use crate::error::Result;
use crate::functions::connection;
use crate::jetstream::ConnectOptions;
use crate::jetstream::kv::get_keys;

/// Keys such as `7`.
#[derive(Debug)]
pub(super) struct Bucket {
    pub connect: ConnectOptions,
    pub bucket: String,
}

impl Source for Bucket {
    fn find(&self, number: u32) -> Result<Option<SourceEntry>> {
        let connection = connection::open(&self.connect)?;
        let found = get_keys(&connection, &[(self.bucket.clone(), number.to_string())])?;
        // The value of a key that was deleted is empty.
        let found = found.into_iter().next().flatten().filter(|record| !record.payload.is_empty());
        Ok(found.map(|record| record.payload.to_vec().into()))
    }

    fn place(&self) -> String {
        format!("the bucket '{}'", self.bucket)
    }
}
