//! Fuzz targets of what Tencent sends.

use serde_json::Value;

use super::wire::{self, Nothing, RoomInfoResponse, RoomListResponse};
use super::{answer, callbacks};

/// The answer to a call.
pub fn answer(bytes: &[u8]) {
    // What is skipped may be what another reader stumbles over: bytes that are no text.
    let value: Option<Value> = serde_json::from_slice(bytes).ok();
    let is_known = value.is_some();
    if let Ok(envelope) = wire::read::<Nothing>(bytes) {
        let code = value.as_ref().and_then(|value| value["ErrorCode"].as_i64());
        assert!(envelope.error_code.is_some() && (!is_known || envelope.error_code == code), "{code:?}");
        answer::check_refusal(&envelope);
    }
    if let Ok(envelope) = wire::read::<RoomInfoResponse>(bytes)
        && is_known
        && let Some(owner) = envelope.response.and_then(|it| it.room_info).and_then(|info| info.owner)
    {
        let sent = value.as_ref().map(|value| &value["Response"]["RoomInfo"]["Owner_Account"]);
        let sent = sent.map(|sent| sent.as_str().map_or_else(|| sent.to_string(), str::to_owned));
        assert_eq!(sent, Some(owner.0), "another owner is read than was sent");
    }
    drop(wire::read::<RoomListResponse>(bytes));
}

/// A callback: the parameters of its address, and behind the first line's end the body.
pub fn callback(bytes: &[u8]) {
    callbacks::check(bytes);
}
