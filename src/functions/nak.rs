//! `nats_nak(stream, durable)`: returns the messages that a durable gave to this process and that it has not settled.
//!
//! One row: the number of messages that come again, the highest sequence among them, the number that this process was given and that are still not
//! settled, and the number that became dead letters. It acts once per statement, when its row is asked for.

use std::sync::Arc;

use super::connection;
use super::dead_letters::{DeadLetters, check_dead_letter_subject};
use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::durable::{DurableKey, reject, subject_filters};
use crate::plan::{Backoff, check_durable, check_stream};
use crate::value::{Arguments, Parameter, ParameterType};

/// The form for after ROLLBACK, and for messages that an acknowledgement by evidence left.
pub struct NatsNak;

pub struct Call {
    key: DurableKey,
    stream: String,
    backoff: Backoff,
    letter: Option<Letter>,
}

/// The dead letter of a message that fails alone.
struct Letter {
    subject: String,
    reason: String,
}

impl SmallTable for NatsNak {
    const NAME: &'static str = "nats_nak";
    type Call = Call;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("durable", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![
            Parameter::new("delay", ParameterType::Interval),
            Parameter::new("backoff", ParameterType::Any),
            Parameter::new("reason", ParameterType::Text),
            Parameter::new("dlq_subject", ParameterType::Text),
        ]
    }

    fn columns() -> Vec<Column> {
        columns(["returned", "last_seq", "still_pending", "dead_letters"].map(|name| (name, Type::UBigInt)))
    }

    fn read(arguments: &Arguments) -> Result<Call> {
        let (stream, durable) = (arguments.required_text("stream")?, arguments.required_text("durable")?);
        check_stream(stream)?;
        check_durable(durable)?;
        let backoff = match (arguments.duration("delay")?, arguments.durations("backoff")?) {
            (Some(_), Some(_)) => return Err(Error::new("delay and backoff cannot be used together")),
            (Some(delay), None) => vec![delay],
            (None, backoff) => backoff.unwrap_or_default(),
        };
        let letter = match (arguments.text("reason")?, arguments.text("dlq_subject")?) {
            (Some(reason), Some(subject)) => {
                check_dead_letter_subject(subject)?;
                Some(Letter { subject: subject.to_owned(), reason: reason.to_owned() })
            }
            (None, None) => None,
            (Some(_), None) => return Err(Error::new("reason needs dlq_subject").advice("name where the letter goes")),
            (None, Some(_)) => return Err(Error::new("dlq_subject needs reason").advice("say what failed")),
        };
        let key = DurableKey::new(&connection::read(arguments)?, stream, durable);
        Ok(Call { key, stream: stream.to_owned(), backoff: Backoff(backoff), letter })
    }

    fn rows(connection: &Arc<Connection>, call: &Call) -> Result<Vec<Row>> {
        let subjects = subject_filters(&call.key);
        let open = |letter: &Letter| DeadLetters::open(connection, &letter.subject, &call.stream, &subjects);
        let letters = call.letter.as_ref().map(|letter| Ok((open(letter)?, &letter.reason))).transpose()?;
        let bury =
            letters.as_ref().map(|(letters, reason)| move |sequence: u64| letters.send_sequences(&[sequence], reason));
        let bury = bury.as_ref().map(|bury| bury as &dyn Fn(u64) -> Result<()>);
        let returned = reject(connection, &call.key, &call.backoff, bury)?;
        let settled = returned.settled;
        Ok(vec![vec![
            Cell::Number(settled.count),
            settled.last_sequence.into(),
            Cell::Number(settled.still_pending),
            Cell::Number(returned.dead_letters),
        ]])
    }
}
