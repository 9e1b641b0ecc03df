//! `COPY ... TO 'STREAM' (FORMAT nats_js, ...)`: publishes rows to a stream, on hosts that have copy functions (1.5.6).

use std::sync::Arc;

use super::connection;
use super::publish::{headers, payload};
use crate::error::{Error, Result};
use crate::ffi::{CopyFunction, Input};
use crate::jetstream::publish::{MAX_BATCH, Outgoing, publish, publish_atomic};
use crate::jetstream::{ConnectOptions, Connection};
use crate::plan::{check_publish_subject, check_stream};
use crate::record::Headers;
use crate::value::{Arguments, Value};

/// The header that makes every stream but this one refuse the message.
const EXPECTED_STREAM: &str = "Nats-Expected-Stream";

/// The format. Columns have roles by their position, because DuckDB does not say their names: `columns` lists the roles,
/// by default `payload`, `subject, payload`, or `subject, payload, headers`.
pub struct CopyToStream;

pub struct Plan {
    connect: ConnectOptions,
    roles: Vec<Role>,
    subject: Option<String>,
    atomic: bool,
}

pub struct Run {
    connection: Arc<Connection>,
    stream: String,
    roles: Vec<Role>,
    subject: Option<String>,
    /// All messages of an atomic run; they are published at the end.
    batch: Option<Vec<Outgoing>>,
}

/// What a column is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Subject,
    Payload,
    Headers,
    MessageId,
}

const ROLES: [(&str, Role); 4] =
    [("subject", Role::Subject), ("payload", Role::Payload), ("headers", Role::Headers), ("msg_id", Role::MessageId)];

impl CopyFunction for CopyToStream {
    const NAME: &'static str = "nats_js";
    type Plan = Plan;
    type Run = Run;

    fn bind(options: &[(String, Value)], settings: &[(&'static str, Value)], columns: usize) -> Result<Plan> {
        let (mut subject, mut roles, mut atomic) = (None, None, false);
        let mut arguments = Arguments { settings: settings.to_vec(), ..Arguments::default() };
        for (name, value) in options {
            let lower = name.to_ascii_lowercase();
            match (lower.as_str(), single(value)) {
                ("subject", Value::Text(text)) => {
                    check_publish_subject(text)?;
                    subject = Some(text.clone());
                }
                ("atomic", Value::Boolean(flag)) => atomic = *flag,
                // `ATOMIC` alone, and `ATOMIC true` where the host hands over text.
                ("atomic", Value::Null) => atomic = true,
                ("atomic", Value::Text(text)) if matches!(text.as_str(), "true" | "false") => atomic = text == "true",
                ("columns", _) => roles = Some(read_roles(value)?),
                (known, value) => match connection::PARAMETERS.iter().find(|parameter| parameter.name == known) {
                    Some(parameter) => arguments.named.push((parameter.name, value.clone())),
                    None => {
                        return Err(Error::new(format!("unknown option '{lower}', or one of another type"))
                            .advice("the options are subject, columns, atomic, and those of the connection"));
                    }
                },
            }
        }
        let roles = match roles {
            Some(roles) => roles,
            None => default_roles(columns, subject.is_some())?,
        };
        check_roles(&roles, columns, subject.is_some())?;
        Ok(Plan { connect: connection::read(&arguments)?, roles, subject, atomic })
    }

    fn open(plan: &Plan, target: &str) -> Result<Run> {
        check_stream(target)?;
        Ok(Run {
            connection: connection::open(&plan.connect)?,
            stream: target.to_owned(),
            roles: plan.roles.clone(),
            subject: plan.subject.clone(),
            batch: plan.atomic.then(Vec::new),
        })
    }

    fn sink(run: &mut Run, rows: &Input<'_>) -> Result<()> {
        let message = |row| run.message(rows, row).map_err(|error| error.within(&format!("row {}", row + 1)));
        let messages = (0..rows.len()).map(message).collect::<Result<Vec<_>>>()?;
        match &mut run.batch {
            Some(batch) if batch.len() + messages.len() > MAX_BATCH => {
                Err(Error::new(format!("more than {MAX_BATCH} rows; an atomic batch has at most as many"))
                    .stream(&run.stream)
                    .advice("copy fewer rows at a time, or leave atomic out"))
            }
            Some(batch) => {
                batch.extend(messages);
                Ok(())
            }
            None => publish(&run.connection, messages).map(drop).map_err(|error| error.stream(&run.stream)),
        }
    }

    fn finish(run: &mut Run) -> Result<()> {
        match run.batch.take() {
            Some(batch) if !batch.is_empty() => {
                publish_atomic(&run.connection, batch).map(drop).map_err(|error| error.stream(&run.stream))
            }
            _ => Ok(()),
        }
    }
}

impl Run {
    fn message(&self, rows: &Input<'_>, row: usize) -> Result<Outgoing> {
        let mut message = Outgoing { subject: self.subject.clone().unwrap_or_default(), ..Outgoing::default() };
        let mut fields = vec![(EXPECTED_STREAM.to_owned(), self.stream.clone())];
        for (column, role) in self.roles.iter().enumerate() {
            match role {
                Role::Payload => message.payload = payload(rows, column, row, "payload")?,
                Role::Headers => fields.extend(headers(&rows.value(column, row))?.0),
                Role::Subject => match rows.value(column, row) {
                    Value::Text(text) => message.subject = text,
                    other => return Err(Error::new(format!("subject must be VARCHAR, not {}", other.kind()))),
                },
                Role::MessageId => match rows.value(column, row) {
                    Value::Text(text) => fields.push((Headers::MESSAGE_ID.to_owned(), text)),
                    other => return Err(Error::new(format!("msg_id must be VARCHAR, not {}", other.kind()))),
                },
            }
        }
        message.headers = Headers(fields);
        Ok(message)
    }
}

/// The one value of an option; hosts hand over a list.
fn single(value: &Value) -> &Value {
    match value {
        Value::List(items) => match items.as_slice() {
            [] => &Value::Null,
            [one] => one,
            _ => value,
        },
        value => value,
    }
}

fn read_roles(value: &Value) -> Result<Vec<Role>> {
    let names: Vec<String> = match value {
        Value::List(items) => items
            .iter()
            .filter_map(|item| match item {
                Value::Text(text) => Some(text.clone()),
                _ => None,
            })
            .collect(),
        Value::Text(text) => vec![text.clone()],
        _ => Vec::new(),
    };
    let role = |name: &str| {
        let found = ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
        found.map(|(_, role)| *role).ok_or_else(|| {
            Error::new(format!("'{name}' is not what a column can be"))
                .advice("write columns 'subject, payload, headers, msg_id', in the order of the columns")
        })
    };
    names.iter().flat_map(|name| name.split(',')).map(role).collect()
}

fn default_roles(columns: usize, fixed_subject: bool) -> Result<Vec<Role>> {
    match (columns, fixed_subject) {
        (1, _) => Ok(vec![Role::Payload]),
        (2, true) => Ok(vec![Role::Payload, Role::Headers]),
        (2, false) => Ok(vec![Role::Subject, Role::Payload]),
        (3, false) => Ok(vec![Role::Subject, Role::Payload, Role::Headers]),
        _ => Err(Error::new(format!("it is not clear what the {columns} columns are"))
            .advice("say it with columns 'subject, payload, headers, msg_id', or select to_json(t) of the row")),
    }
}

fn check_roles(roles: &[Role], columns: usize, fixed_subject: bool) -> Result<()> {
    let count = |role: Role| roles.iter().filter(|known| **known == role).count();
    if roles.len() != columns {
        return Err(Error::new(format!("columns says what {} columns are, but there are {columns}", roles.len())));
    }
    if ROLES.iter().any(|(_, role)| count(*role) > 1) {
        return Err(Error::new("columns names something twice"));
    }
    if count(Role::Payload) == 0 {
        return Err(Error::new("no column is the payload").advice("name one in columns"));
    }
    if (count(Role::Subject) == 1) == fixed_subject {
        return Err(Error::new("the subject must come from a column or from the option subject, one of them"));
    }
    Ok(())
}
