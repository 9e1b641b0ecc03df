//! The rows of a scalar function's chunk, by the connection that their last argument names. Nearly always it is one connection.

use std::sync::Arc;

use super::connection;
use crate::error::Result;
use crate::ffi::Input;
use crate::jetstream::Connection;
use crate::value::Value;

/// The rows of one connection.
pub struct Group<T> {
    options: Value,
    /// The connection.
    pub connection: Arc<Connection>,
    /// The rows of the chunk.
    pub rows: Vec<usize>,
    /// The requests of those rows, one each.
    pub items: Vec<T>,
}

/// All rows.
pub struct ByConnection<T> {
    groups: Vec<Group<T>>,
}

impl<T> ByConnection<T> {
    /// No rows yet.
    pub fn new() -> Self {
        Self { groups: Vec::new() }
    }

    /// Adds the request of a row; the argument in `column` names the connection.
    ///
    /// # Errors
    /// The argument names no connection, or the server cannot be reached.
    pub fn add(&mut self, input: &dyn Input, column: usize, row: usize, item: T) -> Result<()> {
        let options = input.option(column, row);
        if let Some(group) = self.groups.iter_mut().find(|group| group.options == options) {
            group.rows.push(row);
            group.items.push(item);
            return Ok(());
        }
        let connection = connection::open(&connection::read_input(input, column, row)?)?;
        self.groups.push(Group { options, connection, rows: vec![row], items: vec![item] });
        Ok(())
    }

    /// Asks each connection for all its rows at once, and puts the answers in the order of the rows.
    ///
    /// # Errors
    /// Those of the request.
    pub fn ask<A: Clone>(
        self,
        rows: usize,
        default: A,
        mut ask: impl FnMut(&Arc<Connection>, Vec<T>) -> Result<Vec<A>>,
    ) -> Result<Vec<A>> {
        let mut answers = vec![default; rows];
        for group in self.groups {
            for (row, answer) in group.rows.into_iter().zip(ask(&group.connection, group.items)?) {
                answers[row] = answer;
            }
        }
        Ok(answers)
    }
}
