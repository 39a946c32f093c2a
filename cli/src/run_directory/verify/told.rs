//! What is told to people: the report and the story.
//!
//! The answer binds their bytes. Their wording may change from one version to the next, and an archive must not become
//! false by that; so a report says which version wrote it, and only that version's word for its own wording counts.

use std::collections::BTreeMap;
use std::path::Path;

use candor_proto::{Answer, Sha256};
use serde_json::Value;

use crate::run_directory::events::LogFile;
use crate::run_directory::{ANSWER, LOG, REPORT, VERSION, plain, report, story};

/// A file whose bytes are the ones that the answer names, and that this build words otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OtherWording {
    /// Its name.
    pub(crate) file: &'static str,
    /// The version that says it wrote it; `None` where nobody says so.
    pub(crate) version: Option<String>,
}

/// The digests that an answer names.
pub(super) fn bound(answer: &[u8]) -> Result<BTreeMap<String, Sha256>, String> {
    let document: Value = serde_json::from_slice(answer).map_err(|error| format!("it is no JSON: {error}"))?;
    let files = document.get("files").cloned().unwrap_or_default();
    let files: BTreeMap<String, Sha256> =
        serde_json::from_value(files).map_err(|error| format!("its `files` are unreadable: {error}"))?;
    if files.keys().ne([REPORT, LOG].iter()) {
        return Err(format!("its `files` are not exactly {REPORT} and {LOG}"));
    }
    Ok(files)
}

/// Compares both with what the answer names, and with what follows from the log.
pub(super) fn check(
    directory: &Path,
    log: &LogFile,
    answer: &Answer,
    files: &BTreeMap<String, Sha256>,
    wrong: &mut Vec<String>,
) -> Vec<OtherWording> {
    let mut read = |name: &str| match plain::read(directory, name, plain::DOCUMENT_BYTES_MAX) {
        Ok(bytes) if files.get(name) == Some(&Sha256::of(&bytes)) => Some(bytes),
        Ok(_) => {
            wrong.push(format!("{name}: its bytes are not the ones that {ANSWER} names"));
            None
        }
        Err(reason) => {
            wrong.push(reason);
            None
        }
    };
    let (Some(reported), Some(told)) = (read(REPORT), read(LOG)) else { return Vec::new() };
    let version = report::written_by(&reported).map(str::to_owned);
    let derived = [
        (REPORT, reported, report::report(&log.job, answer, version.as_deref().unwrap_or(VERSION))),
        (LOG, told, story::story(log.job.id(), &log.events)),
    ];
    let mut others = Vec::new();
    for (file, found, derived) in derived {
        if found == derived.as_bytes() {
            continue;
        }
        if version.as_deref() == Some(VERSION) {
            let reason = "it is not what follows from the log, and it says that this very version wrote it";
            wrong.push(format!("{file}: {reason}"));
        } else {
            others.push(OtherWording { file, version: version.clone() });
        }
    }
    others
}

impl OtherWording {
    /// A sentence about it.
    pub(crate) fn words(&self) -> String {
        let Self { file, version } = self;
        match version {
            Some(version) => format!("{file}: it says that version {version} wrote it, and only that one can check it"),
            None => format!("{file}: it does not say which version wrote it"),
        }
    }
}
