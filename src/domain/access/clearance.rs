//! What a hand-over takes beyond the right to it, and the one function that lets it go on.
//!
//! Two people are two subjects that never had the same account between the request and its approval. People of two
//! workspaces, servers or platforms may be one person under two ids: they count as two only if links say that their
//! accounts differ. Nobody at the command line counts as another person.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{AclSetting, AclView, Mark, Permit, RoomScope};
use crate::domain::principal::Subject;
use crate::domain::room::AccountId;

/// The proof that a hand-over is permitted and has what it takes. Only [`clear`] makes one.
#[derive(Debug, PartialEq, Eq)]
pub struct Cleared {
    permit: Permit,
    requested_by: Option<Asker>,
}

impl Cleared {
    /// The right to it, of whoever gave the command or pressed.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// Who asked for what somebody else approved.
    pub fn requested_by(&self) -> Option<&Asker> {
        self.requested_by.as_ref()
    }

    /// Both, by value.
    pub fn into_parts(self) -> (Permit, Option<Asker>) {
        (self.permit, self.requested_by)
    }
}

/// Who asked for a hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asker {
    /// The person.
    pub subject: Subject,
    /// Their name at that time: a caption.
    pub name: Option<String>,
    /// The groups that they were known to be in.
    pub groups: Vec<Subject>,
    /// When they asked.
    pub at: Timestamp,
}

/// What is asked of somebody before a hand-over goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Needed {
    /// That whoever asked confirms it.
    Confirmation,
    /// That somebody else approves it.
    SecondPerson,
}

/// What the press of a button gives to a hand-over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// What.
    pub gives: Needed,
    /// Who had asked for the hand-over.
    pub asker: Asker,
}

/// What a hand-over still takes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Takes {
    /// What.
    pub needed: Needed,
    /// The scope by which the room is marked, if that is why.
    pub marked: Option<RoomScope>,
    /// Whether the log has never seen the account.
    pub is_new_account: bool,
}

impl fmt::Display for Takes {
    /// For the record.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.needed {
            Needed::Confirmation => "needs confirmation",
            Needed::SecondPerson => "needs a second person",
        })?;
        match (&self.marked, self.is_new_account) {
            (Some(rooms), _) => write!(f, ": rooms {rooms} are marked"),
            (None, true) => f.write_str(": the log has never seen the account"),
            (None, false) => Ok(()),
        }
    }
}

/// Why somebody cannot be the second person. [`fmt::Display`] is for the record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSecond {
    /// They asked for it.
    #[error("who asked for it cannot approve it")]
    Asker,
    /// They have, or had meanwhile, the same account as who asked.
    #[error("the same account as of {0}, who asked for it")]
    SameAccount(Subject),
    /// They are of another workspace, server or platform, and not known to be somebody else.
    #[error("not known to be another person than {0}, who asked for it")]
    NotKnownToBeTwo(Subject),
    /// Who asked may not do it here any more.
    #[error("{0}, who asked for it, may not do it here any more")]
    AskerMayNot(Subject),
}

/// What is at hand when a permitted hand-over is cleared.
#[derive(Debug)]
pub enum AtHand<'a> {
    /// The command alone.
    Nothing,
    /// It was confirmed in the same breath, by who asked.
    Confirmed,
    /// The press of a button.
    Pressed {
        /// What it gives.
        approval: &'a Approval,
        /// Whether who asked may do the same in this place now, by the same version of the ACL.
        asker_may: bool,
        /// The accounts that both people have and had.
        links: &'a [AclSetting],
    },
}

/// What becomes of a permitted hand-over.
#[derive(Debug, PartialEq, Eq)]
pub enum Clearance {
    /// It goes on.
    Cleared(Cleared),
    /// It takes more.
    Takes(Permit, Takes),
    /// This person cannot be the second one.
    NotSecond(NotSecond),
}

/// Clears the permitted hand-over of `by`, or says what it still takes.
///
/// An approval binds to the owner that was shown, which the caller looks at before the change.
#[must_use]
pub fn clear(
    permit: Permit,
    by: &Subject,
    acl: &AclView,
    is_new_account: bool,
    at_hand: &AtHand<'_>,
    now: Timestamp,
) -> Clearance {
    let marking = permit.action().room().and_then(|room| acl.marking(room, now));
    let mark = match marking {
        // Of another version than the permit nothing is known.
        _ if permit.acl_version() != acl.version => Some(Mark::TwoPerson),
        marking => marking.map(|(mark, _)| mark),
    };
    let requested_by = match at_hand {
        AtHand::Pressed { approval: Approval { gives: Needed::SecondPerson, asker }, asker_may, links } => {
            match not_second(asker, by, *asker_may, links, now) {
                Some(why) => return Clearance::NotSecond(why),
                None => Some(asker),
            }
        }
        _ => None,
    };
    let is_confirmed = match at_hand {
        AtHand::Nothing => false,
        AtHand::Confirmed => true,
        AtHand::Pressed { approval, .. } => requested_by.is_some() || approval.asker.subject == *by,
    };
    let needed = match (mark, requested_by) {
        (_, Some(_)) => None,
        (Some(Mark::TwoPerson), None) => Some(Needed::SecondPerson),
        (Some(Mark::Confirm), None) if !is_confirmed => Some(Needed::Confirmation),
        (None, None) if is_new_account && !is_confirmed => Some(Needed::Confirmation),
        (Some(Mark::Confirm) | None, None) => None,
    };
    match needed {
        None => Clearance::Cleared(Cleared { permit, requested_by: requested_by.cloned() }),
        Some(needed) => {
            let marked = marking.map(|(_, rooms)| rooms.clone());
            Clearance::Takes(permit, Takes { needed, marked, is_new_account })
        }
    }
}

/// Why `by` cannot approve what `asker` asked for; `None` if they can, as far as that depends on who both are.
fn not_second(
    asker: &Asker,
    by: &Subject,
    asker_may: bool,
    links: &[AclSetting],
    now: Timestamp,
) -> Option<NotSecond> {
    let whom = &asker.subject;
    if whom == by {
        return Some(NotSecond::Asker);
    }
    if is_one_person(whom, by, links, asker.at, now) {
        return Some(NotSecond::SameAccount(whom.clone()));
    }
    if !are_known_to_be_two(whom, by, links, asker.at, now) {
        return Some(NotSecond::NotKnownToBeTwo(whom.clone()));
    }
    (!asker_may).then(|| NotSecond::AskerMayNot(whom.clone()))
}

/// Whether `other` could approve what `asker` asks for at `now`, as far as that depends on who both are.
#[must_use]
pub fn could_be_second(asker: &Subject, other: &Subject, links: &[AclSetting], now: Timestamp) -> bool {
    !is_one_person(asker, other, links, now, now) && are_known_to_be_two(asker, other, links, now, now)
}

/// Whether both are one person: the same subject, or two who had the same account between two moments, be it one after
/// the other. A link that is moved from one to the other does not make two people of them.
#[must_use]
pub fn is_one_person(
    one: &Subject,
    other: &Subject,
    links: &[AclSetting],
    asked: Timestamp,
    now: Timestamp,
) -> bool {
    // To the millisecond, as links are kept, and whichever way the clock went.
    let (from, until) = (asked.min(now).as_millisecond(), asked.max(now).as_millisecond());
    let is_meanwhile = |link: &AclSetting| {
        link.set_at.as_millisecond() <= until
            && link.removed_at.is_none_or(|removed| removed.as_millisecond() >= from)
    };
    let accounts = |person: &Subject| -> Vec<&AccountId> {
        links.iter().filter(|link| is_meanwhile(link)).filter_map(|link| link.account_of(person)).collect()
    };
    let others = accounts(other);
    one == other || accounts(one).iter().any(|account| others.contains(account))
}

/// Whether two subjects stand for two people: two ids of one workspace or server do; any others only if each has an
/// account at both moments. That these differ is [`is_one_person`]'s business.
fn are_known_to_be_two(
    one: &Subject,
    other: &Subject,
    links: &[AclSetting],
    asked: Timestamp,
    now: Timestamp,
) -> bool {
    let is_linked = |person: &Subject, at: Timestamp| {
        links.iter().any(|link| link.is_live(at) && link.account_of(person).is_some())
    };
    let is_at_the_machine = |person: &Subject| matches!(person, Subject::Cli { .. });
    !is_at_the_machine(other)
        && (one.is_beside(other)
            || [one, other].into_iter().all(|person| is_linked(person, asked) && is_linked(person, now)))
}
