//! What a writer's schema says, read as a reader's schema wants it
//! (<https://avro.apache.org/docs/1.12.0/specification/#schema-resolution>): fields by name and by the reader's aliases,
//! promoted numbers, strings and bytes in place of each other, and the reader's defaults.
//!
//! Resolving makes a schema of the writer's layout and the reader's values, once for each writer's schema. What has no
//! resolution is an error of the payloads that reach it: a branch of a union that none of them takes does no harm.
//!
//! Two things are told apart that the specification leaves to the reader: a time or timestamp of another unit is the same
//! time, and a type of another meaning (a date as a time, a uuid as a decimal) is an error and no number.

use std::collections::HashMap;

use super::default;
use super::schema::{Named, Node, Resolved, Schema};
use crate::codec::document::Tree;
use crate::codec::quote;

/// How deep both schemas are followed together; a list that contains itself is one step.
const MAX_DEPTH: usize = 300;

/// The schema by which a reader reads what the writer wrote.
pub(super) fn resolve(writer: &Schema, reader: &Schema) -> Schema {
    let mut resolver =
        Resolver { writer, reader, nodes: Vec::new(), records: HashMap::new(), passed_over: HashMap::new() };
    let root = resolver.value(writer.root, reader.root, "the value", 0);
    Schema { nodes: resolver.nodes, root, fingerprint: writer.fingerprint, named: HashMap::new() }
}

struct Resolver<'s> {
    writer: &'s Schema,
    reader: &'s Schema,
    nodes: Vec<Node>,
    /// The records that were resolved, by their positions in both schemas: a record may contain itself.
    records: HashMap<(usize, usize), usize>,
    /// The writer's types that the reader has not, by their positions.
    passed_over: HashMap<usize, usize>,
}

impl<'s> Resolver<'s> {
    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    fn never(&mut self, why: &str) -> usize {
        self.add(Node::Resolved(Resolved::Never(why.to_owned())))
    }

    /// Resolves two types; `place` is how errors call the value.
    fn value(&mut self, written: usize, read: usize, place: &str, depth: usize) -> usize {
        if depth > MAX_DEPTH {
            return self.never("it and the writer's schema nest too deeply");
        }
        let (writer, reader) = (self.writer, self.reader);
        let (Some(from), Some(to)) = (writer.node(written), reader.node(read)) else {
            return self.never("the schema is incomplete");
        };
        let node = match (from, to) {
            (Node::Union(branches), _) => {
                Node::Union(branches.iter().map(|branch| self.value(*branch, read, place, depth + 1)).collect())
            }
            (_, Node::Union(branches)) => {
                let fits = |branch: &&usize| self.fit(written, **branch).is_some();
                let best = branches.iter().filter(fits).min_by_key(|branch| self.fit(written, **branch));
                return match best {
                    Some(branch) => self.value(written, *branch, place, depth + 1),
                    None => self.misfit(written, read, place),
                };
            }
            _ if self.fit(written, read).is_none() => return self.misfit(written, read, place),
            (Node::Array(from), Node::Array(to)) => Node::Array(self.value(*from, *to, place, depth + 1)),
            (Node::Map(from), Node::Map(to)) => Node::Map(self.value(*from, *to, place, depth + 1)),
            (Node::Record(from), Node::Record(to)) => return self.record((written, from), (read, to), depth),
            (Node::Enum(from), Node::Enum(to)) => self.symbols(from, to, read),
            _ => match scalar(from, to) {
                Some((_, node)) => node,
                None => return self.misfit(written, read, place),
            },
        };
        self.add(node)
    }

    fn misfit(&mut self, written: usize, read: usize, place: &str) -> usize {
        let (from, to) = (shown(self.writer, written), shown(self.reader, read));
        self.never(&format!("{place} is {from} in the writer's schema, which is not read as {to}"))
    }

    /// How well a type of the writer, which is no union, fits one of the reader: 0 is best; None where it does not.
    fn fit(&self, written: usize, read: usize) -> Option<u8> {
        match (self.writer.node(written)?, self.reader.node(read)?) {
            (Node::Array(_), Node::Array(_)) | (Node::Map(_), Node::Map(_)) => Some(0),
            (Node::Record(_), Node::Record(_)) | (Node::Enum(_), Node::Enum(_)) => self.same_name(written, read),
            (from, to) => {
                let (fit, _) = scalar(from, to)?;
                let is_fixed = matches!(physical(from), Some(Physical::Fixed(_)));
                Some(if is_fixed { fit.max(self.same_name(written, read)?) } else { fit })
            }
        }
    }

    /// Whether two named types match: by their full names, else by the names without namespaces or an alias of the
    /// reader's.
    fn same_name(&self, written: usize, read: usize) -> Option<u8> {
        let (from, to) = (self.writer.named.get(&written)?, self.reader.named.get(&read)?);
        let same = unqualified(&from.name) == unqualified(&to.name) || to.aliases.contains(&from.name);
        if from.name == to.name { Some(0) } else { same.then_some(1) }
    }

    fn symbols(&self, from: &[String], to: &[String], read: usize) -> Node {
        let named = self.reader.named.get(&read);
        let default = named.and_then(|named| named.symbol.as_ref());
        let symbol = |symbol: &String| {
            let found = to.iter().find(|known| *known == symbol).or(default);
            found.cloned().ok_or_else(|| {
                let name = named.map_or("", |named| &named.name);
                let (symbol, name) = (quote(symbol), quote(name));
                format!("enum '{name}' has no symbol '{symbol}', and no default")
            })
        };
        Node::Resolved(Resolved::Enum(from.iter().map(symbol).collect()))
    }

    fn record(
        &mut self,
        (written, from): (usize, &'s [(String, usize)]),
        (read, to): (usize, &'s [(String, usize)]),
        depth: usize,
    ) -> usize {
        if let Some(known) = self.records.get(&(written, read)) {
            return *known;
        }
        let position = self.add(Node::Null);
        self.records.insert((written, read), position);
        let node = match self.reader.named.get(&read) {
            Some(named) => self.fields(from, to, named, depth),
            None => Resolved::Never("the schema is incomplete".to_owned()),
        };
        if let Some(place) = self.nodes.get_mut(position) {
            *place = Node::Resolved(node);
        }
        position
    }

    fn fields(
        &mut self,
        from: &'s [(String, usize)],
        to: &'s [(String, usize)],
        named: &'s Named,
        depth: usize,
    ) -> Resolved {
        let of_record = |name: &str| format!("field '{}' of record '{}'", quote(name), quote(&named.name));
        // Names go before aliases, so that an alias does not take what another field is.
        let mut places: Vec<Option<usize>> =
            from.iter().map(|(name, _)| to.iter().position(|(known, _)| known == name)).collect();
        let mut missing = Vec::new();
        for (place, ((name, ty), (aliases, default))) in to.iter().zip(&named.fields).enumerate() {
            if places.contains(&Some(place)) {
                continue;
            }
            let is_free = |at: &usize| places.get(*at) == Some(&None);
            let by_alias = |alias: &String| from.iter().position(|(known, _)| known == alias).filter(is_free);
            match aliases.iter().find_map(by_alias).and_then(|at| places.get_mut(at)) {
                Some(free) => *free = Some(place),
                None => missing.push((place, name, *ty, default)),
            }
        }
        let mut read: Vec<(String, Tree)> = to.iter().map(|(name, _)| (name.clone(), Tree::Null)).collect();
        for (place, name, ty, default) in missing {
            let Some(default) = default else {
                let place = of_record(name);
                return Resolved::Never(format!("{place} has no default, and the writer's schema has no such field"));
            };
            let Some(value) = default::value(self.reader, ty, default) else {
                return Resolved::Never(format!("the default of {} is not of its type", of_record(name)));
            };
            if let Some((_, member)) = read.get_mut(place) {
                *member = value;
            }
        }
        let written = from.iter().zip(places).map(|((_, written), place)| {
            let ty = match place.and_then(|place| to.get(place)) {
                Some((name, read)) => self.value(*written, *read, &of_record(name), depth + 1),
                None => self.pass_over(*written, depth + 1),
            };
            (place, ty)
        });
        Resolved::Record { written: written.collect(), read }
    }

    /// Takes a type of the writer as it is, to be read and dropped.
    fn pass_over(&mut self, written: usize, depth: usize) -> usize {
        if let Some(known) = self.passed_over.get(&written) {
            return *known;
        }
        let writer = self.writer;
        let Some(node) = writer.node(written).filter(|_| depth <= MAX_DEPTH) else {
            return self.never("it and the writer's schema nest too deeply");
        };
        let position = self.add(Node::Null);
        self.passed_over.insert(written, position);
        let mut below = |inner: &usize| self.pass_over(*inner, depth + 1);
        let node = match node {
            Node::Array(element) => Node::Array(below(element)),
            Node::Map(value) => Node::Map(below(value)),
            Node::Union(branches) => Node::Union(branches.iter().map(below).collect()),
            Node::Record(fields) => Node::Record(fields.iter().map(|(name, ty)| (name.clone(), below(ty))).collect()),
            scalar => scalar.clone(),
        };
        if let Some(place) = self.nodes.get_mut(position) {
            *place = node;
        }
        position
    }
}

fn unqualified(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Physical {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
}

fn physical(node: &Node) -> Option<Physical> {
    Some(match node {
        Node::Null => Physical::Null,
        Node::Boolean => Physical::Boolean,
        Node::Int | Node::Date | Node::Time(1000) => Physical::Int,
        Node::Long | Node::Time(_) | Node::Timestamp(_) => Physical::Long,
        Node::Float => Physical::Float,
        Node::Double => Physical::Double,
        Node::Bytes | Node::Decimal(None, ..) | Node::UuidBytes(None) => Physical::Bytes,
        Node::String | Node::UuidString => Physical::String,
        Node::Fixed(size) | Node::Decimal(Some(size), ..) | Node::UuidBytes(Some(size)) => Physical::Fixed(*size),
        Node::Duration => Physical::Fixed(12),
        Node::Enum(_) | Node::Array(_) | Node::Map(_) | Node::Union(_) | Node::Record(_) | Node::Resolved(_) => {
            return None;
        }
    })
}

/// What a scalar means beyond how it is written.
fn meaning(node: &Node) -> Option<&'static str> {
    Some(match node {
        Node::Date => "date",
        Node::Time(_) => "time",
        Node::Timestamp(_) => "timestamp",
        Node::Decimal(..) => "decimal",
        Node::UuidBytes(_) | Node::UuidString => "uuid",
        Node::Duration => "duration",
        _ => return None,
    })
}

/// How a scalar of the writer is read as one of the reader, and how well it fits.
fn scalar(from: &Node, to: &Node) -> Option<(u8, Node)> {
    let (written, read) = (physical(from)?, physical(to)?);
    if from == to {
        return Some((0, from.clone()));
    }
    let fit = if written == read { 1 } else { 2 };
    let node = match (written, read) {
        (written, read) if written == read => to.clone(),
        (Physical::Int, Physical::Long) if *to == Node::Long => Node::Int,
        (Physical::Int, Physical::Long) => to.clone(),
        (Physical::Int | Physical::Long, Physical::Float) => Node::Resolved(Resolved::Float),
        (Physical::Int | Physical::Long, Physical::Double) => Node::Resolved(Resolved::Double),
        (Physical::Float, Physical::Double) => Node::Float,
        (Physical::Bytes, Physical::String) | (Physical::String, Physical::Bytes) => to.clone(),
        _ => return None,
    };
    match (meaning(from), meaning(to)) {
        // Decimals of other widths or scales do not match; a time has its unit from the writer.
        (Some(from), Some(to)) if from != to || from == "decimal" => None,
        (Some(_), Some(_)) => Some((fit, from.clone())),
        _ => Some((fit, node)),
    }
}

/// How an error calls a type.
pub(super) fn shown(schema: &Schema, position: usize) -> String {
    let Some(node) = schema.node(position) else { return "unknown".to_owned() };
    if let Node::Union(branches) = node {
        // A union contains no other union.
        return format!(
            "a union of {}",
            branches.iter().take(9).map(|branch| shown(schema, *branch)).collect::<Vec<_>>().join(", ")
        );
    }
    let kind = match node {
        Node::Enum(_) => "enum".to_owned(),
        Node::Array(_) => "array".to_owned(),
        Node::Map(_) => "map".to_owned(),
        Node::Record(_) => "record".to_owned(),
        Node::Decimal(_, width, scale) => format!("decimal({width},{scale})"),
        Node::Fixed(size) => format!("fixed({size})"),
        scalar => match (meaning(scalar), physical(scalar)) {
            (Some(meaning), _) => meaning.to_owned(),
            (None, physical) => physical.map(|physical| format!("{physical:?}").to_lowercase()).unwrap_or_default(),
        },
    };
    match schema.named.get(&position) {
        Some(named) => format!("{kind} '{}'", quote(&named.name)),
        None => kind,
    }
}
