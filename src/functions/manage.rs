//! Parameters, and readers of arguments, of the functions that make, change and remove streams, consumers and stores.

use serde_json::{Map, Value as Json};

use super::json_value;
use super::rows::{Cell, Row};
use crate::error::{Error, Result};
use crate::jetstream::admin::{Config, Ensured};
use crate::plan::check_subject_filter;
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The parameter that a call must give before it removes anything.
pub const CONFIRM: Parameter = Parameter::new("confirm", ParameterType::Boolean);

/// Refuses a call that removes data without `confirm := true`. `loss` names the data.
///
/// # Errors
/// `confirm` is missing, false, or no BOOLEAN.
pub fn check_confirmed(arguments: &Arguments, loss: &str) -> Result<()> {
    if arguments.flag("confirm")? {
        return Ok(());
    }
    Err(Error::new(format!("this removes {loss}")).advice("say so with confirm := true"))
}

/// One or several subjects: VARCHAR or VARCHAR[].
///
/// # Errors
/// The argument is neither a text nor a list of texts, or a subject is malformed.
pub fn subjects(arguments: &Arguments, name: &str) -> Result<Option<Vec<String>>> {
    let subjects: Vec<String> = match arguments.find(name) {
        None => return Ok(None),
        Some(Value::List(_)) => arguments.texts(name)?.unwrap_or_default().into_iter().map(str::to_owned).collect(),
        Some(_) => arguments.text(name)?.map(str::to_owned).into_iter().collect(),
    };
    subjects.iter().try_for_each(|subject| check_subject_filter(subject))?;
    if subjects.is_empty() {
        return Err(Error::new(format!("{name} is an empty list")).advice("name at least one subject"));
    }
    Ok(Some(subjects))
}

/// One of the words of an option.
///
/// # Errors
/// The argument is none of the words.
pub fn choice<'a>(arguments: &'a Arguments, name: &str, words: &[&str]) -> Result<Option<&'a str>> {
    match arguments.text(name)? {
        Some(word) if !words.contains(&word) => {
            Err(Error::new(format!("unknown {name} '{word}'")).advice(format!("it is one of {}", words.join(", "))))
        }
        word => Ok(word),
    }
}

/// A limit as the API writes it: 0 is no limit, and so -1 there.
///
/// # Errors
/// The argument is no whole number from 0 on, or larger than the API can hold.
pub fn limit(arguments: &Arguments, name: &str) -> Result<Option<i64>> {
    match arguments.unsigned(name)? {
        None => Ok(None),
        Some(0) => Ok(Some(-1)),
        Some(limit) => i64::try_from(limit)
            .map(Some)
            .map_err(|_| Error::new(format!("{name} must be at most {}", i64::MAX)).advice("0 is no limit")),
    }
}

/// A count that the API keeps as a small whole number.
///
/// # Errors
/// The argument is no whole number, or too large.
pub fn count(arguments: &Arguments, name: &str) -> Result<Option<u64>> {
    match arguments.unsigned(name)? {
        Some(count) if count > u64::from(u32::MAX >> 1) => {
            Err(Error::new(format!("{name} must be at most {}", u32::MAX >> 1)))
        }
        count => Ok(count),
    }
}

/// A length of time in nanoseconds.
///
/// # Errors
/// The argument is no length of time, negative, or too long.
pub fn nanos(arguments: &Arguments, name: &str) -> Result<Option<u64>> {
    let Some(span) = arguments.duration(name)? else { return Ok(None) };
    match u64::try_from(span.as_nanos()) {
        Ok(nanos) if i64::try_from(nanos).is_ok() => Ok(Some(nanos)),
        _ => Err(Error::new(format!("{name} must be at most 292 years"))),
    }
}

/// Pairs of texts: a MAP or a STRUCT.
///
/// # Errors
/// The argument is neither a MAP nor a STRUCT, or a value is no text.
pub fn metadata(arguments: &Arguments, name: &str) -> Result<Option<Json>> {
    let text = |value: &Value| match value {
        Value::Text(text) => Ok(text.clone()),
        other => Err(Error::new(format!("{name} must hold VARCHAR, not {}", other.kind()))),
    };
    let pairs = match arguments.find(name) {
        None => return Ok(None),
        Some(Value::Map(entries)) => {
            entries.iter().map(|(key, value)| Ok((text(key)?, Json::from(text(value)?)))).collect::<Result<Map<_, _>>>()
        }
        Some(Value::Struct(members)) => {
            members.iter().map(|(key, value)| Ok((key.clone(), Json::from(text(value)?)))).collect()
        }
        Some(other) => Err(Error::new(format!("{name} must be a MAP of VARCHAR, not {}", other.kind()))),
    };
    pairs.map(|pairs| Some(Json::Object(pairs)))
}

/// The parameter by which a call gives any field of the server's configuration.
pub const CONFIG: Parameter = Parameter::new("config", ParameterType::Any);

/// The configuration of the named parameters (`wanted`), and every field of `config`, by the server's own names.
///
/// # Errors
/// `config` is no object, has a field that a parameter gives as well, or the name of what the call is about.
pub fn with_config(arguments: &Arguments, mut wanted: Config, names: &[&str]) -> Result<Config> {
    for (field, value) in json_value::object(arguments, CONFIG.name)?.unwrap_or_default() {
        if names.contains(&field.as_str()) {
            return Err(
                Error::new(format!("config.{field} cannot be given")).advice("the first arguments say what it is")
            );
        }
        if wanted.0.contains_key(&field) {
            return Err(Error::new(format!("config.{field} and a parameter say the same")).advice("give one of them"));
        }
        wanted.0.insert(field, value);
    }
    Ok(wanted)
}

/// The row of a call that makes something as wanted: its place, then what was done.
pub fn ensured_row(place: &[&str], ensured: Ensured) -> Row {
    let mut row: Row = place.iter().map(|name| Cell::from(*name)).collect();
    row.push(Cell::from(ensured.action));
    row.push(Cell::from(ensured.changed));
    row
}

/// The row of a call that removes something: its place, then `deleted`, or `absent` when there was nothing to remove.
pub fn deleted_row(place: &[&str], deleted: bool) -> Row {
    let mut row: Row = place.iter().map(|name| Cell::from(*name)).collect();
    row.push(Cell::from(if deleted { "deleted" } else { "absent" }));
    row
}
