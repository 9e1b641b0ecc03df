//! The rules between the rooms of src/ (CONTRIBUTING.md), checked in the source text: which rooms may name DuckDB, which may name
//! NATS, where `unsafe` may stand, and that every SQL function is tested and documented.

// All of this file is a test.
#![allow(clippy::unwrap_used)]

mod errors;
mod imports;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms that the code of each room may name with `crate::`. `functions` may name all.
const MAY_NAME: [(&str, &[&str]); 18] = [
    ("calendar.rs", &[]),
    ("codec", &["calendar", "codec", "column", "document", "error", "record"]),
    ("column", &["column"]),
    ("document.rs", &["document"]),
    // The entry stands above everything: it hands the functions to a door of `ffi`.
    ("entry.rs", &["ffi", "functions"]),
    ("error", &[]),
    ("ffi", &["column", "document", "error", "ffi", "interrupt", "log", "predicate", "value"]),
    ("interrupt.rs", &["error"]),
    ("jetstream", &["calendar", "error", "interrupt", "jetstream", "log", "plan", "reads", "record", "stats"]),
    ("log.rs", &[]),
    ("plan", &["error", "plan", "predicate", "record", "value"]),
    ("predicate.rs", &["value"]),
    ("reads.rs", &[]),
    ("record.rs", &[]),
    ("stats.rs", &["error"]),
    ("value.rs", &["column", "error"]),
    ("testing", &["testing"]),
    ("lib.rs", &[]),
];

struct Source {
    /// The path below src/, with `/`.
    path: String,
    /// The text without comments.
    code: String,
}

impl Source {
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default()
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path, extensions: &[&str], found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, extensions, found);
        } else if path.extension().is_some_and(|e| extensions.iter().any(|wanted| e == *wanted)) {
            found.push(path);
        }
    }
}

fn sources() -> Vec<Source> {
    let base = root().join("src");
    let mut found = Vec::new();
    files(&base, &["rs"], &mut found);
    assert!(found.len() > 20, "the sources are not where they are looked for: {}", base.display());
    found
        .iter()
        .map(|path| Source {
            path: path.strip_prefix(&base).unwrap().to_string_lossy().replace('\\', "/"),
            code: without_comments(&fs::read_to_string(path).unwrap()),
        })
        .collect()
}

/// The text without the part of each line behind `//`. (A `//` inside of a string is cut off as well: URLs name no room.)
fn without_comments(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

/// The identifiers that follow `prefix` in the code; with an empty prefix all of them.
fn names<'a>(code: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices(prefix) {
        let rest = &code[at + prefix.len()..];
        let starts = prefix.is_empty() && code[..at].chars().next_back().is_some_and(is_part);
        if !starts {
            found.insert(&rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())]);
        }
    }
    found
}

/// The files whose code has the word, except those in the rooms that may have it.
fn with_word(word: &str, rooms: &[&str]) -> Vec<String> {
    let sources = sources();
    let outside = sources.iter().filter(|source| !rooms.contains(&source.room()));
    outside.filter(|source| names(&source.code, "").contains(word)).map(|source| source.path.clone()).collect()
}

#[test]
fn only_ffi_knows_duckdb() {
    for word in ["libduckdb_sys", "duckdb_neo"] {
        assert_eq!(with_word(word, &["ffi"]), [""; 0], "{word}");
    }
}

#[test]
fn only_ffi_is_unsafe() {
    assert_eq!(with_word("unsafe", &["ffi"]), [""; 0]);
}

#[test]
fn only_jetstream_knows_nats_and_tokio() {
    for word in ["async_nats", "tokio"] {
        assert_eq!(with_word(word, &["jetstream"]), [""; 0], "{word}");
    }
}

#[test]
fn every_room_names_only_what_it_may() {
    let mut wrong = Vec::new();
    for source in sources() {
        let room = source.room();
        if room == "functions" {
            continue;
        }
        let Some((_, allowed)) = MAY_NAME.iter().find(|(name, _)| *name == room) else {
            wrong.push(format!("{}: a room that this test does not know", source.path));
            continue;
        };
        let named = names(&source.code, "crate::");
        wrong.extend(
            named
                .iter()
                // `testing` is there in builds for tests alone, so that nothing else can name it.
                .filter(|name| !(allowed.contains(name) || **name == "testing"))
                .map(|name| format!("{} names crate::{name}", source.path)),
        );
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn nothing_is_decided_by_the_text_of_an_error() {
    let texts = [".cause().contains(", ".cause().starts_with(", ".cause() ==", "error.to_string().contains("];
    let sources = sources();
    let code = |source: &Source| source.code.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
    let decide =
        |source: &&Source| !imports::is_test(&source.path) && texts.iter().any(|text| code(source).contains(text));
    let deciding: Vec<&str> = sources.iter().filter(decide).map(|source| source.path.as_str()).collect();
    assert_eq!(deciding, [""; 0], "an error has a kind to decide by");
}

#[test]
fn no_file_names_one_that_leads_back_to_it() {
    let circles = imports::circles(&imports::graph(&sources()));
    assert!(circles.is_empty(), "files that name each other: {circles:#?}");
}

/// The SQL names of the functions.
fn functions() -> BTreeSet<String> {
    let marker = "NAME: &'static str = \"";
    let mut found = BTreeSet::new();
    for source in sources().iter().filter(|source| source.room() == "functions") {
        for (at, _) in source.code.match_indices(marker) {
            let rest = &source.code[at + marker.len()..];
            found.insert(rest[..rest.find('"').unwrap()].to_owned());
        }
    }
    assert!(found.contains("nats_scan"), "{found:?}");
    found
}

/// The functions that no file with one of the extensions in the folders names.
fn unnamed(folders: &[&str], extensions: &[&str]) -> Vec<String> {
    let mut paths = Vec::new();
    folders.iter().for_each(|folder| files(&root().join(folder), extensions, &mut paths));
    let texts: Vec<String> = paths.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect();
    let named: BTreeSet<&str> = texts.iter().flat_map(|text| names(text, "nats_")).collect();
    functions().into_iter().filter(|name| !named.contains(name.trim_start_matches("nats_"))).collect()
}

#[test]
fn every_function_has_a_test() {
    assert_eq!(unnamed(&["test/sql", "test/integration"], &["test", "py"]), [""; 0]);
}

#[test]
fn every_function_is_documented() {
    assert_eq!(unnamed(&["docs"], &["md"]), [""; 0]);
}

#[test]
fn the_graph_of_imports_finds_a_circle_and_sees_through_names_that_are_passed_on() {
    let source = |path: &str, code: &str| Source { path: path.to_owned(), code: code.to_owned() };
    let sources = [
        source("room/mod.rs", "mod a;\nmod b;\nmod c;\npub use a::{A, Other as Renamed};"),
        source(
            "room/a.rs",
            "use super::b::B;\npub struct A;\npub struct Other;\n#[cfg(test)]\nmod tests {use super::c::C;}",
        ),
        source("room/b.rs", "pub struct B;\nfn f() { super::c::C }"),
        source("room/c.rs", "use bytes::Bytes;\nuse crate::room::{Renamed};\npub struct C;"),
    ];
    let graph = imports::graph(&sources);
    let named = |file: &str| graph[file].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!((named("room/mod.rs"), named("room/a.rs")), (vec![], vec!["room/b.rs"]));
    assert_eq!((named("room/b.rs"), named("room/c.rs")), (vec!["room/c.rs"], vec!["room/a.rs"]));
    assert_eq!(imports::circles(&graph), [["room/a.rs", "room/b.rs", "room/c.rs"]]);
}

#[test]
fn every_function_is_described_for_the_catalogue() {
    let sources = sources();
    let table = sources.iter().find(|source| source.path == "functions/documentation.rs").unwrap();
    let missing: Vec<_> = functions().into_iter().filter(|name| !table.code.contains(&format!("\"{name}\""))).collect();
    assert_eq!(missing, ["nats_js"], "formats of COPY are no functions");
}

#[test]
fn the_reader_of_sources_sees_code_and_not_comments() {
    let code = without_comments("use crate::plan::Window; // unsafe\n/// crate::ffi\nfn unsafer() {}");
    assert_eq!(names(&code, "crate::"), BTreeSet::from(["plan"]));
    assert!(!names(&code, "").contains("unsafe"));
    assert!(names("x(unsafe { y })", "").contains("unsafe"));
}
