//! `schema_registry := ...`: schemas by their numbers, in a folder, in a key-value bucket or an object store of NATS, or behind the HTTP API of a
//! registry.

mod bucket;
mod folder;
mod http;
mod object_store;
mod source;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::codec::{Entry, SchemaRegistry};
use crate::error::{Error, Result};
use crate::functions::connection;
use crate::plan::kv::check_bucket;
use crate::value::Arguments;
use bucket::Bucket;
use folder::Folder;
use http::Http;
use object_store::ObjectStore;
use source::{Source, SourceEntry};

/// The prefix of an argument that names a key-value bucket.
const BUCKET: &str = "nats-kv://";
/// The prefix of an argument that names an object store.
const OBJECT_STORE: &str = "nats-object://";

/// The registry that a call names.
pub(super) fn read(arguments: &Arguments) -> Result<Option<Arc<dyn SchemaRegistry>>> {
    let Some(place) = arguments.text("schema_registry")? else { return Ok(None) };
    let source = source(place, arguments)?;
    Ok(Some(Arc::new(Registry { source, known: Mutex::default(), outage: Mutex::default() })))
}

fn source(place: &str, arguments: &Arguments) -> Result<Box<dyn Source>> {
    if let Some(bucket) = place.strip_prefix(BUCKET) {
        check_name(bucket, "a bucket")?;
        return Ok(Box::new(Bucket { connect: connection::read(arguments)?, bucket: bucket.to_owned() }));
    }
    if let Some(store) = place.strip_prefix(OBJECT_STORE) {
        check_name(store, "an object store")?;
        return Ok(Box::new(ObjectStore { connect: connection::read(arguments)?, store: store.to_owned() }));
    }
    if Http::is_address(place) {
        return Ok(Box::new(Http::new(place, connection::read(arguments)?.timeout)?));
    }
    let folder = PathBuf::from(place);
    if place.contains("://") || !folder.is_dir() {
        // What is no folder may be an address, with a password in it.
        let named = if place.contains("://") { "the text" } else { &format!("'{place}'") };
        return Err(Error::new(format!("schema_registry: {named} is no folder")).advice(format!(
            "name a folder of files such as 7.avsc or 7.proto, a bucket as {BUCKET}BUCKET, an object store as {OBJECT_STORE}STORE, or a registry by its address, https://host:8081"
        )));
    }
    Ok(Box::new(Folder(folder)))
}

/// Checks the name of a bucket or a store.
fn check_name(name: &str, of: &str) -> Result<()> {
    match check_bucket(name) {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::new(format!("schema_registry: '{name}' is no name of {of}"))),
    }
}

/// The registry of a statement.
#[derive(Debug)]
struct Registry {
    source: Box<dyn Source>,
    /// What the source was asked for: several codecs of one statement may ask for the same.
    known: Mutex<HashMap<u32, std::result::Result<Entry, String>>>,
    /// The last error of a source that could not be asked, until it is taken.
    outage: Mutex<Option<Error>>,
}

impl SchemaRegistry for Registry {
    fn schema(&self, number: u32) -> std::result::Result<Entry, String> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.get(&number) {
            return known.clone();
        }
        let entry = self.source.find(number).map_err(|error| {
            let error = error.within(&format!("schema {number} of {}", self.source.place()));
            let text = error.to_string();
            *self.outage.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            text
        })?;
        let entry = entry.ok_or_else(|| format!("schema {number} is not in {}", self.source.place()));
        let entry = entry.and_then(|SourceEntry { bytes, references }| match String::from_utf8(bytes) {
            Ok(text) => Ok(Entry { text, references }),
            Err(_) => Err(format!("schema {number} of {} is not UTF-8", self.source.place())),
        });
        known.insert(number, entry.clone());
        entry
    }

    fn take_outage(&self) -> Option<Error> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
