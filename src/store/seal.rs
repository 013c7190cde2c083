//! Signing the log's heads, and leaving the newest one where the log cannot be changed without it.

use std::path::Path;

use secrecy::SecretString;
use sqlx::sqlite::SqliteConnection;
use tracing::{error, info, warn};

use crate::app::ports::StoreError;
use crate::tree::{Checkpoint, SigningKey};

use super::instance::Instance;
use super::witness::{self, Witness};
use super::{failed, key_file, tree};

/// The key, and the file beside the database.
pub(super) struct Seal {
    key: SigningKey,
    publisher: Publisher,
}

/// Puts signed heads into the file beside the database.
pub(super) struct Publisher {
    witness: Witness,
    /// A head that is committed and could not be put in place, and why.
    unpublished: Option<(Checkpoint, String)>,
}

impl Seal {
    /// Finds or makes the key, plants the tree where there is none, and checks that the log still goes on
    /// from the head that lies beside it.
    pub(super) async fn begin(
        connection: &mut SqliteConnection,
        database: &Path,
        given: Option<&SecretString>,
        instance: &Instance,
    ) -> Result<Self, StoreError> {
        let last = tree::last_key(connection).await.map_err(failed("the signed tree cannot be read"))?;
        let key = key_file::load_or_make(database, given, last.as_deref())?;
        if let Some(last) = last.filter(|last| last != key.verifier_key().as_str()) {
            warn!(
                last,
                now = key.verifier_key().as_str(),
                "the audit log is signed with another key from now on"
            );
        }
        tree::plant(connection, &key).await.map_err(failed("the signed tree cannot be made"))?;
        let witness = Witness::new(database, instance.folder());
        check_witness(connection, witness.file()).await?;
        let newest = tree::newest(connection).await.map_err(failed("the signed tree cannot be read"))?;
        let mut publisher = Publisher { witness, unpublished: None };
        if let Some(newest) = newest {
            publisher.publish(newest);
        }
        Ok(Self { key, publisher })
    }

    /// What signs, and what publishes what was signed.
    pub(super) fn into_parts(self) -> (SigningKey, Publisher) {
        (self.key, self.publisher)
    }
}

impl Publisher {
    /// Puts the head in place; blocking, as files are. That it cannot be done takes nothing back: the commit
    /// is durable. It is logged, and [`Self::check`] says so.
    pub(super) fn publish(&mut self, checkpoint: Checkpoint) {
        match self.witness.publish(&checkpoint) {
            Ok(()) => {
                if self.unpublished.take().is_some() {
                    info!(file = %self.witness.file().display(), "the newest signed head is in its file again");
                }
            }
            Err(problem) => {
                if self.unpublished.is_none() {
                    let file = self.witness.file().display();
                    error!(%file, error = %problem, "the newest signed head cannot be put beside the database");
                }
                self.unpublished = Some((checkpoint, problem.to_string()));
            }
        }
    }

    /// Tries once more if the last time failed.
    pub(super) fn publish_again(&mut self) {
        if let Some((checkpoint, _)) = self.unpublished.clone() {
            self.publish(checkpoint);
        }
    }

    /// Whether the newest head is in place.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        match &self.unpublished {
            None => Ok(()),
            Some((_, problem)) => Err(StoreError(format!(
                "the newest signed head of the audit log cannot be written to `{}`: {problem}",
                self.witness.file().display()
            ))),
        }
    }
}

/// The head beside the database is of this log: as long at the most, and the same as far as it goes.
async fn check_witness(connection: &mut SqliteConnection, file: &Path) -> Result<(), StoreError> {
    // Read before the log: another process may be adding to both.
    let there = witness::read(file).map_err(|error| {
        StoreError(format!(
            "`{}` should hold the newest signed head of the audit log, and cannot be read: {error}; look into \
             it, then move it away",
            file.display()
        ))
    })?;
    let Some(there) = there.map(|there| there.head()) else { return Ok(()) };
    let edge = tree::edge(connection).await.map_err(failed("the signed tree cannot be read"))?;
    let now = edge.head();
    let same = if there.size < now.size {
        tree::head_at(connection, there.size).await.map_err(failed("the signed tree cannot be read"))?
    } else {
        Some(now)
    };
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
