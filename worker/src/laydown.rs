//! What an attempt finds in its working directory: the plan's files, and files from elsewhere under `in/`.
//!
//! Every file is for reading only, and none is a symbolic link. Paths are checked before anything is written, and everything
//! is laid down before the first line of somebody's code runs, so there is nothing to race with.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use candor_platform::runtime;
use candor_proto::{FileValue, Sha256};

use crate::action::Context;
use crate::error::{Error, Result};

/// Where files from elsewhere lie.
pub const IN: &str = "in";
/// What the attempt writes here becomes file values.
pub const OUT: &str = "out";
/// The worker's own folder in the working directory: the file `$CANDOR_OUTPUT`, and what `python` returns.
pub const OWN: &str = ".candor";
/// Longest name of a file or folder, in bytes: the kernel's.
const NAME_BYTES_MAX: usize = 255;

/// Whether laid-down files may share their bytes with the artifacts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// By hard links: who runs here cannot write to them.
    Linked,
    /// Never: who runs here could change the mode of a link and write to the artifact.
    Copied,
}

/// Makes the folders that every attempt has, and lays down the plan's files.
pub async fn plan_files(context: &Context, sharing: Sharing) -> Result<()> {
    for folder in [OUT, OWN] {
        make_folder(&context.directory.join(folder))?;
    }
    for (name, file) in context.files.iter() {
        let path = relative(name)?;
        if path.starts_with(OWN) {
            return Err(Error::input(
                format!("`{name}` lies in a folder that is the worker's own"),
                "rename the folder",
            ));
        }
        body(context, file.sha256, &context.directory.join(path), sharing).await?;
    }
    Ok(())
}

/// Lays a file down under `in/` with its base name; gives back its path relative to the working directory.
pub async fn file(context: &Context, file: &FileValue, sharing: Sharing) -> Result<String> {
    let path = relative(&file.name)?;
    let base = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut place = format!("{IN}/{base}");
    let mut number = 2;
    while fs::symlink_metadata(context.directory.join(&place)).is_ok() {
        place = format!("{IN}/{number}/{base}");
        number += 1;
    }
    body(context, file.sha256, &context.directory.join(&place), sharing).await?;
    Ok(place)
}

/// Writes a text into the worker's own folder, readable by the attempt.
pub fn text(context: &Context, name: &str, text: &str) -> Result<PathBuf> {
    let folder = context.directory.join(OWN);
    make_folder(&folder)?;
    let path = folder.join(name);
    let write = || -> std::io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o444).open(&path)?;
        file.write_all(text.as_bytes())
    };
    write().map_err(|error| Error::io(format!("write {}", path.display()), &error))?;
    Ok(path)
}

/// A path that stays below where it starts: relative, without `..`.
pub fn relative(name: &str) -> Result<PathBuf> {
    let wrong = |why: &str| Error::Input {
        code: "path",
        message: format!("the path `{}` {why}", name.chars().take(200).collect::<String>()),
        advice: "use a relative path below the workflow's folder",
    };
    let mut path = PathBuf::new();
    for component in Path::new(name).components() {
        match component {
            Component::Normal(part) if part.len() > NAME_BYTES_MAX => return Err(wrong("has a name over 255 bytes")),
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::ParentDir => return Err(wrong("leaves its folder by `..`")),
            Component::RootDir | Component::Prefix(_) => return Err(wrong("is absolute")),
        }
    }
    if path.as_os_str().is_empty() {
        return Err(wrong("names nothing"));
    }
    if name.contains('\0') { Err(wrong("has a NUL in it")) } else { Ok(path) }
}

async fn body(context: &Context, sha256: Sha256, to: &Path, sharing: Sharing) -> Result<()> {
    let from = context.artifacts.local(sha256).await?;
    let to = to.to_owned();
    let shown = to.display().to_string();
    let done = runtime::blocking(move || -> std::io::Result<()> {
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        let shared = sharing == Sharing::Linked && may_share(&from)? && fs::hard_link(&from, &to).is_ok();
        if !shared {
            let mut source = File::open(&from)?;
            let mut copy = File::options().write(true).create_new(true).mode(0o444).open(&to)?;
            std::io::copy(&mut source, &mut copy)?;
            // The mode at creation goes through the umask, which may have taken reading away.
            copy.set_permissions(Permissions::from_mode(0o444))?;
        }
        Ok(())
    });
    let done = done.await.unwrap_or_else(|| Err(std::io::Error::other("the thread that wrote it panicked")));
    done.map_err(|error| Error::io(format!("lay down {shown}"), &error))
}

/// Whether everybody may read this file, and nobody but its owner may write to it.
fn may_share(path: &Path) -> std::io::Result<bool> {
    let found = fs::symlink_metadata(path)?;
    Ok(found.is_file() && found.permissions().mode() & 0o026 == 0 && found.permissions().mode() & 0o004 != 0)
}

fn make_folder(path: &Path) -> Result<()> {
    match DirBuilder::new().mode(0o755).create(path) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(Error::io(format!("make {}", path.display()), &error))
        }
        Ok(()) | Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_that_could_leave_its_folder_is_refused() {
        for bad in ["", ".", "./", "/etc/passwd", "..", "a/../../b", "../a", "a/..", "a\0b", "/", &"x".repeat(300)] {
            assert!(relative(bad).is_err(), "{bad:?}");
        }
        assert_eq!(relative("./a//b/./c").unwrap(), Path::new("a/b/c"));
    }

    proptest! {
        #[test]
        fn an_accepted_path_never_leaves_its_folder(name in "[a./\\\\\u{0}]{0,12}") {
            if let Ok(path) = relative(&name) {
                prop_assert!(path.components().all(|part| matches!(part, Component::Normal(_))));
            }
        }
    }
}
