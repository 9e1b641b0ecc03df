//! A configuration as the server's JSON: reading its fields, and the difference from a wanted one. Pure.

use std::time::Duration;

use serde_json::{Map, Value};

use super::super::time::parse_utc;
use crate::error::{Error, Kind, Result};

/// The prefix of metadata that the server adds itself (ADR-44).
const SERVER_METADATA: &str = "_nats.";

/// The fields with pairs of texts of the user; the server adds some of its own.
const METADATA: &str = "metadata";

/// The times in a configuration: where a consumer starts, and until when it pauses.
const TIMES: [&str; 2] = ["opt_start_time", "pause_until"];

/// Values that mean the same as an absent value.
const DEFAULTS: [(&str, &str); 3] = [("compression", "none"), ("persist_mode", "default"), ("priority_policy", "none")];

/// A configuration, or another object of the API.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Config(pub Map<String, Value>);

/// The effect of a call that makes a stream or consumer as wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ensured {
    /// `created`, `updated` or `unchanged`.
    pub action: &'static str,
    /// The fields that were changed; empty unless the action is `updated`.
    pub changed: Vec<String>,
}

impl Config {
    /// The object in `value`; empty when it is not an object.
    pub fn of(value: Option<&Value>) -> Self {
        Self(value.and_then(Value::as_object).cloned().unwrap_or_default())
    }

    /// Sets a field.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.to_owned(), value.into());
        self
    }

    /// Sets a field if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// A text; None when absent or empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.0.get(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
    }

    /// Texts; none when absent.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let items = self.0.get(name).and_then(Value::as_array);
        items.into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// A flag; false when absent.
    pub fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// A count; 0 when absent.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.number(name).unwrap_or(0)
    }

    /// A count; None when absent.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// A limit; None when there is no limit, which the API writes as -1, 0 or nothing.
    #[must_use]
    pub fn limit(&self, name: &str) -> Option<u64> {
        self.number(name).filter(|limit| *limit > 0)
    }

    /// A length of time, which the API counts in nanoseconds; None when absent or 0.
    pub fn span(&self, name: &str) -> Option<Duration> {
        self.limit(name).map(Duration::from_nanos)
    }

    /// A moment in microseconds since 1970 UTC; None when absent or before 1677, as the zero time 0001-01-01 is.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<i64> {
        parse_utc(self.0.get(name)?.as_str()?.as_bytes()).map(|nanos| nanos.div_euclid(1_000))
    }

    /// An object inside; empty when absent.
    #[must_use]
    pub fn object(&self, name: &str) -> Config {
        Self::of(self.0.get(name))
    }

    /// Pairs of texts, without those that the server added.
    #[must_use]
    pub fn pairs(&self, name: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let pairs = self.object(name).0.into_iter().map(|(key, value)| (key, text(&value)));
        pairs.filter(|(key, _)| !key.starts_with(SERVER_METADATA)).collect()
    }

    /// The JSON text.
    #[must_use]
    pub fn json(&self) -> String {
        Value::Object(self.0.clone()).to_string()
    }

    /// The fields of `wanted` that differ here, each as `name is this, wanted that`.
    pub(super) fn differences(&self, wanted: &Config) -> Vec<Difference> {
        let differs = |(name, want): (&String, &Value)| {
            let have = plain(name, self.0.get(name).unwrap_or(&Value::Null));
            let want = plain(name, want);
            (!holds(name, &have, &want)).then(|| Difference { name: name.clone(), have, want })
        };
        wanted.0.iter().filter_map(differs).collect()
    }

    /// This configuration with the fields of `wanted`. Fields that `wanted` does not name stay, also inside of an object; metadata
    /// is replaced, but for that of the server.
    pub(super) fn merged(&self, wanted: &Config) -> Config {
        let mut merged = self.clone();
        for (name, want) in &wanted.0 {
            let mut value = want.clone();
            if let (Value::Object(new), Some(Value::Object(old))) = (&mut value, self.0.get(name)) {
                let stays = |key: &String| name != METADATA || key.starts_with(SERVER_METADATA);
                for (key, value) in old.iter().filter(|(key, _)| stays(key)) {
                    if !new.contains_key(key) {
                        new.insert(key.clone(), value.clone());
                    }
                }
            }
            merged.0.insert(name.clone(), value);
        }
        merged
    }

    /// Fails when the server took another configuration: a server leaves out fields that it does not know.
    pub(super) fn check_took(&self, wanted: &Config) -> Result<()> {
        let ignored: Vec<String> = self.differences(wanted).iter().map(Difference::to_string).collect();
        if ignored.is_empty() {
            return Ok(());
        }
        Err(Error::of(Kind::Unsupported, format!("the server did not take every field: {}", ignored.join("; ")))
            .advice("the server may be too old for it; leave the parameter out, or use a newer server"))
    }
}

/// One field that differs from the wanted value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Difference {
    pub name: String,
    have: Value,
    want: Value,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let shown = |value: &Value| match value {
            Value::Null => "not set".to_owned(),
            Value::String(text) => format!("'{text}'"),
            other => other.to_string(),
        };
        write!(f, "{} is {}, wanted {}", self.name, shown(&self.have), shown(&self.want))
    }
}

/// Whether a value, in the form of [`plain`], is as wanted. Of an object, and of each object in a list, only the wanted members are compared, because
/// the server adds others. Metadata is compared whole.
fn holds(name: &str, have: &Value, want: &Value) -> bool {
    match (have, want) {
        (Value::Object(have), Value::Object(want)) if name != METADATA => want.iter().all(|(key, want)| {
            let have = plain(key, have.get(key).unwrap_or(&Value::Null));
            holds(key, &have, &plain(key, want))
        }),
        (Value::Array(have), Value::Array(want)) => {
            have.len() == want.len() && want.iter().all(|want| have.iter().any(|have| holds(name, have, want)))
        }
        (have, want) => have == want,
    }
}

/// A value in a form in which equal settings are equal values: a value that stands for "not set" is null, lists of subjects are
/// sorted, metadata of the server is left out.
fn plain(name: &str, value: &Value) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Number(number) if matches!(number.as_i64(), Some(0 | -1)) => Value::Null,
        // The server writes a time without the zeros of its fraction.
        Value::String(text) if TIMES.contains(&name) => parse_utc(text.as_bytes()).map_or(Value::Null, Value::from),
        Value::String(text) if text.is_empty() || DEFAULTS.contains(&(name, text)) => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        Value::Array(items) => {
            let mut items = items.clone();
            items.sort_by_key(ToString::to_string);
            Value::Array(items)
        }
        Value::Object(members) => {
            let mut members = members.clone();
            members.retain(|key, _| !key.starts_with(SERVER_METADATA));
            if members.is_empty() { Value::Null } else { Value::Object(members) }
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn config(value: Value) -> Config {
        Config::of(Some(&value))
    }

    #[test]
    fn what_stands_for_nothing_is_equal() {
        let have = config(json!({"max_msgs": -1, "subjects": ["b", "a"], "metadata": {"_nats.level": "1"}}));
        let same = json!({"max_msgs": 0, "max_age": 0, "sealed": false, "subjects": ["a", "b"], "metadata": {}});
        assert_eq!(have.differences(&config(same)), []);
    }

    #[test]
    fn a_difference_is_said() {
        let have = config(json!({"storage": "file", "max_age": 5}));
        let differences = have.differences(&config(json!({"storage": "memory", "max_age": 5, "allow_atomic": true})));
        let texts: Vec<String> = differences.iter().map(Difference::to_string).collect();
        assert_eq!(texts, ["allow_atomic is not set, wanted true", "storage is 'file', wanted 'memory'"]);
    }

    #[test]
    fn an_update_keeps_what_it_does_not_name() {
        let have = config(json!({"new_thing": 1, "metadata": {"_nats.level": "1", "a": "x"}}));
        let merged = have.merged(&config(json!({"metadata": {"b": "y"}})));
        assert_eq!(merged, config(json!({"new_thing": 1, "metadata": {"_nats.level": "1", "b": "y"}})));
        let have = config(json!({"placement": {"cluster": "A", "tags": ["x"]}}));
        let merged = have.merged(&config(json!({"placement": {"cluster": "B"}})));
        assert_eq!(merged, config(json!({"placement": {"cluster": "B", "tags": ["x"]}})));
    }

    #[test]
    fn what_the_server_adds_inside_is_no_difference() {
        let have = config(json!({
            "sources": [{"name": "B", "external": null}, {"name": "A", "filter_subject": "a.>", "opt_start_seq": 0}],
            "republish": {"src": ">", "dest": "r.>", "headers_only": false}, "priority_policy": "none"
        }));
        let same = json!({
            "sources": [{"name": "A", "filter_subject": "a.>"}, {"name": "B"}], "republish": {"dest": "r.>"},
            "priority_policy": ""
        });
        assert_eq!(have.differences(&config(same)), []);
        let names = |other: Value| -> Vec<String> {
            have.differences(&config(other)).into_iter().map(|difference| difference.name).collect()
        };
        assert_eq!(names(json!({"sources": [{"name": "A"}]})), ["sources"]);
        assert_eq!(names(json!({"sources": [{"name": "A"}, {"name": "C"}]})), ["sources"]);
        assert_eq!(names(json!({"republish": {"dest": "s.>"}})), ["republish"]);
    }
}
