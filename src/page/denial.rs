//! What a recorded denial means. The log keeps its words; a page says beside them what they stand for.

/// Why somebody was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenialKind {
    /// The channel is not authorised.
    Channel,
    /// It is authorised for other rooms.
    ChannelRooms,
    /// No grant names the person.
    NoGrant,
    /// A deny entry names the person.
    DenyEntry,
    /// A deny entry names a group that could not be read.
    UnreadGroup,
    /// The channel is of another workspace or server.
    Elsewhere,
    /// The grant had ended.
    Ended,
    /// The grant had not begun.
    NotYet,
    /// The grant is for other rooms.
    OtherRooms,
    /// The grant is for other channels.
    OtherChannels,
    /// The role is not enough.
    Role,
    /// The request came from an app or a workspace that is not served.
    NotServed,
}

/// The words of a denial: how it begins, what is in it, and what it is. The first that fits counts.
const WORDS: &[(&str, &str, DenialKind)] = &[
    ("channel not authorised", "", DenialKind::Channel),
    ("channel authorised for rooms ", "", DenialKind::ChannelRooms),
    ("channel of another workspace or server", "", DenialKind::Elsewhere),
    ("no grant", "", DenialKind::NoGrant),
    ("denied by grant ", "", DenialKind::DenyEntry),
    ("granted for rooms ", "", DenialKind::OtherRooms),
    ("role ", " is not enough", DenialKind::Role),
    ("not served: ", "", DenialKind::NotServed),
    ("grant ", " which cannot be read right now", DenialKind::UnreadGroup),
    ("grant ", " is for other channels", DenialKind::OtherChannels),
    ("grant ", " ended ", DenialKind::Ended),
    ("grant ", " begins ", DenialKind::NotYet),
];

/// What a recorded denial is; `None` if its words are of another version of the program.
pub(super) fn kind(recorded: &str) -> Option<DenialKind> {
    let fits =
        |(start, part, _): &&(&str, &str, DenialKind)| recorded.starts_with(start) && recorded.contains(part);
    WORDS.iter().find(fits).map(|(.., kind)| *kind)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::{Denial, Role, RoomScope};
    use jiff::Timestamp;

    /// What a denial is. Whoever adds one names it here.
    fn named(denial: &Denial) -> DenialKind {
        match denial {
            Denial::ChannelNotAuthorised => DenialKind::Channel,
            Denial::ChannelNotForRoom(_) => DenialKind::ChannelRooms,
            Denial::NoGrant => DenialKind::NoGrant,
            Denial::DeniedBy(_) => DenialKind::DenyEntry,
            Denial::GroupUnread(..) => DenialKind::UnreadGroup,
            Denial::Elsewhere => DenialKind::Elsewhere,
            Denial::Lapsed(..) => DenialKind::Ended,
            Denial::NotYet(..) => DenialKind::NotYet,
            Denial::OutOfScope(_) => DenialKind::OtherRooms,
            Denial::OtherChannels(_) => DenialKind::OtherChannels,
            Denial::WrongRole(_) => DenialKind::Role,
            Denial::ForeignOrigin(_) => DenialKind::NotServed,
        }
    }

    #[test]
    fn the_words_of_every_denial_are_known() {
        let rooms = |text: &str| text.parse::<RoomScope>().unwrap();
        for denial in [
            Denial::ChannelNotAuthorised,
            Denial::ChannelNotForRoom(rooms("vip ended *")),
            Denial::NoGrant,
            Denial::DeniedBy(7),
            Denial::GroupUnread(7, "slack:T1:group:S1".parse().unwrap()),
            Denial::Elsewhere,
            Denial::Lapsed(7, Timestamp::UNIX_EPOCH),
            Denial::NotYet(7, Timestamp::UNIX_EPOCH),
            Denial::OutOfScope(vec![rooms("a begins b"), rooms("role is not enough")]),
            Denial::OtherChannels(7),
            Denial::WrongRole(vec![Role::Auditor, Role::Moderator]),
            Denial::ForeignOrigin("team grant 7 ended".to_owned()),
        ] {
            assert_eq!(kind(&denial.to_string()), Some(named(&denial)), "{denial}");
        }
        assert_eq!(kind("a moon in the way"), None);
    }
}
