//! A folder of files.

use std::path::PathBuf;

use super::source::{Source, SourceEntry, file_names};
use crate::error::{Error, Kind, Result};

/// Files such as `7.avsc`, `7.json` or `7.proto`.
#[derive(Debug)]
pub(super) struct Folder(pub PathBuf);

impl Source for Folder {
    fn find(&self, number: u32) -> Result<Option<SourceEntry>> {
        let paths = file_names(number).map(|name| self.0.join(name));
        let Some(path) = paths.into_iter().find(|path| path.exists()) else { return Ok(None) };
        let read = std::fs::read(&path);
        read.map(|bytes| Some(bytes.into()))
            .map_err(|error| Error::of(Kind::Unavailable, format!("cannot read '{}': {error}", path.display())))
    }

    fn place(&self) -> String {
        format!("the folder '{}'", self.0.display())
    }
}
