//! The vocabulary shared by `codec`, `functions` and `ffi`: types, columns, buffers of values, and chunks of rows.

mod buffer;
mod chunk;
mod types;

pub use buffer::{Buffer, Interval, ListValues, TextValues, Values};
pub use chunk::{Cells, Chunk};
pub use types::{Column, Field, Type};
