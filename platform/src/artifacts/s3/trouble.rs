//! What the library's errors mean to us.

use std::error::Error as _;

use object_store::Error as StoreError;

use crate::error::Error;

/// What went wrong with a request. What was not found is told apart before.
pub(super) fn told(what: &str, error: &StoreError) -> Error {
    let what = what.to_owned();
    let reason = causes(error);
    if reason.contains("NoSuchBucket") {
        return Error::Unfit { what, reason: "there is no such bucket: make it, or name another".to_owned() };
    }
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => Error::Denied {
            what,
            reason: format!("{reason}; see to `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and what they may do"),
        },
        StoreError::Generic { .. } => Error::Unreachable { server: what, reason },
        // The library's list is open; what remains is about our own use of it.
        _ => Error::Io { what: format!("asking {what}"), reason },
    }
}

/// The error and what caused it, each once.
fn causes(error: &StoreError) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !told.contains(&text) {
            told = format!("{told}: {text}");
        }
        cause = error.source();
    }
    told
}
