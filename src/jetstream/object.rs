//! Object stores (ADR-20): an object is chunks on one subject and its description, as JSON, on another.

use std::sync::Arc;

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{alphabet, prelude::BASE64_URL_SAFE};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::admin::purge_stream;
use super::connection::Connection;
use super::fetch::{Fetch, FetchRequest, Route};
use super::last::LastPages;
use super::multi_last::LastRequest;
use super::newest::last_messages;
use super::publish::{PublishRequest, publish};
use super::state::stream_state;
use super::wire::Want;
use crate::error::{Error, Kind, Result};
use crate::record::{Headers, Record};

/// The only digest of ADR-20.
const DIGEST: &str = "SHA-256=";
/// Digests are written in the URL alphabet, by some clients without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// The number of links that are followed before they count as a circle.
const MAX_LINKS: usize = 8;

/// The description of an object.
#[derive(Debug, Clone, Deserialize)]
pub struct ObjectInfo {
    /// Its name: any text.
    pub name: String,
    /// A description in words.
    #[serde(default)]
    pub description: Option<String>,
    /// The name of its chunks' subject.
    #[serde(default)]
    pub nuid: String,
    /// Its size in bytes.
    #[serde(default)]
    pub size: u64,
    /// The number of its chunks.
    #[serde(default)]
    pub chunks: u64,
    /// `SHA-256=` and base64.
    #[serde(default)]
    pub digest: Option<String>,
    /// Whether it was deleted.
    #[serde(default)]
    pub deleted: bool,
    #[serde(default)]
    options: Options,
    /// When it was written, in microseconds since 1970 UTC: the time of its description's message.
    #[serde(skip)]
    pub modified: i64,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct Options {
    #[serde(default)]
    link: Option<Link>,
}

/// A link to another object, or to a whole store when it has no name.
#[derive(Debug, Clone, Deserialize)]
pub struct Link {
    /// The other store.
    pub bucket: String,
    /// The other object.
    #[serde(default)]
    pub name: Option<String>,
}

impl ObjectInfo {
    fn of(record: &Record) -> Result<Self> {
        let info: Self = serde_json::from_slice(&record.payload).map_err(|error| {
            Error::of(Kind::Damaged, format!("the description of an object is not as it should be: {error}"))
                .sequence(record.sequence)
        })?;
        Ok(Self { modified: record.time_ns.div_euclid(1_000), ..info })
    }

    /// The target, if it is a link.
    #[must_use]
    pub fn link(&self) -> Option<&Link> {
        self.options.link.as_ref()
    }
}

/// The prefix of a store's name that makes the name of its stream.
pub const STREAM_PREFIX: &str = "OBJ_";

/// The stream of a store.
#[must_use]
pub fn store_stream(bucket: &str) -> String {
    format!("{STREAM_PREFIX}{bucket}")
}

/// The objects of a store, deleted ones left out.
///
/// # Errors
/// [`Kind::Damaged`] when a description cannot be read; those of reading.
pub fn list_objects(connection: &Arc<Connection>, bucket: &str) -> Result<Vec<ObjectInfo>> {
    let stream = store_stream(bucket);
    let subjects = vec![format!("$O.{bucket}.M.>")];
    let request = LastRequest { stream: stream.clone(), subjects, up_to: None, headers: false };
    let mut pages = LastPages::new(Arc::clone(connection), request);
    let mut objects = Vec::new();
    while let Some(page) = pages.next_page()? {
        for record in &page {
            objects.push(ObjectInfo::of(record).map_err(|error| error.stream(&stream))?);
        }
    }
    objects.retain(|object| !object.deleted);
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(objects)
}

/// An object with its bytes, which are checked against size, number of chunks and digest; None when there is none. Links
/// are followed. Three round trips, more for many chunks.
///
/// # Errors
/// [`Kind::Damaged`] when size, chunks or digest are not those that were stored; those of reading.
pub fn get_object(connection: &Arc<Connection>, bucket: &str, name: &str) -> Result<Option<(ObjectInfo, Vec<u8>)>> {
    let (mut bucket, mut name) = (bucket.to_owned(), name.to_owned());
    for _ in 0..MAX_LINKS {
        let Some(info) = describe(connection, &bucket, &name)? else { return Ok(None) };
        let Some(link) = info.link().cloned() else {
            let bytes = read(connection, &bucket, &info).map_err(|error| {
                error.within(&format!("object '{name}'")).stream(&store_stream(&bucket)).server(connection.label())
            })?;
            return Ok(Some((info, bytes)));
        };
        name = link.name.filter(|name| !name.is_empty()).ok_or_else(|| {
            Error::new(format!("object '{name}' is a link to the store '{}', which has no bytes", link.bucket))
                .advice("FROM nats_object_list(...) lists the objects of a store")
        })?;
        bucket = link.bucket;
    }
    Err(Error::of(Kind::Damaged, format!("object '{name}' is a link to a link, more than {MAX_LINKS} times")))
}

/// The object that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPut {
    /// Bytes.
    pub size: u64,
    /// Chunks.
    pub chunks: u64,
    /// `SHA-256=` and base64.
    pub digest: String,
}

/// Writes an object, in chunks that are in flight together, then its description, which makes it the object of that name; then
/// the chunks of the one before are removed. A failure leaves the one before as it was. Four round trips, more for many chunks.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such store; those of publishing.
pub fn put_object(connection: &Arc<Connection>, bucket: &str, name: &str, data: Bytes) -> Result<ObjectPut> {
    let stream = store_stream(bucket);
    let put = || {
        let before = describe(connection, bucket, name)?;
        let nuid = connection.unique_name();
        let chunk_subject = connection.domain_subject(&chunk_subject(bucket, &nuid));
        let chunks: Vec<PublishRequest> = (0..data.len())
            .step_by(CHUNK)
            .map(|start| data.slice(start..data.len().min(start + CHUNK)))
            .map(|payload| PublishRequest { subject: chunk_subject.clone(), headers: Headers::default(), payload })
            .collect();
        let count = chunks.len() as u64;
        publish(connection, chunks)?;
        let put = ObjectPut {
            size: data.len() as u64,
            chunks: count,
            digest: format!("{DIGEST}{}", BASE64_URL_SAFE.encode(Sha256::digest(&data))),
        };
        let description = json!({
            "name": name, "bucket": bucket, "nuid": nuid, "size": put.size, "chunks": put.chunks, "digest": put.digest,
            "mtime": "0001-01-01T00:00:00Z", "options": {"max_chunk_size": CHUNK}
        });
        write_description(connection, bucket, name, &description)?;
        remove_chunks(connection, bucket, before.as_ref())?;
        Ok(put)
    };
    put().map_err(|error: Error| error.within(&format!("object '{name}'")).stream(&stream).server(connection.label()))
}

/// Deletes an object; false when there was none. Three round trips.
///
/// # Errors
/// As [`put_object`].
pub fn delete_object(connection: &Arc<Connection>, bucket: &str, name: &str) -> Result<bool> {
    let stream = store_stream(bucket);
    let delete = || {
        let Some(before) = describe(connection, bucket, name)? else { return Ok(false) };
        let description = json!({
            "name": name, "bucket": bucket, "nuid": before.nuid, "size": 0, "chunks": 0, "deleted": true,
            "mtime": "0001-01-01T00:00:00Z"
        });
        write_description(connection, bucket, name, &description)?;
        remove_chunks(connection, bucket, Some(&before))?;
        Ok(true)
    };
    delete()
        .map_err(|error: Error| error.within(&format!("object '{name}'")).stream(&stream).server(connection.label()))
}

/// The bytes of a chunk (ADR-20).
const CHUNK: usize = 128 * 1024;

fn chunk_subject(bucket: &str, nuid: &str) -> String {
    format!("$O.{bucket}.C.{nuid}")
}

fn description_subject(bucket: &str, name: &str) -> String {
    format!("$O.{bucket}.M.{}", BASE64_URL_SAFE.encode(name))
}

/// A description replaces every earlier one of its name.
fn write_description(connection: &Arc<Connection>, bucket: &str, name: &str, description: &Json) -> Result<()> {
    let request = PublishRequest {
        subject: connection.domain_subject(&description_subject(bucket, name)),
        headers: Headers(vec![("Nats-Rollup".to_owned(), "sub".to_owned())]),
        payload: Bytes::from(description.to_string()),
    };
    publish(connection, vec![request]).map(|_| ())
}

fn remove_chunks(connection: &Arc<Connection>, bucket: &str, object: Option<&ObjectInfo>) -> Result<()> {
    let Some(object) = object.filter(|object| object.chunks > 0 && object.link().is_none()) else { return Ok(()) };
    let subject = chunk_subject(bucket, &object.nuid);
    purge_stream(connection, &store_stream(bucket), Some(&subject), None, None).map(|_| ())
}

fn describe(connection: &Arc<Connection>, bucket: &str, name: &str) -> Result<Option<ObjectInfo>> {
    let subject = description_subject(bucket, name);
    let found = last_messages(connection, &[(store_stream(bucket), subject)])?.into_iter().flatten().next();
    let info = found.map(|record| ObjectInfo::of(&record)).transpose()?;
    Ok(info.filter(|info| !info.deleted))
}

/// The bytes of an object that is not a link.
fn read(connection: &Arc<Connection>, bucket: &str, info: &ObjectInfo) -> Result<Vec<u8>> {
    let (mut bytes, mut chunks) = (Vec::new(), 0);
    if info.chunks > 0 {
        let stream = store_stream(bucket);
        let state = stream_state(connection, &stream)?;
        let request = FetchRequest {
            stream,
            range: state.range(),
            subjects: chunk_subject(bucket, &info.nuid).into(),
            limit: Some(info.chunks),
            state,
            want: Want { subject: true, payload: true, ..Want::default() },
            route: Route::default(),
            narrowed: false,
        };
        let mut fetch = Fetch::start(Arc::clone(connection), request)?;
        while let Some(page) = fetch.next_page()? {
            for record in page {
                chunks += 1;
                bytes.extend_from_slice(&record.payload);
            }
        }
    }
    if chunks != info.chunks || bytes.len() as u64 != info.size {
        return Err(Error::of(
            Kind::Damaged,
            format!(
                "it has {chunks} chunks with {} bytes, but {} chunks with {} bytes were stored",
                bytes.len(),
                info.chunks,
                info.size
            ),
        )
        .advice("it may have been written anew while it was read; run the statement again"));
    }
    check_digest(info, &bytes)?;
    Ok(bytes)
}

fn check_digest(info: &ObjectInfo, bytes: &[u8]) -> Result<()> {
    let Some(digest) = info.digest.as_deref().filter(|digest| !digest.is_empty()) else { return Ok(()) };
    // Some clients write the name of the algorithm in lower case.
    let (algorithm, encoded) = digest.split_at_checked(DIGEST.len()).unwrap_or((digest, ""));
    if !algorithm.eq_ignore_ascii_case(DIGEST) {
        return Err(Error::of(Kind::Damaged, format!("its digest '{digest}' is of a kind that is not known")));
    }
    match BASE64.decode(encoded) {
        Ok(expected) if expected == Sha256::digest(bytes).as_slice() => Ok(()),
        _ => Err(Error::of(Kind::Damaged, "its bytes do not have the digest that was stored with them")
            .advice("the object is damaged; write it anew")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(digest: &str) -> ObjectInfo {
        serde_json::from_value(serde_json::json!({"name": "n", "digest": digest})).unwrap()
    }

    #[test]
    fn digests_are_compared() {
        let abc = "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0";
        for good in [format!("SHA-256={abc}"), format!("SHA-256={abc}="), format!("sha-256={abc}=")] {
            assert!(check_digest(&info(&good), b"abc").is_ok(), "{good}");
        }
        for bad in [format!("SHA-256={abc}"), "MD5=x".into(), "SHA-256=!".into(), "x".into()] {
            assert!(check_digest(&info(&bad), b"abd").is_err(), "{bad}");
        }
        assert!(check_digest(&info(""), b"").is_ok());
    }
}
