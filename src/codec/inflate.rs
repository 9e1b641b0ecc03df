//! Payloads that were compressed as a whole, with a limit on the size of one.

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, Read};

use ruzstd::decoding::StreamingDecoder;

use crate::record::Record;

/// How payloads are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all, also where a header names a compression.
    None,
    /// As the `Content-Encoding` header of each message names it: words of [`Compression::CHOICES`], `x-gzip`, `zlib`, `br`,
    /// `identity`, or nothing; of several, the last was applied last (RFC 9110, section 8.4). Any other word is an error.
    Header,
    /// RFC 1952, one member or several.
    Gzip,
    /// RFC 1950 (zlib), or a bare RFC 1951 stream, which some senders mean by `deflate`.
    Deflate,
    /// RFC 1951 alone, as Avro's containers have it.
    RawDeflate,
    /// RFC 8878, one frame or several.
    Zstd,
    /// The Snappy framing format, not the raw one.
    Snappy,
    /// A Snappy block alone, without frames and checksums, as Kafka's and Prometheus' clients write it.
    SnappyRaw,
    /// The LZ4 frame format, one frame or several
    /// (<https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md>).
    Lz4,
    /// RFC 7932.
    Brotli,
}

impl Compression {
    /// The choices of `decompress :=` with their names in SQL.
    pub const CHOICES: &[(&str, Compression)] = &[
        ("none", Compression::None),
        ("header", Compression::Header),
        ("gzip", Compression::Gzip),
        ("deflate", Compression::Deflate),
        ("zstd", Compression::Zstd),
        ("snappy", Compression::Snappy),
        ("snappy_raw", Compression::SnappyRaw),
        ("lz4", Compression::Lz4),
        ("brotli", Compression::Brotli),
    ];

    /// The compression that a `Content-Encoding` names; None when it names none that is known.
    fn by_header(encoding: &str) -> Option<Self> {
        Some(match encoding.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Compression::None,
            "gzip" | "x-gzip" => Compression::Gzip,
            "deflate" | "zlib" => Compression::Deflate,
            "zstd" => Compression::Zstd,
            "snappy" | "x-snappy-framed" => Compression::Snappy,
            "snappy_raw" => Compression::SnappyRaw,
            "lz4" => Compression::Lz4,
            "br" | "brotli" => Compression::Brotli,
            _ => return None,
        })
    }
}

/// How payloads are inflated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Inflate {
    /// How they are compressed.
    pub compression: Compression,
    /// The most bytes to which one payload may grow; a larger payload is an error.
    pub limit: usize,
}

impl Inflate {
    /// The limit unless the user gives another: 64 MiB.
    pub const DEFAULT_LIMIT: usize = 64 << 20;

    /// The payload of a record, inflated; borrowed when it is not compressed. An empty payload stays empty.
    ///
    /// # Errors
    /// A payload that does not inflate or grows beyond the limit; a `Content-Encoding` that is not known.
    pub fn payload<'r>(&self, record: &'r Record) -> Result<Cow<'r, [u8]>, String> {
        let encoding = match self.compression {
            Compression::Header if record.headers.0.is_empty() => return Ok(Cow::Borrowed(&record.payload)),
            Compression::Header => content_encoding(record),
            given => return self.inflate(given, &record.payload),
        };
        let known = |word: &str| {
            if word.trim().eq_ignore_ascii_case("s2") {
                return Err(S2.to_owned());
            }
            Compression::by_header(word)
                .ok_or_else(|| format!("Content-Encoding '{}' is not known", super::quote(word)))
        };
        let Some((before, last)) = encoding.rsplit_once(',') else {
            return self.inflate(known(encoding)?, &record.payload);
        };
        let mut payload = self.inflate(known(last)?, &record.payload)?;
        for word in before.rsplit(',') {
            payload = Cow::Owned(self.inflate(known(word)?, &payload)?.into_owned());
        }
        Ok(payload)
    }

    fn inflate<'r>(&self, compression: Compression, payload: &'r [u8]) -> Result<Cow<'r, [u8]>, String> {
        if payload.is_empty() { Ok(Cow::Borrowed(&[])) } else { inflate(compression, payload, self.limit) }
    }
}

fn content_encoding(record: &Record) -> &str {
    let Some((_, value)) = record.headers.0.iter().find(|(name, _)| name.eq_ignore_ascii_case("Content-Encoding"))
    else {
        return "";
    };
    value
}

/// Inflates bytes up to a limit.
pub(super) fn inflate(compression: Compression, payload: &[u8], limit: usize) -> Result<Cow<'_, [u8]>, String> {
    let inflated = match compression {
        Compression::None | Compression::Header => return Ok(Cow::Borrowed(payload)),
        Compression::Gzip => read("gzip", flate2::read::MultiGzDecoder::new(payload), limit),
        Compression::Deflate if is_zlib(payload) => read("deflate", flate2::read::ZlibDecoder::new(payload), limit),
        Compression::Deflate | Compression::RawDeflate => {
            read("deflate", flate2::read::DeflateDecoder::new(payload), limit)
        }
        Compression::Zstd => zstd(payload, limit),
        Compression::Snappy if payload.starts_with(S2_STREAM) => Err(S2.to_owned()),
        Compression::Snappy if !payload.starts_with(SNAPPY_STREAM) => Err(
            "malformed snappy payload: it does not begin as Snappy's framing format does; 'snappy_raw' reads a block"
                .to_owned(),
        ),
        Compression::Snappy => read("snappy", snap::read::FrameDecoder::new(payload), limit),
        Compression::SnappyRaw => raw_snappy(payload, limit),
        Compression::Lz4 => lz4(payload, limit),
        Compression::Brotli => read("brotli", brotli_decompressor::Decompressor::new(payload, BROTLI_BUFFER), limit),
    };
    inflated.map(Cow::Owned)
}

/// Inflates a raw Snappy block with its CRC-32 behind it, as Avro's containers have it; the checksum is not compared.
pub(super) fn snappy_block(data: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    raw_snappy(data.split_last_chunk::<4>().map_or(&[][..], |(block, _)| block), limit)
}

/// The bytes that brotli's reader takes at once.
const BROTLI_BUFFER: usize = 4096;

/// Inflates LZ4 frames, one behind the other.
fn lz4(mut payload: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    while !payload.is_empty() {
        let before = payload.len();
        read_on("lz4", &mut lz4_flex::frame::FrameDecoder::new(&mut payload), limit, &mut out)?;
        if payload.len() == before {
            return Err("malformed lz4 payload: it ends too early".to_owned());
        }
    }
    Ok(out)
}

fn raw_snappy(block: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let length = snap::raw::decompress_len(block).map_err(|error| broken("snappy", &error))?;
    if length > limit {
        return Err(format!("the snappy payload inflates to more than {limit} bytes"));
    }
    snap::raw::Decoder::new().decompress_vec(block).map_err(|error| broken("snappy", &error))
}

/// The stream identifier, the first chunk of the framing format
/// (<https://github.com/google/snappy/blob/main/framing_format.txt>, section 4.1).
const SNAPPY_STREAM: &[u8] = b"\xff\x06\0\0sNaPpY";

/// The stream identifier of S2 (<https://github.com/klauspost/compress/tree/master/s2>), which extends Snappy: its blocks refer to bytes more than 64
/// KiB back, and no reader of Snappy can read them.
const S2_STREAM: &[u8] = b"\xff\x06\0\0S2sTwO";
/// The error for a payload in S2.
const S2: &str = "the payload is compressed by S2, which is not read; a sender that writes S2 can write Snappy, too";

/// Whether a payload starts with the header of RFC 1950: method 8, and a check that divides by 31.
fn is_zlib(payload: &[u8]) -> bool {
    matches!(payload, [first, second, ..] if first & 15 == 8 && (u16::from(*first) << 8 | u16::from(*second)) % 31 == 0)
}

/// The window that every decoder of zstd must allow; it is held in memory, so the limit also bounds larger windows.
const ZSTD_WINDOW: usize = 8 << 20;

fn zstd(mut payload: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    while !payload.is_empty() {
        let window = limit.max(ZSTD_WINDOW) as u64;
        let mut frame =
            StreamingDecoder::new_with_max_window_size(&mut payload, window).map_err(|error| broken("zstd", &error))?;
        read_on("zstd", &mut frame, limit, &mut out)?;
    }
    Ok(out)
}

fn read(name: &str, mut source: impl Read, limit: usize) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    read_on(name, &mut source, limit, &mut out)?;
    Ok(out)
}

fn read_on(name: &str, source: &mut impl Read, limit: usize, out: &mut Vec<u8>) -> Result<(), String> {
    let most = (limit - out.len().min(limit)) as u64 + 1;
    source.take(most).read_to_end(out).map_err(|error| broken(name, &error))?;
    if out.len() > limit { Err(format!("the {name} payload inflates to more than {limit} bytes")) } else { Ok(()) }
}

fn broken(name: &str, error: &(dyn Error + 'static)) -> String {
    if ends_too_early(error) {
        format!("malformed {name} payload: it ends too early")
    } else {
        format!("malformed {name} payload: {error}")
    }
}

/// Whether an error, or one of its sources, is an unexpected end of the bytes.
fn ends_too_early(error: &(dyn Error + 'static)) -> bool {
    let here = error.downcast_ref::<io::Error>();
    let wrapped = here.and_then(|here| here.get_ref()).is_some_and(|inner| ends_too_early(inner));
    let at_end = here.is_some_and(|here| here.kind() == io::ErrorKind::UnexpectedEof);
    at_end || wrapped || error.source().is_some_and(ends_too_early)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::record::Headers;

    const TEXT: &[u8] = b"hello hello hello hello";

    fn record(payload: &[u8], encoding: Option<&str>) -> Record {
        let headers = encoding.map(|value| ("content-encoding".to_owned(), value.to_owned()));
        Record {
            subject: "s".into(),
            sequence: 1,
            time_ns: 0,
            headers: Headers(headers.into_iter().collect()),
            payload: payload.to_vec().into(),
            part: None,
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn snappy(text: &[u8]) -> Vec<u8> {
        let mut encoder = snap::write::FrameEncoder::new(Vec::new());
        encoder.write_all(text).unwrap();
        encoder.into_inner().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(text, ruzstd::encoding::CompressionLevel::Fastest)
    }

    #[test]
    fn each_compression_by_option_and_by_header() {
        for (compression, word, payload) in [
            (Compression::None, "identity", TEXT.to_vec()),
            (Compression::Gzip, "GZip", gzip(TEXT)),
            (Compression::Gzip, "x-gzip", [gzip(&TEXT[..5]), gzip(&TEXT[5..])].concat()),
            (Compression::Deflate, "deflate", zlib(TEXT)),
            (Compression::Deflate, " deflate ", deflate(TEXT)),
            (Compression::Zstd, "zstd", zstd(TEXT)),
            (Compression::Zstd, "zstd", [zstd(&TEXT[..5]), zstd(&TEXT[5..])].concat()),
            (Compression::Snappy, "snappy", snappy(TEXT)),
        ] {
            for (compression, encoding) in [(compression, None), (Compression::Header, Some(word))] {
                let inflate = Inflate { compression, limit: TEXT.len() };
                assert_eq!(inflate.payload(&record(&payload, encoding)).as_deref(), Ok(TEXT), "{word} {compression:?}");
            }
        }
        let by_header = Inflate { compression: Compression::Header, limit: 0 };
        assert_eq!(by_header.payload(&record(TEXT, None)).as_deref(), Ok(TEXT));
        assert_eq!(by_header.payload(&record(b"", Some("gzip"))).as_deref(), Ok(&b""[..]));
        assert_eq!(by_header.payload(&record(TEXT, Some("gzip, S2"))), Err(S2.to_owned()));
        let snappy = Inflate { compression: Compression::Snappy, limit: 99 };
        let stream = record(b"\xff\x06\0\0S2sTwO", None);
        assert_eq!(snappy.payload(&stream), Err(S2.to_owned()));
        assert_eq!(
            by_header.payload(&record(TEXT, Some("compress"))),
            Err("Content-Encoding 'compress' is not known".to_owned())
        );
    }

    #[test]
    fn a_raw_block_of_snappy_is_bounded_as_well() {
        let mut block = snap::raw::Encoder::new().compress_vec(&vec![0; 1 << 20]).unwrap();
        block.extend([0; 4]);
        assert_eq!(snappy_block(&block, 1 << 20).map(|bytes| bytes.len()), Ok(1 << 20));
        let refused = Err("the snappy payload inflates to more than 1048575 bytes".to_owned());
        assert_eq!(snappy_block(&block, (1 << 20) - 1), refused);
    }

    #[test]
    fn bombs_and_broken_payloads_are_errors() {
        let zeros = vec![0; 1 << 20];
        for (compression, bomb) in [
            (Compression::Gzip, gzip(&zeros)),
            (Compression::Deflate, deflate(&zeros)),
            (Compression::Zstd, zstd(&zeros)),
            (Compression::Snappy, snappy(&zeros)),
        ] {
            let read =
                |payload: &[u8], limit| Inflate { compression, limit }.payload(&record(payload, None)).map(|p| p.len());
            assert_eq!(read(&bomb, 1 << 20), Ok(1 << 20), "{compression:?}");
            let error = read(&bomb, (1 << 20) - 1).unwrap_err();
            assert!(error.contains("inflates to more than 1048575 bytes"), "{error}");
            let error = read(&bomb[..bomb.len() / 2], 1 << 20).unwrap_err();
            assert!(error.ends_with("payload: it ends too early"), "{error}");
            assert!(read(b"{\"a\":1}", 1 << 20).is_err(), "{compression:?} not compressed");
        }
    }
}
