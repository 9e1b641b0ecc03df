//! Conditions that a query puts on the rows of a table function, as far as they can spare a read.

use crate::value::Value;

/// A condition on a row. A part that has no form here is [`Predicate::Unknown`], which may be true or false.
#[derive(Debug, Clone, PartialEq)]
pub enum Predicate {
    /// All of these.
    All(Vec<Predicate>),
    /// At least one of these.
    Any(Vec<Predicate>),
    /// A column compared with a constant.
    Compare {
        /// The position of the column in the function's result.
        column: usize,
        /// How the two are compared, the column first.
        by: Comparison,
        /// The constant, which is not NULL.
        value: Value,
    },
    /// A text column begins with this text.
    Prefix {
        /// The position of the column in the function's result.
        column: usize,
        /// The text.
        prefix: String,
    },
    /// Something else.
    Unknown,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    /// The comparison with its sides exchanged.
    #[must_use]
    pub fn flipped(self) -> Self {
        match self {
            Comparison::Equal => Comparison::Equal,
            Comparison::Less => Comparison::Greater,
            Comparison::LessOrEqual => Comparison::GreaterOrEqual,
            Comparison::Greater => Comparison::Less,
            Comparison::GreaterOrEqual => Comparison::LessOrEqual,
        }
    }
}
