//! What the disk can refuse, as errors of a task with a class, a code and advice.

use std::io;

use candor_proto::{ErrorClass, TaskError};
use nix::errno::Errno;

use crate::trouble::{self, Trouble};

/// The error of a call on a file; `what` says what was tried, with the path.
pub(crate) fn fault(what: impl AsRef<str>, error: &io::Error) -> TaskError {
    let (class, code, reason, advice) = sort(error);
    let what = what.as_ref();
    let message = match reason {
        Some(reason) => format!("{what}: {reason}"),
        None => format!("{what}: {error}"),
    };
    let fault = TaskError::new(class, code, message);
    match advice {
        Some(advice) => fault.with_advice(advice),
        None => fault,
    }
}

/// The same for a file in one of the worker's own places: that the disk does not let us there is no error of the task.
pub(crate) fn own_fault(what: impl AsRef<str>, error: &io::Error) -> TaskError {
    if error.raw_os_error().is_some_and(trouble::is_of_disk) {
        return Trouble::error(format!("{}: {error}", what.as_ref()));
    }
    fault(what, error)
}

type Sorted = (ErrorClass, &'static str, Option<&'static str>, Option<&'static str>);

/// Wrong names are the workflow's mistake and stay wrong; permissions and full disks are the machine's.
fn sort(error: &io::Error) -> Sorted {
    use ErrorClass::{System, Validation};
    let Some(number) = error.raw_os_error().map(Errno::from_raw) else {
        return match error.kind() {
            io::ErrorKind::NotFound => (Validation, "not_found", Some("there is no such file"), None),
            _ => (System, "io", None, None),
        };
    };
    match number {
        Errno::ENOENT => (Validation, "not_found", Some("there is no such file"), Some("check the path")),
        Errno::EISDIR => (Validation, "is_folder", Some("it is a folder"), Some("name a file")),
        Errno::ENOTDIR => {
            (Validation, "not_folder", Some("a part of the path is not a folder"), Some("check the path"))
        }
        Errno::ENAMETOOLONG => (Validation, "name_too_long", Some("the name is too long"), None),
        Errno::ELOOP => (Validation, "link", Some("it is a symbolic link that may not be followed"), None),
        Errno::EACCES | Errno::EPERM => (
            System,
            "permission",
            Some("permission denied"),
            Some("give the user that the worker runs as the right to do this"),
        ),
        Errno::EROFS => (System, "read_only", Some("the file system is read-only"), None),
        Errno::ENOSPC | Errno::EDQUOT => {
            (System, "no_space", Some("no space is left on the device"), Some("free some space and run it again"))
        }
        Errno::EMFILE | Errno::ENFILE => (System, "too_many_files", Some("too many files are open"), None),
        _ => (System, "io", None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_closed_disks_are_the_machines_and_wrong_names_the_workflows_fault() {
        for (number, class, code) in [
            (Errno::ENOSPC, ErrorClass::System, "no_space"),
            (Errno::EACCES, ErrorClass::System, "permission"),
            (Errno::EROFS, ErrorClass::System, "read_only"),
            (Errno::EIO, ErrorClass::System, "io"),
            (Errno::ENOENT, ErrorClass::Validation, "not_found"),
            (Errno::EISDIR, ErrorClass::Validation, "is_folder"),
        ] {
            let error = fault("cannot write x", &io::Error::from_raw_os_error(number as i32));
            assert_eq!((error.class, error.code.as_str()), (class, code));
            assert!(error.message.starts_with("cannot write x: "), "{}", error.message);
        }
    }
}
