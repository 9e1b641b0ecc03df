//! The signatures in docs/functions and docs/function_descriptions.csv are made from the registered functions and the
//! catalogue's table, so that page and catalogue cannot differ. A test compares them; `make docs-synopsis` writes them.
//!
//! A page has a block for the functions that its first line names:
//!
//! ```text
//! <!-- signatures: nats_scan nats_url_scan -->
//! ...
//! <!-- end of signatures -->
//! ```

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::documentation::FUNCTIONS;
use super::{connection, payload, register_all};
use crate::error::Result;
use crate::ffi::{CopyFunction, Documentation, FunctionKind, Registrar, ScalarFunction, TableFunction};
use crate::value::{Parameter, ParameterType, Setting};

const BEGIN: &str = "<!-- signatures: ";
const END: &str = "<!-- end of signatures -->";
/// The longest line of a signature that is not a single parameter.
const WIDTH: usize = 130;
/// When this variable is set, the pages are written and not compared.
const WRITE: &str = "NATS_JS_WRITE_SYNOPSIS";

/// How a function is called.
struct Signature {
    kind: FunctionKind,
    name: &'static str,
    /// Of each overload the arguments, each with its type.
    overloads: Vec<Vec<String>>,
    named: Vec<Parameter>,
    returns: String,
}

#[derive(Default)]
struct Collector(RefCell<Vec<Signature>>);

impl Registrar for Collector {
    fn table<T: TableFunction>(&self) -> Result<()> {
        let positional = T::parameters();
        let arguments = positional.iter().map(|parameter| format!("{} {}", parameter.name, type_name(parameter.ty)));
        let (kind, name, named) = (FunctionKind::Table, T::NAME, T::named());
        let signature = Signature { kind, name, overloads: vec![arguments.collect()], named, returns: "rows".into() };
        self.0.borrow_mut().push(signature);
        Ok(())
    }

    fn scalar<F: ScalarFunction>(&self) -> Result<()> {
        let documented = documentation(FunctionKind::Scalar, F::NAME);
        let name = |index: usize| documented.and_then(|function| function.arguments.get(index)).copied();
        let overload = |types: &&[ParameterType]| {
            let named = types.iter().enumerate();
            named.map(|(index, ty)| format!("{} {}", name(index).unwrap_or("argument"), type_name(*ty))).collect()
        };
        self.0.borrow_mut().push(Signature {
            kind: FunctionKind::Scalar,
            name: F::NAME,
            overloads: F::SIGNATURES.iter().map(overload).collect(),
            named: Vec::new(),
            returns: F::returns().to_string(),
        });
        Ok(())
    }

    fn copy<F: CopyFunction>(&self) -> Result<()> {
        Ok(())
    }

    fn settings(&self, _settings: &[Setting]) -> Result<()> {
        Ok(())
    }

    fn replacement(&self, _prefixes: &'static [&'static str], _function: &'static str) -> Result<()> {
        Ok(())
    }
}

fn signatures() -> Vec<Signature> {
    let collector = Collector::default();
    register_all(&collector).unwrap();
    collector.0.into_inner()
}

fn documentation(kind: FunctionKind, name: &str) -> Option<&'static Documentation> {
    FUNCTIONS.iter().find(|function| function.kind == kind && function.name == name)
}

/// The name of a type on a page. Where it is ANY, the function checks the argument itself.
fn type_name(ty: ParameterType) -> &'static str {
    match ty {
        ParameterType::Text => "VARCHAR",
        ParameterType::TextList => "VARCHAR[]",
        ParameterType::TextOrList => "VARCHAR or VARCHAR[]",
        ParameterType::Boolean => "BOOLEAN",
        ParameterType::Interval => "INTERVAL",
        ParameterType::Unsigned => "UBIGINT",
        ParameterType::Moment => "TIMESTAMP",
        ParameterType::Any => "ANY",
    }
}

impl Signature {
    /// The call as text, and what it does.
    fn text(&self) -> String {
        let described = documentation(self.kind, self.name).map_or("", |function| function.description);
        let calls = self.overloads.iter().map(|arguments| self.call(arguments));
        format!("{}    {described}\n", calls.collect::<String>())
    }

    fn call(&self, arguments: &[String]) -> String {
        let mut parts = arguments.to_vec();
        let shared = [("of the payload", payload::PARAMETERS), ("of the connection", connection::PARAMETERS)];
        let whole = |group: &[Parameter]| {
            group.iter().all(|member| self.named.iter().any(|parameter| parameter.name == member.name))
        };
        let groups: Vec<_> = shared.into_iter().filter(|(_, group)| whole(group)).collect();
        let own = self.named.iter().filter(|parameter| {
            groups.iter().all(|(_, group)| group.iter().all(|member| member.name != parameter.name))
        });
        parts.extend(own.map(|parameter| format!("{} := {}", parameter.name, type_name(parameter.ty))));
        parts.extend(groups.iter().map(|(name, _)| format!("parameters {name}")));
        let mut text = format!("{}(", self.name);
        let mut width = text.len();
        for (index, part) in parts.iter().enumerate() {
            if index > 0 {
                text.push(',');
                let wraps = width + part.len() + 2 > WIDTH;
                text.push_str(if wraps { "\n        " } else { " " });
                width = if wraps { 8 } else { width + 2 };
            }
            text.push_str(part);
            width += part.len();
        }
        format!("{text}) -> {}\n", self.returns)
    }
}

/// The page with its block as it should be, and the names of the functions in it.
fn generated(page: &str, signatures: &[Signature]) -> Option<(String, Vec<String>)> {
    let start = page.find(BEGIN)?;
    let end = start + page[start..].find(END)?;
    let line = page[start..].lines().next().unwrap_or_default();
    let names: Vec<String> = line[BEGIN.len()..].trim_end_matches(" -->").split(' ').map(str::to_owned).collect();
    let of = |name: &String| -> String {
        signatures.iter().filter(|signature| signature.name == name).map(Signature::text).collect()
    };
    let block: String = names.iter().map(of).collect();
    Some((format!("{}{line}\n```text\n{block}```\n{}", &page[..start], &page[end..]), names))
}

/// The table that DuckDB's community registry reads: function, description, comment, example.
fn csv() -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let row = |function: &Documentation| {
        let comment = match function.kind {
            FunctionKind::Table => "a table function",
            FunctionKind::Scalar => "a scalar function",
        };
        [function.name, function.description, comment, function.example].map(quoted).join(",") + "\n"
    };
    format!("function,description,comment,example\n{}", FUNCTIONS.iter().map(row).collect::<String>())
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

/// Compares a file with what it should hold, or writes it.
fn settle(file: &Path, expected: &str) {
    if std::env::var_os(WRITE).is_some() {
        fs::write(file, expected).unwrap();
    }
    let found = fs::read_to_string(file).unwrap_or_default();
    assert!(found == expected, "{} is not what the functions say: make docs-synopsis writes it", file.display());
}

#[test]
fn pages_show_the_signatures_that_are_registered() {
    let signatures = signatures();
    let mut shown = BTreeSet::new();
    for entry in fs::read_dir(docs().join("functions")).unwrap() {
        let file = entry.unwrap().path();
        let page = fs::read_to_string(&file).unwrap();
        if let Some((expected, names)) = generated(&page, &signatures) {
            settle(&file, &expected);
            for name in names {
                assert!(shown.insert(name.clone()), "{name} has two pages");
            }
        }
    }
    let registered: BTreeSet<String> = signatures.iter().map(|signature| signature.name.to_owned()).collect();
    assert_eq!(shown, registered);
}

#[test]
fn the_registry_is_told_what_the_catalogue_says() {
    settle(&docs().join("function_descriptions.csv"), &csv());
}

#[test]
fn every_overload_has_names_for_its_arguments() {
    for signature in signatures() {
        assert!(
            signature.overloads.iter().flatten().all(|argument| !argument.starts_with("argument ")),
            "{}",
            signature.name
        );
    }
}
