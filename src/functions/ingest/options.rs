//! The parameters of `nats_ingest`, read and checked against each other.

use std::time::Duration;

use super::merge_options::MergeOptions;
use super::sample::sample;
use crate::codec::Rest;
use crate::codec::key::{KeyText, Template};
use crate::codec::path::Path;
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::functions::connection;
use crate::functions::dead_letters::DeadLetterOptions;
use crate::functions::messages::Part;
use crate::functions::payload::{self, Payload, ShowsPayload, choice};
use crate::functions::range::{self, RangeOptions};
use crate::jetstream::durable::{DurableOptions, DurableStart};
use crate::jetstream::{ConnectOptions, Want, utc_text};
use crate::value::{Arguments, Parameter, ParameterType};

/// The parameters that no other function has.
const OWN: &[Parameter] = &[
    Parameter::new("headers", ParameterType::Boolean),
    Parameter::new("payload", ParameterType::Boolean),
    Parameter::new("rest", ParameterType::Boolean),
    Parameter::new("correlation_key", ParameterType::Text),
    Parameter::new("unique_keys", ParameterType::TextList),
    Parameter::new("keep", ParameterType::Text),
    Parameter::new("order_by", ParameterType::Text),
    Parameter::new("merge", ParameterType::Any),
    Parameter::new("dlq_subject", ParameterType::Text),
    Parameter::new("durable", ParameterType::Text),
    Parameter::new("deliver_policy", ParameterType::Text),
    Parameter::new("max_wait", ParameterType::Interval),
    Parameter::new("ack_wait", ParameterType::Interval),
    Parameter::new("max_deliver", ParameterType::Any),
    Parameter::new("max_ack_pending", ParameterType::Any),
];

/// The number of a row's key is one byte; 0 is the correlation key.
const MAX_UNIQUE_KEYS: usize = 255;

/// All named parameters.
pub(super) fn parameters() -> Vec<Parameter> {
    [connection::PARAMETERS, range::PARAMETERS, payload::PARAMETERS, OWN].concat()
}

/// The rows that are kept of those that share a key in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// The first; rows leave as they come.
    First,
    /// The newest; the range is read twice, a durable is held in memory.
    Last,
    /// All, each duplicate with the sequence of the row that it repeats.
    All,
}

/// The effect of a row that has no key or does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnBadRow {
    /// The statement fails.
    Fail,
    /// The row is left out.
    Skip,
    /// The message is published to `dlq_subject`, and the row is left out.
    DeadLetter,
}

/// A checked call.
#[derive(Clone)]
pub struct Options {
    pub(super) connect: ConnectOptions,
    pub(super) range: RangeOptions,
    pub(super) durable: Option<DurableRead>,
    pub(super) payload: Payload,
    /// The columns between those of every call and those of the payload.
    pub(super) extra_parts: Vec<Part>,
    /// The members of a payload that the column `rest` shows; None without that column.
    pub(super) rest: Option<Rest>,
    /// None is the default key: `msg_id`, else `stream:seq:time`.
    pub(super) correlation_key: Option<KeyTemplate>,
    pub(super) unique_keys: Vec<KeyTemplate>,
    pub(super) keep: Keep,
    /// How rows that share a key become one; None keeps rows as they are.
    pub(super) merge: Option<MergeOptions>,
    pub(super) on_error: OnBadRow,
    pub(super) dead_letters: Option<DeadLetterOptions>,
}

/// A template, and the positions of its fields among the decoded texts of the payload.
#[derive(Clone)]
pub(super) struct KeyTemplate {
    pub(super) template: Template,
    /// The position of the template's first field among all texts.
    pub(super) first_text: usize,
}

/// The way in which a durable is read.
#[derive(Clone)]
pub(super) struct DurableRead {
    pub(super) options: DurableOptions,
    pub(super) max_wait: Duration,
}

impl Options {
    /// Reads and checks the call.
    pub(super) fn read(arguments: &Arguments) -> Result<Self> {
        let mut texts = Vec::new();
        let mut key = |name: &str, text: &str| -> Result<KeyTemplate> {
            let template = Template::parse(text).map_err(|error| Error::new(format!("{name}: {error}")))?;
            let first_text = texts.len();
            texts.extend(template.texts());
            Ok(KeyTemplate { template, first_text })
        };
        let correlation_key = arguments.text("correlation_key")?;
        let correlation_key = correlation_key.map(|text| key("correlation_key", text)).transpose()?;
        let unique_keys = arguments.texts("unique_keys")?.unwrap_or_default();
        if unique_keys.len() > MAX_UNIQUE_KEYS {
            return Err(Error::new(format!(
                "unique_keys has {} templates; there can be at most {MAX_UNIQUE_KEYS}",
                unique_keys.len()
            )));
        }
        let unique_keys = unique_keys.iter().map(|text| key("unique_keys", text)).collect::<Result<Vec<_>>>()?;
        let (connect, range) = (connection::read(arguments)?, range::read(arguments)?);
        let durable = durable(arguments, &range)?;
        let rest = arguments.flag("rest")?;
        if rest {
            texts.push(KeyText { path: Path::root(), may_miss: false });
        }
        let shows_payload = arguments.flag("payload")?;
        let shows = if shows_payload { ShowsPayload::Yes } else { ShowsPayload::WithoutColumns };
        let reserved = reserved(arguments, rest, shows_payload)?;
        let payload = Payload::read(arguments, shows, &reserved, &texts, &|size| {
            sample(&range, durable.as_ref().map(|durable| &durable.options), &connect, size)
        })?;
        let rest = if rest { Some(payload.rest()?) } else { None };
        let mut extra_parts = Vec::new();
        if arguments.flag("headers")? {
            extra_parts.push(Part::Headers);
        }
        if payload.unnests() {
            check_unnest(arguments)?;
            extra_parts.push(Part::UnnestIndex);
        } else if correlation_key.iter().chain(&unique_keys).any(|key| key.template.needs_index()) {
            return Err(Error::new("a key names {unnest_index}, and no list is unnested").advice("give unnest a list"));
        }
        if !payload.decodes_whole() && (!payload.has_columns() || shows_payload) {
            // Without columns, the payload itself is ingested.
            extra_parts.push(Part::Payload);
        }
        let has_payload = payload.decodes_whole() || extra_parts.contains(&Part::Payload);
        if arguments.find("payload_type").is_some() && !has_payload {
            return Err(Error::new("payload_type needs payload := true beside columns"));
        }
        let keep = [("first", Keep::First), ("last", Keep::Last), ("all", Keep::All)];
        let bad_row = [("fail", OnBadRow::Fail), ("skip", OnBadRow::Skip), ("dlq", OnBadRow::DeadLetter)];
        let on_error = choice(arguments, "on_error", &bad_row)?.unwrap_or(OnBadRow::Fail);
        let merge = MergeOptions::read(arguments, payload.columns())?;
        if rest.is_some() && merge.is_some() {
            return Err(Error::new("rest cannot be used together with merge or order_by")
                .advice("rest is what one message has, and they make one row of several; name the columns"));
        }
        let keep = choice(arguments, "keep", &keep)?.unwrap_or(Keep::First);
        Ok(Self {
            connect,
            durable,
            dead_letters: DeadLetterOptions::read(arguments, on_error == OnBadRow::DeadLetter)?,
            range,
            payload,
            extra_parts,
            rest,
            correlation_key,
            unique_keys,
            keep,
            merge,
            on_error,
        })
    }

    /// The stream's name.
    pub(super) fn stream(&self) -> &str {
        &self.range.stream
    }

    /// Whether the messages are read twice, because rows behind a row decide whether it leaves.
    pub(super) fn looks_ahead(&self) -> bool {
        self.keep == Keep::Last || self.merge.is_some()
    }

    /// The columns behind those of the payload.
    pub(super) fn last_columns(&self) -> Vec<Column> {
        let column = Column::new;
        match (&self.merge, self.keep) {
            (Some(_), _) => vec![column("first_seq", Type::UBigInt), column("last_seq", Type::UBigInt)],
            (None, Keep::All) => vec![column("duplicate_of", Type::UBigInt), column("duplicate_key", Type::Varchar)],
            (None, Keep::First | Keep::Last) => Vec::new(),
        }
    }

    /// The parts of messages that are needed when these are shown. A dead letter is all of its message, and the default key is made of the
    /// headers or the time.
    pub(super) fn want(&self, shown: &[Part]) -> Want {
        let key = |needs: fn(&Template) -> bool| {
            self.correlation_key.iter().chain(&self.unique_keys).any(|key| needs(&key.template))
        };
        let all = self.on_error == OnBadRow::DeadLetter;
        let default_key = self.correlation_key.is_none();
        Want {
            subject: all || shown.contains(&Part::Subject) || key(Template::needs_subject),
            time: all || default_key || shown.contains(&Part::Time),
            headers: all
                || default_key
                || shown.iter().any(|part| part.needs_headers())
                || self.payload.needs_headers()
                || key(Template::needs_headers),
            payload: true,
        }
    }
}

/// The names of the columns that are no part of the payload, as far as there are columns of the payload beside them.
fn reserved(arguments: &Arguments, rest: bool, shows_payload: bool) -> Result<Vec<&'static str>> {
    let mut names = vec!["correlation_key", "stream", "subject", "seq", "ts_nats", "msg_id"];
    let merges = arguments.find("merge").is_some() || arguments.find("order_by").is_some();
    let keeps_all = arguments.text("keep")?.is_some_and(|keep| keep.eq_ignore_ascii_case("all"));
    for (shown, more) in [
        (arguments.flag("headers")?, &["headers"][..]),
        (shows_payload, &["payload"]),
        (payload::names_a_part(arguments)?, &["unnest_index"]),
        (rest, &["rest"]),
        (merges, &["first_seq", "last_seq"]),
        (keeps_all, &["duplicate_of", "duplicate_key"]),
    ] {
        names.extend(more.iter().filter(|_| shown));
    }
    Ok(names)
}

/// Refuses, beside `unnest`, the parameters that take a message for one row with one key.
fn check_unnest(arguments: &Arguments) -> Result<()> {
    let word = if arguments.find("unnest").is_some() { "unnest" } else { "format := 'ndjson'" };
    let is = |name: &str, value: &str| -> Result<bool> {
        Ok(arguments.text(name)?.is_some_and(|given| given.eq_ignore_ascii_case(value)))
    };
    for (given, name, advice) in [
        (
            arguments.find("durable").is_some(),
            "durable",
            "the rows of one message have several keys, and one of them does not prove that the table holds all; \
             read a range instead, with after and upto",
        ),
        (arguments.flag("rest")?, "rest", "take the whole element with payload := true"),
        (arguments.find("merge").is_some(), "merge", "merge the rows in SQL"),
        (arguments.find("order_by").is_some(), "order_by", "take the newest row of a key in SQL"),
        (is("keep", "last")?, "keep := 'last'", "take the newest row of a key in SQL"),
        (is("on_error", "dlq")?, "on_error := 'dlq'", "a dead letter is a whole message; 'skip' leaves rows out"),
    ] {
        if given {
            return Err(Error::new(format!("{word} and {name} cannot be used together")).advice(advice));
        }
    }
    Ok(())
}

/// The durable, if one is named; without one its parameters are errors.
fn durable(arguments: &Arguments, range: &RangeOptions) -> Result<Option<DurableRead>> {
    let Some(durable) = arguments.text("durable")? else {
        for name in ["max_wait", "ack_wait", "max_deliver", "max_ack_pending", "deliver_policy"] {
            if arguments.find(name).is_some() {
                return Err(Error::new(format!("{name} needs durable")).advice("name a durable, or leave it out"));
            }
        }
        return Ok(None);
    };
    crate::plan::check_durable(durable)?;
    for name in ["end_seq", "end_time", "last_n", "subject_contains", "upto", "via", "connections"] {
        if arguments.find(name).is_some() {
            return Err(Error::new(format!("{name} and durable cannot be used together")).advice(
                "a durable reads what is not acknowledged yet; subject narrows it, max_messages bounds a call",
            ));
        }
    }
    let count = |name: &str| -> Result<Option<i64>> {
        let wrong = || Error::new(format!("{name} is too large"));
        arguments.unsigned(name)?.map(|n| i64::try_from(n).map_err(|_| wrong())).transpose()
    };
    let max_deliver = match arguments.find("max_deliver") {
        Some(crate::value::Value::Integer(-1)) => Some(-1),
        _ => count("max_deliver")?,
    };
    if max_deliver == Some(0) {
        return Err(Error::new("max_deliver is 0; it must be -1 (no end) or at least 1"));
    }
    let options = DurableOptions {
        stream: range.stream.clone(),
        durable: durable.to_owned(),
        subjects: range.subjects.clone(),
        start: start(arguments, range)?,
        ack_wait: arguments.duration("ack_wait")?,
        max_deliver,
        max_ack_pending: count("max_ack_pending")?,
        batch: range.max_messages,
    };
    if options.ack_wait.is_some_and(|wait| wait.is_zero()) {
        return Err(Error::new("ack_wait must be longer than zero"));
    }
    if let (Some(batch), Some(pending)) = (options.batch, options.max_ack_pending)
        && i64::try_from(batch).is_ok_and(|batch| pending < batch)
    {
        return Err(Error::new(format!("max_ack_pending is {pending}; it must be at least max_messages, {batch}")));
    }
    Ok(Some(DurableRead { options, max_wait: arguments.duration("max_wait")?.unwrap_or_default() }))
}

/// The place where the durable begins when this call makes it: at most one of `start_seq`, `start_time`, `after` and
/// `deliver_policy`. `after := NULL` is the beginning.
fn start(arguments: &Arguments, range: &RangeOptions) -> Result<Option<DurableStart>> {
    let given: Vec<&str> = ["start_seq", "start_time", "after", "deliver_policy"]
        .into_iter()
        .filter(|name| arguments.find(name).is_some())
        .collect();
    if let [one, other, ..] = given[..] {
        return Err(Error::new(format!("{one} and {other} each say where the durable begins")).advice("give one"));
    }
    if let Some(sequence) = arguments.unsigned("start_seq")? {
        // Sequences count from 1; the server refuses 0.
        return Ok(Some(DurableStart::Sequence(sequence.max(1))));
    }
    if let Some(time) = arguments.moment("start_time")? {
        if utc_text(time).is_none() {
            return Err(Error::new("start_time is outside the years 0 to 9999"));
        }
        return Ok(Some(DurableStart::Time(time)));
    }
    if let Some(first) = range.first_after_checkpoint() {
        return Ok(Some(DurableStart::Sequence(first)));
    }
    let policies = ["all", "new", "last", "last_per_subject"].map(|policy| (policy, policy));
    let policy = choice(arguments, "deliver_policy", &policies)?;
    Ok(policy.map(|policy| DurableStart::Policy(policy.to_owned())))
}
