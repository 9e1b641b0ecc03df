//! Time to decode a document into columns, by how much of it is wanted: `cargo bench --bench decode`.
//!
//! The documents are those of the benchmark (`benches/baselines/documents.rs`): twelve members, 335 bytes. Prints the time of the
//! best page of some rounds; a word behind `--` runs the rows that have it in their name. See `docs/design/json-parser.md` and
//! `docs/design/protobuf.md`.

#[path = "baselines/documents.rs"]
mod documents;

use std::hint::black_box;
use std::time::{Duration, Instant};

use documents::Kind;
use nats_js::codec::key::{PartValues, Template};
use nats_js::codec::path::{Path, Wanted};
use nats_js::codec::protobuf::SchemaSource;
use nats_js::codec::{Codec, json, protobuf};
use nats_js::column::{Buffer, Type, Values};
use nats_js::record::Headers;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

const DOCUMENTS: u64 = 20_480;
const BYTES: usize = 335;
const ROUNDS: usize = 25;
/// Rows of a vector of DuckDB.
const ROWS: usize = 2048;

const ONE: &[&str] = &["user_id"];
const FIVE: &[&str] = &["user_id", "device_id", "zone", "position", "started_at"];
const TWELVE: &[&str] = &[
    "event_id",
    "user_id",
    "device_id",
    "zone",
    "event_type",
    "rating_key",
    "title",
    "started_at",
    "position",
    "percent",
    "paused",
    "note",
];
const FIVE_OF_PROTOBUF: &[&str] = &["user_id", "device_id", "zone", "position", "number"];
const KEY: &str = "{user_id}:{rating_key}:{started_at@5m}";

const SCHEMA: &str = r#"syntax = "proto3";
message Event {
  string event_id = 1; int64 user_id = 2; string device_id = 3; string zone = 4; string event_type = 5; string rating_key = 6;
  string title = 7; int64 number = 8; double position = 9; int32 percent = 10; bool paused = 11; string note = 12;
}
"#;

/// A case: its name, the documents, the decoder that reads them, and the key that is made of them, too.
type Case<'a> = (&'a str, &'a [Vec<u8>], Box<dyn Codec>, Option<&'a Template>);

fn main() -> Result<()> {
    let word = std::env::args().skip(1).find(|word| !word.starts_with("--")).unwrap_or_default();
    let ordered = documents(Kind::Json)?;
    let shuffled = documents(Kind::ShuffledJson)?;
    let messages = documents(Kind::Protobuf)?;
    let schema = schema()?;
    let template = Template::parse(KEY)?;
    let texts = |names: &[&str]| names.iter().map(|name| Path::parse(name)).collect::<std::result::Result<Vec<_>, _>>();
    let keyed = |names| Ok::<_, nats_js::error::Error>(Wanted { texts: template.paths().to_vec(), ..wanted(names)? });
    let cases: [Case<'_>; 10] = [
        ("json, 1 of 12", &ordered, json::columns(wanted(ONE)?)?, None),
        ("json, 5 of 12", &ordered, json::columns(wanted(FIVE)?)?, None),
        ("json, 12 of 12", &ordered, json::columns(wanted(TWELVE)?)?, None),
        ("json, 12 of 12, shuffled members", &shuffled, json::columns(wanted(TWELVE)?)?, None),
        ("json, 12 of 12, and a key", &ordered, json::columns(keyed(TWELVE)?)?, Some(&template)),
        ("json, the key alone", &ordered, json::columns(keyed(&[])?)?, Some(&template)),
        (
            "json_extract, 5 of 12",
            &ordered,
            json::extract(texts(FIVE)?.into_iter().map(|path| (path, Type::Varchar)).collect())?,
            None,
        ),
        ("protobuf, 5 of 12", &messages, protobuf::columns(&schema, wanted(FIVE_OF_PROTOBUF)?)?, None),
        ("protobuf, 12 of 12", &messages, protobuf::all(&schema, Vec::new())?, None),
        (
            "protobuf, proto_extract of 5",
            &messages,
            protobuf::extract(&schema, texts(FIVE_OF_PROTOBUF)?, Vec::new())?,
            None,
        ),
    ];
    for (name, documents, codec, template) in cases.iter().filter(|(name, ..)| name.contains(&word)) {
        let nanos = measure(&**codec, documents, *template).map_err(|error| format!("{name}: {error}"))?;
        println!("{name}: {nanos:.0} ns a document");
    }
    Ok(())
}

fn wanted(names: &[&str]) -> nats_js::error::Result<Wanted> {
    let ty = |name: &str| match name {
        "user_id" | "number" => Type::BigInt,
        "started_at" => Type::Timestamp,
        "position" => Type::Double,
        "percent" => Type::Integer,
        "paused" => Type::Boolean,
        _ => Type::Varchar,
    };
    names.iter().map(|name| Ok((Path::parse(name)?, ty(name)))).collect()
}

fn documents(kind: Kind) -> Result<Vec<Vec<u8>>> {
    let document = |i| {
        let mut out = Vec::new();
        kind.write(i, BYTES, &mut out).map(|()| out)
    };
    (1..=DOCUMENTS).map(document).collect()
}

fn schema() -> Result<SchemaSource> {
    let file = std::env::temp_dir().join(format!("nats_js-bench-{}.proto", std::process::id()));
    std::fs::write(&file, SCHEMA)?;
    let proto_file = Some(file.to_string_lossy().into_owned());
    Ok(SchemaSource { proto_file, proto_message: Some("Event".to_owned()), ..SchemaSource::default() })
}

/// Nanoseconds a document, of the fastest page: least disturbed by other work.
fn measure(codec: &dyn Codec, documents: &[Vec<u8>], template: Option<&Template>) -> Result<f64> {
    let all: Vec<usize> = (0..codec.columns().len()).collect();
    let mut best = Duration::MAX;
    let mut key = String::new();
    for page in (0..ROUNDS).flat_map(|_| documents.chunks_exact(ROWS)) {
        let start = Instant::now();
        // As a scan does it: buffers and a decoder for each page.
        let mut out: Vec<Buffer> = codec.columns().iter().map(|column| Buffer::new(&column.ty)).collect();
        let mut decoder = codec.decoder(&all);
        for (row, document) in page.iter().enumerate() {
            decoder.decode(document, &mut out).map_err(|error| error.to_string())?;
            if let Some(template) = template {
                key.clear();
                let texts = out.get(out.len() - template.paths().len()..).unwrap_or_default();
                template.render(&Row { texts, row }, &mut key).map_err(|error| error.to_string())?;
                black_box(&key);
            }
        }
        black_box(&out);
        best = best.min(start.elapsed());
    }
    Ok(best.as_secs_f64() * 1e9 / ROWS as f64)
}

/// The texts of one row's key.
struct Row<'a> {
    texts: &'a [Buffer],
    row: usize,
}

impl PartValues for Row<'_> {
    fn field(&self, index: usize) -> Option<&str> {
        match &self.texts.get(index)?.values {
            Values::Text(values) => std::str::from_utf8(values.get(self.row)).ok(),
            _ => None,
        }
    }

    fn subject(&self) -> Option<&str> {
        None
    }

    fn sequence(&self) -> Option<u64> {
        None
    }

    fn index(&self) -> Option<u64> {
        None
    }

    fn headers(&self) -> Option<&Headers> {
        None
    }
}
