//! Whether the log goes on from where it was left, and what is recorded where it does not: its key, its file, the signed
//! head beside it.

use std::path::Path;

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction};
use tracing::warn;

use crate::app::ports::StoreError;
use crate::domain::audit::{SystemChange, What};

use super::log::LogTail;
use super::projections::change_one;
use super::rows::Explain as _;
use super::{SqliteStore, checkpoint_file, files, tiles};

/// The head beside the database is of this log: as long at the most, and the same as far as it goes. Nothing has been
/// read in `snapshot` yet: another process may be adding to the log.
pub(super) fn check_head_beside(snapshot: &Transaction<'_>, database: &Path) -> Result<(), StoreError> {
    let unreadable = "the signed tree cannot be read";
    let file = checkpoint_file::path(database);
    // Read before the log, which is then as long at the least.
    let there = checkpoint_file::read(&file).map_err(|error| {
        StoreError(format!(
            "`{}` should hold the newest signed head of the audit log, and cannot be read: {error}; look into \
             it, then move it away",
            file.display()
        ))
    })?;
    let now = LogTail::read(snapshot).explain(unreadable)?.frontier().head();
    let Some(there) = there.map(|there| there.head()) else { return Ok(()) };
    let same = if there.size < now.size { tiles::head_at(snapshot, there.size) } else { Some(now) };
    if same == Some(there) {
        return Ok(());
    }
    let found = if there.size > now.size {
        format!("the audit log ends at event {}, and {} were signed", now.size, there.size)
    } else {
        format!("the first {} events of the audit log are not those that were signed", there.size)
    };
    Err(StoreError(format!(
        "{found}, as `{0}` says: records were taken out or altered, its write-ahead log was removed while it was in \
         use, or an older copy was put in place. `room-owner audit verify` tells more. If you restored a copy, move `{0}` \
         away and keep it",
        file.display()
    )))
}

/// How the log was left.
pub(super) struct LastTime {
    key: String,
    /// Of which file; `None` of a new database, and of a copy that `room-owner backup` made.
    file: Option<String>,
    is_empty: bool,
    has_head_beside: bool,
}

impl LastTime {
    pub(super) fn of(connection: &Connection, database: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            key: tiles::last_key(connection)?.unwrap_or_default(),
            file: connection.query_row("SELECT file FROM home", [], |row| row.get(0)).optional()?,
            is_empty: tiles::newest(connection)?.head().size == 0,
            has_head_beside: checkpoint_file::path(database).exists(),
        })
    }

    /// Records what is not as it was.
    pub(super) async fn note_changes(self, store: &SqliteStore) -> Result<(), StoreError> {
        let key = store.key.verifier_key().to_string();
        let file = files::birth(&store.file).explain("the database cannot be looked at")?;
        let is_here = self.file.as_ref() == Some(&file);
        let file_change = if self.is_empty {
            None
        } else if !is_here {
            Some(SystemChange::FileReplaced)
        } else {
            // Whoever writes an older copy over the file itself has to move the head away.
            (!self.has_head_beside).then_some(SystemChange::HeadGone)
        };
        if self.key == key && is_here && file_change.is_none() {
            return Ok(());
        }
        let noted = store.writer.write(move |log| {
            #[expect(
                clippy::disallowed_methods,
                reason = "when the file was opened; nothing is decided by it"
            )]
            let at = Timestamp::now();
            if self.key != key {
                warn!(last = self.key, now = key, "the audit log is signed with another key from now on");
                let change = SystemChange::KeyChanged { from: self.key, to: key };
                log.begin_operation(at, What::System(change))?;
            }
            if let Some(change) = file_change {
                log.begin_operation(at, What::System(change))?;
            }
            let sql = "INSERT INTO home (one, file) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET file = ?1";
            change_one(log.connection, sql, [file])
        });
        noted.await.map(drop)
    }
}
