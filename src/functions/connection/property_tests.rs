//! URLs and contexts of every shape: whether one is read or refused, no error and no debug text shows a part of a secret.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::json;

use super::context;
use super::table::OPTIONS;
use super::url::{self, Userinfo};
use crate::ffi::Bound;
use crate::functions::stream_table::StreamTableArguments;
use crate::functions::url_scan::NatsUrlScan;
use crate::jetstream::ServerUrl;
use crate::testing::{cases, corpus, damaged, damaged_text};
use crate::value::{Arguments, Value};

const TELLING: &[u8] = b"nats:/@,?&=#%[]. 0\xc3";

/// A word that is nowhere else, so that each part of a secret is found again.
const WORD: &str = "hUsHhUsH";

/// Passwords that were not percent-encoded: words, and between them characters with a meaning in a URL.
fn password() -> impl Strategy<Value = String> {
    let mark = prop::sample::select(vec![
        "", "@", "/", ":", "?", ",", "#", "%", "&", "[", "]", " ", "%2F", "//", "@@", "?/", "/?", ",/",
    ]);
    vec((mark.clone(), Just(WORD), mark), 1..4)
        .prop_map(|parts| parts.into_iter().map(|(a, word, b)| format!("{a}{word}{b}")).collect())
}

fn servers() -> impl Strategy<Value = String> {
    let scheme = prop::sample::select(vec!["nats://", "tls://", "ws://", "wss://", "", "NATS://", "http://"]);
    let user = prop::sample::select(vec!["u:", "", "u%40:", ":"]);
    let host = prop::sample::select(vec![
        "h",
        "h:4222",
        "[::1]:1",
        "127.0.0.1",
        "h:99999",
        "",
        "h/",
        "h/S",
        "h/S?last_n=1",
        "h/S?nope=1",
    ]);
    let other = prop::sample::select(vec!["", "a:1,", "nats://a,", "nats://u:p@a,"]);
    (other, scheme, user, password(), host)
        .prop_filter("what stands before a ':' is a user's name", |(_, _, user, password, _)| {
            !user.is_empty() || !password.contains(':')
        })
        .prop_map(|(other, scheme, user, password, host)| format!("{other}{scheme}{user}{password}@{host}"))
}

/// Every text that may show a URL.
fn shown(text: &str) -> Vec<String> {
    let mut shown = Vec::new();
    match url::read(text, "url") {
        Ok(servers) => {
            let label = servers.urls.iter().map(ServerUrl::to_string);
            shown.extend(label.chain([format!("{:?}", servers.urls)]));
        }
        Err(error) => shown.extend([error.to_string(), format!("{error:?}")]),
    }
    let arguments = Arguments { positional: vec![("url", Value::Text(text.to_owned()))], ..Arguments::default() };
    if let Err(error) = NatsUrlScan::bind(&arguments).map(|Bound { .. }| ()) {
        shown.extend([error.to_string(), format!("{error:?}")]);
    }
    if let Err(error) = super::read_value(&Value::Text(text.to_owned()), &[]) {
        shown.extend([error.to_string(), format!("{error:?}")]);
    } else {
        shown.push(format!("{:?}", super::read_value(&Value::Text(text.to_owned()), &[])));
    }
    shown
}

#[test]
fn the_corpus_has_servers_and_what_is_none() {
    let texts: Vec<String> = corpus("urls").into_iter().map(|text| String::from_utf8(text).unwrap()).collect();
    let good = texts.iter().filter(|text| url::read(text, "url").is_ok()).count();
    assert!(good > 6 && texts.len() - good > 4, "{good} of {}", texts.len());
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_password_is_never_shown(text in servers()) {
        for shown in shown(&text) {
            prop_assert!(!shown.contains(WORD), "{text}: {shown}");
        }
    }

    #[test]
    fn userinfo_that_is_encoded_comes_back(user in ".{1,20}", password in ".{0,20}", hosts in vec("[a-z]{1,8}(:[1-9][0-9]{0,3})?", 1..4)) {
        let encode = |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
        let one = |host: &String| format!("nats://{}:{}@{host}", encode(&user), encode(&password));
        let list = hosts.iter().map(one).collect::<Vec<_>>().join(",");
        let servers = url::read(&list, "url").map_err(|error| TestCaseError::fail(error.to_string()))?;
        let expected = Some(Userinfo::Password { user: user.clone(), password: password.clone() });
        prop_assert!(servers.userinfo == expected);
        let shown: Vec<String> = servers.urls.iter().map(ServerUrl::to_string).collect();
        prop_assert_eq!(shown, hosts.iter().map(|host| format!("nats://{host}")).collect::<Vec<_>>());
        let token = url::read(&format!("{}@h", encode(&user)), "url").map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert!(token.userinfo == Some(Userinfo::Token(user)));
    }

    #[test]
    fn what_a_list_shows_is_a_list_of_the_same_servers(text in damaged_text("urls", TELLING)) {
        let Ok(servers) = url::read(&text, "url") else { return Ok(()) };
        let shown: Vec<String> = servers.urls.iter().map(ServerUrl::to_string).collect();
        prop_assert!(!shown.is_empty() && shown.iter().all(|url| !url.contains('@')), "{text}: {shown:?}");
        // One slash at the end of a path has no meaning and is left out, also from the shown text.
        if shown.iter().any(|url| url.ends_with('/')) {
            return Ok(());
        }
        let again = url::read(&shown.join(","), "url");
        prop_assert!(again.is_ok_and(|again| again.userinfo.is_none() && again.urls == servers.urls), "{text}: {shown:?}");
    }

    #[test]
    fn a_context_shows_no_value(text in damaged("contexts", b"\"\\{}[]:,0tfn \n\xff")) {
        let text = String::from_utf8_lossy(&text);
        // Where the damage has made the secret the name of a field, it is no secret any more.
        let named = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text)
            .is_ok_and(|fields| fields.keys().any(|name| name.contains("s3cr3t")));
        if let Err(error) = context::parse("c", &text) {
            prop_assert!(named || !error.contains("s3cr3t"), "{text}: {error}");
        }
    }

    #[test]
    fn the_fields_of_a_context_become_the_options_of_the_same_names(values in vec(prop_oneof![
        ".{0,12}".prop_map(|text| json!(text)), any::<bool>().prop_map(|flag| json!(flag)), Just(json!(null))], OPTIONS.len()))
    {
        let given = || OPTIONS.iter().zip(&values).filter_map(|(option, value)| Some((option, option.context_field?, value)));
        let file: serde_json::Map<String, serde_json::Value> =
            given().map(|(_, field, value)| (field.to_owned(), value.clone())).collect();
        let mut read = context::parse("c", &serde_json::to_string(&file).unwrap()).map_err(TestCaseError::fail)?.values;
        let mut expected: Vec<(&str, Value)> = given().filter_map(|(option, _, value)| match value {
            serde_json::Value::String(text) if !text.is_empty() => Some((option.name, Value::Text(text.clone()))),
            serde_json::Value::Bool(true) => Some((option.name, Value::Boolean(true))),
            _ => None,
        }).collect();
        read.sort_by_key(|(name, _)| *name);
        expected.sort_by_key(|(name, _)| *name);
        prop_assert_eq!(read, expected);
    }
}
