//! The files that come with a request: bodies go to the artifacts, facts go to the compiler.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use candor_platform::artifacts::{Baseless, baseless as first_baseless};
use candor_platform::{Artifacts, Error};
use candor_proto::message::{ErrorBody, JobRequest, SubmittedFile};
use candor_workflow::{CONTENT_BYTES_MAX, FileFact, Files};
use serde_json::{Map, Value};

/// Stores what came inside the request and looks at what was stored before. The request comes back with digests only.
pub(super) async fn gather(artifacts: &dyn Artifacts, mut request: JobRequest) -> Result<(JobRequest, Files), Error> {
    let mut files = Files::default();
    for (path, file) in &mut request.files {
        let fact = match file.base64.take() {
            Some(text) => keep(artifacts, file, &text).await?,
            None => look(artifacts, file).await?,
        };
        files.facts.insert(path.clone(), fact);
    }
    Ok((request, files))
}

/// Why inputs are refused that stand for a file which is not there: nothing could be said about it that is so.
pub(super) async fn baseless(
    artifacts: &dyn Artifacts,
    inputs: &Map<String, Value>,
) -> Result<Option<ErrorBody>, Error> {
    for (input, value) in inputs {
        if let Some(Baseless { name, reason }) = first_baseless(artifacts, value).await? {
            return Ok(Some(ErrorBody {
                code: "invalid_inputs".to_owned(),
                message: format!("in the input `{input}` the file `{name}` {reason}"),
                advice: "store the file first and give its own SHA-256 and length".to_owned(),
            }));
        }
    }
    Ok(None)
}

/// A file that came with its bytes. That they cannot be stored is no fault of the request.
async fn keep(artifacts: &dyn Artifacts, file: &mut SubmittedFile, text: &str) -> Result<FileFact, Error> {
    let Ok(bytes) = STANDARD.decode(text.as_bytes()) else { return Ok(problem("has a `base64` that is none")) };
    let content = small(bytes.len() as u64).then(|| bytes.clone());
    let stored = artifacts.put(bytes).await?;
    let (sha256, length) = (file.sha256.replace(stored.sha256), file.bytes.replace(stored.bytes));
    if sha256.is_some_and(|claimed| claimed != stored.sha256) {
        return Ok(problem("has a `sha256` that is not that of its bytes"));
    }
    if length.is_some_and(|claimed| claimed != stored.bytes) {
        return Ok(problem("has a number of `bytes` that is not its length"));
    }
    Ok(FileFact { sha256: Some(stored.sha256), bytes: stored.bytes, content, problem: None })
}

/// A file that is said to be stored already. What cannot be read of it is a problem of the request, and waiting
/// does not end it; what may pass by itself is not.
async fn look(artifacts: &dyn Artifacts, file: &SubmittedFile) -> Result<FileFact, Error> {
    let (Some(sha256), Some(bytes)) = (file.sha256, file.bytes) else {
        return Ok(problem("has neither `base64` nor `sha256` and `bytes`"));
    };
    if !artifacts.contains(sha256).await? {
        return Ok(problem("has a `sha256` under which nothing is stored"));
    }
    let mut fact = FileFact { sha256: Some(sha256), bytes, content: None, problem: None };
    if small(bytes) {
        match artifacts.get(sha256, CONTENT_BYTES_MAX).await {
            Ok(content) if content.len() as u64 == bytes => fact.content = Some(content),
            Ok(_) => return Ok(problem("has a number of `bytes` that is not its length")),
            Err(error) if error.transient() => return Err(error),
            Err(error) => return Ok(problem(&format!("cannot be read where it is stored: {error}"))),
        }
    }
    Ok(fact)
}

/// Whether the compiler may read it: schemas and rules.
const fn small(bytes: u64) -> bool {
    bytes <= CONTENT_BYTES_MAX
}

fn problem(words: &str) -> FileFact {
    FileFact { problem: Some(words.to_owned()), ..FileFact::default() }
}
