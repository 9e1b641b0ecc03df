//! Tests: the order of the sources of an option, and that no secret is shown.

use super::*;

const MARKER: &str = "s3cr3t";

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn call(named: &[(&'static str, &str)], settings: &[(&'static str, &str)]) -> Arguments {
    let values = |pairs: &[(&'static str, &str)]| pairs.iter().map(|(name, value)| (*name, text(value))).collect();
    Arguments { named: values(named), settings: values(settings), ..Arguments::default() }
}

/// Reads with an environment of these variables. A configuration folder that does not exist keeps the developer's own
/// contexts out, unless a URL does already.
fn options(
    named: &[(&'static str, &str)],
    settings: &[(&'static str, &str)],
    environment: &[(&str, &str)],
) -> Result<ConnectOptions> {
    let get = |name: &str| environment.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
    let url =
        if named.iter().chain(settings).any(|(name, _)| name.ends_with("url")) { vec![] } else { vec![("url", "h")] };
    read_with(&call(&[named, url.as_slice()].concat(), settings), &get)
}

fn password(user: &str, password: &str) -> Authentication {
    Authentication::Password { user: user.into(), password: Secret(password.into()) }
}

#[test]
fn the_first_source_counts() {
    let environment = [("NATS_URL", "env"), ("NATS_USER", "env"), ("NATS_PASSWORD", "env")];
    let settings = [("nats_url", "u:s@set"), ("nats_user", "set"), ("nats_password", "set")];
    let url = |options: ConnectOptions| options.servers[0].to_string();
    let by_parameter = options(&[("url", "par")], &settings, &environment).unwrap();
    assert_eq!(by_parameter.authentication, password("set", "set"));
    assert_eq!(url(by_parameter), "nats://par");
    let by_setting = options(&[], &settings, &environment).unwrap();
    assert_eq!(by_setting.authentication, password("u", "s"), "the URL counts more than a setting");
    assert_eq!(url(by_setting), "nats://set");
    let named = options(&[("url", "u:p@par"), ("user", "par"), ("password", "par")], &settings, &environment).unwrap();
    assert_eq!(named.authentication, password("par", "par"));
    let by_environment = options(&[("url", "h")], &[], &environment).unwrap();
    assert_eq!(by_environment.authentication, password("env", "env"));
}

#[test]
fn one_method_is_taken_and_two_at_once_are_an_error() {
    let creds = options(&[("creds", "/c")], &[("nats_token", MARKER)], &[("NATS_USER", "u")]).unwrap();
    assert!(matches!(creds.authentication, Authentication::Creds(_)));
    let error = options(&[("creds", "/c"), ("token", MARKER)], &[], &[]).unwrap_err().to_string();
    assert_eq!(error, "creds and token exclude each other: give one of them");
    let error = options(&[("creds", "/c"), ("credentials_file", "/d")], &[], &[]).unwrap_err().to_string();
    assert_eq!(error, "creds and credentials_file are the same option: give one");
    let token = options(&[], &[], &[("NATS_USER", MARKER)]).unwrap();
    assert_eq!(token.authentication, Authentication::Token(Secret(MARKER.into())));
    assert!(options(&[("user", "u")], &[], &[]).is_err());
    assert!(options(&[("password", MARKER)], &[], &[]).is_err());
}

#[test]
fn a_certificate_needs_its_key() {
    let error = options(&[("tls_cert", "/c")], &[], &[]).unwrap_err().to_string();
    assert_eq!(error, "tls_cert is given, but no tls_key");
    let error = options(&[], &[], &[("NATS_KEY", "/k")]).unwrap_err().to_string();
    assert_eq!(error, "NATS_KEY is given, but no tls_cert");
    assert!(options(&[("tls_cert_file", "/c")], &[], &[("NATS_KEY", "/k")]).is_ok());
    assert!(options(&[("url", "ws://h"), ("tls_ca", "/c")], &[], &[]).is_err());
}

#[test]
fn nothing_shows_a_secret() {
    let shown = [
        options(&[("user", "u"), ("password", MARKER)], &[], &[]),
        options(&[("token", MARKER)], &[], &[]),
        options(&[("url", "u:s3cr3t@h")], &[], &[]),
        options(&[], &[("nats_token", MARKER)], &[]),
        options(&[("password", MARKER)], &[], &[]),
        options(&[("token", MARKER), ("nkey", "/k")], &[], &[]),
        options(&[("url", "u:s3cr3t@h,v:s3cr3t@h")], &[], &[]),
        read_value(&Value::Struct(vec![("token".into(), Value::Blob(MARKER.into()))]), &[]),
        read_value(&Value::Struct(vec![("url".into(), text("h")), ("password".into(), Value::Integer(53))]), &[]),
    ];
    for outcome in shown {
        let text = format!("{outcome:?} {}", outcome.as_ref().err().map(ToString::to_string).unwrap_or_default());
        assert!(!text.contains(MARKER) && !text.contains("53"), "{text}");
    }
}

#[test]
fn a_struct_takes_every_name() {
    let members = [("URL", "h"), ("credentials_file", "/c")];
    let members = members.iter().map(|(name, value)| ((*name).to_owned(), text(value))).collect();
    let options = read_value(&Value::Struct(members), &[]).unwrap();
    assert!(matches!(options.authentication, Authentication::Creds(file) if file.origin == "credentials_file"));
    let error = read_value(&Value::Struct(vec![("pasword".into(), text(MARKER))]), &[]).unwrap_err().to_string();
    assert!(error.contains("unknown connection option 'pasword'; the options are url, context"), "{error}");
}
