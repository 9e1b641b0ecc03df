//! The parameters that say which messages to read.

use std::sync::Arc;

use super::checkpoints::{self, Checkpoints};
use crate::error::{Error, Result};
use crate::functions::payload::choice;
use crate::jetstream::{Connection, Route, Via};
use crate::plan::{Bounds, Region, SequenceRange, Subjects, check_stream};
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The named parameters.
pub const PARAMETERS: &[Parameter] = &[
    Parameter::new("subject", ParameterType::TextOrList),
    Parameter::new("subject_contains", ParameterType::Text),
    Parameter::new("start_seq", ParameterType::Unsigned),
    Parameter::new("end_seq", ParameterType::Unsigned),
    Parameter::new("start_time", ParameterType::Moment),
    Parameter::new("end_time", ParameterType::Moment),
    Parameter::new("last_n", ParameterType::Unsigned),
    Parameter::new("max_messages", ParameterType::Unsigned),
    checkpoints::PARAMETERS[0],
    checkpoints::PARAMETERS[1],
    checkpoints::PARAMETERS[2],
    Parameter::new(VIA, ParameterType::Text),
    Parameter::new(CONNECTIONS, ParameterType::Unsigned),
];

const VIA: &str = "via";
const CONNECTIONS: &str = "connections";

/// The messages of a stream that a statement reads.
#[derive(Debug, Clone)]
pub struct RangeOptions {
    /// The stream's name.
    pub stream: String,
    /// The subject filters.
    pub subjects: Subjects,
    /// The filters that the statement names, where it reads this stream alone: one of them must be able to match.
    pub(super) named: Subjects,
    pub(super) subject_contains: Option<String>,
    pub(super) bounds: Bounds,
    pub(super) checkpoints: Option<Arc<Checkpoints>>,
    pub(super) last_n: Option<u64>,
    /// The most messages.
    pub max_messages: Option<u64>,
    /// The part of the range that the query's conditions leave.
    pub(super) region: Region,
    /// The way in which the messages come.
    pub(super) route: Route,
}

/// The estimated rows of a range when its arguments name no number: more than those of any table that it is joined to, as is
/// commonly so.
const UNKNOWN_ROWS: u64 = 10_000_000;

impl RangeOptions {
    /// The options of a read of no more than a region; None where that spares nothing or would change the answer: all messages decide which are the
    /// newest, or the first, of a number. Messages that retention removed from behind a checkpoint are looked for as without a region.
    pub fn within(&self, region: Region) -> Option<Self> {
        let counted = self.last_n.is_some() || self.max_messages.is_some();
        if counted || region == Region::WHOLE {
            return None;
        }
        let narrower = region.subject_filter().filter(|filter| self.subjects.include(filter));
        let subjects = narrower.map_or_else(|| self.subjects.clone(), Subjects::from);
        Some(Self { subjects, region, ..self.clone() })
    }

    /// About how many messages the arguments ask for, without a look at the stream.
    pub fn estimated_rows(&self) -> u64 {
        let by_sequence = match self.bounds {
            Bounds::Sequence { first, last: Some(last) } => {
                Some(SequenceRange { first: first.unwrap_or(1).max(1), last }.len())
            }
            _ => None,
        };
        [by_sequence, self.last_n, self.max_messages].into_iter().flatten().min().unwrap_or(UNKNOWN_ROWS)
    }

    /// The first sequence behind the checkpoint that the read comes after, if it comes after one.
    #[must_use]
    pub fn first_after_checkpoint(&self) -> Option<u64> {
        self.first_sequence().filter(|_| self.checkpoints.is_some())
    }

    /// Proves that the stream is the one of the checkpoint that the read comes after, if it comes after one, and that
    /// what follows was not removed.
    ///
    /// # Errors
    /// Those of [`Checkpoints::check`].
    pub fn check_checkpoints(&self, connection: &Arc<Connection>) -> Result<()> {
        self.checkpoints.as_ref().map_or(Ok(()), |given| given.check(connection, &self.stream).map(drop))
    }

    /// The same without a bound on the number of messages.
    #[must_use]
    pub fn unbounded(&self) -> Self {
        Self { max_messages: None, ..self.clone() }
    }

    /// All messages of the same subjects from a sequence on.
    #[must_use]
    pub fn starting_at(&self, first: u64) -> Self {
        let bounds = Bounds::Sequence { first: Some(first), last: None };
        Self { bounds, checkpoints: None, last_n: None, max_messages: None, ..self.clone() }
    }

    /// The newest `n` messages of the same subjects.
    #[must_use]
    pub fn newest_messages(&self, n: u64) -> Self {
        Self { bounds: Bounds::All, checkpoints: None, last_n: Some(n), max_messages: None, ..self.clone() }
    }

    /// The same range, of other subjects.
    #[must_use]
    pub fn of_subjects(&self, subjects: &Subjects) -> Self {
        Self { subjects: subjects.clone(), named: Subjects::ALL, ..self.clone() }
    }

    /// The same range of another stream, of which `left` messages may be read.
    pub fn for_stream(&self, stream: &str, left: Option<u64>) -> Self {
        Self { stream: stream.to_owned(), max_messages: left, ..self.clone() }
    }

    /// The first sequence that the arguments name, by a checkpoint or by its number.
    pub fn first_sequence(&self) -> Option<u64> {
        match self.bounds {
            Bounds::Sequence { first, .. } => first,
            Bounds::All | Bounds::Time { .. } => None,
        }
    }

    /// The same range, which begins at `first` where the arguments name no first sequence.
    pub fn beginning_at(&self, first: u64) -> Self {
        match self.first_sequence() {
            Some(_) => self.clone(),
            None => Self { bounds: Bounds::Sequence { first: Some(first), last: None }, ..self.clone() },
        }
    }

    /// All of a stream.
    pub(super) fn of_stream(stream: &str) -> Self {
        Self {
            stream: stream.to_owned(),
            subjects: Subjects::ALL,
            named: Subjects::ALL,
            subject_contains: None,
            bounds: Bounds::All,
            checkpoints: None,
            last_n: None,
            max_messages: None,
            region: Region::WHOLE,
            route: Route::default(),
        }
    }
}

/// Reads the parameters of a read of one stream.
///
/// # Errors
/// A parameter is of the wrong type, malformed, or contradicts another.
pub fn read(arguments: &Arguments) -> Result<RangeOptions> {
    let stream = arguments.required_text("stream")?;
    check_stream(stream)?;
    read_of(stream, arguments)
}

/// Reads the parameters of a read of several streams, each by [`RangeOptions::for_stream`].
///
/// # Errors
/// A parameter that is about one stream is given.
pub fn read_several(arguments: &Arguments) -> Result<RangeOptions> {
    for name in ["after", "upto", "on_gap", "last_n"] {
        if arguments.find(name).is_some() {
            return Err(Error::new(format!("{name} needs one stream")).advice(
                "a checkpoint is of one stream, and so are the newest messages: read each by itself, with UNION ALL",
            ));
        }
    }
    // One that matches nothing in one of the streams may match in another.
    Ok(RangeOptions { named: Subjects::ALL, ..read_of("", arguments)? })
}

fn read_of(stream: &str, arguments: &Arguments) -> Result<RangeOptions> {
    let subjects = match arguments.find("subject") {
        None => Subjects::ALL,
        Some(Value::List(_)) => Subjects::new(&arguments.texts("subject")?.unwrap_or_default())?,
        Some(_) => Subjects::new(&[arguments.required_text("subject")?])?,
    };
    let (start_seq, end_seq) = (arguments.unsigned("start_seq")?, arguments.unsigned("end_seq")?);
    let (start_time, end_time) = (arguments.moment("start_time")?, arguments.moment("end_time")?);
    let by_sequence = start_seq.is_some() || end_seq.is_some();
    let by_time = start_time.is_some() || end_time.is_some();
    let checkpoints = Checkpoints::read(arguments, stream)?.map(Arc::new);
    let bounds = match (by_sequence, by_time) {
        _ if let Some(checkpoints) = &checkpoints => checkpoints.bounds(),
        (true, true) => {
            return Err(Error::new(
                "Cannot mix sequence-based (start_seq/end_seq) and time-based (start_time/end_time) parameters",
            ));
        }
        (true, false) => Bounds::Sequence { first: start_seq, last: end_seq },
        (false, true) => Bounds::Time { start: start_time, end: end_time },
        (false, false) => Bounds::All,
    };
    Ok(RangeOptions {
        stream: stream.to_owned(),
        named: subjects.clone(),
        subjects,
        subject_contains: arguments.text("subject_contains")?.map(str::to_owned),
        bounds,
        checkpoints,
        last_n: arguments.unsigned("last_n")?,
        max_messages: arguments.unsigned("max_messages")?,
        region: Region::WHOLE,
        route: read_route(arguments)?,
    })
}

fn read_route(arguments: &Arguments) -> Result<Route> {
    let via = choice(arguments, VIA, &[("direct", Via::Direct), ("consumer", Via::Consumer)])?;
    let most = Route::MOST_CONNECTIONS;
    let connections = match arguments.unsigned(CONNECTIONS)?.map(usize::try_from) {
        None => None,
        Some(Ok(connections)) if (1..=most).contains(&connections) => Some(connections),
        Some(_) => return Err(Error::new(format!("{CONNECTIONS} must be a number from 1 to {most}"))),
    };
    if via == Some(Via::Consumer) && connections.is_some_and(|connections| connections > 1) {
        return Err(Error::new(format!("{CONNECTIONS} and {VIA} := 'consumer' cannot be used together"))
            .advice("a consumer delivers in one order, over one connection; leave one of the two out"));
    }
    Ok(Route { via: via.unwrap_or_default(), connections })
}
