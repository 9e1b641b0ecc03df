//! The source of the messages of a call: a range, or a durable.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use super::options::Options;
use super::row_filter::RowFilter;
use crate::codec::Unnester;
use crate::error::Result;
use crate::functions::range::{RangePlan, RangeRead};
use crate::jetstream::durable::{Delivery, DurableKey, PendingAcks, Pull, PullLimits, standing};
use crate::jetstream::{Connection, Want};
use crate::plan::{Outcome, RowKeys, Subjects};
use crate::record::Record;

/// A durable is asked for no more once this many bytes are held in memory, where rows depend on rows behind them.
const MOST_HELD: usize = 64 * 1024 * 1024;

pub(super) enum MessageSource {
    Range {
        plan: Box<RangePlan>,
        read: RangeRead,
        want: Want,
        page: VecDeque<Record>,
        /// Makes several rows of a message.
        unnester: Option<Unnester>,
    },
    /// Without a pull, the page is all that there is: messages that are read by themselves.
    Durable { pull: Option<Box<Pull>>, pending_acks: PendingAcks, page: VecDeque<Delivery> },
}

/// The subject filters of what is read. Those of a durable are its own, where the call names none.
pub(super) fn subjects(options: &Options, connection: &Arc<Connection>) -> Result<Subjects> {
    if let Some(durable) = options.durable.as_ref().filter(|_| options.range.subjects.is_all()) {
        let standing = standing(connection, &durable.options.stream, &durable.options.durable)?;
        return Ok(standing.map(|standing| standing.subjects).unwrap_or_default());
    }
    Ok(options.range.subjects.clone())
}

impl MessageSource {
    pub(super) fn open(options: &Options, connection: &Arc<Connection>, want: Want) -> Result<Self> {
        let Some(durable) = &options.durable else {
            let plan = RangePlan::resolve(&options.range, connection)?;
            let read = plan.read(want)?;
            return Ok(MessageSource::Range {
                plan: Box::new(plan),
                read,
                want,
                page: VecDeque::new(),
                unnester: options.payload.unnester(),
            });
        };
        let (stream, name) = (&durable.options.stream, &durable.options.durable);
        if options.range.first_after_checkpoint().is_some() && standing(connection, stream, name)?.is_none() {
            options.range.check_checkpoints(connection)?;
        }
        let key = DurableKey::new(&options.connect, stream, name);
        let pending_acks = PendingAcks::open(Arc::clone(connection), key, &durable.options)?;
        let kept = pending_acks.kept(options.range.max_messages)?;
        if !kept.is_empty() {
            return Ok(MessageSource::Durable { pull: None, pending_acks, page: kept.into() });
        }
        let limits = PullLimits {
            messages: options.range.max_messages,
            // The wait ends when a message that this process keeps back is due.
            wait: pending_acks.next_kept_in().map_or(durable.max_wait, |wait| wait.min(durable.max_wait)),
            // The caller has the other half of the time, to commit and acknowledge.
            span: pending_acks.ack_wait() / 2,
            consumer: pending_acks.pulls(),
        };
        let pull = Pull::start(Arc::clone(connection), stream, name, limits)?;
        Ok(MessageSource::Durable { pull: Some(Box::new(pull)), pending_acks, page: VecDeque::new() })
    }

    /// The share of a range that was passed on, from 0 to 1; the share of a durable is not known.
    pub(super) fn progress(&self) -> f64 {
        match self {
            MessageSource::Range { read, .. } => read.progress(),
            MessageSource::Durable { .. } => 0.0,
        }
    }

    /// At most `capacity` messages, perhaps none; None at the end. Messages of a durable are recorded as given.
    pub(super) fn next_page(&mut self, capacity: usize) -> Result<Option<Vec<Record>>> {
        match self {
            MessageSource::Range { read, page, unnester: Some(unnester), .. } => loop {
                let rows = unnester.next(capacity);
                if !rows.is_empty() {
                    return Ok(Some(rows));
                }
                let Some(messages) = read.next_page()? else { return Ok(None) };
                unnester.add(page.drain(..).chain(messages));
            },
            MessageSource::Range { read, page, unnester: None, .. } => {
                if page.is_empty() {
                    *page = read.next_page()?.unwrap_or_default().into();
                }
                let records: Vec<Record> = page.drain(..page.len().min(capacity)).collect();
                Ok((!records.is_empty()).then_some(records))
            }
            MessageSource::Durable { pull, pending_acks, page } => {
                if let Some(pull) = pull.as_mut().filter(|_| page.is_empty()) {
                    pull_more(pull, pending_acks, page)?;
                }
                if page.is_empty() {
                    pending_acks.end();
                    return Ok(None);
                }
                let mut deliveries: Vec<Delivery> = page.drain(..page.len().min(capacity)).collect();
                pending_acks.give(&mut deliveries);
                Ok(Some(deliveries.into_iter().map(|delivery| delivery.record).collect()))
            }
        }
    }

    /// Shows the row filter every message of the call, so that it knows the newest of each key, and goes back to the first
    /// message: a range is read again, the messages of a durable are held in memory.
    pub(super) fn first_pass(&mut self, filter: &mut RowFilter) -> Result<()> {
        match self {
            MessageSource::Range { plan, read, want, .. } => {
                while let Some(page) = read.next_page()? {
                    filter.first_pass(&page)?;
                }
                *read = plan.read(*want)?;
            }
            MessageSource::Durable { pull, pending_acks, page } => {
                if let Some(pull) = pull {
                    let mut held = 0;
                    // Until the end also of what was asked for already: a message that comes after this has no place among
                    // those that were compared.
                    loop {
                        let before = page.len();
                        pull_more(pull, pending_acks, page)?;
                        if page.len() == before {
                            break;
                        }
                        held += page.range(before..).map(Delivery::size).sum::<usize>();
                        if held >= MOST_HELD {
                            pull.stop();
                        }
                    }
                    pull.stop();
                }
                // Messages that are delivered again come out of order, and perhaps twice.
                let mut deliveries: Vec<Delivery> = page.drain(..).collect();
                deliveries.sort_by_key(|delivery| (delivery.record.sequence, delivery.delivered));
                deliveries.dedup_by(|later, earlier| {
                    let same = later.record.sequence == earlier.record.sequence;
                    if same {
                        std::mem::swap(later, earlier);
                    }
                    same
                });
                *page = deliveries.into();
                filter.first_pass(page.iter().map(|delivery| &delivery.record))?;
            }
        }
        filter.end_first_pass();
        Ok(())
    }

    /// Notes the outcomes of the messages of the page, in their order.
    pub(super) fn note(&self, outcomes: Vec<(u64, Outcome, RowKeys)>) {
        if let MessageSource::Durable { pending_acks, .. } = self {
            pending_acks.note(outcomes);
        }
    }

    /// The messages on which a durable's consumer gave up since the last call.
    pub(super) fn given_up(&self) -> BTreeSet<u64> {
        match self {
            MessageSource::Range { .. } => BTreeSet::new(),
            MessageSource::Durable { pending_acks, .. } => pending_acks.given_up(),
        }
    }

    /// Keeps messages on which the consumer gave up, so that they are reported again, because they could not be handled.
    pub(super) fn keep_given_up(&self, sequences: &BTreeSet<u64>) {
        if let MessageSource::Durable { pending_acks, .. } = self {
            pending_acks.keep_given_up(sequences);
        }
    }

    /// Returns all messages that this statement was given, after an error of the extension: their rows cannot be committed any more.
    pub(super) fn return_all(&mut self) {
        if let MessageSource::Durable { pending_acks, .. } = self {
            pending_acks.give_all_back();
        }
    }
}

/// Adds the next deliveries of a durable to a page; none at the end. It is the end when the consumer has nothing more, by its own count too where nothing
/// came, and the stream's leader has nothing that the consumer's server lacks.
fn pull_more(pull: &mut Pull, pending_acks: &PendingAcks, page: &mut VecDeque<Delivery>) -> Result<()> {
    loop {
        let deliveries = pull.next_page()?.unwrap_or_default();
        let is_end = deliveries.is_empty();
        let checked = pending_acks.check_passed_over(&deliveries);
        page.extend(deliveries);
        checked?;
        if !is_end || !pending_acks.check_end(pull)? {
            return Ok(());
        }
        pull.resume();
    }
}

impl Drop for MessageSource {
    fn drop(&mut self) {
        if let MessageSource::Durable { pull: Some(pull), pending_acks, page } = self {
            // The messages were delivered to this process, but not given to the statement.
            pending_acks.give_back(page.iter().chain(pull.undelivered()));
        }
    }
}
