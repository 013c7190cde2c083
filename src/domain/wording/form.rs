//! How what is to be typed looks at a door.

use crate::domain::command::{Command, Family, Transfer, Typed, parse_room_owner};

/// How a door takes the arguments of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As words behind the command: `"my room" user2 reason: host crashed`.
    Words,
    /// As options with names, which a client shows like this: `room:my room new_owner:user2`.
    Options,
}

/// The typed arguments of `family` as options. What is no command of it stays as it is.
pub(super) fn as_options(family: Family, arguments: &str) -> String {
    match (family, parse_room_owner(&Typed::plain(arguments))) {
        (Family::Owner, Ok(Command::ShowOwner { room })) => format!("room:{room}"),
        (Family::Owner, Ok(Command::Transfer(Transfer { room, new_owner, reason, .. }))) => {
            let reason = reason.map(|reason| format!(" reason:{reason}")).unwrap_or_default();
            format!("room:{room} new_owner:{new_owner}{reason}")
        }
        _ => arguments.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_have_names_and_no_quotes() {
        let options = |arguments| as_options(Family::Owner, arguments);
        assert_eq!(options("test"), "room:test");
        assert_eq!(options("\"my room\" user2"), "room:my room new_owner:user2");
        assert_eq!(
            options("<room> <new_owner> reason: <why>"),
            "room:<room> new_owner:<new_owner> reason:<why>"
        );
        assert_eq!(options(""), "");
        assert_eq!(as_options(Family::Acl, "list"), "list");
    }
}
