//! What pages there are, what stands on them, and why there is none.

use crate::domain::access::Action;
use crate::domain::audit::OperationId;
pub(super) use crate::domain::command::Section as Part;
use crate::domain::session::NotSignedIn;
use crate::page::When;

/// The pages that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What happened lately, and how things are.
    Overview,
    /// The log.
    Log,
    /// The live rooms.
    Rooms,
    /// Who may do what.
    Access,
    /// Who is signed in.
    Sessions,
}

impl Section {
    /// Every one, in the order of the navigation.
    pub(super) const ALL: [Self; 5] = [Self::Overview, Self::Log, Self::Rooms, Self::Access, Self::Sessions];

    /// What takes a person there. What is done there is decided about by itself.
    pub(super) fn needs(self) -> Action {
        match self {
            Self::Overview | Self::Log => Action::ReadAudit,
            Self::Access => Action::ReadAcl(None),
            Self::Rooms | Self::Sessions => Action::UseConsole,
        }
    }

    /// Where it is.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Log => "/log",
            Self::Rooms => "/rooms",
            Self::Access => "/access",
            Self::Sessions => "/sessions",
        }
    }
}

/// A change of the ACL that a form asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// To give a role.
    Grant,
    /// To deny one.
    Deny,
    /// To take a grant or a deny entry back.
    Revoke,
    /// To authorise a channel.
    Allow,
    /// To authorise it no more.
    Remove,
    /// To announce in a channel.
    Announce,
    /// To announce nothing more there.
    StopAnnouncing,
    /// To link somebody to an account.
    Link,
    /// To forget that.
    Unlink,
    /// To mark rooms, or no more.
    Mark,
}

impl Change {
    /// Every one.
    pub(super) const ALL: [Self; 10] = [
        Self::Grant,
        Self::Deny,
        Self::Revoke,
        Self::Allow,
        Self::Remove,
        Self::Announce,
        Self::StopAnnouncing,
        Self::Link,
        Self::Unlink,
        Self::Mark,
    ];

    /// The words of `/room-acl` that ask for it.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Self::Grant => &["grant"],
            Self::Deny => &["deny"],
            Self::Revoke => &["revoke"],
            Self::Allow => &["channel", "allow"],
            Self::Remove => &["channel", "remove"],
            Self::Announce => &["announce", "here"],
            Self::StopAnnouncing => &["announce", "off"],
            Self::Link => &["link"],
            Self::Unlink => &["unlink"],
            Self::Mark => &["room"],
        }
    }

    /// Its name in forms and addresses.
    pub(super) fn name(self) -> String {
        self.words().join("-")
    }

    /// The change of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.name() == name)
    }

    /// The part of the ACL that it changes.
    pub(super) fn part(self) -> Part {
        match self {
            Self::Grant | Self::Deny | Self::Revoke => Part::Live,
            Self::Allow | Self::Remove => Part::Channels,
            Self::Announce | Self::StopAnnouncing => Part::Announcements,
            Self::Link | Self::Unlink => Part::Links,
            Self::Mark => Part::Rooms,
        }
    }

    /// Whether it is about the channel in which it is asked for, unless it names another.
    pub(super) fn is_of_a_channel(self) -> bool {
        matches!(self, Self::Allow | Self::Remove | Self::Announce | Self::StopAnnouncing)
    }
}

/// Why there is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Nobody is signed in.
    SignedOut,
    /// The visitor has just left.
    Left,
    /// The link does not sign in.
    Link(NotSignedIn),
    /// Too many came to sign-in links.
    TooManySignIns,
    /// A form came from another site, or without its token.
    OtherSite,
    /// The form cannot be read.
    Form,
    /// What was asked for may not be asked for. It is on record.
    Denied(Option<OperationId>),
    /// There is no such operation, or it may not be seen.
    NoOperation,
    /// Too many requests.
    TooMany,
    /// The log cannot be written or read.
    Store,
    /// What was asked for cannot be understood; the text says why.
    Wrong(String),
}

/// A piece of a line.
pub(super) enum Piece {
    /// Our own words.
    Text(String),
    /// Somebody else's.
    Code(String),
    /// Somebody or something by its name, and its id.
    Named(String, String),
    Time(When),
}
