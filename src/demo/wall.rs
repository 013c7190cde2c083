//! What people see in the channels: each message as it is now, and what came of what they did.

use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;

use super::world::{Asking, lock};

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Platform {
    Slack,
    Discord,
}

/// A message as people see it now.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Shown {
    /// The platform's own id of it.
    pub(super) id: String,
    pub(super) platform: Platform,
    /// The channel, or the person whose conversation with the bot it is in.
    pub(super) channel: String,
    /// Who alone sees it.
    pub(super) to: Option<String>,
    /// The mark of what it answers; `None` if the bot posted it by itself.
    pub(super) of: Option<String>,
    /// The mark of what changed it last.
    pub(super) by: Option<String>,
    pub(super) message: Value,
    /// Deleted: nobody sees it any more.
    pub(super) is_gone: bool,
    /// Grows with every change of any message.
    pub(super) version: u64,
}

impl Shown {
    /// A new message for everybody in a channel, which nobody asked for.
    pub(super) fn new(platform: Platform, id: String, channel: &str, message: Value) -> Self {
        let channel = channel.to_owned();
        Self { id, platform, channel, to: None, of: None, by: None, message, is_gone: false, version: 0 }
    }

    /// The same, as the answer to somebody.
    pub(super) fn answering(self, asking: &Asking, is_private: bool) -> Self {
        let to = is_private.then(|| asking.person.clone());
        Self { to, of: Some(asking.mark.clone()), ..self }
    }

    /// Whether it answers somebody who alone sees it; a direct message answers nobody.
    pub(super) fn is_ephemeral(&self) -> bool {
        self.to.is_some() && self.of.is_some()
    }

    fn is_about(&self, mark: &str) -> bool {
        [&self.of, &self.by].into_iter().any(|known| known.as_deref() == Some(mark))
    }
}

/// What came back, and what had been sent.
#[derive(Debug, Default, Serialize)]
pub(super) struct Said {
    pub(super) status: u16,
    pub(super) late: bool,
    /// What was posted or changed because of it.
    pub(super) messages: Vec<Shown>,
    /// The form that is shown now.
    pub(super) form: Option<Opened>,
    pub(super) request: Value,
    pub(super) delivery: String,
    pub(super) elapsed_ms: u128,
}

/// A form that a platform shows to somebody.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Opened {
    pub(super) id: String,
    /// As the bot sent it.
    pub(super) view: Value,
}

/// All messages, oldest first.
#[derive(Default)]
pub(super) struct Wall {
    messages: Mutex<Vec<Shown>>,
    version: watch::Sender<u64>,
}

impl Wall {
    pub(super) fn post(&self, message: Shown) {
        self.write(|messages, version| messages.push(Shown { version, ..message }));
    }

    /// Changes a message; `false` if it is not there.
    pub(super) fn change(&self, id: &str, by: &str, change: impl FnOnce(&mut Shown)) -> bool {
        self.write(|messages, version| {
            let found = messages.iter_mut().find(|message| message.id == id && !message.is_gone);
            found
                .map(|message| {
                    change(message);
                    message.by = Some(by.to_owned());
                    message.version = version;
                })
                .is_some()
        })
    }

    pub(super) fn find(&self, id: &str) -> Option<Shown> {
        lock(&self.messages).iter().find(|message| message.id == id && !message.is_gone).cloned()
    }

    pub(super) fn all(&self) -> Vec<Shown> {
        lock(&self.messages).clone()
    }

    /// What was posted or changed because of what has this mark.
    pub(super) fn about(&self, mark: &str) -> Vec<Shown> {
        lock(&self.messages).iter().filter(|message| message.is_about(mark)).cloned().collect()
    }

    /// What was posted or changed since a version; waits for something, at most so long.
    pub(super) async fn since(&self, version: u64, within: Duration) -> Vec<Shown> {
        let newer = || {
            let messages = lock(&self.messages);
            let newer: Vec<Shown> = messages.iter().filter(|it| it.version > version).cloned().collect();
            (!newer.is_empty()).then_some(newer)
        };
        self.until(newer, within).await.unwrap_or_default()
    }

    /// Waits until there is what is looked for, at most so long.
    pub(super) async fn until<T>(&self, look: impl Fn() -> Option<T>, within: Duration) -> Option<T> {
        let mut changes = self.version.subscribe();
        let waiting = async {
            loop {
                if let Some(found) = look() {
                    return Some(found);
                }
                changes.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, waiting).await.ok().flatten()
    }

    fn write<T>(&self, write: impl FnOnce(&mut Vec<Shown>, u64) -> T) -> T {
        let written = {
            let mut messages = lock(&self.messages);
            let version = messages.iter().map(|message| message.version).max().unwrap_or_default() + 1;
            write(&mut messages, version)
        };
        self.version.send_modify(|version| *version += 1);
        written
    }
}
