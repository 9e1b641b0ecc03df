//! A parameter that takes one of some words.

use crate::error::{Error, Result};
use crate::value::Arguments;

/// One of some words, in any case; an unknown one is an error that lists them.
///
/// # Errors
/// The argument is no text, or none of the words.
pub fn choice<T: Copy>(arguments: &Arguments, name: &str, choices: &[(&str, T)]) -> Result<Option<T>> {
    let Some(word) = arguments.text(name)? else { return Ok(None) };
    let found = choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let words: Vec<String> = choices.iter().map(|(known, _)| format!("'{known}'")).collect();
        Error::new(format!("{name} is '{word}'; it must be one of {}", words.join(", ")))
    })
}
