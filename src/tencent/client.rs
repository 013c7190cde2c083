//! The client of Tencent's Live REST API (trtc.io/document/63398, 72534).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use reqwest::{Method, Url};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};
use tracing::{debug, warn};

use super::answer::{Failure, refusal, result_name, unanswered};
use super::codes::{self, Class};
use super::limit::RateLimiter;
use super::user_sig;
use super::wire::{self, Data, Envelope, Nothing, RoomInfo, RoomInfoResponse, RoomListResponse};
use crate::app::ports::{CallResult, Clock, Observer, ReadError, RoomControl, RoomSummary, Unobserved};
use crate::domain::admission::Attempt;
use crate::domain::audit::Refusal;
use crate::domain::room::{AccountId, Accounts, RoomId};
use crate::http;
use crate::redact::Redactor;

/// Tencent's own limit for a call is 3 s (trtc.io/document/63398); ours must be longer. An answer is a few
/// hundred bytes, a page of rooms a few thousand.
const LIMITS: http::Limits = http::Limits {
    connect_within: Duration::from_secs(2),
    answer_within: Duration::from_secs(5),
    longest_answer: 1 << 20,
};
/// Tencent advises at least 24 h (trtc.io/document/34348 on 70001). Made anew with a day left.
const USER_SIG_VALID_FOR: Duration = Duration::from_secs(48 * 3_600);
const USER_SIG_SPARE: Duration = Duration::from_secs(24 * 3_600);
/// For [`Class::TryAgain`] and for calls that never left.
const TRIES: u32 = 3;
/// For [`Class::SlowDown`]: between tries, and for all of them together.
const SLOW_DOWN: Duration = Duration::from_millis(1_000);
/// A little less than the 10 s that are meant: the clock counts whole milliseconds.
const SLOW_DOWN_IN_ALL: Duration = Duration::from_millis(9_900);
/// How long a call waits for its turn under the ceiling before it is given up.
const TURN_WITHIN: Duration = Duration::from_secs(2);
/// `get_room_list` has a ceiling of its own (trtc.io/document/63405).
const LISTS_PER_SECOND: u32 = 10;

/// Where the API is and as whom it is called.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Scheme, host and port. The path from `/v4` on is the client's.
    pub base_url: Url,
    /// The application.
    pub sdk_app_id: u32,
    /// The UserID of an app admin.
    pub admin_user_id: String,
    /// The application's secret key.
    pub secret_key: SecretString,
    /// Calls a second, for each API (200 documented).
    pub rate_limit: u32,
    /// What Tencent signs its callbacks with, if it does.
    pub callback_token: Option<SecretString>,
    /// The accounts that it knows.
    pub accounts: Accounts,
}

impl Settings {
    /// The secrets among them.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        std::iter::once(&self.secret_key).chain(&self.callback_token)
    }
}

/// A client, with a connection kept alive.
pub struct TencentClient<C> {
    http: http::Client,
    settings: Settings,
    clock: C,
    redactor: Redactor,
    observer: Arc<dyn Observer>,
    user_sig: Mutex<Option<Signed>>,
    /// Whether the last answer refused the signature.
    is_refused: AtomicBool,
    changes: RateLimiter,
    reads: RateLimiter,
    lists: RateLimiter,
}

/// A UserSig in use.
#[derive(Clone)]
struct Signed {
    user_sig: SecretString,
    at: Timestamp,
    /// Knows this UserSig too.
    redactor: Redactor,
}

/// Whether a call whose answer was lost may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    /// It reads: nothing can be done twice.
    Harmless,
    /// It changes something: a second one could overwrite what others did in between.
    Never,
}

impl<C: Clock> TencentClient<C> {
    /// A client with these settings. Its answers are redacted.
    ///
    /// # Errors
    /// When no TLS can be set up.
    pub fn new(settings: Settings, clock: C, redactor: Redactor) -> anyhow::Result<Self> {
        let http = http::Client::new(LIMITS, http::USER_AGENT, "TENCENT_API_BASE_URL")?;
        let rate = settings.rate_limit;
        Ok(Self {
            http,
            settings,
            clock,
            redactor,
            observer: Arc::new(Unobserved),
            user_sig: Mutex::default(),
            is_refused: AtomicBool::new(false),
            changes: RateLimiter::per_second(rate),
            reads: RateLimiter::per_second(rate),
            lists: RateLimiter::per_second(rate.min(LISTS_PER_SECOND)),
        })
    }

    /// With somebody who counts the calls.
    #[must_use]
    pub fn with_observer(self, observer: Arc<dyn Observer>) -> Self {
        Self { observer, ..self }
    }

    /// What Tencent's clock says. Nothing is asked of the application, and nothing signed.
    ///
    /// # Errors
    /// When Tencent does not answer, or does not say.
    pub async fn date(&self) -> Result<Timestamp, http::Error> {
        let request = self.http.request(Method::HEAD, self.settings.base_url.clone());
        let answer = self.http.answer(request, &self.redactor).await?;
        answer.date().ok_or_else(|| http::Error::Unusable("the answer has no date".to_owned()))
    }

    async fn call<T: Data>(
        &self,
        command: &str,
        limit: &RateLimiter,
        repeat: Repeat,
        body: &Value,
    ) -> Result<Envelope<T>, Failure> {
        let began = self.clock.now();
        let mut tries = 0;
        let mut signed_anew = false;
        loop {
            // Before the wait: what takes time after it makes calls come closer together.
            let signed = self.signed();
            if limit.wait(TURN_WITHIN).await.is_err() {
                let info = "too many calls are waiting for Tencent";
                return Err(Failure::NotSent(Refusal::own(info, "Try again in a few seconds.")));
            }
            tries += 1;
            let sent = Instant::now();
            let answer = self.try_once(command, body, &signed).await;
            let api = command.rsplit('/').next().unwrap_or(command);
            self.observer.called(api, &result_name(&answer), sent.elapsed());
            let envelope = match answer {
                Ok(envelope) => envelope,
                Err(error) => {
                    let (may_repeat, info) = match &error {
                        http::Error::NotSent(why) => (true, format!("tencent cannot be reached: {why}")),
                        // The person who waits would wait another five seconds.
                        http::Error::TimedOut { .. } => {
                            (false, format!("no answer within {} s", LIMITS.answer_within.as_secs()))
                        }
                        other => (repeat == Repeat::Harmless, other.to_string()),
                    };
                    if may_repeat && tries < TRIES {
                        self.clock.sleep(backoff(tries)).await;
                        continue;
                    }
                    let refusal = unanswered(info, &error, &self.settings.base_url);
                    return Err(match error {
                        http::Error::NotSent(_) => Failure::NotSent(refusal),
                        _ => Failure::Unclear(refusal),
                    });
                }
            };
            let Some(refusal) = refusal(&envelope) else {
                self.is_refused.store(false, Ordering::Relaxed);
                return Ok(envelope);
            };
            let number = refusal.code.unwrap_or_default();
            self.note_signature(number);
            debug!(command, code = number, request_id = refusal.request_id, "tencent refused");
            match codes::class(number) {
                Class::Final => return Err(Failure::Refused(refusal)),
                Class::Unclear => return Err(Failure::Unclear(refusal)),
                Class::TryAgain if tries < TRIES => self.clock.sleep(backoff(tries)).await,
                // It asked to be repeated, so it did not say that nothing was done.
                Class::TryAgain => return Err(Failure::Failed(refusal)),
                Class::SlowDown => {
                    let spent = self.clock.now().duration_since(began).unsigned_abs();
                    let pause = SLOW_DOWN + jitter(SLOW_DOWN / 5);
                    if spent + pause > SLOW_DOWN_IN_ALL {
                        return Err(Failure::Refused(refusal));
                    }
                    self.clock.sleep(pause).await;
                }
                Class::SignAnew if !signed_anew => {
                    warn!("tencent says that the UserSig has expired: check the clock of this machine");
                    signed_anew = true;
                    self.forget_user_sig();
                }
                Class::SignAnew => return Err(Failure::Refused(refusal)),
            }
        }
    }

    async fn try_once<T: Data>(
        &self,
        command: &str,
        body: &Value,
        Signed { user_sig, redactor, .. }: &Signed,
    ) -> Result<Envelope<T>, http::Error> {
        let request = self.http.request(Method::POST, self.url(command, user_sig)).json(body);
        let answer = self.http.send_for_secret(request, redactor).await?;
        wire::read_redacted(&answer, redactor).map_err(|error| {
            let why = format!("the answer makes no sense: {error}");
            http::Error::Unusable(redactor.text(&why).into_owned())
        })
    }

    /// Reads a part of the application's configuration.
    pub(super) async fn read_configuration<T: Data>(
        &self,
        command: &str,
        body: &Value,
    ) -> Result<Option<T>, Refusal> {
        let command = format!("live_config/{command}");
        let answer = self.call::<T>(&command, &self.reads, Repeat::Harmless, body).await;
        answer.map(|envelope| envelope.response).map_err(Failure::into_refusal)
    }

    /// Writes a part of the application's configuration. The same twice is the same once.
    pub(super) async fn write_configuration(&self, command: &str, body: &Value) -> Result<(), Refusal> {
        let command = format!("live_config/{command}");
        let answer = self.call::<Nothing>(&command, &self.reads, Repeat::Harmless, body).await;
        answer.map(drop).map_err(Failure::into_refusal)
    }

    fn url(&self, command: &str, user_sig: &SecretString) -> Url {
        let mut url = self.settings.base_url.clone();
        url.set_path(&format!("/v4/{command}"));
        url.query_pairs_mut()
            .append_pair("sdkappid", &self.settings.sdk_app_id.to_string())
            .append_pair("identifier", &self.settings.admin_user_id)
            .append_pair("usersig", user_sig.expose_secret())
            .append_pair("random", &rand::random::<u32>().to_string())
            .append_pair("contenttype", "json");
        url
    }

    fn signed(&self) -> Signed {
        let now = self.clock.now();
        let mut cached = self.user_sig.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(signed) = &*cached {
            let age = now.duration_since(signed.at);
            // A clock that was set back makes it look as if it came from the future.
            if !age.is_negative() && age.unsigned_abs() < USER_SIG_VALID_FOR - USER_SIG_SPARE {
                return signed.clone();
            }
        }
        let Settings { secret_key, sdk_app_id, admin_user_id, .. } = &self.settings;
        let user_sig = user_sig::sign(secret_key, *sdk_app_id, admin_user_id, now, USER_SIG_VALID_FOR);
        let redactor = self.redactor.with(&user_sig);
        let signed = Signed { user_sig, at: now, redactor };
        *cached = Some(signed.clone());
        signed
    }

    /// Says once in a run of refused signatures what to look at: each of them is answered with the code.
    fn note_signature(&self, code: i64) {
        if !codes::is_about_signature(code) {
            return self.is_refused.store(false, Ordering::Relaxed);
        }
        if !self.is_refused.swap(true, Ordering::Relaxed) {
            let remedy = codes::remedy(code);
            warn!(code, "tencent refuses the bot's signature: check TENCENT_SECRET_KEY; {remedy}");
        }
    }

    fn forget_user_sig(&self) {
        *self.user_sig.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
    }
}

#[async_trait]
impl<C: Clock> RoomControl for TencentClient<C> {
    async fn owner_of(&self, room: &RoomId) -> Result<AccountId, ReadError> {
        let body = json!({ "RoomId": room.as_str() });
        let envelope: Envelope<RoomInfoResponse> = self
            .call("live_engine_http_srv/get_room_info", &self.reads, Repeat::Harmless, &body)
            .await
            .map_err(Failure::into_read_error)?;
        let request_id = envelope.request_id;
        let owner = envelope.response.and_then(|response| response.room_info).and_then(RoomInfo::owner);
        owner.ok_or_else(|| {
            let error = http::Error::Unusable("tencent's answer names no owner".to_owned());
            let refusal = unanswered(error.to_string(), &error, &self.settings.base_url);
            ReadError::Unreadable(Refusal { request_id, ..refusal })
        })
    }

    async fn change_room_owner(&self, attempt: &Attempt) -> CallResult {
        let transfer = attempt.transfer();
        let (room, new_owner) = (transfer.room.as_str(), transfer.new_owner.as_str());
        let body = json!({ "RoomId": room, "NewOwner_Account": new_owner });
        match self
            .call::<Nothing>("live_engine_http_srv/change_room_owner", &self.changes, Repeat::Never, &body)
            .await
        {
            Ok(envelope) => CallResult::Accepted { request_id: envelope.request_id },
            Err(Failure::Refused(refusal)) => CallResult::Refused(refusal),
            Err(Failure::Failed(refusal)) => CallResult::Failed(refusal),
            Err(Failure::NotSent(refusal)) => CallResult::NotSent(refusal),
            Err(Failure::Unclear(refusal)) => CallResult::Unclear(refusal),
        }
    }

    fn remedy(&self, code: i64) -> String {
        codes::remedy(code).to_owned()
    }

    async fn live_rooms(&self) -> Result<Vec<RoomSummary>, ReadError> {
        let body = json!({ "Next": "", "Count": 20 });
        let envelope: Envelope<RoomListResponse> = self
            .call("live_engine_http_srv/get_room_list", &self.lists, Repeat::Harmless, &body)
            .await
            .map_err(Failure::into_read_error)?;
        let rooms = envelope.response.map(|response| response.room_list).unwrap_or_default();
        // A room with an invalid id cannot be handed over: it is left out.
        Ok(rooms
            .into_iter()
            .filter_map(|info| {
                let room: RoomId = info.room_id?.parse().ok()?;
                let name = info.room_name.unwrap_or_else(|| room.to_string());
                let owner = AccountId::from_tencent(info.owner?.0);
                Some(RoomSummary { room, name, owner, viewers: info.view_count.as_u64() })
            })
            .collect())
    }
}

/// 200 ms, 600 ms, and up to a fifth more, so that replicas do not retry at the same time.
fn backoff(tries: u32) -> Duration {
    let base = Duration::from_millis(200) * 3_u32.pow(tries.saturating_sub(1).min(3));
    base + jitter(base / 5)
}

fn jitter(most: Duration) -> Duration {
    most.mul_f64(rand::random::<f64>())
}
