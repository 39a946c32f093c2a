//! A run directory from its first moment to the answer: it appears by one rename, already resumable.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use candor_platform::artifacts::folder::{DESKS, DOOR};
use candor_proto::{JobId, time};

use super::claim::{self, Claim, Claimed, Unfinished};
use super::{ANSWER, ARTIFACTS, STATE};
use crate::failure::{Code, Failure};

/// Characters of a workflow's name in the folder's.
const SLUG_CHARACTERS_MAX: usize = 40;

/// What a resumption reads; whoever works in the folder holds a lock on it.
pub(crate) const REQUEST: &str = "request.json";
const STORE: &str = "jobs.redb";

/// A job's own folder. As long as it lives, no other process goes on with the job.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    path: PathBuf,
    _claim: Option<Claim>,
}

impl RunDirectory {
    /// A folder that nobody sees yet, below `runs`; artifacts may be put into it.
    pub(crate) fn prepare(runs: &Path, workflow: &str, job: JobId, now: u64) -> Result<Self, Failure> {
        clear(runs);
        let path = runs.join(format!(".{}", name(workflow, job, now)));
        loop {
            // What a job was given and what came of it is its owner's business. Attempts never enter it.
            let own = DirBuilder::new().recursive(true).mode(0o755).create(runs).and_then(|()| match DirBuilder::new()
                .mode(0o700)
                .create(&path)
            {
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
                made => made,
            });
            own.map_err(|error| Failure::disk("could not create", &path, &error))?;
            for part in [STATE, ARTIFACTS] {
                let made = fs::create_dir_all(path.join(part));
                made.map_err(|error| Failure::disk("could not create", &path, &error))?;
            }
            // Somebody who clears up after the dead may have come between the folder and its lock.
            if let Some(claim) = Claim::first(&path.join(STATE).join(REQUEST))? {
                return Ok(Self { path, _claim: Some(claim) });
            }
        }
    }

    /// Writes what a resumption needs, and shows the folder under its name.
    pub(crate) fn publish(mut self, unfinished: &Unfinished) -> Result<Self, Failure> {
        let shown = self.show(unfinished).map_err(|error| Failure::disk("could not write into", &self.path, &error));
        match shown {
            Ok(shown) => {
                self.path = shown;
                Ok(self)
            }
            Err(failure) => {
                self.discard();
                Err(failure)
            }
        }
    }

    fn show(&self, unfinished: &Unfinished) -> std::io::Result<PathBuf> {
        let mut file = File::options().write(true).open(self.state().join(REQUEST))?;
        file.write_all(&serde_json::to_vec(unfinished)?)?;
        file.sync_all()?;
        File::open(self.state())?.sync_all()?;
        self.appear()
    }

    /// Shows the folder of a job that has ended, whole.
    pub(crate) fn finish(self) -> Result<PathBuf, Failure> {
        self.settle()?;
        self.appear().map_err(|error| Failure::disk("could not show", &self.path, &error))
    }

    /// The run directory of this job, where one stands.
    pub(crate) fn standing(runs: &Path, workflow: &str, job: JobId, now: u64) -> Option<PathBuf> {
        let path = runs.join(name(workflow, job, now));
        path.join(ANSWER).is_file().then_some(path)
    }

    /// The one rename after which everybody sees the folder.
    fn appear(&self) -> std::io::Result<PathBuf> {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default().trim_start_matches('.');
        let shown = self.path.with_file_name(name);
        fs::rename(&self.path, &shown)?;
        if let Some(parent) = shown.parent().filter(|parent| !parent.as_os_str().is_empty()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(shown)
    }

    /// An existing run directory, and how it stands. Waits a moment for another process that works in it.
    pub(crate) async fn open(path: &Path, wait_ms: u64) -> Result<(Self, Claimed), Failure> {
        let wrong = |what: &str| {
            Failure::usage(Code::NotARunDirectory, format!("{} {what}", path.display()))
                .advice("give the run directory that `candor run` printed")
        };
        if !path.is_dir() {
            return Err(wrong("is no folder"));
        }
        let directory = |claim| Self { path: path.to_path_buf(), _claim: claim };
        if let Some((claim, bytes)) = Claim::take(&path.join(STATE).join(REQUEST), wait_ms).await? {
            let unfinished = claim::read(path, &bytes)?;
            return Ok((directory(Some(claim)), Claimed::Unfinished(Box::new(unfinished))));
        }
        if !path.join(ANSWER).is_file() {
            return Err(wrong("holds no run"));
        }
        let finished = directory(None);
        // A process that died while it tidied up left something.
        if finished.state().exists() {
            finished.tidy()?;
        }
        Ok((finished, Claimed::Finished))
    }

    /// The answer stands: what a resumption would need is no longer needed, nor where artifacts were written.
    /// The request goes first, because without it nobody starts the job again.
    pub(crate) fn settle(&self) -> Result<(), Failure> {
        let request = self.state().join(REQUEST);
        fs::remove_file(&request).map_err(|error| Failure::disk("could not remove", &request, &error))?;
        self.tidy()
    }

    fn tidy(&self) -> Result<(), Failure> {
        let (desks, door) = (self.artifacts().join(DESKS), self.artifacts().join(DOOR));
        let removed = [
            (fs::remove_dir_all(&desks), desks),
            (fs::remove_file(&door), door),
            (fs::remove_dir_all(self.state()), self.state()),
        ];
        for (result, path) in removed {
            if let Some(error) = result.err().filter(|error| error.kind() != std::io::ErrorKind::NotFound) {
                return Err(Failure::disk("could not remove", &path, &error));
            }
        }
        Ok(())
    }

    /// Takes the folder of a job away that never began.
    pub(crate) fn discard(self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove an unused folder");
        }
    }

    /// The folder itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where bodies lie.
    pub(crate) fn artifacts(&self) -> PathBuf {
        self.path.join(ARTIFACTS)
    }

    /// The file of the store.
    pub(crate) fn store(&self) -> PathBuf {
        self.state().join(STORE)
    }

    fn state(&self) -> PathBuf {
        self.path.join(STATE)
    }
}

/// Removes the folders of processes that died before anybody saw them.
fn clear(runs: &Path) {
    for entry in fs::read_dir(runs).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_str().is_some_and(unseen);
        let dead = || claim::dead(&entry.path().join(STATE).join(REQUEST));
        if ours
            && dead()
            && let Err(error) = fs::remove_dir_all(entry.path())
        {
            tracing::warn!(path = %entry.path().display(), %error, "could not clear up after a dead process");
        }
    }
}

/// Whether a name is one of a run directory that was not shown: `.20260131T120000Z-name-abcdef`.
fn unseen(name: &str) -> bool {
    let form = b".dddddddd?dddddd?-";
    let fits = |(found, wanted): (&u8, &u8)| match wanted {
        b'd' => found.is_ascii_digit(),
        b'?' => matches!(found, b'T' | b'Z'),
        literal => found == literal,
    };
    name.len() > form.len() && name.as_bytes().iter().zip(form).all(fits)
}

/// The name of a run directory: when, what, and the end of the job's id.
fn name(workflow: &str, job: JobId, now: u64) -> String {
    let stamp: String = time::rfc3339(now)[..19].chars().filter(|character| !"-:".contains(*character)).collect();
    format!("{stamp}Z-{}-{}", slug(workflow), job.short())
}

/// The name of a workflow in paths: `[a-z0-9-]{1,40}`.
fn slug(name: &str) -> String {
    let mut slug = String::new();
    for character in name.to_ascii_lowercase().chars() {
        if character.is_ascii_alphanumeric() {
            slug.push(character);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug: String = slug.chars().take(SLUG_CHARACTERS_MAX).collect();
    let slug = slug.trim_matches('-');
    if slug.is_empty() { "workflow".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{slug, unseen};

    #[test]
    fn a_workflows_name_becomes_part_of_a_path() {
        assert_eq!(slug("Sol Import (v2)"), "sol-import-v2");
        assert_eq!(slug("../../etc"), "etc");
        assert_eq!(slug("東京"), "workflow");
        assert_eq!(slug(&"a-".repeat(100)).len(), 39);
    }

    #[test]
    fn only_folders_that_were_never_shown_are_cleared_away() {
        assert!(unseen(".20260131T120000Z-first-abcdef"));
        for other in ["", ".", ".git", "20260131T120000Z-first-abcdef", ".20260131", ".20260131Tx20000Z-first-abcdef"] {
            assert!(!unseen(other), "{other}");
        }
    }
}
