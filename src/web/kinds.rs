//! What pages there are, and why there is none.

use crate::domain::access::Action;
use crate::domain::audit::OperationId;
use crate::domain::session::NotSignedIn;

/// The pages that the navigation leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// What happened lately, and how things are.
    Overview,
    /// The log.
    Log,
    /// Who is signed in.
    Sessions,
}

impl Section {
    /// Every one, in the order of the navigation.
    pub(super) const ALL: [Self; 3] = [Self::Overview, Self::Log, Self::Sessions];

    /// What takes a person there. What is done there is decided about by itself.
    pub(super) fn needs(self) -> Action {
        match self {
            Self::Overview | Self::Log => Action::ReadAudit,
            Self::Sessions => Action::UseConsole,
        }
    }

    /// Where it is.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/overview",
            Self::Log => "/log",
            Self::Sessions => "/sessions",
        }
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
