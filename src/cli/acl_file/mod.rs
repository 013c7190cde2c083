//! The ACL as a TOML file.
//!
//! ```toml
//! version = 17
//!
//! [[channel]]
//! channel = "slack:T0123456789:C0123456789"
//! rooms = "live-*"
//!
//! [[announcement]]
//! channel = "slack:T0123456789:C9876543210"
//! admin = true
//!
//! [[link]]
//! person = "slack:T0123456789:U0123456789"
//! account = "alice"
//!
//! [[room]]
//! rooms = "live-vip-*"
//! mark = "two-person"
//!
//! [[grant]]
//! subject = "slack:T0123456789:U0123456789"
//! role = "moderator"
//! expires_at = "2026-12-01T08:00:00Z"
//! reason = "night shift"
//! ```
//!
//! What is not said is the usual: every room, permit, every authorised channel, no end.

mod read;
#[cfg(test)]
mod tests;
mod write;

use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;

use crate::cli::WrongUsage;
use crate::domain::access::plan::Wanted;

pub(super) use read::read;
pub(super) use write::write;

/// A file, read.
#[derive(Debug, PartialEq)]
pub(super) struct File {
    /// The version of the ACL that it was exported at.
    pub(super) version: Option<i64>,
    /// What the ACL is to be.
    pub(super) wanted: Wanted,
}

/// The largest file that is read, in bytes: a hundred thousand grants.
const LARGEST: u64 = 64 * 1_024 * 1_024;

/// Reads the file at a path.
///
/// # Errors
/// When it cannot be read, or is no ACL.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let file = std::fs::File::open(path).with_context(|| format!("`{shown}` cannot be read"))?;
    let mut bytes = Vec::new();
    // What a device says about its size is nothing to rely on.
    file.take(LARGEST + 1).read_to_end(&mut bytes).with_context(|| format!("`{shown}` cannot be read"))?;
    if bytes.len() as u64 > LARGEST {
        let most = LARGEST / 1_024 / 1_024;
        return Err(WrongUsage(format!("`{shown}` is too large for an ACL: more than {most} MB")).into());
    }
    let text = String::from_utf8(bytes).map_err(|_| WrongUsage(format!("`{shown}` is not UTF-8 text")))?;
    let wrong =
        |error: String| format!("`{shown}` is not an ACL:\n{}", crate::domain::room::visible_lines(&error));
    read(&text).map_err(|error| WrongUsage(wrong(error)).into())
}
