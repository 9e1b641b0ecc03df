//! Avro schemas, compiled for reading: every reference to a named type resolved, recursion included.

use std::collections::HashMap;

use apache_avro::schema::{Aliases, InnerDecimalSchema, Name, NamespaceRef, UuidSchema};

use super::canonical;
use crate::codec::document::Tree;
use crate::codec::path::Path;
use crate::column::{Field, Type};
use crate::error::{Error, Result};

/// The largest scale of a DECIMAL.
const MOST_PLACES: usize = 38;

/// The parameter of the reader's schema, with which errors of schema resolution begin.
pub const READER_SCHEMA: &str = "avro_reader_schema";

/// A schema, ready to read with.
#[derive(Debug)]
pub struct Schema {
    pub(super) nodes: Vec<Node>,
    pub(super) root: usize,
    pub(super) fingerprint: [u8; 8],
    /// What named types have beside their structure, by their positions.
    pub(super) named: HashMap<usize, Named>,
}

/// What a reader's schema and a writer's are matched by.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// The full name of the type.
    pub name: String,
    /// The full names that the type had.
    pub aliases: Vec<String>,
    /// The aliases and the default of each field of a record.
    pub fields: Vec<(Vec<String>, Option<serde_json::Value>)>,
    /// The symbol that an enum takes for those it does not know.
    pub symbol: Option<String>,
}

impl Named {
    fn new(name: &Name, aliases: &Aliases, namespace: NamespaceRef<'_>) -> Self {
        let aliases = aliases.iter().flatten().map(|alias| alias.fullname(namespace)).collect();
        Self { name: name.fullname(namespace), aliases, ..Self::default() }
    }
}

/// One type of a schema; it refers to other types by their positions in the schema's list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Null,
    Boolean,
    /// Int and long are written alike.
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Fixed(usize),
    Enum(Vec<String>),
    Array(usize),
    Map(usize),
    Union(Vec<usize>),
    Record(Vec<(String, usize)>),
    /// Unscaled bytes, of a fixed size or with their length in front; width and scale.
    Decimal(Option<usize>, usize, usize),
    /// 16 bytes, of a fixed size or with their length in front.
    UuidBytes(Option<usize>),
    UuidString,
    Date,
    /// Since midnight; the number is the units in a second.
    Time(i64),
    /// Since 1970; the number is the units in a second.
    Timestamp(i64),
    Duration,
    /// What a writer's type is to a reader's schema.
    Resolved(Resolved),
}

/// A type of the writer that the reader has as another one.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Resolved {
    /// It is never read; why, as errors of the reader's schema say it.
    Never(String),
    /// An int or a long that is read as a float.
    Float,
    /// An int or a long that is read as a double.
    Double,
    /// What the reader has for each of the writer's symbols, or why there is none.
    Enum(Vec<std::result::Result<String, String>>),
    /// The fields as they are written, each with its place among the reader's; those of the reader, each with its default.
    Record { written: Vec<(Option<usize>, usize)>, read: Vec<(String, Tree)> },
}

impl Schema {
    /// Reads a schema from its JSON text.
    ///
    /// # Errors
    /// The text is not an Avro schema, or one of a kind that is not read.
    pub fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &[])
    }

    /// Reads a schema that names types of others, each of which comes before the ones that name its types.
    ///
    /// # Errors
    /// As those of [`Schema::parse`]; a type is defined nowhere.
    pub fn parse_with(text: &str, others: &[&str]) -> Result<Self> {
        let parsed = apache_avro::Schema::parse_str_with_list(text, others);
        let (schema, others) = parsed.map_err(|error| Error::foreign("Avro schema", &error))?;
        let mut compiler = Compiler::default();
        for other in &others {
            compiler.compile(other, None)?;
        }
        let root = compiler.compile(&schema, None)?;
        let missing = || Error::new("Avro schema: it has no canonical form");
        let fingerprint = canonical::fingerprint(text).ok_or_else(missing)?;
        Ok(Self { nodes: compiler.nodes, root, fingerprint, named: compiler.details })
    }

    /// The fields of the schema's record, typed: nullable ones by their other type, unions of more types, unbounded
    /// recursion and empty records as JSON.
    ///
    /// # Errors
    /// The schema is not a record.
    pub fn fields(&self) -> Result<Vec<(Path, Type)>> {
        let Some(Node::Record(fields)) = self.node(self.root) else {
            return Err(Error::new("the Avro schema is not a record, so it has no columns"));
        };
        let mut above = vec![self.root];
        Ok(fields.iter().map(|(name, ty)| (Path::member(name), self.ty(*ty, &mut above))).collect())
    }

    pub(super) fn root(&self) -> usize {
        self.root
    }

    pub(super) fn node(&self, position: usize) -> Option<&Node> {
        self.nodes.get(position)
    }

    /// The CRC-64-AVRO fingerprint of the schema's canonical form, in the byte order of the single-object encoding.
    pub(super) fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }

    fn ty(&self, position: usize, above: &mut Vec<usize>) -> Type {
        let Some(node) = self.node(position) else { return Type::Json };
        if above.contains(&position) {
            return Type::Json;
        }
        above.push(position);
        let ty = match node {
            Node::Null | Node::Resolved(_) => Type::Json,
            Node::Boolean => Type::Boolean,
            Node::Int => Type::Integer,
            Node::Long => Type::BigInt,
            Node::Float => Type::Float,
            Node::Double => Type::Double,
            Node::Bytes | Node::Fixed(_) => Type::Blob,
            Node::String | Node::Enum(_) => Type::Varchar,
            Node::Array(element) => Type::list(self.ty(*element, above)),
            Node::Map(value) => Type::map(Type::Varchar, self.ty(*value, above)),
            Node::Union(branches) => self.union(branches, above),
            Node::Record(fields) if fields.is_empty() => Type::Json,
            Node::Record(fields) => Type::Struct(
                fields.iter().map(|(name, ty)| Field { name: name.clone(), ty: self.ty(*ty, above) }).collect(),
            ),
            Node::Decimal(_, width, scale) => match (u8::try_from(*width), u8::try_from(*scale)) {
                (Ok(width @ 1..=38), Ok(scale)) if scale <= width => Type::Decimal { width, scale },
                _ => Type::Varchar,
            },
            Node::UuidBytes(_) | Node::UuidString => Type::Uuid,
            Node::Date => Type::Date,
            Node::Time(_) => Type::Time,
            Node::Timestamp(1_000_000_000) => Type::TimestampNs,
            Node::Timestamp(_) => Type::Timestamp,
            Node::Duration => Type::Interval,
        };
        above.pop();
        ty
    }

    fn union(&self, branches: &[usize], above: &mut Vec<usize>) -> Type {
        let mut some = branches.iter().filter(|branch| self.node(**branch) != Some(&Node::Null));
        match (some.next(), some.next()) {
            (Some(only), None) => self.ty(*only, above),
            _ => Type::Json,
        }
    }
}

#[derive(Default)]
struct Compiler {
    nodes: Vec<Node>,
    named: HashMap<String, usize>,
    details: HashMap<usize, Named>,
}

impl Compiler {
    fn add(&mut self, node: Node) -> usize {
        self.nodes.push(node);
        self.nodes.len() - 1
    }

    /// Adds a type by its name.
    fn name(&mut self, node: Node, named: Named) -> usize {
        let position = self.add(node);
        self.named.insert(named.name.clone(), position);
        self.details.insert(position, named);
        position
    }

    fn compile(&mut self, schema: &apache_avro::Schema, namespace: NamespaceRef<'_>) -> Result<usize> {
        use apache_avro::Schema as Avro;
        let node = match schema {
            Avro::Ref { name } => {
                let name = name.fullname(namespace);
                let known = self.named.get(&name).copied();
                return known.ok_or_else(|| Error::new(format!("Avro schema: type '{name}' is not defined")));
            }
            Avro::Record(record) => {
                let mut named = Named::new(&record.name, &record.aliases, namespace);
                let notes = record.fields.iter().map(|field| (field.aliases.clone(), field.default.clone()));
                named.fields = notes.collect();
                let position = self.name(Node::Null, named);
                let name = record.name.fully_qualified_name(namespace);
                let mut fields = Vec::with_capacity(record.fields.len());
                for field in &record.fields {
                    fields.push((field.name.clone(), self.compile(&field.schema, name.namespace())?));
                }
                if let Some(node) = self.nodes.get_mut(position) {
                    *node = Node::Record(fields);
                }
                return Ok(position);
            }
            Avro::Enum(symbols) => {
                let named = Named::new(&symbols.name, &symbols.aliases, namespace);
                let named = Named { symbol: symbols.default.clone(), ..named };
                return Ok(self.name(Node::Enum(symbols.symbols.clone()), named));
            }
            Avro::Fixed(fixed) => {
                return Ok(self.name(Node::Fixed(fixed.size), Named::new(&fixed.name, &fixed.aliases, namespace)));
            }
            Avro::Decimal(decimal) if decimal.scale > MOST_PLACES => {
                return Err(Error::new(format!(
                    "Avro schema: a decimal has {} places; {MOST_PLACES} are possible",
                    decimal.scale
                )));
            }
            Avro::Decimal(decimal) => {
                let node = |size| Node::Decimal(size, decimal.precision, decimal.scale);
                match &decimal.inner {
                    InnerDecimalSchema::Bytes => node(None),
                    InnerDecimalSchema::Fixed(fixed) => {
                        let named = Named::new(&fixed.name, &fixed.aliases, namespace);
                        return Ok(self.name(node(Some(fixed.size)), named));
                    }
                }
            }
            Avro::Uuid(UuidSchema::Fixed(fixed)) => {
                let named = Named::new(&fixed.name, &fixed.aliases, namespace);
                return Ok(self.name(Node::UuidBytes(Some(fixed.size)), named));
            }
            Avro::Duration(fixed) => {
                return Ok(self.name(Node::Duration, Named::new(&fixed.name, &fixed.aliases, namespace)));
            }
            Avro::Array(array) => Node::Array(self.compile(&array.items, namespace)?),
            Avro::Map(map) => Node::Map(self.compile(&map.types, namespace)?),
            Avro::Union(union) => Node::Union(
                union.variants().iter().map(|branch| self.compile(branch, namespace)).collect::<Result<_>>()?,
            ),
            Avro::Null => Node::Null,
            Avro::Boolean => Node::Boolean,
            Avro::Int => Node::Int,
            Avro::Long => Node::Long,
            Avro::Float => Node::Float,
            Avro::Double => Node::Double,
            Avro::Bytes | Avro::BigDecimal => Node::Bytes,
            Avro::String => Node::String,
            Avro::Uuid(UuidSchema::Bytes) => Node::UuidBytes(None),
            Avro::Uuid(UuidSchema::String) => Node::UuidString,
            Avro::Date => Node::Date,
            Avro::TimeMillis => Node::Time(1000),
            Avro::TimeMicros => Node::Time(1_000_000),
            Avro::TimestampMillis | Avro::LocalTimestampMillis => Node::Timestamp(1000),
            Avro::TimestampMicros | Avro::LocalTimestampMicros => Node::Timestamp(1_000_000),
            Avro::TimestampNanos | Avro::LocalTimestampNanos => Node::Timestamp(1_000_000_000),
        };
        Ok(self.add(node))
    }
}
