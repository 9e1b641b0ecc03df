//! Values that SQL hands to a function, free of DuckDB, and typed reading of a call's arguments.

use std::time::Duration;

use crate::column::{Column, Interval};
use crate::error::{Error, Result};

/// One SQL value.
#[derive(Debug, Clone, PartialEq)]
#[allow(missing_docs)]
pub enum Value {
    Null,
    Boolean(bool),
    /// Any integer type, HUGEINT included.
    Integer(i128),
    Float(f64),
    /// `unscaled / 10^scale`.
    Decimal {
        unscaled: i128,
        scale: u8,
    },
    Text(String),
    Blob(Vec<u8>),
    /// Any timestamp or date, in microseconds since 1970-01-01. `zoned` says that it is an instant (TIMESTAMPTZ);
    /// otherwise it is read as UTC.
    Timestamp {
        micros: i64,
        zoned: bool,
    },
    Interval(Interval),
    List(Vec<Value>),
    Struct(Vec<(String, Value)>),
    Map(Vec<(Value, Value)>),
    /// A type that no function of ours takes, by its name.
    Other(&'static str),
}

impl Value {
    /// The kind of value, as an error names it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "NULL",
            Value::Boolean(_) => "BOOLEAN",
            Value::Integer(_) => "an integer",
            Value::Float(_) => "DOUBLE",
            Value::Decimal { .. } => "DECIMAL",
            Value::Text(_) => "VARCHAR",
            Value::Blob(_) => "BLOB",
            Value::Timestamp { zoned: false, .. } => "TIMESTAMP",
            Value::Timestamp { zoned: true, .. } => "TIMESTAMPTZ",
            Value::Interval(_) => "INTERVAL",
            Value::List(_) => "a list",
            Value::Struct(_) => "STRUCT",
            Value::Map(_) => "MAP",
            Value::Other(name) => name,
        }
    }

    /// A short rendering for an error message.
    fn shown(&self) -> String {
        match self {
            Value::Integer(i) => i.to_string(),
            Value::Float(x) => x.to_string(),
            Value::Boolean(b) => b.to_string(),
            Value::Text(text) if text.chars().count() <= 40 => format!("'{text}'"),
            other => other.kind().to_owned(),
        }
    }
}

/// How DuckDB is told the type of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// VARCHAR.
    Text,
    /// VARCHAR[].
    TextList,
    /// VARCHAR or VARCHAR[], in a URL VARCHAR. To DuckDB it is ANY.
    TextOrList,
    /// BOOLEAN.
    Boolean,
    /// INTERVAL.
    Interval,
    /// A whole number from 0 to 2^64-1, read with [`Arguments::unsigned`]. To DuckDB it is ANY.
    Unsigned,
    /// A moment, read with [`Arguments::moment`]. To DuckDB it is ANY.
    Moment,
    /// ANY: the value arrives with the type that the user gave it, and is checked by its reader. Numbers use it, so
    /// that a negative or a fractional one is an error that names the parameter, not a silent cast.
    Any,
}

/// A parameter of a SQL function.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// The name as SQL writes it, lower case.
    pub name: &'static str,
    /// The type that DuckDB casts the argument to.
    pub ty: ParameterType,
}

impl Parameter {
    /// A parameter from its name and type.
    #[must_use]
    pub const fn new(name: &'static str, ty: ParameterType) -> Self {
        Self { name, ty }
    }
}

/// A setting, on hosts that have settings (`SET nats_url = ...`). It has no default: while it is not set, it has no value.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The name as SQL writes it, lower case.
    pub name: &'static str,
    /// Its type.
    pub ty: ParameterType,
    /// The description in `duckdb_settings()`.
    pub doc: String,
}

/// A setting of DuckDB itself that [`Arguments::settings`] has beside those of this extension: whether the session may open
/// anything outside of the process (<https://duckdb.org/docs/stable/operations_manual/securing_duckdb/overview>).
pub const EXTERNAL_ACCESS: &str = "enable_external_access";

/// The arguments of one call: by position and by name.
#[derive(Debug, Clone, Default)]
pub struct Arguments {
    /// Positional arguments with the names that errors use.
    pub positional: Vec<(&'static str, Value)>,
    /// Named arguments that the call gave.
    pub named: Vec<(&'static str, Value)>,
    /// The settings of the session that are set, by their names; and [`EXTERNAL_ACCESS`]. Empty on hosts that tell none.
    pub settings: Vec<(&'static str, Value)>,
    /// The columns that a `COPY ... FROM` fills; none in any other statement.
    pub target: Vec<Column>,
}

impl Arguments {
    /// The argument, if the call gave it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Value> {
        self.named.iter().chain(&self.positional).find(|(n, _)| *n == name).map(|(_, v)| v)
    }

    fn non_null(&self, name: &str) -> Result<Option<&Value>> {
        match self.find(name) {
            Some(Value::Null) => Err(Error::new(format!("{name} is NULL; it needs a value"))
                .advice("leave the parameter out to use its default, or give a value")),
            other => Ok(other),
        }
    }

    fn wrong(name: &str, wanted: &str, got: &Value) -> Error {
        Error::new(format!("{name} must be {wanted}, not {}", got.shown()))
    }

    /// A VARCHAR.
    ///
    /// # Errors
    /// The argument is NULL or of another type.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.non_null(name)? {
            None => Ok(None),
            Some(Value::Text(text)) => Ok(Some(text)),
            Some(other) => Err(Self::wrong(name, "VARCHAR", other)),
        }
    }

    /// A VARCHAR that must be there.
    ///
    /// # Errors
    /// The argument is missing, NULL or of another type.
    pub fn required_text(&self, name: &str) -> Result<&str> {
        self.text(name)?.ok_or_else(|| Error::new(format!("{name} is missing")))
    }

    /// A BOOLEAN, false when absent.
    ///
    /// # Errors
    /// The argument is NULL or of another type.
    pub fn flag(&self, name: &str) -> Result<bool> {
        Ok(self.boolean(name)?.unwrap_or(false))
    }

    /// A BOOLEAN.
    ///
    /// # Errors
    /// The argument is NULL or of another type.
    pub fn boolean(&self, name: &str) -> Result<Option<bool>> {
        match self.non_null(name)? {
            None => Ok(None),
            Some(Value::Boolean(b)) => Ok(Some(*b)),
            Some(other) => Err(Self::wrong(name, "BOOLEAN", other)),
        }
    }

    /// A whole number from 0 to 2^64-1.
    ///
    /// # Errors
    /// The argument is NULL, of another type, or out of the range.
    pub fn unsigned(&self, name: &str) -> Result<Option<u64>> {
        self.non_null(name)?.map(|value| unsigned(name, value)).transpose()
    }

    /// A length of time above zero. Months and years have no fixed length and are refused.
    ///
    /// # Errors
    /// The argument is NULL, of another type, negative, or has months.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        self.non_null(name)?.map(|value| length_of_time(name, value)).transpose()
    }

    /// A list of lengths of time; see [`Arguments::duration`].
    ///
    /// # Errors
    /// The argument is NULL or of another type, or an element is not a length of time; see [`Arguments::duration`].
    pub fn durations(&self, name: &str) -> Result<Option<Vec<Duration>>> {
        match self.non_null(name)? {
            None => Ok(None),
            Some(Value::List(items)) => {
                items.iter().map(|item| length_of_time(name, item)).collect::<Result<_>>().map(Some)
            }
            Some(other) => Err(Self::wrong(name, "INTERVAL[]", other)),
        }
    }

    /// A list of VARCHAR without NULLs.
    ///
    /// # Errors
    /// The argument is NULL or of another type, or a text in it is NULL.
    pub fn texts(&self, name: &str) -> Result<Option<Vec<&str>>> {
        let items = match self.non_null(name)? {
            None => return Ok(None),
            Some(Value::List(items)) => items,
            Some(other) => return Err(Self::wrong(name, "VARCHAR[]", other)),
        };
        let texts = items.iter().map(|item| match item {
            Value::Text(text) => Ok(text.as_str()),
            other => Err(Self::wrong(name, "a list of VARCHAR", other)),
        });
        texts.collect::<Result<Vec<_>>>().map(Some)
    }

    /// A moment, in microseconds since 1970-01-01 UTC: TIMESTAMP (read as UTC), TIMESTAMPTZ, or DATE.
    ///
    /// # Errors
    /// The argument is NULL or of another type.
    pub fn moment(&self, name: &str) -> Result<Option<i64>> {
        match self.non_null(name)? {
            None => Ok(None),
            Some(Value::Timestamp { micros, .. }) => Ok(Some(*micros)),
            Some(other) => Err(Self::wrong(name, "TIMESTAMP or TIMESTAMPTZ", other)
                .advice(format!("write {name} := TIMESTAMP '2024-01-15 10:30:00'"))),
        }
    }
}

/// Reads a value as a length of time; see [`Arguments::duration`].
///
/// # Errors
/// The value is of another type, negative, or has months.
pub fn length_of_time(name: &str, value: &Value) -> Result<Duration> {
    let Value::Interval(interval) = value else { return Err(Arguments::wrong(name, "INTERVAL", value)) };
    let micros = i128::from(interval.days) * 86_400_000_000 + i128::from(interval.micros);
    match u64::try_from(micros) {
        Ok(micros) if interval.months == 0 => Ok(Duration::from_micros(micros)),
        _ => Err(Error::new(format!("{name} must be a length of time in days or less, and not negative"))),
    }
}

/// Reads a value as a whole number from 0 to 2^64-1.
///
/// # Errors
/// The value is of another type, or out of the range.
pub fn unsigned(name: &str, value: &Value) -> Result<u64> {
    let exact = match value {
        Value::Integer(i) => u64::try_from(*i).ok(),
        Value::Decimal { unscaled, scale } => {
            let unit = 10_i128.checked_pow(u32::from(*scale));
            unit.filter(|unit| unscaled % unit == 0).and_then(|unit| u64::try_from(unscaled / unit).ok())
        }
        _ => None,
    };
    exact.ok_or_else(|| Arguments::wrong(name, "a whole number from 0 to 18446744073709551615", value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(value: Value) -> Arguments {
        Arguments { named: vec![("p", value)], ..Arguments::default() }
    }

    #[test]
    fn numbers_are_range_checked_by_name() {
        let cases = [
            (Value::Integer(0), Some(0)),
            (Value::Integer(u64::MAX.into()), Some(u64::MAX)),
            (Value::Integer(-1), None),
            (Value::Integer(i128::from(u64::MAX) + 1), None),
            (Value::Decimal { unscaled: 50, scale: 1 }, Some(5)),
            (Value::Decimal { unscaled: 51, scale: 1 }, None),
            (Value::Float(5.0), None),
            (Value::Text("5".into()), None),
        ];
        for (value, expected) in cases {
            let got = arguments(value.clone()).unsigned("p");
            assert_eq!(got.as_ref().ok().copied().flatten(), expected, "{value:?}");
            if let Err(error) = got {
                assert!(error.to_string().starts_with("p must be"), "{error}");
            }
        }
    }

    #[test]
    fn null_is_an_error_and_absence_is_not() {
        assert!(arguments(Value::Null).text("p").is_err());
        assert_eq!(arguments(Value::Null).text("q"), Ok(None));
    }

    #[test]
    fn months_are_not_a_length_of_time() {
        let month = Value::Interval(Interval { months: 1, days: 0, micros: 0 });
        let day = Value::Interval(Interval { months: 0, days: 1, micros: 1 });
        assert!(arguments(month).duration("p").is_err());
        assert_eq!(arguments(day).duration("p"), Ok(Some(Duration::from_micros(86_400_000_001))));
    }
}
