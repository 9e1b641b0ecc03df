//! The connection parameters that every function takes.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::jetstream::{self, ConnectOptions, Connection};
use crate::value::{Arguments, Parameter, ParameterType, Value};

/// The named parameters.
pub const PARAMETERS: &[Parameter] =
    &[Parameter::new("url", ParameterType::Text), Parameter::new("timeout", ParameterType::Interval)];

/// Reads the parameters; what the call leaves out comes from the environment (`NATS_URL`), then from the defaults.
pub fn read(arguments: &Arguments) -> Result<ConnectOptions> {
    let url = match arguments.text("url")? {
        Some(url) => url.to_owned(),
        None => std::env::var("NATS_URL").unwrap_or_else(|_| ConnectOptions::DEFAULT_SERVER.to_owned()),
    };
    let servers: Vec<String> =
        url.split(',').map(str::trim).filter(|server| !server.is_empty()).map(str::to_owned).collect();
    if servers.is_empty() {
        return Err(Error::new("url is empty").advice("write nats://host:port, or leave it out"));
    }
    let timeout = arguments.duration("timeout")?.unwrap_or(ConnectOptions::DEFAULT_TIMEOUT);
    if timeout.is_zero() {
        return Err(Error::new("timeout must be longer than zero").advice("write timeout := INTERVAL '5 seconds'"));
    }
    Ok(ConnectOptions { servers, timeout })
}

/// Reads the last argument of a scalar function: a URL, a STRUCT of the named parameters, or NULL for the defaults.
pub fn read_value(value: &Value) -> Result<ConnectOptions> {
    let mut arguments = Arguments::default();
    match value {
        Value::Null => {}
        Value::Text(_) => arguments.named.push(("url", value.clone())),
        Value::Struct(members) => {
            for (name, member) in members {
                let known = PARAMETERS.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name));
                let Some(parameter) = known else {
                    let names: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
                    return Err(Error::new(format!("unknown connection option '{name}'"))
                        .advice(format!("the options are {}", names.join(", "))));
                };
                arguments.named.push((parameter.name, member.clone()));
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

/// A connection from the pool.
pub fn open(options: &ConnectOptions) -> Result<Arc<Connection>> {
    jetstream::connect(options)
}
