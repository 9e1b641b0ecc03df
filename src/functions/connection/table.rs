//! The connection options, in one table: from it come the named parameters, the members of a scalar function's STRUCT,
//! the environment variables, the fields of a NATS CLI context, the settings, and the table in `docs/connections.md`.

use super::found::Found;
use crate::error::Result;
use crate::jetstream::ConnectOptions;
use crate::value::{Parameter, ParameterType, Setting};

/// Puts a value that was found into the options of a connection.
pub type Setter = fn(&mut ConnectOptions, &Found) -> Result<()>;

/// One connection option, under every name that it has.
#[derive(Debug)]
pub struct ConnectionOption {
    /// The named parameter, and the member of a STRUCT.
    pub name: &'static str,
    /// Another name of the parameter, from the extension that this one replaces.
    pub synonym: Option<&'static str>,
    /// Its type.
    pub ty: ParameterType,
    /// The environment variable, as the NATS CLI names it.
    pub environment: Option<&'static str>,
    /// The field of a NATS CLI context.
    pub context_field: Option<&'static str>,
    /// The setting, on hosts of 1.5.6 and later.
    pub setting: &'static str,
    /// The value when no source has one, as the documentation writes it.
    pub default: &'static str,
    /// The description in `duckdb_settings()`.
    pub doc: &'static str,
    /// Puts a value into the options; None for those that are read before, or together with others.
    pub set: Option<Setter>,
}

macro_rules! option {
    ($name:literal, $ty:ident, $doc:literal) => {
        ConnectionOption {
            name: $name,
            synonym: None,
            ty: ParameterType::$ty,
            environment: None,
            context_field: None,
            setting: concat!("nats_", $name),
            default: "",
            doc: $doc,
            set: None,
        }
    };
}

impl ConnectionOption {
    const fn synonym(self, name: &'static str) -> Self {
        Self { synonym: Some(name), ..self }
    }

    const fn environment(self, name: &'static str) -> Self {
        Self { environment: Some(name), ..self }
    }

    const fn context_field(self, name: &'static str) -> Self {
        Self { context_field: Some(name), ..self }
    }

    const fn default(self, default: &'static str) -> Self {
        Self { default, ..self }
    }

    const fn set(self, set: Setter) -> Self {
        Self { set: Some(set), ..self }
    }
}

// The options that other options or sources depend on.
pub const URL: &str = "url";
pub const CONTEXT: &str = "context";
pub const CREDS: &str = "creds";
pub const NKEY: &str = "nkey";
pub const USER: &str = "user";
pub const PASSWORD: &str = "password";
pub const TOKEN: &str = "token";
pub const USER_JWT: &str = "user_jwt";
pub const USER_SEED: &str = "user_seed";
pub const DOMAIN: &str = "domain";
pub const API_PREFIX: &str = "api_prefix";

/// Every connection option.
pub const OPTIONS: [ConnectionOption; 17] = [
    option!("url", Text, "NATS server URL or a comma-separated list: nats://, tls://, ws://, wss://")
        .environment("NATS_URL")
        .context_field("url")
        .default("nats://localhost:4222"),
    option!("context", Text, "Name of a NATS CLI context").environment("NATS_CONTEXT"),
    option!("creds", Text, "Path of a NATS credentials file (JWT and seed)")
        .synonym("credentials_file")
        .environment("NATS_CREDS")
        .context_field("creds"),
    option!("nkey", Text, "Path of a file with an NKey user seed").environment("NATS_NKEY").context_field("nkey"),
    option!("user", Text, "NATS user name").environment("NATS_USER").context_field("user"),
    option!("password", Text, "NATS password; readable in this session, nats_creds or nats_context is safer")
        .environment("NATS_PASSWORD")
        .context_field("password"),
    option!("token", Text, "NATS token; readable in this session, nats_creds or nats_context is safer")
        .context_field("token"),
    option!("user_jwt", Text, "JWT of a NATS user; comes with nats_user_seed; nats_creds or nats_context is safer")
        .context_field("user_jwt"),
    option!("user_seed", Text, "NKey seed of the user of nats_user_jwt; readable in this session, nats_creds is safer")
        .context_field("user_seed"),
    option!("tls_ca", Text, "Path of a PEM file with the certificate authorities to trust")
        .synonym("tls_ca_file")
        .environment("NATS_CA")
        .context_field("ca")
        .set(|options, found| found.file().map(|file| options.tls.ca = Some(file))),
    option!("tls_cert", Text, "Path of a PEM file with the client's certificate")
        .synonym("tls_cert_file")
        .environment("NATS_CERT")
        .context_field("cert")
        .set(|options, found| found.file().map(|file| options.tls.cert = Some(file))),
    option!("tls_key", Text, "Path of a PEM file with the key of the client's certificate")
        .synonym("tls_key_file")
        .environment("NATS_KEY")
        .context_field("key")
        .set(|options, found| found.file().map(|file| options.tls.key = Some(file))),
    option!("tls_first", Boolean, "Whether TLS begins before the server's greeting")
        .context_field("tls_first")
        .default("false")
        .set(|options, found| found.flag().map(|flag| options.tls.first = flag)),
    option!("domain", Text, "JetStream domain").context_field("jetstream_domain"),
    option!(
        "api_prefix",
        Text,
        "What the subjects of JetStream's API begin with, such as $JS.acc.API, as an account imports it"
    )
    .context_field("jetstream_api_prefix")
    .default("$JS.API"),
    option!("inbox_prefix", Text, "What the subjects of replies begin with, such as _INBOX_me")
        .context_field("inbox_prefix")
        .default("_INBOX")
        .set(|options, found| found.prefix("_INBOX_me").map(|prefix| options.inbox_prefix = prefix)),
    option!("timeout", Interval, "Limit on connecting, and on each request")
        .default("5 s")
        .set(|options, found| found.duration("timeout").map(|timeout| options.timeout = timeout)),
];

const fn count() -> usize {
    let (mut count, mut i) = (OPTIONS.len(), 0);
    while i < OPTIONS.len() {
        if OPTIONS[i].synonym.is_some() {
            count += 1;
        }
        i += 1;
    }
    count
}

const fn parameters() -> [Parameter; count()] {
    let mut parameters = [Parameter::new("", ParameterType::Text); count()];
    let (mut next, mut i) = (0, 0);
    while i < OPTIONS.len() {
        let option = &OPTIONS[i];
        parameters[next] = Parameter::new(option.name, option.ty);
        next += 1;
        if let Some(synonym) = option.synonym {
            parameters[next] = Parameter::new(synonym, option.ty);
            next += 1;
        }
        i += 1;
    }
    parameters
}

/// The settings.
pub fn settings() -> Vec<Setting> {
    let doc = |option: &ConnectionOption| match option.default {
        "" => option.doc.to_owned(),
        default => format!("{} (default {default})", option.doc),
    };
    OPTIONS.iter().map(|option| Setting { name: option.setting, ty: option.ty, doc: doc(option) }).collect()
}

/// The named parameters, synonyms included.
pub const PARAMETERS: &[Parameter] = &parameters();

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_name_means_one_thing() {
        let names: HashSet<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
        assert_eq!(names.len(), PARAMETERS.len());
        let settings: HashSet<&str> = OPTIONS.iter().map(|option| option.setting).collect();
        assert_eq!(settings.len(), OPTIONS.len());
        for name in [URL, CONTEXT, CREDS, NKEY, USER, PASSWORD, TOKEN, USER_JWT, USER_SEED, DOMAIN, API_PREFIX] {
            assert!(OPTIONS.iter().any(|option| option.name == name && option.set.is_none()), "{name}");
        }
    }

    /// The rows that `docs/connections.md` must hold.
    fn row(option: &ConnectionOption) -> String {
        let code = |name: Option<&str>| name.map_or("-".to_owned(), |name| format!("`{name}`"));
        let names = match option.synonym {
            Some(synonym) => format!("`{}`, `{synonym}`", option.name),
            None => format!("`{}`", option.name),
        };
        let ty = match option.ty {
            ParameterType::Boolean => "BOOLEAN",
            ParameterType::Interval => "INTERVAL",
            _ => "VARCHAR",
        };
        let default = if option.default.is_empty() { "-" } else { option.default };
        format!(
            "| {names} | {ty} | {} | {} | `{}` | {default} |",
            code(option.environment),
            code(option.context_field),
            option.setting,
        )
    }

    #[test]
    fn the_documentation_has_the_same_table() {
        let page = include_str!("../../../docs/connections.md");
        let missing: Vec<String> = OPTIONS.iter().map(row).filter(|row| !page.contains(row.as_str())).collect();
        assert!(missing.is_empty(), "docs/connections.md lacks:\n{}", missing.join("\n"));
    }
}
