//! Here-documents.

use super::lexer::{Lexer, Refusal, Unclear};
use super::quotes::Around;

/// A here-document whose body begins on the next line.
pub(super) struct HereDocument {
    delimiter: String,
    /// Whether the delimiter was quoted, so that the body is taken as it is.
    quoted: bool,
    /// `<<-`: tabs before each line do not count.
    tabs: bool,
}

impl Lexer<'_> {
    /// `<<` or `<<-` and the delimiter after it, from the first `<`.
    pub(super) fn here_document(&mut self) -> Result<HereDocument, Unclear> {
        let start = self.at;
        self.at += 2;
        let tabs = self.peek(0) == Some(b'-');
        self.at += usize::from(tabs);
        while matches!(self.peek(0), Some(b' ' | b'\t')) {
            self.at += 1;
        }
        let mut document = HereDocument { delimiter: String::new(), quoted: false, tabs };
        let mut bytes = Vec::new();
        loop {
            if self.refused(Refusal::Delimiter) {
                bytes.push(b'x');
                continue;
            }
            match self.peek(0) {
                None | Some(b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'<' | b'>' | b'(' | b')') => break,
                Some(b'`') => return self.unclear(self.at, "a backtick in the delimiter of a here-document"),
                Some(b'\\') => {
                    document.quoted = true;
                    self.at += 1;
                    if let Some(byte) = self.peek(0).filter(|_| self.place_at(self.at).is_none()) {
                        bytes.extend(Some(byte).filter(|byte| *byte != b'\n'));
                        self.at += 1;
                    }
                }
                Some(quote @ (b'\'' | b'"')) => {
                    document.quoted = true;
                    self.quoted_delimiter(quote, &mut bytes)?;
                }
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        if bytes.is_empty() && !document.quoted {
            return self.unclear(start, "a here-document without a delimiter");
        }
        document.delimiter = String::from_utf8_lossy(&bytes).into_owned();
        Ok(document)
    }

    fn quoted_delimiter(&mut self, quote: u8, bytes: &mut Vec<u8>) -> Result<(), Unclear> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                None => return self.unclear(start, "a quote that is not closed"),
                Some(byte) if byte == quote => break,
                Some(_) if self.refused(Refusal::Delimiter) => {}
                Some(byte) => {
                    bytes.push(byte);
                    self.at += 1;
                }
            }
        }
        self.at += 1;
        Ok(())
    }

    /// The body, from the beginning of its first line to after its delimiter.
    pub(super) fn here_body(&mut self, document: &HereDocument) -> Result<(), Unclear> {
        let (body_end, after) = self.body_end(document);
        if document.quoted {
            while self.at < body_end {
                if !self.refused(Refusal::QuotedHereDocument) {
                    self.at += 1;
                }
            }
        } else {
            let outer_end = std::mem::replace(&mut self.end, body_end);
            let read = self.nested(|lexer| lexer.quoted_text(Around::Double, |_| false));
            self.end = outer_end;
            read?;
        }
        self.at = after;
        Ok(())
    }

    /// Where the body ends and where the script goes on. The lines are compared before anything is expanded.
    fn body_end(&self, document: &HereDocument) -> (usize, usize) {
        let bytes = self.text.as_bytes().get(..self.end).unwrap_or_default();
        let mut start = self.at;
        let mut joined = false;
        while start < bytes.len() {
            let end = self.line_end(start);
            let line = bytes.get(start..end).unwrap_or_default();
            let tabs = if document.tabs { line.iter().take_while(|byte| **byte == b'\t').count() } else { 0 };
            if !joined && line.get(tabs..) == Some(document.delimiter.as_bytes()) {
                return (start, (end + 1).min(bytes.len()));
            }
            let backslashes = line.iter().rev().take_while(|byte| **byte == b'\\').count();
            joined = !document.quoted && backslashes % 2 == 1;
            start = end + 1;
        }
        (bytes.len(), bytes.len())
    }

    /// The end of a line; an expression may itself go over several.
    fn line_end(&self, mut at: usize) -> usize {
        let bytes = self.text.as_bytes();
        while at < self.end && bytes.get(at) != Some(&b'\n') {
            at = self.place_at(at).map_or(at + 1, |place| place.whole.end);
        }
        at.min(self.end)
    }
}
