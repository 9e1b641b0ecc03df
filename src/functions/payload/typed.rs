//! `columns := {path: type, name: {path, type, epoch, version}}`, as a STRUCT or a MAP, or `'auto'`.

use crate::codec::MOST_ALTERNATIVES;
use crate::codec::path::Path;
use crate::column::{EpochUnit, Type};
use crate::error::{Error, Result};
use crate::ffi::parse_types;
use crate::value::{Arguments, Value};

/// The columns that a statement asks for.
pub(super) enum Asked {
    /// These.
    Typed(Vec<TypedColumn>),
    /// Those of a sample of the payloads.
    Auto,
}

/// A column that a statement names.
pub(super) struct TypedColumn {
    /// Its name, if it is not that of its path.
    given_name: Option<String>,
    pub path: Path,
    /// The paths that are looked at when those before lead to nothing.
    pub others: Vec<Path>,
    /// The name of the column that shows which of the paths led to the value.
    pub version: Option<String>,
    pub ty: Type,
}

impl TypedColumn {
    /// A column that is named by its path.
    pub fn new(path: Path, ty: Type) -> Self {
        Self { given_name: None, path, others: Vec::new(), version: None, ty }
    }

    /// A column of the first of these paths that leads to a value.
    pub fn of_alternatives(mut paths: Vec<Path>, ty: Type) -> Self {
        let others = paths.split_off(1.min(paths.len()));
        Self { others, ..Self::new(paths.pop().unwrap_or(Path::root()), ty) }
    }

    /// All of its paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        std::iter::once(&self.path).chain(&self.others)
    }

    /// The name in the result.
    pub fn name(&self) -> String {
        self.given_name.clone().unwrap_or_else(|| self.path.column_name())
    }
}

/// One entry of `columns`, as it is written.
struct Entry<'a> {
    given_name: Option<&'a str>,
    path: &'a str,
    ty: &'a str,
    epoch: Option<EpochUnit>,
    version: Option<&'a str>,
}

/// Reads `columns`.
pub(super) fn read(arguments: &Arguments) -> Result<Option<Asked>> {
    let entries: Vec<Entry<'_>> = match arguments.find("columns") {
        None => return Ok(None),
        Some(Value::Text(word)) if word.eq_ignore_ascii_case("auto") => return Ok(Some(Asked::Auto)),
        Some(Value::Struct(members)) => {
            members.iter().map(|(name, value)| entry(name, value)).collect::<Result<_>>()?
        }
        Some(Value::Map(entries)) => {
            entries.iter().map(|(name, value)| entry(key(name)?, value)).collect::<Result<_>>()?
        }
        Some(other) => {
            let wrong =
                format!("columns must be a STRUCT or a MAP of paths and types, or 'auto', not {}", other.kind());
            return Err(Error::new(wrong).advice("write columns := {'user_id': 'BIGINT', 'location.zone': 'VARCHAR'}"));
        }
    };
    if entries.is_empty() {
        return Err(Error::new("columns names no column"));
    }
    let paths = entries.iter().map(|entry| alternatives(entry.path)).collect::<Result<Vec<_>>>()?;
    let texts: Vec<&str> = entries.iter().map(|entry| entry.ty).collect();
    let types = parse_types(&texts).map_err(|error| Error::new(format!("columns: {error}")))?;
    let typed = entries.iter().zip(paths).zip(types).map(|((entry, paths), ty)| {
        let given_name = entry.given_name.map(str::to_owned);
        let path = entry.path;
        let ty = entry.epoch.map_or(Ok(ty.clone()), |unit| {
            ty.with_epoch(unit).ok_or_else(|| {
                Error::new(format!("columns: '{path}' has an epoch, and {ty} holds no TIMESTAMP or TIMESTAMPTZ"))
            })
        })?;
        paths.iter().try_for_each(|path| check_lists(path, &ty))?;
        let version = entry.version.map(str::to_owned);
        Ok(TypedColumn { given_name, version, ..TypedColumn::of_alternatives(paths, ty) })
    });
    Ok(Some(Asked::Typed(typed.collect::<Result<_>>()?)))
}

/// The paths of a column.
pub(super) fn alternatives(text: &str) -> Result<Vec<Path>> {
    let paths = Path::parse_alternatives(text)?;
    if paths.len() > MOST_ALTERNATIVES {
        return Err(Error::new(format!("a column has more than {MOST_ALTERNATIVES} alternatives")));
    }
    Ok(paths)
}

/// A path through all elements of a list gives a list: each `[*]` takes a LIST of its type, or JSON that holds one.
fn check_lists(path: &Path, ty: &Type) -> Result<()> {
    let mut inner = ty;
    for _ in 0..path.lists() {
        inner = match inner {
            Type::List(element) => element,
            Type::Varchar | Type::Json => return Ok(()),
            _ => {
                let lists = "[]".repeat(path.lists());
                return Err(Error::new(format!("columns: '{path}' gives a list, which {ty} does not hold"))
                    .advice(format!("write a type with {lists} behind it, as in VARCHAR{lists}, or JSON")));
            }
        };
    }
    Ok(())
}

/// A path and its type; or a name, and what it names.
fn entry<'a>(name: &'a str, value: &'a Value) -> Result<Entry<'a>> {
    let members = match value {
        Value::Text(ty) => return Ok(Entry { given_name: None, path: name, ty, epoch: None, version: None }),
        Value::Struct(members) => members,
        other => {
            return Err(Error::new(format!(
                "columns: '{name}' must be a type, or a STRUCT of path and type, not {}",
                other.kind()
            )));
        }
    };
    let (mut path, mut ty, mut epoch, mut version) = (None, None, None, None);
    for (member, value) in members {
        let place = match member.to_ascii_lowercase().as_str() {
            "path" => &mut path,
            "type" => &mut ty,
            "epoch" => &mut epoch,
            "version" => &mut version,
            _ => {
                return Err(Error::new(format!(
                    "columns: '{name}' has a member '{member}'; path, type, epoch and version are known"
                )));
            }
        };
        let Value::Text(text) = value else {
            return Err(Error::new(format!("columns: {member} of '{name}' must be VARCHAR, not {}", value.kind())));
        };
        *place = Some(text.as_str());
    }
    let ty = ty.ok_or_else(|| Error::new(format!("columns: '{name}' has no type")))?;
    let unit = |word: &str| {
        let found = EpochUnit::CHOICES.iter().find(|(known, _)| *known == word).map(|(_, unit)| *unit);
        found.ok_or_else(|| {
            Error::new(format!("columns: epoch of '{name}' is '{word}'; it must be one of 's', 'ms', 'us', 'ns'"))
        })
    };
    let epoch = epoch.map(unit).transpose()?;
    Ok(Entry { given_name: path.map(|_| name), path: path.unwrap_or(name), ty, epoch, version })
}

fn key(name: &Value) -> Result<&str> {
    match name {
        Value::Text(name) => Ok(name),
        other => Err(Error::new(format!("columns: a path must be VARCHAR, not {}", other.kind()))),
    }
}
