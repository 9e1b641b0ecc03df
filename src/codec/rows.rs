//! A run of records becomes rows: inflate, decode, and apply `on_error`.

use super::inflate::Inflate;
use super::{DecodeError, Decoder};
use crate::column::Buffer;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The effect of a payload that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The statement ends with an error that names stream, sequence, path and cause.
    Fail,
    /// Every column of the codec is NULL in that row, also those that would have decoded; the others stay.
    Null,
    /// The row is left out.
    Skip,
}

impl OnError {
    /// Every choice with the word that SQL has for it.
    pub const CHOICES: &[(&str, OnError)] =
        &[("fail", OnError::Fail), ("null", OnError::Null), ("skip", OnError::Skip)];
}

/// How the payloads of one statement are read.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The stream, for error texts.
    pub stream: &'a str,
    /// How payloads are compressed.
    pub inflate: Inflate,
    /// The effect of a payload that does not decode.
    pub on_error: OnError,
}

/// Which of the records have a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    All,
    /// Those at these positions, in order; the others were skipped.
    Only(Vec<usize>),
}

/// Decodes records, one row each, into the buffers of the decoder's projection.
///
/// With [`OnError::Skip`], which rows there are depends on the columns that are decoded: for an answer that does not
/// change with the projection, decode all columns.
///
/// # Errors
/// With [`OnError::Fail`], the first payload that does not decode; the buffers then hold the rows before it.
pub fn decode_rows(
    records: &[Record],
    reading: Reading<'_>,
    decoder: &mut dyn Decoder,
    out: &mut [Buffer],
) -> Result<Kept> {
    // Allocated by the first payload that is skipped.
    let mut kept: Option<Vec<usize>> = None;
    for (position, record) in records.iter().enumerate() {
        let rows = out.first().map_or(0, Buffer::len);
        let Err(error) = decode_one(record, reading.inflate, decoder, out) else {
            if let Some(kept) = &mut kept {
                kept.push(position);
            }
            continue;
        };
        out.iter_mut().for_each(|buffer| buffer.truncate(rows));
        match reading.on_error {
            OnError::Fail => return Err(failure(reading.stream, record, &error)),
            OnError::Null => out.iter_mut().for_each(Buffer::push_null),
            OnError::Skip => {
                kept.get_or_insert_with(|| (0..position).collect());
            }
        }
    }
    Ok(kept.map_or(Kept::All, Kept::Only))
}

/// Inflates and decodes one record: one value more in each buffer.
///
/// After an error the buffers may hold a half-written row; the caller truncates them.
///
/// # Errors
/// The payload does not inflate or does not decode.
pub fn decode_one(
    record: &Record,
    inflate: Inflate,
    decoder: &mut dyn Decoder,
    out: &mut [Buffer],
) -> std::result::Result<(), DecodeError> {
    let payload = inflate.payload(record).map_err(|cause| DecodeError { path: None, cause })?;
    decoder.decode(&payload, out)
}

fn failure(stream: &str, record: &Record, error: &DecodeError) -> Error {
    Error::of(Kind::InvalidPayload, error.to_string())
        .stream(stream)
        .sequence(record.sequence)
        .advice("on_error := 'null' or 'skip' reads past it")
}

#[cfg(test)]
mod tests {
    use super::super::inflate::Compression;
    use super::super::path::Path;
    use super::super::testing::show;
    use super::*;
    use crate::codec::json;
    use crate::column::Type;
    use crate::record::Headers;

    const PAYLOADS: &[&str] =
        &["{\"a\":1,\"b\":\"x\"}", "{\"b\":\"y\",\"a\":[]}", "{", "{\"a\":4}", "{\"a\":5,\"b\":[]}"];

    fn decode(on_error: OnError) -> (Result<Kept>, Vec<String>) {
        let records: Vec<Record> = (10u64..)
            .zip(PAYLOADS)
            .map(|(sequence, payload)| Record {
                subject: "s".into(),
                sequence,
                time_ns: 0,
                headers: Headers::default(),
                payload: payload.as_bytes().into(),
            })
            .collect();
        let columns = ["a", "b"].map(|p| Path::parse(p).unwrap()).into_iter().zip([Type::Integer, Type::Varchar]);
        let codec = json::columns(columns.collect()).unwrap();
        let mut out: Vec<Buffer> = codec.columns().iter().map(|c| Buffer::new(&c.ty)).collect();
        let inflate = Inflate { compression: Compression::None, limit: 0 };
        let reading = Reading { stream: "S", inflate, on_error };
        let kept = decode_rows(&records, reading, &mut *codec.decoder(&[0, 1]), &mut out);
        assert_eq!(out[0].len(), out[1].len());
        let row = |i| format!("{} {}", show(&out[0], &Type::Integer, i), show(&out[1], &Type::Varchar, i));
        let rows = (0..out[0].len()).map(row).collect();
        (kept, rows)
    }

    #[test]
    fn fail_names_the_place_and_keeps_the_rows_before() {
        let (kept, rows) = decode(OnError::Fail);
        assert_eq!(
            kept.unwrap_err().to_string(),
            "stream 'S', sequence 11: path 'a': the list [] is not a valid INTEGER; \
             on_error := 'null' or 'skip' reads past it"
        );
        assert_eq!(rows, ["1 x"]);
    }

    #[test]
    fn null_empties_the_whole_row() {
        let (kept, rows) = decode(OnError::Null);
        assert_eq!(kept, Ok(Kept::All));
        assert_eq!(rows, ["1 x", "NULL NULL", "NULL NULL", "4 NULL", "5 []"]);
    }

    #[test]
    fn skip_says_which_records_are_left() {
        let (kept, rows) = decode(OnError::Skip);
        assert_eq!(kept, Ok(Kept::Only(vec![0, 3, 4])));
        assert_eq!(rows, ["1 x", "4 NULL", "5 []"]);
    }
}
