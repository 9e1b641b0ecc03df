//! Streams: list, make, change, empty, remove.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};

use super::super::connection::Connection;
use super::super::failure::{ApiError, ErrorNumber, Failure};
use super::super::look_up::look_up;
use super::super::runtime::{block_on, block_on_read};
use super::config::{Config, Difference, Ensured};
use super::page::{ListFailure, all};
use crate::error::{Error, Kind, Result};

/// The server's error text for a message that it could not remove because it is a hole, or past the end.
const ABSENT: [&str; 2] = ["no message found", "stream store EOF"];

/// The server's description of a stream.
#[derive(Debug, Clone)]
pub struct StreamInfo {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Config,
    /// Its state: messages, bytes, first and last sequence and time.
    pub state: Config,
    /// Its cluster, leader and replicas; empty on a single server.
    pub cluster: Config,
    /// When it was made, in microseconds since 1970 UTC.
    pub created: Option<i64>,
}

impl StreamInfo {
    fn of(answer: &Config) -> Self {
        let config = answer.object("config");
        Self {
            name: config.text("name").unwrap_or_default(),
            state: answer.object("state"),
            cluster: answer.object("cluster"),
            created: answer.time("created"),
            config,
        }
    }
}

/// Every stream of the account, by name. One round trip for each 256.
///
/// # Errors
/// The list changes while it is read, again and again, or a server does not answer; those of any request.
pub fn streams(connection: &Arc<Connection>) -> Result<Vec<StreamInfo>> {
    block_on_read(async {
        match all(connection, "STREAM.LIST").await {
            Ok(entries) => Ok(entries.iter().map(|(_, entry)| StreamInfo::of(&Config::of(Some(entry)))).collect()),
            Err(ListFailure::Request(failure)) => Err(connection.failure(failure, "STREAM.LIST")),
            Err(ListFailure::Partial(error)) => Err(error),
        }
    })
}

/// The names of the account's streams, in their order. One round trip for each 1024.
///
/// # Errors
/// As [`streams`].
pub fn stream_names(connection: &Arc<Connection>) -> Result<Vec<String>> {
    block_on_read(async {
        match all(connection, "STREAM.NAMES").await {
            Ok(entries) => Ok(entries.into_iter().map(|(name, _)| name).collect()),
            Err(ListFailure::Request(failure)) => Err(connection.failure(failure, "STREAM.NAMES")),
            Err(ListFailure::Partial(error)) => Err(error),
        }
    })
}

/// One stream. One round trip.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream; those of any request.
pub fn stream_info(connection: &Arc<Connection>, stream: &str) -> Result<StreamInfo> {
    block_on_read(info(connection, stream))
}

async fn info(connection: &Arc<Connection>, stream: &str) -> Result<StreamInfo> {
    let call = format!("STREAM.INFO.{stream}");
    match look_up(connection, &call, Bytes::new()).await {
        Ok(answer) => Ok(StreamInfo::of(&Config(answer))),
        Err(failure) => Err(connection.explain(failure, &call, stream).await),
    }
}

/// Calls `STREAM.<verb>.<stream>` and reads the answer as an object.
async fn call(connection: &Arc<Connection>, verb: &str, stream: &str, body: &Value) -> Result<Config> {
    let subject = format!("{verb}.{stream}");
    match ask(connection, &subject, body).await {
        Ok(answer) => Ok(answer),
        Err(failure) => Err(connection.explain(failure, &subject, stream).await),
    }
}

/// One API call with a JSON body; an empty object is sent as an empty payload, as the API requires.
pub(super) async fn ask(
    connection: &Arc<Connection>,
    call: &str,
    body: &Value,
) -> std::result::Result<Config, Failure> {
    let empty = body.as_object().is_some_and(serde_json::Map::is_empty);
    let payload = if empty { Bytes::new() } else { Bytes::from(body.to_string()) };
    let answer: Value = connection.api(call, payload).await?;
    Ok(Config::of(Some(&answer)))
}

/// Makes a stream as wanted: created when there is none, updated when a field of `wanted` differs, else left alone.
/// `defaults` are the fields of a stream that is created. Two or three round trips.
///
/// # Errors
/// [`Kind::Conflict`] when it exists and cannot be changed as wanted; those of any request.
pub fn ensure_stream(
    connection: &Arc<Connection>,
    stream: &str,
    wanted: &Config,
    defaults: &Config,
) -> Result<Ensured> {
    let outcome = block_on(async {
        let subject = format!("STREAM.INFO.{stream}");
        match look_up(connection, &subject, Bytes::new()).await.map(Config) {
            Ok(answer) => return update(connection, stream, &answer.object("config"), wanted).await,
            Err(failure) if failure.is(ErrorNumber::STREAM_NOT_FOUND) => {}
            Err(failure) => return Err(connection.explain(failure, &subject, stream).await),
        }
        let config = defaults.merged(wanted).with("name", stream);
        let subject = format!("STREAM.CREATE.{stream}");
        match ask(connection, &subject, &Value::Object(config.0.clone())).await {
            Ok(answer) => {
                answer.object("config").check_took(wanted)?;
                // When two clients create the same stream at once, the server answers both that it was created.
                Ok(Ensured { action: "created", changed: Vec::new() })
            }
            // Another process made it between the two calls.
            Err(failure) if failure.is(ErrorNumber::STREAM_NAME_IN_USE) => {
                let found = info(connection, stream).await?;
                update(connection, stream, &found.config, wanted).await
            }
            Err(Failure::Api(api)) if api.is(ErrorNumber::SUBJECTS_OVERLAP) => {
                Err(name_overlapping(connection, api.error(), &config.texts("subjects")).await)
            }
            Err(failure) => Err(connection.explain(failure, &subject, stream).await),
        }
    });
    outcome.map_err(|error| error.stream(stream).server(connection.label()))
}

/// Adds to an error the names of the streams that capture what the subjects match. One round trip for each subject, of at
/// most [`SUBJECTS_ASKED`].
async fn name_overlapping(connection: &Arc<Connection>, error: Error, subjects: &[String]) -> Error {
    let mut names: Vec<String> = Vec::new();
    for subject in subjects.iter().take(SUBJECTS_ASKED) {
        if let Ok(answer) = ask(connection, "STREAM.NAMES", &json!({"subject": subject})).await {
            names.extend(answer.texts("streams").iter().map(|name| format!("'{name}'")));
        }
    }
    names.sort();
    names.dedup();
    if names.is_empty() { error } else { error.ending(&format!(": {}", names.join(", "))) }
}

/// The most subjects that are looked up for a stream that could not be made.
const SUBJECTS_ASKED: usize = 10;

async fn update(connection: &Arc<Connection>, stream: &str, have: &Config, wanted: &Config) -> Result<Ensured> {
    let differences = have.differences(wanted);
    if differences.is_empty() {
        return Ok(Ensured { action: "unchanged", changed: Vec::new() });
    }
    let config = Value::Object(have.merged(wanted).0);
    let subject = format!("STREAM.UPDATE.{stream}");
    match ask(connection, &subject, &config).await {
        Ok(answer) => {
            answer.object("config").check_took(wanted)?;
            Ok(Ensured { action: "updated", changed: differences.into_iter().map(|d| d.name).collect() })
        }
        Err(Failure::Api(api)) => Err(refused(&differences, &api)),
        Err(failure) => Err(connection.explain(failure, &subject, stream).await),
    }
}

/// The error for an update that the server refuses, with all differences.
pub(super) fn refused(differences: &[Difference], api: &ApiError) -> Error {
    let list: Vec<String> = differences.iter().map(Difference::to_string).collect();
    let cause = format!(
        "it exists and cannot be changed as wanted: {} ({}, JetStream error {})",
        list.join("; "),
        api.description,
        api.err_code
    );
    Error::of(Kind::Conflict, cause)
        .advice("leave the parameter out to keep what is there, or delete it and make it anew")
}

/// Removes a stream with all its messages; false when there was none. One round trip.
///
/// # Errors
/// Those of any request: denied, timed out, refused.
pub fn delete_stream(connection: &Arc<Connection>, stream: &str) -> Result<bool> {
    block_on(async {
        let subject = format!("STREAM.DELETE.{stream}");
        match ask(connection, &subject, &json!({})).await {
            Ok(_) => Ok(true),
            Err(failure) if failure.is(ErrorNumber::STREAM_NOT_FOUND) => Ok(false),
            Err(failure) => Err(connection.explain(failure, &subject, stream).await),
        }
    })
}

/// Removes messages: all, or those of a subject, up to a sequence (inclusive), or all but the newest `keep`. Returns the number of removed messages.
/// One round trip.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream; those of any request.
pub fn purge_stream(
    connection: &Arc<Connection>,
    stream: &str,
    subject: Option<&str>,
    keep: Option<u64>,
    up_to: Option<u64>,
) -> Result<u64> {
    // The API's bound is exclusive.
    let body = Config::default()
        .with_some("filter", subject)
        .with_some("keep", keep)
        .with_some("seq", up_to.map(|up_to| up_to.saturating_add(1)));
    block_on(async { Ok(call(connection, "STREAM.PURGE", stream, &Value::Object(body.0)).await?.count("purged")) })
}

/// Removes one message; `erase` overwrites its bytes on disk as well. False when there was none. One round trip.
///
/// # Errors
/// [`Kind::NotFound`] when there is no such stream; those of any request.
pub fn delete_message(connection: &Arc<Connection>, stream: &str, sequence: u64, erase: bool) -> Result<bool> {
    block_on(async {
        let subject = format!("STREAM.MSG.DELETE.{stream}");
        match ask(connection, &subject, &json!({"seq": sequence, "no_erase": !erase})).await {
            Ok(_) => Ok(true),
            Err(Failure::Api(api)) if is_absent(&api) => Ok(false),
            Err(failure) => Err(connection.explain(failure, &subject, stream).await.sequence(sequence)),
        }
    })
}

fn is_absent(error: &ApiError) -> bool {
    error.is(ErrorNumber::SEQUENCE_NOT_FOUND)
        || error.is(ErrorNumber::DELETE_FAILED) && ABSENT.contains(&&error.description[..])
}
