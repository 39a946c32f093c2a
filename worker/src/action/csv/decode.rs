//! From the bytes of a file in any usual encoding to UTF-8, in a stream.
//!
//! A byte sequence that the encoding does not know becomes the byte [`BROKEN`], which no UTF-8 text contains,
//! so that the row it stands in is found broken; nothing is replaced in silence.

use std::io::{self, Read};

use candor_proto::TaskError;
use candor_workflow::encoding_of;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

use crate::action::with::invalid;
use crate::checksum::CHUNK_BYTES;

/// What stands for bytes that cannot be decoded.
const BROKEN: u8 = 0xff;

/// A file as UTF-8, without its byte order mark.
pub(super) struct Decoded<R> {
    input: R,
    /// None passes UTF-8 through as it is; whoever reads it sees what is broken.
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    used: usize,
    ready: Vec<u8>,
    given: usize,
    ended: bool,
}

/// Which encoding a name means; `None` is UTF-8, or UTF-16 when the file begins with its mark.
pub(super) fn encoding(name: Option<&str>) -> Result<Option<&'static Encoding>, TaskError> {
    let Some(name) = name else { return Ok(None) };
    encoding_of(name).map(Some).ok_or_else(|| {
        invalid(format!("`encoding`: there is no encoding `{name}`"))
            .with_advice("use utf-8, utf-16, latin-1, windows-1252 or another name of the WHATWG encoding standard")
    })
}

impl<R: Read> Decoded<R> {
    /// Looks at the first bytes for a byte order mark.
    pub(super) fn new(mut input: R, wanted: Option<&'static Encoding>) -> io::Result<Self> {
        let mut raw = Vec::with_capacity(CHUNK_BYTES);
        input.by_ref().take(3).read_to_end(&mut raw)?;
        let marked = Encoding::for_bom(&raw);
        let wide = |encoding| encoding == UTF_16LE || encoding == UTF_16BE;
        let (encoding, mark) = match (wanted, marked) {
            (None, Some((found, length))) => (found, length),
            (None, None) => (UTF_8, 0),
            (Some(wanted), Some((found, length))) if wanted == found || (wide(wanted) && wide(found)) => {
                (found, length)
            }
            (Some(wanted), Some(_) | None) => (wanted, 0),
        };
        let decoder = (encoding != UTF_8).then(|| encoding.new_decoder_without_bom_handling());
        Ok(Self { input, decoder, raw, used: mark, ready: Vec::new(), given: 0, ended: false })
    }

    /// Decodes until something is ready or the file has ended.
    fn refill(&mut self) -> io::Result<()> {
        self.ready.clear();
        self.given = 0;
        while self.ready.is_empty() && !self.ended {
            let mut last = false;
            if self.used == self.raw.len() {
                self.raw.resize(CHUNK_BYTES, 0);
                let read = self.input.read(&mut self.raw);
                self.raw.truncate(*read.as_ref().unwrap_or(&0));
                self.used = 0;
                last = read? == 0;
            }
            self.decode(last);
        }
        Ok(())
    }

    fn decode(&mut self, last: bool) {
        let rest = &self.raw[self.used..];
        let Some(decoder) = &mut self.decoder else {
            self.ready.extend_from_slice(rest);
            (self.used, self.ended) = (self.raw.len(), last);
            return;
        };
        // Room for the worst case, so that the output is never full: three bytes for one.
        self.ready.resize(rest.len() * 3 + 16, 0);
        let (result, read, written) = decoder.decode_to_utf8_without_replacement(rest, &mut self.ready, last);
        self.ready.truncate(written);
        self.used += read;
        match result {
            DecoderResult::Malformed(..) => self.ready.push(BROKEN),
            DecoderResult::InputEmpty => self.ended = last,
            DecoderResult::OutputFull => {}
        }
    }
}

impl<R: Read> Read for Decoded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.ready.len() {
            self.refill()?;
        }
        let rest = &self.ready[self.given..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.given += count;
        Ok(count)
    }
}
