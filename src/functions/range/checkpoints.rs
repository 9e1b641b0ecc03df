//! Ranges that begin after one checkpoint and end at another.

use std::sync::Arc;

use crate::error::{Error, Kind, Result};
use crate::functions::payload::choice;
use crate::jetstream::{Connection, check_checkpoint, stream_now};
use crate::plan::{Bounds, Checkpoint, Region, SequenceRange, StreamNow, StreamState, gap_error};
use crate::record::Record;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The named parameters.
pub const PARAMETERS: [Parameter; 3] = [
    Parameter::new(AFTER, ParameterType::Text),
    Parameter::new(UPTO, ParameterType::Text),
    Parameter::new(ON_GAP, ParameterType::Text),
];

const AFTER: &str = "after";
const UPTO: &str = "upto";
const ON_GAP: &str = "on_gap";

/// Whether a read fails or goes on when messages that follow its checkpoint were removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnGap {
    Fail,
    Skip,
}

/// The checkpoints of a read; at least one.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    after: Option<Checkpoint>,
    upto: Option<Checkpoint>,
    on_gap: OnGap,
}

impl Checkpoints {
    /// Reads the parameters of a read of a stream. `after` may be NULL, which is the beginning of the stream.
    ///
    /// # Errors
    /// A checkpoint is malformed or of another stream, or a parameter contradicts it.
    pub fn read(arguments: &Arguments, stream: &str) -> Result<Option<Self>> {
        let checkpoint = |name: &str| -> Result<Option<Checkpoint>> {
            let Some(text) = arguments.text(name)? else { return Ok(None) };
            let checkpoint = Checkpoint::from_text(name, text)?;
            checkpoint.check_stream(stream)?;
            Ok(Some(checkpoint))
        };
        let null = arguments.find(AFTER) == Some(&Value::Null);
        let after = if null { None } else { checkpoint(AFTER)? };
        let upto = checkpoint(UPTO)?;
        let given = |names: &[&'static str]| names.iter().find(|name| arguments.find(name).is_some()).copied();
        let Some(ours) = given(&[AFTER, UPTO]) else {
            return match given(&[ON_GAP]) {
                Some(name) => {
                    Err(Error::new(format!("{name} needs {AFTER}")).advice("give a checkpoint, or leave it out"))
                }
                None => Ok(None),
            };
        };
        if let Some(bound) = given(&["start_seq", "end_seq", "start_time", "end_time", "last_n"]) {
            return Err(Error::new(format!("{ours} and {bound} cannot be used together"))
                .advice("checkpoints say where the read begins and ends"));
        }
        if upto.is_some() && given(&["max_messages"]).is_some() {
            return Err(Error::new("upto and max_messages cannot be used together")
                .advice("a read that stops before its checkpoint would leave messages out for ever"));
        }
        let on_gap = choice(arguments, ON_GAP, &[("fail", OnGap::Fail), ("skip", OnGap::Skip)])?;
        let checkpoints = Self { after, upto, on_gap: on_gap.unwrap_or(OnGap::Fail) };
        Ok(Some(checkpoints).filter(|given| given.after.is_some() || given.upto.is_some()))
    }

    /// The bounds that the checkpoints set.
    pub fn bounds(&self) -> Bounds {
        Bounds::Sequence {
            first: self.after.as_ref().map(|after| after.last.saturating_add(1)),
            last: self.upto.as_ref().map(|upto| upto.last),
        }
    }

    /// Proves that the stream is the one of the checkpoints, and that no message behind the first of them was removed. Returns
    /// the stream's state.
    ///
    /// # Errors
    /// The stream is another one, was made anew or rewound, or messages behind the first checkpoint were removed; the checkpoints
    /// are in the wrong order; those of any request.
    pub fn check(&self, connection: &Arc<Connection>, stream: &str) -> Result<StreamNow> {
        self.check_each(connection).map_err(|error| error.stream(stream).server(connection.label()))
    }

    fn check_each(&self, connection: &Arc<Connection>) -> Result<StreamNow> {
        let mut last = None;
        for checkpoint in self.after.iter().chain(self.upto.iter().filter(|upto| Some(*upto) != self.after.as_ref())) {
            let now = check_checkpoint(connection, checkpoint)?;
            if self.after.as_ref() == Some(checkpoint)
                && self.on_gap == OnGap::Fail
                && let Some(gap) = checkpoint.gap(&now).and_then(|gap| self.within(gap))
            {
                return Err(gap_error(gap));
            }
            last = Some(now);
        }
        if let (Some(after), Some(upto)) = (&self.after, &self.upto)
            && after.last > upto.last
        {
            let (after, upto) = (after.last, upto.last);
            return Err(Error::new(format!(
                "after is a later checkpoint (sequence {after}) than upto (sequence {upto})"
            ))
            .advice("give the earlier one to after"));
        }
        last.ok_or_else(|| Error::of(Kind::Internal, "internal error: a read after no checkpoint"))
    }

    /// The part of a gap that lies in the read's range.
    fn within(&self, gap: SequenceRange) -> Option<SequenceRange> {
        let last = self.upto.as_ref().map_or(gap.last, |upto| gap.last.min(upto.last));
        Some(SequenceRange { last, ..gap }).filter(|gap| !gap.is_empty())
    }

    /// Watches a read of a region for messages that retention removes while it runs; None where nothing is promised. `state` is the
    /// stream's from when the read began.
    pub fn watch(&self, connection: &Arc<Connection>, region: &Region, state: &StreamState) -> Option<GapWatch> {
        let after = self.after.as_ref().filter(|_| self.on_gap == OnGap::Fail)?;
        let whole_to = after.last.max(region.sequences.first.saturating_sub(1));
        // Where a time is in the stream depends on what is there, so all that the sequences admit counts.
        let by_time = region.times != Region::WHOLE.times;
        let end = self.upto.as_ref().map_or(state.last, |upto| upto.last.min(state.last));
        let at_least = if by_time { end.min(region.sequences.last) } else { 0 };
        Some(GapWatch { connection: Arc::clone(connection), after: after.clone(), whole_to, at_least })
    }
}

/// Checks at the end of a read whether retention was faster than the read.
pub struct GapWatch {
    connection: Arc<Connection>,
    after: Checkpoint,
    /// The sequence up to which every message came that the read wants.
    whole_to: u64,
    /// The sequence up to which nothing may be missing, wherever the read ends.
    at_least: u64,
}

impl GapWatch {
    /// Takes the next records of the read.
    pub fn take(&mut self, page: &[Record]) {
        for record in page {
            if record.sequence == self.whole_to + 1 {
                self.whole_to = record.sequence;
            }
        }
    }

    /// Fails when messages of the read's range, up to `last`, may have been removed before they were read. One round trip.
    ///
    /// # Errors
    /// [`Kind::Gap`] then; those of any request.
    pub fn finish(self, last: u64) -> Result<()> {
        let now = stream_now(&self.connection, &self.after.stream)?;
        let last = last.max(self.at_least);
        let removed =
            self.after.gap(&now).map(|gap| SequenceRange { first: self.whole_to + 1, last: gap.last.min(last) });
        match removed.filter(|removed| !removed.is_empty()) {
            Some(removed) => Err(gap_error(removed).stream(&self.after.stream).server(self.connection.label())),
            None => Ok(()),
        }
    }
}
