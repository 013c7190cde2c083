//! What an operator should know of an open database, though records can be made.

use std::path::{Path, PathBuf};

use super::{SqliteStore, checkpoint_file, key_file, locks};
use crate::app::ports::AuditLog as _;

/// What lies beside an open database, and what is lost with it.
#[derive(Debug)]
pub(super) struct Beside {
    /// `None` where the key is given otherwise.
    key: Option<PathBuf>,
    checkpoint: PathBuf,
    locks: PathBuf,
}

impl Beside {
    /// Of a database that has just been opened.
    pub(super) fn of(database: &Path) -> Self {
        Self {
            key: Some(key_file::path(database)).filter(|key| key.exists()),
            checkpoint: checkpoint_file::path(database),
            locks: locks::folder(database),
        }
    }

    /// What is gone, a sentence each. The first event makes the checkpoint.
    fn missing(&self, has_events: bool) -> impl Iterator<Item = String> {
        let key = self.key.as_deref().map(|key| (key, "put it back: without it the next start fails"));
        let checkpoint = has_events.then_some((
            &*self.checkpoint,
            "the next record writes it again; until then nothing outside the database says how long its log is",
        ));
        let locks = (&*self.locks, "start the bot again: other processes do not see this one without it");
        let all = [key, checkpoint, Some(locks)].into_iter().flatten();
        all.filter(|(file, _)| !file.exists())
            .map(|(file, remedy)| format!("`{}` is gone: {remedy}", file.display()))
    }
}

impl SqliteStore {
    /// Says to other processes that this one serves.
    pub fn serves(&self) {
        self.instance.serves();
    }

    /// What is to be known, a sentence each.
    pub(super) async fn warnings(&self) -> Vec<String> {
        let has_events = self.log.newest_event().await.is_ok_and(|newest| newest > 0);
        let mut warnings: Vec<String> = self.beside.missing(has_events).collect();
        let others = self.instance.others_serving();
        if !others.is_empty() {
            warnings.push(shared(&others));
        }
        warnings
    }
}

/// That others serve the same database.
fn shared(others: &[String]) -> String {
    let (who, serves) = match others {
        [one] => (format!("another process (pid {one})"), "serves"),
        more => (format!("{} other processes (pids {})", more.len(), more.join(", ")), "serve"),
    };
    format!(
        "{who} {serves} this database too: each command is taken once, by one of them; end what should not run"
    )
}
