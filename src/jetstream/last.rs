//! The newest message of each subject, now or as it was at a sequence.
//!
//! One `multi_last` request (ADR-31, server 2.11) answers for up to 1024 subjects. Beyond that the subjects are listed and
//! asked for in groups, all up to one sequence, so that the answer is one snapshot. A stream that keeps one message a
//! subject may lose a message of the snapshot meanwhile, to a newer one; when the newest is what was asked for, that one
//! is read instead. Servers before 2.11, and streams without Direct Get, are asked for one subject at a time.
//!
//! Every message is checked against the bound and the filters: a server was found to answer past the bound
//! (nats-server#6077).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use serde_json::json;

use super::admin::SubjectPages;
use super::api::{Failure, refusal};
use super::connection::Connection;
use super::fetch::{Fetch, FetchRequest};
use super::get::{Access, count};
use super::reply::{self, Answer};
use super::runtime::block_on;
use super::state::stream_state;
use super::wire::Want;
use crate::error::{Error, Result};
use crate::plan::{Reply, SequenceRange, subject_matches};
use crate::record::Record;
use crate::stats;

/// The most subjects that one request may match (ADR-31); beyond them the answer is status 413.
const MAX_SUBJECTS: usize = 1_024;
/// The most bytes of subjects in one request, well below any server's `max_payload`.
const MAX_REQUEST: usize = 256 * 1024;
/// The most bytes that the server may send for one request.
const MAX_BYTES: u64 = 4 * 1024 * 1024;
/// How many single gets are in flight at once.
const IN_FLIGHT: usize = 256;
/// How often a request whose answer has gaps is sent.
const ATTEMPTS: usize = 3;

/// What to read.
#[derive(Debug, Clone)]
pub struct LastRequest {
    /// The stream's name.
    pub stream: String,
    /// Subject filters; at least one.
    pub subjects: Vec<String>,
    /// The sequence up to which messages count, inclusive; None for the newest there are.
    pub up_to: Option<u64>,
    /// Whether headers are wanted.
    pub headers: bool,
}

/// A running read of the newest messages, page by page. Within a page they are in sequence order.
pub struct LastPages {
    connection: Arc<Connection>,
    request: LastRequest,
    state: State,
}

enum State {
    /// Nothing is asked for yet.
    Start,
    /// The subjects are asked for in groups.
    Listed(Box<Listed>),
    Done,
}

struct Listed {
    subjects: Subjects,
    access: Access,
    /// Whether the server knows `multi_last`.
    multi: bool,
    /// The end of the snapshot.
    snapshot: u64,
    first: u64,
}

/// What became of one `multi_last` request.
enum Multi {
    /// All messages, in sequence order.
    Whole(Vec<Record>),
    /// More subjects than one request may match, or more bytes than one answer holds.
    TooMany,
    /// The server is too old, or there is no Direct Get.
    Unsupported,
    /// A message past the bound, or of another subject.
    Untrue,
}

impl LastPages {
    /// Prepares the read; asks nothing.
    pub fn new(connection: Arc<Connection>, request: LastRequest) -> Self {
        Self { connection, request, state: State::Start }
    }

    /// The next messages; None at the end. One round trip where at most 1024 subjects match.
    pub fn next_page(&mut self) -> Result<Option<Vec<Record>>> {
        let page = self.page().map_err(|error| error.stream(&self.request.stream).server(self.connection.label()))?;
        count(page.iter().flatten());
        Ok(page)
    }

    fn page(&mut self) -> Result<Option<Vec<Record>>> {
        loop {
            match &mut self.state {
                State::Done => return Ok(None),
                State::Start => {
                    if self.request.up_to == Some(0) {
                        self.state = State::Done;
                        continue;
                    }
                    let few = self.request.subjects.len() <= MAX_SUBJECTS;
                    let filters = &self.request.subjects;
                    // Server 2.9 does not even say that nobody answers Direct Get, so it is not asked.
                    let answer = match (self.connection.client.is_server_compatible(2, 11, 0), few) {
                        (false, _) => Multi::Unsupported,
                        (true, false) => Multi::TooMany,
                        (true, true) => multi_last(&self.connection, &self.request, filters, self.request.up_to)?,
                    };
                    match answer {
                        Multi::Whole(records) => {
                            self.state = State::Done;
                            return Ok(Some(records).filter(|records| !records.is_empty()));
                        }
                        other => self.state = State::Listed(Box::new(self.list(matches!(other, Multi::TooMany))?)),
                    }
                }
                State::Listed(listed) => {
                    let group = listed.subjects.next_group()?;
                    if group.is_empty() {
                        self.state = State::Done;
                        continue;
                    }
                    let records = listed.read(&self.connection, &self.request, &group)?;
                    if !records.is_empty() {
                        return Ok(Some(records));
                    }
                }
            }
        }
    }

    fn list(&self, multi: bool) -> Result<Listed> {
        let state = stream_state(&self.connection, &self.request.stream)?;
        Ok(Listed {
            subjects: Subjects::new(&self.connection, &self.request),
            access: Access::of(&state),
            multi,
            snapshot: self.request.up_to.unwrap_or(state.last),
            first: state.first.max(1),
        })
    }
}

impl Listed {
    /// The newest messages of a group of subjects.
    fn read(&self, connection: &Arc<Connection>, request: &LastRequest, group: &[String]) -> Result<Vec<Record>> {
        let mut found: Vec<Record> = Vec::new();
        let mut missing: Vec<String> = group.to_vec();
        if self.multi
            && let Multi::Whole(records) = multi_last(connection, request, group, Some(self.snapshot))?
        {
            if request.up_to.is_some() {
                return Ok(records);
            }
            let have: HashSet<&[u8]> = records.iter().map(|record| &record.subject[..]).collect();
            missing.retain(|subject| !have.contains(subject.as_bytes()));
            found = records;
        }
        for (subject, record) in self.singles(connection, request, missing)? {
            match (record, request.up_to) {
                (Some(record), Some(up_to)) if record.sequence > up_to => {
                    found.extend(self.newest_up_to(connection, request, &subject, up_to)?);
                }
                (record, _) => found.extend(record),
            }
        }
        found.sort_by_key(|record| record.sequence);
        Ok(found)
    }

    /// The newest message of each subject, one request each.
    fn singles(
        &self,
        connection: &Arc<Connection>,
        request: &LastRequest,
        subjects: Vec<String>,
    ) -> Result<Vec<(String, Option<Record>)>> {
        let call = self.access.call(&request.stream);
        block_on(async {
            let gets = subjects.into_iter().map(|subject| {
                let call = &call;
                async move {
                    let body = json!({"last_by_subj": subject}).to_string();
                    match self.access.ask(connection, &request.stream, &body, request.headers).await {
                        Ok(Reply::Message { record, .. }) => Ok((subject, Some(record))),
                        Ok(_) => Ok((subject, None)),
                        Err(failure) => Err(connection.explain(failure, call, &request.stream).await),
                    }
                }
            });
            let mut gets = futures_util::stream::iter(gets).buffered(IN_FLIGHT);
            let mut answers = Vec::new();
            while let Some(answer) = gets.next().await {
                answers.push(answer?);
            }
            Ok(answers)
        })
    }

    /// The newest message of a subject up to a sequence, by reading the subject from the stream's first message on.
    fn newest_up_to(
        &self,
        connection: &Arc<Connection>,
        request: &LastRequest,
        subject: &str,
        up_to: u64,
    ) -> Result<Option<Record>> {
        let range = SequenceRange { first: self.first, last: up_to };
        if range.is_empty() {
            return Ok(None);
        }
        let fetch = FetchRequest {
            stream: request.stream.clone(),
            range,
            subject: Some(subject.to_owned()),
            limit: None,
            density: 0.01,
            direct: Some(self.access == Access::Direct),
            want: Want { subject: true, time: true, headers: request.headers, payload: true },
        };
        let mut fetch = Fetch::start(Arc::clone(connection), fetch)?;
        let mut newest = None;
        while let Some(page) = fetch.next_page()? {
            newest = page.into_iter().next_back().or(newest);
        }
        Ok(newest)
    }
}

/// The subjects that match some filters, each once, in groups.
struct Subjects {
    connection: Arc<Connection>,
    stream: String,
    filters: VecDeque<String>,
    /// The filters that are done, whose subjects do not count again.
    done: Vec<String>,
    pages: Option<(String, SubjectPages)>,
    ready: VecDeque<String>,
}

impl Subjects {
    fn new(connection: &Arc<Connection>, request: &LastRequest) -> Self {
        Self {
            connection: Arc::clone(connection),
            stream: request.stream.clone(),
            filters: request.subjects.iter().cloned().collect(),
            done: Vec::new(),
            pages: None,
            ready: VecDeque::new(),
        }
    }

    /// The next subjects that fit into one request; empty at the end.
    fn next_group(&mut self) -> Result<Vec<String>> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        while group.len() < MAX_SUBJECTS && bytes < MAX_REQUEST {
            match self.ready.pop_front() {
                Some(subject) => {
                    bytes += subject.len() + 3;
                    group.push(subject);
                }
                None if !self.refill()? => break,
                None => {}
            }
        }
        Ok(group)
    }

    /// Whether there is more.
    fn refill(&mut self) -> Result<bool> {
        if let Some((filter, pages)) = &mut self.pages {
            match pages.next_page()? {
                Some(page) => {
                    let done = &self.done;
                    let is_new = |subject: &String| !done.iter().any(|f| subject_matches(subject.as_bytes(), f));
                    self.ready.extend(page.into_iter().map(|(subject, _)| subject).filter(is_new));
                }
                None => {
                    self.done.push(std::mem::take(filter));
                    self.pages = None;
                }
            }
            return Ok(true);
        }
        let Some(filter) = self.filters.pop_front() else { return Ok(false) };
        if filter.split('.').any(|token| matches!(token, "*" | ">")) {
            let pages = SubjectPages::new(Arc::clone(&self.connection), &self.stream, &filter);
            self.pages = Some((filter, pages));
        } else if !self.done.iter().any(|done| subject_matches(filter.as_bytes(), done)) {
            self.done.push(filter.clone());
            self.ready.push_back(filter);
        }
        Ok(true)
    }
}

/// Asks for the newest messages of some filters with `multi_last`.
fn multi_last(
    connection: &Arc<Connection>,
    request: &LastRequest,
    filters: &[String],
    up_to: Option<u64>,
) -> Result<Multi> {
    let exact: HashSet<&str> = filters.iter().map(String::as_str).collect();
    block_on(async {
        let mut records: HashMap<Bytes, Record> = HashMap::new();
        let mut from = 1;
        loop {
            let mut body = json!({"multi_last": filters, "max_bytes": MAX_BYTES});
            if let Some(up_to) = up_to {
                body["up_to_seq"] = up_to.into();
            }
            if from > 1 {
                body["seq"] = from.into();
            }
            let batch = match batch(connection, request, &body.to_string()).await {
                Ok(batch) => batch,
                Err(failure) => {
                    let call = Access::Direct.call(&request.stream);
                    return Err(connection.explain(failure, &call, &request.stream).await);
                }
            };
            let end = match batch {
                Batch::End(end) => end,
                Batch::TooMany => return Ok(Multi::TooMany),
                Batch::Unsupported => return Ok(Multi::Unsupported),
            };
            for record in end.records {
                let subject = std::str::from_utf8(&record.subject).unwrap_or_default();
                let matches = exact.contains(subject) || filters.iter().any(|f| subject_matches(&record.subject, f));
                if !matches || up_to.is_some_and(|up_to| record.sequence > up_to) {
                    return Ok(Multi::Untrue);
                }
                from = from.max(record.sequence + 1);
                records.insert(record.subject.clone(), record);
            }
            if end.pending == 0 {
                break;
            }
            // Between two requests a message may give way to a newer one, which only a list of subjects would show.
            if up_to.is_none() {
                return Ok(Multi::TooMany);
            }
        }
        let mut records: Vec<Record> = records.into_values().collect();
        records.sort_by_key(|record| record.sequence);
        Ok(Multi::Whole(records))
    })
}

/// The answer to one request.
enum Batch {
    End(BatchEnd),
    TooMany,
    Unsupported,
}

#[derive(Default)]
struct BatchEnd {
    records: Vec<Record>,
    pending: u64,
}

/// Sends one request and gathers its batch; again when a frame of it was lost.
async fn batch(connection: &Arc<Connection>, request: &LastRequest, body: &str) -> std::result::Result<Batch, Failure> {
    for attempt in 1..=ATTEMPTS {
        if attempt > 1 {
            stats::RETRIES.add(1);
        }
        if let Some(batch) = attempt_batch(connection, request, body).await? {
            return Ok(batch);
        }
    }
    Err(Failure::Other("messages of the answer were lost on the way, each time anew".into()))
}

/// One try: None when a frame was lost.
async fn attempt_batch(
    connection: &Arc<Connection>,
    request: &LastRequest,
    body: &str,
) -> std::result::Result<Option<Batch>, Failure> {
    stats::BATCH_REQUESTS.add(1);
    let foreign = |error: &(dyn std::error::Error + 'static)| {
        Failure::Other(Error::foreign("cannot send a request", error).cause().to_owned())
    };
    let subject = connection.api_subject(&Access::Direct.call(&request.stream));
    let inbox = connection.client.new_inbox();
    let mut forbidden = connection.forbidden();
    let mut replies = connection.client.subscribe(inbox.clone()).await.map_err(|error| foreign(&error))?;
    let payload = Bytes::copy_from_slice(body.as_bytes());
    connection.client.publish_with_reply(subject.clone(), inbox, payload).await.map_err(|error| foreign(&error))?;
    let mut end = BatchEnd::default();
    let mut last = 0;
    loop {
        let message = tokio::select! {
            biased;
            reply = replies.next() => match reply {
                Some(message) => message,
                None => return Err(Failure::Other("the connection was closed".into())),
            },
            word = forbidden.recv() => match word.ok().and_then(|word| refusal(&word, &subject)) {
                Some(failure) => return Err(failure),
                None => continue,
            },
            () = tokio::time::sleep(connection.timeout) => return Err(Failure::TimedOut),
        };
        match message.status.map(|status| status.as_u16()) {
            Some(413) => return Ok(Some(Batch::TooMany)),
            Some(408 | 503) => return Ok(Some(Batch::Unsupported)),
            _ => {}
        }
        match reply::direct(message, true, request.headers) {
            Ok(Answer::Reply(Reply::Message { record, previous, .. })) => {
                // A server that does not know `multi_last` may answer with one message and no batch headers.
                let Some(previous) = previous else { return Ok(Some(Batch::Unsupported)) };
                if previous != last {
                    return Ok(None);
                }
                last = record.sequence;
                end.records.push(record);
            }
            Ok(Answer::Reply(Reply::End { pending, last: said })) => {
                if said != last && !end.records.is_empty() {
                    return Ok(None);
                }
                return Ok(Some(Batch::End(BatchEnd { pending, ..end })));
            }
            Ok(Answer::Reply(Reply::Nothing)) => return Ok(Some(Batch::End(end))),
            Ok(Answer::NoResponders) => return Ok(Some(Batch::Unsupported)),
            Err(error) => return Err(Failure::Other(error.cause().to_owned())),
        }
    }
}
