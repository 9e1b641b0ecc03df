//! A run of records becomes rows: inflate, decode, and apply `on_error`.

use super::good_columns::GoodColumns;
use super::inflate::Inflate;
use super::{Codec, DecodeError, Decoder, row_source};
use crate::column::Buffer;
use crate::error::{Error, Kind, Result};
use crate::record::Record;

/// The effect of a payload that does not decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnError {
    /// The statement ends with an error that names stream, sequence, path and cause.
    Fail,
    /// A value that does not decode is NULL; the other columns have the values that they have when they are read alone.
    Null,
    /// The row is left out.
    Skip,
}

impl OnError {
    /// Every choice with its name in SQL.
    pub const CHOICES: &[(&str, OnError)] =
        &[("fail", OnError::Fail), ("null", OnError::Null), ("skip", OnError::Skip)];
}

/// How the payloads of one statement are read.
#[derive(Debug, Clone, Copy)]
pub struct DecodeOptions<'a> {
    /// The stream, for error texts.
    pub stream: &'a str,
    /// How payloads are compressed.
    pub inflate: Inflate,
    /// The effect of a payload that does not decode.
    pub on_error: OnError,
}

/// The records that have a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// All of them.
    All,
    /// Those at these positions, in order; the others were skipped.
    Only(Vec<usize>),
}

/// The columns that are read of payloads.
#[derive(Clone, Copy)]
pub struct Projected<'a> {
    /// Their decoder.
    pub codec: &'a dyn Codec,
    /// Their positions among those of the codec, which ascend.
    pub columns: &'a [usize],
}

/// Decodes records, one row each, into the buffers of a projection. `errors` takes for each row the reason why values of it are NULL, or NULL; it is
/// filled only with [`OnError::Null`].
///
/// With [`OnError::Skip`], the decoded columns decide which rows there are. Decode all columns for an answer that does not change with the
/// projection.
///
/// # Errors
/// With [`OnError::Fail`], the first payload that does not decode; the buffers then hold the rows before it.
pub fn decode_rows(
    records: &[Record],
    options: DecodeOptions<'_>,
    projected: Projected<'_>,
    out: &mut [Buffer],
    mut errors: Option<&mut Buffer>,
) -> Result<Kept> {
    let mut decoder = projected.codec.decoder(projected.columns);
    // Made by the first payload with a bad value.
    let mut good = None;
    // Allocated by the first payload that is skipped.
    let mut kept: Option<Vec<usize>> = None;
    for (position, record) in records.iter().enumerate() {
        let rows = out.first().map_or(0, Buffer::len);
        let Err(error) = decode_one(record, options.inflate, &mut *decoder, out) else {
            if let Some(kept) = &mut kept {
                kept.push(position);
            }
            errors.iter_mut().for_each(|errors| errors.push_null());
            continue;
        };
        out.iter_mut().for_each(|buffer| buffer.truncate(rows));
        match options.on_error {
            OnError::Fail => return Err(failure(options.stream, record, &error)),
            OnError::Null => {
                let good = good.get_or_insert_with(|| GoodColumns::new(projected.codec, projected.columns));
                let causes = decode_good(record, options.inflate, good, error, out);
                errors.iter_mut().for_each(|errors| errors.push_bytes(causes.join("; ").as_bytes()));
            }
            OnError::Skip => {
                kept.get_or_insert_with(|| (0..position).collect());
            }
        }
    }
    Ok(kept.map_or(Kept::All, Kept::Only))
}

/// Decodes the good columns of a record that does not decode as a whole. Returns the causes of the others, each once.
fn decode_good(
    record: &Record,
    inflate: Inflate,
    good: &mut GoodColumns<'_>,
    error: DecodeError,
    out: &mut [Buffer],
) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let read = row_source::read(record, inflate, |payload| {
        good.decode(payload, error, out, &mut |error| {
            let cause = error.to_string();
            if !causes.contains(&cause) {
                causes.push(cause);
            }
        });
        Ok(())
    });
    if let Err(error) = read {
        out.iter_mut().for_each(Buffer::push_null);
        causes.push(error.to_string());
    }
    causes
}

/// Inflates and decodes one record, and appends one value to each buffer.
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
    row_source::read(record, inflate, |payload| payload.decode(decoder, out))
}

fn failure(stream: &str, record: &Record, error: &DecodeError) -> Error {
    Error::of(Kind::InvalidPayload, record.cause(error))
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
    use crate::testing::Numbers;

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
                part: None,
            })
            .collect();
        let columns = ["a", "b"].map(|p| Path::parse(p).unwrap()).into_iter().zip([Type::Integer, Type::Varchar]);
        let codec = json::columns(columns.collect()).unwrap();
        let mut out: Vec<Buffer> = codec.columns().iter().map(|c| Buffer::new(&c.ty)).collect();
        let inflate = Inflate { compression: Compression::None, limit: 0 };
        let options = DecodeOptions { stream: "S", inflate, on_error };
        let projected = Projected { codec: &*codec, columns: &[0, 1] };
        let kept = decode_rows(&records, options, projected, &mut out, None);
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
    fn null_empties_what_is_bad_and_no_other() {
        let (kept, rows) = decode(OnError::Null);
        assert_eq!(kept, Ok(Kept::All));
        assert_eq!(rows, ["1 x", "NULL y", "NULL NULL", "4 NULL", "5 []"]);
    }

    /// Documents with good, bad and missing members, members twice, and cuts.
    fn documents(count: usize) -> Vec<Vec<u8>> {
        let mut numbers = Numbers(7);
        let mut random = move |below: usize| numbers.place(below);
        let values = ["1", "\"x\"", "null", "[1,2]", "{\"b\":1}", "{\"b\":\"y\"}", "\"\\ud800\"", "2.5", "[\"z\"]"];
        let mut document = || {
            let members: Vec<String> = (0..random(7))
                .map(|_| format!("\"{}\":{}", ["a", "c", "d", "e", "a"][random(5)], values[random(9)]))
                .collect();
            let mut text = format!("{{{}}}", members.join(",")).into_bytes();
            if random(8) == 0 {
                text.truncate(random(text.len()));
            }
            text
        };
        (0..count).map(|_| document()).collect()
    }

    #[test]
    fn a_value_does_not_depend_on_what_is_read_beside_it() {
        let columns = [
            ("a", Type::Integer),
            ("a.b", Type::Integer),
            ("c", Type::list(Type::Integer)),
            ("d", Type::Varchar),
            ("e", Type::Struct(vec![super::super::testing::ty("b", Type::Integer)])),
        ];
        let codec =
            json::columns(columns.iter().map(|(p, ty)| (Path::parse(p).unwrap(), ty.clone())).collect()).unwrap();
        let records: Vec<Record> = documents(400).into_iter().map(record).collect();
        let inflate = Inflate { compression: Compression::None, limit: 0 };
        let options = DecodeOptions { stream: "S", inflate, on_error: OnError::Null };
        let read = |projection: &[usize]| {
            let mut out: Vec<Buffer> = projection.iter().map(|i| Buffer::new(&codec.columns()[*i].ty)).collect();
            let mut errors = Buffer::new(&Type::Varchar);
            let projected = Projected { codec: &*codec, columns: projection };
            decode_rows(&records, options, projected, &mut out, Some(&mut errors)).unwrap();
            (out, errors)
        };
        let alone: Vec<(Buffer, Buffer)> = (0..5).map(|i| read(&[i])).map(|(mut out, e)| (out.remove(0), e)).collect();
        for mask in 1..32u32 {
            let projection: Vec<usize> = (0..5).filter(|i| mask & (1 << i) != 0).collect();
            let (out, errors) = read(&projection);
            for (column, buffer) in projection.iter().zip(&out) {
                assert_eq!(*buffer, alone[*column].0, "{projection:?}");
            }
            for row in 0..records.len() {
                let bad = projection.iter().any(|column| alone[*column].1.valid[row]);
                assert_eq!(errors.valid[row], bad, "{projection:?} {row}");
            }
        }
        assert!(alone.iter().all(|(_, errors)| errors.valid.contains(&true) && errors.valid.contains(&false)));
    }

    fn record(payload: Vec<u8>) -> Record {
        Record {
            subject: "s".into(),
            sequence: 1,
            time_ns: 0,
            headers: Headers::default(),
            payload: payload.into(),
            part: None,
        }
    }

    #[test]
    fn skip_says_which_records_are_left() {
        let (kept, rows) = decode(OnError::Skip);
        assert_eq!(kept, Ok(Kept::Only(vec![0, 3, 4])));
        assert_eq!(rows, ["1 x", "4 NULL", "5 []"]);
    }
}
