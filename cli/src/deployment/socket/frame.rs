//! Frames: a length of four bytes, big-endian, and MessagePack.

use candor_platform::runtime::io::{AsyncReadExt, AsyncWriteExt};
use candor_proto::codec::{Encoding, read, write};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The longest frame, in bytes: a page of events with the largest outputs that a job may hold.
const FRAME_BYTES_MAX: usize = 512 * 1024 * 1024;

fn wrong(error: candor_proto::Error) -> std::io::Error {
    std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string())
}

/// Writes one.
pub(super) async fn put<T: Serialize>(out: &mut (impl AsyncWriteExt + Unpin), value: &T) -> std::io::Result<()> {
    let body = write(value, Encoding::MessagePack, "socket").map_err(wrong)?;
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= FRAME_BYTES_MAX);
    let length = length.ok_or_else(|| std::io::Error::new(std::io::ErrorKind::InvalidData, "the frame is too long"))?;
    out.write_all(&length.to_be_bytes()).await?;
    out.write_all(&body).await?;
    out.flush().await
}

/// Reads one; `None` when the other side has ended between two frames.
pub(super) async fn take<T: DeserializeOwned>(from: &mut (impl AsyncReadExt + Unpin)) -> std::io::Result<Option<T>> {
    let mut length = [0; 4];
    match from.read_exact(&mut length).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if length > FRAME_BYTES_MAX {
        return Err(std::io::Error::new(std::io::ErrorKind::InvalidData, "the frame is too long"));
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).await?;
    read(&body, Encoding::MessagePack, "socket").map(Some).map_err(wrong)
}
