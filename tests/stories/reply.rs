//! What a person reads, whatever platform it came by.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use room_owner::domain::audit::OperationId;
use room_owner::domain::tree_head::SeenHead;
use serde_json::Value;

pub(crate) struct Reply {
    text: String,
    pub(crate) json: Value,
    /// Under which key late answers to the same request come.
    pub(crate) key: String,
    concerns_the_channel: bool,
    pub(crate) read: Arc<AtomicBool>,
}

impl Reply {
    /// A message that reads like this.
    pub(crate) fn of(text: String, json: Value, key: &str, concerns_the_channel: bool) -> Self {
        let is_refusal = text.starts_with(['❌', '⛔']) && text.contains("Nothing was done");
        // And the number of the operation.
        assert!(!is_refusal || text.lines().count() <= 4, "a refusal has three lines at most:\n{text}");
        Self { text, json, key: key.to_owned(), concerns_the_channel, read: Arc::default() }
    }

    pub(crate) fn text(&self) -> &str {
        self.read.store(true, Ordering::SeqCst);
        &self.text
    }

    /// The text, for those who only look for something in it.
    pub(crate) fn unread_text(&self) -> &str {
        &self.text
    }

    pub(crate) fn says(&self, part: &str) -> bool {
        self.text().contains(part)
    }

    /// Whether the channel sees it.
    pub(crate) fn is_public(&self) -> bool {
        self.concerns_the_channel
    }

    /// The operation's number, as the person would quote it.
    pub(crate) fn operation(&self) -> OperationId {
        let last = self.text.lines().last().unwrap();
        let number = last.strip_prefix("op ").unwrap_or_else(|| panic!("no operation in {}", self.text));
        number.split(' ').next().unwrap().parse().unwrap()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_public() {
            f.write_str("(only visible to you)\n")?;
        }
        f.write_str(&without_head(self.text()))
    }
}

/// The text without the numbers of the log's head, which no two runs share: the keys differ, and the times.
fn without_head(text: &str) -> String {
    match text.split_once(" · log ") {
        None => text.to_owned(),
        Some((before, rest)) => {
            let head = rest.split_whitespace().next().unwrap_or_default();
            let seen: SeenHead = head.parse().expect("the short form of a head");
            assert!(seen.size > 0);
            format!("{before} · log …{}", &rest[head.len()..])
        }
    }
}
