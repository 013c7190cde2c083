//! What is counted and measured, as the use cases and the doors name it.

use std::time::Duration;

use super::callbacks::CallbackEnd;
use crate::domain::audit::OutcomeKind;
use crate::domain::command::Place;
use crate::domain::named::named;
use crate::domain::reply_note::HowReplied;

/// Who counts and measures.
pub trait Observer: Send + Sync {
    /// A request from `place` (if it named one) was answered after `took`.
    fn answered(
        &self,
        _place: Option<&Place>,
        _command: &'static str,
        _outcome: OutcomeKind,
        _took: Duration,
    ) {
    }

    /// A button was pressed, and this came of it. What it stood for is counted as a command, too.
    fn pressed(&self, _place: &Place, _outcome: OutcomeKind) {}

    /// A part of a command took so long.
    fn took(&self, _step: Step, _time: Duration) {}

    /// Tencent was called. The result is its ErrorCode, or why there was none.
    fn called(&self, _api: &str, _result: &str, _took: Duration) {}

    /// A callback came to this end.
    fn called_back(&self, _end: CallbackEnd) {}

    /// A reply went another way than usual, or nowhere.
    fn replied(&self, _how: HowReplied) {}

    /// So many answers are to be said late.
    fn owes(&self, _answers: usize) {}

    /// Another connection to Slack is needed.
    fn reconnects(&self, _why: Reconnect) {}

    /// An envelope came over a connection to Slack, and was acknowledged or not.
    fn took_envelope(&self, _kind: EnvelopeKind, _end: EnvelopeEnd) {}

    /// A request was refused, because nobody we trust sent it.
    fn refused(&self, _sender: Sender, _why: NotAuthentic) {}
}

/// Nobody counts.
pub struct Unobserved;

impl Observer for Unobserved {}

named! {
    /// A part of a command that takes its time.
    Step
    /// Waiting for a slot.
    Queue => "queue",
    /// Deciding, and recording the decision.
    Admission => "admission",
    /// Recording the outcome.
    Outcome => "outcome",
}

named! {
    /// Why another connection of Slack's Socket Mode is needed.
    Reconnect
    /// Slack will close it in some seconds.
    Warning => "warning",
    /// Slack closes it now.
    Refresh => "refresh_requested",
    /// Socket Mode was switched off.
    LinkDisabled => "link_disabled",
    /// The app has more connections than Slack permits.
    TooMany => "too_many_websockets",
    /// Slack closes it for another reason.
    Other => "other",
    /// Nothing came for too long.
    Silence => "silence",
    /// It broke, or was closed without a word.
    Lost => "lost",
}

named! {
    /// What an envelope of Slack's Socket Mode holds.
    EnvelopeKind
    /// A slash command.
    SlashCommands => "slash_commands",
    /// A press of a button, or a form.
    Interactive => "interactive",
    /// An event.
    EventsApi => "events_api",
    /// Something else.
    Other => "other",
}

named! {
    /// What became of an envelope.
    EnvelopeEnd
    /// The acknowledgement held what there was to say.
    Answered => "answered",
    /// It was acknowledged; anything to be said is sent by another way.
    Acknowledged => "acknowledged",
    /// The connection ended before it was acknowledged.
    Lost => "lost",
}

named! {
    /// Who signs what is posted to the bot, by the name in the metrics and in log lines.
    #[derive(PartialOrd, Ord)]
    Sender
    /// Slack's commands.
    Slack => "slack",
    /// Discord's interactions.
    Discord => "discord",
    /// Tencent's callbacks.
    Tencent => "tencent",
}

impl Sender {
    /// The setting that its signatures are checked with.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Slack => "SLACK_SIGNING_SECRET",
            Self::Discord => "DISCORD_PUBLIC_KEY",
            Self::Tencent => "TENCENT_CALLBACK_TOKEN",
        }
    }
}

/// Why a request is not authentic. For the operator; the sender learns nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum NotAuthentic {
    /// No signature or no timestamp, or more than one.
    #[error("the signature is missing, or there are two")]
    Headers,
    /// The timestamp is not a plain number of seconds.
    #[error("the timestamp is not a number")]
    Timestamp,
    /// Well signed, but too long ago or in the future.
    #[error("the timestamp is too far from this machine's clock")]
    NotFresh,
    /// The body does not begin as an object.
    #[error("the body does not begin with a brace")]
    Body,
    /// No key made this signature.
    #[error("the signature does not match")]
    Signature,
    /// For another application.
    #[error("it is for another application than TENCENT_SDK_APP_ID")]
    Foreign,
    /// Not signed, and it cannot be read.
    #[error("it cannot be read")]
    Unreadable,
}

impl NotAuthentic {
    /// Every reason.
    pub const ALL: [Self; 7] = [
        Self::Headers,
        Self::Timestamp,
        Self::NotFresh,
        Self::Body,
        Self::Signature,
        Self::Foreign,
        Self::Unreadable,
    ];

    /// Its name in the metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Headers => "no_signature",
            Self::Timestamp => "timestamp",
            Self::NotFresh => "stale",
            Self::Body => "body",
            Self::Signature => "signature",
            Self::Foreign => "foreign",
            Self::Unreadable => "unreadable",
        }
    }
}
