//! A folder of files, written whole or not at all, for its owner alone.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use crate::cli::WrongUsage;

/// Checks that the folder is not there, or empty, before work is done for it.
///
/// # Errors
/// When it holds anything, is a file, or cannot be read.
pub fn check(folder: &Path) -> Result<(), WrongUsage> {
    let name = folder.display();
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(WrongUsage(format!("`{name}` is not empty: name a folder that is not there yet"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound && folder.symlink_metadata().is_err() => Ok(()),
        Err(error) => Err(WrongUsage(format!(
            "`{name}` cannot be used as a folder: {error}; name one that is not there yet"
        ))),
    }
}

/// Writes the files into the folder. They are written beside it first and then put in place, so that nobody sees a
/// part of them; if that fails, none is left.
///
/// # Errors
/// When it cannot be done.
pub fn write(folder: &Path, files: &[(&str, Vec<u8>)]) -> anyhow::Result<()> {
    check(folder)?;
    let put = parent(folder).and_then(|parent| put(folder, &parent, files));
    put.map_err(|error| {
        anyhow::anyhow!("`{}` cannot be written: {error}; nothing was left there", folder.display())
    })
}

/// The folder that it lies in, which is made.
fn parent(folder: &Path) -> io::Result<PathBuf> {
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent)?;
    Ok(parent.to_owned())
}

fn put(folder: &Path, parent: &Path, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    let is_there = folder.exists();
    // Inside a folder that is there: it may be another file system than the folder that it lies in.
    let place = if is_there { folder } else { parent };
    // For its owner alone.
    let made = tempfile::Builder::new()
        .prefix(".case-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(place)?;
    for (name, bytes) in files {
        let mut file =
            File::options().write(true).create_new(true).mode(0o600).open(made.path().join(name))?;
        file.write_all(bytes)?;
        file.sync_all()?;
    }
    File::open(made.path())?.sync_all()?;
    if is_there {
        fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        move_into(folder, made.path(), files)?;
        made.close()?;
    } else {
        fs::rename(made.path(), folder)?;
        // It is in its place, and not to be removed.
        let _ = made.keep();
    }
    File::open(folder)?.sync_all()?;
    File::open(parent)?.sync_all()
}

/// Moves each file; if one cannot be moved, takes back those that were.
fn move_into(folder: &Path, from: &Path, files: &[(&str, Vec<u8>)]) -> io::Result<()> {
    for (moved, (name, _)) in files.iter().enumerate() {
        if let Err(error) = fs::rename(from.join(name), folder.join(name)) {
            for (name, _) in &files[..moved] {
                fs::remove_file(folder.join(name))?;
            }
            return Err(error);
        }
    }
    Ok(())
}
