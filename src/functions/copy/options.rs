//! The options of a COPY. The host passes them as they were written, so a text is read as the value that it spells.

use crate::codec::scalar::{Scalar, push};
use crate::column::{Buffer, Type, Values};
use crate::error::{Error, Result};
use crate::value::{Parameter, ParameterType, Value};

/// The one value of an option; hosts pass a list.
pub fn single(value: &Value) -> &Value {
    match value {
        Value::List(items) => match items.as_slice() {
            [] => &Value::Null,
            [one] => one,
            _ => value,
        },
        value => value,
    }
}

/// The value of an option that is a parameter of other functions, in the parameter's type. A value that is not a text stays as it is.
///
/// # Errors
/// The text is not a value of the parameter's type.
pub fn of_parameter(parameter: &Parameter, value: &Value) -> Result<Value> {
    if parameter.ty == ParameterType::TextList {
        return Ok(match value {
            Value::Text(_) => Value::List(vec![value.clone()]),
            value => value.clone(),
        });
    }
    let value = single(value);
    let ty = match (parameter.ty, value) {
        // `TLS_FIRST` alone.
        (ParameterType::Boolean, Value::Null) => return Ok(Value::Boolean(true)),
        (ParameterType::Boolean, Value::Text(_)) => Type::Boolean,
        (ParameterType::Unsigned, Value::Text(_)) => Type::UBigInt,
        (ParameterType::Interval, Value::Text(_)) => Type::Interval,
        (ParameterType::Moment, Value::Text(_)) => Type::TimestampTz,
        _ => return Ok(value.clone()),
    };
    let Value::Text(text) = value else { return Ok(value.clone()) };
    let mut buffer = Buffer::new(&ty);
    push(Scalar::Text(text), &ty, &mut buffer).map_err(|why| Error::new(format!("{}: {why}", parameter.name)))?;
    Ok(match buffer.values {
        Values::Bool(values) => values.first().map(|flag| Value::Boolean(*flag)),
        Values::U64(values) => values.first().map(|number| Value::Integer((*number).into())),
        Values::I64(values) => values.first().map(|micros| Value::Timestamp { micros: *micros, zoned: true }),
        Values::Interval(values) => values.first().map(|interval| Value::Interval(*interval)),
        _ => None,
    }
    .unwrap_or(Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Interval;

    #[test]
    fn texts_become_what_the_parameter_is() {
        let text = |text: &str| Value::Text(text.to_owned());
        let cases = [
            (ParameterType::Boolean, text("true"), Value::Boolean(true)),
            (ParameterType::Boolean, Value::List(Vec::new()), Value::Boolean(true)),
            (ParameterType::Unsigned, text("18446744073709551615"), Value::Integer(u64::MAX.into())),
            (ParameterType::Unsigned, Value::Integer(-1), Value::Integer(-1)),
            (
                ParameterType::Interval,
                Value::List(vec![text("2 seconds")]),
                Value::Interval(Interval { months: 0, days: 0, micros: 2_000_000 }),
            ),
            (ParameterType::Moment, text("1970-01-01 00:00:01"), Value::Timestamp { micros: 1_000_000, zoned: true }),
            (ParameterType::TextList, text("a"), Value::List(vec![text("a")])),
            (ParameterType::Text, text("5"), text("5")),
        ];
        for (ty, value, expected) in cases {
            assert_eq!(of_parameter(&Parameter::new("p", ty), &value), Ok(expected), "{ty:?} {value:?}");
        }
        let error = of_parameter(&Parameter::new("p", ParameterType::Moment), &text("x")).unwrap_err();
        assert!(error.to_string().starts_with("p: "), "{error}");
    }
}
