//! The vocabulary shared by `codec`, `functions` and `ffi`: types, columns, and buffers of values.

mod buffer;
mod types;

pub use buffer::{Buffer, Interval, ListValues, TextValues, Values};
pub use types::{Column, Field, Type};
