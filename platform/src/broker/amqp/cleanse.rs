//! What comes from the server, made harmless for the client library.
//!
//! The library gives a whole connection up over one property that is no UTF-8, follows nested headers without a bound,
//! and takes bodies of any size into memory; any stranger may send such a message, and it would come again and again.
//! So texts get a `?` for each wrong byte, headers nested too deeply become opaque, and of a body only as much passes
//! as is needed to see that it is too large. What is well formed passes unchanged, byte for byte.

mod fields;

use std::collections::HashMap;

use candor_proto::limits::MESSAGE_BYTES_MAX;

/// Type, channel and size.
const HEAD: usize = 7;
/// Frames beyond this many bytes are none: what follows is passed on as it is.
const HELD_MAX: usize = 4 * 1024 * 1024;
/// As much of a body as passes: one byte too many for any message.
const BODY_MAX: u64 = MESSAGE_BYTES_MAX as u64 + 1;

const METHOD: u8 = 1;
const HEADER: u8 = 2;
const BODY: u8 = 3;
const HEARTBEAT: u8 = 8;

/// Reads the frames of one connection.
#[derive(Debug, Default)]
pub(super) struct Cleanser {
    /// The beginning of a frame that is not whole yet.
    held: Vec<u8>,
    /// Bytes of a body's frame that pass, those after them that do not, and those after these that pass again.
    pass: usize,
    skip: usize,
    end: usize,
    /// Channels with a body that is cut, and how much of it may still pass.
    cut: HashMap<u16, u64>,
    /// Nothing is understood any more: all passes.
    lost: bool,
}

impl Cleanser {
    /// Takes bytes from the server and appends what the client may see.
    pub(super) fn feed(&mut self, mut bytes: &[u8], out: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.lost {
                out.extend_from_slice(bytes);
                return;
            }
            if self.pass == 0 && self.skip == 0 {
                self.pass = std::mem::take(&mut self.end);
            }
            if self.pass > 0 {
                let (passing, rest) = bytes.split_at(self.pass.min(bytes.len()));
                out.extend_from_slice(passing);
                self.pass -= passing.len();
                bytes = rest;
            } else if self.skip > 0 {
                let count = self.skip.min(bytes.len());
                self.skip -= count;
                bytes = &bytes[count..];
            } else {
                bytes = self.hold(bytes, out);
            }
        }
    }

    /// Collects a frame up to where it can be judged, and gives back what was not needed for that.
    fn hold<'a>(&mut self, bytes: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
        let mut rest = self.take(HEAD, bytes);
        let Some((kind, channel, size)) = head(&self.held) else { return rest };
        match kind {
            METHOD | HEADER if size <= HELD_MAX => {
                let whole = HEAD + size + 1;
                rest = self.take(whole, rest);
                if self.held.len() == whole {
                    self.judge(kind, channel);
                    out.append(&mut self.held);
                }
            }
            BODY if size <= HELD_MAX => self.body(channel, size, out),
            HEARTBEAT => {
                out.append(&mut self.held);
                self.pass = size + 1;
            }
            _ => {
                self.lost = true;
                out.append(&mut self.held);
            }
        }
        rest
    }

    fn take<'a>(&mut self, whole: usize, bytes: &'a [u8]) -> &'a [u8] {
        let missing = whole.saturating_sub(self.held.len()).min(bytes.len());
        self.held.extend_from_slice(&bytes[..missing]);
        &bytes[missing..]
    }

    fn judge(&mut self, kind: u8, channel: u16) {
        let end = self.held.len() - 1;
        let payload = &mut self.held[HEAD..end];
        if kind == METHOD {
            fields::clean_method(payload);
            return;
        }
        self.cut.remove(&channel);
        if let Some(bytes) = fields::body_size(payload)
            && u64::from_be_bytes(*bytes) > BODY_MAX
        {
            *bytes = BODY_MAX.to_be_bytes();
            self.cut.insert(channel, BODY_MAX);
        }
        fields::clean_properties(payload);
    }

    fn body(&mut self, channel: u16, size: usize, out: &mut Vec<u8>) {
        let Some(left) = self.cut.get_mut(&channel) else {
            out.append(&mut self.held);
            self.pass = size + 1;
            return;
        };
        let passing = usize::try_from(*left).unwrap_or(usize::MAX).min(size);
        *left -= passing as u64;
        if passing == size {
            out.append(&mut self.held);
            self.pass = size + 1;
        } else if passing == 0 {
            self.held.clear();
            self.skip = size + 1;
        } else {
            // The last one that passes is shortened; its end mark comes after what is left out.
            self.held[3..HEAD].copy_from_slice(&u32::try_from(passing).unwrap_or(u32::MAX).to_be_bytes());
            out.append(&mut self.held);
            (self.pass, self.skip, self.end) = (passing, size - passing, 1);
        }
    }
}

fn head(held: &[u8]) -> Option<(u8, u16, usize)> {
    let [kind, c0, c1, s0, s1, s2, s3, ..] = *held else { return None };
    let size = usize::try_from(u32::from_be_bytes([s0, s1, s2, s3])).ok()?;
    Some((kind, u16::from_be_bytes([c0, c1]), size))
}

#[cfg(test)]
mod tests;
