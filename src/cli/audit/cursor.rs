//! Where an export ended, in a file.

use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// The cursor in a file; `None` if there is no file yet.
pub(super) fn kept(file: &Path) -> anyhow::Result<Option<i64>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("`{}` cannot be read", file.display())),
    };
    let cursor = text.trim().parse::<i64>().ok().filter(|cursor| *cursor >= 0);
    let wrong =
        || format!("`{}` does not hold a cursor: delete it to export everything again", file.display());
    cursor.with_context(wrong).map(Some)
}

/// Puts the cursor into the file, whole or not at all.
pub(super) fn keep(file: &Path, cursor: i64) -> anyhow::Result<()> {
    let wrong = || format!("all was written, but the cursor {cursor} cannot be kept in `{}`", file.display());
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut new = tempfile::NamedTempFile::new_in(folder).with_context(wrong)?;
    writeln!(new, "{cursor}").with_context(wrong)?;
    new.as_file().sync_all().with_context(wrong)?;
    new.persist(file).with_context(wrong)?;
    Ok(())
}
