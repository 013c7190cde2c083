//! The form in which a hand-over is filled in instead of typed.

use std::fmt;

use super::values::Values;
use super::{Command, CommandGroup, Invocation, UsageError};
use crate::domain::principal::Channel;

/// What somebody filled in. A value is taken as it is, without quotes; a new owner may be a mention or an id of the
/// chat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledForm {
    /// The room.
    pub room: String,
    /// Who is to own it.
    pub new_owner: String,
    /// Why.
    pub reason: Option<String>,
}

impl FilledForm {
    /// The line that asks for the same.
    fn line(&self) -> Invocation {
        let line = Invocation::named(CommandGroup::Owner, &[]).with("room", &self.room);
        let line = line.with("new_owner", &self.new_owner);
        match &self.reason {
            Some(reason) => line.with("reason", reason),
            None => line,
        }
    }

    /// The hand-over that it asks for.
    ///
    /// # Errors
    /// What is wrong with a value, or that the new owner is missing: a form hands over, it never asks.
    pub fn command(&self, here: &Channel) -> Result<Command, UsageError> {
        let filled = |value: &String| Some(value.trim().to_owned()).filter(|value| !value.is_empty());
        let (room, owner) = (filled(&self.room), filled(&self.new_owner));
        // A mention as the platform writes it in text: a form has no other.
        let person = owner.as_ref().filter(|owner| owner.starts_with("<@") && owner.ends_with('>'));
        let owner = person.and_then(|owner| here.ids_beside(owner).into_iter().next()).or(owner);
        let verb = self.line().verb;
        for (value, placeholder) in [(&room, "<room>"), (&owner, "<new_owner>")] {
            if value.is_none() {
                return Err(UsageError::of(verb, super::Problem::Missing(placeholder)));
            }
        }
        let reason = self.reason.as_ref().and_then(filled);
        Values::of_texts(verb, [("room", room), ("new_owner", owner), ("reason", reason)])
    }
}

impl fmt::Display for FilledForm {
    /// As the record has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line();
        write!(f, "[form] /{} {}", line.verb.family.name(), line.as_typed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(room: &str, new_owner: &str, reason: Option<&str>) -> FilledForm {
        let reason = reason.map(str::to_owned);
        FilledForm { room: room.to_owned(), new_owner: new_owner.to_owned(), reason }
    }

    fn here() -> Channel {
        "slack:T1:C1".parse().unwrap()
    }

    #[test]
    fn somebody_of_the_chat_is_named_by_a_mention_or_by_the_whole_id() {
        for owner in ["<@U0ALICE1>", " slack:T1:U0ALICE1"] {
            let command = filled("live-7", owner, None).command(&here());
            let Ok(Command::HandTo(to)) = command else { panic!("{owner}: {command:?}") };
            assert_eq!(to.person.to_string(), "slack:T1:U0ALICE1");
        }
        for owner in ["@alice", "U0ALICE1", "<!here>", "<@>"] {
            let command = filled("live-7", owner, None).command(&here());
            assert!(!matches!(command, Ok(Command::HandTo(_))), "{owner}: {command:?}");
        }
    }

    #[test]
    fn what_is_filled_in_is_what_is_asked_for() {
        let form = filled("my room ", "user2", Some("host crashed: twice"));
        let Ok(Command::Transfer(transfer)) = form.command(&here()) else { panic!("{form}") };
        assert_eq!((transfer.room.as_str(), transfer.new_owner.as_str()), ("my room", "user2"));
        assert_eq!(transfer.reason.as_deref(), Some("host crashed: twice"));
        assert_eq!(form.to_string(), "[form] /room-owner \"my room \" user2 reason: host crashed: twice");
        let form = filled("show", "list", Some("  "));
        let Ok(Command::Transfer(transfer)) = form.command(&here()) else { panic!("{form}") };
        assert_eq!((transfer.room.as_str(), transfer.reason), ("show", None));
    }

    #[test]
    fn a_form_never_asks() {
        assert!(filled("test", " ", None).command(&here()).is_err());
        assert!(filled("", "user2", None).command(&here()).is_err());
        assert!(filled("te\u{0}st", "user2", None).command(&here()).is_err());
    }
}
