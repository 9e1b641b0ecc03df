//! Time to decode 5 of the 12 fields of a JSON document of about 320 bytes: `cargo bench --bench json`.
//!
//! Prints the best of some rounds; see `docs/design/json-parser.md`.

use std::hint::black_box;
use std::time::Instant;

use nats_js::codec::path::Path;
use nats_js::codec::{Codec, json};
use nats_js::column::{Buffer, Type};

const DOCUMENTS: usize = 100_000;
const ROUNDS: usize = 7;

fn document(i: usize) -> String {
    format!(
        r#"{{"device_id":"sensor-{:05}","tenant":"acme-industries","type":"power.reading","at":"2026-11-21T10:{:02}:{:02}.{:03}Z","location":{{"zone":"north-{}","floor":{},"room":"B{}"}},"kw":{}.{:03},"voltage":{}.5,"current":{}.25,"seq":{},"status":"ok","tags":["primary","three-phase","metered"],"firmware":"4.11.{}-rc.1+build.20261101"}}"#,
        i % 5000,
        i / 60 % 60,
        i % 60,
        i % 1000,
        i % 9,
        i % 12,
        i % 300,
        i % 40,
        i % 1000,
        220 + i % 20,
        i % 90,
        i * 7919,
        i % 7
    )
}

fn main() {
    let documents: Vec<String> = (0..DOCUMENTS).map(document).collect();
    let paths = ["device_id", "at", "location.zone", "kw", "seq"];
    let path = |i: usize| Path::parse(paths[i]);
    let types = [Type::Varchar, Type::TimestampTz, Type::Varchar, Type::Double, Type::BigInt];
    let typed = (0..5).map(|i| Ok((path(i)?, types[i].clone()))).collect::<nats_js::error::Result<_>>();
    let extracted = (0..5).map(path).collect::<nats_js::error::Result<_>>();
    for (name, codec) in [
        ("columns", typed.and_then(json::columns)),
        ("json_extract", extracted.and_then(|paths| json::extract(paths, Vec::new()))),
    ] {
        match codec {
            Ok(codec) => measure(name, &*codec, &documents),
            Err(error) => println!("{name}: {error}"),
        }
    }
}

fn measure(name: &str, codec: &dyn Codec, documents: &[String]) {
    let mut best = f64::MAX;
    for _ in 0..ROUNDS {
        let mut out: Vec<Buffer> = codec.columns().iter().map(|column| Buffer::new(&column.ty)).collect();
        let mut decoder = codec.decoder(&[0, 1, 2, 3, 4]);
        let start = Instant::now();
        for document in documents {
            if let Err(error) = decoder.decode(document.as_bytes(), &mut out) {
                println!("{name}: {error}");
                return;
            }
            if out[0].len() == 2048 {
                black_box(&out);
                out.iter_mut().for_each(|buffer| buffer.truncate(0));
            }
        }
        best = best.min(start.elapsed().as_secs_f64());
    }
    let each = best / documents.len() as f64;
    println!("{name}: {:.0} ns a document, {:.2} M documents/s", each * 1e9, 1e-6 / each);
}
