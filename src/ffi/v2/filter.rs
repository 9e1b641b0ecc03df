//! The conditions that a query puts on the rows of a table function, as DuckDB offers them before it runs.

use duckdb_neo as neo;
use neo::connection::Context;
use neo::expression::{Expression, ExpressionType as Kind};
use neo::logical_type::LogicalTypeID as Id;
use neo::table_function::PushdownData;

use super::value;
use crate::predicate::{Comparison, Predicate};
use crate::value::Value;

/// The functions that compare the beginning of a text; the pattern of the second may hold wildcards.
const STARTS_WITH: [&str; 3] = ["prefix", "starts_with", "^@"];
const LIKE: &str = "~~";
/// No time zone is further from UTC than this; in microseconds.
const WIDEST_ZONE: i64 = 86_400_000_000;

/// The offered conditions; every row that the query uses meets all of them.
pub(super) fn read(context: &Context, offered: &PushdownData<'_>) -> neo::Result<Vec<Predicate>> {
    let reader = Reader { offered, utc: is_utc(context)? };
    (0..offered.filter_count()?).map(|index| reader.predicate(&offered.filter(index)?)).collect()
}

/// Whether the session reads a TIMESTAMP as UTC where it makes a TIMESTAMPTZ of it.
fn is_utc(context: &Context) -> neo::Result<bool> {
    let Some((zone, _)) = context.config()?.try_get_value("TimeZone")? else { return Ok(false) };
    let zone = zone.dbg_string()?;
    Ok(["UTC", "Etc/UTC"].iter().any(|utc| zone.eq_ignore_ascii_case(utc)))
}

struct Reader<'a> {
    offered: &'a PushdownData<'a>,
    utc: bool,
}

/// A column of the function, and whether it is compared as an instant.
struct Reference {
    column: usize,
    zoned: bool,
}

impl Reader<'_> {
    fn predicate(&self, expression: &Expression<'_>) -> neo::Result<Predicate> {
        let children = expression.children()?;
        let compare = |by| self.comparison(by, &children);
        match expression.expression_type()? {
            Kind::ConjunctionAnd => self.all(&children).map(Predicate::All),
            Kind::ConjunctionOr => self.all(&children).map(Predicate::Any),
            Kind::CompareEqual | Kind::CompareNotDistinctFrom => compare(Comparison::Equal),
            Kind::CompareLessThan => compare(Comparison::Less),
            Kind::CompareLessThanOrEqualTo => compare(Comparison::LessOrEqual),
            Kind::CompareGreaterThan => compare(Comparison::Greater),
            Kind::CompareGreaterThanOrEqualTo => compare(Comparison::GreaterOrEqual),
            // The API does not tell whether the range includes its ends.
            Kind::CompareBetween => self.between(&children),
            Kind::CompareIn => self.one_of(&children),
            Kind::BoundFunction => self.text_function(&expression.function_name()?, &children),
            _ => Ok(Predicate::Unknown),
        }
    }

    fn all(&self, parts: &[Expression<'_>]) -> neo::Result<Vec<Predicate>> {
        parts.iter().map(|part| self.predicate(part)).collect()
    }

    fn comparison(&self, by: Comparison, sides: &[Expression<'_>]) -> neo::Result<Predicate> {
        let [left, right] = sides else { return Ok(Predicate::Unknown) };
        match (self.reference(left)?, self.reference(right)?) {
            (Some(column), None) => self.compared(&column, by, right),
            (None, Some(column)) => self.compared(&column, by.flipped(), left),
            _ => Ok(Predicate::Unknown),
        }
    }

    fn between(&self, children: &[Expression<'_>]) -> neo::Result<Predicate> {
        let [tested, low, high] = children else { return Ok(Predicate::Unknown) };
        let Some(column) = self.reference(tested)? else { return Ok(Predicate::Unknown) };
        let low = self.compared(&column, Comparison::GreaterOrEqual, low)?;
        Ok(Predicate::All(vec![low, self.compared(&column, Comparison::LessOrEqual, high)?]))
    }

    fn one_of(&self, children: &[Expression<'_>]) -> neo::Result<Predicate> {
        let Some((tested, candidates)) = children.split_first() else { return Ok(Predicate::Unknown) };
        let Some(column) = self.reference(tested)? else { return Ok(Predicate::Unknown) };
        let equal = |candidate| self.compared(&column, Comparison::Equal, candidate);
        candidates.iter().map(equal).collect::<neo::Result<_>>().map(Predicate::Any)
    }

    fn text_function(&self, name: &str, arguments: &[Expression<'_>]) -> neo::Result<Predicate> {
        let [text, pattern] = arguments else { return Ok(Predicate::Unknown) };
        let Some(Reference { column, .. }) = self.reference(text)? else { return Ok(Predicate::Unknown) };
        let Some(Value::Text(pattern)) = constant(pattern)? else { return Ok(Predicate::Unknown) };
        if STARTS_WITH.contains(&name) {
            return Ok(Predicate::Prefix { column, prefix: pattern });
        }
        if name != LIKE {
            return Ok(Predicate::Unknown);
        }
        Ok(match pattern.find(['%', '_']) {
            Some(end) => Predicate::Prefix { column, prefix: pattern[..end].to_owned() },
            None => Predicate::Compare { column, by: Comparison::Equal, value: Value::Text(pattern) },
        })
    }

    fn compared(&self, column: &Reference, by: Comparison, other: &Expression<'_>) -> neo::Result<Predicate> {
        let compare = |by, value| Predicate::Compare { column: column.column, by, value };
        Ok(match constant(other)? {
            Some(Value::Timestamp { micros, zoned }) if column.zoned && zoned && !self.utc => {
                let at = |micros| Value::Timestamp { micros, zoned };
                let (low, high) = (micros.saturating_sub(WIDEST_ZONE), micros.saturating_add(WIDEST_ZONE));
                let from = compare(Comparison::GreaterOrEqual, at(low));
                let to = compare(Comparison::LessOrEqual, at(high));
                match by {
                    Comparison::Equal => Predicate::All(vec![from, to]),
                    Comparison::Less | Comparison::LessOrEqual => to,
                    Comparison::Greater | Comparison::GreaterOrEqual => from,
                }
            }
            Some(Value::Timestamp { zoned, .. }) if column.zoned != zoned => Predicate::Unknown,
            Some(Value::Null) | None => Predicate::Unknown,
            Some(value) => compare(by, value),
        })
    }

    /// The column of an expression that is one, or a cast of one that keeps every value and the order.
    fn reference(&self, expression: &Expression<'_>) -> neo::Result<Option<Reference>> {
        match expression.expression_type()? {
            Kind::BoundColumnRef => {
                let column = self.offered.get_column_index(expression.reference_index()?)?;
                Ok(Some(Reference { column, zoned: false }))
            }
            Kind::OperatorCast => {
                let inner = expression.child(0)?;
                if inner.expression_type()? != Kind::BoundColumnRef {
                    return Ok(None);
                }
                let zoned = match (inner.return_type()?.id()?, expression.return_type()?.id()?) {
                    (Id::UBigInt, Id::BigInt | Id::HugeInt | Id::UHugeInt) => false,
                    (Id::Timestamp, Id::TimestampTz) => true,
                    _ => return Ok(None),
                };
                Ok(self.reference(&inner)?.map(|found| Reference { zoned, ..found }))
            }
            _ => Ok(None),
        }
    }
}

fn constant(expression: &Expression<'_>) -> neo::Result<Option<Value>> {
    if expression.expression_type()? != Kind::ValueConstant {
        return Ok(None);
    }
    Ok(value::read(&expression.get_constant_value()?).ok())
}
