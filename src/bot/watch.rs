//! What is looked at now and then while the bot serves.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::interval;
use tracing::{info, warn};

use crate::app::ports::Store;
use crate::store::SqliteStore;
use crate::store::wal::USUAL_BYTES;
use crate::telemetry::Metrics;

/// How often it is looked whether refused requests are to be logged.
const REFUSALS: Duration = Duration::from_secs(5);
/// How often it is looked whether something of the store is to be known.
const WARNINGS: Duration = Duration::from_secs(30);
/// How often the write-ahead log is looked at.
const WAL: Duration = Duration::from_secs(30);

/// Logs refused requests, summed up.
pub(super) async fn refusals(metrics: Arc<Metrics>) {
    let mut ticks = interval(REFUSALS);
    loop {
        ticks.tick().await;
        metrics.sum_up(false);
    }
}

/// Warns when the write-ahead log grows because somebody reads for long, and again whenever it has doubled.
pub(super) async fn wal(store: Arc<SqliteStore>) {
    let mut ticks = interval(WAL);
    let mut warned_at = None;
    loop {
        ticks.tick().await;
        let bytes = store.wal_size();
        if bytes <= USUAL_BYTES {
            if warned_at.take().is_some() {
                info!(bytes, "the write-ahead log of the database has its usual size again");
            }
        } else if warned_at.is_none_or(|warned| bytes / 2 >= warned) {
            warned_at = Some(bytes);
            let readers = store.wal_readers();
            let readers =
                if readers.is_empty() { "nobody is seen to".to_owned() } else { readers.join(", ") };
            warn!(
                bytes,
                readers,
                "the write-ahead log of the database grows, because somebody has been reading it for long: end that reading"
            );
        }
    }
}

/// Logs what an operator should know of the store, once for as long as it lasts.
pub(super) async fn warnings(store: Arc<dyn Store>) {
    let mut ticks = interval(WARNINGS);
    let mut logged = Vec::new();
    loop {
        ticks.tick().await;
        let warnings = store.warnings().await;
        warnings.iter().filter(|warning| !logged.contains(*warning)).for_each(|warning| warn!("{warning}"));
        logged = warnings;
    }
}
