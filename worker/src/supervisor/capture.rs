//! What a program prints, up to a limit: short text in memory, more in a file without a name.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use candor_proto::limits::{ERROR_DETAIL_BYTES_MAX, INLINE_BYTES_MAX};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

use crate::secrets::Masks;

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// One stream of a program.
pub(super) struct Stream {
    pipe: Option<Receiver>,
    chunk: Vec<u8>,
    text: Captured,
    max: u64,
}

/// What a program printed on one stream.
#[derive(Debug, Default)]
pub struct Captured {
    memory: Vec<u8>,
    file: Option<File>,
    bytes: u64,
    cut: bool,
}

impl Stream {
    pub(super) fn new(pipe: Receiver, max: u64) -> Self {
        Self { pipe: Some(pipe), chunk: Vec::with_capacity(CHUNK_BYTES), text: Captured::default(), max }
    }

    /// Whether more may come.
    pub(super) const fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether it printed more than it may.
    pub(super) const fn is_cut(&self) -> bool {
        self.text.cut
    }

    /// Takes what comes next; never ends once the stream has ended. May be dropped while waiting.
    pub(super) async fn advance(&mut self, spill: &Path) -> std::io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return std::future::pending().await };
        // Memory is touched only as far as something was read: most programs print little.
        self.chunk.clear();
        let read = pipe.read_buf(&mut self.chunk).await?;
        if read == 0 {
            self.pipe = None;
            return Ok(());
        }
        // Beyond the limit it is read and thrown away, so that the program never hangs on a full pipe before it is killed.
        let room = usize::try_from(self.max - self.text.bytes).unwrap_or(usize::MAX);
        self.text.cut |= read > room;
        self.text.push(&self.chunk[..read.min(room)], spill)
    }

    /// Closes the stream, whoever still holds its other end.
    pub(super) fn finish(self) -> Captured {
        self.text
    }
}

impl Captured {
    fn push(&mut self, bytes: &[u8], spill: &Path) -> std::io::Result<()> {
        self.bytes += bytes.len() as u64;
        if self.file.is_none() && self.memory.len() + bytes.len() <= INLINE_BYTES_MAX {
            self.memory.extend_from_slice(bytes);
            return Ok(());
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let mut file = tempfile::tempfile_in(spill)?;
                file.write_all(&std::mem::take(&mut self.memory))?;
                self.file.insert(file)
            }
        };
        file.write_all(bytes)
    }

    /// Its length in bytes.
    pub const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether there was more than the limit.
    pub const fn is_cut(&self) -> bool {
        self.cut
    }

    /// All of it, when that is at most `max` bytes.
    pub fn whole(&mut self, max: u64) -> std::io::Result<Option<Vec<u8>>> {
        if self.bytes > max {
            return Ok(None);
        }
        let Some(file) = &mut self.file else { return Ok(Some(self.memory.clone())) };
        let mut bytes = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    /// All of it as something to read.
    pub fn reader(&mut self) -> std::io::Result<Box<dyn Read + Send>> {
        let Some(file) = &mut self.file else { return Ok(Box::new(std::io::Cursor::new(self.memory.clone()))) };
        file.rewind()?;
        Ok(Box::new(file.try_clone()?))
    }

    /// Its end, as text without secrets, long enough for the detail of an error. Masked before it is cut to that length:
    /// of a secret that the cut would part, no part is left.
    pub fn end(&mut self, masks: &Masks) -> std::io::Result<String> {
        let max = ERROR_DETAIL_BYTES_MAX + masks.reach();
        let bytes = match &mut self.file {
            None => self.memory[self.memory.len().saturating_sub(max)..].to_vec(),
            Some(file) => {
                let mut bytes = Vec::new();
                file.seek(SeekFrom::Start(self.bytes.saturating_sub(max as u64)))?;
                file.read_to_end(&mut bytes)?;
                bytes
            }
        };
        Ok(masks.excerpt(&bytes, self.bytes > max as u64, self.cut))
    }
}
