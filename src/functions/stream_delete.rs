//! The functions that remove messages or whole streams: `nats_stream_delete`, `nats_stream_purge`, `nats_message_delete`. Each
//! refuses to act without `confirm := true`.

use std::sync::Arc;

use super::manage::{CONFIRM, check_confirmed, deleted_row};
use super::rows::{Cell, Row, SmallTable, columns};
use crate::column::{Column, Type};
use crate::error::{Error, Result};
use crate::jetstream::Connection;
use crate::jetstream::admin::{delete_message, delete_stream, purge_stream};
use crate::plan::{check_stream, check_subject_filter};
use crate::value::{Arguments, Parameter, ParameterType};

fn stream(arguments: &Arguments) -> Result<String> {
    let stream = arguments.required_text("stream")?;
    check_stream(stream)?;
    Ok(stream.to_owned())
}

/// One row: `action` is 'deleted', or 'absent' when there was no such stream.
pub struct NatsStreamDelete;

impl SmallTable for NatsStreamDelete {
    const NAME: &'static str = "nats_stream_delete";
    type Call = String;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![CONFIRM]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("action", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<String> {
        let stream = stream(arguments)?;
        check_confirmed(arguments, &format!("the stream '{stream}' with all its messages and consumers"))?;
        Ok(stream)
    }

    fn rows(connection: &Arc<Connection>, stream: &String) -> Result<Vec<Row>> {
        Ok(vec![deleted_row(&[stream], delete_stream(connection, stream)?)])
    }
}

/// One row: `purged` is how many messages went.
pub struct NatsStreamPurge;

pub struct Purge {
    stream: String,
    subject: Option<String>,
    keep: Option<u64>,
    up_to: Option<u64>,
}

impl SmallTable for NatsStreamPurge {
    const NAME: &'static str = "nats_stream_purge";
    type Call = Purge;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        vec![
            CONFIRM,
            Parameter::new("subject", ParameterType::Text),
            Parameter::new("keep", ParameterType::Any),
            Parameter::new("up_to_seq", ParameterType::Any),
        ]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("purged", Type::UBigInt)])
    }

    fn read(arguments: &Arguments) -> Result<Purge> {
        let stream = stream(arguments)?;
        let subject = arguments.text("subject")?.map(str::to_owned);
        subject.as_deref().map(check_subject_filter).transpose()?;
        let (keep, up_to) = (arguments.unsigned("keep")?, arguments.unsigned("up_to_seq")?);
        if keep.is_some() && up_to.is_some() {
            return Err(Error::new("keep and up_to_seq cannot be used together").advice("give one of them"));
        }
        // The server reads 0 as "no bound", which would remove everything.
        if up_to == Some(u64::MAX) {
            return Err(Error::new("up_to_seq is past every sequence").advice("leave it out to purge everything"));
        }
        if up_to == Some(0) {
            return Err(Error::new("up_to_seq must be 1 or more"));
        }
        check_confirmed(arguments, &format!("messages of the stream '{stream}'"))?;
        Ok(Purge { stream, subject, keep: keep.filter(|keep| *keep > 0), up_to })
    }

    fn rows(connection: &Arc<Connection>, call: &Purge) -> Result<Vec<Row>> {
        let purged = purge_stream(connection, &call.stream, call.subject.as_deref(), call.keep, call.up_to)?;
        Ok(vec![vec![Cell::from(&call.stream[..]), Cell::from(purged)]])
    }
}

/// One row: `action` is 'deleted', or 'absent' when there was no such message.
pub struct NatsMessageDelete;

pub struct Message {
    stream: String,
    sequence: u64,
    erase: bool,
}

impl SmallTable for NatsMessageDelete {
    const NAME: &'static str = "nats_message_delete";
    type Call = Message;

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("stream", ParameterType::Text), Parameter::new("seq", ParameterType::Any)]
    }

    fn named() -> Vec<Parameter> {
        vec![CONFIRM, Parameter::new("erase", ParameterType::Boolean)]
    }

    fn columns() -> Vec<Column> {
        columns([("stream", Type::Varchar), ("seq", Type::UBigInt), ("action", Type::Varchar)])
    }

    fn read(arguments: &Arguments) -> Result<Message> {
        let stream = stream(arguments)?;
        let sequence = arguments.unsigned("seq")?.filter(|sequence| *sequence > 0);
        let sequence = sequence.ok_or_else(|| Error::new("seq must be 1 or more"))?;
        check_confirmed(arguments, &format!("the message {sequence} of the stream '{stream}'"))?;
        Ok(Message { stream, sequence, erase: arguments.flag("erase")? })
    }

    fn rows(connection: &Arc<Connection>, call: &Message) -> Result<Vec<Row>> {
        let deleted = delete_message(connection, &call.stream, call.sequence, call.erase)?;
        let mut row = deleted_row(&[&call.stream], deleted);
        row.insert(1, Cell::from(call.sequence));
        Ok(vec![row])
    }
}
