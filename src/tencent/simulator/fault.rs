//! The ways in which the simulated service can fail on purpose.

use serde::{Deserialize, Serialize};

use super::Api;

/// How long a stall or a late commit may last: an hour, in milliseconds.
const MAX_MILLIS: u64 = 3_600_000;

/// Something that goes wrong, and for which calls.
///
/// A fault strikes a call that got through the checks of its URL, signature, rate and body; a call refused
/// there does not use it up. At most one fault strikes a call: of those that fit, the one injected first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Only calls to this API; `None`: to any.
    #[serde(default)]
    pub api: Option<Api>,
    /// Only calls about this room; `None`: about any, or none.
    #[serde(default)]
    pub room: Option<String>,
    /// How many calls it strikes; `None`: every one until the faults are cleared.
    #[serde(default)]
    pub times: Option<u32>,
    /// What goes wrong.
    pub kind: FaultKind,
}

impl Fault {
    /// This failure for every call, until cleared.
    pub fn new(kind: FaultKind) -> Self {
        Self { api: None, room: None, times: None, kind }
    }

    /// Only for calls to this API.
    pub fn on(self, api: Api) -> Self {
        Self { api: Some(api), ..self }
    }

    /// Only for calls about this room.
    pub fn in_room(self, room: impl Into<String>) -> Self {
        Self { room: Some(room.into()), ..self }
    }

    /// Only for the next `times` calls that fit.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Only for the next call that fits.
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Why this fault could never strike or be carried out, if so.
    pub fn check(&self) -> Result<(), String> {
        if self.times == Some(0) {
            return Err("`times` is `0`: give at least `1`, or leave it out for \"until cleared\"".to_owned());
        }
        if let Some(api) = self.api
            && !self.kind.fits(api)
        {
            return Err(format!("this kind has no meaning for `{api}`: leave `api` out"));
        }
        if self.room.is_some() && self.api == Some(Api::GetRoomList) {
            return Err("`get_room_list` names no room: leave `room` out".to_owned());
        }
        match &self.kind {
            FaultKind::Stall { millis, .. } | FaultKind::LateApply { millis } if *millis > MAX_MILLIS => {
                Err(format!("`millis` is `{millis}`: at most `{MAX_MILLIS}` (an hour)"))
            }
            FaultKind::Http { status, .. } if !(200..600).contains(status) => {
                Err(format!("`status` is `{status}`: give one from `200` to `599`"))
            }
            FaultKind::Code { code: 0, .. } => {
                Err("`code` is `0`, which is success: for a contradiction use `zero_code_but_fail`"
                    .to_owned())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn strikes(&self, api: Api, room: Option<&str>) -> bool {
        self.times != Some(0)
            && self.kind.fits(api)
            && self.api.is_none_or(|only| only == api)
            && self.room.as_deref().is_none_or(|only| Some(only) == room)
    }
}

/// Whether something happens before the request is carried out or after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Before; where the fault ends the call, nothing is carried out at all.
    #[default]
    Before,
    /// After: the change of owner has happened, and the caller may not learn of it.
    After,
}

/// What goes wrong.
///
/// In JSON a kind without details is its name in snake case, and one with details is an object with that name
/// as its only key: `"reset_after"`, `{"code": {"code": 100001}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// The call is refused with this ErrorCode and nothing is carried out.
    Code {
        /// ErrorCode, not zero.
        code: i64,
        /// ErrorInfo.
        #[serde(default)]
        info: String,
    },
    /// A gateway answers in the service's place, with an HTTP status and a body in HTML.
    Http {
        /// HTTP status, 502 in Tencent's own example.
        status: u16,
        /// The body, sent as `text/html`.
        #[serde(default)]
        body: String,
        /// Before (the default) or after the request was carried out.
        #[serde(default)]
        when: When,
    },
    /// The connection is closed without an answer; nothing is carried out.
    ResetBefore,
    /// The request is carried out, then the connection is closed without an answer.
    ResetAfter,
    /// The service says nothing for a while, then goes on as if nothing had happened, even if the caller has
    /// left by then: with [`When::Before`] a caller that gave up sees its change take effect later.
    Stall {
        /// Before (the default) or after the request is carried out.
        #[serde(default)]
        when: When,
        /// For how long, in milliseconds; the end of the simulator ends it early.
        millis: u64,
    },
    /// The request is carried out, and the connection closes in the middle of the answer's body.
    Truncated,
    /// The answer is HTTP 200 with something that is not JSON.
    Garbage {
        /// Before (the default) or after the request was carried out.
        #[serde(default)]
        when: When,
    },
    /// The answer has no RequestId (as older Chat APIs do).
    MissingRequestId,
    /// The request is carried out, and the answer has no ErrorCode.
    MissingErrorCode,
    /// The answer's keys come in another order, with unknown ones among them, at every level.
    ShuffledKeys,
    /// `Owner_Account` is a bare integer if it consists of digits (seen in one of Tencent's samples), with
    /// all its digits. Only for the two APIs that answer with owners.
    NumericOwner,
    /// ErrorCode 0 with ActionStatus `FAIL`; nothing is carried out.
    ZeroCodeButFail,
    /// The change happens, and `get_room_info` goes on answering the previous owner for a while. Only for
    /// `change_room_owner`, whose next change it accompanies.
    StaleRead {
        /// For how many reads of that room.
        reads: u32,
    },
    /// The connection is closed without an answer, and the change is made later: the late commit. Only for
    /// `change_room_owner`.
    LateApply {
        /// How much later, in milliseconds; it never happens if the simulator ends before.
        millis: u64,
    },
}

impl FaultKind {
    /// One line for people who mistyped a fault.
    pub(super) const HELP: &str = "a fault is {api?, room?, times?, kind}; kinds: {\"code\": {code, info?}}, \
        {\"http\": {status, body?, when?}}, \"reset_before\", \"reset_after\", {\"stall\": {when?, millis}}, \
        \"truncated\", {\"garbage\": {when?}}, \"missing_request_id\", \"missing_error_code\", \
        \"shuffled_keys\", \"numeric_owner\", \"zero_code_but_fail\", {\"stale_read\": {reads}}, \
        {\"late_apply\": {millis}}; `when` is \"before\" or \"after\"";

    fn fits(&self, api: Api) -> bool {
        match self {
            Self::StaleRead { .. } | Self::LateApply { .. } => api == Api::ChangeRoomOwner,
            Self::NumericOwner => api != Api::ChangeRoomOwner,
            _ => true,
        }
    }
}
