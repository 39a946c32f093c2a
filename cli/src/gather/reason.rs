//! Why a file cannot be read, in words that follow its name.

use std::io::{Error, ErrorKind};

/// A fragment such as `is not there`.
pub(super) fn of(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "is not there".to_owned(),
        ErrorKind::PermissionDenied => "may not be read by you".to_owned(),
        ErrorKind::IsADirectory => "is a folder".to_owned(),
        ErrorKind::NotADirectory => "lies below something that is no folder".to_owned(),
        _ => {
            let text = error.to_string();
            let said = text.split_once(" (os error").map_or(text.as_str(), |(said, _)| said);
            format!("cannot be read: {}", said.to_lowercase())
        }
    }
}
