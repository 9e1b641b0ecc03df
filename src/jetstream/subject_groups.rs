//! The subjects of a stream that match filters, in groups of as many as one request may name.

use std::collections::VecDeque;
use std::sync::Arc;

use super::admin::SubjectPages;
use super::connection::Connection;
use super::multi_last::{LastRequest, MAX_SUBJECTS};
use crate::error::Result;
use crate::plan::subject_matches;

/// The most bytes of subjects in one request, well below any server's `max_payload`.
const MAX_REQUEST: usize = 256 * 1024;

/// The subjects that match some filters, each once, in groups.
pub(super) struct SubjectGroups {
    connection: Arc<Connection>,
    stream: String,
    filters: VecDeque<String>,
    /// The filters that are done; their subjects do not count again.
    done: Vec<String>,
    pages: Option<(String, SubjectPages)>,
    ready: VecDeque<String>,
    /// How many subjects were listed so far, and how many messages they have together.
    listed: (u64, u64),
}

impl SubjectGroups {
    pub(super) fn new(connection: &Arc<Connection>, request: &LastRequest) -> Self {
        Self {
            connection: Arc::clone(connection),
            stream: request.stream.clone(),
            filters: request.subjects.iter().cloned().collect(),
            done: Vec::new(),
            pages: None,
            ready: VecDeque::new(),
            listed: (0, 0),
        }
    }

    /// The next subjects that fit into one request; empty at the end.
    pub(super) fn next_group(&mut self) -> Result<Vec<String>> {
        let (mut group, mut bytes) = (Vec::new(), 0);
        // One is left for the subject of the newest message of the leader.
        while group.len() < MAX_SUBJECTS - 1 && bytes < MAX_REQUEST {
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

    /// Lists until there are subjects; how many, and how many messages they have together.
    ///
    /// # Errors
    /// Those of a request.
    pub(super) fn first_listed(&mut self) -> Result<(u64, u64)> {
        while self.ready.is_empty() && self.refill()? {}
        Ok(self.listed)
    }

    /// Whether there is more.
    fn refill(&mut self) -> Result<bool> {
        if let Some((filter, pages)) = &mut self.pages {
            match pages.next_page()? {
                Some(page) => {
                    self.listed.0 += page.len() as u64;
                    self.listed.1 += page.iter().map(|(_, count)| *count).sum::<u64>();
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
        if has_wildcards(&filter) {
            let pages = SubjectPages::new(Arc::clone(&self.connection), &self.stream, &filter);
            self.pages = Some((filter, pages));
        } else if !self.done.iter().any(|done| subject_matches(filter.as_bytes(), done)) {
            self.done.push(filter.clone());
            self.ready.push_back(filter);
        }
        Ok(true)
    }
}

/// Whether a filter matches more than one subject.
pub(super) fn has_wildcards(filter: &str) -> bool {
    filter.split('.').any(|token| matches!(token, "*" | ">"))
}
