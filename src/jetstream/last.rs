//! The newest message of each subject, now or as it was at a sequence.
//!
//! One `multi_last` request ([`super::multi_last`]) answers for up to 1024 subjects. Beyond that the subjects are listed and asked for in groups, all
//! up to one sequence, so that the answer is one snapshot. A stream that keeps one message a subject may lose a message of the snapshot meanwhile, to
//! a newer one; when the newest message is wanted, that one is read instead. Servers before 2.11, and streams without Direct Get, are asked for one
//! subject at a time. A snapshot of the past is read message by message where that is faster, and proved by such a read ([`super::last_past`]).

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::exchange::{Ask, exchange};
use super::failure::Failure;
use super::get::count;
use super::inspect::check_identity;
use super::last_past::{FEW_FILTERS, Past, affordable};
use super::leader_tail::LeaderTail;
use super::multi_last::{LastRequest, MAX_SUBJECTS, Multi, multi_last};
use super::newest::{look_again, newest};
use super::runtime::block_on_read;
use super::single::whole;
use super::state::stream_state;
use super::subject_groups::{SubjectGroups, has_wildcards};
use crate::error::{Kind, Result};
use crate::plan::StreamState;
use crate::record::Record;

/// The number of messages in a page.
const PAGE: usize = 2_048;

/// A running read of the newest messages, page by page. Within a page they are in sequence order.
pub struct LastPages {
    connection: Arc<Connection>,
    request: LastRequest,
    state: State,
}

enum State {
    /// No request was sent yet.
    Start,
    /// The subjects are asked for in groups.
    Listed(Box<Listed>),
    /// Everything is there.
    Read(VecDeque<Record>),
    Done,
}

struct Listed {
    subjects: SubjectGroups,
    access: Access,
    /// Whether the server knows `multi_last`.
    multi: bool,
    /// The end of the snapshot.
    snapshot: u64,
    state: StreamState,
    tail: Option<LeaderTail>,
}

impl LastPages {
    /// Prepares the read; sends no request.
    pub fn new(connection: Arc<Connection>, request: LastRequest) -> Self {
        Self { connection, request, state: State::Start }
    }

    /// The next messages; None at the end. Two round trips where at most 1023 subjects match.
    ///
    /// # Errors
    /// `Kind::Damaged` when the newest message of a subject cannot be given; `Kind::Replaced` when the stream was made anew
    /// meanwhile; `Kind::NotFound` when there is no such stream; those of any request.
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
                    // A server that has to look at the past of all subjects takes seconds to count the matching ones (6 s for 100 000 were measured,
                    // before it refused them as too many), so they are listed first.
                    let past = up_to_wildcards(&self.request);
                    let few = self.request.subjects.len() < MAX_SUBJECTS && !past;
                    let filters = &self.request.subjects;
                    let up_to = self.request.up_to;
                    let mut tail = None;
                    // Server 2.9 sends no status when nobody answers Direct Get, so it is not asked.
                    let answer = if self.connection.client.is_server_compatible(2, 11, 0) {
                        tail = LeaderTail::find(&self.connection, &self.request.stream, up_to)?;
                        if few {
                            multi_last(&self.connection, &self.request, filters, up_to, &mut tail)?
                        } else {
                            Multi::TooMany
                        }
                    } else {
                        Multi::Unsupported
                    };
                    match answer {
                        Multi::Whole(records) => {
                            let records = self.proved(records)?;
                            self.state = State::Done;
                            return Ok(Some(records).filter(|records| !records.is_empty()));
                        }
                        Multi::Forbidden if self.is_of_known_subjects() => {
                            self.state = State::Read(self.known_subjects()?.into());
                        }
                        other => {
                            let multi = matches!(other, Multi::TooMany);
                            let mut listed = match self.list(multi, tail) {
                                Err(error) if error.kind() == Kind::Denied && self.is_of_known_subjects() => {
                                    self.state = State::Read(self.known_subjects()?.into());
                                    continue;
                                }
                                listed => listed?,
                            };
                            let subjects = match up_to {
                                Some(_) => listed.subjects_to_read(self.request.subjects.len())?,
                                None => None,
                            };
                            self.state = match up_to.zip(subjects) {
                                Some((up_to, subjects)) => {
                                    let past = listed.past(&self.connection, &self.request, up_to);
                                    State::Read(past.read(subjects)?.into())
                                }
                                None => State::Listed(Box::new(listed)),
                            };
                        }
                    }
                }
                State::Read(records) => {
                    let page: Vec<Record> = records.drain(..records.len().min(PAGE)).collect();
                    if !page.is_empty() {
                        return Ok(Some(page));
                    }
                    self.state = State::Done;
                }
                State::Listed(listed) => {
                    let group = listed.subjects.next_group()?;
                    if group.is_empty() {
                        // A server that is deleting a stream answers that there is no message.
                        block_on_read(check_identity(&self.connection, &self.request.stream, &listed.state))?;
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

    /// Whether each subject is named, and its newest message is wanted.
    fn is_of_known_subjects(&self) -> bool {
        self.request.up_to.is_none() && !self.request.subjects.iter().any(|filter| has_wildcards(filter))
    }

    /// The newest message of each named subject, in the way that the user may ask for it.
    fn known_subjects(&self) -> Result<Vec<Record>> {
        let subjects: HashSet<&str> = self.request.subjects.iter().map(String::as_str).collect();
        let subjects: Vec<&str> = subjects.into_iter().collect();
        let records = block_on_read(newest(&self.connection, &self.request.stream, &subjects))?;
        let mut records: Vec<Record> = records.into_iter().flatten().collect();
        records.sort_by_key(|record| record.sequence);
        Ok(records)
    }

    /// The answer about named subjects, proved where it is about the past.
    fn proved(&self, records: Vec<Record>) -> Result<Vec<Record>> {
        let Some(up_to) = self.request.up_to else { return Ok(records) };
        match stream_state(&self.connection, &self.request.stream) {
            Ok(state) => {
                let past = Past { connection: &self.connection, request: &self.request, state: &state, up_to };
                past.prove(&self.request.subjects, records)
            }
            // Who may not ask for the state gets what the server gives.
            Err(error) if error.kind() == Kind::Denied => Ok(records),
            Err(error) => Err(error),
        }
    }

    fn list(&self, multi: bool, tail: Option<LeaderTail>) -> Result<Listed> {
        let state = stream_state(&self.connection, &self.request.stream)?;
        Ok(Listed {
            subjects: SubjectGroups::new(&self.connection, &self.request),
            access: Access::of(&state),
            multi,
            snapshot: self.request.up_to.unwrap_or(state.last),
            state,
            tail,
        })
    }
}

/// Whether the past is wanted for subjects that are not named one by one.
fn up_to_wildcards(request: &LastRequest) -> bool {
    request.up_to.is_some() && request.subjects.iter().any(|filter| has_wildcards(filter))
}

impl Listed {
    /// The number of subjects, if reading all their messages up to the end gives a snapshot of the past faster than asking for each.
    fn subjects_to_read(&mut self, filters: usize) -> Result<Option<u64>> {
        let (subjects, messages) =
            if filters > FEW_FILTERS { (filters as u64, self.state.messages) } else { self.subjects.first_listed()? };
        Ok((subjects > 0 && messages <= affordable(subjects)).then_some(subjects))
    }

    fn past<'a>(&'a self, connection: &'a Arc<Connection>, request: &'a LastRequest, up_to: u64) -> Past<'a> {
        Past { connection, request, state: &self.state, up_to }
    }

    /// The newest messages of a group of subjects.
    fn read(&mut self, connection: &Arc<Connection>, request: &LastRequest, group: &[String]) -> Result<Vec<Record>> {
        let mut found: Vec<Record> = Vec::new();
        let mut missing: Vec<String> = group.to_vec();
        if self.multi
            && let Multi::Whole(records) = multi_last(connection, request, group, Some(self.snapshot), &mut self.tail)?
        {
            let have: HashSet<&[u8]> = records.iter().map(|record| &record.subject[..]).collect();
            // A subject may well have had no message in the past.
            missing.retain(|subject| request.up_to.is_none() && !have.contains(subject.as_bytes()));
            found = records;
        }
        for (subject, record) in self.singles(connection, request, missing)? {
            match (record, request.up_to) {
                (Some(record), Some(up_to)) if record.sequence > up_to => {
                    found.extend(self.past(connection, request, up_to).newest_of(&subject)?);
                }
                (record, _) => found.extend(record),
            }
        }
        found.sort_by_key(|record| record.sequence);
        match request.up_to {
            Some(up_to) => self.past(connection, request, up_to).prove(group, found),
            None => Ok(found),
        }
    }

    /// The newest message of each subject, one request each, of the leader where the user may ask it: another replica may
    /// be behind.
    fn singles(
        &self,
        connection: &Arc<Connection>,
        request: &LastRequest,
        subjects: Vec<String>,
    ) -> Result<Vec<(String, Option<Record>)>> {
        block_on_read(async {
            let (stream, want) = (&request.stream, whole(request.headers));
            let asks = subjects.iter().map(|subject| Ask::newest(Access::MsgGet, subject)).collect();
            let mut answers = exchange(connection, stream, asks, want).await?;
            let mut access = Access::MsgGet;
            if self.access == Access::Direct && answers.iter().any(|answer| matches!(answer, Err(Failure::Forbidden))) {
                access = Access::Direct;
                let asks = subjects.iter().map(|subject| Ask::newest(access, subject)).collect();
                answers = exchange(connection, stream, asks, want).await?;
            }
            let mut found = Vec::with_capacity(subjects.len());
            for (subject, answer) in subjects.into_iter().zip(answers) {
                let record = match answer {
                    Ok(Some(record)) => Some(record),
                    Ok(None) => look_again(connection, stream, &subject, request.headers).await?,
                    Err(failure) => return Err(connection.explain(failure, &access.call(stream), stream).await),
                };
                found.push((subject, record));
            }
            Ok(found)
        })
    }
}
