//! The graph of imports between files, read from the `use` lines and the paths in the code.
//!
//! A name that a module only passes on (`pub use`) leads to the file that has it, so a `mod.rs` that lists names is no part
//! of a circle. Tests are left out: they may name everything.

use std::collections::{BTreeMap, BTreeSet};

use super::Source;

/// A module: its path from the crate's root.
type Module = Vec<String>;

/// The files by name, with the files that each names.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

struct File<'a> {
    path: &'a str,
    module: Module,
    code: String,
    /// The names that the module passes on, with the paths where they are.
    passed_on: BTreeMap<String, Vec<String>>,
}

/// The graph of imports.
pub fn graph(sources: &[Source]) -> Graph {
    let files: Vec<File> = sources.iter().filter(|source| !is_test(&source.path)).map(File::of).collect();
    let modules: BTreeMap<&[String], &File> = files.iter().map(|file| (&file.module[..], file)).collect();
    let named = |file: &File| {
        let targets = file.paths().into_iter().filter_map(|path| resolve(&path, &modules, 0));
        targets.filter(|target| target != file.path).collect()
    };
    files.iter().map(|file| (file.path.to_owned(), named(file))).collect()
}

/// The files of each circle, sorted.
pub fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reached: BTreeMap<&String, BTreeSet<&String>> = graph.keys().map(|file| (file, reach(graph, file))).collect();
    let mut circles: Vec<Vec<String>> = Vec::new();
    for file in graph.keys().filter(|file| reached[file].contains(file)) {
        let circle: Vec<String> =
            reached[file].iter().filter(|other| reached[*other].contains(file)).map(|other| (*other).clone()).collect();
        if !circles.contains(&circle) {
            circles.push(circle);
        }
    }
    circles
}

/// The files that a file leads to, itself among them when it stands in a circle.
fn reach<'a>(graph: &'a Graph, file: &'a String) -> BTreeSet<&'a String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&String> = vec![file];
    while let Some(file) = open.pop() {
        open.extend(graph.get(file).into_iter().flatten().filter(|next| found.insert(*next)));
    }
    found
}

/// Whether a file is a test.
pub fn is_test(path: &str) -> bool {
    path.split('/')
        .any(|part| matches!(part, "tests" | "tests.rs" | "testing" | "testing.rs") || part.ends_with("_tests.rs"))
}

impl<'a> File<'a> {
    fn of(source: &'a Source) -> Self {
        let module = module(&source.path);
        let code = source.code.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default().to_owned();
        let mut passed_on = BTreeMap::new();
        for (is_public, tree) in uses(&code) {
            for mut path in expand(&tree) {
                let name = path.last().cloned().unwrap_or_default();
                // `use x as y` gives the name y.
                if let Some((original, alias)) = name.split_once(" as ") {
                    let last = path.len() - 1;
                    path[last] = original.trim().to_owned();
                    if is_public {
                        passed_on.insert(alias.trim().to_owned(), path);
                    }
                } else if is_public {
                    passed_on.insert(name, path);
                }
            }
        }
        let passed_on = passed_on.into_iter().map(|(name, path)| (name, absolute(&path, &module))).collect();
        Self { path: &source.path, module, code, passed_on }
    }

    /// Every path that the code names, from the crate's root; those that a `pub use` passes on are left out.
    fn paths(&self) -> Vec<Vec<String>> {
        let mut paths = Vec::new();
        let mut rest = self.code.clone();
        for (is_public, tree) in uses(&self.code) {
            rest = rest.replace(&format!("use {tree};"), "");
            if !is_public {
                paths.extend(expand(&tree));
            }
        }
        let children = self.code.lines().filter_map(|line| line.trim().strip_suffix(';')?.split_once("mod "));
        let starts = children.filter(|(before, _)| before.is_empty() || before.starts_with("pub"));
        let starts: Vec<String> = starts.map(|(_, child)| format!("{child}::")).collect();
        for start in ["crate::", "super::", "self::"].into_iter().chain(starts.iter().map(String::as_str)) {
            for (at, _) in rest.match_indices(start) {
                let is_inner =
                    rest[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == ':' || c == '_');
                if !is_inner {
                    let path: String =
                        rest[at..].chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect();
                    paths.push(path.split("::").map(str::to_owned).collect());
                }
            }
        }
        paths.iter().map(|path| absolute(path, &self.module)).collect()
    }
}

/// `codec/json/mod.rs` and `codec/json.rs` are the module `codec::json`.
fn module(path: &str) -> Module {
    let path = path.trim_end_matches(".rs");
    let path = path.strip_suffix("/mod").unwrap_or(path);
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

/// The `use` items with whether they are public.
fn uses(code: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("use ") {
        let before = code[..at].rsplit('\n').next().unwrap_or_default().trim();
        let is_public = before.starts_with("pub");
        if (before.is_empty() || is_public)
            && let Some(end) = code[at..].find(';')
        {
            found.push((is_public, code[at + 4..at + end].to_owned()));
        }
    }
    found
}

/// `a::{b, c::{self, d}}` is `a::b`, `a::c`, `a::c::d`.
fn expand(tree: &str) -> Vec<Vec<String>> {
    let tree = tree.trim();
    let Some((start, rest)) = tree.split_once('{') else {
        return vec![tree.split("::").map(|part| part.trim().to_owned()).filter(|part| part != "self").collect()];
    };
    let start: Vec<String> =
        start.split("::").map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect();
    let inner = &rest[..rest.rfind('}').unwrap_or(rest.len())];
    let (mut depth, mut from, mut found) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = inner[from..at].trim();
                if !part.is_empty() {
                    found.extend(expand(part).into_iter().map(|end| start.iter().cloned().chain(end).collect()));
                }
                from = at + 1;
            }
            _ => {}
        }
    }
    found
}

/// A path from the crate's root. A path that begins with neither `crate`, `super` nor `self` may be that of a child.
fn absolute(path: &[String], module: &[String]) -> Vec<String> {
    let mut base = module.to_vec();
    let mut rest = path;
    match path.first().map(String::as_str) {
        Some("crate") => {
            base.clear();
            rest = &path[1..];
        }
        Some("self") => rest = &path[1..],
        _ => {
            while let Some((first, tail)) = rest.split_first()
                && first == "super"
            {
                base.pop();
                rest = tail;
            }
        }
    }
    base.extend(rest.iter().cloned());
    base
}

/// The file that a path from the crate's root leads to; None for the path of another crate.
fn resolve(path: &[String], modules: &BTreeMap<&[String], &File>, depth: usize) -> Option<String> {
    assert!(depth < 16, "names that are passed on in a circle: {path:?}");
    let longest = (0..=path.len()).rev().find(|length| modules.contains_key(&path[..*length]))?;
    let file = modules[&path[..longest]];
    let Some(name) = path.get(longest) else { return Some(file.path.to_owned()) };
    // A macro is passed on under its own name.
    if let Some(target) = file.passed_on.get(name).filter(|target| target[..] != path[..=longest]) {
        return resolve(target, modules, depth + 1);
    }
    let is_defined = longest > 0 && file.code.contains(&name[..]);
    is_defined.then(|| file.path.to_owned())
}
