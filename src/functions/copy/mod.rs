//! `COPY ... TO 'STREAM' (FORMAT nats_js, ...)`: publishes rows to a stream, on hosts that have copy functions (1.5.6).
//! [`from`] is the reverse.

mod from;
mod options;
mod way;

use std::sync::Arc;

use bytes::Bytes;

use options::{of_parameter, single};
use way::{Mode, Way};

use super::connection;
use super::payload;
use super::publish::{headers, message_payload, payload as raw_payload};
use super::stream_table::StreamTable;
use crate::codec::encode::{ENCODING_FORMATS, EncodingFormat, ProtobufEncoder};
use crate::codec::protobuf::{self, SchemaSource};
use crate::document::Document;
use crate::error::{Error, Result};
use crate::ffi::{CopyFunction, Input};
use crate::jetstream::ConnectOptions;
use crate::jetstream::publish::{EXPECTED_STREAM, PublishRequest};
use crate::plan::{check_publish_subject, check_stream};
use crate::record::Headers;
use crate::value::{Arguments, Parameter, Value};

/// The format. Columns have roles by their position, because few hosts give their names: `columns` lists the roles,
/// by default `payload`, `subject, payload`, or `subject, payload, headers`. Without a payload, the columns that have no
/// role are members of one object a row.
pub struct CopyToStream;

pub struct Plan {
    connect: ConnectOptions,
    roles: Vec<Role>,
    subject: Option<String>,
    encoding: Encoding,
    mode: Mode,
}

pub struct Run {
    stream: String,
    roles: Vec<Role>,
    subject: Option<String>,
    encoding: Encoding,
    way: Way,
}

/// The role of a column.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Subject,
    Payload,
    Headers,
    MessageId,
    /// A member of the object that is the payload.
    Member(String),
}

/// The format in which a payload is written.
#[derive(Clone)]
enum Encoding {
    /// VARCHAR and BLOB as `raw`, any other type as JSON.
    Fitting,
    Raw,
    As(&'static EncodingFormat),
    Protobuf(Arc<ProtobufEncoder>),
}

/// The most columns that have roles by their positions.
const TOLD_BY_POSITION: usize = 3;

const ROLES: [(&str, Role); 4] =
    [("subject", Role::Subject), ("payload", Role::Payload), ("headers", Role::Headers), ("msg_id", Role::MessageId)];

impl CopyFunction for CopyToStream {
    const NAME: &'static str = "nats_js";
    type Plan = Plan;
    type Run = Run;
    type Source = StreamTable<from::CopyFromStream>;

    fn bind(
        options: &[(String, Value)],
        settings: &[(&'static str, Value)],
        columns: usize,
        names: &[String],
    ) -> Result<Plan> {
        let (mut subject, mut roles, mut mode, mut atomic) = (None, None, None, None);
        let mut format = None;
        let mut arguments = Arguments { settings: settings.to_vec(), ..Arguments::default() };
        for (name, value) in options {
            let lower = name.to_ascii_lowercase();
            match (lower.as_str(), single(value)) {
                ("subject", Value::Text(text)) => {
                    check_publish_subject(text)?;
                    subject = Some(text.clone());
                }
                ("mode", value) => mode = Some(Mode::read(value)?),
                ("atomic", value) if Mode::read_atomic(value).is_some() => atomic = Mode::read_atomic(value),
                ("payload_format", Value::Text(name)) => format = Some(name.as_str()),
                ("columns", _) => roles = Some(read_roles(value)?),
                (known, _) => match parameters().find(|parameter| parameter.name == known) {
                    Some(parameter) => arguments.named.push((parameter.name, of_parameter(&parameter, value)?)),
                    None => {
                        return Err(Error::new(format!("unknown option '{lower}', or one of another type")).advice(
                            "the options are subject, columns, payload_format, proto_file, proto_path, proto_descriptor_set, \
                             proto_message, mode, atomic, and those of the connection",
                        ));
                    }
                },
            }
        }
        let roles = match roles {
            Some(roles) => roles,
            None => named_roles(names).map_or_else(|| default_roles(columns, subject.is_some()), Ok)?,
        };
        if mode.is_some() && atomic.is_some() {
            return Err(
                Error::new("mode and atomic cannot be used together").advice("mode 'atomic' is the same as atomic")
            );
        }
        let encoding = read_encoding(format, &arguments)?;
        check_roles(&roles, columns, subject.is_some(), &encoding)?;
        Ok(Plan {
            connect: connection::read(&arguments)?,
            roles,
            subject,
            encoding,
            mode: mode.or(atomic).unwrap_or_default(),
        })
    }

    fn open(plan: &Plan, target: &str) -> Result<Run> {
        check_stream(target)?;
        let connection = connection::open(&plan.connect)?;
        let way = Way::open(plan.mode, &connection, target).map_err(|error| error.stream(target))?;
        Ok(Run {
            stream: target.to_owned(),
            roles: plan.roles.clone(),
            subject: plan.subject.clone(),
            encoding: plan.encoding.clone(),
            way,
        })
    }

    fn sink(run: &mut Run, rows: &dyn Input) -> Result<()> {
        let messages = (0..rows.len()).map(|row| run.message(rows, row)).collect::<Vec<_>>();
        run.way.send(messages).map_err(|error| error.stream(&run.stream))
    }

    fn finish(run: &mut Run) -> Result<()> {
        run.way.finish().map_err(|error| error.stream(&run.stream))
    }
}

impl Run {
    fn message(&self, rows: &dyn Input, row: usize) -> Result<PublishRequest> {
        let mut message =
            PublishRequest { subject: self.subject.clone().unwrap_or_default(), ..PublishRequest::default() };
        let mut fields = Vec::new();
        if self.way.names_stream() {
            fields.push((EXPECTED_STREAM.to_owned(), self.stream.clone()));
        }
        let mut members = Vec::new();
        for (column, role) in self.roles.iter().enumerate() {
            match role {
                Role::Payload => message.payload = self.encoding.payload(rows, column, row)?,
                Role::Member(name) => members.push((name.clone(), rows.document(column, row)?)),
                Role::Headers => fields.extend(headers(&rows.value(column, row)?)?.0),
                Role::Subject => match rows.value(column, row)? {
                    Value::Text(text) => message.subject = text,
                    other => return Err(Error::new(format!("subject must be VARCHAR, not {}", other.kind()))),
                },
                Role::MessageId => match rows.value(column, row)? {
                    Value::Text(text) => fields.push((Headers::MESSAGE_ID.to_owned(), text)),
                    other => return Err(Error::new(format!("msg_id must be VARCHAR, not {}", other.kind()))),
                },
            }
        }
        if !members.is_empty() {
            message.payload = self.encoding.write(&Document::Object(members))?;
        }
        message.headers = Headers(fields);
        Ok(message)
    }
}

impl Encoding {
    fn payload(&self, rows: &dyn Input, column: usize, row: usize) -> Result<Bytes> {
        let raw = match self {
            Encoding::Fitting => rows.is_bytes(column),
            Encoding::Raw => true,
            Encoding::As(_) | Encoding::Protobuf(_) => false,
        };
        if raw {
            return raw_payload(rows, column, row, "payload");
        }
        match rows.document(column, row)? {
            Document::Null => message_payload(&Value::Null, "payload"),
            document => self.write(&document),
        }
    }

    fn write(&self, document: &Document) -> Result<Bytes> {
        let format = match self {
            Encoding::As(format) => format,
            Encoding::Fitting | Encoding::Raw => &ENCODING_FORMATS[0],
            Encoding::Protobuf(encoder) => return encoder.encode(document).map(Bytes::from),
        };
        let mut out = Vec::new();
        (format.encode)(document, &mut out);
        Ok(out.into())
    }
}

/// The options that are parameters of other functions.
fn parameters() -> impl Iterator<Item = Parameter> {
    let of_protobuf = |parameter: &&Parameter| protobuf::PARAMETERS.iter().any(|known| known.name == parameter.name);
    connection::PARAMETERS.iter().chain(payload::PARAMETERS.iter().filter(of_protobuf)).copied()
}

fn read_encoding(name: Option<&str>, arguments: &Arguments) -> Result<Encoding> {
    let is = |known: &str| name.is_some_and(|name| name.eq_ignore_ascii_case(known));
    if is("protobuf") {
        return ProtobufEncoder::load(&SchemaSource::of(&payload::format_arguments(arguments)?))
            .map(Arc::new)
            .map(Encoding::Protobuf);
    }
    if let Some(parameter) = protobuf::PARAMETERS.iter().find(|parameter| arguments.find(parameter.name).is_some()) {
        let name = parameter.name;
        return Err(Error::new(format!("{name} needs payload_format 'protobuf'")));
    }
    let Some(name) = name else { return Ok(Encoding::Fitting) };
    if is("raw") {
        return Ok(Encoding::Raw);
    }
    let found = ENCODING_FORMATS.iter().find(|format| is(format.name));
    found.map(Encoding::As).ok_or_else(|| {
        let names: Vec<_> = ENCODING_FORMATS.iter().map(|format| format.name).collect();
        Error::new(format!("payload_format '{name}' is not there"))
            .advice(format!("the formats are raw, {}, protobuf", names.join(", ")))
    })
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
        let name = name.trim();
        // In quotes, a name is that of a member, even where it is the word for a role.
        if let Some(quoted) = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
            return Ok(Role::Member(quoted.to_owned()));
        }
        if name.is_empty() {
            return Err(Error::new("columns has an empty name").advice("name every column, with commas between them"));
        }
        let found = ROLES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        Ok(found.map_or_else(|| Role::Member(name.to_owned()), |(_, role)| role.clone()))
    };
    names.iter().flat_map(|name| name.split(',')).map(role).collect()
}

/// The roles of the columns by their names: all names are roles, or there are more columns than positions with roles. The other columns are then
/// members.
fn named_roles(names: &[String]) -> Option<Vec<Role>> {
    let role =
        |name: &String| ROLES.iter().find(|(word, _)| name.eq_ignore_ascii_case(word)).map(|(_, role)| role.clone());
    let member = |name: &String| role(name).unwrap_or_else(|| Role::Member(name.clone()));
    let tells = names.len() > TOLD_BY_POSITION || (!names.is_empty() && names.iter().all(|name| role(name).is_some()));
    tells.then(|| names.iter().map(member).collect())
}

fn default_roles(columns: usize, fixed_subject: bool) -> Result<Vec<Role>> {
    match (columns, fixed_subject) {
        (1, _) => Ok(vec![Role::Payload]),
        (2, true) => Ok(vec![Role::Payload, Role::Headers]),
        (2, false) => Ok(vec![Role::Subject, Role::Payload]),
        (3, false) => Ok(vec![Role::Subject, Role::Payload, Role::Headers]),
        _ => Err(Error::new(format!("it is not clear what the {columns} columns are")).advice(
            "say it with columns 'subject, payload, headers, msg_id' or with names of members, or copy SELECT t FROM t",
        )),
    }
}

fn check_roles(roles: &[Role], columns: usize, fixed_subject: bool, encoding: &Encoding) -> Result<()> {
    let count = |role: &Role| roles.iter().filter(|known| *known == role).count();
    if roles.len() != columns {
        return Err(Error::new(format!("columns says what {} columns are, but there are {columns}", roles.len())));
    }
    if let Some(role) = roles.iter().find(|role| count(role) > 1) {
        let name = match role {
            Role::Member(name) => name,
            role => ROLES.iter().find(|(_, known)| known == role).map_or("", |(name, _)| name),
        };
        return Err(Error::new(format!("columns names '{name}' twice")));
    }
    let member = roles.iter().find_map(|role| match role {
        Role::Member(name) => Some(name),
        _ => None,
    });
    match (count(&Role::Payload), member) {
        (0, None) => {
            return Err(Error::new("no column is the payload")
                .advice("name one in columns, or name the members of a JSON object"));
        }
        (1, Some(name)) => {
            return Err(Error::new(format!("'{name}' would be a member of the payload, but a column is the payload"))
                .advice("a column is subject, payload, headers or msg_id; without payload, others are members"));
        }
        (0, Some(_)) if matches!(encoding, Encoding::Raw) => {
            return Err(Error::new("payload_format 'raw' needs a column that is the payload"));
        }
        _ => {}
    }
    if let Encoding::Protobuf(encoder) = encoding {
        for role in roles {
            if let Role::Member(name) = role {
                encoder.check_member(name)?;
            }
        }
    }
    if (count(&Role::Subject) == 1) == fixed_subject {
        return Err(Error::new("the subject must come from a column or from the option subject, one of them"));
    }
    Ok(())
}
