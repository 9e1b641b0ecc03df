//! The subjects of a stream with their counts, page by page.
//!
//! The server answers at most 100 000 subjects at once (`JSMaxSubjectDetails`) and sorts them when there are more. While pages are read, subjects may
//! disappear (their last message is purged or expires), and the others move up. So each page begins with the last subject of the page before; when it
//! does not, a page from further back is asked for. A subject that is there from beginning to end is never left out.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::super::connection::Connection;
use super::super::look_up::look_up;
use super::super::runtime::block_on_read;
use crate::error::Result;

/// The number of subjects by which a page goes back when the list has moved.
const STEP_BACK: u64 = 10_000;

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    total: u64,
    state: State,
}

#[derive(Deserialize)]
struct State {
    #[serde(default)]
    subjects: Option<HashMap<String, u64>>,
}

/// A running list of subjects, in the order of their bytes.
pub struct SubjectPages {
    connection: Arc<Connection>,
    stream: String,
    filter: String,
    offset: u64,
    last: Option<String>,
    done: bool,
}

impl SubjectPages {
    /// The subjects of a stream that match a filter.
    pub fn new(connection: Arc<Connection>, stream: &str, filter: &str) -> Self {
        Self { connection, stream: stream.to_owned(), filter: filter.to_owned(), offset: 0, last: None, done: false }
    }

    /// The next subjects with their numbers of messages; None at the end. One round trip.
    ///
    /// # Errors
    /// [`Kind::NotFound`](crate::error::Kind::NotFound) when there is no such stream; those of any request.
    pub fn next_page(&mut self) -> Result<Option<Vec<(String, u64)>>> {
        block_on_read(self.next())
    }

    pub(in crate::jetstream) async fn next(&mut self) -> Result<Option<Vec<(String, u64)>>> {
        while !self.done {
            let call = format!("STREAM.INFO.{}", self.stream);
            let body = json!({"subjects_filter": self.filter, "offset": self.offset}).to_string();
            let answer = match look_up::<Answer>(&self.connection, &call, Bytes::from(body)).await {
                Ok(answer) => answer,
                Err(failure) => return Err(self.connection.explain(failure, &call, &self.stream).await),
            };
            let page: BTreeMap<String, u64> = answer.state.subjects.unwrap_or_default().into_iter().collect();
            let moved = self.last.as_ref().is_some_and(|last| page.keys().next().is_none_or(|first| first > last));
            if moved && self.offset > 0 {
                self.offset = self.offset.saturating_sub(STEP_BACK);
                continue;
            }
            let end = self.offset + page.len() as u64;
            self.done = page.is_empty() || end >= answer.total;
            // The next page repeats one subject, except for a page of one, which could not go on then.
            self.offset = if page.len() > 1 { end - 1 } else { end };
            let last = self.last.take();
            let fresh: Vec<(String, u64)> =
                page.into_iter().filter(|(subject, _)| last.as_ref().is_none_or(|last| subject > last)).collect();
            self.last = fresh.last().map(|(subject, _)| subject.clone()).or(last);
            if !fresh.is_empty() {
                return Ok(Some(fresh));
            }
        }
        Ok(None)
    }
}
