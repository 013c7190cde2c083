//! Reports to systemd, where it started the bot (`Type=notify`): that it is up, that it ends, and again and again
//! that its store answers. Elsewhere all of this does nothing.

use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tracing::warn;

use crate::app::ports::Store;

/// The bot takes commands.
pub(super) fn is_up() {
    tell(&[NotifyState::Ready]);
}

/// The bot was asked to end.
pub(super) fn is_ending() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        warn!(%error, "systemd takes no report of how the bot is");
    }
}

/// Feeds the watchdog, if there is one, in good time. An answer of the store is an answer, also that its disk is
/// full: a restart would not help. A store that does not answer at all is what a watchdog is for.
pub(super) async fn feed_watchdog(store: Arc<dyn Store>) {
    let Some(within) = sd_notify::watchdog_enabled() else { return };
    let pause = (within / 3).max(Duration::from_millis(10));
    let mut ticks = interval(pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match timeout(pause, store.check_writable()).await {
            Ok(_) => tell(&[NotifyState::Watchdog]),
            Err(_) => warn!("the database does not answer: systemd's watchdog is not fed"),
        }
    }
}
