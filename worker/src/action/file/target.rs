//! Where an action writes: a name stored with the job, or a place on the worker's own machine.

use candor_proto::{Sha256, TaskError};

use super::place::Place;
use crate::action::Context;
use crate::action::with::invalid;
use crate::source::{Named, allowed_place};

/// Where a file goes.
pub(super) enum Target {
    /// Stored with the job under this name.
    Job(String),
    /// On this machine.
    Machine(Place),
}

impl Target {
    pub(super) fn read(context: &Context, field: &str, text: &str) -> Result<Self, TaskError> {
        match Named::read(field, text)? {
            Named::Relative(name) => Ok(Self::Job(name)),
            Named::Absolute(path) => Place::new(context, allowed_place(context, field, &path)?).map(Self::Machine),
        }
    }

    /// The name of the file value.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Job(name) => name.clone(),
            Self::Machine(place) => {
                place.path().file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
        }
    }
}

/// What `verify` asks for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verify {
    /// Whether what was written is read again.
    pub(super) again: bool,
    /// The digest it must have.
    pub(super) digest: Option<Sha256>,
}

impl Verify {
    /// Reads `sha256`, or a digest with or without `sha256:` before it.
    pub(super) fn read(text: Option<&str>) -> Result<Self, TaskError> {
        let digest = match text {
            None => return Ok(Self::default()),
            Some("sha256") => None,
            Some(text) => {
                let digits = text.strip_prefix("sha256:").unwrap_or(text).to_ascii_lowercase();
                let wrong = |_| {
                    invalid("`verify` is neither `sha256` nor a SHA-256 digest")
                        .with_advice("write `verify: sha256`, or the 64 hexadecimal digits that you expect")
                };
                Some(digits.parse().map_err(wrong)?)
            }
        };
        Ok(Self { again: true, digest })
    }
}
