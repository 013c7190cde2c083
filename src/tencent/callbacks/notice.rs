//! From a callback's parameters and body to what it says.
//!
//! Tencent's pages spell the names in several ways (`SdkAppid` and `SdkAppId`, `CallbackCommand` and
//! `WebhookCommand`), so case does not matter and both are taken. What comes twice is refused: two readers
//! would see different values.

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::CHANGE_OF_OWNER;
use crate::app::ports::OwnerChangeEvent;
use crate::domain::command::DeliveryId;
use crate::domain::room::{AccountId, RoomId, is_invisible, visible};
use crate::tencent::wire::Account;

/// The longest account that is taken, in bytes. Typed ones have 32 at most; Tencent's own may be longer.
const LONGEST_ACCOUNT: usize = 128;

/// The parameters of a callback's address, by name in lower case.
pub(super) struct Query(HashMap<String, String>);

impl Query {
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let mut found = HashMap::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let name = name.to_ascii_lowercase();
            if found.insert(name.clone(), value.into_owned()).is_some() {
                // Anybody can send it, and it is logged: no line of it may pass for one of ours.
                let name = visible(&name.chars().take(80).collect::<String>());
                return Err(format!("the parameter `{name}` comes twice"));
            }
        }
        Ok(Self(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }
}

/// A body's fields, by name in lower case, their values as they were sent.
struct Fields(HashMap<String, Box<RawValue>>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = HashMap::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if fields.insert(name.to_ascii_lowercase(), value).is_some() {
                        return Err(A::Error::custom("a field comes twice"));
                    }
                }
                Ok(Fields(fields))
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

impl Fields {
    fn get<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, String> {
        let Some(raw) = self.0.get(&name.to_ascii_lowercase()) else { return Ok(None) };
        serde_json::from_str(raw.get()).map_err(|_| format!("the field `{name}` has another form"))
    }

    fn required<T: DeserializeOwned>(&self, name: &str) -> Result<T, String> {
        self.get(name)?.ok_or_else(|| format!("the field `{name}` is missing"))
    }

    /// An account; an empty one is none.
    fn account(&self, name: &str) -> Result<Option<AccountId>, String> {
        let Some(Account(account)) = self.get(name)? else { return Ok(None) };
        if account.len() > LONGEST_ACCOUNT || account.chars().any(is_invisible) {
            return Err(format!("the field `{name}` is no account"));
        }
        Ok((!account.is_empty()).then(|| AccountId::from_tencent(account)))
    }
}

/// A number, or one written as text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

/// What a callback says. `None` if it is about something else than a change of owner.
pub(super) fn read(
    query: &Query,
    body: &[u8],
    own_account: &str,
    is_signed: bool,
) -> Result<Option<OwnerChangeEvent>, String> {
    let of_query = query.get("callbackcommand").or_else(|| query.get("webhookcommand"));
    let is_ours = |command: &str| command.eq_ignore_ascii_case(CHANGE_OF_OWNER);
    // Other kinds of callback need not be readable.
    if of_query.is_some_and(|command| !is_ours(command)) {
        return Ok(None);
    }
    let fields: Fields =
        serde_json::from_slice(body).map_err(|error| format!("the body is not a JSON object: {error}"))?;
    let of_body: Option<String> = match fields.get("CallbackCommand")? {
        Some(command) => Some(command),
        None => fields.get("WebhookCommand")?,
    };
    match (of_query, of_body.as_deref()) {
        (None, None) => return Err("there is no CallbackCommand".to_owned()),
        (None, Some(command)) if !is_ours(command) => return Ok(None),
        (Some(_), Some(command)) if !is_ours(command) => {
            return Err("the address and the body name different commands".to_owned());
        }
        _ => {}
    }
    let room: RoomId = fields
        .required::<String>("RoomId")?
        .parse()
        .map_err(|_| "the field `RoomId` is no room".to_owned())?;
    let new_owner =
        fields.account("CurrentOwner_Account")?.ok_or("the field `CurrentOwner_Account` is missing")?;
    let millis = match fields.required("EventTime")? {
        Number::Number(millis) => Some(millis),
        Number::Text(text) => text.parse().ok(),
    };
    let event_at = millis.and_then(|millis| Timestamp::from_millisecond(millis).ok());
    let event_at = event_at.ok_or("the field `EventTime` is no time")?;
    let operator = fields.account("Operator_Account")?;
    Ok(Some(OwnerChangeEvent {
        delivery: delivery(&room, &new_owner, event_at)?,
        is_own_account: operator.as_ref().is_some_and(|operator| operator.as_str() == own_account),
        original_owner: fields.account("OriginalOwner_Account")?,
        room,
        new_owner,
        operator,
        event_at,
        is_signed,
    }))
}

/// Tencent gives its callbacks no id: the room, the time and the new owner name a change.
fn delivery(room: &RoomId, new_owner: &AccountId, event_at: Timestamp) -> Result<DeliveryId, String> {
    let digest = Sha256::digest(serde_json::json!([room.as_str(), new_owner.as_str()]).to_string());
    let id = format!("{}:{}", event_at.as_millisecond(), hex::encode(&digest[..8]));
    DeliveryId::new("tencent", &id).ok_or_else(|| "the change cannot be named".to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &str = r#"{"CallbackCommand":"Live.CallbackAfterChangeOwner","RoomId":"room_id","EventTime":1703589922780,
        "Operator_Account":"admin","CurrentOwner_Account":"user2","OriginalOwner_Account":"user1"}"#;

    fn said(query: &str, body: &str) -> Result<Option<OwnerChangeEvent>, String> {
        read(&Query::parse(query)?, body.as_bytes(), "admin", true)
    }

    #[test]
    fn the_documented_sample_is_read() {
        let notice = said("SdkAppid=1&CallbackCommand=Live.CallbackAfterChangeOwner&contenttype=json", BODY);
        let notice = notice.unwrap().unwrap();
        assert_eq!((notice.room.as_str(), notice.new_owner.as_str()), ("room_id", "user2"));
        assert_eq!(notice.original_owner.unwrap().as_str(), "user1");
        assert_eq!(notice.event_at.to_string(), "2023-12-26T11:25:22.78Z");
        assert!(notice.is_own_account);
        assert!(notice.delivery.as_str().starts_with("tencent:1703589922780:"));
    }

    #[test]
    fn names_are_taken_in_every_spelling_and_accounts_as_numbers() {
        let body = r#"{"callbackcommand":"live.callbackafterchangeowner","roomid":"r","eventTime":"1703589922780",
            "CurrentOwner_account":144115216631667826,"New":[1]}"#;
        for query in ["sdkappid=1", "SdkAppId=1&WebhookCommand=Live.CallbackAfterChangeOwner&ClientIP=1"] {
            let notice = said(query, body).unwrap().unwrap();
            assert_eq!(notice.new_owner.as_str(), "144115216631667826");
            assert_eq!((notice.original_owner, notice.operator, notice.is_own_account), (None, None, false));
        }
    }

    #[test]
    fn ids_are_taken_as_they_are() {
        let body = BODY.replace("room_id", " room_id ").replace("user2", "`user2` ");
        let notice = said("", &body).unwrap().unwrap();
        assert_eq!((notice.room.as_str(), notice.new_owner.as_str()), (" room_id ", "`user2` "));
    }

    #[test]
    fn other_callbacks_are_none_of_our_business() {
        assert_eq!(said("CallbackCommand=Live.CallbackAfterCreateRoom", "whatever"), Ok(None));
        assert_eq!(said("", r#"{"CallbackCommand":"Live.CallbackAfterCreateRoom"}"#), Ok(None));
    }

    #[test]
    fn what_could_be_read_in_two_ways_or_not_at_all_is_refused() {
        for (query, body) in [
            ("SdkAppid=1&sdkappid=2", BODY.to_owned()),
            ("", BODY.replace("EventTime", "roomid")),
            ("", BODY.replace("room_id", "")),
            ("", BODY.replace("room_id", "caf\u{e9}")),
            ("", BODY.replace("user2", "")),
            ("", BODY.replace("user2", "user2\\u202e")),
            ("", BODY.replace("\"user2\"", "1e30")),
            ("", BODY.replace("1703589922780", "true")),
            ("", BODY.replace("1703589922780", "999999999999999999")),
            ("", "[]".to_owned()),
            ("", "{}".to_owned()),
            ("CallbackCommand=Live.CallbackAfterChangeOwner", BODY.replace("AfterChange", "AfterOther")),
        ] {
            assert!(said(query, &body).is_err(), "{query} {body}");
        }
    }

    #[test]
    fn what_is_said_of_a_parameter_is_one_short_line() {
        let name = format!("a%0a2026-11-24T02:00:00Z%20%20INFO%1b[31m%e2%80%ae{}", "x".repeat(5_000));
        let why = Query::parse(&format!("{name}=1&{name}=2")).err().unwrap();
        assert!(why.len() < 300 && !why.chars().any(is_invisible), "{why:?}");
    }

    #[test]
    fn a_repetition_has_the_same_name_and_another_change_another() {
        let name = |body: &str| said("", body).unwrap().unwrap().delivery;
        assert_eq!(name(BODY), name(&BODY.replace("\"admin\"", "\"other\"")));
        for (from, to) in [("room_id", "room_ix"), ("user2", "user3"), ("2780", "2781")] {
            assert_ne!(name(BODY), name(&BODY.replace(from, to)), "{to}");
        }
    }

    proptest! {
        #[test]
        fn no_callback_breaks_us(query: String, body: Vec<u8>, text: String) {
            if let Ok(query) = Query::parse(&query) {
                let _ = read(&query, &body, "admin", true);
                let _ = read(&query, BODY.replace("room_id", &text).as_bytes(), "admin", false);
            }
        }
    }
}
