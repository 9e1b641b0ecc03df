//! Helpers of property tests: how many cases they run, and the corpus that they begin with.
//!
//! `cargo test` runs [`CASES`] cases of each property, the same in every run. `make fuzz` sets [`VARIABLE`] to more of them, which
//! are others each time; a case that fails is written into `proptest-regressions/`, from where every later run takes it first.
//!
//! A corpus is a folder of `test/corpus/` with one input a file, mostly as other implementations write it
//! (`test/corpus/README.md`). Properties of bytes run on each file as it is, and on files with bytes changed, lost, doubled and put in.

mod numbers;

pub use numbers::Numbers;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed};

/// How many cases of each property `cargo test` runs.
const CASES: u32 = 256;
/// The environment variable with the number of cases of `make fuzz`.
const VARIABLE: &str = "NATS_JS_FUZZ_CASES";

/// How the cases of a property are made.
pub fn cases() -> Config {
    match std::env::var(VARIABLE) {
        Ok(count) => Config { cases: count.parse().expect(VARIABLE), rng_seed: RngSeed::Random, ..Config::default() },
        Err(_) => Config { cases: CASES, rng_seed: RngSeed::Fixed(14), ..Config::default() },
    }
}

/// The inputs of a corpus, in the order of their names; there is at least one.
pub fn corpus(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("test/corpus").join(name);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty(), "{} is empty", folder.display());
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

/// One change of some bytes; places are drawn for whatever length they have by then.
#[derive(Debug, Clone)]
enum Edit {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, u8),
    Remove(Index),
    Cut(Index),
    /// A part is written once more, somewhere else.
    Repeat {
        from: Index,
        length: usize,
        to: Index,
    },
    /// A part of another input of the corpus.
    Graft {
        from: Index,
        length: usize,
        to: Index,
    },
}

fn edit(telling: &'static [u8]) -> impl Strategy<Value = Edit> {
    let place = any::<Index>;
    let byte = || prop_oneof![3 => prop::sample::select(telling), 1 => any::<u8>()];
    prop_oneof![
        (place(), 0..8_u8).prop_map(|(at, bit)| Edit::Flip(at, bit)),
        (place(), byte()).prop_map(|(at, byte)| Edit::Set(at, byte)),
        (place(), byte()).prop_map(|(at, byte)| Edit::Insert(at, byte)),
        place().prop_map(Edit::Remove),
        place().prop_map(Edit::Cut),
        (place(), 1..40_usize, place()).prop_map(|(from, length, to)| Edit::Repeat { from, length, to }),
        (place(), 1..40_usize, place()).prop_map(|(from, length, to)| Edit::Graft { from, length, to }),
    ]
}

fn apply(edit: &Edit, bytes: &mut Vec<u8>, other: &[u8]) {
    let part = |bytes: &[u8], from: &Index, length: usize| {
        let from = from.index(bytes.len() + 1);
        bytes[from..(from + length).min(bytes.len())].to_vec()
    };
    let end = bytes.len() + 1;
    match edit {
        Edit::Insert(at, byte) => bytes.insert(at.index(end), *byte),
        Edit::Repeat { from, length, to } => {
            let (part, to) = (part(bytes, from, *length), to.index(end));
            bytes.splice(to..to, part);
        }
        Edit::Graft { from, length, to } => {
            let to = to.index(end);
            bytes.splice(to..to, part(other, from, *length));
        }
        _ if bytes.is_empty() => {}
        Edit::Flip(at, bit) => *at.get_mut(bytes) ^= 1 << bit,
        Edit::Set(at, byte) => *at.get_mut(bytes) = *byte,
        Edit::Remove(at) => drop(bytes.remove(at.index(bytes.len()))),
        Edit::Cut(at) => bytes.truncate(at.index(bytes.len())),
    }
}

/// Inputs of a corpus with up to six changes; the bytes that are put in are mostly among `telling`.
pub fn damaged(name: &str, telling: &'static [u8]) -> impl Strategy<Value = Vec<u8>> + use<> {
    let inputs = corpus(name);
    let one = || prop::sample::select(inputs.clone());
    (one(), one(), prop::collection::vec(edit(telling), 0..=6)).prop_map(|(mut bytes, other, edits)| {
        edits.iter().for_each(|edit| apply(edit, &mut bytes, &other));
        bytes
    })
}

/// [`damaged`], of a corpus of texts.
pub fn damaged_text(name: &str, telling: &'static [u8]) -> impl Strategy<Value = String> + use<> {
    damaged(name, telling).prop_map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}
