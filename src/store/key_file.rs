//! The key that signs the log's heads: given, or in a file beside the database.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret as _, SecretString};
use tracing::info;

use crate::app::ports::StoreError;
use crate::merkle::SigningKey;

/// Why a key cannot be used, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {remedy}")]
pub struct KeyProblem {
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

impl From<KeyProblem> for StoreError {
    fn from(problem: KeyProblem) -> Self {
        Self(problem.to_string())
    }
}

/// `<database>.key`
pub(super) fn path(database: &Path) -> PathBuf {
    super::files::beside(database, ".key")
}

pub(super) fn text(database: &Path) -> std::io::Result<SecretString> {
    fs::read_to_string(path(database)).map(SecretString::from)
}

/// The given key, or the one of the file; `None` if neither is there.
pub(super) fn load(database: &Path, given: Option<&SecretString>) -> Result<Option<SigningKey>, KeyProblem> {
    if let Some(given) = given {
        let key = SigningKey::parse(given);
        return key.map(Some).map_err(|error| KeyProblem {
            what: format!("AUDIT_SIGNING_KEY: {error}"),
            remedy: "set the key that `room-owner audit key --new` printed".to_owned(),
        });
    }
    let file = path(database);
    let failed = |error: &dyn std::fmt::Display| KeyProblem {
        what: format!("the signing key `{}` cannot be used: {error}", file.display()),
        remedy: "put the right one back, readable for the bot's user alone".to_owned(),
    };
    let mode = match fs::metadata(&file) {
        Ok(metadata) => metadata.permissions().mode() & 0o777,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    if mode & 0o077 != 0 {
        return Err(KeyProblem {
            what: format!(
                "the signing key `{}` is open to other users (mode {mode:04o}), who could sign a forged log",
                file.display()
            ),
            remedy: format!(
                "`chmod 600 {}`, and if they may have read it, go over to a new one (`room-owner audit key --new`)",
                file.display()
            ),
        });
    }
    let text = text(database).map_err(|error| failed(&error))?;
    SigningKey::parse(&text).map(Some).map_err(|error| failed(&error))
}

/// Like [`load`], but makes the file where there is no key. A log that was signed before, by `last`, gets
/// no new key by itself: that would hide that the old one is lost.
pub(super) fn load_or_make(
    database: &Path,
    given: Option<&SecretString>,
    last: Option<&str>,
) -> Result<SigningKey, StoreError> {
    if let Some(key) = load(database, given)? {
        return Ok(key);
    }
    let file = path(database);
    if let Some(last) = last {
        return Err(StoreError(format!(
            "the signing key `{}` is gone, and the log was signed with it (`{last}`): put it back; if it is lost, \
             write a new one there with mode 0600 (`room-owner audit key --new` prints one)",
            file.display()
        )));
    }
    let failed = |error: &dyn std::fmt::Display| {
        StoreError(format!(
            "the signing key `{}` cannot be made: {error}; check that its folder can be written, or set \
             AUDIT_SIGNING_KEY",
            file.display()
        ))
    };
    let text = SigningKey::generate();
    let key = SigningKey::parse(&text).map_err(|error| failed(&error))?;
    let written = super::files::private().create_new(true).open(&file).and_then(|mut open| {
        writeln!(open, "{}", text.expose_secret())?;
        open.sync_all()
    });
    written.map_err(|error| failed(&error))?;
    info!(file = %file.display(), public = key.verifier_key().as_str(), "made a key that signs the audit log");
    Ok(key)
}
