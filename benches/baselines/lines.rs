//! Writes a file of messages, for readers of files.

use std::fs::File;
use std::io::{BufWriter, Write};

use crate::documents::Kind;
use crate::{Result, Tally};

/// Message `i` of each of `messages`, a line each.
pub fn write(file: &str, kind: Kind, size: usize, messages: u64) -> Result<Tally> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    let mut line = Vec::new();
    let mut tally = Tally::default();
    for i in 1..=messages {
        line.clear();
        kind.write(i, size, &mut line)?;
        tally.messages += 1;
        tally.bytes += line.len() as u64;
        line.push(b'\n');
        out.write_all(&line)?;
    }
    out.flush()?;
    Ok(tally)
}
