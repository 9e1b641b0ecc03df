//! The shape that some documents have in common, and the type that it gives a column.
//!
//! The rules are those of DuckDB's `read_json`:
//!
//! | the values are | the type is |
//! |---|---|
//! | integers | BIGINT; HUGEINT when one is beyond it |
//! | numbers with a fraction or exponent among them, or beyond HUGEINT (in JSON: beyond 64 bits) | DOUBLE |
//! | true, false | BOOLEAN |
//! | texts of one kind only | DATE, TIME, TIMESTAMP, TIMESTAMPTZ, UUID; else VARCHAR |
//! | lists | LIST of the common type of their elements |
//! | objects | STRUCT of all members; MAP(VARCHAR, ..) when there are none, when members are rarely shared (on average by less than a tenth of the objects), when there are 200 or more of one type, or when a name is empty or two differ in case alone |
//! | of different kinds, or only null | JSON |
//!
//! Of the other formats, binaries are BLOB and timestamps TIMESTAMP.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::visit::visit_scalars;
use crate::codec::scalar::{Scalar, detect};
use crate::column::{Field, Type};

/// The number of members of one type from which an object is a MAP.
const MAP_MEMBERS: usize = 200;

/// The values that have been seen at one place.
#[derive(Debug, Default)]
pub(super) struct Shape {
    /// The number of values that were seen, and of those that were not null.
    seen: u64,
    valid: u64,
    kind: Option<Kind>,
}

#[derive(Debug)]
enum Kind {
    /// BOOLEAN, a number's or a text's type, BLOB, TIMESTAMP, or JSON for a mixture.
    Scalar(Type),
    List(Box<Shape>),
    Object(Members),
}

#[derive(Debug, Default)]
struct Members {
    in_order: Vec<(String, Shape)>,
    positions: HashMap<String, usize>,
}

impl Members {
    fn get(&mut self, name: &str) -> Option<&mut Shape> {
        let position = match self.positions.get(name) {
            Some(position) => *position,
            None => {
                self.positions.insert(name.to_owned(), self.in_order.len());
                self.in_order.push((name.to_owned(), Shape::default()));
                self.in_order.len() - 1
            }
        };
        self.in_order.get_mut(position).map(|(_, shape)| shape)
    }

    /// Whether a STRUCT can have these members: their names are not empty, and differ in more than case.
    fn can_be_fields(&self) -> bool {
        let mut seen = HashSet::with_capacity(self.in_order.len());
        self.in_order.iter().all(|(name, _)| !name.is_empty() && seen.insert(name.to_ascii_lowercase()))
    }
}

impl Shape {
    /// The type of the place.
    pub fn ty(&self) -> Type {
        match &self.kind {
            None => Type::Json,
            Some(Kind::Scalar(ty)) => ty.clone(),
            Some(Kind::List(element)) => Type::list(element.ty()),
            Some(Kind::Object(members)) => self.object(members),
        }
    }

    /// The members of the objects at this place, by first appearance; None when only other values were seen.
    pub fn members(&self) -> Option<impl Iterator<Item = (&str, Type)>> {
        match &self.kind {
            Some(Kind::Object(members)) => {
                Some(members.in_order.iter().map(|(name, shape)| (name.as_str(), shape.ty())))
            }
            _ => None,
        }
    }

    fn object(&self, members: &Members) -> Type {
        let count = members.in_order.len();
        if count == 0 {
            return Type::map(Type::Varchar, Type::Json);
        }
        let appearances: u64 = members.in_order.iter().map(|(_, shape)| shape.seen).sum();
        let rarely_shared = (appearances as f64) < 0.1 * self.valid as f64 * count as f64;
        let must_be_map = rarely_shared || !members.can_be_fields();
        if must_be_map || count >= MAP_MEMBERS {
            let types = members.in_order.iter().map(|(_, shape)| shape);
            let common = types.filter(|shape| shape.kind.is_some()).map(Shape::ty).reduce(common).unwrap_or(Type::Json);
            if must_be_map || common != Type::Json {
                return Type::map(Type::Varchar, common);
            }
        }
        let field = |(name, shape): &(String, Shape)| Field { name: name.clone(), ty: shape.ty() };
        Type::Struct(members.in_order.iter().map(field).collect())
    }

    fn scalar<E: de::Error>(&mut self, scalar: Scalar<'_>) -> Result<(), E> {
        self.seen += 1;
        let ty = match scalar {
            Scalar::Null => return Ok(()),
            Scalar::Bool(_) => Type::Boolean,
            Scalar::Int(v) => integer(i64::try_from(v).is_ok(), true),
            Scalar::UInt(v) => integer(i64::try_from(v).is_ok(), i128::try_from(v).is_ok()),
            Scalar::Float(_) | Scalar::Number(_) => Type::Double,
            Scalar::Text(text) if !self.is_mixed_text() => detect(text),
            Scalar::Text(_) => Type::Varchar,
            Scalar::Bytes(_) => Type::Blob,
            Scalar::Timestamp(_) => Type::Timestamp,
            Scalar::Json(_) => Type::Json,
        };
        self.valid += 1;
        self.kind = Some(Kind::Scalar(match self.kind.take() {
            None => ty,
            Some(Kind::Scalar(before)) => common(before, ty),
            Some(_) => Type::Json,
        }));
        Ok(())
    }

    fn is_mixed_text(&self) -> bool {
        matches!(&self.kind, Some(Kind::Scalar(Type::Varchar | Type::Json)))
    }
}

fn integer(in_i64: bool, in_i128: bool) -> Type {
    match (in_i64, in_i128) {
        (true, _) => Type::BigInt,
        (false, true) => Type::HugeInt,
        (false, false) => Type::Double,
    }
}

/// The type that takes the values of two types.
fn common(a: Type, b: Type) -> Type {
    let is_number = |ty: &Type| matches!(ty, Type::BigInt | Type::HugeInt | Type::Double);
    let is_text = |ty: &Type| {
        matches!(ty, Type::Varchar | Type::Date | Type::Time | Type::Timestamp | Type::TimestampTz | Type::Uuid)
    };
    match (a, b) {
        (a, b) if a == b => a,
        (a, b) if is_number(&a) && is_number(&b) => {
            if a == Type::Double || b == Type::Double {
                Type::Double
            } else {
                Type::HugeInt
            }
        }
        (a, b) if is_text(&a) && is_text(&b) => Type::Varchar,
        (Type::List(a), Type::List(b)) => Type::list(common(*a, *b)),
        (Type::Map(ka, a), Type::Map(kb, b)) if ka == kb => Type::map(*ka, common(*a, *b)),
        (Type::Struct(mut a), Type::Struct(b)) => {
            for field in b {
                match a.iter_mut().find(|other| other.name == field.name) {
                    Some(other) => other.ty = common(other.ty.clone(), field.ty),
                    None => a.push(field),
                }
            }
            Type::Struct(a)
        }
        _ => Type::Json,
    }
}

/// Adds a value to a shape.
impl<'de> DeserializeSeed<'de> for &mut Shape {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Shape {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        self.seen += 1;
        self.valid += 1;
        let mut element = match self.kind.take() {
            None => Box::default(),
            Some(Kind::List(element)) => element,
            Some(_) => {
                self.kind = Some(Kind::Scalar(Type::Json));
                while list.next_element::<de::IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        let mut read = || {
            while list.next_element_seed(&mut *element)?.is_some() {}
            Ok(())
        };
        let result = read();
        self.kind = Some(Kind::List(element));
        result
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.seen += 1;
        self.valid += 1;
        let mut members = match self.kind.take() {
            None => Members::default(),
            Some(Kind::Object(members)) => members,
            Some(_) => {
                self.kind = Some(Kind::Scalar(Type::Json));
                while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
                return Ok(());
            }
        };
        let mut read = || {
            while let Some(name) = map.next_key_seed(KeyText)? {
                match members.get(&name) {
                    Some(shape) => map.next_value_seed(shape)?,
                    None => map.next_value::<de::IgnoredAny>().map(drop)?,
                }
            }
            Ok(())
        };
        let result = read();
        self.kind = Some(Kind::Object(members));
        result
    }

    visit_scalars!(scalar);
}

/// A key as text; one that is neither text nor an integer is shown as error texts show it.
struct KeyText;

impl<'de> DeserializeSeed<'de> for KeyText {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, key: D) -> Result<String, D::Error> {
        use serde::Deserialize;
        let key = super::tree::Tree::deserialize(key)?;
        Ok(match key.scalar() {
            Some(Scalar::Text(text)) => text.to_owned(),
            Some(scalar) => crate::codec::scalar::describe(&scalar),
            None => String::new(),
        })
    }
}

/// Adds a whole document to a shape if it is an object.
pub(super) struct RootObject<'a>(pub &'a mut Shape);

impl<'de> DeserializeSeed<'de> for RootObject<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RootObject<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        self.0.visit_map(map)
    }
}
