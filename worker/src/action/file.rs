//! Actions on whole files, with the digest of everything that passes through them.
//!
//! What they read may be a file value, a file of the workflow or an absolute path that the worker may use. Where they
//! write with a relative path, the file is stored with the job; with an absolute path it appears whole or not at all.

mod copy;
mod list;
mod place;
mod read;
mod remove;
mod stat;
mod target;
mod write;

pub use copy::{FileCopy, FileMove};
pub use list::FileList;
pub use read::FileRead;
pub use remove::FileDelete;
pub use stat::FileStat;
pub use write::FileWrite;

use candor_platform::artifacts::Stored;
use candor_proto::value::media_type;
use candor_proto::{Evidence, FileValue, Sha256};

use super::with::Answer;

/// A stored body under a name.
fn file_value(name: &str, body: Stored) -> FileValue {
    let media_type = media_type(name).to_owned();
    FileValue { name: name.to_owned(), sha256: body.sha256, bytes: body.bytes, media_type }
}

/// The answer of an action that made a file.
fn made(file: &FileValue) -> Answer {
    Answer::default()
        .output("file", file.to_value())
        .output("sha256", file.sha256.to_string())
        .output("bytes", file.bytes)
        .evidence(seen(file.sha256, file.bytes))
}

fn seen(sha256: Sha256, bytes: u64) -> Evidence {
    Evidence::checked("checksum").with_detail(format!("{bytes} bytes, SHA-256 {sha256}"))
}
