//! The connection options, in one table: from it come the named parameters, the members of a scalar function's STRUCT,
//! the environment variables, the fields of a NATS CLI context, the settings, and the table in `docs/connections.md`.

use crate::value::{Parameter, ParameterType, Setting};

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
    /// What holds when nobody says anything, as the documentation writes it.
    pub default: &'static str,
    /// What it is, as the documentation and `duckdb_settings()` say it.
    pub doc: &'static str,
}

const fn text(name: &'static str, setting: &'static str, doc: &'static str) -> ConnectionOption {
    ConnectionOption {
        name,
        synonym: None,
        ty: ParameterType::Text,
        environment: None,
        context_field: None,
        setting,
        default: "",
        doc,
    }
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

    const fn of_type(self, ty: ParameterType, default: &'static str) -> Self {
        Self { ty, default, ..self }
    }
}

pub const URL: &str = "url";
pub const CONTEXT: &str = "context";
pub const CREDS: &str = "creds";
pub const NKEY: &str = "nkey";
pub const USER: &str = "user";
pub const PASSWORD: &str = "password";
pub const TOKEN: &str = "token";
pub const TLS_CA: &str = "tls_ca";
pub const TLS_CERT: &str = "tls_cert";
pub const TLS_KEY: &str = "tls_key";
pub const TLS_FIRST: &str = "tls_first";
pub const DOMAIN: &str = "domain";
pub const TIMEOUT: &str = "timeout";

/// Every connection option.
pub const OPTIONS: [ConnectionOption; 13] = [
    text(URL, "nats_url", "NATS server URL or a comma-separated list: nats://, tls://, ws://, wss://")
        .environment("NATS_URL")
        .context_field("url")
        .of_type(ParameterType::Text, "nats://localhost:4222"),
    text(CONTEXT, "nats_context", "Name of a NATS CLI context").environment("NATS_CONTEXT"),
    text(CREDS, "nats_creds", "Path of a NATS credentials file (JWT and seed)")
        .synonym("credentials_file")
        .environment("NATS_CREDS")
        .context_field("creds"),
    text(NKEY, "nats_nkey", "Path of a file with an NKey user seed").environment("NATS_NKEY").context_field("nkey"),
    text(USER, "nats_user", "NATS user name").environment("NATS_USER").context_field("user"),
    text(PASSWORD, "nats_password", "NATS password; readable in this session, nats_creds or nats_context is safer")
        .environment("NATS_PASSWORD")
        .context_field("password"),
    text(TOKEN, "nats_token", "NATS token; readable in this session, nats_creds or nats_context is safer")
        .context_field("token"),
    text(TLS_CA, "nats_tls_ca", "Path of a PEM file with the certificate authorities to trust")
        .synonym("tls_ca_file")
        .environment("NATS_CA")
        .context_field("ca"),
    text(TLS_CERT, "nats_tls_cert", "Path of a PEM file with the client's certificate")
        .synonym("tls_cert_file")
        .environment("NATS_CERT")
        .context_field("cert"),
    text(TLS_KEY, "nats_tls_key", "Path of a PEM file with the key of the client's certificate")
        .synonym("tls_key_file")
        .environment("NATS_KEY")
        .context_field("key"),
    text(TLS_FIRST, "nats_tls_first", "Whether TLS begins before the server's greeting")
        .context_field("tls_first")
        .of_type(ParameterType::Boolean, "false"),
    text(DOMAIN, "nats_domain", "JetStream domain").context_field("jetstream_domain"),
    text(TIMEOUT, "nats_timeout", "Limit on connecting, and on each request").of_type(ParameterType::Interval, "5 s"),
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
        for option in &OPTIONS {
            assert_eq!(option.setting, format!("nats_{}", option.name));
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
