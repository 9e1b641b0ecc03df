//! The list at a path, by a schema alone: an array, or a map, whose entries are its elements.

use super::resolve::shown;
use super::schema::{Node, Resolved, Schema};
use crate::codec::path::{Path, Step};
use crate::error::{Error, Result};

/// The position of the list to which a path leads, through fields of records and branches of unions. Several branches may lead
/// to one, where their elements are of one type.
///
/// # Errors
/// The path leads to no list, or through a list, or to lists of several types.
pub(super) fn position(schema: &Schema, path: &Path) -> Result<usize> {
    let mut places = branches(schema, schema.root());
    for step in path.steps() {
        let below: Vec<usize> = places.iter().flat_map(|place| fields(schema, *place, step)).collect();
        if below.is_empty() {
            return Err(leads_nowhere(schema, &places, path, step));
        }
        places = below;
    }
    let is_list = |place: &&usize| matches!(schema.node(**place), Some(Node::Array(_) | Node::Map(_)));
    let mut lists = places.iter().filter(is_list);
    let Some(list) = lists.next() else {
        let found = places.first().map(|place| shown(schema, *place)).unwrap_or_default();
        return Err(Error::new(format!("'{path}' is {found}, and no array and no map")));
    };
    if lists.any(|other| !is_same(schema, *list, *other)) {
        return Err(Error::new(format!("'{path}' leads to lists of several types, in the branches of a union"))
            .advice("read it as a column of the type JSON"));
    }
    Ok(*list)
}

/// The name of the field that a step asks for.
pub(super) fn field_name(step: &Step) -> Option<&str> {
    match step {
        Step::Key(key) | Step::KeyOrIndex(key, _) => Some(key),
        _ => None,
    }
}

/// What the value at a position may be: the branches of a union, or itself.
fn branches(schema: &Schema, position: usize) -> Vec<usize> {
    match schema.node(position) {
        Some(Node::Union(branches)) => {
            branches.iter().copied().filter(|branch| schema.node(*branch) != Some(&Node::Null)).collect()
        }
        _ => vec![position],
    }
}

/// What the field of a record may be.
fn fields(schema: &Schema, position: usize, step: &Step) -> Vec<usize> {
    let named = |name: &str| field_name(step) == Some(name);
    let types: Vec<usize> = match schema.node(position) {
        Some(Node::Record(fields)) => fields.iter().filter(|(name, _)| named(name)).map(|(_, ty)| *ty).collect(),
        Some(Node::Resolved(Resolved::Record { written, read })) => {
            let place = read.iter().position(|(name, _)| named(name));
            written.iter().filter(|(to, _)| to.is_some() && *to == place).map(|(_, ty)| *ty).collect()
        }
        _ => Vec::new(),
    };
    types.into_iter().flat_map(|ty| branches(schema, ty)).collect()
}

fn leads_nowhere(schema: &Schema, places: &[usize], path: &Path, step: &Step) -> Error {
    if places.iter().any(|place| matches!(schema.node(*place), Some(Node::Array(_) | Node::Map(_)))) {
        return Error::new(format!("'{path}' lies in an array or a map"))
            .advice("unnest the outer one, and read the inner one as a LIST or a MAP");
    }
    let found = places.first().map(|place| shown(schema, *place)).unwrap_or_default();
    let field = Path::of_steps(vec![step.clone()]);
    Error::new(format!("'{path}' leads nowhere: {found} has no field '{field}'"))
}

/// Whether the values of two types are written alike and have the same meaning.
fn is_same(schema: &Schema, a: usize, b: usize) -> bool {
    a == b
        || match (schema.node(a), schema.node(b)) {
            (Some(Node::Array(a)), Some(Node::Array(b))) | (Some(Node::Map(a)), Some(Node::Map(b))) => {
                is_same(schema, *a, *b)
            }
            (Some(Node::Union(a)), Some(Node::Union(b))) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(schema, *a, *b))
            }
            (a, b) => a == b,
        }
}
