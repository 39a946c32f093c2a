//! Splitting text into records by RFC 4180, with a bound on memory and a way back after a broken quote.
//!
//! A value is quoted when it begins with `"`; inside, `""` is one quote. After the closing quote only a delimiter or
//! the end of the record may follow. A record ends with LF, CRLF, CR or the end of the file; empty lines are no records.
//!
//! Where a quote never closes, or text follows the closing one, a lenient reader swallows the lines after it.
//! Here the record is broken and ends with its first line, and reading goes on with the next one, so that one
//! stray quote costs one row. The search for the closing quote is not repeated for later lines in vain: a line
//! that could open a quote would also have ended the search.

#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::ops::Range;

use memchr::{memchr, memchr2, memchr3};

use crate::checksum::CHUNK_BYTES;

/// The longest record, in bytes of UTF-8: thirty times what Python's reader allows one value,
/// and small enough to hold a few of them for every attempt.
pub(super) const RECORD_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most values of one record; twice the columns that spreadsheets have.
pub(super) const VALUES_MAX: usize = 32 * 1024;

/// How much of a record that is too long is kept, in bytes.
const LONG_KEPT_BYTES: usize = 1024;

/// The longest end of a line, CRLF, in bytes.
const LINE_END_BYTES: usize = 2;

const QUOTE: u8 = b'"';

/// Splits a stream of UTF-8.
pub(super) struct Records<R> {
    input: R,
    delimiter: u8,
    /// The longest record; a field, so that tests need no megabytes.
    bytes_max: usize,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
    line: u64,
}

/// One record; kept by the caller and filled anew, so that nothing is allocated per record.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// The line of the file it begins in, from 1.
    pub(super) line: u64,
    /// Its bytes without the end of the line.
    pub(super) raw: Vec<u8>,
    /// Why it cannot be split into values.
    pub(super) broken: Option<Broken>,
    values: Vec<Place>,
    /// How many values there are, also beyond [`VALUES_MAX`].
    pub(super) count: usize,
}

#[derive(Clone, Debug)]
struct Place {
    range: Range<usize>,
    /// Whether `""` stands in it.
    doubled: bool,
}

/// What is wrong with a record as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// A quote is opened and never closed.
    Unclosed,
    /// Text follows a closing quote.
    AfterQuote,
    /// It is longer than [`RECORD_BYTES_MAX`].
    TooLong,
}

/// How a look at the buffer ended.
enum Look {
    /// The record's length, and the length with the end of its line.
    Whole(usize, usize),
    /// It may go on after what is in the buffer.
    More,
    Broken(Broken),
}

impl<R: Read> Records<R> {
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self::with_limit(input, delimiter, RECORD_BYTES_MAX)
    }

    fn with_limit(input: R, delimiter: u8, bytes_max: usize) -> Self {
        Self { input, delimiter, bytes_max, buffer: Vec::new(), start: 0, ended: false, line: 1 }
    }

    /// The next record; `false` at the end of the file.
    pub(super) fn next(&mut self, record: &mut Record) -> io::Result<bool> {
        if !self.skip_empty_lines()? {
            return Ok(false);
        }
        record.line = self.line;
        record.broken = None;
        loop {
            // Never more than a record may have, so that the verdict does not depend on how much was read at once.
            let window = self.buffer.len().min(self.start + self.bytes_max + LINE_END_BYTES);
            let full = window - self.start == self.bytes_max + LINE_END_BYTES;
            let ended = self.ended && window == self.buffer.len();
            match look(&self.buffer[self.start..window], ended, self.delimiter, record) {
                Look::Whole(length, _) if length > self.bytes_max => return self.cut(record, Broken::TooLong),
                Look::Whole(length, with_end) => {
                    self.take(record, length, with_end);
                    return Ok(true);
                }
                Look::Broken(why) => return self.cut(record, why),
                Look::More if full => return self.cut(record, Broken::TooLong),
                Look::More => self.fill()?,
            }
        }
    }

    fn take(&mut self, record: &mut Record, length: usize, with_end: usize) {
        let bytes = &self.buffer[self.start..self.start + length];
        record.raw.clear();
        record.raw.extend_from_slice(bytes);
        self.line += 1 + line_ends(bytes);
        self.start += with_end;
    }

    /// Ends a broken record with its first line.
    fn cut(&mut self, record: &mut Record, why: Broken) -> io::Result<bool> {
        record.broken = Some(why);
        record.count = 0;
        record.values.clear();
        loop {
            let rest = &self.buffer[self.start..];
            match line_end(rest, 0, self.ended) {
                Some((length, with_end)) if length <= self.bytes_max => {
                    self.take(record, length, with_end);
                    return Ok(true);
                }
                None if rest.len() < self.bytes_max + LINE_END_BYTES && !self.ended => self.fill()?,
                Some(_) | None => return self.skip_long_line(record),
            }
        }
    }

    /// Keeps the beginning of a line that is too long and forgets the rest as it comes.
    fn skip_long_line(&mut self, record: &mut Record) -> io::Result<bool> {
        record.broken = Some(Broken::TooLong);
        record.raw.clear();
        record.raw.extend_from_slice(&self.buffer[self.start..self.start + LONG_KEPT_BYTES.min(self.bytes_max)]);
        loop {
            let rest = &self.buffer[self.start..];
            if let Some((_, with_end)) = line_end(rest, 0, self.ended) {
                self.start += with_end;
                self.line += 1;
                return Ok(true);
            }
            // A CR at the very end stays: the LF that belongs to it may follow.
            let kept = usize::from(rest.last() == Some(&b'\r'));
            self.start = self.buffer.len() - kept;
            self.fill()?;
        }
    }

    fn skip_empty_lines(&mut self) -> io::Result<bool> {
        loop {
            match self.buffer.get(self.start) {
                None if self.ended => return Ok(false),
                None => self.fill()?,
                Some(b'\n' | b'\r') => match line_end(&self.buffer[self.start..], 0, self.ended) {
                    Some((_, with_end)) => {
                        self.start += with_end;
                        self.line += 1;
                    }
                    None => self.fill()?,
                },
                Some(_) => return Ok(true),
            }
        }
    }

    /// Reads on; at least as much again as is held, so that looking anew from the start stays cheap.
    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let held = self.buffer.len();
        self.buffer.resize(held + held.max(CHUNK_BYTES), 0);
        let read = loop {
            match self.input.read(&mut self.buffer[held..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(held + read.as_ref().copied().unwrap_or(0));
        self.ended = read? == 0;
        Ok(())
    }
}

impl Record {
    /// A value, with its quotes taken off; `None` beyond the last.
    pub(super) fn value(&self, index: usize) -> Option<std::borrow::Cow<'_, [u8]>> {
        let place = self.values.get(index)?;
        let bytes = &self.raw[place.range.clone()];
        if !place.doubled {
            return Some(bytes.into());
        }
        let mut value = Vec::with_capacity(bytes.len());
        let mut rest = bytes;
        while let Some(quote) = memchr(QUOTE, rest) {
            value.extend_from_slice(&rest[..=quote]);
            rest = rest.get(quote + 2..).unwrap_or_default();
        }
        value.extend_from_slice(rest);
        Some(value.into())
    }

    fn push(&mut self, range: Range<usize>, doubled: bool) {
        self.count += 1;
        if self.values.len() < VALUES_MAX {
            self.values.push(Place { range, doubled });
        }
    }
}

/// Where the line ends at or after `from`: without its end and with it. `None` when that is not seen yet.
fn line_end(bytes: &[u8], from: usize, ended: bool) -> Option<(usize, usize)> {
    match memchr2(b'\n', b'\r', &bytes[from..]) {
        Some(place) => after(bytes, from + place, ended).map(|with_end| (from + place, with_end)),
        None => ended.then_some((bytes.len(), bytes.len())),
    }
}

/// What follows the line end at `place`; `None` when it is a CR and the next byte is not seen yet.
fn after(bytes: &[u8], place: usize, ended: bool) -> Option<usize> {
    match (bytes[place], bytes.get(place + 1)) {
        (b'\r', Some(b'\n')) => Some(place + 2),
        (b'\r', None) if !ended => None,
        _ => Some(place + 1),
    }
}

/// Line ends inside a record.
fn line_ends(bytes: &[u8]) -> u64 {
    let mut count = 0;
    let mut from = 0;
    while let Some((_, next)) = line_end(bytes, from, true).filter(|(place, _)| *place < bytes.len()) {
        count += 1;
        from = next;
    }
    count
}

/// Looks for the end of the record at the beginning of `bytes` and notes its values.
fn look(bytes: &[u8], ended: bool, delimiter: u8, record: &mut Record) -> Look {
    record.values.clear();
    record.count = 0;
    let mut at = 0;
    loop {
        let quoted = match bytes.get(at) {
            None if !ended => return Look::More,
            first => first == Some(&QUOTE),
        };
        let stop = if quoted {
            match closing(bytes, at + 1, ended, delimiter) {
                Ok((close, doubled)) => {
                    record.push(at + 1..close, doubled);
                    close + 1
                }
                Err(look) => return look,
            }
        } else {
            let stop = match memchr3(delimiter, b'\n', b'\r', &bytes[at..]) {
                Some(place) => at + place,
                None if ended => bytes.len(),
                None => return Look::More,
            };
            record.push(at..stop, false);
            stop
        };
        match bytes.get(stop) {
            None => return Look::Whole(stop, stop),
            Some(byte) if *byte == delimiter => at = stop + 1,
            Some(_) => return after(bytes, stop, ended).map_or(Look::More, |with_end| Look::Whole(stop, with_end)),
        }
    }
}

/// The place of the closing quote, and whether doubled ones stand before it.
fn closing(bytes: &[u8], from: usize, ended: bool, delimiter: u8) -> Result<(usize, bool), Look> {
    let mut at = from;
    let mut doubled = false;
    loop {
        let Some(place) = memchr(QUOTE, bytes.get(at..).unwrap_or_default()) else {
            return Err(if ended { Look::Broken(Broken::Unclosed) } else { Look::More });
        };
        let quote = at + place;
        match bytes.get(quote + 1) {
            None if !ended => return Err(Look::More),
            Some(&QUOTE) => {
                doubled = true;
                at = quote + 2;
            }
            None | Some(b'\n' | b'\r') => return Ok((quote, doubled)),
            Some(byte) if *byte == delimiter => return Ok((quote, doubled)),
            Some(_) => return Err(Look::Broken(Broken::AfterQuote)),
        }
    }
}
