//! What the simulated application is like, and how the service behaves where Tencent documents nothing.

use std::collections::BTreeSet;
use std::net::IpAddr;

use reqwest::Url;
use secrecy::SecretString;

/// One simulated application. [`Settings::new`] fills in everything but the credentials.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The application's SDKAppID; every other one is unknown.
    pub sdk_app_id: u32,
    /// The one app admin: only this identifier may call (documented, 60010 for others).
    pub admin: String,
    /// The secret key UserSigs are verified with.
    pub secret_key: SecretString,
    /// Calls per second to `change_room_owner` and to `get_room_info`, each; 60007 above it. Documented: 200.
    pub rate_limit_per_second: u32,
    /// Calls per second to `get_room_list`; 60007 above it. Documented: 10.
    pub list_rate_limit_per_second: u32,
    /// Calls per second to all APIs together; 60011 above it. The code is documented, the figure is not:
    /// `None`, the default, sets no such limit.
    pub app_rate_limit_per_second: Option<u32>,
    /// The accounts that exist. `None`, the default: every account counts as imported.
    pub imported: Option<BTreeSet<String>>,
    /// Where changes of owner are announced; `None`, the default: nowhere.
    pub webhook: Option<Webhook>,
    /// RequestIds are drawn from it: the same seed and the same order of calls give the same ids.
    pub seed: u64,
    /// The host name callers must use, without the port; 60026 for any other, which is how a call to the wrong
    /// data centre ends. `None`, the default, accepts every name.
    pub domain: Option<String>,
    /// Whether the application was disabled: 60016 for every call (documented).
    pub disabled: bool,
    /// The source addresses that may call; 60021 for others (documented). `None`, the default: all.
    pub allowed_sources: Option<BTreeSet<IpAddr>>,
    /// What a transfer to the present owner does. Unknown; by default it succeeds and is not announced.
    pub same_owner: SameOwner,
    /// The code for a new owner who is not imported. Unknown whether Live answers 70107 (the default) or 100002.
    pub not_imported_code: i64,
    /// The code for an unknown SDKAppID. Documented are 60006 (the default) and, from the signature check, 70020.
    pub unknown_app_code: i64,
    /// Whether `random` must be there and be an unsigned 32-bit number, else 60025. It is documented as
    /// required, how strictly is unknown; the default is to insist.
    pub random_required: bool,
    /// After how many signature failures within a minute every call is refused with 70050 for a minute. The
    /// lock is documented; the number is not, nor whether a good signature opens it: 10 by default, and it does not.
    pub signature_failures_per_minute: u32,
    /// How many calls and how many owner changes are remembered, for who asks about them later; the oldest go
    /// first. 100,000 by default.
    pub remembered: usize,
}

impl Settings {
    /// An application with these credentials and the documented limits, in which every account exists.
    pub fn new(sdk_app_id: u32, admin: impl Into<String>, secret_key: SecretString) -> Self {
        Self {
            sdk_app_id,
            admin: admin.into(),
            secret_key,
            rate_limit_per_second: 200,
            list_rate_limit_per_second: 10,
            app_rate_limit_per_second: None,
            imported: None,
            webhook: None,
            seed: 0,
            domain: None,
            disabled: false,
            allowed_sources: None,
            same_owner: SameOwner::Succeed,
            not_imported_code: 70107,
            unknown_app_code: 60006,
            random_required: true,
            signature_failures_per_minute: 10,
            remembered: 100_000,
        }
    }
}

/// Where and how owner changes are announced (trtc.io/document/72553 and 64412).
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The receiver, `http` or `https`; the documented query parameters are added to its own.
    pub url: Url,
    /// With a token, `Sign` and `RequestTime` are added; off by default at Tencent too.
    pub token: Option<SecretString>,
}

/// What a transfer to the room's present owner does; Tencent does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SameOwner {
    /// It succeeds, and the webhook stays silent, for nothing changed.
    Succeed,
    /// It succeeds, and the webhook names the same account as the old and the new owner.
    SucceedAndAnnounce,
    /// It is refused with this ErrorCode.
    Refuse(i64),
}
