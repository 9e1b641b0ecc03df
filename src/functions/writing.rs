//! What the scalar functions that publish share: messages gathered by connection, and published together.

use std::sync::Arc;

use super::connection;
use crate::column::{Field, Type};
use crate::error::{Error, Result};
use crate::ffi::Input;
use crate::jetstream::Connection;
use crate::jetstream::publish::{Outgoing, Published, publish};
use crate::value::Value;

/// The rows of one connection.
pub struct Target {
    options: Value,
    connection: Arc<Connection>,
    rows: Vec<usize>,
    messages: Vec<Outgoing>,
}

/// The rows of a chunk, by connection. Nearly always there is one.
#[derive(Default)]
pub struct Targets {
    targets: Vec<Target>,
    rows: usize,
}

impl Targets {
    /// Adds the message of the next row, to be published through the connection that the argument in `column` says.
    pub fn add(&mut self, input: &Input<'_>, column: usize, message: Outgoing) -> Result<()> {
        let row = self.rows;
        self.rows += 1;
        let options = input.value(column, row);
        if let Some(target) = self.targets.iter_mut().find(|target| target.options == options) {
            target.rows.push(row);
            target.messages.push(message);
            return Ok(());
        }
        let connection = connection::open(&connection::read_input(input, column, row)?)?;
        self.targets.push(Target { options, connection, rows: vec![row], messages: vec![message] });
        Ok(())
    }

    /// Publishes everything; the answers in the order of the rows.
    pub fn publish(self) -> Result<Vec<Published>> {
        let mut answers: Vec<Option<Published>> = vec![None; self.rows];
        for target in self.targets {
            let published = publish(&target.connection, target.messages)?;
            for (row, published) in target.rows.into_iter().zip(published) {
                answers[row] = Some(published);
            }
        }
        let all: Option<Vec<Published>> = answers.into_iter().collect();
        all.ok_or_else(|| Error::new("internal error: a row without an answer"))
    }
}

/// STRUCT(stream VARCHAR, seq UBIGINT, duplicate BOOLEAN).
pub fn published_type() -> Type {
    let field = |name: &str, ty| Field { name: name.to_owned(), ty };
    Type::Struct(vec![field("stream", Type::Varchar), field("seq", Type::UBigInt), field("duplicate", Type::Boolean)])
}
