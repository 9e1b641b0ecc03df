//! Reads all of a stream from each of its servers, to find its faults.
//!
//! ```text
//! one_by_one   each sequence asked for by itself: a stream on one server, or the leader of several
//! traced       batches, with a trace that says which server answered: each replica of a stream
//! Survey       (plan/) what the servers gave, part by part, and what is wrong with it; pure
//! ```

mod one_by_one;
mod part;
mod traced;

use self::part::Part;
use std::sync::Arc;
use std::time::Duration;

use super::access::Access;
use super::connection::Connection;
use super::info_reply::{Details, InfoReply, ask_or_explain};
use super::runtime::block_on_read;
use crate::error::Result;
use crate::plan::{Counted, Finding, FindingKind, Runs, SequenceRange, Survey};
use one_by_one::OneByOne;
use traced::Traced;

/// More deleted sequences than this are not listed: only their number is known then.
const MAX_DELETED: u64 = 1_000_000;
/// So many messages that did not come are asked for once more, in so many runs of them.
const MAX_CONFIRMED: usize = 100_000;
const MAX_RUNS: usize = 1_000;
/// A replica may be behind: what it lacks is asked for again, so often, after such a pause.
const LOOKS: usize = 3;
const PAUSE: Duration = Duration::from_millis(300);

enum Reader {
    OneByOne(OneByOne),
    Traced(Box<Traced>),
}

impl Reader {
    /// Reads the next part of what lies between two sequences, from each server.
    async fn read(&mut self, first: u64, last: u64) -> Result<Part> {
        match self {
            Reader::OneByOne(reader) => reader.read(first, last).await,
            Reader::Traced(reader) => reader.read(first, last).await,
        }
    }
}

/// Reads all of a stream as it is when this is called. `holes` says whether holes are findings.
///
/// # Errors
/// `Kind::NotFound` when there is no such stream; those of any request. What is wrong with the stream is a finding and no
/// error.
pub fn verify(connection: &Arc<Connection>, stream: &str, holes: bool) -> Result<Vec<Finding>> {
    let verify = async {
        let begin = ask_or_explain(connection, stream, Details::None).await?;
        let (mut reader, servers, mut findings) = reader(connection, stream, &begin);
        let mut survey = Survey::new(servers);
        let (mut next, last) = (begin.state.first_seq.max(1), begin.state.last_seq);
        while next <= last {
            let part = reader.read(next, last).await?;
            survey.take(part.range, &part.seen);
            next = part.range.last + 1;
        }
        let counted = confirm(connection, stream, &begin, &mut survey, &mut reader).await?;
        findings.extend(survey.findings(&counted.0, holes));
        findings.extend(lost(&counted.1));
        if let Reader::Traced(reader) = &reader {
            findings.extend(reader.unread());
        }
        findings.sort_by_key(|finding| (finding.range.map(|range| range.first), finding.kind));
        Ok(findings)
    };
    block_on_read(verify).map_err(|error| error.stream(stream).server(connection.label()))
}

/// The way in which the stream is read, its servers, and those of them that cannot be read.
fn reader(connection: &Arc<Connection>, stream: &str, info: &InfoReply) -> (Reader, Vec<String>, Vec<Finding>) {
    let direct = info.config.allow_direct;
    let cluster = info.cluster.as_ref();
    let leader = cluster.and_then(|cluster| cluster.leader.clone());
    let leader = leader.unwrap_or_else(|| connection.client.server_info().server_name);
    let replicas: Vec<String> = cluster
        .and_then(|cluster| cluster.replicas.as_ref())
        .map_or_else(Vec::new, |replicas| replicas.iter().map(|replica| replica.name.clone()).collect());
    if replicas.is_empty() {
        let access = if direct { Access::Direct } else { Access::MsgGet };
        return (Reader::OneByOne(OneByOne::new(connection, stream, access)), vec![leader], Vec::new());
    }
    if direct && connection.knows_batches() {
        let servers: Vec<String> = std::iter::once(leader).chain(replicas).collect();
        let traced = Traced::new(connection, stream, servers.clone());
        return (Reader::Traced(Box::new(traced)), servers, Vec::new());
    }
    let why = if direct {
        "a server before 2.11 does not say which replica answers"
    } else {
        "allow_direct is off: only the leader answers"
    };
    let unread = replicas.into_iter().map(|replica| Finding {
        kind: FindingKind::Unread,
        range: None,
        messages: None,
        server: Some(replica),
        evidence: why.to_owned(),
    });
    (Reader::OneByOne(OneByOne::new(connection, stream, Access::MsgGet)), vec![leader], unread.collect())
}

/// Asks again for what did not come, and takes out what was behind. What has left the stream meanwhile is not counted.
async fn confirm(
    connection: &Arc<Connection>,
    stream: &str,
    begin: &InfoReply,
    survey: &mut Survey,
    reader: &mut Reader,
) -> Result<(Counted, InfoReply)> {
    let leader = OneByOne::new(connection, stream, Access::MsgGet);
    let mut look = 1;
    loop {
        let missing = !survey.gaps.0.is_empty() || survey.lacking.iter().any(|lacking| !lacking.0.is_empty());
        let now = ask_or_explain(connection, stream, Details::None).await?;
        let listed = missing && (1..=MAX_DELETED).contains(&now.state.num_deleted);
        let now = if listed { ask_or_explain(connection, stream, Details::Deleted).await? } else { now };
        let counted = counted(begin, &now);
        let gaps = survey.gaps.0.iter().flat_map(|gap| counted.within(*gap).unwrap_or_default());
        let gaps: Vec<u64> = gaps.flat_map(|run| run.first..=run.last).take(MAX_CONFIRMED).collect();
        survey.gaps.remove(&leader.present(&gaps).await?);
        let mut lacks = false;
        for server in 0..survey.lacking.len() {
            let runs = survey.lacking[server].0.iter();
            let runs: Vec<SequenceRange> =
                runs.flat_map(|run| counted.within(*run).unwrap_or_else(|| vec![*run])).collect();
            let came = again(reader, server, &runs[..runs.len().min(MAX_RUNS)]).await?;
            survey.lacking[server].remove(&came);
            lacks |= runs.iter().map(|run| run.last - run.first + 1).sum::<u64>() > came.len() as u64;
        }
        if !lacks || look == LOOKS {
            return Ok((counted, now));
        }
        look += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// The sequences of some runs that a server gives now, ascending.
async fn again(reader: &mut Reader, server: usize, runs: &[SequenceRange]) -> Result<Vec<u64>> {
    let mut came = Vec::new();
    for run in runs {
        let mut next = run.first;
        while next <= run.last {
            let part = reader.read(next, run.last).await?;
            let seen = part.seen.into_iter().nth(server).flatten().unwrap_or_default();
            came.extend(seen.iter().map(|seen| seen.print.sequence));
            next = part.range.last + 1;
        }
    }
    Ok(came)
}

fn counted(begin: &InfoReply, now: &InfoReply) -> Counted {
    let (begin, now) = (&begin.state, &now.state);
    let same = begin.first_seq == now.first_seq && begin.last_seq == now.last_seq && begin.messages == now.messages;
    Counted {
        first: now.first_seq.max(1),
        messages: same.then_some(now.messages),
        deleted: if now.num_deleted == 0 { Some(Vec::new()) } else { now.deleted.clone() },
    }
}

/// The leader's report about itself.
fn lost(info: &InfoReply) -> Vec<Finding> {
    let Some(lost) = &info.state.lost else { return Vec::new() };
    let leader = info.cluster.as_ref().and_then(|cluster| cluster.leader.clone());
    let mut runs = Runs::default();
    let mut sequences = lost.msgs.clone().unwrap_or_default();
    sequences.sort_unstable();
    sequences.into_iter().for_each(|sequence| runs.push(SequenceRange { first: sequence, last: sequence }));
    if runs.0.is_empty() && lost.bytes > 0 {
        return vec![Finding {
            kind: FindingKind::Lost,
            range: None,
            messages: None,
            server: leader,
            evidence: format!("the server says that {} bytes of its storage could not be read", lost.bytes),
        }];
    }
    let evidence = "the server says that its storage lost them; it counts them as deleted";
    runs.0.into_iter().map(|run| Finding::of(FindingKind::Lost, run, leader.clone(), evidence.to_owned())).collect()
}
