//! Requests for access: somebody who may not hand a room over asks for it, and an admin answers.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use super::access::{
    AclSetting, AclView, Action, AuthorisedChannel, Decision, Denial, Effect, Grant, GrantId, Known,
    NewGrant, Role, RoomScope, decide, is_one_person, live_admins,
};
use super::audit::OperationId;
use super::command::{CommandGroup, Invocation};
use super::press::Offer;
use super::principal::{Channel, Outside, Place, Principal, Subject};
use super::room::RoomId;

/// How long a request for access can be answered.
pub const ANSWERED_WITHIN: SignedDuration = SignedDuration::from_hours(24);
/// How many admins the bot writes to where no channel of admins is announced to.
pub const MOST_ADMINS: usize = 10;
/// The answers that buttons offer: what is written on each, and what is typed for it.
const ANSWERS: [(&str, &str); 3] = [("8 h", "8h"), ("1 h", "1h"), ("No", "no")];

/// A request for access as it stands: moderator, for one room, in one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessRequest {
    /// The operation that made it.
    pub operation: OperationId,
    /// Who asks.
    pub person: Subject,
    /// Their name at that time: a caption.
    pub name: Option<String>,
    /// For which room.
    pub room: RoomId,
    /// Where.
    pub channel: Channel,
    /// Why, in their words.
    pub reason: Option<String>,
    /// When.
    pub asked_at: Timestamp,
    /// From when on it cannot be answered any more.
    pub lapses_at: Timestamp,
    /// How it was answered.
    pub answer: Option<AccessAnswer>,
}

/// How a request for access was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessAnswer {
    /// The operation that did it.
    pub operation: OperationId,
    /// Who did.
    pub by: Option<Subject>,
    /// Their name at that time: a caption.
    pub name: Option<String>,
    /// When.
    pub at: Timestamp,
    /// The grant that was made; `None` if the answer was no.
    pub grant: Option<GrantId>,
    /// When that ends.
    pub until: Option<Timestamp>,
}

/// Whom a request for access is shown to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addressee {
    /// Everybody in a channel.
    Channel(Channel),
    /// One person, in a direct message.
    Person(Subject),
}

impl Addressee {
    /// The channel, if it is one.
    pub fn channel(&self) -> Option<&Channel> {
        match self {
            Self::Channel(channel) => Some(channel),
            Self::Person(_) => None,
        }
    }
}

/// Why a request for access is not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotAnswered {
    /// The operation asks for no access.
    #[error("operation {0} asks for no access")]
    NoRequest(OperationId),
    /// Its time is over.
    #[error("the request for access lapsed")]
    Lapsed(Box<AccessRequest>),
    /// Somebody was faster.
    #[error("the request for access was answered before")]
    Answered(Box<AccessRequest>),
    /// Nobody gives themselves access.
    #[error("nobody answers their own request for access")]
    Own(OperationId),
}

impl AccessRequest {
    /// Whether it can be answered now, apart from what the ACL says of rights. `links` are the accounts that both people
    /// have and had.
    ///
    /// # Errors
    /// When it was answered, has lapsed, or is the answerer's own.
    pub fn check(&self, by: &Subject, links: &[AclSetting], now: Timestamp) -> Result<(), NotAnswered> {
        if self.answer.is_some() {
            Err(NotAnswered::Answered(Box::new(self.clone())))
        } else if now >= self.lapses_at {
            Err(NotAnswered::Lapsed(Box::new(self.clone())))
        } else if is_one_person(&self.person, by, links, self.asked_at, now) {
            Err(NotAnswered::Own(self.operation))
        } else {
            Ok(())
        }
    }

    /// The grant that answers it with yes, and why it is made.
    pub fn grant(&self, expires_at: Timestamp) -> (NewGrant, String) {
        let reason = format!("asked for in op {}", self.operation);
        let reason = match &self.reason {
            Some(why) => format!("{reason}: {why}"),
            None => reason,
        };
        let grant = NewGrant {
            subject: self.person.clone(),
            role: Role::Moderator,
            effect: Effect::Permit,
            rooms: RoomScope::Exact(self.room.clone()),
            channels: vec![self.channel.clone()],
            expires_at: Some(expires_at),
        };
        (grant, reason)
    }

    /// What an admin needs permission for who answers it.
    pub fn action(&self) -> Action {
        Action::EditAcl(vec![RoomScope::Exact(self.room.clone())])
    }
}

/// The line that asks for access.
pub fn asking(room: &RoomId, reason: Option<&str>) -> Invocation {
    let line = Invocation::named(CommandGroup::Owner, &["ask"]).with("room", room);
    reason.into_iter().fold(line, |line, reason| line.with("reason", reason))
}

/// The line that answers a request: `8h`, `no`.
pub fn answering(operation: OperationId, answer: &str) -> Invocation {
    let line = Invocation::named(CommandGroup::Acl, &["answer"]);
    line.with("operation", operation).with("answer", answer)
}

/// The buttons under a request that is shown to admins.
pub fn answers(operation: OperationId, lapses_at: Timestamp) -> Vec<Offer> {
    let offer = |(label, answer): (&str, &str)| {
        Offer::line(label.to_owned(), &answering(operation, answer), lapses_at)
    };
    ANSWERS.into_iter().filter_map(offer).collect()
}

impl Denial {
    /// Whether a grant for the room could change it.
    pub fn is_for_want_of_a_grant(&self) -> bool {
        match self {
            Self::NoGrant
            | Self::Lapsed(..)
            | Self::NotYet(..)
            | Self::OutOfScope(_)
            | Self::OtherChannels(_)
            | Self::WrongRole(_) => true,
            Self::ChannelNotAuthorised
            | Self::ChannelNotForRoom(_)
            | Self::DeniedBy(_)
            | Self::GroupUnread(..)
            | Self::Elsewhere
            | Self::ForeignOrigin(_) => false,
        }
    }
}

/// Who may give somebody access.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Granters {
    /// People, as far as they are known by themselves or as members of a group.
    pub people: BTreeSet<Subject>,
    /// Groups of whose members some may.
    pub groups: BTreeSet<Subject>,
}

impl Granters {
    /// Those who may give `asker` access to the room in this channel. `admins` are the grants of the role admin, deny
    /// entries too; `channels` the entries for the channel.
    #[must_use]
    pub fn of(
        asker: &Subject,
        (room, channel): (&RoomId, &Channel),
        admins: &[Grant],
        channels: &[AuthorisedChannel],
        known: &Known,
        now: Timestamp,
    ) -> Self {
        let acl = AclView { grants: admins.to_vec(), channels: channels.to_vec(), ..AclView::default() };
        let may = |who: &Principal| {
            let action = Action::EditAcl(vec![RoomScope::Exact(room.clone())]);
            matches!(decide(who, &Place::Channel(channel.clone()), action, &acl, now), Decision::Permit(_))
        };
        let mut granters = Self::default();
        for subject in live_admins(admins, now).map(|grant| &grant.subject).filter(|it| it.is_of(channel)) {
            if !subject.is_group() {
                granters.people.insert(subject.clone());
                continue;
            }
            let somebody = Principal { outside: Outside::AllOthers, ..Principal::new(subject.clone()) };
            if may(&somebody) {
                granters.groups.insert(subject.clone());
            }
            granters.people.extend(known.people_in(subject, now));
        }
        granters.people.retain(|person| person != asker && may(&as_known(person, known, now)));
        granters
    }

    /// Whether nobody may.
    pub fn is_empty(&self) -> bool {
        self.people.is_empty() && self.groups.is_empty()
    }
}

/// Somebody with what is known of their groups. Of a person of Discord no role is known but the one that all have.
fn as_known(person: &Subject, known: &Known, now: Timestamp) -> Principal {
    let Subject::DiscordUser { guild, .. } = person else { return known.principal(person.clone(), now) };
    let everyone = Subject::DiscordRole { guild: guild.clone(), role: guild.clone() };
    Principal { groups: vec![everyone], ..Principal::new(person.clone()) }
}
