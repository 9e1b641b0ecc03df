//! `keep := 'last', order_by := ...` and `merge := {...}`: the rule by which the rows of a call that share a key become one.

use crate::column::{Column, Fold, is_ordered};
use crate::error::{Error, Result};
use crate::value::{Arguments, Value};

/// How rows that share a key become one: their newest row, with some of its values folded from all of them.
#[derive(Clone)]
pub(super) struct MergeOptions {
    /// The column of the payload that decides which row is newer; the sequence decides where it is equal. None decides only by sequence.
    pub order_by: Option<usize>,
    /// The columns of the payload with folded values.
    pub folds: Vec<(usize, Fold)>,
}

/// The words of `merge`; None keeps the value of the newest row.
const FOLDS: [(&str, Option<Fold>); 4] =
    [("last", None), ("first", Some(Fold::First)), ("min", Some(Fold::Min)), ("max", Some(Fold::Max))];

/// Aggregates that are refused, because they would count a message twice when it comes twice.
const NOT_IDEMPOTENT: [&str; 5] = ["sum", "count", "avg", "list", "string_agg"];

impl MergeOptions {
    /// Reads `merge` and `order_by`; `columns` are those of the payload. None when the call has neither.
    pub(super) fn read(arguments: &Arguments, columns: &[Column]) -> Result<Option<Self>> {
        let (merge, order_by) = (arguments.find("merge"), arguments.text("order_by")?);
        let keep = arguments.text("keep")?;
        if merge.is_some() && keep.is_some() {
            return Err(Error::new("keep and merge cannot be used together")
                .advice("merge gives one row for each key: its newest, with the values that merge folds"));
        }
        if merge.is_none() && order_by.is_none() {
            return Ok(None);
        }
        if merge.is_none() && !keep.is_some_and(|keep| keep.eq_ignore_ascii_case("last")) {
            return Err(Error::new("order_by needs keep := 'last' or merge")
                .advice("it says which of the rows that share a key is the last"));
        }
        let order_by = order_by.map(|name| find("order_by", name, columns)).transpose()?;
        order_by.map_or(Ok(()), |column| check_ordered("order_by", &columns[column]))?;
        let folds = merge.map_or(Ok(Vec::new()), |merge| read_folds(merge, columns))?;
        if order_by.is_some() && folds.iter().any(|(_, fold)| *fold == Fold::First) {
            return Err(Error::new("merge: 'first' goes by sequence, and cannot be used with order_by")
                .advice("'last' goes by order_by, and 'min' needs no order"));
        }
        let unique_keys = arguments.texts("unique_keys")?.unwrap_or_default();
        if !unique_keys.is_empty() {
            return Err(Error::new("unique_keys cannot be used with merge or order_by")
                .advice("rows are merged by the correlation key alone; leave unique_keys out"));
        }
        Ok(Some(Self { order_by, folds }))
    }
}

/// The columns that are folded; those that keep the value of the newest row are checked and left out.
fn read_folds(merge: &Value, columns: &[Column]) -> Result<Vec<(usize, Fold)>> {
    let entries = match merge {
        Value::Struct(members) => members.iter().map(|(name, fold)| (name.as_str(), fold)).collect(),
        Value::Map(entries) => {
            entries.iter().map(|(name, fold)| Ok((text(name)?, fold))).collect::<Result<Vec<_>>>()?
        }
        other => return Err(not_folds(other)),
    };
    let mut seen = vec![false; columns.len()];
    let mut folds = Vec::new();
    for (name, fold) in entries {
        let column = find("merge", name, columns)?;
        if std::mem::replace(&mut seen[column], true) {
            return Err(Error::new(format!("merge names the column '{name}' twice")));
        }
        if let Some(fold) = read_fold(name, text(fold)?)? {
            if fold != Fold::First {
                check_ordered("merge", &columns[column])?;
            }
            folds.push((column, fold));
        }
    }
    Ok(folds)
}

fn read_fold(column: &str, word: &str) -> Result<Option<Fold>> {
    if let Some((_, fold)) = FOLDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) {
        return Ok(*fold);
    }
    if NOT_IDEMPOTENT.iter().any(|known| known.eq_ignore_ascii_case(word)) {
        return Err(Error::new(format!(
            "merge: '{word}' of the column '{column}' would count a message twice that comes twice"
        ))
        .advice("keep the messages in a table, and aggregate that; merge knows 'last', 'first', 'min' and 'max'"));
    }
    let words: Vec<String> = FOLDS.iter().map(|(known, _)| format!("'{known}'")).collect();
    Err(Error::new(format!("merge: '{word}' of the column '{column}' is none of {}", words.join(", "))))
}

fn find(parameter: &str, name: &str, columns: &[Column]) -> Result<usize> {
    columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)).ok_or_else(|| {
        let names: Vec<String> = columns.iter().map(|column| format!("'{}'", column.name)).collect();
        let known =
            if names.is_empty() { "there are none".to_owned() } else { format!("they are {}", names.join(", ")) };
        Error::new(format!("{parameter}: '{name}' is no column of the payload; {known}"))
            .advice("name it in columns, with its type")
    })
}

fn check_ordered(parameter: &str, column: &Column) -> Result<()> {
    if is_ordered(&column.ty) {
        return Ok(());
    }
    Err(Error::new(format!("{parameter}: values of '{}' are {}, which have no order here", column.name, column.ty))
        .advice("take a number, a time or a text"))
}

fn text(value: &Value) -> Result<&str> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(not_folds(other)),
    }
}

fn not_folds(value: &Value) -> Error {
    Error::new(format!("merge must be a STRUCT or a MAP of columns and words, not {}", value.kind()))
        .advice("write merge := {'pct': 'max', 'started_at': 'min'}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::column::Type;

    fn read(merge: &[(&str, &str)], named: &[(&'static str, Value)]) -> Result<Option<MergeOptions>> {
        let columns = [
            Column::new("pct", Type::Integer),
            Column::new("title", Type::Varchar),
            Column::new("tags", Type::list(Type::Varchar)),
        ];
        let members = merge.iter().map(|(name, fold)| ((*name).to_owned(), Value::Text((*fold).to_owned())));
        let mut arguments = Arguments { named: named.to_vec(), ..Arguments::default() };
        if !merge.is_empty() {
            arguments.named.push(("merge", Value::Struct(members.collect())));
        }
        MergeOptions::read(&arguments, &columns)
    }

    fn word(text: &str) -> Value {
        Value::Text(text.to_owned())
    }

    #[test]
    fn folds_are_read_by_the_names_of_columns() {
        let merge = read(&[("PCT", "max"), ("title", "LAST"), ("tags", "first")], &[]).unwrap().unwrap();
        assert_eq!((merge.folds, merge.order_by), (vec![(0, Fold::Max), (2, Fold::First)], None));
        let last = read(&[], &[("keep", word("last")), ("order_by", word("pct"))]).unwrap().unwrap();
        assert_eq!((last.folds, last.order_by), (vec![], Some(0)));
        assert!(read(&[], &[("keep", word("last"))]).unwrap().is_none());
    }

    #[test]
    fn what_depends_on_the_batches_is_refused() {
        let keys = Value::List(vec![word("{a}")]);
        type Case<'a> = (&'a [(&'a str, &'a str)], &'a [(&'static str, Value)], &'a str);
        let cases: [Case<'_>; 9] = [
            (&[("pct", "sum")], &[], "would count a message twice"),
            (&[("pct", "median")], &[], "is none of 'last', 'first', 'min', 'max'"),
            (&[("other", "max")], &[], "'other' is no column of the payload"),
            (&[("tags", "max")], &[], "which have no order here"),
            (&[("pct", "max"), ("Pct", "min")], &[], "twice"),
            (&[("pct", "max")], &[("keep", word("first"))], "cannot be used together"),
            (&[("title", "first")], &[("order_by", word("pct"))], "goes by sequence"),
            (&[("pct", "max")], &[("unique_keys", keys)], "unique_keys cannot be used"),
            (&[], &[("order_by", word("pct"))], "order_by needs keep := 'last' or merge"),
        ];
        for (merge, named, fault) in cases {
            let error = read(merge, named).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(fault), "{fault}: {error}");
        }
    }
}
