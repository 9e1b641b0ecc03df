//! SQL values as the JSON of the server's API: a configuration that a call gives whole.

use serde_json::{Map, Number, Value as Json};

use crate::column::Interval;
use crate::error::{Error, Result};
use crate::jetstream::utc_text;
use crate::value::{Arguments, Value};

/// An object: a STRUCT, a MAP, or JSON as text. None when the call does not give it.
///
/// # Errors
/// It is of another type, no JSON object, or holds a value that JSON has no form for; the error names where.
pub fn object(arguments: &Arguments, name: &str) -> Result<Option<Map<String, Json>>> {
    match any(arguments, name)? {
        None => Ok(None),
        Some(Json::Object(members)) => Ok(Some(members)),
        Some(_) => Err(Error::new(format!("{name} must be a STRUCT, a MAP, or a JSON object as text"))),
    }
}

/// Any value: of a text, the JSON in it. None when the call does not give it.
///
/// # Errors
/// As [`object`].
pub fn any(arguments: &Arguments, name: &str) -> Result<Option<Json>> {
    match arguments.find(name) {
        None => Ok(None),
        Some(Value::Null) => Err(Error::new(format!("{name} is NULL; it needs a value"))
            .advice("leave the parameter out to use its default, or give a value")),
        Some(Value::Text(text)) => {
            let parsed = serde_json::from_str(text);
            parsed.map(Some).map_err(|error| {
                Error::new(format!("{name} is not JSON (line {}, column {})", error.line(), error.column()))
            })
        }
        Some(value) => json(name, value).map(Some),
    }
}

/// A value as JSON. A length of time is a number of nanoseconds and a moment is RFC 3339, as the API has them.
///
/// # Errors
/// The value has no form in JSON; `place` names it.
pub fn json(place: &str, value: &Value) -> Result<Json> {
    let wrong = |what: &str| Error::new(format!("{place} {what}"));
    let small = |number: i128| -> Option<Number> {
        u64::try_from(number).map(Number::from).or_else(|_| i64::try_from(number).map(Number::from)).ok()
    };
    Ok(match value {
        Value::Null => Json::Null,
        Value::Boolean(flag) => Json::Bool(*flag),
        Value::Integer(number) => Json::Number(small(*number).ok_or_else(|| wrong("is too large a number"))?),
        Value::Float(number) => Json::Number(Number::from_f64(*number).ok_or_else(|| wrong("is no finite number"))?),
        Value::Text(text) => Json::String(text.clone()),
        Value::Interval(Interval { months: 0, days, micros }) => {
            let nanos = (i128::from(*days) * 86_400_000_000 + i128::from(*micros)) * 1_000;
            Json::Number(small(nanos).ok_or_else(|| wrong("is too long a time"))?)
        }
        Value::Timestamp { micros, .. } => {
            Json::String(utc_text(*micros).ok_or_else(|| wrong("is outside the years 0 to 9999"))?)
        }
        Value::List(items) => {
            let items = items.iter().enumerate().map(|(at, item)| json(&format!("{place}[{}]", at + 1), item));
            Json::Array(items.collect::<Result<_>>()?)
        }
        Value::Struct(members) => {
            let members = members.iter().map(|(key, item)| Ok((key.clone(), json(&format!("{place}.{key}"), item)?)));
            Json::Object(members.collect::<Result<_>>()?)
        }
        Value::Map(entries) => {
            let members = entries.iter().map(|(key, item)| match key {
                Value::Text(key) => Ok((key.clone(), json(&format!("{place}.{key}"), item)?)),
                other => Err(wrong(&format!("has a key that is {}", other.kind()))),
            });
            Json::Object(members.collect::<Result<_>>()?)
        }
        Value::Interval(_) => return Err(wrong("has months, which have no fixed length")),
        Value::Decimal { unscaled, scale } => match small(*unscaled).filter(|_| *scale == 0) {
            Some(number) => Json::Number(number),
            None => return Err(wrong("is DECIMAL; write a whole number")),
        },
        other @ (Value::Blob(_) | Value::Other(_)) => {
            return Err(wrong(&format!("is {}, which JSON does not have", other.kind())));
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_what_the_api_takes() {
        let text = |text: &str| Value::Text(text.into());
        let day = Value::Interval(Interval { months: 0, days: 1, micros: 1 });
        let moment = Value::Timestamp { micros: 1_705_314_600_000_000, zoned: true };
        let value = Value::Struct(vec![
            ("sources".into(), Value::List(vec![Value::Struct(vec![("name".into(), text("A"))])])),
            ("max_age".into(), day),
            ("opt_start_time".into(), moment),
            ("metadata".into(), Value::Map(vec![(text("k"), text("v"))])),
            ("max_msgs".into(), Value::Integer(-1)),
        ]);
        let expected = serde_json::json!({
            "sources": [{"name": "A"}], "max_age": 86_400_000_001_000_u64, "opt_start_time": "2024-01-15T10:30:00.000000Z",
            "metadata": {"k": "v"}, "max_msgs": -1
        });
        assert_eq!(json("config", &value).unwrap(), expected);
    }

    #[test]
    fn what_json_does_not_have_is_named() {
        let month = Value::Interval(Interval { months: 1, days: 0, micros: 0 });
        let value = Value::Struct(vec![("a".into(), Value::List(vec![Value::Null, month]))]);
        assert!(json("config", &value).unwrap_err().to_string().starts_with("config.a[2] has months"));
        let given = |value| Arguments { named: vec![("config", value)], ..Arguments::default() };
        let broken = object(&given(Value::Text("{\"a\": ".into())), "config").unwrap_err().to_string();
        assert_eq!(broken, "config is not JSON (line 1, column 6)");
        assert!(object(&given(Value::Text("[1]".into())), "config").is_err());
        assert!(object(&given(Value::Integer(1)), "config").is_err());
        assert_eq!(object(&Arguments::default(), "config"), Ok(None));
    }
}
