//! Payloads of some hundred bytes that announce huge sizes: reading one never allocates the announced size.
//!
//! A test binary of its own with one test, because the allocator counts for the whole process.

// All of this file is a test.
#![allow(clippy::unwrap_used)]

use nats_js::codec::inflate::{Compression, Inflate};
use nats_js::codec::path::{Path, Wanted};
use nats_js::codec::protobuf::SchemaSource;
use nats_js::codec::{Codec, avro, cbor, json, msgpack, protobuf};
use nats_js::column::{Buffer, Type};
use nats_js::record::{Headers, Record};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The memory in bytes that reading a payload may allocate: a fixed part, and a part for each byte of the payload.
const MOST: usize = 256 << 10;
const MOST_A_BYTE: usize = 256;
/// The memory that inflating may allocate: a decoder's window of 8 MiB and its tables (RFC 8878), and twice the limit of the output.
const MOST_INFLATING: usize = 20 << 20;
const LIMIT: usize = 1 << 20;

fn peak_of(work: impl FnOnce()) -> usize {
    let before = MEMORY.current_usage();
    MEMORY.reset_peak_usage();
    work();
    MEMORY.peak_usage().saturating_sub(before)
}

/// A format's name, its codecs, and payloads that announce huge sizes in this format.
type Format = (&'static str, Vec<Box<dyn Codec>>, &'static [&'static [u8]]);

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("test/corpus").join(name);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// The corpus, the payloads of each format that announce huge sizes, and both with lengths of every kind inserted at random.
fn payloads(format: &str, boasts: &[&[u8]], cases: usize) -> Vec<Vec<u8>> {
    let mut random = Random(14);
    let mut payloads = corpus(format);
    payloads.extend(boasts.iter().map(|boast| boast.to_vec()));
    let whole = payloads.len();
    let lengths: [&[u8]; 10] = [
        &[0xff; 4],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xdd, 0x7f, 0xff, 0xff, 0xff],
        &[0xdf, 0xff, 0xff, 0xff, 0xff],
        &[0xc6, 0xff, 0xff, 0xff, 0xff],
        &[0x9b, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[0x5b, 0, 0, 0, 1, 0, 0, 0, 0],
        &[0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1],
        &[0xfe, 0xff, 0xff, 0xff, 0x0f],
        &[0x80, 0x80, 0x80, 0x80, 0x10],
    ];
    for _ in 0..cases {
        let mut payload = payloads[random.below(whole)].clone();
        for _ in 0..=random.below(2) {
            let (at, length) = (random.below(payload.len() + 1), lengths[random.below(lengths.len())]);
            let end = (at + random.below(2) * length.len()).min(payload.len());
            payload.splice(at..end, length.iter().copied());
        }
        payloads.push(payload);
    }
    payloads
}

fn decode(codec: &dyn Codec, payload: &[u8]) {
    let all: Vec<usize> = (0..codec.columns().len()).collect();
    let mut out: Vec<Buffer> = codec.columns().iter().map(|column| Buffer::new(&column.ty)).collect();
    let _ = codec.decoder(&all).decode(payload, &mut out);
}

fn check(what: &str, payload: &[u8], most: usize, work: impl FnOnce()) {
    let taken = peak_of(work);
    assert!(taken <= most, "{what}: {taken} bytes for {} of {payload:x?}", payload.len());
}

#[test]
fn no_payload_takes_memory_for_what_it_says() {
    let cases = std::env::var("NATS_JS_FUZZ_CASES").map_or(2000, |cases| cases.parse().unwrap());
    // The measurement itself is checked: it sees an allocation.
    assert!(peak_of(|| drop(vec![1_u8; MOST])) >= MOST);
    let schema = || avro::Schema::parse(include_str!("../test/corpus/avro.avsc")).unwrap();
    let source = SchemaSource {
        proto_file: Some(format!("{}/test/protobuf/everything.proto", env!("CARGO_MANIFEST_DIR"))),
        proto_message: Some("Everything".to_owned()),
        ..SchemaSource::default()
    };
    let wanted = |path: &str, ty: Type| -> Wanted { vec![(Path::parse(path).unwrap(), ty)].into() };
    let nested = || Type::list(Type::list(Type::Json));
    let formats: Vec<Format> = vec![
        (
            "json",
            vec![json::columns(wanted("v", Type::Json)).unwrap(), json::columns(wanted("v", nested())).unwrap()],
            &[b"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["],
        ),
        (
            "msgpack",
            vec![
                msgpack::columns(wanted("v", Type::Json)).unwrap(),
                msgpack::columns(wanted("v", nested())).unwrap(),
                msgpack::columns(wanted("$", Type::Json)).unwrap(),
            ],
            &[
                b"\x81\xa1v\xdd\xff\xff\xff\xff",
                b"\x81\xa1v\xdf\xff\xff\xff\xff",
                b"\x81\xa1v\xc6\xff\xff\xff\xff",
                b"\xdf\xff\xff\xff\xff",
                b"\x81\xa1v\xc9\xff\xff\xff\xff\x01",
            ],
        ),
        (
            "cbor",
            vec![
                cbor::columns(wanted("v", Type::Json)).unwrap(),
                cbor::columns(wanted("v", nested())).unwrap(),
                cbor::columns(wanted("$", Type::Json)).unwrap(),
            ],
            &[
                b"\xa1av\x9b\x00\x00\x00\x7f\xff\xff\xff\xff",
                b"\xa1av\xbb\x00\x00\x00\x7f\xff\xff\xff\xff",
                b"\xa1av\x5b\x00\x00\x00\x7f\xff\xff\xff\xff",
                b"\xa1av\x7b\x7f\xff\xff\xff\xff\xff\xff\xff",
            ],
        ),
        (
            "avro",
            vec![
                avro::columns(Some(schema()), LIMIT, wanted("v", Type::Json)).unwrap(),
                avro::columns(Some(schema()), LIMIT, wanted("$", Type::Json)).unwrap(),
            ],
            &[
                b"\x06\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
                b"\x04\xfe\xff\xff\xff\x0f",
                b"\x08\xfe\xff\xff\xff\x0f\x00",
            ],
        ),
        (
            "protobuf",
            vec![
                protobuf::all(&source, vec![]).unwrap(),
                protobuf::columns(&source, wanted("r_int32", Type::list(Type::Integer))).unwrap(),
            ],
            &[b"\xf2\x01\xff\xff\xff\xff\x0f\x01", b"\x7a\xff\xff\xff\xff\x07"],
        ),
    ];
    for (name, codecs, boasts) in formats {
        for payload in payloads(name, boasts, cases) {
            for codec in &codecs {
                check(name, &payload, MOST + MOST_A_BYTE * payload.len(), || decode(&**codec, &payload));
            }
        }
    }
    for payload in payloads(
        "compressed",
        &[b"\xff\xff\xff\xff\x0fx", b"\x28\xb5\x2f\xfd\xe0\xff\xff\xff\xff\xff\xff\xff\xff"],
        cases / 4,
    ) {
        let record = Record {
            subject: "s".into(),
            sequence: 1,
            time_ns: 0,
            headers: Headers::default(),
            payload: payload.clone().into(),
            part: None,
        };
        for (name, compression) in Compression::CHOICES {
            let inflate = Inflate { compression: *compression, limit: LIMIT };
            check(name, &payload, MOST_INFLATING, || drop(inflate.payload(&record)));
        }
    }
}
