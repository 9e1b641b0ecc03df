//! The vocabulary shared by `codec`, `functions` and `ffi`: types, columns, buffers of values, and chunks of rows.

mod buffer;
mod chunk;
mod copy;
mod enumeration;
mod fold;
mod order;
mod retain;
mod types;

pub use buffer::{Buffer, Interval, ListValues, TextValues, Values};
pub use chunk::{Cells, Chunk};
pub use enumeration::{Enumeration, IndexWidth};
pub use fold::{Fold, Folded};
pub use order::is_ordered;
pub use types::{Column, EpochUnit, Field, Type};
