//! The names of the columns that a payload becomes, beside columns that have their names already.

use std::collections::HashSet;

use super::typed::TypedColumn;
use crate::error::{Error, Result};

/// Gives each name that is taken a number, as `read_json` does: the second `a` is `a_1`. Names ignore case, as in SQL;
/// `reserved` are those of columns that are no part of the payload.
pub(super) fn unique(names: Vec<String>, reserved: &[&str]) -> Vec<String> {
    let mut taken: HashSet<String> = reserved.iter().map(|name| name.to_lowercase()).collect();
    // A name that is free is kept, also behind one that gets a number.
    let keeps: Vec<bool> = names.iter().map(|name| taken.insert(name.to_lowercase())).collect();
    let numbered = |(name, keeps): (String, bool)| {
        let mut candidates = (1u64..).map(|number| format!("{name}_{number}"));
        let free = if keeps { None } else { candidates.find(|candidate| taken.insert(candidate.to_lowercase())) };
        free.unwrap_or(name)
    };
    names.into_iter().zip(keeps).map(numbered).collect()
}

/// Checks the names of columns that a statement lists: a number behind a name would not be what it reads.
///
/// # Errors
/// Two columns share a name, or one has the name of a column that is no part of the payload.
pub(super) fn check(columns: &[TypedColumn], reserved: &[&str]) -> Result<()> {
    let mut seen = std::collections::HashMap::new();
    let named = columns.iter().flat_map(|column| {
        let version = column.version.iter().map(move |name| (name.clone(), column));
        std::iter::once((column.name(), column)).chain(version)
    });
    for (name, column) in named {
        let path = &column.path;
        let fault = if let Some(other) = seen.insert(name.to_lowercase(), path) {
            format!("paths '{other}' and '{path}' give the same column name '{name}'")
        } else if reserved.iter().any(|reserved| reserved.eq_ignore_ascii_case(&name)) {
            format!("the column '{name}' of the message has the name that '{path}' gives")
        } else {
            continue;
        };
        let (path, quoted) = (path.to_string().replace('\'', "''"), name.replace('\'', "''"));
        return Err(Error::new(fault).advice(format!(
            "give it another: columns := {{'{quoted}_1': {{'path': '{path}', 'type': '{}'}}}}",
            column.ty
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_taken_gets_a_number() {
        for (names, expected) in [
            (&["a", "b"][..], &["a", "b"][..]),
            (&["a", "A", "a"], &["a", "A_1", "a_2"]),
            (&["subject", "x"], &["subject_1", "x"]),
            (&["Seq", "seq_1", "seq_2"], &["Seq_3", "seq_1", "seq_2"]),
            (&["a", "a", "a_1"], &["a", "a_2", "a_1"]),
        ] {
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(unique(names, &["subject", "seq"]), expected);
        }
    }
}
