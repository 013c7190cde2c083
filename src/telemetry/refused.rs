//! Refused requests in the log: anybody can send them, so they are summed up, once a minute at the most.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::app::UNTRUSTED;
use crate::app::ports::{NotAuthentic, Sender};

/// How often one kind of refusal is logged at the most.
const BETWEEN_LINES: Duration = Duration::from_secs(60);

/// What was refused, and is not logged yet.
#[derive(Default)]
pub(super) struct Refusals(Mutex<BTreeMap<(Sender, NotAuthentic), Refused>>);

#[derive(Default)]
struct Refused {
    count: u64,
    logged_at: Option<Instant>,
}

impl Refusals {
    /// Counts one. The first of its kind is logged at once: somebody may be setting up the bot.
    pub(super) fn add(&self, sender: Sender, why: NotAuthentic) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = all.entry((sender, why)).or_default();
        refused.count += 1;
        if refused.is_due() {
            refused.log(sender, why);
        }
    }

    /// Logs what is due by now, or everything at the end.
    pub(super) fn sum_up(&self, is_at_end: bool) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (&(sender, why), refused) in all.iter_mut() {
            if refused.count > 0 && (is_at_end || refused.is_due()) {
                refused.log(sender, why);
            }
        }
    }
}

impl Refused {
    fn is_due(&self) -> bool {
        self.logged_at.is_none_or(|at| at.elapsed() >= BETWEEN_LINES)
    }

    fn log(&mut self, sender: Sender, why: NotAuthentic) {
        let count = std::mem::take(&mut self.count);
        self.logged_at = Some(Instant::now());
        let (from, setting) = (sender.name(), sender.setting());
        match why {
            NotAuthentic::Signature => warn!(
                target: UNTRUSTED, from, count, %why,
                "requests refused: if every one is, check {setting}"
            ),
            // The signature is right, so this is no stranger.
            NotAuthentic::NotFresh => {
                warn!(target: UNTRUSTED, from, count, %why, "requests refused: check this machine's clock");
            }
            NotAuthentic::Headers if sender == Sender::Tencent => warn!(
                target: UNTRUSTED, from, count, %why,
                "requests refused: if every one is, switch signing on with `room-owner tencent callbacks set <url>`"
            ),
            _ => info!(target: UNTRUSTED, from, count, %why, "requests refused"),
        }
    }
}
