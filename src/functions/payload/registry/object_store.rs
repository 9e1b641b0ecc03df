//! An object store.

use super::source::{Source, SourceEntry, file_names};
use crate::error::Result;
use crate::functions::connection;
use crate::jetstream::ConnectOptions;
use crate::jetstream::object::get_object;

/// Objects such as `7`, as keys of a bucket are named, or `7.avsc`, as files are. The first of them that is there counts.
#[derive(Debug)]
pub(super) struct ObjectStore {
    pub connect: ConnectOptions,
    pub store: String,
}

impl Source for ObjectStore {
    fn find(&self, number: u32) -> Result<Option<SourceEntry>> {
        let connection = connection::open(&self.connect)?;
        for name in std::iter::once(number.to_string()).chain(file_names(number)) {
            if let Some((_, bytes)) = get_object(&connection, &self.store, &name)? {
                return Ok(Some(bytes.into()));
            }
        }
        Ok(None)
    }

    fn place(&self) -> String {
        format!("the object store '{}'", self.store)
    }
}
