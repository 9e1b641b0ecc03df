//! The connection options that every function takes, and their sources.
//!
//! ```text
//! table    every option: its names, its type, and how its value is put into the options of a connection
//! found    a value and where it was found
//! sources  parameter > URL > setting > context > environment
//! external_access  whether the session may open anything
//! context  the files of the NATS CLI
//! url      lists of servers, and their userinfo
//! ```

mod context;
mod external_access;
mod found;
mod home;
mod sources;
mod table;
mod url;

use std::sync::Arc;

pub use table::{PARAMETERS, settings};
pub use url::{Userinfo, decode, read_userinfo};

use crate::error::{Error, Result};
use crate::ffi::Input;
use crate::jetstream::{self, Authentication, ConnectOptions, Connection, Scheme, Secret};
use crate::value::{Arguments, Value};
use found::{Found, Rank};
use sources::Sources;
use table::{API_PREFIX, CREDS, DOMAIN, NKEY, OPTIONS, PASSWORD, TOKEN, URL, USER, USER_JWT, USER_SEED};

/// Reads the options of a call; options that it leaves out come from the other sources. Reads a context's file, no other file,
/// and asks no server.
///
/// # Errors
/// An option is malformed or contradicts another, the context cannot be read, or the session may open nothing.
pub fn read(arguments: &Arguments) -> Result<ConnectOptions> {
    read_with(arguments, &|name| std::env::var(name).ok())
}

fn read_with(arguments: &Arguments, environment: &dyn Fn(&str) -> Option<String>) -> Result<ConnectOptions> {
    external_access::check(arguments, environment)?;
    let sources = Sources::new(arguments, environment)?;
    let (text, origin) = match sources.find(URL)? {
        Some(found) => (found.text()?.to_owned(), found.origin),
        None => (ConnectOptions::DEFAULT_SERVER.to_owned(), URL.to_owned()),
    };
    let servers = url::read(&text, &origin)?;
    let sources = sources.with_userinfo(servers.userinfo);
    let mut options = ConnectOptions::new(servers.urls);
    for option in &OPTIONS {
        if let Some(set) = option.set
            && let Some(found) = sources.value(option)?
        {
            set(&mut options, &found)?;
        }
    }
    options.api_prefix = api_prefix(&sources)?;
    check_tls(&options)?;
    options.authentication = authentication(&sources)?;
    Ok(options)
}

/// Reads the last argument of a scalar function: a URL, a STRUCT (or MAP) of the options, or NULL for the defaults. What
/// it leaves out comes from the other sources, as for [`read`].
///
/// # Errors
/// As [`read`]; the argument is of another type, or a member is no option.
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

/// The options of a STRUCT, or of a MAP: some clients convert a dictionary to a MAP.
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
///
/// # Errors
/// A file cannot be read, no server answers, or the server does not accept the user.
pub fn open(options: &ConnectOptions) -> Result<Arc<Connection>> {
    jetstream::connect(options)
}

/// The ways to authenticate, in the order in which the NATS CLI takes them from a context that names several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    User,
    Creds,
    NKey,
    Token,
    Jwt,
}

const METHODS: [(Method, &str); 5] = [
    (Method::User, USER),
    (Method::Creds, CREDS),
    (Method::NKey, NKEY),
    (Method::Token, TOKEN),
    (Method::Jwt, USER_JWT),
];

/// The method of the source that goes first. The options of other methods from later sources are ignored: a `NATS_USER` does not disturb a call with
/// `creds`.
fn authentication(sources: &Sources<'_>) -> Result<Authentication> {
    let mut given: Vec<(Method, Found)> = Vec::new();
    for (method, option) in METHODS {
        given.extend(sources.find(option)?.map(|found| (method, found)));
    }
    let (password, seed) = (sources.find(PASSWORD)?, sources.find(USER_SEED)?);
    let Some(rank) = given.iter().map(|(_, found)| found.rank).min() else {
        return match (password, seed) {
            (Some(password), _) => Err(Error::new(format!("{} is given, but no user", password.origin))),
            (None, Some(seed)) => Err(Error::new(format!("{} is given, but no user_jwt", seed.origin))),
            (None, None) => Ok(Authentication::None),
        };
    };
    given.retain(|(_, found)| found.rank == rank);
    let (method, found) = match given.as_slice() {
        [_, ..] if rank >= Rank::Context => given.swap_remove(0),
        [_] => given.swap_remove(0),
        several => {
            let names: Vec<&str> = several.iter().map(|(_, found)| found.origin.as_str()).collect();
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
            return Err(Error::new(format!("{} is given, but no password", found.origin))
                .advice("give the password as well; a token goes into token"));
        }
        (Method::Token, _) => Authentication::Token(Secret(found.text()?.to_owned())),
        (Method::Creds, _) => Authentication::Creds(found.file()?),
        (Method::NKey, _) => Authentication::NKey(found.file()?),
        (Method::Jwt, _) => match seed {
            Some(seed) => Authentication::Jwt {
                origin: found.origin.clone(),
                jwt: Secret(found.text()?.to_owned()),
                seed: Secret(seed.text()?.to_owned()),
            },
            None => {
                return Err(Error::new(format!("{} is given, but no user_seed", found.origin))
                    .advice("a JWT says who the user is, and its seed proves it: give both, or a file in creds"));
            }
        },
    })
}

/// The prefix of the subjects of the JetStream API: that of a domain, or the one by which an account imports them. Where two
/// sources name one each, the source that counts more is taken; both from one source are an error.
fn api_prefix(sources: &Sources<'_>) -> Result<String> {
    Ok(match (sources.find(DOMAIN)?, sources.find(API_PREFIX)?) {
        (Some(domain), Some(prefix)) if domain.rank == prefix.rank => {
            return Err(Error::new(format!("{} and {} exclude each other", domain.origin, prefix.origin))
                .advice("the prefix of a domain is $JS.<domain>.API: give one of them"));
        }
        (Some(domain), prefix) if prefix.as_ref().is_none_or(|prefix| domain.rank < prefix.rank) => {
            format!("$JS.{}.API", domain.domain()?)
        }
        (_, Some(prefix)) => prefix.prefix("$JS.acc.API")?,
        (_, None) => ConnectOptions::DEFAULT_API_PREFIX.to_owned(),
    })
}

fn check_tls(options: &ConnectOptions) -> Result<()> {
    let ConnectOptions { tls, servers, .. } = options;
    match (&tls.cert, &tls.key) {
        (Some(cert), None) => return Err(Error::new(format!("{} is given, but no tls_key", cert.origin))),
        (None, Some(key)) => return Err(Error::new(format!("{} is given, but no tls_cert", key.origin))),
        _ => {}
    }
    let plain = servers.iter().any(|server| server.scheme() == Scheme::Ws);
    if plain && (tls.is_wanted() || servers.iter().any(|server| server.scheme() == Scheme::Wss)) {
        return Err(Error::new("ws:// is not encrypted, and the other options ask for TLS")
            .advice("write wss://, or leave the options of TLS out"));
    }
    Ok(())
}

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
