//! `columns := {path: type}`, as a STRUCT or a MAP, or `'auto'`.

use crate::codec::path::Path;
use crate::column::Type;
use crate::error::{Error, Result};
use crate::ffi::parse_types;
use crate::value::{Arguments, Value};

/// The columns that a statement asks for.
pub(super) enum Asked {
    /// These paths with these types.
    Typed(Vec<(Path, Type)>),
    /// Those of a sample of the payloads.
    Auto,
}

/// Reads `columns`.
pub(super) fn read(arguments: &Arguments) -> Result<Option<Asked>> {
    let entries: Vec<(&str, &Value)> = match arguments.find("columns") {
        None => return Ok(None),
        Some(Value::Text(word)) if word.eq_ignore_ascii_case("auto") => return Ok(Some(Asked::Auto)),
        Some(Value::Struct(members)) => members.iter().map(|(name, ty)| (name.as_str(), ty)).collect(),
        Some(Value::Map(entries)) => entries.iter().map(|(path, ty)| entry_of(path, ty)).collect::<Result<_>>()?,
        Some(other) => {
            let wrong =
                format!("columns must be a STRUCT or a MAP of paths and types, or 'auto', not {}", other.kind());
            return Err(Error::new(wrong).advice("write columns := {'user_id': 'BIGINT', 'location.zone': 'VARCHAR'}"));
        }
    };
    if entries.is_empty() {
        return Err(Error::new("columns names no column"));
    }
    let mut paths = Vec::with_capacity(entries.len());
    let mut texts = Vec::with_capacity(entries.len());
    for (path, ty) in entries {
        let Value::Text(ty) = ty else {
            return Err(Error::new(format!("columns: the type of '{path}' must be VARCHAR, not {}", ty.kind())));
        };
        paths.push(Path::parse(path)?);
        texts.push(ty.as_str());
    }
    let types = parse_types(&texts).map_err(|error| Error::new(format!("columns: {error}")))?;
    Ok(Some(Asked::Typed(paths.into_iter().zip(types).collect())))
}

fn entry_of<'a>(path: &'a Value, ty: &'a Value) -> Result<(&'a str, &'a Value)> {
    match path {
        Value::Text(path) => Ok((path, ty)),
        other => Err(Error::new(format!("columns: a path must be VARCHAR, not {}", other.kind()))),
    }
}
