//! `POST /tencent/callbacks`: changes that Tencent reports (trtc.io/document/64412, 72553).
//!
//! Answered at once and processed afterwards: Tencent gives up after 2 s and ignores the answer. A callback's `Sign`
//! covers neither its body nor its parameters, so it is a hint: a change that is not our own counts only after the
//! owner was read back.

mod configuration;
mod notice;
mod sign;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use axum::{Json, Router};
use reqwest::Url;
use secrecy::SecretString;
use serde_json::json;
use tracing::{debug, info, warn};

use crate::app::UNTRUSTED;
use crate::app::ports::{CallbackEnd, Clock, NotAuthentic, Sender};
use crate::app::service::CommandService;
use crate::redact::{Redactor, SHORTEST_SECRET};

pub use configuration::{Change, Configuration, Configurator};
pub use sign::sign;

/// The command word of the callback that this route is for.
pub const CHANGE_OF_OWNER: &str = "Live.CallbackAfterChangeOwner";

/// The path at which the bot takes callbacks; a slash behind it is accepted.
pub const PATH: &str = "/tencent/callbacks";

/// Whether the bot takes callbacks at this address. A proxy in front of it may put more before the path.
pub fn is_taken_at(url: &Url) -> bool {
    url.path().trim_end_matches('/').ends_with(PATH) && url.query().is_none() && url.fragment().is_none()
}

/// What is wrong with an address for callbacks.
///
/// # Errors
/// When the bot would answer callbacks there with 404, and which address it takes them at.
pub fn check_url(url: &Url) -> Result<(), String> {
    if is_taken_at(url) {
        return Ok(());
    }
    let mut right = url.clone();
    right.set_path(PATH);
    right.set_query(None);
    right.set_fragment(None);
    Err(format!("the bot answers `{url}` with 404: it takes callbacks at `{right}`"))
}

/// What is wrong with a token that callbacks are signed with, in words that do not show it. Tencent takes 1 to 128
/// characters (trtc.io/document/69528).
///
/// # Errors
/// When it is too long or too short, or holds what cannot be seen.
pub fn check_token(token: &str) -> Result<(), &'static str> {
    let fits = (SHORTEST_SECRET..=128).contains(&token.len());
    let is_visible = token.bytes().all(|b| b.is_ascii_graphic());
    (fits && is_visible)
        .then_some(())
        .ok_or("is not 8 to 128 letters, digits and signs: `openssl rand -hex 32` makes a token")
}

/// The largest body that is read, in bytes. A change of owner has a few hundred.
const LARGEST_BODY: usize = 64 * 1_024;

/// Whose callbacks are taken.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The application.
    pub sdk_app_id: u32,
    /// The account as which the bot calls: its changes may be ours.
    pub admin_user_id: String,
    /// What Tencent signs with. Without it nothing is believed until it is read back.
    pub token: Option<SecretString>,
}

impl From<&super::Settings> for Settings {
    fn from(settings: &super::Settings) -> Self {
        Self {
            sdk_app_id: settings.sdk_app_id,
            admin_user_id: settings.admin_user_id.clone(),
            token: settings.callback_token.clone(),
        }
    }
}

struct Callbacks {
    settings: Settings,
    service: Arc<CommandService>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
}

/// The route for callbacks.
pub fn router(
    settings: Settings,
    service: Arc<CommandService>,
    clock: Arc<dyn Clock>,
    redactor: Redactor,
) -> Router {
    Router::new()
        .route("/tencent/callbacks", post(callback))
        // An address typed into a form may end in a slash; Tencent follows no redirect.
        .route("/tencent/callbacks/", post(callback))
        .with_state(Arc::new(Callbacks { settings, service, clock, redactor }))
}

/// Why a callback is not taken.
enum Refused {
    /// Anybody could have sent it.
    NotAuthentic(NotAuthentic),
    /// It is signed, and cannot be read.
    Unusable(String),
    /// Too many are waiting.
    Busy,
}

async fn callback(
    State(callbacks): State<Arc<Callbacks>>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Response {
    let body = match crate::body::read(body, LARGEST_BODY).await {
        Ok(body) => body,
        Err(status) => {
            callbacks.service.observer().called_back(CallbackEnd::Refused);
            return answer(status, "the body cannot be read");
        }
    };
    match callbacks.take(query.as_deref().unwrap_or_default(), &body) {
        Ok(()) => answer(StatusCode::OK, ""),
        Err(refused) => {
            // A forger learns nothing.
            let (status, word) = match refused {
                Refused::NotAuthentic(why) => {
                    callbacks.service.observer().refused(Sender::Tencent, why);
                    let status = match why {
                        NotAuthentic::Foreign => StatusCode::FORBIDDEN,
                        NotAuthentic::Unreadable => StatusCode::BAD_REQUEST,
                        _ => StatusCode::UNAUTHORIZED,
                    };
                    (status, "not taken")
                }
                Refused::Unusable(why) => {
                    warn!(why, "callback not taken");
                    (StatusCode::BAD_REQUEST, "not taken")
                }
                Refused::Busy => {
                    warn!(target: UNTRUSTED, "callback not taken: too many are waiting");
                    (StatusCode::SERVICE_UNAVAILABLE, "busy: try again later")
                }
            };
            answer(status, word)
        }
    }
}

/// In the form that Tencent asks for.
fn answer(status: StatusCode, problem: &str) -> Response {
    let (word, code) = if problem.is_empty() { ("OK", 0) } else { ("FAIL", 1) };
    (status, Json(json!({ "ActionStatus": word, "ErrorInfo": problem, "ErrorCode": code }))).into_response()
}

impl Callbacks {
    /// Takes a callback over, without waiting for anything.
    fn take(&self, query: &str, body: &[u8]) -> Result<(), Refused> {
        let refused = |refused: Refused| {
            self.service.observer().called_back(CallbackEnd::Refused);
            refused
        };
        let not_authentic = |why| refused(Refused::NotAuthentic(why));
        let query = notice::Query::parse(query).map_err(|_| not_authentic(NotAuthentic::Unreadable))?;
        let is_signed = match &self.settings.token {
            Some(token) => {
                sign::verify(token, &query, self.clock.now()).map_err(not_authentic)?;
                true
            }
            None => false,
        };
        if query.get("sdkappid").and_then(|id| id.parse().ok()) != Some(self.settings.sdk_app_id) {
            return Err(not_authentic(NotAuthentic::Foreign));
        }
        let body = self.redactor.json(body);
        match notice::read(&query, &body, &self.settings.admin_user_id, is_signed) {
            Ok(Some(notice)) => {
                debug!(room = %notice.room, "a callback reports a change of owner");
                self.service.take_notice(notice).then_some(()).ok_or(Refused::Busy)
            }
            Ok(None) => {
                self.service.observer().called_back(CallbackEnd::Ignored);
                Ok(())
            }
            Err(why) if is_signed => {
                self.service.take_unusable_notice(why.clone());
                Err(Refused::Unusable(why))
            }
            Err(_) => {
                self.service.observer().called_back(CallbackEnd::Unusable);
                Err(Refused::NotAuthentic(NotAuthentic::Unreadable))
            }
        }
    }
}

/// Reads the parameters of a callback's address, and behind the first line's end its body; panics when what is
/// taken is not as it should be.
#[cfg(any(test, feature = "fuzzing"))]
pub(super) fn check(bytes: &[u8]) {
    let (query, body) = match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (&bytes[..at], &bytes[at + 1..]),
        None => (bytes, &[][..]),
    };
    let Ok(query) = std::str::from_utf8(query) else { return };
    let query = match notice::Query::parse(query) {
        Ok(query) => query,
        Err(why) => return assert!(!why.chars().any(crate::domain::room::is_invisible), "{why:?}"),
    };
    let token = SecretString::from("xxxxyyyy");
    let now = jiff::Timestamp::from_second(1_669_872_112).unwrap_or_default();
    if sign::verify(&token, &query, now).is_ok() {
        let time = query.get("requesttime").unwrap_or_default();
        assert_eq!(query.get("sign"), Some(sign(&token, time).as_str()));
        assert!((1_669_872_052..=1_669_872_172).any(|second| time.parse() == Ok(second)), "{time}");
    }
    match notice::read(&query, body, "admin", false) {
        Ok(Some(notice)) => {
            let accounts =
                [Some(&notice.new_owner), notice.operator.as_ref(), notice.original_owner.as_ref()];
            for account in accounts.into_iter().flatten() {
                assert!((1..=128).contains(&account.as_str().len()));
                assert!(!account.as_str().chars().any(crate::domain::room::is_invisible));
            }
            let is_own = notice.operator.as_ref().is_some_and(|operator| operator.as_str() == "admin");
            assert_eq!(notice.is_own_account, is_own);
            assert!(!notice.is_signed && notice.delivery.as_str().starts_with("tencent:"));
        }
        Ok(None) => {}
        Err(why) => assert!(!why.is_empty() && why.len() <= 1_100, "{why}"),
    }
}

/// Logs at the start which callbacks are trusted.
pub fn announce(settings: &Settings) {
    if settings.token.is_some() {
        info!("taking Tencent's callbacks at /tencent/callbacks");
    } else {
        info!(
            "taking Tencent's callbacks at /tencent/callbacks; TENCENT_CALLBACK_TOKEN is not set, so they count for nothing until the owner is read back"
        );
    }
}
