//! The connection options that every function takes, and where they come from.
//!
//! ```text
//! table    what there is: one list with every name of every option
//! sources  parameter > URL > setting > context > environment
//! context  the files of the NATS CLI
//! url      lists of servers, and their userinfo
//! ```

mod context;
mod sources;
mod table;
mod url;

use std::path::PathBuf;
use std::sync::Arc;

pub use table::{PARAMETERS, settings};
pub use url::decode;

use crate::error::{Error, Result};
use crate::ffi::Input;
use crate::jetstream::{
    self, Authentication, ConnectOptions, Connection, NamedFile, Scheme, Secret, ServerUrl, TlsOptions,
};
use crate::value::{Arguments, Value};
use sources::{Found, Rank, Sources};
use table::{CREDS, DOMAIN, NKEY, PASSWORD, TIMEOUT, TLS_CA, TLS_CERT, TLS_FIRST, TLS_KEY, TOKEN, URL, USER};

/// Reads the options of a call. What it leaves out comes from the other sources. Reads a context's file, no other file,
/// and asks no server.
pub fn read(arguments: &Arguments) -> Result<ConnectOptions> {
    read_with(arguments, &|name| std::env::var(name).ok())
}

fn read_with(arguments: &Arguments, environment: &dyn Fn(&str) -> Option<String>) -> Result<ConnectOptions> {
    let sources = Sources::new(arguments, environment)?;
    let (text, name) = match sources.find(URL)? {
        Some(found) => (found.text()?.to_owned(), found.name),
        None => (ConnectOptions::DEFAULT_SERVER.to_owned(), URL.to_owned()),
    };
    let servers = url::read(&text, &name)?;
    let sources = sources.with_userinfo(servers.userinfo);
    let tls = TlsOptions {
        ca: file(&sources, TLS_CA)?,
        cert: file(&sources, TLS_CERT)?,
        key: file(&sources, TLS_KEY)?,
        first: flag(&sources, TLS_FIRST)?,
    };
    check_tls(&tls, &servers.urls)?;
    Ok(ConnectOptions {
        servers: servers.urls,
        authentication: authentication(&sources)?,
        tls,
        domain: domain(&sources)?,
        timeout: timeout(&sources)?,
    })
}

/// Reads the last argument of a scalar function: a URL, a STRUCT (or MAP) of the options, or NULL for the defaults. What
/// it leaves out comes from the other sources, as for [`read`].
pub fn read_input(input: &dyn Input, column: usize, row: usize) -> Result<ConnectOptions> {
    read_value(&input.option(column, row), input.settings())
}

fn read_value(value: &Value, settings: &[(&'static str, Value)]) -> Result<ConnectOptions> {
    let mut arguments = Arguments { settings: settings.to_vec(), ..Arguments::default() };
    match value {
        Value::Null => {}
        Value::Text(_) => arguments.named.push((URL, value.clone())),
        Value::Struct(_) | Value::Map(_) => {
            for (name, member) in members(value)? {
                let known = PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(&name));
                let Some(parameter) = known else {
                    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
                    return Err(Error::new(format!("unknown connection option '{name}'"))
                        .advice(format!("the options are {}", names.join(", "))));
                };
                arguments.named.push((parameter.name, member));
            }
        }
        other => {
            return Err(Error::new(format!(
                "the connection must be a URL or a STRUCT of options, not {}",
                other.kind()
            )));
        }
    }
    read(&arguments)
}

/// The options of a STRUCT; or of a MAP, which is what clients make of some dictionaries.
fn members(value: &Value) -> Result<Vec<(String, Value)>> {
    match value {
        Value::Struct(members) => Ok(members.clone()),
        Value::Map(entries) => entries
            .iter()
            .map(|(key, member)| match key {
                Value::Text(name) => Ok((name.clone(), member.clone())),
                other => Err(Error::new(format!("a connection option must have a name, not {}", other.kind()))),
            })
            .collect(),
        _ => Ok(Vec::new()),
    }
}

/// A connection from the pool.
pub fn open(options: &ConnectOptions) -> Result<Arc<Connection>> {
    jetstream::connect(options)
}

/// The ways to say who one is, in the order in which the NATS CLI takes them from a context that names several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    User,
    Creds,
    NKey,
    Token,
}

const METHODS: [(Method, &str); 4] =
    [(Method::User, USER), (Method::Creds, CREDS), (Method::NKey, NKEY), (Method::Token, TOKEN)];

/// The method of the source that counts most. The options of other methods, said by lesser sources, are left alone: a
/// call with `creds` is not troubled by a `NATS_USER`.
fn authentication(sources: &Sources<'_>) -> Result<Authentication> {
    let mut said: Vec<(Method, Found)> = Vec::new();
    for (method, option) in METHODS {
        said.extend(sources.find(option)?.map(|found| (method, found)));
    }
    let password = sources.find(PASSWORD)?;
    let Some(rank) = said.iter().map(|(_, found)| found.rank).min() else {
        return match password {
            Some(password) => Err(Error::new(format!("{} is given, but no user", password.name))),
            None => Ok(Authentication::None),
        };
    };
    said.retain(|(_, found)| found.rank == rank);
    let (method, found) = match said.as_slice() {
        [_, ..] if rank >= Rank::Context => said.swap_remove(0),
        [_] => said.swap_remove(0),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, found)| found.name.as_str()).collect();
            return Err(Error::new(format!("{} exclude each other: give one of them", names.join(" and "))));
        }
    };
    Ok(match (method, password) {
        (Method::User, Some(password)) => {
            Authentication::Password { user: found.text()?.to_owned(), password: Secret(password.text()?.to_owned()) }
        }
        // As the NATS CLI reads it: "user name or token".
        (Method::User, None) if rank == Rank::Environment => Authentication::Token(Secret(found.text()?.to_owned())),
        (Method::User, None) => {
            return Err(Error::new(format!("{} is given, but no password", found.name))
                .advice("give the password as well; a token goes into token"));
        }
        (Method::Token, _) => Authentication::Token(Secret(found.text()?.to_owned())),
        (Method::Creds, _) => Authentication::Creds(named_file(&found)?),
        (Method::NKey, _) => Authentication::NKey(named_file(&found)?),
    })
}

fn check_tls(tls: &TlsOptions, servers: &[ServerUrl]) -> Result<()> {
    match (&tls.cert, &tls.key) {
        (Some(cert), None) => return Err(Error::new(format!("{} is given, but no {TLS_KEY}", cert.said_by))),
        (None, Some(key)) => return Err(Error::new(format!("{} is given, but no {TLS_CERT}", key.said_by))),
        _ => {}
    }
    let plain = servers.iter().any(|server| server.scheme() == Scheme::Ws);
    if plain && (tls.is_wanted() || servers.iter().any(|server| server.scheme() == Scheme::Wss)) {
        return Err(Error::new("ws:// is not encrypted, and the other options ask for TLS")
            .advice("write wss://, or leave the options of TLS out"));
    }
    Ok(())
}

fn file(sources: &Sources<'_>, option: &str) -> Result<Option<NamedFile>> {
    sources.find(option)?.map(|found| named_file(&found)).transpose()
}

fn named_file(found: &Found) -> Result<NamedFile> {
    let text = found.text()?;
    if text.is_empty() {
        return Err(Error::new(format!("{} is empty; it needs the path of a file", found.name)));
    }
    let home = || std::env::var_os("HOME").map(PathBuf::from);
    let path = match text.strip_prefix("~/").and_then(|rest| home().map(|home| home.join(rest))) {
        Some(path) => path,
        None => PathBuf::from(text),
    };
    Ok(NamedFile { said_by: found.name.clone(), path })
}

fn flag(sources: &Sources<'_>, option: &str) -> Result<bool> {
    match sources.find(option)? {
        None => Ok(false),
        Some(Found { value: Value::Boolean(flag), .. }) => Ok(flag),
        Some(found) => Err(Error::new(format!("{} must be BOOLEAN, not {}", found.name, found.value.kind()))),
    }
}

fn domain(sources: &Sources<'_>) -> Result<Option<String>> {
    let Some(found) = sources.find(DOMAIN)? else { return Ok(None) };
    let domain = found.text()?;
    let wrong = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '.' | '*' | '>');
    if domain.is_empty() || domain.contains(wrong) {
        return Err(Error::new(format!("{}: '{domain}' is not a JetStream domain", found.name))
            .advice("a domain is one token of a subject: not empty, and without white space, '.', '*' and '>'"));
    }
    Ok(Some(domain.to_owned()))
}

fn timeout(sources: &Sources<'_>) -> Result<std::time::Duration> {
    let Some(found) = sources.find(TIMEOUT)? else { return Ok(ConnectOptions::DEFAULT_TIMEOUT) };
    let arguments = Arguments { named: vec![(TIMEOUT, found.value)], ..Arguments::default() };
    let timeout = arguments.duration(TIMEOUT)?.unwrap_or(ConnectOptions::DEFAULT_TIMEOUT);
    if timeout.is_zero() {
        return Err(Error::new("timeout must be longer than zero").advice("write timeout := INTERVAL '5 seconds'"));
    }
    Ok(timeout)
}

#[cfg(test)]
mod tests;
