//! The documentation of a public function that can fail has a section on its errors.
//!
//! Clippy's `missing_errors_doc` checks only exported functions, and `functions` exports none. So this test reads its files.

use std::fs;

use super::{files, root};

/// The rooms whose public functions are checked here.
const ROOMS: [&str; 1] = ["functions"];
/// The largest number of lines of a function's signature.
const LINES: usize = 15;

/// The public functions of a file that return a Result and have no section "Errors" in their documentation.
fn undocumented(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let public = |line: &str| line.starts_with("pub fn ") || line.starts_with("pub async fn ");
    let fails = |at: usize| {
        let signature: Vec<&str> = lines[at..].iter().take(LINES).copied().collect();
        let signature = signature.join(" ");
        let head = signature.split(" {").next().unwrap_or_default();
        head.contains("-> Result<") || head.contains("-> std::result::Result<")
    };
    let documented = |at: usize| {
        let above = lines[..at].iter().rev();
        above
            .take_while(|line| line.starts_with("///") || line.starts_with("#["))
            .any(|line| line.ends_with("# Errors"))
    };
    let found = lines.iter().enumerate().filter(|(at, line)| public(line) && fails(*at) && !documented(*at));
    found.map(|(_, line)| (*line).to_owned()).collect()
}

#[test]
fn every_public_function_that_can_fail_tells_when() {
    let mut missing = Vec::new();
    for room in ROOMS {
        let mut paths = Vec::new();
        files(&root().join("src").join(room), &["rs"], &mut paths);
        assert!(paths.len() > 50, "the files of {room} are not where they are looked for");
        for path in paths {
            let found = undocumented(&fs::read_to_string(&path).unwrap());
            missing.extend(found.into_iter().map(|line| format!("{}: {line}", path.display())));
        }
    }
    assert_eq!(missing, [""; 0], "a section \"# Errors\" is missing");
}

#[test]
fn the_reader_of_signatures_sees_what_can_fail() {
    let text = "/// Reads.\npub fn a(\n    x: u8,\n) -> Result<()> {\n}\n/// Reads.\n///\n/// # Errors\n/// None.\n#[must_use]\npub fn b() -> Result<()> {\n}\n\
                pub fn c() -> u8 {\n    let d = || -> Result<()> { x };\n}\nfn e() -> Result<()> {\n}\n\
                /// # Errors\npub fn f() {}\npub async fn g() -> std::result::Result<(), ()> {";
    assert_eq!(undocumented(text), ["pub fn a(", "pub async fn g() -> std::result::Result<(), ()> {"]);
}
