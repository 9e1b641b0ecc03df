//! Finds the faults of a stream from the messages that each of its servers gave and the counts of the leader. Pure.

use std::fmt;

use super::checkpoint::Fingerprint;
use super::range::SequenceRange;

/// A message that a server gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The message's digest.
    pub print: Fingerprint,
    /// When it was stored, in nanoseconds since 1970 UTC.
    pub time_ns: i64,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The stream counts messages that a server does not give.
    Damaged,
    /// A server reports that its storage lost them.
    Lost,
    /// Replicas give different messages.
    Differs,
    /// Messages were stored before one that stands in front of them.
    Time,
    /// There are no messages: they were deleted, expired, or were replaced by newer ones.
    Hole,
    /// A server was not read.
    Unread,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Damaged => "damaged",
            Kind::Lost => "lost",
            Kind::Differs => "differs",
            Kind::Time => "time",
            Kind::Hole => "hole",
            Kind::Unread => "unread",
        })
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind of the fault.
    pub kind: Kind,
    /// The sequences; None when they are not known.
    pub range: Option<SequenceRange>,
    /// The number of messages; None when it is not known.
    pub messages: Option<u64>,
    /// The server; None when it is all of them.
    pub server: Option<String>,
    /// The evidence.
    pub evidence: String,
}

/// The leader's counts after everything has been read.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// The first sequence: what is before it has left the stream.
    pub first: u64,
    /// The number of messages when the read began and when it ended, where nothing came or went meanwhile.
    pub messages: Option<u64>,
    /// The deleted sequences, ascending; None when there are too many to list.
    pub deleted: Option<Vec<u64>>,
}

impl Counted {
    /// The parts of a run that the leader counts as messages. None when that is not known.
    #[must_use]
    pub fn within(&self, run: SequenceRange) -> Option<Vec<SequenceRange>> {
        let run = SequenceRange { first: run.first.max(self.first), last: run.last };
        if run.is_empty() {
            return Some(Vec::new());
        }
        let deleted = self.deleted.as_ref()?;
        let from = deleted.partition_point(|sequence| *sequence < run.first);
        let mut parts = Vec::new();
        let mut next = run.first;
        for sequence in deleted[from..].iter().copied().take_while(|sequence| *sequence <= run.last) {
            if sequence > next {
                parts.push(SequenceRange { first: next, last: sequence - 1 });
            }
            next = sequence + 1;
        }
        if next <= run.last {
            parts.push(SequenceRange { first: next, last: run.last });
        }
        Some(parts)
    }
}

/// A message that was stored before the one in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StepBack {
    front: u64,
    sequence: u64,
    by_ns: i64,
}

/// The comparison of the servers' answers, which come part by part in sequence order.
#[derive(Debug, Clone)]
pub struct Survey {
    servers: Vec<String>,
    /// The sequences that no server gave.
    pub gaps: Runs,
    /// For each server, the sequences that it did not give although another server did.
    pub lacking: Vec<Runs>,
    differing: Runs,
    steps: Vec<StepBack>,
    given: u64,
    latest: Option<(u64, i64)>,
}

impl Survey {
    /// A comparison of servers with these names, before any message was read.
    #[must_use]
    pub fn new(servers: Vec<String>) -> Self {
        let lacking = vec![Runs::default(); servers.len()];
        let (gaps, differing) = (Runs::default(), Runs::default());
        Self { servers, gaps, lacking, differing, steps: Vec::new(), given: 0, latest: None }
    }

    /// Takes each server's messages of the next range, in sequence order. None stands for a server that was not read.
    pub fn take(&mut self, range: SequenceRange, seen: &[Option<Vec<Seen>>]) {
        let mut rests: Vec<&[Seen]> = seen.iter().map(|seen| seen.as_deref().unwrap_or_default()).collect();
        let mut next = range.first;
        while let Some(sequence) = rests.iter().filter_map(|rest| Some(rest.first()?.print.sequence)).min() {
            self.gaps.push(SequenceRange { first: next, last: sequence - 1 });
            next = sequence + 1;
            self.given += 1;
            let mut one: Option<Seen> = None;
            let mut differs = false;
            for (server, rest) in rests.iter_mut().enumerate() {
                match rest.split_first().filter(|(first, _)| first.print.sequence == sequence) {
                    Some((first, others)) => {
                        *rest = others;
                        differs |= one.is_some_and(|one| one != *first);
                        one.get_or_insert(*first);
                    }
                    None if seen[server].is_some() => {
                        self.lacking[server].push(SequenceRange { first: sequence, last: sequence });
                    }
                    None => {}
                }
            }
            if differs {
                self.differing.push(SequenceRange { first: sequence, last: sequence });
            }
            if let Some(one) = one {
                if let Some((front, latest)) = self.latest.filter(|(_, latest)| one.time_ns < *latest) {
                    self.steps.push(StepBack { front, sequence, by_ns: latest - one.time_ns });
                }
                self.latest = Some((sequence, one.time_ns));
            }
        }
        self.gaps.push(SequenceRange { first: next, last: range.last });
    }

    /// The findings, by sequence. `holes` decides whether holes are findings.
    #[must_use]
    pub fn findings(&self, counted: &Counted, holes: bool) -> Vec<Finding> {
        let mut findings = Vec::new();
        let names = |wanted: &dyn Fn(usize) -> bool| {
            let servers = self.servers.iter().enumerate().filter(|(at, _)| wanted(*at));
            servers.map(|(_, name)| format!("'{name}'")).collect::<Vec<_>>().join(", ")
        };
        let everywhere = match self.servers.as_slice() {
            [_] => "the server counts it and does not give it".to_owned(),
            _ => format!("it is counted, and none of {} gives it", names(&|_| true)),
        };
        let only = match self.servers.as_slice() {
            [one] => Some(one.clone()),
            _ => None,
        };
        for gap in &self.gaps.0 {
            for run in counted.within(*gap).unwrap_or_default() {
                findings.push(Finding::of(Kind::Damaged, run, only.clone(), everywhere.clone()));
            }
        }
        if counted.deleted.is_none()
            && let Some(missing) = counted.messages.map(|messages| messages.saturating_sub(self.given))
            && missing > 0
        {
            findings.push(Finding {
                kind: Kind::Damaged,
                range: None,
                messages: Some(missing),
                server: only,
                evidence: format!("{} messages are counted, {} were given", missing + self.given, self.given),
            });
        }
        for (server, lacking) in self.lacking.iter().enumerate() {
            let others = names(&|at| at != server);
            for run in lacking.0.iter().flat_map(|run| counted.within(*run).unwrap_or_else(|| vec![*run])) {
                let evidence = format!("it does not give what others of {others} give");
                findings.push(Finding::of(Kind::Damaged, run, self.servers.get(server).cloned(), evidence));
            }
        }
        for run in &self.differing.0 {
            let evidence = format!("{} give different messages", names(&|_| true));
            findings.push(Finding::of(Kind::Differs, *run, None, evidence));
        }
        for StepBack { front, sequence, by_ns } in &self.steps {
            let seconds = *by_ns as f64 / 1e9;
            let evidence = format!("stored {seconds:.6} s before sequence {front}, which stands in front of it");
            let range = SequenceRange { first: *sequence, last: *sequence };
            findings.push(Finding::of(Kind::Time, range, None, evidence));
        }
        if holes {
            let evidence = "no message: deleted, expired, or given way to a newer one";
            let runs = self.gaps.0.iter().flat_map(|gap| without(*gap, &counted.within(*gap).unwrap_or_default()));
            findings.extend(runs.map(|run| Finding::of(Kind::Hole, run, None, evidence.to_owned())));
        }
        findings.sort_by_key(|finding| (finding.range.map(|range| range.first), finding.kind));
        findings
    }
}

impl Finding {
    /// A finding about each message of a range.
    #[must_use]
    pub fn of(kind: Kind, range: SequenceRange, server: Option<String>, evidence: String) -> Self {
        Self { kind, range: Some(range), messages: Some(range.last - range.first + 1), server, evidence }
    }
}

/// The rest of a run without these parts of it, which ascend.
fn without(run: SequenceRange, parts: &[SequenceRange]) -> Vec<SequenceRange> {
    let mut left = Vec::new();
    let mut next = run.first;
    for part in parts {
        left.push(SequenceRange { first: next, last: part.first - 1 });
        next = part.last + 1;
    }
    left.push(SequenceRange { first: next, last: run.last });
    left.retain(|run| !run.is_empty());
    left
}

/// Runs of sequences, ascending; those that touch are one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runs(pub Vec<SequenceRange>);

impl Runs {
    /// Adds a run behind all others; an empty one changes nothing.
    pub fn push(&mut self, run: SequenceRange) {
        if run.is_empty() {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.last + 1 == run.first => last.last = run.last,
            _ => self.0.push(run),
        }
    }

    /// Takes sequences out, which must be ascending.
    pub fn remove(&mut self, sequences: &[u64]) {
        let found = Counted { first: 0, messages: None, deleted: Some(sequences.to_vec()) };
        let left = std::mem::take(&mut self.0);
        self.0 = left.into_iter().flat_map(|run| found.within(run).unwrap_or_default()).collect();
    }
}

#[cfg(test)]
mod tests;
