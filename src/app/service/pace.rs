//! How soon the next announcement may be posted.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::app::replies::Platform;
use crate::domain::principal::Channel;

/// Between two messages to one channel: more than one a second is not taken (docs.slack.dev/apis/web-api/rate-limits).
const BETWEEN: Duration = Duration::from_secs(1);

/// What was posted in the last moments, and who asked for a pause.
#[derive(Default)]
pub(super) struct Pace {
    /// When something was posted to each channel.
    posted: Mutex<HashMap<Channel, Duration>>,
    /// Until when each platform wants nothing. What becomes due meanwhile waits too.
    paused: Mutex<HashMap<Platform, Duration>>,
}

impl Pace {
    /// How long to wait before the next message to the channel.
    pub(super) fn pause(&self, channel: &Channel, now: Duration) -> Duration {
        let mut posted = self.posted.lock().unwrap_or_else(PoisonError::into_inner);
        posted.retain(|_, at| now.saturating_sub(*at) < BETWEEN);
        posted.get(channel).map_or(Duration::ZERO, |at| BETWEEN.saturating_sub(now.saturating_sub(*at)))
    }

    /// Something was posted to the channel.
    pub(super) fn has_posted(&self, channel: &Channel, now: Duration) {
        self.posted.lock().unwrap_or_else(PoisonError::into_inner).insert(channel.clone(), now);
    }

    /// The platform asks for a pause.
    pub(super) fn pauses(&self, platform: Platform, until: Duration) {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).insert(platform, until);
    }

    /// How much longer the platform wants nothing, if it does.
    pub(super) fn paused(&self, platform: Platform, now: Duration) -> Option<Duration> {
        let paused = self.paused.lock().unwrap_or_else(PoisonError::into_inner);
        paused.get(&platform).map(|until| until.saturating_sub(now)).filter(|left| !left.is_zero())
    }
}
