//! Single messages: by exact sequence, or the next one from a sequence on.

use std::collections::HashMap;
use std::sync::Arc;

use super::access::Access;
use super::connection::Connection;
use super::exchange::exchange;
use super::failure::Failure;
use super::inspect::{self, Gaps, check_identity};
use super::runtime::block_on_read;
use super::single::whole;
use super::state::state_or_error;
use crate::error::{Error, Kind, Result};
use crate::plan::{SequenceRange, StreamState};
use crate::record::Record;
use crate::stats;

/// The most messages that are asked for by Direct Get where it is not known whether the stream answers it.
const FEW: usize = 16;
/// With this many deleted sequences or fewer, one list of them shows whether a message was deleted.
const FEW_DELETED: u64 = 100_000;

/// Reads messages of a stream by their sequences, call by call, and notices when it became another stream meanwhile.
pub struct MessageReader {
    connection: Arc<Connection>,
    stream: String,
    /// The stream's state when it was first asked for.
    began: Option<StreamState>,
}

impl MessageReader {
    /// A reader; it sends no request yet.
    pub fn new(connection: Arc<Connection>, stream: &str) -> Self {
        Self { connection, stream: stream.to_owned(), began: None }
    }

    /// The messages with these sequences, in the order of the list; None where there is none. Pipelined.
    ///
    /// One costs one round trip: the server says when nobody answers Direct Get, and the leader is asked then. For more, or
    /// of a server before 2.11, which may stay silent, the stream's state is asked for first, and again in the end, to see
    /// that all came from one stream. A message that is not there costs one more for the leader, which may have it, and one for the
    /// list of deleted messages: one that is neither there
    /// nor deleted is damaged, and an error.
    ///
    /// # Errors
    /// [`Kind::Damaged`] when a message is neither there nor deleted; [`Kind::Replaced`] when the stream was made anew since
    /// the first call; [`Kind::NotFound`] when there is no such stream; those of any request.
    pub fn messages(&mut self, sequences: &[u64], with_headers: bool) -> Result<Vec<Option<Record>>> {
        let label = self.connection.label().to_owned();
        let stream = self.stream.clone();
        let found = block_on_read(self.read(sequences, with_headers));
        let found = found.map_err(|error: Error| error.stream(&stream).server(&label))?;
        count(found.iter().flatten());
        Ok(found)
    }

    async fn read(&mut self, sequences: &[u64], with_headers: bool) -> Result<Vec<Option<Record>>> {
        let access = match &self.began {
            Some(began) => Access::of(began),
            None if sequences.len() == 1 && self.connection.knows_batches() => Access::Direct,
            None => match self.state().await {
                Ok(state) => Access::of(&state),
                // A user who may read messages but not ask for the state reads a few without it.
                Err(error) if error.kind() == Kind::Denied && (1..=FEW).contains(&sequences.len()) => Access::Direct,
                Err(error) => return Err(error),
            },
        };
        let asked: Vec<u64> = sequences.iter().copied().filter(|sequence| *sequence > 0).collect();
        let mut found: HashMap<u64, Record> = HashMap::new();
        let (mut absent, mut refused) = (Vec::new(), None);
        let asks = asked.iter().map(|sequence| inspect::ask(access, *sequence)).collect();
        let answers = exchange(&self.connection, &self.stream, asks, whole(with_headers)).await?;
        for (sequence, answer) in asked.iter().zip(answers) {
            match answer {
                Ok(Some(record)) => {
                    found.insert(*sequence, record);
                }
                Ok(None) => absent.push(*sequence),
                Err(failure @ (Failure::NoResponders | Failure::Forbidden)) if access == Access::Direct => {
                    absent.push(*sequence);
                    refused = Some(failure);
                }
                Err(failure) => return self.explain(access, failure, *sequence).await,
            }
        }
        absent.sort_unstable();
        absent.dedup();
        if !absent.is_empty() {
            let records = match access {
                Access::Direct | Access::Consumer => self.of_the_leader(&absent, refused, with_headers).await?,
                Access::MsgGet => self.not_deleted(&absent, false, with_headers).await?,
            };
            found.extend(records.into_iter().map(|record| (record.sequence, record)));
        }
        if let Some(wrong) = found.iter().find(|(sequence, record)| **sequence != record.sequence) {
            return Err(Error::of(Kind::Protocol, "the server answered with another message").sequence(*wrong.0));
        }
        if found.len() > 1 && self.began.is_some() {
            // Messages of two streams of one name are not an answer.
            self.state().await?;
        }
        Ok(sequences.iter().map(|sequence| found.get(sequence).cloned()).collect())
    }

    /// The messages among these that the leader has. A replica that does not have one may be behind. Where Direct Get has no responder, or the user
    /// may not use it, only the leader is asked: its answer shows whether the stream does not allow Direct Get, or does not exist.
    async fn of_the_leader(
        &mut self,
        sequences: &[u64],
        refused: Option<Failure>,
        with_headers: bool,
    ) -> Result<Vec<Record>> {
        let asks = sequences.iter().map(|sequence| inspect::ask(Access::MsgGet, *sequence)).collect();
        let answers = exchange(&self.connection, &self.stream, asks, whole(with_headers)).await?;
        let (mut found, mut absent, mut leader_denied): (Vec<Record>, Vec<u64>, bool) = Default::default();
        for (sequence, answer) in sequences.iter().zip(answers) {
            match answer {
                Ok(Some(record)) => found.push(record),
                Ok(None) => absent.push(*sequence),
                Err(Failure::Forbidden) if refused == Some(Failure::Forbidden) => {
                    return self.explain(Access::Direct, Failure::Forbidden, *sequence).await;
                }
                Err(Failure::Forbidden) if refused.is_none() => {
                    absent.push(*sequence);
                    leader_denied = true;
                }
                Err(failure) => return self.explain(Access::MsgGet, failure, *sequence).await,
            }
        }
        if !absent.is_empty() {
            found.extend(self.not_deleted(&absent, leader_denied, with_headers).await?);
        }
        Ok(found)
    }

    /// The messages among these that exist although the leader did not give them. `leader_denied` says that the user may not ask it.
    async fn not_deleted(&mut self, sequences: &[u64], leader_denied: bool, with_headers: bool) -> Result<Vec<Record>> {
        let want = whole(with_headers);
        let (connection, stream) = (Arc::clone(&self.connection), self.stream.clone());
        let state = match self.state().await {
            Ok(state) if state.exact => state,
            // A user who may ask neither the leader nor for the state relies on several replicas.
            _ if leader_denied => return Ok(inspect::exact_messages(&connection, &stream, sequences, want).await?.0),
            Ok(_) => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let exist = |sequence: &&u64| state.messages > 0 && (state.first.max(1)..=state.last).contains(*sequence);
        let counted: Vec<u64> = sequences.iter().filter(exist).copied().collect();
        if counted.is_empty() {
            return Ok(Vec::new());
        }
        // A list of very many holes takes too long, so several replicas are asked.
        if state.holes() > FEW_DELETED {
            return Ok(inspect::exact_messages(&connection, &stream, &counted, want).await?.0);
        }
        let gaps: Vec<SequenceRange> =
            counted.iter().map(|sequence| SequenceRange { first: *sequence, last: *sequence }).collect();
        Ok(inspect::inspect(&connection, &stream, &state, Gaps::Runs(&gaps), want).await?.found)
    }

    /// The stream's state now; an error when it is not the stream that it was when it was first asked for.
    async fn state(&mut self) -> Result<StreamState> {
        let now = match &self.began {
            Some(began) => check_identity(&self.connection, &self.stream, began).await?,
            None => state_or_error(&self.connection, &self.stream).await?,
        };
        self.began.get_or_insert(now);
        Ok(now)
    }

    async fn explain<T>(&self, access: Access, failure: Failure, sequence: u64) -> Result<T> {
        let about_message = matches!(failure, Failure::Other(_));
        let error = self.connection.explain(failure, &access.call(&self.stream), &self.stream).await;
        Err(if about_message { error.sequence(sequence) } else { error })
    }
}

/// The messages with these sequences, in the order of the list; None where there is none. [`MessageReader`] in one call.
///
/// # Errors
/// Those of [`MessageReader::messages`].
pub fn get_messages(
    connection: &Arc<Connection>,
    stream: &str,
    sequences: &[u64],
    with_headers: bool,
) -> Result<Vec<Option<Record>>> {
    MessageReader::new(Arc::clone(connection), stream).messages(sequences, with_headers)
}

/// Counts records that are passed on.
pub(super) fn count<'a>(records: impl Iterator<Item = &'a Record>) {
    let (messages, bytes) = records.fold((0, 0), |(n, b), record| (n + 1, b + record.payload.len() as u64));
    stats::MESSAGES_READ.add(messages);
    stats::BYTES_READ.add(bytes);
}
