//! The bodies of a run directory: each is what its name says, and what the log says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use candor_proto::{FileValue, Job, Sha256, TableValue};
use serde_json::Value;
use sha2::Digest;

use crate::run_directory::{ARTIFACTS, plain};

/// Bytes read at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// What a job says of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Claim {
    bytes: u64,
    /// Where it is said to be a table.
    rows: Option<u64>,
}

/// What a body is.
struct Found {
    sha256: Sha256,
    bytes: u64,
    lines: u64,
}

/// The bodies that the job's plan, inputs and outputs name.
pub(crate) fn named_files(job: &Job) -> BTreeSet<Sha256> {
    claims(job).into_keys().collect()
}

/// Every body is what its name says, and every body that the log names is there, as long as the log says. There may be
/// others, which an attempt left whose outcome nobody recorded: no part of the answer speaks of them.
pub(super) fn check(directory: &Path, job: &Job, wrong: &mut Vec<String>) -> usize {
    let (folder, claims) = (directory.join(ARTIFACTS), claims(job));
    let mut found = BTreeSet::new();
    match fs::symlink_metadata(&folder) {
        Ok(kind) if kind.is_dir() => look_through(&folder, &claims, &mut found, wrong),
        Ok(_) => wrong.push(format!("{ARTIFACTS}: it is no folder")),
        // Nothing is there, which is wrong only where the job names something.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => wrong.push(format!("{ARTIFACTS}: {error}")),
    }
    let missing = claims.keys().filter(|sha256| !found.contains(*sha256));
    wrong.extend(missing.map(|missing| format!("{ARTIFACTS}: the body {missing} is missing")));
    found.len()
}

fn look_through(
    folder: &Path,
    claims: &BTreeMap<Sha256, BTreeSet<Claim>>,
    found: &mut BTreeSet<Sha256>,
    wrong: &mut Vec<String>,
) {
    for entry in walkdir::WalkDir::new(folder).min_depth(1).follow_links(false) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                wrong.push(format!("{ARTIFACTS}: {error}"));
                continue;
            }
        };
        let shown = entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string();
        let parts: String = shown.chars().filter(|character| *character != '/').collect();
        if entry.file_type().is_dir() {
            // Bodies lie in folders that are named by their first two digits.
            let named = parts.len() == 2 && parts.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            if entry.depth() > 1 || !named {
                wrong.push(format!("{ARTIFACTS}/{shown}: no folder of this name belongs here"));
            }
            continue;
        }
        match (parts.parse::<Sha256>(), look_at(entry.path())) {
            (Ok(name), Ok(body)) if name == body.sha256 => {
                let said = claims.get(&name).into_iter().flatten();
                wrong.extend(
                    said.filter_map(|claim| claim.contradicted(&body))
                        .map(|reason| format!("{ARTIFACTS}/{shown}: {reason}")),
                );
                found.insert(name);
            }
            (Ok(_), Ok(_)) => wrong.push(format!("{ARTIFACTS}/{shown}: its bytes are not what its name says")),
            (Err(_), _) => wrong.push(format!("{ARTIFACTS}/{shown}: nothing of this name belongs here")),
            (_, Err(reason)) => wrong.push(format!("{ARTIFACTS}/{shown}: {reason}")),
        }
    }
}

impl Claim {
    /// What is not so.
    fn contradicted(&self, body: &Found) -> Option<String> {
        match self.rows {
            _ if self.bytes != body.bytes => {
                Some(format!("it has {} bytes, and the log says {}", body.bytes, self.bytes))
            }
            Some(rows) if rows != body.lines => Some(format!("it has {} rows, and the log says {rows}", body.lines)),
            Some(_) | None => None,
        }
    }
}

fn look_at(path: &Path) -> Result<Found, String> {
    let mut file = plain::open(path)?;
    let (mut hash, mut buffer) = (sha2::Sha256::new(), vec![0; CHUNK_BYTES]);
    let (mut bytes, mut lines) = (0, 0);
    loop {
        let read = file.read(&mut buffer).map_err(|error| error.to_string())?;
        if read == 0 {
            return Ok(Found { sha256: Sha256::from_bytes(hash.finalize().into()), bytes, lines });
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
        lines += buffer[..read].iter().map(|byte| u64::from(*byte == b'\n')).sum::<u64>();
    }
}

fn claims(job: &Job) -> BTreeMap<Sha256, BTreeSet<Claim>> {
    let mut claims: BTreeMap<Sha256, BTreeSet<Claim>> = BTreeMap::new();
    let Some(accepted) = job.accepted() else { return claims };
    for file in accepted.plan.files.values() {
        claims.entry(file.sha256).or_default().insert(Claim { bytes: file.bytes, rows: None });
    }
    accepted.inputs.values().for_each(|value| collect(value, &mut claims));
    for task in job.tasks() {
        let items = task.fan.iter().flat_map(|fan| fan.items.iter());
        for node in items.chain(std::iter::once(&task.node)) {
            if let Some(outputs) = &node.outputs {
                collect(outputs, &mut claims);
            }
        }
    }
    claims
}

fn collect(value: &Value, claims: &mut BTreeMap<Sha256, BTreeSet<Claim>>) {
    match value {
        Value::Object(fields) => match FileValue::from_value(value) {
            Some(file) => {
                let rows = TableValue::from_value(value).map(|table| table.count);
                claims.entry(file.sha256).or_default().insert(Claim { bytes: file.bytes, rows });
            }
            None => fields.values().for_each(|value| collect(value, claims)),
        },
        Value::Array(items) => items.iter().for_each(|value| collect(value, claims)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
