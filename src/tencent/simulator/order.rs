//! The APIs and the bodies of their calls: what these may hold. Limits without a source are inferred.

use reqwest::Url;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reply::Refusal;
use crate::domain::named::named;

/// RoomId: documented for `create_room` (trtc.io/document/63401).
const MAX_ROOM_ID_BYTES: usize = 48;
/// UserID: documented with the UserSig (trtc.io/document/34385).
const MAX_ACCOUNT_BYTES: usize = 32;
/// Default and maximum of `Count` (trtc.io/document/63405).
const PAGE: u64 = 20;

named! {
    /// The APIs that are simulated: the rooms' under `/v4/live_engine_http_srv/`, the callbacks' under
    /// `/v4/live_config/`. The name is the last part of the path, and the one in JSON.
    #[derive(Serialize, Deserialize)]
    #[serde(rename_all = "snake_case")]
    Api
    /// Hands a room to a new owner (trtc.io/document/72534).
    ChangeRoomOwner => "change_room_owner",
    /// Reads one room, its owner among the rest (trtc.io/document/63404).
    GetRoomInfo => "get_room_info",
    /// Reads the rooms page by page (trtc.io/document/63405).
    GetRoomList => "get_room_list",
    /// Reads where callbacks go (trtc.io/document/64418).
    GetCallback => "get_callback",
    /// Says where callbacks go (tencentcloud.com/document/product/1071/78178).
    SetCallback => "set_callback",
    /// Changes where callbacks go (trtc.io/document/64419).
    UpdateCallback => "update_callback",
    /// Reads what callbacks are signed with (tencentcloud.com/document/product/1071/78181).
    GetCallbackToken => "get_callback_token",
    /// Says what callbacks are signed with (trtc.io/document/69528).
    SetCallbackToken => "set_callback_token",
}

impl Api {
    pub(super) fn from_path(path: &str) -> Option<Self> {
        let (service, name) = path.strip_prefix("/v4/")?.split_once('/')?;
        Self::ALL.iter().copied().find(|api| api.service() == service && api.name() == name)
    }

    /// The part of its path before the name.
    pub fn service(self) -> &'static str {
        match self {
            Self::ChangeRoomOwner | Self::GetRoomInfo | Self::GetRoomList => "live_engine_http_srv",
            Self::GetCallback
            | Self::SetCallback
            | Self::UpdateCallback
            | Self::GetCallbackToken
            | Self::SetCallbackToken => "live_config",
        }
    }
}

/// Step 6: a body that could be understood.
#[derive(Debug)]
pub(super) enum Order {
    ChangeOwner { room: String, new_owner: String },
    RoomInfo { room: String },
    RoomList { skip: usize, count: usize },
    ReadCallback,
    WriteCallback { url: Url, commands: Vec<String>, must_exist: bool },
    ReadToken,
    WriteToken { token: Option<String>, enable: Option<bool> },
}

impl Order {
    pub(super) fn parse(api: Api, body: &[u8]) -> Result<Self, Refusal> {
        let body: Map<String, Value> = serde_json::from_slice(body).map_err(|_| {
            Refusal::new(60003, "the body is not a JSON object: send one, `{}` if there is nothing to say")
        })?;
        match api {
            Api::ChangeRoomOwner => {
                let new_owner = new_owner(&body)?;
                Ok(Self::ChangeOwner { room: room_id(&body)?, new_owner: new_owner? })
            }
            Api::GetRoomInfo => Ok(Self::RoomInfo { room: room_id(&body)? }),
            Api::GetRoomList => Ok(Self::RoomList { skip: next(&body)?, count: count(&body)? }),
            Api::GetCallback => Ok(Self::ReadCallback),
            Api::SetCallback | Api::UpdateCallback => Ok(Self::WriteCallback {
                url: url(&body)?,
                commands: commands(&body)?,
                must_exist: api == Api::UpdateCallback,
            }),
            Api::GetCallbackToken => Ok(Self::ReadToken),
            Api::SetCallbackToken => Ok(Self::WriteToken { token: token(&body)?, enable: enable(&body)? }),
        }
    }

    pub(super) fn room(&self) -> Option<&str> {
        match self {
            Self::ChangeOwner { room, .. } | Self::RoomInfo { room } => Some(room),
            Self::RoomList { .. }
            | Self::ReadCallback
            | Self::WriteCallback { .. }
            | Self::ReadToken
            | Self::WriteToken { .. } => None,
        }
    }
}

fn room_id(body: &Map<String, Value>) -> Result<String, Refusal> {
    let room = body.get("RoomId").and_then(Value::as_str).unwrap_or_default();
    if !is_room_id(room) {
        return Err(Refusal::new(
            100002,
            format!("`RoomId` is missing or illegal: give 1 to {MAX_ROOM_ID_BYTES} bytes of printable ASCII"),
        ));
    }
    Ok(room.to_owned())
}

/// An account of the wrong type outranks every other mistake in the body, so that comes as the outer error.
fn new_owner(body: &Map<String, Value>) -> Result<Result<String, Refusal>, Refusal> {
    let account = match body.get("NewOwner_Account") {
        None => "",
        Some(Value::String(account)) => account,
        Some(_) => return Err(Refusal::new(60015, "`NewOwner_Account` must be a string: put it in quotes")),
    };
    if !is_account(account) {
        let info = format!("`NewOwner_Account` is missing or illegal: give 1 to {MAX_ACCOUNT_BYTES} bytes");
        return Ok(Err(Refusal::new(100002, info)));
    }
    Ok(Ok(account.to_owned()))
}

pub(super) fn is_room_id(text: &str) -> bool {
    (1..=MAX_ROOM_ID_BYTES).contains(&text.len()) && text.bytes().all(|b| (0x20..=0x7e).contains(&b))
}

/// The documented alphabet is `A-Za-z0-9_-`, but ids with `@` and `#` have been seen, so only what no id can
/// hold is refused.
pub(super) fn is_account(text: &str) -> bool {
    (1..=MAX_ACCOUNT_BYTES).contains(&text.len()) && !text.chars().any(char::is_control)
}

/// Must begin with http or https (documented).
fn url(body: &Map<String, Value>) -> Result<Url, Refusal> {
    let url = body.get("Url").and_then(Value::as_str).and_then(|text| Url::parse(text).ok());
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Refusal::new(100002, "`Url` is missing or illegal: give one of http or https"))
}

fn commands(body: &Map<String, Value>) -> Result<Vec<String>, Refusal> {
    let list = body.get("CallbackCommandList").and_then(Value::as_array);
    list.and_then(|list| list.iter().map(|item| item.as_str().map(str::to_owned)).collect())
        .ok_or_else(|| Refusal::new(100002, "`CallbackCommandList` is missing or no list of texts: give one"))
}

/// 1 to 128 characters (documented).
fn token(body: &Map<String, Value>) -> Result<Option<String>, Refusal> {
    let Some(token) = body.get("Token") else { return Ok(None) };
    let fits = token.as_str().filter(|token| (1..=128).contains(&token.len()));
    fits.map(|token| Some(token.to_owned()))
        .ok_or_else(|| Refusal::new(100002, "`Token` is illegal: give 1 to 128 characters"))
}

fn enable(body: &Map<String, Value>) -> Result<Option<bool>, Refusal> {
    let Some(enable) = body.get("IsTokenEnable") else { return Ok(None) };
    enable
        .as_bool()
        .map(Some)
        .ok_or_else(|| Refusal::new(100002, "`IsTokenEnable` is illegal: give true or false"))
}

/// `Next` is opaque; ours looks like the documented sample, `<seconds>-<digits>`, and the digits say how many
/// rooms to skip. Tencent's own manager begins with `"0"`.
fn next(body: &Map<String, Value>) -> Result<usize, Refusal> {
    let next = match body.get("Next") {
        None => "",
        Some(next) => next.as_str().unwrap_or("not a string"),
    };
    if next.is_empty() || next == "0" {
        return Ok(0);
    }
    next.split_once('-')
        .and_then(|(_, skip)| skip.parse().ok())
        .ok_or_else(|| Refusal::new(100002, "`Next` is not from a previous answer: begin with an empty one"))
}

fn count(body: &Map<String, Value>) -> Result<usize, Refusal> {
    let count = match body.get("Count") {
        None => Some(PAGE),
        Some(count) => count.as_u64().filter(|count| (1..=PAGE).contains(count)),
    };
    count
        .and_then(|count| usize::try_from(count).ok())
        .ok_or_else(|| Refusal::new(100002, format!("`Count` is illegal: give a number from 1 to {PAGE}")))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn no_body_breaks_us(
            bytes: Vec<u8>, room in ".{0,60}", owner in ".{0,40}", next in "[0-9]{0,25}-?[0-9]{0,25}", count: i64,
        ) {
            let fields = json!({"RoomId": room, "NewOwner_Account": owner, "Next": next, "Count": count});
            for &api in Api::ALL {
                let _ = Order::parse(api, &bytes);
                let _ = Order::parse(api, fields.to_string().as_bytes());
            }
        }
    }
}
