//! NATS CLI contexts: named connection settings in `$XDG_CONFIG_HOME/nats/context/<name>.json`, and the selected one.
//!
//! Source: the layout is that of the NATS CLI (`natscontext` in github.com/nats-io/jsm.go).

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value as Json;

use super::home;
use super::table::OPTIONS;
use crate::error::{Error, Result};
use crate::value::Value;

/// Fields that do not concern a connection.
const DECORATION: [&str; 2] = ["description", "color_scheme"];

/// Fields that no connection here can have, and what to do instead.
const REFUSED: [(&str, &str); 3] = [
    ("nsc", "name the file that 'nsc generate creds' writes in creds"),
    ("socks_proxy", "name an address that is reached without a proxy"),
    ("jetstream_event_prefix", "import the advisories under their own subjects, $JS.EVENT.>"),
];

/// A context that was read.
pub struct Context {
    /// Its name.
    pub name: String,
    /// The values of the fields that are set, by option name.
    pub values: Vec<(&'static str, Value)>,
}

/// The name of the context that the NATS CLI has selected, if any.
///
/// # Errors
/// The NATS CLI's file of the selection exists and cannot be read.
pub fn selected() -> Result<Option<String>> {
    let Some(folder) = folder() else { return Ok(None) };
    let file = folder.join("context.txt");
    match fs::read_to_string(&file) {
        Ok(name) => Ok(Some(name.trim().to_owned()).filter(|name| !name.is_empty())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::foreign(&format!("cannot read '{}'", file.display()), &error)),
    }
}

/// Reads a context by name. `origin` is the name by which it was given.
///
/// # Errors
/// There is no such context, or its file cannot be read, is no JSON object, or has a field that no connection here can have.
pub fn read(name: &str, origin: &str) -> Result<Context> {
    if name.is_empty() || name.contains("..") || name.contains(['/', '\\', '\0']) {
        return Err(Error::new(format!("{origin}: '{name}' is not the name of a context")));
    }
    let Some(folder) = folder() else {
        return Err(Error::new(format!(
            "{origin}: no configuration folder: neither XDG_CONFIG_HOME nor HOME is set, nor USERPROFILE"
        )));
    };
    let folder = folder.join("context");
    let file = folder.join(format!("{name}.json"));
    let text = fs::read_to_string(&file).map_err(|error| {
        let error = Error::foreign(&format!("{origin}: cannot read context '{name}' in '{}'", file.display()), &error);
        match known(&folder).as_slice() {
            [] => error,
            names => error.advice(format!("the contexts are {}", names.join(", "))),
        }
    })?;
    parse(name, &text).map_err(|cause| Error::new(format!("context '{name}' in '{}' {cause}", file.display())))
}

/// The fields of a context. Errors name fields, never values.
pub(super) fn parse(name: &str, text: &str) -> std::result::Result<Context, String> {
    let json: Json = serde_json::from_str(text)
        .map_err(|error| format!("is not JSON (line {}, column {})", error.line(), error.column()))?;
    let Json::Object(fields) = json else { return Err("is not a JSON object".into()) };
    let mut context = Context { name: name.to_owned(), values: Vec::new() };
    let mut unsupported = Vec::new();
    for (field, value) in fields {
        if is_unset(&value) || DECORATION.contains(&field.as_str()) {
            continue;
        }
        let Some(option) = OPTIONS.iter().find(|option| option.context_field == Some(&field)) else {
            unsupported.push(field);
            continue;
        };
        let value = match value {
            Json::String(text) => Value::Text(text),
            Json::Bool(flag) => Value::Boolean(flag),
            _ => return Err(format!("has a value of the wrong type in the field {field}")),
        };
        context.values.push((option.name, value));
    }
    if !unsupported.is_empty() {
        let (plural, verb) = if unsupported.len() == 1 { ("", "is") } else { ("s", "are") };
        let refused = REFUSED.iter().filter(|(field, _)| unsupported.iter().any(|name| name == field));
        let advice: Vec<String> = refused.map(|(field, advice)| format!("instead of {field}, {advice}")).collect();
        let names = unsupported.join(", ");
        let advice = if advice.is_empty() { String::new() } else { format!("; {}", advice.join("; ")) };
        return Err(format!("sets the field{plural} {names}, which {verb} not supported here{advice}"));
    }
    Ok(context)
}

/// Whether the NATS CLI takes a value as not given: it writes out every field of a context.
fn is_unset(value: &Json) -> bool {
    match value {
        Json::Null | Json::Bool(false) => true,
        Json::String(text) => text.is_empty(),
        Json::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn known(folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned)).collect();
    names.sort();
    names.truncate(10);
    names
}

/// The NATS CLI's folder: `nats` in the user's configuration folder.
fn folder() -> Option<PathBuf> {
    let configuration = std::env::var_os("XDG_CONFIG_HOME").filter(|value| !value.is_empty()).map(PathBuf::from);
    Some(configuration.or_else(|| Some(home::folder()?.join(".config")))?.join("nats"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_options() {
        let text = r#"{"description": "d", "url": "nats://h", "user": "", "password": null, "ca": "/ca.pem",
                       "tls_first": true, "jetstream_domain": "hub", "nsc": "", "color_scheme": "red",
                       "inbox_prefix": "_INBOX_me"}"#;
        let mut values = parse("c", text).ok().unwrap().values;
        values.sort_by_key(|(name, _)| *name);
        let text = |text: &str| Value::Text(text.into());
        let expected = [
            ("domain", text("hub")),
            ("inbox_prefix", text("_INBOX_me")),
            ("tls_ca", text("/ca.pem")),
            ("tls_first", Value::Boolean(true)),
            ("url", text("nats://h")),
        ];
        assert_eq!(values, expected);
    }

    #[test]
    fn errors_name_fields_and_not_values() {
        let cases = [
            (r#"{"nsc": "secret", "socks_proxy": "secret"}"#, "nsc, socks_proxy"),
            (r#"{"windows_cert_store": "secret"}"#, "windows_cert_store, which is not supported"),
            (r#"{"nsc": "secret"}"#, "instead of nsc, name the file that 'nsc generate creds' writes in creds"),
            (r#"{"password": 7}"#, "wrong type in the field password"),
            (r#"{"password": "secret"#, "not JSON (line 1"),
            (r#"["secret"]"#, "not a JSON object"),
        ];
        for (text, expected) in cases {
            let error = parse("c", text).err().unwrap();
            assert!(error.contains(expected) && !error.contains("secret"), "{text}: {error}");
        }
    }

    #[test]
    fn a_name_stays_in_its_folder() {
        for name in ["", "../x", "a/b", "..", "a\\b"] {
            assert!(read(name, "context").is_err(), "{name}");
        }
    }
}
