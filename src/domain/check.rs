//! What a look at the set-up found.

use super::named::named;

named! {
    /// How a thing is.
    #[derive(PartialOrd, Ord, serde::Serialize)]
    #[serde(rename_all = "lowercase")]
    State
    /// It was not looked at.
    Skipped => "skipped",
    /// As it should be.
    Ok => "ok",
    /// The bot works, but something is missing or about to go wrong.
    Warning => "warning",
    /// The bot, or a part of it, does not work.
    Failure => "failure",
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Check {
    /// What.
    pub name: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub detail: String,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Check {
    /// It is as it should be.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), remedy: None }
    }

    /// It was not looked at, because of this.
    pub fn skipped(name: &'static str, why: impl Into<String>) -> Self {
        Self { state: State::Skipped, ..Self::ok(name, why) }
    }

    /// The bot works in spite of it.
    pub fn warning(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Warning, ..Self::failure(name, detail, remedy) }
    }

    /// Something does not work because of it.
    pub fn failure(name: &'static str, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { state: State::Failure, remedy: Some(remedy.into()), ..Self::ok(name, detail) }
    }
}
