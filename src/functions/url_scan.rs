//! `FROM 'nats://host:4222/STREAM?subject=a.>&start_seq=10'`: a URL is the table.
//!
//! DuckDB replaces such a name by a call of this function, which reads the URL into the arguments of `nats_scan`.

use super::connection;
use super::scan::NatsScan;
use super::stream_table::{Plan, StreamTableArguments};
use crate::codec::scalar::{Scalar, push};
use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Result};
use crate::ffi::Bound;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The beginnings by which a table's name is known as such a URL.
pub const PREFIXES: &[&str] = &["nats://", "tls://", "ws://", "wss://"];

pub struct NatsUrlScan;

impl StreamTableArguments for NatsUrlScan {
    const NAME: &'static str = "nats_url_scan";

    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new(URL, ParameterType::Text)]
    }

    fn named() -> Vec<Parameter> {
        Vec::new()
    }

    fn bind(arguments: &Arguments) -> Result<Bound<Plan>> {
        let mut parsed = parse(arguments.required_text(URL)?)?;
        parsed.settings.clone_from(&arguments.settings);
        NatsScan::bind(&parsed)
    }
}

const URL: &str = "url";

/// The arguments of `nats_scan` that a URL stands for. No error shows a value: it may be a secret.
fn parse(url: &str) -> Result<Arguments> {
    let (place, query) = url.split_once('?').unwrap_or((url, ""));
    let path = place.find("://").map_or(0, |scheme| scheme + 3);
    let slash = place[path..].rfind('/').map(|slash| path + slash);
    // Behind the last slash stands a stream, unless a list of servers ends there, or a password with a slash in it.
    let names_stream = |slash: &usize| {
        let stream = &place[slash + 1..];
        !stream.is_empty() && !stream.contains('@') && !place[..*slash].ends_with(":/")
    };
    let Some(slash) = slash.filter(names_stream) else {
        return Err(Error::new("the URL names no stream").advice("write 'nats://host:4222/STREAM?subject=orders.>'"));
    };
    let mut arguments = Arguments::default();
    arguments.positional.push(("stream", Value::Text(connection::decode(&place[slash + 1..])?)));
    arguments.named.push((URL, Value::Text(place[..slash].to_owned())));
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, text) = pair.split_once('=').unwrap_or((pair, ""));
        // Before an '@' anything may be a part of a password that has a '?' in it.
        let parameter = parameter(name).map_err(|error| match query.contains('@') {
            true => Error::new("the URL has an unknown parameter")
                .advice("in user and password write '?' as %3F, '/' as %2F and '@' as %40, and so an '@' in a value"),
            false => error,
        })?;
        if arguments.find(parameter.name).is_some() {
            return Err(Error::new(format!("{} stands twice in the URL", parameter.name)));
        }
        arguments.named.push((parameter.name, value(&parameter, &connection::decode(text)?)?));
    }
    Ok(arguments)
}

fn parameter(name: &str) -> Result<Parameter> {
    let mut known = NatsScan::named();
    known.retain(|parameter| parameter.name != URL && column_type(parameter.ty).is_some());
    if let Some(parameter) = known.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name)) {
        return Ok(*parameter);
    }
    let names: Vec<&str> = known.iter().map(|parameter| parameter.name).collect();
    let list = NatsScan::named().iter().any(|parameter| parameter.name.eq_ignore_ascii_case(name));
    let error = match list {
        true => Error::new(format!("{name} cannot be given in a URL, only to nats_scan itself")),
        false => Error::new(format!("unknown parameter '{name}' in the URL")),
    };
    Err(error.advice(format!("the parameters are {}", names.join(", "))))
}

/// The type of SQL from whose text the parameter's value is made; None when no text can give one.
fn column_type(ty: ParameterType) -> Option<Type> {
    match ty {
        ParameterType::Text | ParameterType::TextOrList => Some(Type::Varchar),
        ParameterType::Boolean => Some(Type::Boolean),
        ParameterType::Interval => Some(Type::Interval),
        ParameterType::Unsigned => Some(Type::UBigInt),
        ParameterType::Moment => Some(Type::TimestampTz),
        _ => None,
    }
}

fn value(parameter: &Parameter, text: &str) -> Result<Value> {
    let wrong = |wanted: &str| Error::new(format!("{} in the URL must be {wanted}", parameter.name));
    let Some(ty) = column_type(parameter.ty).filter(|ty| *ty != Type::Varchar) else {
        return Ok(Value::Text(text.to_owned()));
    };
    let mut buffer = Buffer::new(&ty);
    let fits = push(Scalar::Text(text), &ty, &mut buffer).is_ok();
    match buffer.values {
        Values::Bool(values) if fits => Ok(Value::Boolean(values[0])),
        Values::U64(values) if fits => Ok(Value::Integer(values[0].into())),
        Values::I64(values) if fits => Ok(Value::Timestamp { micros: values[0], zoned: true }),
        Values::Interval(values) if fits => Ok(Value::Interval(values[0])),
        Values::Bool(_) => Err(wrong("true or false")),
        Values::U64(_) => Err(wrong("a whole number from 0 to 18446744073709551615")),
        Values::I64(_) => Err(wrong("a time such as 2024-01-15T10:30:00Z")),
        _ => Err(wrong("a length of time such as 00:00:05")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_the_arguments_of_a_scan() {
        let url = "nats://u:p%40@h:1,h2/ORD%45RS?subject=a.%3E&start_seq=10&headers=true&timeout=00:00:02\
                   &start_time=2024-01-15T10:30:00Z&&Domain=hub";
        let arguments = parse(url).unwrap();
        assert_eq!(arguments.required_text("stream"), Ok("ORDERS"));
        assert_eq!(arguments.text("url"), Ok(Some("nats://u:p%40@h:1,h2")));
        assert_eq!(arguments.text("subject"), Ok(Some("a.>")));
        assert_eq!(arguments.text("domain"), Ok(Some("hub")));
        assert_eq!(arguments.unsigned("start_seq"), Ok(Some(10)));
        assert_eq!(arguments.flag("headers"), Ok(true));
        assert_eq!(arguments.moment("start_time"), Ok(Some(1_705_314_600_000_000)));
        assert_eq!(arguments.duration("timeout"), Ok(Some(std::time::Duration::from_secs(2))));
    }

    #[test]
    fn errors_name_parameters_and_show_no_value() {
        let cases = [
            ("nats://u:secret@h", "names no stream"),
            ("nats://u:secret@h/", "names no stream"),
            ("nats://u:sec?ret@h/S", "names no stream"),
            ("nats://a,nats://u:secret@h", "names no stream"),
            ("nats://u:/secret@h", "names no stream"),
            ("nats://u:p/w?secret@h/S", "has an unknown parameter"),
            ("nats://u:p/w?secret=1@h/S", "has an unknown parameter"),
            (
                "nats://h/S?password=secret&nope=1",
                "unknown parameter 'nope' in the URL; the parameters are context, creds",
            ),
            ("nats://h/S?start_seq=secret", "start_seq in the URL must be a whole number"),
            ("nats://h/S?start_seq=-1", "start_seq in the URL must be a whole number"),
            ("nats://h/S?headers=secret", "headers in the URL must be true or false"),
            ("nats://h/S?start_time=secret", "start_time in the URL must be a time"),
            ("nats://h/S?timeout=secret", "timeout in the URL must be a length of time"),
            ("nats://h/S?json_extract=a", "json_extract cannot be given in a URL"),
            ("nats://h/S?url=secret", "url cannot be given in a URL"),
            ("nats://h/S?subject=a&SUBJECT=b", "subject stands twice"),
        ];
        for (url, expected) in cases {
            let error = parse(url).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains("secret"), "{url}: {error}");
        }
    }
}
