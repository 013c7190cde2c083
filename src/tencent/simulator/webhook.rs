//! `Live.CallbackAfterChangeOwner`: the announcement of a change of owner (trtc.io/document/72553).

use std::time::Duration;

use jiff::Timestamp;
use secrecy::SecretString;
use serde_json::json;

use super::settings::Settings;
use super::state::{Callback, OwnerChange};
use crate::tencent::callbacks::{self, CHANGE_OF_OWNER};

/// Documented for webhooks in general (trtc.io/document/34354). A lost announcement is not sent again.
const TIMEOUT: Duration = Duration::from_secs(2);

/// The `Sign` of an announcement at `request_time` (unix seconds).
pub fn callback_sign(token: &SecretString, request_time: i64) -> String {
    callbacks::sign(token, &request_time.to_string())
}

pub(super) struct Announcer {
    client: reqwest::Client,
    sdk_app_id: u32,
}

impl Announcer {
    /// `None` if the client cannot be built, which is logged: then nothing is announced.
    pub(super) fn new(settings: &Settings) -> Option<Self> {
        // reqwest panics without a TLS provider, even for plain http. An error means there is one already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .timeout(TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .inspect_err(|error| tracing::error!(%error, "no webhooks: the HTTP client cannot be built"))
            .ok()?;
        Some(Self { client, sdk_app_id: settings.sdk_app_id })
    }

    /// Posts in a task of its own: the call that made the change does not wait for it.
    pub(super) fn announce(
        &self,
        callback: Callback,
        token: Option<&SecretString>,
        change: OwnerChange,
        now: Timestamp,
    ) {
        let mut url = callback.url;
        url.query_pairs_mut()
            .append_pair("SdkAppid", &self.sdk_app_id.to_string())
            .append_pair("CallbackCommand", CHANGE_OF_OWNER)
            .append_pair("contenttype", "json");
        if let Some(token) = token {
            let request_time = now.as_second();
            url.query_pairs_mut()
                .append_pair("Sign", &callback_sign(token, request_time))
                .append_pair("RequestTime", &request_time.to_string());
        }
        let body = json!({
            "CallbackCommand": CHANGE_OF_OWNER,
            "RoomId": change.room,
            "EventTime": change.at.as_millisecond(),
            "Operator_Account": change.operator,
            "CurrentOwner_Account": change.to,
            "OriginalOwner_Account": change.from,
        });
        let request = self.client.post(url).json(&body);
        tokio::spawn(async move {
            let (request_id, room) = (change.request_id, change.room);
            // The address holds the Sign, so it stays out of the log.
            match request.send().await.and_then(reqwest::Response::error_for_status) {
                Ok(_) => tracing::debug!(request_id, room, "owner change announced"),
                Err(error) => {
                    let error = error.without_url();
                    tracing::warn!(request_id, room, %error, "owner change not announced");
                }
            }
        });
    }
}
