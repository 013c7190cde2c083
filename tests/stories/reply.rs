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
    buttons: Vec<Button>,
}

/// A button under a reply.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Button {
    pub(crate) label: String,
    /// What the platform sends back.
    pub(crate) name: Value,
}

/// A press that was taken.
pub(crate) struct Press {
    /// Under which key the platform keeps what came of it.
    pub(crate) key: String,
    /// The message that the button is in, and its key.
    pub(crate) source: Value,
    pub(crate) source_key: String,
}

impl Reply {
    /// A message that reads like this.
    pub(crate) fn of(text: String, json: Value, key: &str, concerns_the_channel: bool) -> Self {
        let is_refusal = text.starts_with(['❌', '⛔']) && text.contains("Nothing was done");
        // And the number of the operation.
        assert!(!is_refusal || text.lines().count() <= 4, "a refusal has three lines at most:\n{text}");
        Self {
            text,
            json,
            key: key.to_owned(),
            concerns_the_channel,
            read: Arc::default(),
            buttons: Vec::new(),
        }
    }

    pub(crate) fn with_buttons(self, buttons: Vec<Button>) -> Self {
        Self { buttons, ..self }
    }

    /// What its buttons say.
    pub(crate) fn labels(&self) -> Vec<&str> {
        // Whoever looks at the buttons has read what is above them.
        self.text();
        self.buttons.iter().map(|button| button.label.as_str()).collect()
    }

    /// What the platform sends back for a button.
    pub(crate) fn button(&self, label: &str) -> Value {
        let button = self.buttons.iter().find(|button| button.label == label);
        button.unwrap_or_else(|| panic!("no button {label}: {:?}", self.labels())).name.clone()
    }

    /// Whether it takes the place of the message that the pressed button was in.
    pub(crate) fn is_in_its_place(&self) -> bool {
        self.json["replace_original"] == true || self.json[0]["type"] == 7
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
