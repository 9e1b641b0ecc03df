//! Payloads with bytes changed, lost, doubled and put in. Each is read or refused, a value that is read fits its column, and a decoder reads the next
//! payload as if it had not read the last.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::avro::{self, Schema};
use super::inflate::{Compression, Inflate};
use super::path::{Path, Wanted};
use super::protobuf::{self, SchemaSource};
use super::testing::{decode_one, show};
use super::{Codec, cbor, json, msgpack};
use crate::column::{Buffer, Type};
use crate::record::{Headers, Record};
use crate::testing::{cases, corpus, damaged};

/// The bytes that have a meaning in some format.
const TELLING: &[u8] = b"\"\\{}[]:,0123e.+-tfnu \n\x00\x01\x7f\x80\xff\xc3\xc0\xc1\xca\xcb\xd4\xd6\xdd\xdf\xa1\x5f\x9f\xbf\x1b\x3b\xd8\x0a\x12";

/// The types as which a member is read.
fn types() -> Vec<Type> {
    vec![
        Type::Json,
        Type::Varchar,
        Type::Blob,
        Type::Boolean,
        Type::TinyInt,
        Type::UBigInt,
        Type::HugeInt,
        Type::Double,
        Type::Decimal { width: 18, scale: 2 },
        Type::Timestamp,
        Type::TimestampNs,
        Type::Date,
        Type::Time,
        Type::Interval,
        Type::Uuid,
        Type::list(Type::Integer),
        Type::map(Type::Varchar, Type::Double),
        Type::list(Type::Json),
    ]
}

fn wanted(path: &str, ty: Type) -> Wanted {
    vec![(Path::parse(path).unwrap(), ty)].into()
}

/// The formats of documents, each with its corpus.
fn document_codecs(path: &str, ty: &Type) -> Vec<(&'static str, Box<dyn Codec>)> {
    let schema = Schema::parse(include_str!("../../test/corpus/avro.avsc")).unwrap();
    vec![
        ("json", json::columns(wanted(path, ty.clone())).unwrap()),
        ("json", json::extract(vec![(Path::parse(path).unwrap(), Type::Varchar)].into()).unwrap()),
        ("msgpack", msgpack::columns(wanted(path, ty.clone())).unwrap()),
        ("cbor", cbor::columns(wanted(path, ty.clone())).unwrap()),
        ("avro", avro::columns(Some(schema), 1 << 20, wanted(path, ty.clone())).unwrap()),
    ]
}

/// The codecs of a protobuf message: its fields, typed, and some of them by themselves. Its schema is compiled once.
static PROTOBUF: LazyLock<Vec<Box<dyn Codec>>> = LazyLock::new(|| {
    let source = |message: &str| SchemaSource {
        proto_file: Some(format!("{}/test/protobuf/everything.proto", env!("CARGO_MANIFEST_DIR"))),
        proto_message: Some(message.to_owned()),
        ..SchemaSource::default()
    };
    let one = |path: &str| protobuf::columns(&source("Everything"), wanted(path, Type::Json)).unwrap();
    vec![protobuf::all(&source("Everything"), vec![]).unwrap(), one("tree"), one("value"), one("m_uint64"), one("r_at")]
});

/// An error is short, whatever the payload is.
const LONGEST_ERROR: usize = 600;

fn check(codec: &dyn Codec, payload: &[u8]) -> Result<(), TestCaseError> {
    match decode_one(codec, payload) {
        Err(error) => prop_assert!(error.to_string().len() <= LONGEST_ERROR, "{error}"),
        Ok(row) => {
            for (shown, column) in row.iter().zip(codec.columns()) {
                if column.ty == Type::Json && shown != "NULL" {
                    prop_assert!(serde_json::from_str::<serde::de::IgnoredAny>(shown).is_ok(), "{shown}");
                }
            }
        }
    }
    Ok(())
}

/// The values of one decoder over several payloads; a payload that fails leaves no value.
fn rows(codec: &dyn Codec, payloads: &[Vec<u8>]) -> Vec<Option<Vec<String>>> {
    let all: Vec<usize> = (0..codec.columns().len()).collect();
    let mut out: Vec<Buffer> = codec.columns().iter().map(|column| Buffer::new(&column.ty)).collect();
    let mut decoder = codec.decoder(&all);
    let mut rows = 0;
    payloads
        .iter()
        .map(|payload| {
            if decoder.decode(payload, &mut out).is_err() {
                out.iter_mut().for_each(|buffer| buffer.truncate(rows));
                return None;
            }
            rows += 1;
            Some(out.iter().zip(codec.columns()).map(|(buffer, column)| show(buffer, &column.ty, rows - 1)).collect())
        })
        .collect()
}

/// `fresh` makes a codec that has read nothing; it is None where making one takes too long.
fn check_history(
    codec: &dyn Codec,
    fresh: Option<&dyn Fn() -> Box<dyn Codec>>,
    payloads: &[Vec<u8>],
) -> Result<(), TestCaseError> {
    let alone = |payload: &Vec<u8>| match fresh {
        Some(fresh) => decode_one(&*fresh(), payload).ok(),
        None => decode_one(codec, payload).ok(),
    };
    let alone: Vec<_> = payloads.iter().map(alone).collect();
    prop_assert_eq!(rows(codec, payloads), alone);
    Ok(())
}

/// [`check_history`] of every document codec of a path and a type.
fn check_histories<'p>(
    path: &str,
    ty: &Type,
    payloads: impl Fn(&str) -> std::borrow::Cow<'p, [Vec<u8>]>,
) -> Result<(), TestCaseError> {
    for (at, (name, codec)) in document_codecs(path, ty).into_iter().enumerate() {
        let fresh = || document_codecs(path, ty).swap_remove(at).1;
        check_history(&*codec, Some(&fresh), &payloads(name))?;
    }
    Ok(())
}

#[test]
fn the_corpus_is_read_alike_in_any_order() {
    let reversed = |name: &str| corpus(name).into_iter().rev().collect::<Vec<_>>();
    check_histories("$", &Type::Json, |name| corpus(name).into()).unwrap();
    check_histories("$", &Type::Json, |name| reversed(name).into()).unwrap();
}

#[test]
fn the_corpus_is_read_or_refused() {
    let mut read = 0;
    for ty in types() {
        for path in ["v", "$"] {
            for (name, codec) in document_codecs(path, &ty) {
                for payload in corpus(name) {
                    check(&*codec, &payload).unwrap();
                    read += usize::from(decode_one(&*codec, &payload).is_ok());
                }
            }
        }
    }
    for codec in PROTOBUF.iter() {
        for payload in corpus("protobuf") {
            assert_eq!(decode_one(&**codec, &payload).err(), None);
        }
    }
    assert!(read > 300, "{read} were read");
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn damaged_documents_are_read_or_refused(
        json in damaged("json", TELLING), msgpack in damaged("msgpack", TELLING), cbor in damaged("cbor", TELLING), avro in damaged("avro", TELLING),
        ty in prop::sample::select(types()),
    ) {
        for path in ["v", "$", "w.a[1]"] {
            for (name, codec) in document_codecs(path, &ty) {
                let payload = match name { "json" => &json, "msgpack" => &msgpack, "cbor" => &cbor, _ => &avro };
                check(&*codec, payload)?;
            }
        }
        for format in super::FORMATS {
            let payload = match format.name { "json" => &json, "msgpack" => &msgpack, "cbor" => &cbor, _ => &avro };
            if let Some(infer) = format.infer && let Err(error) = infer(&mut [&payload[..]].into_iter()) {
                prop_assert!(error.to_string().len() <= LONGEST_ERROR);
            }
        }
    }

    #[test]
    fn damaged_messages_are_read_or_refused(payloads in prop::collection::vec(damaged("protobuf", TELLING), 1..4)) {
        for codec in PROTOBUF.iter() {
            payloads.iter().try_for_each(|payload| check(&**codec, payload))?;
            check_history(&**codec, None, &payloads)?;
        }
    }

    #[test]
    fn a_decoder_does_not_remember_what_it_read(
        json in prop::collection::vec(damaged("json", TELLING), 2..6), msgpack in prop::collection::vec(damaged("msgpack", TELLING), 2..6),
        cbor in prop::collection::vec(damaged("cbor", TELLING), 2..6), avro in prop::collection::vec(damaged("avro", TELLING), 2..6),
        ty in prop::sample::select(types()),
    ) {
        let of = |name: &str| match name { "json" => &json[..], "msgpack" => &msgpack, "cbor" => &cbor, _ => &avro };
        check_histories("v", &ty, |name| of(name).into())?;
        check_histories("$", &Type::Json, |name| of(name).into())?;
    }

    #[test]
    fn what_inflates_stays_within_its_limit(payload in damaged("compressed", TELLING), limit in 0..4096_usize) {
        let record = |payload: &[u8]| Record {
            subject: "s".into(),
            sequence: 1,
            time_ns: 0,
            headers: Headers::default(),
            payload: payload.to_vec().into(),
            part: None,
        };
        for (_, compression) in Compression::CHOICES {
            if *compression == Compression::None || *compression == Compression::Header { continue }
            let record = record(&payload);
            match (Inflate { compression: *compression, limit }).payload(&record) {
                Ok(inflated) => prop_assert!(inflated.len() <= limit || payload.is_empty(), "{compression:?}: {}", inflated.len()),
                Err(error) => prop_assert!(error.len() <= LONGEST_ERROR, "{error}"),
            }
        }
    }
}
