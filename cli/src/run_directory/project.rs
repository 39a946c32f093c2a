//! Writes the files of a run directory from a job's log.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use candor_proto::{Answer, Job, Recorded, Sha256};
use candor_workflow::catalogue::Catalogue;
use serde::Serialize;
use serde_json::Value;

use super::{ANSWER, EVENTS, FORMAT, LOG, REPORT, SUMMARY, VERSION, events, report, story};

/// `answer.json`: the answer, and what binds it to the other files.
#[derive(Serialize)]
struct Document<'a> {
    format: u32,
    #[serde(flatten)]
    answer: &'a Answer,
    log_sha256: Sha256,
    files: &'a BTreeMap<String, Sha256>,
}

/// The bytes of `answer.json`.
pub(crate) fn answer_document(
    answer: &Answer,
    log_sha256: Sha256,
    files: &BTreeMap<String, Sha256>,
) -> anyhow::Result<Vec<u8>> {
    pretty(&Document { format: FORMAT, answer, log_sha256, files })
}

/// The bytes of `summary.json`.
pub(super) fn summary_document(job: &Job) -> anyhow::Result<Vec<u8>> {
    pretty(&candor_assembler::summary::summary(job))
}

/// Writes every file of an ended job; `answer.json` comes last, so that where it stands, all stand.
pub(crate) fn project(directory: &Path, job: &Job, log: &[Recorded], catalogue: &Catalogue) -> anyhow::Result<Value> {
    let answer = candor_assembler::answer(job, catalogue).context("the job has not ended")?;
    let mut written = Written { directory, files: BTreeMap::new() };
    let log_sha256 = written.stream(EVENTS, |out| events::write_log(out, job.id(), log))?;
    written.whole(SUMMARY, &summary_document(job)?)?;
    let told = written.whole(LOG, story::story(job.id(), log).as_bytes())?;
    let reported = written.whole(REPORT, report::report(job, &answer, VERSION).as_bytes())?;
    let files = BTreeMap::from([(LOG.to_owned(), told), (REPORT.to_owned(), reported)]);
    let document = answer_document(&answer, log_sha256, &files)?;
    written.whole(ANSWER, &document)?;
    Ok(serde_json::from_slice(&document)?)
}

fn pretty<T: Serialize>(value: &T) -> anyhow::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}

struct Written<'a> {
    directory: &'a Path,
    files: BTreeMap<String, Sha256>,
}

impl Written<'_> {
    fn whole(&mut self, name: &str, bytes: &[u8]) -> anyhow::Result<Sha256> {
        let sha256 = Sha256::of(bytes);
        self.stream(name, |out| out.write_all(bytes).map(|()| sha256))?;
        self.files.insert(name.to_owned(), sha256);
        Ok(sha256)
    }

    /// Nobody ever sees half a file: it is written beside its place, synced, and renamed into it.
    fn stream<T>(&self, name: &str, fill: impl FnOnce(&mut dyn Write) -> std::io::Result<T>) -> anyhow::Result<T> {
        let (place, beside) = (self.directory.join(name), self.directory.join(format!(".{name}.partial")));
        let write = || -> std::io::Result<T> {
            let mut out = BufWriter::new(File::create(&beside)?);
            let made = fill(&mut out)?;
            out.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            std::fs::rename(&beside, &place)?;
            File::open(self.directory)?.sync_all()?;
            Ok(made)
        };
        write().with_context(|| format!("could not write {}", place.display()))
    }
}
