//! The JSON that goes to Tencent and comes back (trtc.io/document/63398, 72534, 63404, 63405).
//!
//! Read leniently, because the pages and the observed service differ: unknown fields are ignored, the
//! RequestId may be missing, and an account may be a number of any length, whose digits are kept.

use serde::Deserialize;
use serde::de::Error as _;

use crate::domain::room::AccountId;
use crate::redact::Redactor;

/// What every answer begins with, and its data if there is any.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", bound = "T: Deserialize<'de>")]
pub(super) struct Envelope<T> {
    #[serde(default)]
    pub(super) action_status: Option<String>,
    #[serde(default)]
    pub(super) error_info: Option<String>,
    /// The truth. An answer without it is malformed.
    #[serde(default)]
    pub(super) error_code: Option<i64>,
    #[serde(default)]
    pub(super) request_id: Option<String>,
    #[serde(default)]
    pub(super) response: Option<T>,
}

/// The data of an answer.
pub(super) trait Data: for<'de> Deserialize<'de> {
    /// Whether it is a secret itself, which is compared and never shown: redacted, it would be worth nothing.
    const IS_SECRET: bool = false;
}

/// The answer of a call that returns nothing.
#[derive(Deserialize)]
pub(super) struct Nothing {}

impl Data for Nothing {}
impl Data for RoomInfoResponse {}
impl Data for RoomListResponse {}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoomInfoResponse {
    pub(super) room_info: Option<RoomInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoomListResponse {
    #[serde(default)]
    pub(super) room_list: Vec<RoomInfo>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoomInfo {
    #[serde(default)]
    pub(super) room_id: Option<String>,
    #[serde(default)]
    pub(super) room_name: Option<String>,
    #[serde(default)]
    pub(super) view_count: serde_json::Value,
    #[serde(default, rename = "Owner_Account")]
    pub(super) owner: Option<Account>,
}

impl RoomInfo {
    /// The owner of the room; empty of a room that has none. `None` if this tells of no room.
    pub(super) fn owner(self) -> Option<AccountId> {
        let owner = match self.owner {
            Some(owner) => owner.0,
            None => self.room_id.map(|_| String::new())?,
        };
        Some(AccountId::from_tencent(owner))
    }
}

/// An account as Tencent writes it: a string, or, against its own tables, a bare number beyond 2^53. One that is
/// longer than 64 bits is refused: its digits are lost already, and a wrong owner is worse than none.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(from = "TextOrNumber")]
pub(super) struct Account(pub(super) String);

#[derive(Deserialize)]
#[serde(untagged, expecting = "an account as a string or as a whole number of at most 64 bits")]
enum TextOrNumber {
    Text(String),
    Unsigned(u64),
    Signed(i64),
}

impl From<TextOrNumber> for Account {
    fn from(sent: TextOrNumber) -> Self {
        Self(match sent {
            TextOrNumber::Text(text) => text,
            TextOrNumber::Unsigned(number) => number.to_string(),
            TextOrNumber::Signed(number) => number.to_string(),
        })
    }
}

/// Reads an answer without our secrets.
pub(super) fn read_redacted<T: Data>(
    body: &[u8],
    redactor: &Redactor,
) -> Result<Envelope<T>, serde_json::Error> {
    let mut envelope = read::<T>(&redactor.json(body))?;
    if T::IS_SECRET {
        envelope.response = read::<T>(body)?.response;
    }
    Ok(envelope)
}

/// Reads an answer. The error may quote it.
pub(super) fn read<T: for<'de> Deserialize<'de>>(body: &[u8]) -> Result<Envelope<T>, serde_json::Error> {
    // serde takes a list of an object's values for the object too.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(serde_json::Error::custom("it is no object"));
    }
    let envelope: Envelope<T> = serde_json::from_slice(body)?;
    if envelope.error_code.is_none() {
        return Err(serde_json::Error::custom("there is no ErrorCode"));
    }
    Ok(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(json: &str) -> Option<String> {
        let body = format!(
            "{{\"ErrorCode\":0,\"Response\":{{\"RoomInfo\":{{\"Owner_Account\":{json},\"New\":[1]}}}}}}"
        );
        let envelope = read::<RoomInfoResponse>(body.as_bytes()).ok()?;
        Some(envelope.response?.room_info?.owner?.0)
    }

    #[test]
    fn an_account_keeps_its_digits() {
        assert_eq!(owner("\"user2\"").unwrap(), "user2");
        assert_eq!(owner("144115216631667826").unwrap(), "144115216631667826");
        assert_eq!(owner("18446744073709551615").unwrap(), "18446744073709551615");
        assert_eq!(owner("1e30"), None);
        assert_eq!(owner("184467440737095516150"), None);
        assert_eq!(owner("null"), None);
        for (info, owner) in [
            (r#"{"RoomId":"a","Owner_Account":"user2"}"#, Some("user2")),
            (r#"{"RoomId":"a","Owner_Account":""}"#, Some("")),
            (r#"{"RoomId":"a","Owner_Account":null}"#, Some("")),
            (r#"{"RoomId":"a"}"#, Some("")),
            ("{}", None),
        ] {
            let info: RoomInfo = serde_json::from_str(info).unwrap();
            assert_eq!(info.owner().as_ref().map(AccountId::as_str), owner);
        }
    }

    #[test]
    fn an_answer_without_error_code_is_malformed() {
        assert!(read::<Nothing>(br#"{"ActionStatus":"OK","ErrorInfo":""}"#).is_err());
        assert!(read::<Nothing>(b"<html>").is_err());
        assert!(read::<Nothing>(br#"["OK","",0]"#).is_err());
        assert!(read::<Nothing>(br#"{"ErrorCode":0}"#).is_ok());
    }
}
