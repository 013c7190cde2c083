//! What came of a call: an answer with a code, or what came instead of one.

use std::borrow::Cow;

use reqwest::{StatusCode, Url};

use super::codes;
use super::region::address_setting;
use super::wire::Envelope;
#[cfg(any(test, feature = "fuzzing"))]
use super::wire::Nothing;
use crate::app::ports::ReadError;
use crate::domain::audit::Refusal;
use crate::http;

/// ErrorInfo is kept and shown up to this length, in characters.
const LONGEST_INFO: usize = 300;

/// The result of a call after all permitted tries.
pub(super) enum Failure {
    /// Tencent said no.
    Refused(Refusal),
    /// It never left this machine.
    NotSent(Refusal),
    /// Tencent answered every try with an internal error.
    Failed(Refusal),
    /// It is not known.
    Unclear(Refusal),
}

impl Failure {
    pub(super) fn into_refusal(self) -> Refusal {
        match self {
            Self::Refused(refusal)
            | Self::NotSent(refusal)
            | Self::Failed(refusal)
            | Self::Unclear(refusal) => refusal,
        }
    }

    pub(super) fn into_read_error(self) -> ReadError {
        match self {
            Self::Refused(refusal) if refusal.code == Some(codes::NO_SUCH_ROOM) => ReadError::NoRoom(refusal),
            // A question has no effect that could be lost: an answer with a code is a no.
            Self::Refused(refusal) | Self::Failed(refusal) => ReadError::Refused(refusal),
            Self::Unclear(refusal) if refusal.code.is_some() => ReadError::Refused(refusal),
            Self::NotSent(refusal) | Self::Unclear(refusal) => ReadError::Unreadable(refusal),
        }
    }
}

/// The no in an answer, if it is one: an ErrorCode that is not 0, or ActionStatus FAIL.
pub(super) fn refusal<T>(envelope: &Envelope<T>) -> Option<Refusal> {
    let number = envelope.error_code.unwrap_or_default();
    let failed = envelope.action_status.as_deref().is_some_and(|status| status.eq_ignore_ascii_case("FAIL"));
    if number == 0 && !failed {
        return None;
    }
    let info = envelope.error_info.as_deref().unwrap_or_default();
    Some(Refusal {
        code: Some(number),
        info: if info.is_empty() {
            "no ErrorInfo".to_owned()
        } else {
            info.chars().take(LONGEST_INFO).collect()
        },
        request_id: envelope.request_id.clone(),
        remedy: codes::remedy(number).to_owned(),
    })
}

/// The result of a call for the metrics: a code that is documented, or why there is none.
pub(super) fn result_name<T>(answer: &Result<Envelope<T>, http::Error>) -> Cow<'static, str> {
    let envelope = match answer {
        Ok(envelope) => envelope,
        Err(http::Error::NotSent(_)) => return "not_sent".into(),
        Err(http::Error::TimedOut { .. }) => return "timed_out".into(),
        Err(http::Error::Cut { .. }) => return "cut".into(),
        Err(http::Error::Unusable(_)) => return "unusable".into(),
        Err(http::Error::Refused { .. }) => return "http".into(),
    };
    match refusal(envelope).and_then(|refusal| refusal.code) {
        None => "0".into(),
        Some(code) if codes::lookup(code).is_some() => code.to_string().into(),
        Some(_) => "other".into(),
    }
}

/// What is kept of an answer is short, whatever Tencent sends.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn check_refusal(envelope: &Envelope<Nothing>) {
    let Some(refusal) = refusal(envelope) else { return assert_eq!(envelope.error_code, Some(0)) };
    assert!(!refusal.info.is_empty() && refusal.info.chars().count() <= LONGEST_INFO);
    assert!(!refusal.remedy.is_empty());
}

/// That `url` did not answer with a code, and what to look at.
pub(super) fn unanswered(info: String, error: &http::Error, url: &Url) -> Refusal {
    Refusal::own(info, without_answer(error, url))
}

fn without_answer(error: &http::Error, url: &Url) -> String {
    let setting = address_setting(url);
    match error {
        http::Error::NotSent(_) if let Some(proxy) = http::proxy_for(url) => format!(
            "The bot's proxy gives no connection to Tencent: an admin has to check {}.",
            proxy.setting()
        ),
        http::Error::Unusable(_) => not_tencent(setting),
        http::Error::Refused { status, .. } if !is_overload(*status) => not_tencent(setting),
        _ => format!(
            "Tencent may be down or out of reach: try again in a moment; if it stays, an admin has to check the bot's network and {setting}."
        ),
    }
}

fn not_tencent(setting: &str) -> String {
    format!("What answers does not look like Tencent's API: an admin has to check {setting}.")
}

fn is_overload(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}
