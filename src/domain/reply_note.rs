//! How a reply was delivered that could not be delivered as usual. It is recorded, so that a missing answer is not taken
//! for a command that was not carried out.

use std::fmt;

use super::named::named;

named! {
    /// How a reply went, other than as usual.
    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    HowReplied
    /// Delivered after more than one try.
    Edited => "edited",
    /// It was posted to the channel instead.
    Posted => "posted",
    /// Sent as a message of the bot, because the request could not be answered any more.
    Sent => "sent",
    /// It was given up.
    Lost => "lost",
}

/// A note on an operation about its reply.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ReplyNote {
    /// How it went.
    pub how: HowReplied,
    /// What kept it from going as usual. Never a secret: no URL of a platform is in it.
    pub why: String,
}

impl fmt::Display for ReplyNote {
    /// For people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.how {
            HowReplied::Edited => "delivered after more than one try",
            HowReplied::Posted => "posted to the channel instead",
            HowReplied::Sent => "delivered later, in a message of its own",
            HowReplied::Lost => "never delivered",
        })?;
        write!(f, " ({})", self.why)
    }
}
