//! Where a room's page is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::domain::room::RoomId;

/// What a segment of a path holds as it is.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Where a room's page is. None for `.` and `..`, which every browser takes for a way through the path.
pub(super) fn address(room: &RoomId) -> Option<String> {
    let is_a_way = [".", ".."].contains(&room.as_str());
    (!is_a_way).then(|| format!("/room/{}", utf8_percent_encode(room.as_str(), ESCAPED)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_address_of_a_room_leads_to_that_room(id in "[ -~]{1,48}") {
            let room: RoomId = id.parse().unwrap();
            let Some(address) = address(&room) else { return Ok(()) };
            let segment = address.strip_prefix("/room/").unwrap();
            prop_assert!(!segment.contains(['/', '?', '#', '"', '<', '\'', '&', ' ']), "{segment}");
            let url = reqwest::Url::parse("http://bot/").unwrap().join(&address).unwrap();
            let last = url.path().strip_prefix("/room/").unwrap();
            let decoded = percent_encoding::percent_decode_str(last).decode_utf8().unwrap();
            prop_assert_eq!(decoded, id);
        }
    }
}
